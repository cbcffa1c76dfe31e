"""What an equal score means: for all pupils together, and for a group by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from riskmodel.risk.bootstrap import CLOSEST_PROBABILITY
from riskmodel.risk.fairness.tally import Audited

Real = NDArray[np.float64]

SCORE_STEP = 100
"""Scores are told apart to a hundredth of log-odds."""

KNOTS = (0.25, 0.5, 0.75, 0.9, 0.97)
"""Shares of pupils by rising score at which the slope of the log-odds may change."""

EQUAL_RISKS = 300
"""So many equal parts of the pupils by risk, each with one chance of a place."""

MOST_STEPS, ENOUGH = 50, 1e-12
SMALLEST_SHARE = 1e-6


@dataclass(frozen=True)
class EqualScores:
    """What equal scores mean for all pupils together.

    ``place`` is the place of each pupil's score among all different ones; the rest stands by score, rising: the ``columns``
    of the regression of the outcome on the score (the first is 1, the second the score as log-odds, the others bend it), and
    the ``risk`` that it finds. ``edges`` are the lowest risks of equal parts of the pupils, ``usual`` the mean chance of a
    place in each part.
    """

    place: NDArray[np.int64]
    columns: Real
    risk: Real
    edges: Real
    usual: Real

    @classmethod
    def of(cls, pupils: Audited) -> EqualScores:
        """Return what equal scores mean for these pupils, of whom there is at least one."""
        near = np.clip(pupils.probability, CLOSEST_PROBABILITY, 1 - CLOSEST_PROBABILITY)
        codes, place = np.unique(np.rint(np.log(near / (1 - near)) * SCORE_STEP), return_inverse=True)
        score, many = codes / SCORE_STEP, np.bincount(place).astype(np.float64)
        left, given = (
            np.asarray(np.bincount(place, each, len(score)), dtype=np.float64) for each in (pupils.label, pupils.chance)
        )
        upto = np.cumsum(many)
        knots = np.unique(score[np.searchsorted(upto, np.array(KNOTS) * upto[-1])])
        columns = np.column_stack([np.ones(len(score)), score, *(np.maximum(score - knot, 0) for knot in knots)])
        share = min(max(float(left.sum() / upto[-1]), SMALLEST_SHARE), 1 - SMALLEST_SHARE)
        start = np.full(len(score), np.log(share / (1 - share)))
        risk = expit(start + columns @ fitted(columns, start, left, many))
        rising = np.argsort(risk, kind="stable")
        below = np.cumsum(many[rising]) - many[rising]
        part = np.minimum((below * EQUAL_RISKS // upto[-1]).astype(np.intp), EQUAL_RISKS - 1)
        used, first, part = np.unique(part, return_index=True, return_inverse=True)
        usual = np.bincount(part, given[rising], len(used)) / np.bincount(part, many[rising], len(used))
        return cls(place, columns, risk, risk[rising][first], usual)

    def usual_chance(self, risk: Real) -> Real:
        """Return the mean chance of a place of pupils of such risks."""
        return self.usual[np.maximum(np.searchsorted(self.edges, risk, side="right") - 1, 0)]

    def risk_within(self, left: Real, many: Real) -> Real:
        """Return the risk by score within a group: that of all, moved and stretched as the group's outcomes say.

        ``left`` and ``many`` count the group by score. Two numbers, level and slope, are found for it; the bends of the
        regression are those of all.
        """
        all_alike = np.log(self.risk / (1 - self.risk))
        present = many > 0
        middle = float((many * self.columns[:, 1]).sum() / max(many.sum(), 1.0))
        own = np.column_stack([np.ones(len(many)), self.columns[:, 1] - middle])
        moved = fitted(own[present], all_alike[present], left[present], many[present])
        return np.asarray(expit(all_alike + own @ moved))


def fitted(columns: Real, start: Real, left: Real, many: Real) -> Real:
    """Return the weights of a logistic regression of counts by Newton's steps, beside the fixed log-odds ``start``.

    A slope that the counts do not tell is left at zero; where all or none left, the steps stop after some.
    """
    at = np.zeros(columns.shape[1])
    loss = _loss(start, left, many)
    for _ in range(MOST_STEPS):
        risk = expit(start + columns @ at)
        curvature = (columns * (many * risk * (1 - risk))[:, None]).T @ columns
        step = np.linalg.pinv(curvature, hermitian=True) @ (columns.T @ (left - many * risk))
        tried = _loss(start + columns @ (at + step), left, many)
        halvings = 0
        while not tried <= loss and halvings < MOST_STEPS:
            step, halvings = step / 2, halvings + 1
            tried = _loss(start + columns @ (at + step), left, many)
        if not tried <= loss:
            break
        gain, loss, at = loss - tried, tried, at + step
        if gain <= ENOUGH * many.sum():
            break
    return at


def _loss(raw: Real, left: Real, many: Real) -> float:
    return float((many * np.logaddexp(0, raw) - left * raw).sum())
