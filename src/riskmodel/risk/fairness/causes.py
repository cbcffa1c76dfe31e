"""Why a group's errors differ: other risks, other places, or a measurement that means something else there.

A list can err more often in a group for three reasons, and the remedies are not the same:

*risk*: the group's pupils have other risks (its base rate differs). A score that means the same for everybody then gives
other shares of missed and of false alarms, and no better score would take that away.
*measurement*: at an equal score, its pupils leave more or less often. Records that are kept differently, a feature that
means something else there, or one that is missing: the score is wrong for the group.
*places*: at an equal score, its pupils get a place more or less often, as its schools have other places or other pupils.

**Parts.** Let e be the risk that an equal score means for all pupils together (a smooth logistic regression of the outcome
on the score), g the risk that it means in the group (moved and stretched by the group's own outcomes), f the chance of a
place, and f̄(·) its mean among all pupils of such a risk. The missed share of the group is 1 - Σyf / Σy; and

    1 - Σ g f̄(g) / Σ g    if everybody's risk were read right and places were given by it
    1 - Σ g f̄(e) / Σ g    if risk is read from the score as for all
    1 - Σ g f / Σ g       with the places as they were given.

The difference from all others is the sum of four: of the first (risk), of the second minus the first (measurement), of the
third minus the second (places), and of the share itself minus the third (the rest, chance). So for false alarms and
precision. Reading risk from the score alone would take a group whose absences are not recorded for one of low risk.

**Measurement, tested.** In the regression of the outcome on the score and the group, the group must not matter:
the efficient score of its coefficient, Σ_group (y - e), with errors that allow for schools (the larger one of the sum of
squares over schools and of what the likeness of residuals within all schools predicts). Probabilities are adjusted over the
groups that are flagged.

**Risk, tested.** The share who left in the group must differ from that of all others beyond chance, as an error must (see
:mod:`riskmodel.risk.fairness.differences`); adjusted over the flagged groups, too.

**Rule.** A cause is named when its part has the sign of the difference and is at least ``MIN_PART`` of it; measurement and
risk, when their tests hold besides. Where none can be named, the cause is unclear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from riskmodel.risk.fairness.differences import CHANCE_OF_ANY, sums_by_school
from riskmodel.risk.fairness.equal_scores import EqualScores
from riskmodel.risk.fairness.figures import Figure, figures
from riskmodel.risk.fairness.tally import Audited, Cells, Partition

Real = NDArray[np.float64]
Cause = Literal["risk", "places", "measurement"]
CAUSES: tuple[Cause, ...] = ("risk", "places", "measurement")
REST, UNCLEAR = "rest", "unclear"

MIN_PART = 0.25
"""A cause is named from a quarter of the difference up: what is smaller is not what a remedy should begin with."""

PARTED: tuple[Figure, ...] = ("missed_share", "false_alarm_share", "precision", "selected_share")
"""Figures whose difference has parts, the first of FIGURES."""

NOTHING = 1e-9
RESIDUAL, ROOT, WEIGHT, RISK = range(4)


@dataclass(frozen=True)
class Explained:
    """Groups of a partition, each against all others: the parts of its differences, and the test of measurement.

    ``parts`` are groups × PARTED × (CAUSES and the rest). ``left`` counts those who left, ``expected`` those who would have at
    an equal score; ``log_odds`` is by how much more than all others the group leaves at an equal score, ``error`` its standard
    error and ``probability`` (two-sided, not adjusted) that of no difference.
    """

    parts: Real
    left: Real
    expected: Real
    log_odds: Real
    error: Real

    @property
    def probability(self) -> Real:
        """Two-sided, how often chance moves the log-odds at least so far."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(2 * ndtr(-np.abs(self.log_odds / self.error)))


class Explaining:
    """What equal scores mean in one cohort, ready to be asked about many groups."""

    def __init__(self, cells: Cells) -> None:
        self.cells, pupils = cells, cells.pupils
        self._equal = EqualScores.of(pupils)
        risk, columns = self._equal.risk[self._equal.place], self._equal.columns[self._equal.place]
        weight, residual = risk * (1 - risk), pupils.label - risk
        root = np.sqrt(weight)
        self._sums = cells.summed((residual, root, weight, risk))
        self._weighted = cells.summed(tuple(columns.T * weight))
        self._inverse = np.linalg.pinv((columns.T * weight) @ columns, hermitian=True)
        self._by_school = [
            np.column_stack([np.bincount(pupils.school, column, pupils.schools) for column in columns.T * each])
            for each in (residual, root)
        ]
        self._likeness = _likeness(residual, weight, pupils)

    def explain(self, partition: Partition, groups: NDArray[np.int64]) -> Explained:
        """Return why these groups of ``partition`` (their numbers, rising) differ from all others."""
        own = partition.sums(self._sums)
        log_odds, error = self._log_odds(partition, own)
        pupils, place, scores = self.cells.pupils, self._equal.place, len(self._equal.risk)
        columns = (np.ones(len(place)), pupils.label, pupils.chance, pupils.label * pupils.chance)
        whole = np.column_stack([np.bincount(place, each, scores) for each in columns])
        number = _places_among(partition, groups)[self.cells.cell]
        inside = number >= 0
        at = number[inside] * scores + place[inside]
        of_groups = [np.bincount(at, each[inside], len(groups) * scores).reshape(-1, scores) for each in columns]
        by_score = np.stack(of_groups, axis=-1)
        parts = np.stack([self._parts(each) - self._parts(whole - each) for each in by_score])
        return Explained(parts, by_score[..., 1].sum(axis=1), own[groups, RISK], log_odds[groups], error[groups])

    def _parts(self, by_score: Real) -> Real:
        """Return PARTED × (CAUSES and the rest) of counts by score: pupils, left, places, left with a place."""
        many, left, given, reached = by_score.T
        within = self._equal.risk_within(left, many)
        right, read = self._equal.usual_chance(within), self._equal.usual_chance(self._equal.risk)
        sums = [
            [(many * within).sum(), chance.sum(), (within * chance).sum()]
            for chance in (many * right, many * read, given)
        ]
        seen = [left.sum(), given.sum(), reached.sum()]
        table = np.array([[many.sum(), *each, 0.0] for each in (*sums, seen)])
        as_risk, as_read, as_given, as_seen = figures(table)[:, : len(PARTED)]
        return np.column_stack([as_risk, as_given - as_read, as_read - as_risk, as_seen - as_given])

    def _log_odds(self, partition: Partition, own: Real) -> tuple[Real, Real]:
        weighted = partition.sums(self._weighted)
        slope = weighted @ self._inverse  # of belonging to the group on the columns of the score
        information = own[:, WEIGHT] - (weighted * slope).sum(axis=1)
        by_school = sums_by_school(self.cells, partition, self._sums[:, [RESIDUAL, ROOT]])
        apart, together = (by_school[..., at] - slope @ self._by_school[at].T for at in (RESIDUAL, ROOT))
        alike = information + self._likeness * ((together**2).sum(axis=1) - information)
        error = np.sqrt(np.maximum((apart**2).sum(axis=1), alike))
        known = np.where(information > NOTHING, information, np.nan)
        return own[:, RESIDUAL] / known, error / known


def named(parts: Real, difference: float, shown: tuple[bool, bool, bool]) -> tuple[Cause, ...]:
    """Return the causes of a difference by the rule, the largest part first.

    Parameters
    ----------
    parts
        The parts of the difference, in the order of CAUSES.
    shown
        For each cause, whether its test holds; that of places has none and holds.

    >>> named(np.array([0.10, 0.00, 0.02]), 0.12, (True, True, True))
    ('risk',)
    >>> named(np.array([0.02, 0.00, 0.08]), 0.10, (True, True, False))
    ()
    """
    share = parts / difference
    found = [at for at in np.argsort(-share, kind="stable") if share[at] >= MIN_PART]
    return tuple(CAUSES[at] for at in found if shown[at])


def is_shown(probability: float) -> bool:
    """Return whether an adjusted probability shows that a score, or the base rate, is another in a group."""
    return probability <= CHANCE_OF_ANY


def _places_among(partition: Partition, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for each cell, the place of its group among ``groups``, -1 where it is of none."""
    place = np.full(len(partition.groups) + 1, -1)
    place[groups] = np.arange(len(groups))
    return np.asarray(place[partition.number])  # -1, of no group, reads the last


def _likeness(residual: Real, weight: Real, pupils: Audited) -> float:
    """Return how alike the residuals of two pupils of one school are, from 0."""
    apart, root = (np.bincount(pupils.school, each, pupils.schools) for each in (residual, np.sqrt(weight)))
    pairs = float((root**2).sum() - weight.sum())
    return min(max(float((apart**2).sum() - (residual**2).sum()) / pairs, 0.0), 1.0) if pairs > 0 else 0.0
