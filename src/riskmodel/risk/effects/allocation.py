"""Where the cut lay when places went by score: half way between the last pupil with a place and the first without.

A list gives places down to a number, not down to a score: the score of the last pupil with a place *is* the lowest with one.
Were that the cut, one pupil of every school would stand exactly at it, and the comparison would begin with a pile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Cuts:
    """Per pupil, the cut of the own list."""

    cut: Floats
    """NaN where the list had places for all or for none: there nothing was cut."""
    is_tied: Flags
    """Has the score of the cut itself, and not all with that score got a place. Only a lot makes those a comparison (the
    column ``tie``); where another order decided they belong to none."""


def cuts_of(score: Floats, is_within_capacity: Flags, listing: Integers) -> Cuts:
    """Return the cut of every pupil's list.

    Parameters
    ----------
    score
        By which places went, the highest first, without gaps.
    is_within_capacity
        Whether the list had a place for the pupil, by its rule: what staff decided later has no say.
    listing
        Number of the list: a school at a cut-off date, for example.

    Raises
    ------
    UsageError
        When a pupil without a place has a higher score than one with a place on the same list.

    >>> cuts_of(np.array([3.0, 2.0, 1.0]), np.array([True, True, False]), np.zeros(3, dtype=int)).cut.tolist()
    [1.5, 1.5, 1.5]
    """
    number = np.unique(listing, return_inverse=True)[1]
    lists = int(number.max()) + 1 if len(number) else 0
    lowest, highest = np.full(lists, np.inf), np.full(lists, -np.inf)
    np.minimum.at(lowest, number[is_within_capacity], score[is_within_capacity])
    np.maximum.at(highest, number[~is_within_capacity], score[~is_within_capacity])
    if (highest > lowest).any() or not np.isfinite(score).all():
        raise UsageError(
            message("On every list places must go to the highest scores, and every pupil on it must have one."),
            found=message("On {lists} lists this does not hold.", lists=int((highest > lowest).sum())),
            remedy=message("Give the order of the list itself, not what staff decided later."),
        )
    is_cut = np.isfinite(lowest) & np.isfinite(highest)
    cut = np.full(lists, np.nan)
    cut[is_cut] = (lowest[is_cut] + highest[is_cut]) / 2
    is_tied = is_cut & (lowest == highest)
    return Cuts(cut[number], np.asarray(is_tied[number] & (score == lowest[number])))
