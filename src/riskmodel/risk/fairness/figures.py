"""Shares of groups from their sums, and their intervals by two laws of drawing.

*Pupils*: with the list fixed, a replicate of a cohort draws its pupils anew, and the counts by group, outcome and flag
are then multinomial: drawing them is the bootstrap over pupils itself, at any number of pupils. *Schools*: pupils of a
school are alike, so a replicate draws whole schools (Poisson weights, the same as those of
:func:`riskmodel.risk.bootstrap.replicates`), and a group's sums are weighted sums over schools.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from riskmodel.risk.bootstrap import LEVEL, MIN_DEFINED_SHARE
from riskmodel.risk.fairness.subgroup import MIN_PUPILS
from riskmodel.risk.fairness.tally import EXPECTED, FLAGGED, LEFT, PUPILS, REACHED

Real = NDArray[np.float64]
Figure = Literal[
    "missed_share", "false_alarm_share", "precision", "selected_share", "calibration_gap", "calibration_ratio"
]

FIGURES: tuple[Figure, ...] = (
    "missed_share",
    "false_alarm_share",
    "precision",
    "selected_share",
    "calibration_gap",
    "calibration_ratio",
)
"""Named as in the table ``subgroup``; the ratio is of those who left to the sum of probabilities (above 1: more left)."""

OF_COUNTS = FIGURES[:4]
"""Figures that the counts by outcome and flag tell."""


def figures(sums: Real) -> Real:
    """Return the figures in the order of FIGURES (on the last axis) of sums as named in ``tally``; NaN where not defined."""
    pupils, left, flagged, reached, expected = (
        sums[..., place] for place in (PUPILS, LEFT, FLAGGED, REACHED, EXPECTED)
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is NaN, "not defined"
        return np.stack(
            (
                1 - reached / left,
                (flagged - reached) / (pupils - left),
                reached / flagged,
                flagged / pupils,
                (expected - left) / pupils,
                left / expected,
            ),
            axis=-1,
        )


def denominators(sums: Real) -> Real:
    """Return how many people each figure is measured on, in the order of FIGURES."""
    pupils, left, flagged = sums[..., PUPILS], sums[..., LEFT], sums[..., FLAGGED]
    return np.stack((left, pupils - left, flagged, pupils, pupils, pupils), axis=-1)


def is_enough(sums: Real) -> NDArray[np.bool_]:
    """Return which figures are measured on at least ``MIN_PUPILS`` people."""
    return np.asarray(denominators(sums) >= MIN_PUPILS - 1e-9)


def counts_of(sums: Real) -> Real:
    """Return groups × 4 counts: left and flagged, left and not, stayed and flagged, stayed and not."""
    pupils, left, flagged, reached = (sums[..., place] for place in (PUPILS, LEFT, FLAGGED, REACHED))
    return np.stack((reached, left - reached, flagged - reached, pupils - left - flagged + reached), axis=-1)


def pupil_replicates(counts: Real, count: int, seed: int) -> Real:
    """Return replicates × groups × OF_COUNTS: what a bootstrap over pupils gives, drawn from the counts alone.

    ``counts`` are those of :func:`counts_of` for the groups of one trait, whole numbers (a place shared by a tie is
    rounded to the nearest).
    """
    whole = np.rint(counts).astype(np.int64)
    total = int(whole.sum())
    if total == 0:
        return np.full((count, len(counts), len(OF_COUNTS)), np.nan)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(total, whole.ravel() / total, size=count).reshape(count, len(counts), 4)
    reached, missed, false, quiet = (drawn[..., place].astype(np.float64) for place in range(4))
    left, flagged = reached + missed, reached + false
    sums = np.stack((left + false + quiet, left, flagged, reached, np.zeros_like(left)), axis=-1)
    return figures(sums)[..., : len(OF_COUNTS)]


def school_replicates(of_schools: Real, weights: Real) -> Real:
    """Return replicates × groups × FIGURES.

    Parameters
    ----------
    of_schools
        Groups × schools × the columns of sums.
    weights
        Schools × replicates, as :func:`riskmodel.risk.bootstrap.weights_of_clusters` draws them.
    """
    groups, schools, columns = of_schools.shape
    flat = np.ascontiguousarray(of_schools.transpose(0, 2, 1)).reshape(groups * columns, schools)
    drawn = (flat @ weights).reshape(groups, columns, weights.shape[1])
    return figures(drawn.transpose(2, 0, 1))


def intervals(drawn: Real, level: float = LEVEL) -> tuple[Real, Real]:
    """Return the percentile ends of replicates (first axis), NaN where too many of them are not defined."""
    if not len(drawn):
        return np.full(drawn.shape[1:], np.nan), np.full(drawn.shape[1:], np.nan)
    rising = np.sort(drawn, axis=0)  # what is not defined stands last
    defined = len(drawn) - np.isnan(drawn).sum(axis=0)
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        place = share * np.maximum(defined - 1, 0)
        low = np.floor(place).astype(np.intp)
        high = np.minimum(low + 1, np.maximum(defined - 1, 0))
        below, above = (np.take_along_axis(rising, at[None], axis=0)[0] for at in (low, high))
        end = below + (place - low) * (above - below)
        ends.append(np.where(defined < MIN_DEFINED_SHARE * len(drawn), np.nan, end))
    return ends[0], ends[1]


def jeffreys(share: Real, people: Real, level: float = LEVEL) -> tuple[Real, Real]:
    """Return the interval of shares of so many people (not always whole numbers) by Jeffreys' rule, NaN where not defined.

    >>> low, high = jeffreys(np.array([0.0, 0.3]), np.array([20.0, 10.0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.093], [0.117, 0.606])
    """
    known = ~np.isnan(share) & (people > 0)
    those, others = (np.where(known, each, 1.0) + 0.5 for each in (share * people, (1 - share) * people))
    low, high = (betaincinv(those, others, end) for end in ((1 - level) / 2, (1 + level) / 2))
    return np.where(known, np.where(share > 0, low, 0.0), np.nan), np.where(
        known, np.where(share < 1, high, 1.0), np.nan
    )
