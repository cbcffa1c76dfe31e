"""A remedy that an operator may choose: scores of a group moved so that leavers of all groups are missed equally often.

Off by default, and never chosen by a run: it puts pupils of lower risk on the list before others of higher risk because of a
trait, which is a decision of people, with a price. The places stay those of each school. What is moved is learnt on a
past cohort whose outcomes are known; its price is told there or, better, on a later one.

Within a school's places nothing can be won between groups that are in different schools: then ``is_equal`` is false and
the gap that stays is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.bootstrap import Order, Roster
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.fairness.figures import OF_COUNTS, Figure, figures
from riskmodel.risk.fairness.subgroup import MIN_PUPILS, numbered_groups

Real = NDArray[np.float64]

EQUAL = 0.01
"""Leavers of two groups are missed equally often when the shares are so near to that of all."""

MOST_STEPS = 40
FIRST_STEP, LONGER, SHORTER = 0.4, 1.3, 0.5
"""Log-odds by which a group is moved first; a step grows while its direction stays, and shrinks when it turns."""


@dataclass(frozen=True)
class Listed:
    """The pupils of a cohort with a score each, their schools' places and one trait, row by row.

    ``label`` is NaN where the outcome is censored: the pupil takes a place and is not counted.
    """

    roster: Roster
    score: Real
    group: NDArray[np.intp]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, school_id: pd.Series, raw_score: Real, label: Real, trait: pd.Series, capacity: Capacity | None = None
    ) -> Listed:
        """Return the list of a cohort; parameters row by row, ``raw_score`` in log-odds."""
        roster = Roster.of(school_id, school_id, label, capacity or Capacity(), "school")
        group, names = numbered_groups(trait)
        return cls(roster, raw_score, group, tuple(names))

    def chances(self, moves: Mapping[str, float] | None = None) -> Real:
        """Return each pupil's chance of a place once scores are moved by so many log-odds, by group.

        Raises
        ------
        UsageError
            For a move of a group that is not there.
        """
        moves = moves or {}
        if not set(moves) <= set(self.names):
            raise UsageError(
                message("Only the scores of groups that a cohort has can be moved."),
                found=message("A group was named that no pupil belongs to."),
                remedy=message("Learn the moves on a cohort with the same trait and groups."),
            )
        by_group = np.array([moves.get(name, 0.0) for name in self.names])
        return Order.of(self.roster, self.score + by_group[self.group]).chances(self.roster)

    def sums(self, chance: Real) -> Real:
        """Return groups × the columns of :mod:`riskmodel.risk.fairness.tally`; no probabilities are summed."""
        known = ~np.isnan(self.roster.label)
        label, given, group = self.roster.label[known], chance[known], self.group[known]
        columns = (np.ones(len(label)), label, given, label * given, np.zeros(len(label)))
        return np.column_stack([np.bincount(group, each, len(self.names)) for each in columns])


@dataclass(frozen=True)
class Remedy:
    """By how many log-odds the scores of each group are moved, and how far leavers are then missed equally often.

    ``largest_gap`` is the largest difference of a group's share of missed from that of all, where the moves were learnt.
    """

    moves: Mapping[str, float]
    largest_gap: float

    @property
    def is_equal(self) -> bool:
        """Whether leavers of all groups are missed equally often."""
        return self.largest_gap <= EQUAL


def remedy_for(listed: Listed) -> Remedy:
    """Return the moves after which leavers of every group are missed equally often, or as nearly as the places allow.

    A group of which fewer than twenty left is not moved.
    """
    moves, step = np.zeros(len(listed.names)), np.full(len(listed.names), FIRST_STEP)
    before = np.zeros(len(listed.names))
    best: Remedy | None = None
    for _ in range(MOST_STEPS):
        named = dict(zip(listed.names, moves.tolist(), strict=True))
        sums = listed.sums(listed.chances(named))
        left = sums[:, 1]
        missed, of_all = figures(sums)[:, 0], figures(sums.sum(axis=0))[0]
        gap = np.where(left >= MIN_PUPILS, missed - of_all, 0.0)
        largest = float(np.abs(gap).max(initial=0.0))
        if best is None or largest < best.largest_gap:
            best = Remedy(named, largest)
        if largest <= EQUAL / 2:
            break
        turned = np.sign(gap) * before < 0
        step = np.where(turned, step * SHORTER, np.where(before == 0, step, step * LONGER))
        before = np.sign(gap)
        moves = moves + before * step
        # Only how far groups are moved against each other matters.
        moves = np.where(left >= MIN_PUPILS, moves - float((moves * left).sum() / max(left.sum(), 1.0)), 0.0)
    assert best is not None
    return best


@dataclass(frozen=True)
class Price:
    """What a remedy changes in a cohort: groups × OF_COUNTS before and after, and pupils (a tie counts in parts).

    ``reached`` counts those who left and had a place, ``false_alarms`` those who stayed and had one; ``entering`` get a place
    that ``leaving`` lose, and so many of each left.
    """

    groups: tuple[str, ...]
    before: Real
    after: Real
    reached: tuple[float, float]
    false_alarms: tuple[float, float]
    entering: float
    entering_left: float
    leaving: float
    leaving_left: float

    def figure(self, group: str, name: Figure) -> tuple[float, float]:
        """Return a figure (of OF_COUNTS) of a group before and after."""
        at = self.groups.index(group), OF_COUNTS.index(name)
        return float(self.before[at]), float(self.after[at])


def price_of(listed: Listed, moves: Mapping[str, float]) -> Price:
    """Return what moving the scores changes in a cohort with outcomes."""
    chances = listed.chances(), listed.chances(moves)
    sums = [listed.sums(chance) for chance in chances]
    totals = [each.sum(axis=0) for each in sums]
    known = ~np.isnan(listed.roster.label)
    change, label = (chances[1] - chances[0])[known], listed.roster.label[known]
    up, down = np.maximum(change, 0), np.maximum(-change, 0)
    return Price(
        groups=listed.names,
        before=figures(sums[0])[:, : len(OF_COUNTS)],
        after=figures(sums[1])[:, : len(OF_COUNTS)],
        reached=(float(totals[0][3]), float(totals[1][3])),
        false_alarms=(float(totals[0][2] - totals[0][3]), float(totals[1][2] - totals[1][3])),
        entering=float(up.sum()),
        entering_left=float((up * label).sum()),
        leaving=float(down.sum()),
        leaving_left=float((down * label).sum()),
    )
