"""Rows as whole numbers on disk, divided by school year and pupil, so that any part of them fits into memory.

A row is a line of numbers, one per column, that stand in the order of the values; sorted numbers are sorted rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from riskmodel.tables.filing import filed_years

Numbers = np.ndarray[Any, np.dtype[Any]]

EMPTY = int(np.iinfo(np.int32).max)
"""The number of a cell without a value: it stands after all others."""
ROWS_A_BUCKET = 250_000
"""About so many rows, or fewer, are in a bucket."""
ROWS_A_PART = 131_072
"""Small buckets that follow one another are brought into order together up to so many rows."""
KEPT_BYTES = 8 << 20
"""How much is kept in memory before it is written."""
WORD_BITS = 63


class _Runs(NamedTuple):
    """Where the rows of each bucket, from ``first_key`` on, lie in the file, and how many, of one writing."""

    first_key: int
    begins: Numbers
    counts: Numbers

    def of(self, key: int) -> tuple[int, int]:
        at = key - self.first_key
        return (int(self.begins[at]), int(self.counts[at])) if 0 <= at < len(self.counts) else (0, 0)


class Buckets:
    """Rows on disk by school year and range of pupils.

    Parameters
    ----------
    path
        A private file for the rows.
    columns
        Names of the numbers of a row; among them ``happened_on`` (days since 1970) and ``pupil_id`` (0 to ``pupils``).
    rows
        About how many rows will come.
    by_year
        Divide by school year too; without it a week that holds 1 August stays whole.
    """

    def __init__(self, path: Path, columns: Sequence[str], pupils: int, rows: int, *, by_year: bool = True) -> None:
        self.columns, self._by_year = tuple(columns), by_year
        ranges = max(1, -(-rows // ROWS_A_BUCKET))
        self._width = max(1, -(-pupils // ranges))
        self._ranges = -(-pupils // self._width) or 1
        self._new: list[Numbers] = []
        self._new_bytes = 0
        self._file = path.open("xb+", buffering=0)
        self._written = 0
        self._runs: list[_Runs] = []

    def add(self, rows: Numbers) -> None:
        """Add rows: an array of int32, one line a row."""
        if not len(rows):
            return
        self._new.append(rows)
        self._new_bytes += rows.nbytes
        if self._new_bytes > KEPT_BYTES:
            self._write()

    def add_all(self, others: Buckets) -> None:
        """Add the rows of other buckets of the same columns, which are not to be used any more."""
        if self.is_empty:
            self.__dict__ = others.__dict__
            return
        for _keys, _year, rows in others.parts():
            self.add(rows)

    @property
    def is_empty(self) -> bool:
        """No row is there."""
        return not (self._new or self._keys())

    def _write(self) -> None:
        """Write the new rows, bucket by bucket."""
        if not self._new:
            return
        from riskmodel.sources import loops  # noqa: PLC0415  (what compiles them is not always needed)

        parts = [np.ascontiguousarray(part, np.int32) for part in self._new]
        self._new, self._new_bytes = [], 0
        pupil, day = self.columns.index("pupil_id"), self.columns.index("happened_on")
        first = min(int(part[:, day].min()) for part in parts)
        last = max(int(part[:, day].max()) for part in parts)
        years = filed_years(np.arange(first, last + 1)) if self._by_year else np.zeros(last + 1 - first, np.int64)
        first_key = int(years[0]) * self._ranges
        division = loops.Division(pupil, day, self._width, first, years * self._ranges - first_key)
        counts = np.zeros(int(division.of_day[-1]) + self._ranges, np.int64)
        keys = [loops.bucket_keys(part, division, counts) for part in parts]
        begins = np.cumsum(counts) - counts
        self._runs.append(_Runs(first_key, begins + self._written, counts))
        rows = np.empty((int(counts.sum()), len(self.columns)), np.int32)
        for part, key_of_row in zip(parts, keys, strict=True):
            loops.divide(part, key_of_row, begins, rows)
        self._file.seek(0, os.SEEK_END)
        _write_whole(self._file.fileno(), rows)
        self._written += len(rows)

    def replace(self, keys: Sequence[int], rows: Numbers) -> None:
        """Put other rows in the place of those of some buckets."""
        for runs in self._runs:
            for key in keys:
                if 0 <= key - runs.first_key < len(runs.counts):
                    runs.counts[key - runs.first_key] = 0
        self.add(rows)

    def parts(self) -> Iterator[tuple[list[int], int, Numbers]]:
        """Yield the rows by school year and then by pupil: some buckets at once, with their keys and their school year."""
        self._write()
        keys, rows = list[int](), 0
        for key in self._keys():
            more = sum(runs.of(key)[1] for runs in self._runs)
            if keys and (key // self._ranges != keys[0] // self._ranges or rows + more > ROWS_A_PART):
                yield keys, keys[0] // self._ranges, self._read(keys, rows)
                keys, rows = [], 0
            keys.append(key)
            rows += more
        if keys:
            yield keys, keys[0] // self._ranges, self._read(keys, rows)

    def _keys(self) -> list[int]:
        """Return the keys of the buckets that hold rows."""
        return sorted({int(key) + runs.first_key for runs in self._runs for key in np.flatnonzero(runs.counts)})

    def _read(self, keys: Sequence[int], size: int) -> Numbers:
        rows = np.empty((size, len(self.columns)), np.int32)
        at, line = 0, rows.itemsize * len(self.columns)
        for key in keys:
            for runs in self._runs:
                begin, count = runs.of(key)
                if count:
                    _read_whole(self._file.fileno(), rows[at : at + count], begin * line)
                at += count
        return rows


def _write_whole(descriptor: int, rows: Numbers) -> None:
    left = rows.data.cast("B")
    while left:
        left = left[os.write(descriptor, left) :]


def _read_whole(descriptor: int, rows: Numbers, offset: int) -> None:
    left = rows.data.cast("B")
    while left:
        done = os.preadv(descriptor, [left], offset)
        if not done:
            raise EOFError("rows that were written must be there")
        left, offset = left[done:], offset + done


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


def has_equal(rows: Numbers, places: Sequence[int]) -> bool:
    """Return whether two rows are equal in the named numbers; cheaper than to bring the rows into order."""
    words = packed(rows, places)
    if len(words) > 1:
        return bool(in_order(rows, places)[1].any())
    ordered = np.sort(words[0])
    return bool((ordered[1:] == ordered[:-1]).any())


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
