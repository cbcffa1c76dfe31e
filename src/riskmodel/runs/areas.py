"""Municipalities and the state: what they may see of a run, small numbers hidden before anything is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from riskmodel.disclosure.policy import Policy
from riskmodel.latvia import municipalities
from riskmodel.runs.area_counts import LEVELS, STATE, past_subjects, present_subjects, silent_schools
from riskmodel.runs.area_release import Figures, Shown, Unit, release_areas
from riskmodel.runs.columns import json_text
from riskmodel.runs.extracts import about_run, records
from riskmodel.runs.publish import Store
from riskmodel.runs.released import earlier_runs, ledger_rows, read_ledger
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.areas import MUNICIPALITY_SUMMARY, RELEASED_CELL, STATE_SUMMARY
from riskmodel.views.area_extract import (
    NO_DATA,
    PRESENT_FIGURES,
    SHOWN,
    SUPPRESSED,
    TREND_FIGURES,
    figure,
    municipality_extract,
    state_extract,
)

RUNS_COMPARED = 8
STATE_FILE = "extracts/state.json"
SCHOOL_FIGURES = tuple(code for code in PRESENT_FIGURES if code not in {"high", "medium"})
OUTCOMES_OF_SCHOOLS = ("known", "left")

Row = Mapping[str, Any]


def write_areas(run: SemesterRun, n_min: int, n_min_decision: str) -> pd.DataFrame:
    """Write the extracts and summaries of municipalities and the state, and the ledger; return the state's summary.

    Parameters
    ----------
    run
        With its scores, cohorts and school summary.
    n_min, n_min_decision
        The rule on small numbers, and who decided on it.
    """
    policy = Policy(n_min=n_min, decision=n_min_decision)
    before = earlier_runs(run.store, run.folder.name)
    present, past = present_subjects(run), past_subjects(run)
    days = {subject.on for subjects in (present, *past) for subject in subjects}
    shown = release_areas(present, past, policy, read_ledger(run.store, before, days), run.folder.name)
    run.write(RELEASED_CELL, ledger_rows(shown.new))
    areas = Areas(run, shown, _rule(policy))
    earlier_states = [_state_of(run, manifest.run_id) for manifest in before]
    areas.write_extracts([state for state in earlier_states if state is not None])
    run.write(MUNICIPALITY_SUMMARY, pd.DataFrame(areas.municipality_rows()))
    return run.write(STATE_SUMMARY, pd.DataFrame(areas.state_rows()))


def _rule(policy: Policy) -> dict[str, Any]:
    return {"n_min": policy.n_min, "is_zero_small": policy.is_zero_small, "decision": policy.decision}


def _state_of(run: SemesterRun, run_id: str) -> dict[str, Any] | None:
    path = Store(run.store).run(run_id) / STATE_FILE
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


@dataclass(frozen=True)
class Areas:
    """The areas of a run with their names, and what may be shown of them."""

    run: SemesterRun
    shown: Shown
    rule: Row

    @cached_property
    def about(self) -> dict[str, Any]:
        """What every extract says of the run."""
        return about_run(self.run)

    @cached_property
    def schools(self) -> dict[str, dict[str, Any]]:
        """The rows of ``school_summary`` by school."""
        return {str(row["school_id"]): row for row in records(self.run.read("school_summary"))}

    @cached_property
    def names(self) -> dict[str, dict[str, str]]:
        """Name, kind and region of the municipalities that exist on the cut-off date."""
        return {
            one.code: {"name": one.name, "kind": one.kind, "region": one.planning_region}
            for one in municipalities(self.run.cut_off)
        }

    @cached_property
    def silent(self) -> dict[str, list[str]]:
        """The domains on which a school sent nothing, by school; schools that sent something on each are not in it."""
        by_domain = silent_schools(self.run, list(self.schools))
        found: dict[str, list[str]] = {}
        for domain, schools in by_domain.items():
            for school in sorted(schools):
                found.setdefault(school, []).append(domain)
        return found

    def figures(self, unit: Unit) -> Figures:
        """Return the present figures of a unit in their order, places and gap among them."""
        found = self.shown.present.get(unit, {})
        places = self._places(unit)
        gap = figure(None, SUPPRESSED)
        if NO_DATA in (places["state"], found.get("identified", figure(None, NO_DATA))["state"]):
            gap = figure(None, NO_DATA)
        elif places["state"] == found["identified"]["state"] == SHOWN:
            gap = figure(max(found["identified"]["count"] - places["count"], 0))
        own = {**found, "places": places, "gap": gap}
        codes = SCHOOL_FIGURES if unit[0] == "school" else PRESENT_FIGURES
        return {code: own.get(code, figure(None, NO_DATA)) for code in codes}

    def _places(self, unit: Unit) -> dict[str, Any]:
        rows = self._schools_of(unit)
        if not rows:
            return figure(None, NO_DATA)
        is_hidden = self.shown.present.get(unit, {}).get("pupils", {}).get("state") == SUPPRESSED
        if is_hidden and any(row["is_capacity_assumed"] for row in rows):
            return figure(None, SUPPRESSED)  # a share of the pupils would tell how many they are
        return figure(sum(int(row["places"]) for row in rows))

    def _schools_of(self, unit: Unit) -> list[Row]:
        units = [unit]
        while units and units[0][0] != "school":
            units = [below for one in units for below in self.shown.below(one)]
        return [self.schools[code] for _, code in units if code in self.schools]

    def area(self, unit: Unit) -> dict[str, Any]:
        """Return an area as the extracts hold it."""
        kind, code = unit
        rows = self._schools_of(unit)
        named = self.names.get(code, {"name": code, "kind": kind, "region": self.shown.parents.get(unit, ("", ""))[1]})
        return {
            "code": code,
            **named,
            "schools": len(rows),
            "silent_schools": sum(str(row["school_id"]) in self.silent for row in rows),
            "schools_with_assumed_places": sum(bool(row["is_capacity_assumed"]) for row in rows),
            "figures": self.figures(unit),
        }

    def school(self, school_id: str) -> dict[str, Any]:
        """Return a school as its municipality's extract holds it."""
        row = self.schools.get(school_id, {})
        return {
            "school_id": school_id,
            "school_name": row.get("school_name"),
            "school_kind": row.get("school_kind"),
            "is_places_assumed": bool(row.get("is_capacity_assumed", False)),
            "silent_on": self.silent.get(school_id, []),
            "figures": self.figures(("school", school_id)),
        }

    def write_extracts(self, earlier_states: Sequence[Row]) -> None:
        """Write the extract of every municipality and of the state."""
        folder = self.run.folder / "extracts" / "municipality"
        folder.mkdir(parents=True, exist_ok=True)
        codes = sorted({*self.names, *self.shown.units("municipality")})
        listed = {code: self.area(("municipality", code)) for code in codes}
        regions = [self.area(("region", code)) for code in self.shown.units("region")]
        state = self.area(("state", STATE))
        trend = [*_earlier_trend(self.run, earlier_states), self._now({**listed, STATE: state})]
        for code, one in listed.items():
            parts = {
                "schools": [self.school(school) for _, school in self.shown.below(("municipality", code))],
                "neighbours": [
                    {**other, "figures": {name: other["figures"][name] for name in TREND_FIGURES}}
                    for other in listed.values()
                    if other["region"] == one["region"] and other["code"] != code
                ],
                "region": next((region for region in regions if region["code"] == one["region"]), None),
                "state": state,
                "outcomes": list(self._outcomes(code)),
                "trend": [{**point, "areas": _only(point["areas"], (code, STATE))} for point in trend],
                "held": self.shown.held,
            }
            extract = municipality_extract(self.about, self.rule, one, parts)
            (folder / f"{code}.json").write_text(json_text(extract) + "\n", "utf-8")
        extract = state_extract(
            self.about,
            self.rule,
            state=state,
            regions=regions,
            municipalities=list(listed.values()),
            outcomes=list(self._outcomes(None)),
            trend=trend,
            silent=self._silent_rows(),
            held=self.shown.held,
        )
        (self.run.folder / STATE_FILE).write_text(json_text(extract) + "\n", "utf-8")

    def _now(self, areas: Mapping[str, Row]) -> dict[str, Any]:
        figures = {code: _only(one["figures"], TREND_FIGURES) for code, one in areas.items()}
        return {"run_id": self.run.folder.name, "cut_off_on": self.run.cut_off, "areas": figures}

    def _outcomes(self, municipality: str | None) -> Iterator[dict[str, Any]]:
        """Yield the past cohorts: of one municipality with its schools, or of all larger units."""
        held = {
            one["subject_on"]: one["reason_code"] for one in self.shown.held if one["cut_code"] in {"known", "left"}
        }
        for on, figures in self.shown.past.items():
            own = [("municipality", municipality), ("state", STATE)]
            chosen = {
                unit: found
                for unit, found in figures.items()
                if unit[0] != "school" and (municipality is None or unit in own)
            }
            mine = self.shown.below(("municipality", municipality or ""))
            yield {
                "school_year_on": on,
                "held_because": held.get(on, ""),
                "areas": {code: found for (_, code), found in chosen.items()},
                "schools": {
                    code: _only(figures[kind, code], OUTCOMES_OF_SCHOOLS)
                    for kind, code in mine
                    if (kind, code) in figures
                },
            }

    def _silent_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "school_id": school,
                "school_name": self.schools[school]["school_name"],
                "municipality_code": self.shown.parents.get(("school", school), ("", ""))[1],
                "silent_on": domains,
            }
            for school, domains in sorted(self.silent.items())
        ]

    def municipality_rows(self) -> list[dict[str, Any]]:
        """Return the rows of ``municipality_summary``."""
        return [
            {"municipality_code": code, **row}
            for code in self.shown.units("municipality")
            for unit in [("municipality", code), *self.shown.below(("municipality", code))]
            for row in self._rows(unit)
        ]

    def state_rows(self) -> list[dict[str, Any]]:
        """Return the rows of ``state_summary``."""
        return [row for kind in LEVELS[1:] for code in self.shown.units(kind) for row in self._rows((kind, code))]

    def _rows(self, unit: Unit) -> Iterator[dict[str, Any]]:
        present = {self.run.cut_off.isoformat(): self.figures(unit)}
        past = {on: figures[unit] for on, figures in self.shown.past.items() if unit in figures}
        for on, figures in [*present.items(), *past.items()]:
            for code, one in figures.items():
                yield {
                    "unit_kind": unit[0],
                    "unit_code": unit[1],
                    "subject_on": pd.Timestamp(on).date(),
                    "figure_code": code,
                    "count": one["count"],
                    "state_code": one["state"],
                }


def _earlier_trend(run: SemesterRun, states: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what the trend holds of earlier runs: the last one of each earlier cut-off date."""
    newest: dict[str, dict[str, Any]] = {}
    for state in states:
        point = state["trend"][-1]
        if point["cut_off_on"] < run.cut_off.isoformat():
            newest[point["cut_off_on"]] = dict(point)
    return [newest[on] for on in sorted(newest)][-RUNS_COMPARED:]


def _only(found: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}
