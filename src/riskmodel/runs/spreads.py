"""What the features are like in every cohort (40_evaluation): drift, those that know too much, and those without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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
    """One feature: its rows of drift against each past cohort, its AUC alone, and who has no data now."""

    code: str
    compared: list[tuple[object, ...]]
    auc: float
    is_missing: NDArray[np.bool_]


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
        """Return what these features are like, read one by one."""
        file = pq.ParquetFile(self.path)
        return [self._spread(code, file.read(columns=[code])[code].to_numpy()) for code in codes]

    def _spread(self, code: str, values: NDArray[np.float64]) -> Spread:
        values = np.asarray(values, dtype=np.float64)
        spreads = {day: drift.Spread.of(values[place]) for day, place in sorted(self.place.items())}
        now = spreads.pop(self.now)
        compared = [drift.drift_row(code, past, now) for past in spreads.values()]
        return Spread(code, compared, self.outcomes.auc_by(values), np.isnan(values[self.place[self.now]]))


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


def missingness(spreads: Sequence[Spread]) -> list[dict[str, Any]]:
    """Return the share of present pupils without any value in a group of features."""
    is_missing = {spread.code: spread.is_missing for spread in spreads}
    found = []
    for group in dict.fromkeys(declared.group for declared in FEATURES):
        own = [is_missing[declared.code] for declared in FEATURES if declared.group == group]
        found.append({"group_code": group, "no_data_share": float(np.logical_and.reduce(own).mean())})
    return found
