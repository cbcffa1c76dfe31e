"""Who belongs to the cohorts of a run, as arrays: pupils as numbers, outcomes, traits, and who is known to have taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.risk import splits
from riskmodel.risk.label import Window
from riskmodel.runs.cohorts import AUDITED, SUPPORTED
from riskmodel.runs.semester import SemesterRun

EPOCH = date(1970, 1, 1)
OPEN = "open"
"""The outcome of those whose label window has not passed."""


@dataclass(frozen=True)
class Members:
    """The pupils of every cohort, as the table ``cohort`` holds them: oldest cohort first, each by ``pupil_id``.

    A pupil has the same ``number`` in every cohort. ``label`` and ``left_day`` (days since 1970) are NaN where there is none; traits are numbers into lists of their values.
    """

    windows: Sequence[Window]
    number: NDArray[np.int32]
    label: NDArray[np.float64]
    is_open: NDArray[np.bool_]
    left_day: NDArray[np.float64]
    trait: pa.Table
    place: dict[date, slice]

    @classmethod
    def of(cls, run: SemesterRun) -> Members:
        """Return the members of a run.

        Raises
        ------
        RunFailedError
            When traits or features do not stand pupil by pupil beside the cohorts, in whose order the step writes them.
        """
        rows = _read(run, "cohort", ["cohort_on", "pupil_id", "label", "left_on", "outcome_class"], ["outcome_class"])
        pupil_id = rows["pupil_id"].combine_chunks()
        for name in ("trait", "feature"):
            _check_beside(pupil_id, run, name)
        members = cls(
            windows=run.windows(),
            number=np.asarray(pupil_id.dictionary_encode().indices.to_numpy(), dtype=np.int32),
            label=_numbers(rows["label"]),
            is_open=pc.equal(rows["outcome_class"].cast(pa.string()), OPEN).to_numpy(),
            left_day=_numbers(rows["left_on"].cast(pa.int32())),
            trait=_coded(_read(run, "trait", [SUPPORTED, *AUDITED], AUDITED)),
            place=stretches(rows["cohort_on"]),
        )
        del rows, pupil_id
        # The pupils' codes have been in memory twice; what is done with the rest needs a tenth of that.
        pa.default_memory_pool().release_unused()
        return members

    def rows_of(self, run: SemesterRun, cohort_on: date, pupils: pa.Array) -> NDArray[np.int64]:
        """Return in which row each of these pupils of a cohort stands."""
        place = self.place[cohort_on]
        own = _pupils(pq.ParquetFile(run.tables / "cohort.parquet"), place)
        found = np.arange(len(own)) if own.equals(pupils) else pc.index_in(pupils, value_set=own).to_numpy()
        return np.asarray(found + place.start, dtype=np.int64)

    def lead_days(self, cohort_on: date, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the days from the cut-off of a cohort to the day on which each of its ``rows`` left, NaN where none did."""
        return self.left_day[rows] - (cohort_on - EPOCH).days

    def were_seen(self, cohort_on: date, split: splits.Split, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return of which ``rows`` of a cohort the pupil taught the model that predicted it, in an earlier cohort."""
        test = next(window for window in self.windows if window.cut_off == cohort_on)
        has_taught = np.zeros(len(self.number), dtype=bool)
        for window in splits.training_windows(self.windows, test, split):
            place = self.place[window.cut_off]
            has_taught[self.number[place][~np.isnan(self.label[place])]] = True
        return np.asarray(has_taught[self.number[rows]])

    def were_supported(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for which rows new support began inside the label window."""
        return np.asarray(self.trait[SUPPORTED].take(rows).to_numpy(), dtype=bool)

    def traits(self, rows: NDArray[np.int64]) -> pd.DataFrame:
        """Return the traits of the audit of these rows, as categories."""
        frame: pd.DataFrame = self.trait.select(list(AUDITED)).take(rows).to_pandas()
        return frame


def stretches(cohort_on: pa.ChunkedArray) -> dict[date, slice]:
    """Return where the rows of each cohort stand in a table that holds one after the other."""
    days = cohort_on.cast(pa.int32()).to_numpy()
    bounds = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)] if len(days) else []
    return {cohort_on[first].as_py(): slice(first, after) for first, after in pairwise(bounds)}


def _pupils(file: pq.ParquetFile, place: slice) -> pa.Array:
    """Return the pupils in these rows of a table, without reading the others."""
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    after = np.cumsum(sizes)
    wanted = [
        number
        for number, (size, end) in enumerate(zip(sizes, after, strict=True))
        if end > place.start and end - size < place.stop
    ]
    first = int(after[wanted[0]] - sizes[wanted[0]])
    read = file.read_row_groups(wanted, ["pupil_id"])["pupil_id"].combine_chunks()
    return read[place.start - first : place.stop - first]


def _check_beside(pupil_id: pa.Array, run: SemesterRun, name: str) -> None:
    file = pq.ParquetFile(run.tables / f"{name}.parquet")
    first, is_beside = 0, file.metadata.num_rows == len(pupil_id)
    for number in range(file.metadata.num_row_groups if is_beside else 0):
        own = file.read_row_group(number, ["pupil_id"])["pupil_id"].combine_chunks()
        is_beside = is_beside and own.equals(pupil_id[first : first + len(own)])
        first += len(own)
    if not is_beside:
        raise other_pupils(name)


def other_pupils(name: str) -> RunFailedError:
    """Return what is told of a table that is not beside the others."""
    return RunFailedError(
        message("The tables of the cohorts of a run stand side by side, pupil by pupil."),
        found=message("One of them is of other pupils, or in another order."),
        remedy=message("Correct the step that makes the table."),
        where=name,
    )


def _read(run: SemesterRun, name: str, columns: Sequence[str], coded: Sequence[str]) -> pa.Table:
    path = run.tables / f"{name}.parquet"
    return pq.ParquetFile(path, read_dictionary=list(coded)).read(columns=list(columns))


def _coded(traits: pa.Table) -> pa.Table:
    """Return the traits with each of the audit as numbers into the list of its values."""
    coded = {name: traits[name].unify_dictionaries() if _is_coded(traits[name]) else traits[name] for name in AUDITED}
    whole = {name: column.combine_chunks() for name, column in coded.items()}
    return pa.table(
        {
            SUPPORTED: traits[SUPPORTED].combine_chunks(),
            **{name: one if _is_coded(one) else one.dictionary_encode() for name, one in whole.items()},
        }
    )


def _is_coded(column: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
