"""Every route declares whose policy it asks, and answers through the portal's own handlers."""

from __future__ import annotations

from riskmodel.portal.handlers import OPEN, PageHandler, PortalHandler
from riskmodel.portal.local import LocalDoor, LoginHandler
from riskmodel.portal.policy import RULES
from riskmodel.portal.routes import ROUTES, Route

OPEN_TO_ALL = {"RootHandler", "StaticHandler", "HealthHandler", "LoginHandler"}


def _all_routes() -> list[Route]:
    return [*ROUTES, *(Route(pattern, handler, OPEN) for pattern, handler in LocalDoor().own_routes())]


def test_every_route_answers_through_the_portal_s_own_handler():
    assert [route.pattern for route in _all_routes() if not issubclass(route.handler, PortalHandler)] == []


def test_every_route_names_a_view_of_the_policy_or_is_on_the_short_list_of_what_is_open():
    assert {route.handler.__name__ for route in _all_routes() if route.access == OPEN} == OPEN_TO_ALL
    assert [route.pattern for route in _all_routes() if route.access not in {OPEN, *RULES}] == []


def test_what_is_not_open_is_shown_by_a_handler_that_asks_the_policy():
    guarded = [route for route in _all_routes() if route.access != OPEN]
    assert [route.pattern for route in guarded if not issubclass(route.handler, PageHandler)] == []


def test_no_pattern_is_declared_twice():
    patterns = [route.pattern for route in _all_routes()]
    assert len(patterns) == len(set(patterns))


def test_the_door_of_accounts_has_a_form_and_no_shared_token():
    door = LocalDoor()
    assert [handler for _, handler in door.own_routes()] == [LoginHandler]
    assert (door.token, door.get_handlers(), door.is_token_authenticated(None)) == ("", [], False)
