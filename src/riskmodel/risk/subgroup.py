"""What the list means for groups of pupils: who is missed, who is wrongly flagged, how far probabilities are off.

The traits serve this audit and are not used for scoring. The list is the real one, made for all pupils; its cut
is made anew in every replicate. Equal shares of error and equal calibration cannot all hold where groups leave at
different rates: the figures stand side by side, and a difference is read with its interval. A group of fewer than
twenty pupils, or with too few cases for a figure, gets ``not_enough`` and no figure; an empty group is no zero.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from riskmodel.risk.bootstrap import Ranking
from riskmodel.risk.evaluation import Measured, Measuring, Row, ScoredCohort
from riskmodel.risk.predicted import parts_of
from riskmodel.tables.results import SUBGROUP

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
    """Return the columns of :data:`riskmodel.tables.results.SUBGROUP` for every cohort of ``predictions``.

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
    rows: list[Row] = []
    for trait in traits.columns:
        group_of, groups = pd.factorize(_group_values(traits[trait]), sort=True)
        for number, group in enumerate(groups):
            measured = cohort.measured(cohort.measuring.default_model, group_of == number)
            rows += [(cohort.predicted.cohort_on, trait, group, *row) for row in _metric_rows(measured)]
    return rows


def _group_values(values: pd.Series) -> pd.Series:
    """Return the groups as text: a flag reads yes or no in lower case, as ``true`` and ``false``."""
    place, found = pd.factorize(values)
    names = {"True": "true", "False": "false", "1.0": "true", "0.0": "false"}
    text = [names.get(str(value), str(value)) for value in found]
    return pd.Series(np.array([*text, NO_DATA], dtype=object)[place], index=values.index)


def _metric_rows(measured: Measured) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for metric, figure in METRICS.items():
        value, low, high = measured.with_interval(figure)
        if metric == "missed_share":
            value, low, high = 1 - value, 1 - high, 1 - low
        is_enough = _is_enough(metric, measured) and not np.isnan(value)
        shown = (value, low, high) if is_enough else (np.nan, np.nan, np.nan)
        size = (measured.ranking.pupils, measured.ranking.left)
        rows.append((metric, *shown, *size, "enough" if is_enough else "not_enough"))
    return rows


def _is_enough(metric: str, measured: Measured) -> bool:
    ranking: Ranking = measured.ranking
    if ranking.pupils < MIN_PUPILS:
        return False
    left, stayed = ranking.left, ranking.pupils - ranking.left
    cases = {
        "missed_share": left,
        "false_alarm_share": stayed,
        "precision": measured.values["selected_share"] * ranking.pupils,
        "auc": min(left, stayed),
    }
    return cases.get(metric, ranking.pupils) >= MIN_CASES
