"""What the features are like in every cohort (40_evaluation): drift, those that know too much, and those without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.risk import drift
from riskmodel.risk.evaluation import Outcomes
from riskmodel.risk.explanation import DAYS_IN_SCHOOL, NEEDED_GROUPS, has_too_little
from riskmodel.risk.features import FEATURES
from riskmodel.runs.members import Members
from riskmodel.runs.semester import SemesterRun

FEATURES_AT_ONCE = 8
"""So many features are one piece of work; of these, one is in memory at a time."""


@dataclass(frozen=True)
class Spread:
    """One feature: its rows of drift against each past cohort, its AUC alone, and who has no data (a bit each, all cohorts).

    ``is_few``, of the days in the school alone: who is new there (a bit each).
    """

    code: str
    compared: list[tuple[object, ...]]
    auc: float
    missing: NDArray[np.uint8]
    is_few: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Reading:
    """How the table of features is read: where it lies, where each cohort stands in it, and the outcomes of the past ones.

    Cohorts stand there by their days, so that the past ones are all rows before the present one.
    """

    path: Path
    place: dict[date, slice]
    now: date
    outcomes: Outcomes
    new_days: int

    @classmethod
    def of(cls, run: SemesterRun, members: Members, new_days: int) -> Reading:
        """Return how the features of a run are read; they stand row by row beside the members."""
        past = members.label[: members.place[run.cut_off].start]
        return cls(run.tables / "feature.parquet", members.place, run.cut_off, Outcomes.of(past), new_days)

    def spreads(self, codes: Sequence[str]) -> list[Spread]:
        """Return what these features are like, read one by one into the same memory."""
        file = pq.ParquetFile(self.path)
        values = np.empty(file.metadata.num_rows)
        found = []
        for code in codes:
            first = 0
            for chunk in file.read(columns=[code], use_threads=False)[code].chunks:
                values[first : first + len(chunk)] = chunk.fill_null(np.nan).to_numpy()
                first += len(chunk)
            found.append(self._spread(code, values))
        pa.default_memory_pool().release_unused()  # what was unpacked stays with Arrow otherwise, thread by thread
        return found

    def _spread(self, code: str, values: NDArray[np.float64]) -> Spread:
        spreads = {day: drift.Spread.of(values[place]) for day, place in sorted(self.place.items())}
        now = spreads.pop(self.now)
        compared = [drift.drift_row(code, past, now) for past in spreads.values()]
        is_few = np.packbits(values < self.new_days) if code == DAYS_IN_SCHOOL else None
        rising = [past.known for past in spreads.values()]
        auc = self.outcomes.auc_by(values[: self.place[self.now].start], rising)
        return Spread(code, compared, auc, np.packbits(np.isnan(values)), is_few)


def pieces() -> tuple[list[list[str]], list[list[str]]]:
    """Return the codes of all features, in pieces of work: those that :func:`too_little` asks for, and the others."""
    needed, others = list[str](), list[str]()
    for declared in FEATURES:
        is_needed = declared.group in NEEDED_GROUPS or declared.code == DAYS_IN_SCHOOL
        (needed if is_needed else others).append(declared.code)
    return _pieces(needed), _pieces(others)


def _pieces(codes: Sequence[str]) -> list[list[str]]:
    return [list(codes[first : first + FEATURES_AT_ONCE]) for first in range(0, len(codes), FEATURES_AT_ONCE)]


def nearest_drift(spreads: Sequence[Spread]) -> pd.DataFrame:
    """Return the rows of DRIFT, each feature against the past cohort that is nearest.

    What grows with the years of data (days in school) or follows the length of a term (marks given) was different in
    some years and is like today in another.
    """
    table = drift.drift_table([row for spread in spreads for row in spread.compared])
    nearest = table.assign(size=table["shift_sd"].abs().fillna(0.0)).sort_values(["feature_code", "size", "psi"])
    return nearest.drop_duplicates("feature_code").drop(columns="size")


def missingness(spreads: Sequence[Spread], now: slice, rows: int) -> list[dict[str, Any]]:
    """Return the share of present pupils, who stand at ``now`` among all ``rows``, without any value in a group of features."""
    groups = dict.fromkeys(declared.group for declared in FEATURES)
    return [
        {"group_code": group, "no_data_share": float(_has_none(spreads, group, rows)[now].mean())} for group in groups
    ]


def too_little(spreads: Sequence[Spread], rows: int) -> NDArray[np.bool_]:
    """Return of which rows of all cohorts too little is known for an assessment, by the features of the first pieces of :func:`pieces`."""
    is_few = next(spread.is_few for spread in spreads if spread.code == DAYS_IN_SCHOOL)
    assert is_few is not None
    has_data = [~_has_none(spreads, group, rows) for group in NEEDED_GROUPS]
    return has_too_little(has_data, np.unpackbits(is_few, count=rows).astype(bool))


def _has_none(spreads: Sequence[Spread], group: str, rows: int) -> NDArray[np.bool_]:
    missing = {spread.code: spread.missing for spread in spreads}
    own = [missing[declared.code] for declared in FEATURES if declared.group == group]
    return np.unpackbits(np.bitwise_and.reduce(own), count=rows).astype(bool)
