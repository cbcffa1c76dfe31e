"""Where the differences in risk lie: between schools, between the stages of a school, or between their pupils.

Nested analysis of variance with unequal groups. A group's mean of few pupils differs from others by chance alone; the part that
chance explains is taken off (as in omega or epsilon squared), so that in a country where schools are alike the share between
schools is expected at 0. Intervals draw whole schools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk.bootstrap import MIN_SCHOOLS, interval, weights_of_clusters
from riskmodel.risk.targeting.comparison import Area, Comparing
from riskmodel.tables.worth import RISK_SPREAD

Floats = NDArray[np.float64]

LEVELS = ("school", "class", "pupil")

ROUNDING = 1e-12
"""A variance of so small a share of the squares is that of rounding: nothing differs."""


class _Sums(NamedTuple):
    """Of each school: pupils, classes, sum of values, squares around the school's mean, around the classes' means, and
    around 0."""

    pupils: Floats
    classes: Floats
    total: Floats
    in_school: Floats
    in_class: Floats
    squares: Floats


@dataclass(frozen=True)
class Spread:
    """Shares of the variance by level of :data:`LEVELS` (adding up to 1), and those of the replicates, as columns.

    NaN where nothing differs.
    """

    shares: Floats
    drawn: Floats

    def rows(self, key: tuple[object, ...], pupils: int, left: int) -> list[tuple[object, ...]]:
        """Return the rows of :data:`riskmodel.tables.worth.RISK_SPREAD` of one area and risk."""
        return [
            (*key, level, float(self.shares[place]), *interval(self.drawn[place]), pupils, left)
            for place, level in enumerate(LEVELS)
        ]


def spread_of(value: Floats, school: NDArray[np.int32], stage: pd.Series, comparing: Comparing | None = None) -> Spread:
    """Return how the variance of ``value`` is shared between schools, stages of a school, and pupils.

    Parameters
    ----------
    value
        A risk or an outcome of each pupil; those with NaN are left out.
    school
        Number of the school of each pupil, from 0.
    stage
        The stage (or class) of each pupil; the same name in two schools is two classes.
    comparing
        Replicates and seed of the intervals.
    """
    comparing = comparing or Comparing()
    sums = _sums(value, school, stage)
    clusters = np.arange(len(sums.pupils), dtype=np.int32)
    count = comparing.replicates if len(clusters) >= MIN_SCHOOLS else 0  # a handful of schools gives no honest interval
    weights = weights_of_clusters(clusters, count, comparing.seed).astype(np.float64)
    return Spread(_shares(sums, np.ones((len(clusters), 1)))[:, 0], _shares(sums, weights))


def spread_table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Return rows of :meth:`Spread.rows`, each behind the key of its area, as a table."""
    return pd.DataFrame(rows, columns=list(RISK_SPREAD.column_names))


def area_key(cohort_on: object, area: Area, risk_code: str) -> tuple[object, ...]:
    """Return the key of an area and risk in :data:`riskmodel.tables.worth.RISK_SPREAD`, without the level."""
    return cohort_on, area.kind, area.code, risk_code


def _sums(value: Floats, school: NDArray[np.int32], stage: pd.Series) -> _Sums:
    known = ~np.isnan(value)
    own, of_school = value[known], school[known].astype(np.int64)
    stages, _ = pd.factorize(stage.to_numpy()[known])
    of_class, classes = pd.factorize(of_school * (int(stages.max(initial=0)) + 1) + stages)
    schools = int(school.max(initial=-1)) + 1
    pupils = np.bincount(of_school, minlength=schools).astype(np.float64)
    school_of_class = np.zeros(len(classes), dtype=np.int64)
    school_of_class[of_class] = of_school
    with np.errstate(invalid="ignore"):  # a school without anybody known has no mean
        mean = np.bincount(of_school, own, schools) / pupils
    class_mean = np.bincount(of_class, own, len(classes)) / np.bincount(of_class, minlength=len(classes))

    def by_school(values: Floats) -> Floats:
        return np.bincount(of_school, values, schools).astype(np.float64)

    return _Sums(
        pupils,
        np.bincount(school_of_class, minlength=schools).astype(np.float64),
        by_school(own),
        by_school((own - mean[of_school]) ** 2),
        by_school((own - class_mean[of_class]) ** 2),
        by_school(own**2),
    )


def _shares(sums: _Sums, weights: Floats) -> Floats:
    """Return the shares by level (rows) for each draw (columns) of school weights."""
    pupils, classes, in_school, in_class = (
        weights.T @ one for one in (sums.pupils, sums.classes, sums.in_school, sums.in_class)
    )
    schools = weights[sums.pupils > 0].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weights.T @ sums.total) / pupils
        of_schools = np.where(sums.pupils > 0, sums.total / sums.pupils, 0.0)
        between = (weights * sums.pupils[:, None] * (of_schools[:, None] - mean) ** 2).sum(axis=0)
        whole = between + in_school
        is_rounding = whole <= ROUNDING * (weights.T @ sums.squares)
        whole = np.where(is_rounding, np.nan, whole)
        of_classes = in_school - in_class
        by_pupil = in_class / (pupils - classes)
        by_class = np.where(classes > schools, of_classes / (classes - schools), by_pupil)
        school_share = np.clip((between - (schools - 1) * by_class) / whole, 0.0, 1.0)
        class_share = np.clip((of_classes - (classes - schools) * by_pupil) / whole, 0.0, 1.0 - school_share)
    return np.vstack([school_share, class_share, 1.0 - school_share - class_share])
