"""Every route declares whose policy it asks, and answers through the portal's own handlers; whichever door there is."""

from __future__ import annotations

import pytest

from riskmodel.portal.handlers import OPEN, PageHandler, PortalHandler
from riskmodel.portal.hub import HubDoor
from riskmodel.portal.hub_service import HubService
from riskmodel.portal.identity import Door
from riskmodel.portal.local import LocalDoor
from riskmodel.portal.policy import RULES
from riskmodel.portal.proxy import ProxyDoor
from riskmodel.portal.routes import routes_with

SERVICE = HubService("/services/portal/", "127.0.0.1", 8866, "/services/portal/oauth_callback", "/hub/", "", None)
DOORS: dict[str, Door] = {"local": LocalDoor(), "hub": HubDoor(SERVICE), "proxy": ProxyDoor(b"s" * 32)}
OPEN_WITH_ANY_DOOR = {"RootHandler", "StaticHandler", "HealthHandler"}
OPEN_WITH = {
    "local": {"LoginHandler"},
    "hub": {"HubLoginHandler", "HubCallbackHandler", "LoggedOutHandler"},
    "proxy": set(),
}


@pytest.fixture(params=DOORS)
def name(request):
    return request.param


@pytest.fixture
def routes(name):
    return routes_with(DOORS[name])


def test_every_route_answers_through_the_portal_s_own_handler(routes):
    assert [route.pattern for route in routes if not issubclass(route.handler, PortalHandler)] == []


def test_every_route_names_a_view_of_the_policy_or_is_on_the_short_list_of_what_is_open(routes, name):
    is_open = {route.handler.__name__ for route in routes if route.access == OPEN}
    assert is_open == OPEN_WITH_ANY_DOOR | OPEN_WITH[name]
    assert [route.pattern for route in routes if route.access not in {OPEN, *RULES}] == []


def test_what_is_not_open_is_shown_by_a_handler_that_asks_the_policy(routes):
    guarded = [route for route in routes if route.access != OPEN]
    assert [route.pattern for route in guarded if not issubclass(route.handler, PageHandler)] == []


def test_no_pattern_is_declared_twice(routes):
    patterns = [route.pattern for route in routes]
    assert len(patterns) == len(set(patterns))


def test_no_door_has_a_shared_token_or_a_route_of_jupyter(name):
    door = DOORS[name]
    assert (door.token, door.get_handlers(), door.is_token_authenticated(None)) == ("", [], False)
