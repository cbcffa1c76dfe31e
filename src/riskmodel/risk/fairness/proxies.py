"""What leaving out a proxy costs and gains: two models of one cohort, one of which does without some features.

A feature such as the place where a pupil lives can stand for a trait that no score should read. Leaving it out may cost
accuracy and may bring groups nearer to each other, or further apart; both are told, with intervals of paired draws of
schools. Whether it is worth it is a choice of people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.evaluation import ScoredCohort
from riskmodel.risk.fairness.audit import Drawing, audited_cohort
from riskmodel.risk.fairness.differences import ERRORS, sums_by_school
from riskmodel.risk.fairness.figures import FIGURES, figures, intervals, is_enough, school_replicates
from riskmodel.risk.fairness.tally import Cells

Real = NDArray[np.float64]

WHOLE_FIGURES = ("auc", "precision_at_capacity", "recall_at_capacity")


@dataclass(frozen=True)
class ProxyCost:
    """One figure with the proxy and without, and by how much leaving it out changes the figure, with its 95 % interval.

    For the whole cohort ``trait`` and ``group`` are empty. For a group, the figure is the difference of its share from that of
    all other pupils: nearer to zero is nearer to others.
    """

    figure: str
    trait: str
    group: str
    with_proxy: float
    without_proxy: float
    change: float
    low: float
    high: float


def proxy_costs(cohort: ScoredCohort, with_code: str, without_code: str, traits: pd.DataFrame) -> Iterator[ProxyCost]:
    """Yield the costs for the whole cohort, and then for every group that is large enough.

    Parameters
    ----------
    cohort
        Its ``predicted`` holds both models, by these codes: trained alike but for the features that are left out.
    traits
        Beside the cohort's pupils, a column per trait.

    Raises
    ------
    UsageError
        When one of the two models is not there.
    """
    if not {with_code, without_code} <= set(cohort.predicted.by_model):
        raise UsageError(
            message("Both models, with and without the proxy, must have scored the cohort."),
            found=message("One of them has not."),
            remedy=message("Train and score the cohort with each of them."),
        )
    own, other = cohort.measured(with_code), cohort.measured(without_code)
    for figure in WHOLE_FIGURES:
        change = other.gain_over(own, figure)
        yield ProxyCost(figure, "", "", own.values[figure], other.values[figure], *change)
    yield from _of_groups(cohort, (with_code, without_code), traits)


def _of_groups(cohort: ScoredCohort, codes: tuple[str, str], traits: pd.DataFrame) -> Iterator[ProxyCost]:
    lists = [_cells_by(cohort, code, traits) for code in codes]
    drawing = Drawing(cohort.measuring.replicates, cohort.measuring.seed)
    weights = drawing.weights(lists[0].pupils.schools)
    singles = [[one for one in cells.partitions() if not one.is_pair] for cells in lists]
    places = [FIGURES.index(error) for error in ERRORS]
    for of_both in zip(*singles, strict=True):
        both = [_gaps(cells, sums_by_school(cells, one), weights) for cells, one in zip(lists, of_both, strict=True)]
        (with_proxy, drawn_with), (without_proxy, drawn_without) = both
        low, high = intervals(drawn_without - drawn_with)
        for number, group in enumerate(of_both[0].groups):
            for error, at in zip(ERRORS, places, strict=True):
                values = float(with_proxy[number, at]), float(without_proxy[number, at])
                if not np.isnan(values).any():
                    ends = float(low[number, at]), float(high[number, at])
                    yield ProxyCost(error, of_both[0].trait, group, *values, values[1] - values[0], *ends)


def _cells_by(cohort: ScoredCohort, code: str, traits: pd.DataFrame) -> Cells:
    other = ScoredCohort(cohort.predicted, replace(cohort.measuring, default_model=code))
    other.__dict__["roster"] = cohort.roster
    return Cells.of(audited_cohort(other, traits))


def _gaps(cells: Cells, by_school: Real, weights: Real) -> tuple[Real, Real]:
    """Return, groups × FIGURES, the difference from all others, and the same by replicate (first axis)."""
    whole = np.zeros((cells.pupils.schools, by_school.shape[-1]))
    np.add.at(whole, cells.school, cells.sums)
    outside = whole[None] - by_school
    sums, others = by_school.sum(axis=1), outside.sum(axis=1)
    enough = is_enough(sums) & is_enough(others)
    found = np.where(enough, figures(sums) - figures(others), np.nan)
    return found, school_replicates(by_school, weights) - school_replicates(outside, weights)
