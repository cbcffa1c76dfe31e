"""What the list means for groups of pupils: who is missed, who is wrongly flagged, how far probabilities are off.

The traits serve this audit and are not used for scoring. The list is the real one, made for all pupils; its cut
is made anew in every replicate. Equal shares of error and equal calibration cannot all hold where groups leave at
different rates: the figures stand side by side, and a difference is read with its interval. A group of fewer than
twenty pupils, or with too few cases for a figure, gets ``not_enough`` and no figure; an empty group is no zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk.bootstrap import Ranking
from riskmodel.risk.evaluation import Measured, Measuring, Row, ScoredCohort
from riskmodel.risk.predicted import parts_of
from riskmodel.tables.figures import SUBGROUP

MIN_PUPILS = 20
MIN_CASES = 5
"""A share of leavers, of stayers or of those with a place is given from so many of them up."""

NO_DATA = "no_data"
"""The group of pupils whose trait is not known."""

METRICS = {
    "missed_share": "recall_at_capacity",
    "false_alarm_share": "false_alarm_share",
    "precision": "precision_at_capacity",
    "selected_share": "selected_share",
    "calibration_gap": "calibration_gap",
    "auc": "auc",
}
"""Each metric and the figure that it is read from; missed is 1 minus recall."""


def subgroups(predictions: pd.DataFrame, traits: pd.DataFrame, measuring: Measuring | None = None) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.figures.SUBGROUP` for every cohort of ``predictions``.

    Parameters
    ----------
    predictions
        Of the default model by one split, as for :func:`riskmodel.risk.evaluation.evaluate`.
    traits
        ``pupil_id`` and one column per trait code; with ``cohort_on`` also, where a trait may change. A missing
        value is the group ``no_data``.
    """
    measuring = measuring or Measuring()
    keys = [name for name in ("cohort_on", "pupil_id") if name in traits.columns]
    rows: list[Row] = []
    for part in parts_of(predictions, measuring.default_model):
        pupils = pd.DataFrame({"cohort_on": part.cohort_on, "pupil_id": part.pupil_id})
        validate: Literal["one_to_one", "many_to_one"] = "one_to_one" if len(keys) == 2 else "many_to_one"
        own = pupils.merge(traits, on=keys, how="left", validate=validate)
        rows += subgroup_rows(ScoredCohort(part, measuring), own[[name for name in traits.columns if name not in keys]])
    return subgroup_table(rows)


def subgroup_table(rows: list[Row]) -> pd.DataFrame:
    """Return the rows of :func:`subgroup_rows` as a table."""
    return pd.DataFrame(rows, columns=list(SUBGROUP.column_names))


def subgroup_rows(cohort: ScoredCohort, traits: pd.DataFrame) -> list[Row]:
    """Return the rows of :func:`subgroups` for one cohort; ``traits`` stand pupil by pupil beside it."""
    return [row for found in measured_groups(cohort, traits) for row in found.rows(cohort.predicted.cohort_on)]


def measured_groups(cohort: ScoredCohort, traits: pd.DataFrame) -> Iterator[MeasuredGroup]:
    """Yield the groups by each trait, measured as parts of the whole list."""
    for trait in traits.columns:
        group_of, groups = numbered_groups(traits[trait])
        for number, group in enumerate(groups):
            measured = cohort.measured(cohort.measuring.default_model, group_of == number)
            yield MeasuredGroup(str(trait), group, measured)


@dataclass(frozen=True)
class MeasuredGroup:
    """One group of pupils by one trait, and how the default model did there."""

    trait: str
    group: str
    measured: Measured

    def rows(self, cohort_on: object) -> list[Row]:
        """Return the rows of SUBGROUP."""
        size = (self.measured.ranking.pupils, self.measured.ranking.left)
        rows: list[Row] = []
        for metric, figure in METRICS.items():
            value, low, high, state = self.figure(figure)
            if metric == "missed_share":
                value, low, high = 1 - value, 1 - high, 1 - low
            rows.append((cohort_on, self.trait, self.group, metric, value, low, high, *size, state))
        return rows

    def figure(self, code: str) -> tuple[float, float, float, str]:
        """Return value, low and high of one figure of the bootstrap, and whether there are enough pupils for it."""
        value, low, high = self.measured.with_interval(code)
        if _is_enough(code, self.measured) and not np.isnan(value):
            return value, low, high, "enough"
        return np.nan, np.nan, np.nan, "not_enough"


def numbered_groups(values: pd.Series) -> tuple[NDArray[np.intp], list[str]]:
    """Return each pupil's group as a number into the list of groups, which rises.

    A flag reads yes or no in lower case, as ``true`` and ``false``.
    """
    place, found = pd.factorize(values)
    names = {"True": "true", "False": "false", "1.0": "true", "0.0": "false"}
    text = [names.get(str(value), str(value)) for value in found]
    groups = sorted({*text, *([NO_DATA] if (place < 0).any() else [])})
    # Who has no value is numbered -1, and so stands last.
    number = np.array([groups.index(name) if name in groups else 0 for name in (*text, NO_DATA)], dtype=np.intp)
    return number[place], groups


def _is_enough(figure: str, measured: Measured) -> bool:
    ranking: Ranking = measured.ranking
    if ranking.pupils < MIN_PUPILS:
        return False
    left, stayed = ranking.left, ranking.pupils - ranking.left
    cases = {
        "recall_at_capacity": left,
        "false_alarm_share": stayed,
        "precision_at_capacity": measured.values["selected_share"] * ranking.pupils,
        "auc": min(left, stayed),
        "average_precision": min(left, stayed),
    }
    return cases.get(figure, ranking.pupils) >= MIN_CASES
