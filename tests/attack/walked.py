"""An address for every route of the portal, filled in with a school, a pupil and a municipality."""

from __future__ import annotations

import re
from dataclasses import dataclass

from served_portal import CODES, FOREIGN, MUNICIPALITY, OTHER_MUNICIPALITY, OWN

from riskmodel.portal.handlers import OPEN
from riskmodel.portal.local import LocalDoor
from riskmodel.portal.routes import ROUTES, Route

GROUP = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")


@dataclass(frozen=True)
class Unit:
    """What an address is about."""

    school_id: str
    code: str
    municipality_code: str


MINE = Unit(OWN, CODES[OWN][0], MUNICIPALITY)
NOT_MINE = Unit(FOREIGN, CODES[FOREIGN][0], OTHER_MUNICIPALITY)
NOWHERE = Unit("999", "ABCDEF", "LV0007777")

ALL_ROUTES = [*ROUTES, *(Route(pattern, handler, OPEN) for pattern, handler in LocalDoor().own_routes())]
GUARDED = [route for route in ALL_ROUTES if route.access != OPEN]


def is_read(route: Route) -> bool:
    """Whether a route has something to show, and not only a form to take."""
    return "GET" in route.handler.SUPPORTED_METHODS


def address(route: Route, unit: Unit, *, language: str = "lv") -> str:
    """Return an address that the route's pattern takes.

    Raises
    ------
    AssertionError
        For a pattern with a part that this walk does not know yet: add it here.
    """
    kinds = {
        "lv|en": language,
        "[0-9]{1,10}": unit.school_id,
        "[0-9A-F]{6,32}": unit.code,
        "panel": "panel",
        "[a-z]{1,20}\\.[0-9a-f]{16}\\.(?:css|js)": "portal.0123456789abcdef.css",
    }

    def fill(group: re.Match[str]) -> str:
        kind = group[1]
        if kind in kinds:
            return kinds[kind]
        if "csv" in kind or "pdf" in kind or "xlsx" in kind:
            return kind.split("|")[0]
        return unit.municipality_code

    found = "/" + GROUP.sub(fill, route.pattern).replace("\\.", ".")
    assert re.fullmatch("/" + route.pattern, found), f"no address for {route.pattern}: {found}"
    return found
