"""Which rows teach a model when there are more than it needs: shares of leavers and of stayers, drawn by content.

Those who stayed are many and alike, those who left are few: one fit reads all leavers and a share of the stayers. The
learner sees the drawn rows without weights, and the difference of the two shares is then taken out of its log-odds,

    log-odds in the cohorts = log-odds in the draw + log(share of stayers drawn / share of leavers drawn),

which holds for every row because a draw looks at the label alone (Prentice and Pyke 1979). Weighting the drawn stayers
up instead gives the same expectation and a worse model: their weight makes trees cling to few rows.

All cohorts are drawn by the same two shares: a share of their own for newer ones would move the base rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled

MIXER, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
UNSIGNED, INFINITE, NAN = (
    np.uint64(0x7FFF_FFFF_FFFF_FFFF),
    np.uint64(0x7FF0_0000_0000_0000),
    np.uint64(0x7FF8_0000_0000_0000),
)
"""Of the bits of a number: all but the sign, infinity, and how NumPy writes "no number"."""


@dataclass(frozen=True)
class Draw:
    """The shares of leavers and of stayers that a fit reads, each above 0 and up to 1."""

    left: float = 1.0
    stayed: float = 1.0

    @property
    def is_whole(self) -> bool:
        """Whether every row is read."""
        return self.left == self.stayed == 1.0

    @property
    def shift(self) -> float:
        """What is added to the log-odds that the drawn rows teach."""
        return math.log(self.stayed / self.left)

    def share_of(self, label: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return, per row, the share by which rows of its label are drawn; one drawn row stands for 1 / share rows."""
        return np.where(label == 1, self.left, self.stayed)

    def chosen(self, lot: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows are drawn. A row drawn by some shares is drawn by all larger ones."""
        return lot < self.share_of(label)


def draw_for(left: int, stayed: int, most_rows: int) -> Draw:
    """Return the draw for so many leavers and stayers of about ``most_rows`` rows (0: all).

    Leavers fill at most half of the rows; what they leave is filled by stayers.

    >>> draw_for(left=100, stayed=1900, most_rows=1050)
    Draw(left=1.0, stayed=0.5)
    """
    if most_rows == 0 or left + stayed <= most_rows:
        return Draw()
    left_rows = min(left, max(most_rows // 2, most_rows - stayed))
    stayed_rows = min(stayed, most_rows - left_rows)
    return Draw(left_rows / left if left else 1.0, stayed_rows / stayed if stayed else 1.0)


def content_of(matrix: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return a 64-bit mix of each row's values and label: equal for equal rows, missing or not.

    Sorting by it puts rows into an order of their own; sorting by all columns gives nothing more and takes a second.
    """
    mixed = np.zeros(len(label), dtype=np.uint64)
    for column in (label, *matrix.T):
        _stir(np.ascontiguousarray(column, dtype=np.float64).view(np.uint64), mixed)
    return mixed


def lots(content: NDArray[np.uint64], cohort: int, seed: int) -> NDArray[np.float64]:
    """Return the lot of each row of one cohort, from 0 up to 1, by content, ``cohort`` and ``seed`` alone.

    Neither the order of rows nor the keys of pupils move a lot. Rows of the same content (young pupils of whom little is
    known) are numbered, so that a share of them is drawn and not all or none.
    """
    order = np.argsort(content, kind="stable")
    rising = content[order]
    is_first = np.append(True, rising[1:] != rising[:-1])[: len(rising)]
    places = np.arange(len(rising))
    number = np.empty(len(rising), dtype=np.uint64)
    number[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    mixed = _mix(
        _mix(content + number * MIXER) ^ np.uint64(cohort % (1 << 32)) ^ (np.uint64(seed % (1 << 31)) << np.uint64(32))
    )
    mixed = _mix(mixed ^ (mixed >> np.uint64(32)))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers (loops: one number) in which each bit hangs on many of those given."""
    mixed = values * MIXER
    return mixed ^ (mixed >> SHIFT)


_mixed: Any = compiled(_mix)


def _stir_in(bits: NDArray[np.uint64], mixed: NDArray[np.uint64]) -> None:
    """Mix the bits of a column of numbers into what was mixed so far; NaN has one bit pattern, and so has zero."""
    for row in range(len(bits)):
        value = bits[row]
        if value & UNSIGNED > INFINITE:
            value = NAN
        elif value & UNSIGNED == 0:
            value = np.uint64(0)
        mixed[row] = _mixed(mixed[row] ^ value)


_stir: Any = compiled(_stir_in)
