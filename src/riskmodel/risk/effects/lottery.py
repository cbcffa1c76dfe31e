"""The effect of a place that was given by lot: within a block of pupils who had the same chance, those drawn and the rest.

A block is a tie: pupils of one school and semester with the same score at the cut, for whom there were not places enough.
Blocks are compared with themselves alone. Each counts by what it can tell, its number drawn × number not drawn / size:
the effect is then a linear function of one number, how many of the drawn left, whose law under "no effect" is known
exactly, a sum of hypergeometric numbers (the lots are the only chance in it; Fisher 1935, Mantel and Haenszel 1959).

The error is Neyman's where a block has two pupils or more on either side. Blocks with a single pupil on one side have
none of their own: theirs comes from how far such blocks differ among each other (Pashley and Miratrix 2021), which is too
large rather than too small where effects differ. Blocks in which all or none were drawn tell nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.effects.estimate import Estimate, Kind, NotEstimated, Reason

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

FEWEST_PUPILS = 20
"""Drawn, and not drawn."""

FEWEST_CASES = 5
"""Pupils who left, and pupils who stayed."""


@dataclass(frozen=True)
class Lottery:
    """The effect of being drawn, in shares who left."""

    intended: Estimate
    exact_p_value: float
    """Chance, by the lots alone, of a result at least as far from what they give on average, if a place changed nothing."""
    blocks: int
    pupils_left_out: int
    """In blocks that tell nothing: all or none drawn, or a single one without others like it to take an error from."""


def lottery(drawn: Floats, left: Floats, block: Integers) -> Lottery | NotEstimated:
    """Return the effect of a place given by lot.

    Parameters
    ----------
    drawn, left
        0 or 1 per pupil.
    block
        Number of the tie in which the pupil stood; in a tie everybody had the same chance.
    """
    if not (len(drawn) == len(left) == len(block)) or not all(
        np.isin(column, (0, 1)).all() for column in (drawn, left)
    ):
        raise UsageError(
            message("Lots and outcomes must be 0 or 1, pupil by pupil."),
            found=message("Columns differ in length, or other values stand among them."),
            remedy=message("Leave out pupils whose outcome is not known, and say how many they are."),
        )
    ties = _Ties.of(drawn, left, block).telling
    if min(ties.drawn.sum(), ties.rest.sum()) < FEWEST_PUPILS:
        return NotEstimated(Kind.LOTTERY, Reason.TOO_FEW_PUPILS)
    gone = ties.drawn_left.sum() + ties.rest_left.sum()
    if min(gone, ties.size.sum() - gone) < FEWEST_CASES:
        return NotEstimated(Kind.LOTTERY, Reason.NO_CASES)
    variance = ties.variance()
    if variance <= 0:
        return NotEstimated(Kind.LOTTERY, Reason.NO_CASES)
    weight = ties.weight / ties.weight.sum()
    effect = float(weight @ ties.effect)
    intended = Estimate(Kind.LOTTERY, effect, float(np.sqrt(variance)), int(ties.drawn.sum()), int(ties.rest.sum()))
    return Lottery(intended, ties.exact_p_value(), len(ties.size), len(drawn) - int(ties.size.sum()))


def balance(drawn: Floats, block: Integers, covariate: Floats) -> float | None:
    """Return the p-value of a difference in what was known before, between those drawn and the rest of their block.

    By the lots alone, near the normal law; a pupil without a value is left out. None where nothing varies.
    """
    known = np.isfinite(covariate)
    number = np.unique(block[known], return_inverse=True)[1]
    size, place, value = np.bincount(number), drawn[known], covariate[known]
    apart = value - (np.bincount(number, value) / size)[number]
    chosen = np.bincount(number, place)
    spread = np.bincount(number, apart**2) * chosen * (size - chosen) / (size * np.maximum(size - 1, 1))
    if spread.sum() <= 0:
        return None
    return float(2 * ndtr(-abs(place @ apart) / np.sqrt(spread.sum())))


@dataclass(frozen=True)
class _Ties:
    """Numbers of each block in which some were drawn and some were not."""

    drawn: Floats
    rest: Floats
    drawn_left: Floats
    rest_left: Floats

    @classmethod
    def of(cls, drawn: Floats, left: Floats, block: Integers) -> _Ties:
        number = np.unique(block, return_inverse=True)[1]
        counts = [np.bincount(number, of) for of in (drawn, 1 - drawn, drawn * left, (1 - drawn) * left)]
        is_split = (counts[0] > 0) & (counts[1] > 0)
        return cls(*(np.asarray(count[is_split], dtype=np.float64) for count in counts))

    @property
    def size(self) -> Floats:
        return self.drawn + self.rest

    @property
    def weight(self) -> Floats:
        return self.drawn * self.rest / self.size

    @property
    def effect(self) -> Floats:
        return self.drawn_left / self.drawn - self.rest_left / self.rest

    @property
    def is_large(self) -> NDArray[np.bool_]:
        return np.asarray((self.drawn >= 2) & (self.rest >= 2))

    @property
    def telling(self) -> _Ties:
        """The ties without small ones, where those are too few, or one of them too heavy, to tell their own error."""
        is_large = self.is_large
        small = self.weight[~is_large]
        if not len(small) or (2 * small < small.sum()).all():
            return self
        return _Ties(*(of[is_large] for of in (self.drawn, self.rest, self.drawn_left, self.rest_left)))

    def variance(self) -> float:
        """Return the variance of the weighted effect, of ties that are :attr:`telling`."""
        weight, effect = self.weight, self.effect
        is_large, total = self.is_large, 0.0
        for size, gone in ((self.drawn, self.drawn_left), (self.rest, self.rest_left)):
            share = gone[is_large] / size[is_large]
            total += float(weight[is_large] ** 2 @ (share * (1 - share) / (size[is_large] - 1)))
        small, own = weight[~is_large], effect[~is_large]
        if len(small):
            whole = small.sum()
            spread = small**2 / (whole - 2 * small)
            mean = float(small @ own / whole)
            total += whole**2 * float(spread @ (own - mean) ** 2) / (whole + float(spread.sum()))
        return total / float(weight.sum()) ** 2

    def exact_p_value(self) -> float:
        """Return the two-sided chance of the number of drawn pupils who left: all numbers at most as likely are added up."""
        chance, least = np.ones(1), 0
        most = int(self.size.max()) + 1
        numbers = (self.size, self.drawn_left + self.rest_left, self.drawn)
        alike, times_of = np.unique(
            np.ravel_multi_index([n.astype(np.intp) for n in numbers], (most,) * 3), return_counts=True
        )
        for tie, times in zip(np.column_stack(np.unravel_index(alike, (most,) * 3)), times_of, strict=True):
            size, gone, drawn = (int(number) for number in tie)
            first, law = _hypergeometric(size, gone, drawn)
            least += first * int(times)
            chance = np.convolve(chance, _times(law, int(times)))
        own = chance[int(self.drawn_left.sum()) - least]
        return float(min(1.0, chance[chance <= own * (1 + 1e-9)].sum()))


def _hypergeometric(size: int, gone: int, drawn: int) -> tuple[int, Floats]:
    """Return the least number of drawn pupils who left, and the chances of it and the numbers after it."""
    low, high = max(0, drawn + gone - size), min(drawn, gone)
    law = np.ones(high - low + 1)
    for place, number in enumerate(range(low, high)):
        law[place + 1] = (
            law[place] * (gone - number) * (drawn - number) / ((number + 1) * (size - gone - drawn + number + 1))
        )
    return low, law / law.sum()


def _times(law: Floats, times: int) -> Floats:
    """Return the law of the sum of ``times`` numbers that follow ``law``."""
    whole = np.ones(1)
    while times:
        if times % 2:
            whole = np.convolve(whole, law)
        law, times = np.convolve(law, law), times // 2
    return whole
