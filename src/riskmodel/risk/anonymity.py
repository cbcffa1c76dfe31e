"""Rows for researchers in which nobody stands out: coarser values first, then hidden ones, then rows left out.

A *quasi-identifier* is what somebody may know of a child from elsewhere. Rows that agree in all of them are a *cell*; each
cell of the result has at least ``k`` rows, where a hidden value counts as a value of its own. What is in the other columns is
not looked at here, except that the ends of numbers are drawn in (:func:`drawn_in`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HIDDEN = "*"
"""Stands for a value that is known and hidden. A missing value means that there is no data."""

SMALLEST_CELL = 5
MOST_HIDDEN_SHARE = 0.05
"""Values are made coarser until at most this share of the rows stands in small cells; those get hidden values."""

Coarser = Callable[[str], str]


@dataclass(frozen=True)
class Quasi:
    """A quasi-identifier.

    Attributes
    ----------
    name
        Its column, of texts.
    coarser
        Coarser readings of a value, each coarser than the one before; each reads the value as it was given.
    is_given_up_first
        Hidden where a cell is small before anything else is hidden, and not a reason to make other values coarser.
    """

    name: str
    coarser: tuple[Coarser, ...] = ()
    is_given_up_first: bool = False


@dataclass(frozen=True)
class Anonymous:
    """Rows without small cells, and what was done to get there.

    Attributes
    ----------
    rows
        In their order, with coarser and hidden values; rows that could not be kept are missing.
    levels
        By quasi-identifier, how often its values were made coarser (0: as they were given).
    hidden
        By quasi-identifier, in how many of the rows its value is hidden.
    left_out
        Number of rows that were left out.
    smallest_cell, cells
        Rows of the smallest cell (0 without rows) and number of cells.
    """

    rows: pd.DataFrame
    levels: Mapping[str, int]
    hidden: Mapping[str, int]
    left_out: int
    smallest_cell: int
    cells: int


def without_small_cells(
    rows: pd.DataFrame,
    quasis: Sequence[Quasi],
    within: str,
    k: int = SMALLEST_CELL,
    most_hidden_share: float = MOST_HIDDEN_SHARE,
) -> Anonymous:
    """Return ``rows`` such that each combination of quasi-identifiers in a group has at least ``k`` rows.

    Parameters
    ----------
    rows
        One row per child and group; the columns named by ``quasis`` hold texts or nothing.
    quasis
        In the order in which they are hidden: what is missed least stands first.
    within
        Column of the groups (cohorts), which are published and never changed.
    """
    if k < 1:
        raise ValueError("a cell has at least one row")
    given, levels = rows.reset_index(drop=True), dict.fromkeys((quasi.name for quasi in quasis), 0)
    shown = _coarsened(given, quasis, within, k, most_hidden_share, levels)
    names = [within, *levels]
    for quasi in sorted(quasis, key=lambda quasi: not quasi.is_given_up_first):
        small = _cell_sizes(shown, names) < k
        shown[quasi.name] = shown[quasi.name].mask(small, HIDDEN)
    sizes = _cell_sizes(shown, names)
    kept = shown[sizes >= k]
    hidden = {name: int((kept[name] == HIDDEN).sum()) for name in levels}
    left = sizes[sizes >= k]
    return Anonymous(
        kept, levels, hidden, len(shown) - len(kept), int(left.min(initial=len(kept))), int(np.round((1 / left).sum()))
    )


def _coarsened(
    given: pd.DataFrame,
    quasis: Sequence[Quasi],
    within: str,
    k: int,
    most_hidden_share: float,
    levels: dict[str, int],
) -> pd.DataFrame:
    """Return ``given`` with the coarser values that are needed; ``levels`` says how often. Always the next step that helps most."""
    shown = given.copy()
    counted = [quasi for quasi in quasis if not quasi.is_given_up_first]
    names = [within, *(quasi.name for quasi in counted)]
    while _small_share(shown, names, k) > most_hidden_share:
        tries = []
        for place, quasi in enumerate(counted):
            if levels[quasi.name] < len(quasi.coarser):
                column = given[quasi.name].map(quasi.coarser[levels[quasi.name]], na_action="ignore")
                tries.append((_small_share(shown.assign(**{quasi.name: column}), names, k), place, column))
        if not tries:
            break
        _, place, column = min(tries, key=lambda one: one[:2])
        shown[counted[place].name] = column
        levels[counted[place].name] += 1
    return shown


def _small_share(rows: pd.DataFrame, names: Sequence[str], k: int) -> float:
    return float((_cell_sizes(rows, names) < k).mean()) if len(rows) else 0.0


def _cell_sizes(rows: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    """Return, for each row, how many rows stand in its cell. No data is a value like others: it is seen."""
    cell = np.zeros(len(rows), np.int64)
    for name in names:
        codes, values = pd.factorize(rows[name], use_na_sentinel=False)
        # Numbered anew at each column, so that the number of possible cells does not count.
        _, cell = np.unique(cell * max(len(values), 1) + codes, return_inverse=True)
    sizes: NDArray[np.int64] = np.bincount(cell)[cell] if len(cell) else cell
    return sizes


def drawn_in(values: NDArray[np.float64], k: int = SMALLEST_CELL) -> NDArray[np.float64]:
    """Return numbers whose ends are drawn in, so that at least ``k`` rows share the smallest and the largest.

    All are missing where fewer than ``k`` are known, and all are the middle one where the ends would cross.

    >>> drawn_in(np.array([1.0, 2.0, 3.0, 4.0, 90.0]), 2).tolist()
    [2.0, 2.0, 3.0, 4.0, 4.0]
    """
    known = np.sort(values[~np.isnan(values)])
    if len(known) < k:
        return np.full(len(values), np.nan)
    low, high = known[k - 1], known[-k]
    if low > high:
        low = high = known[len(known) // 2]
    return np.clip(values, low, high)
