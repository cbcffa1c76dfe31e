"""How often sets held what became of pupils: by what became of them, cohort and group, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskmodel.risk.bands import wilson
from riskmodel.risk.doubt.sets import CLASSES, LEFT, Flags, Floats, Sets
from riskmodel.risk.fairness.subgroup import MIN_PUPILS, numbered_groups
from riskmodel.tables.figures import COVERAGE

ALL = "all"
"""Trait and group of the rows for all pupils."""

Row = tuple[Any, ...]


def coverage_rows(cohort_on: Any, sets: Sets, probability: Floats, label: Floats, traits: pd.DataFrame) -> list[Row]:
    """Return the rows of :data:`riskmodel.tables.figures.COVERAGE` for one cohort.

    Parameters
    ----------
    sets
        Learnt from cohorts whose outcomes were known on the cut-off date of this one.
    probability
        Calibrated, as predicted out of time.
    label
        1 left, 0 stayed, NaN not known: not counted.
    traits
        One column per trait, pupil by pupil beside the others.

    A class of fewer than :data:`riskmodel.risk.fairness.subgroup.MIN_PUPILS` in a group has its number and no share. Intervals are
    Wilson's.
    """
    is_unsure = sets.is_unsure(probability)
    members = [(ALL, ALL, np.ones(len(label), dtype=bool))]
    for trait in traits.columns:
        group_of, groups = numbered_groups(traits[trait])
        members += [(str(trait), group, group_of == number) for number, group in enumerate(groups)]
    found: list[Row] = []
    for answer in CLASSES:
        is_class = label == (1.0 if answer == LEFT else 0.0)
        holds = sets.holds(answer, probability)
        for trait, group, belongs in members:
            own: Flags = is_class & belongs
            found.append((cohort_on, trait, group, answer, 1 - sets.error_share, *_shares(own, holds, is_unsure)))
    return found


def coverage_table(rows: list[Row]) -> pd.DataFrame:
    """Return the rows of :func:`coverage_rows` as a table."""
    return pd.DataFrame(rows, columns=list(COVERAGE.column_names))


def _shares(own: Flags, holds: Flags, is_unsure: Flags) -> tuple[float, float, float, float, int]:
    pupils = int(own.sum())
    if pupils < MIN_PUPILS:
        return np.nan, np.nan, np.nan, np.nan, pupils
    held = int((own & holds).sum())
    return held / pupils, *wilson(held, pupils), int((own & is_unsure).sum()) / pupils, pupils
