"""Invented extracts of a municipality and of the state: what the tests of their pages read. Hidden figures among them."""

from __future__ import annotations

import random
from datetime import date

from riskmodel.latvia import municipalities
from riskmodel.views.area_extract import (
    NO_DATA,
    PRESENT_FIGURES,
    STATE_CODE,
    SUPPRESSED,
    TREND_FIGURES,
    figure,
    municipality_extract,
    state_extract,
)

CODE = "LV0001000"
SILENT, HIDDEN = "LV0056000", "LV0036000"
RULE = {"n_min": 10, "is_zero_small": True, "decision": "invented"}
DAYS = ("2025-11-22", "2026-05-22", "2026-11-22")
HELD = [
    {
        "cut_code": "left",
        "subject_on": "2024-09-01",
        "reason_code": "changed_by_few",
        "shown_from_run_id": "2025-11-22-0123456789ab",
    }
]


def figures(seed: str, size: int = 900) -> dict:
    source = random.Random(seed)
    pupils = source.randint(size // 2, size)
    identified, places = pupils // source.randint(5, 15), pupils // 10
    counts = {
        "pupils": pupils,
        "identified": identified,
        "places": places,
        "gap": max(identified - places, 0),
        "supported": pupils // 12,
        "no_data_attendance": 0,
        "no_data_learning": pupils // 20,
        "no_data_economic": 0,
    }
    found = {code: figure(counts[code]) if code in counts else figure(None, SUPPRESSED) for code in PRESENT_FIGURES}
    if seed == SILENT:
        found = {code: figure(None, NO_DATA) for code in PRESENT_FIGURES}
    if seed == HIDDEN:
        found |= {code: figure(None, SUPPRESSED) for code in ("identified", "gap")}
    return found


def area(code: str, name: str, kind: str, region: str, size: int = 900) -> dict:
    named = {"code": code, "name": name, "kind": kind, "region": region}
    counts = {"schools": 0 if code == SILENT else 3, "silent_schools": 1, "schools_with_assumed_places": 1}
    return {**named, **counts, "figures": figures(code, size)}


def _areas() -> list[dict]:
    return [area(one.code, one.name, one.kind, one.planning_region) for one in municipalities(date(2026, 11, 22))]


def _regions() -> list[dict]:
    return [
        area(name, name, "region", STATE_CODE, 9000) for name in ("Kurzeme", "Latgale", "Rīga", "Vidzeme", "Zemgale")
    ]


def _outcomes(codes: list[str], schools: list[str]) -> list[dict]:
    def known(code: str) -> dict:
        return {"known": figures(code)["pupils"], "left": figure(None, SUPPRESSED) if code == "101" else figure(14)}

    return [
        {
            "school_year_on": on,
            "held_because": "",
            "areas": {code: known(code) for code in codes},
            "schools": {code: known(code) for code in schools},
        }
        for on in ("2024-09-01", "2025-09-01")
    ]


def _trend(codes: list[str]) -> list[dict]:
    return [
        {
            "run_id": f"{day}-0123456789ab",
            "cut_off_on": day,
            "areas": {
                code: {name: found for name, found in figures(code + day[:7]).items() if name in TREND_FIGURES}
                for code in codes
            },
        }
        for day in DAYS
    ]


def municipality(run: dict, schools: dict[str, str]) -> dict:
    """Return the extract of Rīga with schools by id and name; the first has hidden figures, the last sent nothing."""
    areas = _areas()
    listed = []
    for number, (school_id, name) in enumerate(schools.items()):
        found = {code: one for code, one in figures(school_id, 300).items() if code not in {"high", "medium"}}
        if number == 0:
            found |= {code: figure(None, SUPPRESSED) for code in ("identified", "gap", "supported")}
        silent = ["attendance"] if number == len(schools) - 1 else []
        if silent:
            found["no_data_attendance"] = figure(None, NO_DATA)
        listed.append(
            {
                "school_id": school_id,
                "school_name": name,
                "school_kind": "general",
                "is_places_assumed": number == 1,
                "silent_on": silent,
                "figures": found,
            }
        )
    parts = {
        "schools": listed,
        "neighbours": [one for one in areas if one["region"] == "Rīga" and one["code"] != CODE],
        "region": next(one for one in _regions() if one["code"] == "Rīga"),
        "state": area(STATE_CODE, STATE_CODE, "state", "", 90_000),
        "outcomes": _outcomes([CODE, STATE_CODE], list(schools)),
        "trend": _trend([CODE, STATE_CODE]),
        "held": HELD,
    }
    return municipality_extract(run, RULE, next(one for one in areas if one["code"] == CODE), parts)


def state(run: dict) -> dict:
    """Return the extract of the state: one municipality without data, one with hidden figures."""
    areas, regions = _areas(), _regions()
    codes = [STATE_CODE, *(one["code"] for one in (*regions, *areas))]
    return state_extract(
        run,
        RULE,
        state=area(STATE_CODE, STATE_CODE, "state", "", 90_000),
        regions=regions,
        municipalities=areas,
        outcomes=_outcomes(codes, []),
        trend=_trend([STATE_CODE, CODE]),
        silent=[
            {
                "school_id": "103",
                "school_name": "<b>Klusā</b> skola",
                "municipality_code": SILENT,
                "silent_on": ["attendance", "learning"],
            }
        ],
        held=HELD,
    )
