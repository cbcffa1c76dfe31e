"""Rows as whole numbers on disk, divided by school year and pupil, so that any part of them fits into memory.

A row is a line of numbers, one per column, that stand in the order of the values; sorted numbers are sorted rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from riskmodel.tables.canonical import FILED_FROM_MONTH

Numbers = np.ndarray[Any, np.dtype[Any]]

EMPTY = int(np.iinfo(np.int32).max)
"""The number of a cell without a value: it stands after all others."""
ROWS_A_BUCKET = 250_000
"""About how many rows are brought into order at once."""
KEPT_BYTES = 16 << 20
"""How much is kept in memory before it is written."""
WORD_BITS = 63


def school_years(days: Numbers) -> Numbers:
    """Return for days since 1970 the calendar year in which the year began in which they are filed, on 1 August."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    years: Numbers = (months - (FILED_FROM_MONTH - 1)) // 12 + 1970
    return years


class Buckets:
    """Rows on disk by school year and range of pupils.

    Parameters
    ----------
    folder
        A private folder for the rows.
    columns
        Names of the numbers of a row; among them ``happened_on`` (days since 1970) and ``pupil_id`` (0 to ``pupils``).
    rows
        About how many rows will come.
    by_year
        Divide by school year too; without it a week that holds 1 August stays whole.
    """

    def __init__(self, folder: Path, columns: Sequence[str], pupils: int, rows: int, *, by_year: bool = True) -> None:
        folder.mkdir()
        self.folder, self.columns, self._by_year = folder, tuple(columns), by_year
        ranges = max(1, -(-rows // ROWS_A_BUCKET))
        self._width = max(1, -(-pupils // ranges))
        self._ranges = -(-pupils // self._width) or 1
        self._new: list[Numbers] = []
        self._new_bytes = 0
        self._keys: set[int] = set()

    def add(self, rows: Numbers) -> None:
        """Add rows: an array of int32, one line a row."""
        if not len(rows):
            return
        self._new.append(rows)
        self._new_bytes += rows.nbytes
        if self._new_bytes > KEPT_BYTES:
            for key, part in self._divide():
                self._append(key, part)

    def add_all(self, others: Buckets) -> None:
        """Add the rows of other buckets of the same columns, which are not to be used any more."""
        if self.is_empty:
            self.__dict__ = others.__dict__
            return
        for _key, _year, rows in others.parts():
            self.add(rows)

    @property
    def is_empty(self) -> bool:
        """No row came."""
        return not (self._keys or self._new)

    def _divide(self) -> list[tuple[int, Numbers]]:
        """Return the new rows by bucket, each with its key; none are new then."""
        if not self._new:
            return []
        rows = np.concatenate(self._new)
        self._new, self._new_bytes = [], 0
        keys = rows[:, self.columns.index("pupil_id")] // self._width
        if self._by_year:
            days = rows[:, self.columns.index("happened_on")]
            first, last = int(days.min()), int(days.max())
            keys += (school_years(np.arange(first, last + 1)) * self._ranges)[days - first].astype(np.int32)
        lowest = int(keys.min())
        keys -= lowest
        few = int(keys.max()) < 1 << 16
        order = np.argsort(keys.astype(np.uint16) if few else keys, kind="stable")  # short numbers are sorted in one pass
        counts = np.bincount(keys)
        ends = np.cumsum(counts)
        rows = rows.take(order, axis=0)
        found = [(int(key) + lowest, rows[ends[key] - counts[key] : ends[key]]) for key in np.flatnonzero(counts)]
        self._keys.update(key for key, _ in found)
        return found

    def _append(self, key: int, rows: Numbers) -> None:
        with self._path(key).open("ab") as file:
            file.write(np.ascontiguousarray(rows, np.int32).data)

    def _path(self, key: int) -> Path:
        return self.folder / f"{key}.rows"

    def replace(self, key: int, rows: Numbers) -> None:
        """Put other rows in the place of those of one bucket."""
        self._path(key).unlink(missing_ok=True)
        self._append(key, rows)

    def parts(self) -> Iterator[tuple[int, int, Numbers]]:
        """Yield the key, the school year and the rows of each bucket, by school year and then by pupil."""
        for key, rows in self._divide():
            self._append(key, rows)
        for key in sorted(self._keys):
            yield key, key // self._ranges, np.fromfile(self._path(key), np.int32).reshape(-1, len(self.columns))


def packed(rows: Numbers, places: Sequence[int]) -> list[Numbers]:
    """Return the named numbers of each row packed into as few words of 63 bits as hold them, in the same order."""
    words: list[Numbers] = []
    free = 0
    for place in places:
        numbers = rows[:, place].astype(np.int64)
        lowest = int(numbers.min()) if len(numbers) else 0
        bits = max(1, (int(numbers.max()) - lowest).bit_length()) if len(numbers) else 1
        numbers -= lowest
        if bits > free:
            words.append(numbers)
            free = WORD_BITS - bits
        else:
            words[-1] = (words[-1] << bits) | numbers
            free -= bits
    return words


def in_order(rows: Numbers, places: Sequence[int]) -> tuple[Numbers, Numbers]:
    """Return rows sorted by the named numbers, and for each whether it is equal in them to the row before."""
    words = packed(rows, places)
    order = np.argsort(words[0]) if len(words) == 1 else np.lexsort(words[::-1])
    equal = np.zeros(len(rows), bool)
    if len(rows) > 1:
        equal[1:] = True
        for word in words:
            ordered = word[order]
            equal[1:] &= ordered[1:] == ordered[:-1]
    return rows[order], equal
