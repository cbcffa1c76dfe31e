"""How sure the scores of a run are (40_evaluation): sets, widths, who is set aside, and what was foretold, by past cohorts.

Each cohort is judged by what could be known on its cut-off date: its sets have limits from cohorts that had matured by then.
The present has those of all. Where support is learnt as a treatment, pupils with new support are not counted: scores are
as if none were given, and leavers who were kept by support are no fault of the model.

What is decided here is written into ``metrics.json``, and read when the present is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk import splits
from riskmodel.risk.capacity import Capacity, number_schools
from riskmodel.risk.doubt import aside, coverage, sets, width
from riskmodel.risk.doubt.sets import Sets
from riskmodel.risk.doubt.width import Width
from riskmodel.risk.drift import Foretold, foretold
from riskmodel.risk.label import Window
from riskmodel.runs.members import Members
from riskmodel.runs.semester import SemesterRun

NAME = "doubt"
"""The part of ``metrics.json`` that is decided here."""

STATES = ("unsure", "too_little_data")
"""Those who may be set aside, by their state."""


@dataclass(frozen=True)
class Spoken:
    """What the default model said of one cohort by one split; pupils stand at ``rows`` among the members of all cohorts."""

    cohort_on: date
    split_code: str
    raw_score: NDArray[np.float64]
    probability: NDArray[np.float64]
    label: NDArray[np.float64]
    school_id: pd.Series
    rows: NDArray[np.int64]
    traits: pd.DataFrame | None = None


@dataclass(frozen=True)
class Doubting:
    """What is asked for, from the settings of the run, and the places."""

    unsure_share: float
    capacity: Capacity
    replicates: int
    seed: int


@dataclass(frozen=True)
class Found:
    """The table ``coverage``, what was foretold of each cohort, and what the present is scored by."""

    coverage: pd.DataFrame
    foretold: list[dict[str, Any]]
    doubt: dict[str, Any]


def doubt(
    doubting: Doubting, members: Members, spoken: Sequence[Spoken], split: str, too_little: NDArray[np.bool_]
) -> Found:
    """Return how sure the scores are.

    Parameters
    ----------
    spoken
        Every cohort by the headline's ``split``, and by the strict one where it was made; oldest first.
    too_little
        Of which rows of all cohorts too little is known for an assessment.
    """
    said = [one for one in spoken if one.split_code == split]
    windows = {window.cut_off: window for window in members.windows}
    rows: list[coverage.Row] = []
    listed: dict[str, list[aside.Listed]] = {state: [] for state in STATES}
    for one in said:
        earlier = [
            other for other in said if splits.may_train(windows[other.cohort_on], windows[one.cohort_on], "mature")
        ]
        if not earlier:
            continue
        known = _sets(earlier, doubting.unsure_share)
        assert one.traits is not None
        rows += coverage.coverage_rows(one.cohort_on, known, one.probability, one.label, one.traits)
        has_little = too_little[one.rows]
        of_state = {"unsure": known.is_unsure(one.probability) & ~has_little, "too_little_data": has_little}
        for state, is_aside in of_state.items():
            listed[state].append(aside.Listed(one.raw_score, one.label, one.school_id, is_aside))
    judged = {
        state: aside.judge(cohorts, doubting.capacity, doubting.replicates, doubting.seed)
        for state, cohorts in listed.items()
    }
    final = _sets(said, doubting.unsure_share) if said else None
    wide = width.learn(_twice(members, spoken, said), _taught_left(members, members.windows[-1], "mature"))
    return Found(
        coverage.coverage_table(rows),
        [{"cohort_on": one.cohort_on.isoformat(), **_foretold(one, members).to_dict()} for one in said],
        {
            "sets": None if final is None else asdict(final),
            "width": None if wide is None else wide.to_dict(),
            "aside": {state: found.to_dict() for state, found in judged.items()},
        },
    )


@dataclass(frozen=True)
class Decided:
    """By what the present is scored; None where the past was too short to tell."""

    sets: Sets | None
    width: Width | None
    set_aside: tuple[str, ...]

    @classmethod
    def read(cls, run: SemesterRun) -> Decided:
        """Return what was decided in a run."""
        found = run.read_json("metrics.json")[NAME]
        return cls(
            None if found["sets"] is None else Sets(**found["sets"]),
            None if found["width"] is None else Width(**found["width"]),
            tuple(state for state, judged in found["aside"].items() if judged["is_on"]),
        )

    def states(self, probability: NDArray[np.float64], state: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the state of each pupil, ``unsure`` among them."""
        if self.sets is None:
            return state
        return np.where((state == "scored") & self.sets.is_unsure(probability), "unsure", state)

    def interval(
        self, probability: NDArray[np.float64], state: NDArray[np.object_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of each pupil's interval, NaN where too little is known of a pupil or of the past."""
        none = np.full(len(probability), np.nan)
        if self.width is None:
            return none, none
        low, high = self.width.interval(probability)
        is_told = state != "too_little_data"
        return np.where(is_told, low, none), np.where(is_told, high, none)


def _sets(cohorts: Sequence[Spoken], unsure_share: float) -> Sets:
    return sets.learn(((one.probability, one.label) for one in cohorts), unsure_share)


def _foretold(one: Spoken, members: Members) -> Foretold:
    window = next(window for window in members.windows if window.cut_off == one.cohort_on)
    left = _taught_left(members, window, "mature")
    # Out of school, in the first years, the cohort taught itself.
    taught = left if one.split_code == "mature" else int(np.nansum(one.label))
    return foretold(one.probability, one.label, number_schools(one.school_id)[0], taught)


def _taught_left(members: Members, test: Window, split: splits.Split) -> int:
    """Return how many leavers teach the model for a cohort."""
    windows = splits.training_windows(members.windows, test, split)
    return int(sum(np.nansum(members.label[members.place[window.cut_off]]) for window in windows))


def _twice(members: Members, spoken: Sequence[Spoken], said: Sequence[Spoken]) -> list[width.Said]:
    """Return what was said of each cohort, with what the teachers of the strict split said beside it."""
    windows = {window.cut_off: window for window in members.windows}
    strict = {one.cohort_on: one for one in spoken if one.split_code == "strict"}
    numbered = [number_schools(one.school_id) for one in said]
    schools = {name: place for place, name in enumerate(sorted({name for _, names in numbered for name in names}))}
    found = []
    for one, (number, names) in zip(said, numbered, strict=True):
        other, window = strict.get(one.cohort_on), windows[one.cohort_on]
        own = np.array([schools[name] for name in names], dtype=np.int64)[number]
        has_two = other is not None and one.split_code == "mature"
        found.append(
            width.Said(
                one.raw_score,
                one.probability,
                one.label,
                own,
                taught_left=_taught_left(members, window, "mature"),
                other_raw=other.raw_score if other is not None and has_two else None,
                other_taught_left=_taught_left(members, window, "strict") if has_two else 0,
            )
        )
    return found
