"""All routes of the portal, built from nothing; each declares the view whose policy it asks, or that it is open to all.

There is no route to kernels, contents, files, sockets or anything else of Jupyter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from riskmodel.portal import (
    area_pages,
    files,
    order_pages,
    plan_pages,
    planning_pages,
    school_pages,
    shared_pages,
    statistics_pages,
    steward_pages,
)
from riskmodel.portal.desk import Desk
from riskmodel.portal.handlers import OPEN, PortalHandler
from riskmodel.portal.identity import Door
from riskmodel.portal.local import LogoutHandler

LANGUAGE, SCHOOL = r"(lv|en)/", r"(lv|en)/school/([0-9]{1,10})"
PUPIL = SCHOOL + r"/pupil/([0-9A-F]{6,32})"
PLAN = r"(lv|en)/plan/([0-9]{3}-[0-9]{6,9}-[0-9]{2})"
PLAN_FORMS = "/(contents|step|assessment|closing|certificate|compensation|decision|documents|acknowledgement|cancelled)"
MUNICIPALITY, SHEET = LANGUAGE + r"municipality/(LV[0-9]{7})", r"/table\.(csv|xlsx)"


@dataclass(frozen=True)
class Route:
    """Addresses (a pattern below the base path), who answers, and the view that the policy is asked for."""

    pattern: str
    handler: type[PortalHandler]
    access: str


ROUTES: tuple[Route, ...] = (
    Route("", shared_pages.RootHandler, OPEN),
    Route(LANGUAGE, shared_pages.HomeHandler, "home"),
    Route(LANGUAGE + "logout", LogoutHandler, "home"),
    Route(LANGUAGE + "support", shared_pages.CatalogueHandler, "catalogue"),
    Route(LANGUAGE + "about", shared_pages.AboutHandler, "about"),
    Route(SCHOOL, school_pages.SchoolHandler, "school"),
    Route(PUPIL, school_pages.PupilHandler, "pupil"),
    Route(PUPIL + "/(panel)", school_pages.PupilHandler, "pupil"),
    Route(PUPIL + "/plan", planning_pages.PlanningHandler, "planning"),
    Route(PUPIL + "/plan/(answers|consent|begin)", planning_pages.PlanningFormHandler, "planning"),
    Route(LANGUAGE + "tasks", plan_pages.TasksHandler, "tasks"),
    Route(LANGUAGE + "statistics", statistics_pages.StatisticsHandler, "statistics"),
    Route(PLAN, plan_pages.PlanHandler, "plan"),
    Route(PLAN + "/consultation", plan_pages.ConsultationHandler, "consultation"),
    Route(PLAN + PLAN_FORMS, plan_pages.PlanFormHandler, "plan"),
    Route(SCHOOL + "/orders", order_pages.OrdersHandler, "orders"),
    Route(SCHOOL + "/orders/(order|end|staff)", order_pages.OrderFormHandler, "orders"),
    Route(MUNICIPALITY, area_pages.MunicipalityHandler, "municipality"),
    Route(MUNICIPALITY + SHEET, area_pages.MunicipalityFileHandler, "municipality"),
    Route(LANGUAGE + "state", area_pages.StateHandler, "state"),
    Route(LANGUAGE + "state" + SHEET, area_pages.StateFileHandler, "state"),
    Route(LANGUAGE + "runs", steward_pages.RunsHandler, "runs"),
    Route(LANGUAGE + "audit", steward_pages.AuditHandler, "audit"),
    Route(LANGUAGE + "accounts", steward_pages.AccountsHandler, "accounts"),
    Route(PUPIL + "/notice", school_pages.NoticeHandler, "notice"),
    Route(SCHOOL + "/places", school_pages.PlacesHandler, "capacity"),
    Route(SCHOOL + r"/list\.(csv|xlsx|pdf)", files.ListHandler, "school"),
    Route(PUPIL + r"/sheet\.(csv|xlsx|pdf)", files.SheetHandler, "pupil"),
    Route(PUPIL + r"/notice\.(pdf)", files.NoticeFileHandler, "notice"),
    Route(r"static/([a-z]{1,20}\.[0-9a-f]{16}\.(?:css|js))", shared_pages.StaticHandler, OPEN),
    Route("health", shared_pages.HealthHandler, OPEN),
)


def routes_with(door: Door) -> tuple[Route, ...]:
    """Return all routes: the portal's own and those of a door."""
    return (*ROUTES, *(Route(pattern, handler, OPEN) for pattern, handler in door.own_routes()))


def as_rules(desk: Desk) -> list[tuple[str, type[PortalHandler], dict[str, Any]]]:
    """Return the routes as tornado takes them, below the base path."""
    base = re.escape(desk.front.base)
    return [
        (f"{base}{route.pattern}", route.handler, {"desk": desk, "access": route.access})
        for route in routes_with(desk.door)
    ]
