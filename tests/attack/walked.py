"""An address for every route of the portal, filled in with a school, a pupil and a municipality."""

from __future__ import annotations

from dataclasses import dataclass

import portal_pages
from served_portal import CODES, FOREIGN, MUNICIPALITY, OTHER_MUNICIPALITY, OWN, PLANS

from riskmodel.portal.handlers import OPEN
from riskmodel.portal.local import LocalDoor
from riskmodel.portal.routes import Route, routes_with

STATIC = "portal.0123456789abcdef.css"


@dataclass(frozen=True)
class Unit:
    """What an address is about."""

    school_id: str
    code: str
    municipality_code: str
    plan_code: str


MINE = Unit(OWN, CODES[OWN][0], MUNICIPALITY, PLANS[OWN])
NOT_MINE = Unit(FOREIGN, CODES[FOREIGN][0], OTHER_MUNICIPALITY, PLANS[FOREIGN])
NOWHERE = Unit("999", "ABCDEF", "LV0007777", "261-999999-00")

ALL_ROUTES = routes_with(LocalDoor())
GUARDED = [route for route in ALL_ROUTES if route.access != OPEN]


def is_read(route: Route) -> bool:
    """Whether a route has something to show, and not only a form to take."""
    return "GET" in route.handler.SUPPORTED_METHODS


def address(route: Route, unit: Unit, *, language: str = "lv") -> str:
    """Return an address of a route that is about a unit."""
    of_unit = (language, unit.school_id, unit.code, unit.municipality_code, unit.plan_code, *portal_pages.FORMS)
    return portal_pages.filled(route.pattern, (*of_unit, "panel", *portal_pages.FILE_KINDS, STATIC))
