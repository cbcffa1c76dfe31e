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
from riskmodel.risk.features import FEATURES
from riskmodel.runs.members import Members
from riskmodel.runs.semester import SemesterRun

FEATURES_AT_ONCE = 8
"""So many features are one piece of work; of these, one is in memory at a time."""


@dataclass(frozen=True)
class Spread:
    """One feature: its rows of drift against each past cohort, its AUC alone, and who has no data now (a bit each)."""

    code: str
    compared: list[tuple[object, ...]]
    auc: float
    missing: NDArray[np.uint8]


@dataclass(frozen=True)
class Reading:
    """How the table of features is read: where it lies, where each cohort stands in it, and the outcomes."""

    path: Path
    place: dict[date, slice]
    now: date
    outcomes: Outcomes

    @classmethod
    def of(cls, run: SemesterRun, members: Members) -> Reading:
        """Return how the features of a run are read; they stand row by row beside the members."""
        return cls(run.tables / "feature.parquet", members.place, run.cut_off, Outcomes.of(members.label))

    def spreads(self, codes: Sequence[str]) -> list[Spread]:
        """Return what these features are like, read one by one into the same memory."""
        file = pq.ParquetFile(self.path)
        values, room = np.empty(file.metadata.num_rows), self.outcomes.room()
        found = []
        for code in codes:
            first = 0
            for chunk in file.read(columns=[code], use_threads=False)[code].chunks:
                values[first : first + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
                first += len(chunk)
            found.append(self._spread(code, values, room))
        pa.default_memory_pool().release_unused()  # what was unpacked stays with Arrow otherwise, thread by thread
        return found

    def _spread(
        self, code: str, values: NDArray[np.float64], room: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> Spread:
        spreads = {day: drift.Spread.of(values[place]) for day, place in sorted(self.place.items())}
        now = spreads.pop(self.now)
        compared = [drift.drift_row(code, past, now) for past in spreads.values()]
        return Spread(
            code, compared, self.outcomes.auc_by(values, room), np.packbits(np.isnan(values[self.place[self.now]]))
        )


def pieces() -> list[list[str]]:
    """Return the codes of all features, in pieces of work."""
    codes = [declared.code for declared in FEATURES]
    return [codes[first : first + FEATURES_AT_ONCE] for first in range(0, len(codes), FEATURES_AT_ONCE)]


def nearest_drift(spreads: Sequence[Spread]) -> pd.DataFrame:
    """Return the rows of DRIFT, each feature against the past cohort that is nearest.

    What grows with the years of data (days in school) or follows the length of a term (marks given) was different in
    some years and is like today in another.
    """
    table = drift.drift_table([row for spread in spreads for row in spread.compared])
    nearest = table.assign(size=table["shift_sd"].abs().fillna(0.0)).sort_values(["feature_code", "size", "psi"])
    return nearest.drop_duplicates("feature_code").drop(columns="size")


def missingness(spreads: Sequence[Spread], pupils: int) -> list[dict[str, Any]]:
    """Return the share of present pupils without any value in a group of features."""
    missing = {spread.code: spread.missing for spread in spreads}
    found = []
    for group in dict.fromkeys(declared.group for declared in FEATURES):
        own = [missing[declared.code] for declared in FEATURES if declared.group == group]
        has_none = np.unpackbits(np.bitwise_and.reduce(own), count=pupils)
        found.append({"group_code": group, "no_data_share": float(has_none.mean())})
    return found
