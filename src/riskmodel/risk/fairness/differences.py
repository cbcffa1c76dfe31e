"""Whether a group's share of missed, of false alarms or its precision differs from that of all others, beyond chance.

**Chance.** If the list erred alike for all, the errors of a group would be drawn from those of all. Its deviation from
the share of all then has the variance

    σ² [(1 - ρ) D (1 - π) + ρ Σ_s (D_s - π D_all,s)²] / D²

with D the people that the share of the group is measured on, D_s those in school s, π = D / D_all, σ² the variance of one
person's error and ρ the likeness of two people of one school, estimated over all schools. The tail is that of a
binomial of the same variance, as the normal law calls five of nine people where one is expected a certainty.

**Many groups.** The probabilities of all groups, pairs and shares of a cohort are adjusted (Holm 1979): in a cohort where
all are treated alike, the chance of any flag is at most ``CHANCE_OF_ANY``. Half of it is for the groups by one trait, half
for the many pairs, which would else hide what holds for a whole group.

**Flag.** A flag needs both: an adjusted probability of at most ``CHANCE_OF_ANY``, and a difference from all others of at
least one of ``FLAG_LEVELS``; the largest one reached is its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from riskmodel.risk.fairness.figures import FIGURES, Figure, Real, denominators, figures, is_enough
from riskmodel.risk.fairness.tally import Audited, Cells, Partition
from riskmodel.settings import FLAG_LEVELS

CHANCE_OF_ANY = 0.05

ERRORS: tuple[Figure, ...] = ("missed_share", "false_alarm_share", "precision")
"""The shares that are compared. Who leaves more often is selected more often: that alone is no error."""

MIN_SIZE = 1e-9


@dataclass(frozen=True)
class Chance:
    """What chance alone does to one share: ``share`` of all, ``size`` of all, its ``likeness`` within schools (ρ)."""

    share: float
    size: float
    likeness: float
    by_school: Real

    @classmethod
    def of(cls, pupils: Audited, error: Figure) -> Chance:
        """Return the chance for one of OF_COUNTS among all pupils."""
        return cls.of_shares(pupils, *_counted(pupils, error))

    @classmethod
    def of_leaving(cls, pupils: Audited) -> Chance:
        """Return the chance for the share who left: the base rate."""
        return cls.of_shares(pupils, np.ones(len(pupils.label)), pupils.label)

    @classmethod
    def of_shares(cls, pupils: Audited, counted: Real, value: Real) -> Chance:
        """Return the chance for a share of which each pupil counts so far, and which it raises by ``value``."""
        size = float(counted.sum())
        if size < MIN_SIZE:
            return cls(np.nan, 0.0, 0.0, np.zeros(pupils.schools))
        share = float(value.sum() / size)
        apart = value - share * counted
        by_school, deviation = (np.bincount(pupils.school, each, pupils.schools) for each in (counted, apart))
        squares = float((apart**2).sum())
        pairs = float((by_school**2).sum() - (counted**2).sum())
        likeness = float((deviation**2).sum() - squares) / (squares / size * pairs) if squares * pairs > 0 else 0.0
        return cls(share, size, min(max(likeness, 0.0), 1.0), np.asarray(by_school, dtype=np.float64))

    def probability(self, share: Real, by_school: Real) -> Real:
        """Return, two-sided, how often chance moves a group's share at least so far.

        Parameters
        ----------
        share
            That of each group; NaN where not defined.
        by_school
            Groups × schools, the people whom the share is measured on.
        """
        size = by_school.sum(axis=1)
        part = np.divide(size, self.size, out=np.ones_like(size), where=self.size > 0)
        apart = by_school - part[:, None] * self.by_school
        variance = (1 - self.likeness) * size * (1 - part) + self.likeness * (apart**2).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):  # a group of all: no others, no probability
            people = size**2 / variance  # of a binomial of the same variance
            many = np.clip(people * share, 0, people)
            above = np.where(many > 0, betainc(many, people - many + 1, self.share), 1.0)
            below = np.where(many < people, betainc(people - many, many + 1, 1 - self.share), 1.0)
        found = np.minimum(1.0, 2 * np.minimum(above, below))
        return np.where(np.isfinite(people) & ~np.isnan(share), found, np.nan)


@dataclass(frozen=True)
class Compared:
    """The groups of a partition beside all others: groups × FIGURES, and probabilities groups × ERRORS (not adjusted).

    ``sums`` are those of the groups, ``by_school`` the same by school (groups × schools × columns).
    """

    partition: Partition
    sums: Real
    by_school: Real
    value: Real
    others: Real
    probability: Real

    @property
    def difference(self) -> Real:
        """The figure of each group minus that of all other pupils."""
        return self.value - self.others


def compare(cells: Cells, partition: Partition, chances: Sequence[Chance]) -> Compared:
    """Return the groups of ``partition`` beside all other pupils; ``chances`` are those of ERRORS, in their order.

    A figure that is measured on too few, in the group or among the others, has no value there and no probability.
    """
    by_school = sums_by_school(cells, partition)
    sums = by_school.sum(axis=1)
    outside = cells.sums.sum(axis=0) - sums
    value, others = (np.where(is_enough(each), figures(each), np.nan) for each in (sums, outside))
    people = denominators(by_school)
    places = [FIGURES.index(error) for error in ERRORS]
    probability = np.column_stack(
        [chance.probability(value[:, at], people[..., at]) for at, chance in zip(places, chances, strict=True)]
    )
    return Compared(
        partition, sums, by_school, value, others, np.where(np.isnan(others[:, places]), np.nan, probability)
    )


def sums_by_school(cells: Cells, partition: Partition, of_cells: Real | None = None) -> Real:
    """Return groups × schools × columns of sums; ``of_cells`` are cells × columns, by default the cells' own."""
    of_cells = cells.sums if of_cells is None else of_cells
    inside, groups, schools = partition.number >= 0, len(partition.groups), cells.pupils.schools
    place = partition.number[inside] * schools + cells.school[inside]
    columns = [np.bincount(place, column[inside], groups * schools) for column in of_cells.T]
    whole = np.asarray(np.stack(columns, axis=-1), dtype=np.float64)
    return whole.reshape(groups, schools, len(columns))


def adjusted(probability: Real) -> Real:
    """Return the probabilities adjusted together by Holm's steps; NaN stays, and is not counted.

    >>> adjusted(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    found = np.full(probability.shape, np.nan)
    known = np.flatnonzero(~np.isnan(probability))
    order = known[np.argsort(probability[known], kind="stable")]
    steps = probability[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return found


def level_of(difference: Real, probability: Real) -> Real:
    """Return the level of each difference with its adjusted probability: the largest of FLAG_LEVELS reached, 0 for no flag.

    >>> level_of(np.array([0.12, -0.2, 0.12, 0.03]), np.array([0.01, 0.01, 0.2, 0.001])).tolist()
    [0.1, 0.15, 0.0, 0.0]
    """
    reached = np.searchsorted(np.array(FLAG_LEVELS), np.abs(np.nan_to_num(difference)) + 1e-12, side="right")
    is_flagged = np.nan_to_num(probability, nan=1.0) <= CHANCE_OF_ANY
    return np.where(is_flagged, np.array((0.0, *FLAG_LEVELS))[reached], 0.0)


def _counted(pupils: Audited, error: Figure) -> tuple[Real, NDArray[np.float64]]:
    """Return, per pupil, how far it counts in a share, and how far it raises it."""
    left, chance = pupils.label, pupils.chance
    if error == "missed_share":
        return left, left * (1 - chance)
    if error == "false_alarm_share":
        return 1 - left, (1 - left) * chance
    if error == "precision":
        return chance, left * chance
    return np.ones(len(left)), chance  # selected
