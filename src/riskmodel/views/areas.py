"""The pages of a municipality and of the state: counts, places, outcomes, completeness, and what had to stay hidden.

Pure functions of an extract (:mod:`riskmodel.views.area_extract`) and a language. Only the list of runs changes while a run
stays current (someone releases a held one): :func:`runs` draws it from what the portal hands over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from riskmodel.messages import Language, Message, message
from riskmodel.views import numbers, tile_map, trend_picture
from riskmodel.views.area_extract import NO_DATA, SHOWN, STATE_CODE, SUPPRESSED
from riskmodel.views.area_words import UNKNOWN_AREAS, Words
from riskmodel.views.pages import Addresses, Fragment, latvian_order, render

Row = Mapping[str, Any]

SHARE_STEPS = (0.05, 0.10, 0.15)
"""Where the shades of the map begin, as shares of the pupils."""

HELD_BECAUSE = {
    "units_differ": message("the schools are not the same as in the table shown before"),
    "changed_by_few": message("it differs by so few pupils that the difference would tell about them"),
    "more_to_hide": message("beside the table shown before it would show too much"),
    "too_few": message("there are too few pupils to show any of it"),
}
CUTS = {
    "pupils": message("Pupils"),
    "identified": message("Identified"),
    "supported": message("Had support"),
    "no_data_attendance": message("Without data on attendance"),
    "no_data_learning": message("Without data on learning results"),
    "no_data_economic": message("Without data on the economic situation"),
    "known": message("Known outcomes of a past cohort"),
    "left": message("Early leavers of a past cohort"),
}
RUNS_SLOT = Markup('<div class="slot" id="runs-slot"></div>')
"""Where the state's page leaves room for the runs that are held, and by whom one was released."""

RUN_STATES = {
    "current": message("current"),
    "earlier": message("earlier"),
    "released": message("released, earlier"),
    "held": message("held"),
    "damaged": message("damaged"),
    "unfinished": message("unfinished"),
}


@dataclass(frozen=True)
class AreaAddresses(Addresses):
    """The addresses of the portal's pages, with those of areas."""

    def municipality(self, code: str) -> str:
        """Return the address of a municipality's page."""
        return f"{self.base}{self.language}/municipality/{code}"

    def state(self) -> str:
        """Return the address of the state's page."""
        return f"{self.base}{self.language}/state"

    def municipality_file(self, code: str, kind: str) -> str:
        """Return the address of a municipality's tables as a file; ``kind`` is csv or xlsx."""
        return f"{self.municipality(code)}/table.{kind}"

    def state_file(self, kind: str) -> str:
        """Return the address of the state's tables as a file; ``kind`` is csv or xlsx."""
        return f"{self.state()}/table.{kind}"


def municipality(extract: Row, language: Language, addresses: AreaAddresses | None = None) -> Fragment:
    """Return the page of one municipality: its schools by name, its outcomes and trend, and its neighbours' totals."""
    own, say = extract["own"], Words(language)
    return render(
        "municipality.html.j2",
        language,
        addresses or AreaAddresses(language),
        extract=extract,
        own=own,
        say=say,
        schools=sorted(extract["schools"], key=lambda one: latvian_order(one["school_name"] or one["school_id"])),
        neighbours=sorted(extract["neighbours"], key=lambda one: latvian_order(one["name"])),
        outcomes=_outcomes(extract["outcomes"], [own["code"], STATE_CODE]),
        trend=trend_picture.trend(extract["trend"], own["code"], say.name(own), language),
        points=_points(extract["trend"], own["code"]),
        held=_held(extract["held"], language),
    )


def state(extract: Row, language: Language, addresses: AreaAddresses | None = None) -> Fragment:
    """Return the page of the state: regions and municipalities by name, with maps of need and of missing places."""
    say = Words(language)
    areas = sorted(extract["municipalities"], key=lambda one: latvian_order(one["name"]))
    regions = sorted(extract["regions"], key=lambda one: latvian_order(one["name"]))
    known = {one["code"]: one for one in (*areas, *regions, extract["state"])}
    return render(
        "state.html.j2",
        language,
        addresses or AreaAddresses(language),
        extract=extract,
        own=extract["state"],
        say=say,
        municipalities=areas,
        pages_of={one["code"] for one in areas} - set(UNKNOWN_AREAS),
        regions=regions,
        named=known,
        maps=[
            _map(areas, "identified", message("Identified, of 100 pupils"), language),
            _map(areas, "gap", message("Identified beyond the places, of 100 pupils"), language),
        ],
        outcomes=_outcomes(extract["outcomes"], [STATE_CODE, *(one["code"] for one in regions)]),
        by_municipality=_outcomes(extract["outcomes"][-1:], [one["code"] for one in areas]),
        trend=trend_picture.trend(extract["trend"], STATE_CODE, say.name(extract["state"]), language),
        points=_points(extract["trend"], STATE_CODE),
        runs_slot=RUNS_SLOT,
        silent=sorted(extract["silent"], key=lambda one: latvian_order(one["school_name"] or one["school_id"])),
        held=_held(extract["held"], language),
    )


def runs(listed: Sequence[Row], language: Language) -> Fragment:
    """Return what the state is told of the runs of a store: which are held, and who released one, and why.

    Parameters
    ----------
    listed
        ``run_id, state, cut_off_date, finished_at, failed_gates`` (codes), ``released_by, released_at, reason`` (empty where
        nobody did), newest first.
    """
    return render("runs.html.j2", language, listed=listed, states=RUN_STATES)


def _map(areas: Sequence[Row], code: str, title: Message, language: Language) -> Markup:
    say, cells = Words(language), {}
    for area in areas:
        one, pupils = area["figures"][code], area["figures"]["pupils"]
        name = f"{say.name(area)}: "
        told = say.part_of(one, pupils)
        if told["state"] == SHOWN:
            share = one["count"] / pupils["count"]
            shade = sum(share >= step for step in SHARE_STEPS)
            text = numbers.number(100 * share, language)
            cells[area["code"]] = tile_map.Cell(text, shade, name + text)
        else:
            text = {NO_DATA: message("n/d"), SUPPRESSED: message("hid.")}[told["state"]].in_language(language)
            cells[area["code"]] = tile_map.Cell(text, None, name + say.count(told), told["state"])
    ends = [numbers.number(100 * step, language) for step in SHARE_STEPS]
    key = [
        (0, message("below {high}", high=ends[0])),
        *((place, message("{low} to below {high}", low=ends[place - 1], high=ends[place])) for place in (1, 2)),
        (3, message("{low} or more", low=ends[2])),
        (SUPPRESSED, message("hidden: too few to show")),
        (NO_DATA, message("no data")),
    ]
    return tile_map.tile_map(
        cells, title.in_language(language), [(look, said.in_language(language)) for look, said in key], language
    )


def _outcomes(cohorts: Sequence[Row], codes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the past cohorts, newest first, with the areas that are asked for in their order."""
    return [
        {**cohort, "rows": [{"code": code, **cohort["areas"][code]} for code in codes if code in cohort["areas"]]}
        for cohort in reversed(cohorts)
    ]


def _points(trend: Sequence[Row], code: str) -> list[dict[str, Any]]:
    return [{**point, "figures": point["areas"][code]} for point in trend if code in point["areas"]]


def _held(held: Sequence[Row], language: Language) -> list[dict[str, str]]:
    return [
        {
            "what": CUTS[one["cut_code"]].in_language(language),
            "on": one["subject_on"],
            "why": HELD_BECAUSE[one["reason_code"]].in_language(language),
            "from_run": one["shown_from_run_id"],
        }
        for one in held
    ]
