"""Who belongs to the cohorts of a run, as arrays: pupils as numbers, outcomes, and who is known to have taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.risk import splits
from riskmodel.risk.label import Window
from riskmodel.runs.semester import SemesterRun

EPOCH = date(1970, 1, 1)
OPEN = "open"
"""The outcome of those whose label window has not passed."""


@dataclass(frozen=True)
class Members:
    """The pupils of every cohort, as the table ``cohort`` holds them: oldest cohort first, each by ``pupil_id``.

    ``label`` and ``left_day`` (days since 1970) are NaN where there is none.
    """

    windows: Sequence[Window]
    pupil_id: pa.Array
    label: NDArray[np.float64]
    is_open: NDArray[np.bool_]
    left_day: NDArray[np.float64]
    place: dict[date, slice]

    @classmethod
    def of(cls, run: SemesterRun) -> Members:
        """Return the members of a run."""
        rows = run.read_arrow("cohort", ["cohort_on", "pupil_id", "label", "left_on", "outcome_class"])
        return cls(
            windows=run.windows(),
            pupil_id=rows["pupil_id"].combine_chunks(),
            label=_numbers(rows["label"]),
            is_open=pc.equal(rows["outcome_class"], OPEN).to_numpy(),
            left_day=_numbers(rows["left_on"].cast(pa.int32())),
            place=stretches(rows["cohort_on"]),
        )

    def rows_of(self, cohort_on: date, pupils: pa.Array) -> NDArray[np.int64]:
        """Return in which row each of these pupils stands."""
        place = self.place[cohort_on]
        own = self.pupil_id[place.start : place.stop]
        found = np.arange(len(own)) if own.equals(pupils) else pc.index_in(pupils, value_set=own).to_numpy()
        return np.asarray(found + place.start, dtype=np.int64)

    def lead_days(self, cohort_on: date, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the days from the cut-off of a cohort to the day on which each of its ``rows`` left, NaN where none did."""
        return self.left_day[rows] - (cohort_on - EPOCH).days

    def were_seen(self, cohort_on: date, split: splits.Split, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return of which ``rows`` of a cohort the pupil taught the model that predicted it, in an earlier cohort."""
        test = next(window for window in self.windows if window.cut_off == cohort_on)
        has_taught = np.zeros(len(self._number), dtype=bool)
        for window in splits.training_windows(self.windows, test, split):
            place = self.place[window.cut_off]
            has_taught[self._number[place][~np.isnan(self.label[place])]] = True
        return np.asarray(has_taught[self._number[rows]])

    @cached_property
    def _number(self) -> NDArray[np.int32]:
        """Each row's pupil as a number."""
        return np.asarray(self.pupil_id.dictionary_encode().indices.to_numpy(), dtype=np.int32)


def stretches(cohort_on: pa.ChunkedArray) -> dict[date, slice]:
    """Return where the rows of each cohort stand in a table that holds one after the other."""
    days = cohort_on.cast(pa.int32()).to_numpy()
    bounds = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)] if len(days) else []
    return {cohort_on[first].as_py(): slice(first, after) for first, after in zip(bounds, bounds[1:], strict=False)}


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
