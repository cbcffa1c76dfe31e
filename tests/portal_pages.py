"""Every address of the portal, taken from its own table of routes: a new page is tried from its first day."""

from __future__ import annotations

import re
from dataclasses import dataclass

import served_portal

from riskmodel.portal.handlers import OPEN
from riskmodel.portal.policy import RULES
from riskmodel.portal.routes import ROUTES, Route

CODE = served_portal.CODES[served_portal.OWN][0]
LANGUAGES = ("lv", "en")
GROUP = re.compile(r"\((?!\?)((?:[^()]|\(\?:[^()]*\))*)\)")
FORMS = ("answers", "contents", "order")
PLAN = served_portal.PLANS[served_portal.OWN]
SAMPLES = ("lv", served_portal.OWN, CODE, served_portal.MUNICIPALITY, PLAN, *FORMS, "panel", "csv", "xlsx", "pdf")
"""What may stand in an address where the pattern of a route has a group."""
FILE_KINDS = ("csv", "xlsx", "pdf")


@dataclass(frozen=True)
class Address:
    """One address of a route, and the logins that may ask for it, of the school and municipality that it names."""

    path: str
    view: str
    logins: tuple[str, ...]

    def __str__(self) -> str:
        return self.path


def filled(pattern: str, samples: tuple[str, ...]) -> str:
    """Return an address that a route's pattern matches: each group filled with the first sample that fits.

    Raises
    ------
    AssertionError
        For a group that no sample fits: add one.
    """

    def sample(group: re.Match[str]) -> str:
        found = next((text for text in samples if re.fullmatch(group[1], text)), None)
        assert found is not None, f"no sample for {group[1]} in the route {pattern}"
        return found

    return "/" + GROUP.sub(sample, pattern).replace("\\", "")


def _is_file(route: Route) -> bool:
    return route.pattern.endswith(")") and any(kind in route.pattern for kind in FILE_KINDS)


def _address(route: Route, samples: tuple[str, ...]) -> Address:
    roles = sorted(RULES[route.access].roles)
    return Address(filled(route.pattern, samples), route.access, tuple(f"{role}.{served_portal.OWN}" for role in roles))


def pages(language: str) -> list[Address]:
    """Return all pages (without files, forms' targets and the part of a page that its panel shows)."""
    return [
        _address(route, (language, *SAMPLES))
        for route in ROUTES
        if route.access != OPEN
        and "GET" in route.handler.SUPPORTED_METHODS
        and not _is_file(route)
        and "(panel)" not in route.pattern
    ]


def files(language: str) -> list[Address]:
    """Return all files that can be taken along."""
    found = []
    for route in ROUTES:
        if _is_file(route):
            kinds = [kind for kind in FILE_KINDS if re.search(rf"[(|]{kind}[|)]", route.pattern)]
            found += [_address(route, (language, *SAMPLES[:5], "panel", kind)) for kind in kinds]
    return found
