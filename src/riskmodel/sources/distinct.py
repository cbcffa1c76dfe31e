"""The distinct values of one column of a Parquet file, and rows of it as what is said of each value.

A national year of lessons has 150 million cells in a column and some hundred different values. What is said of a value
is said once, and a row takes it by a number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_VALUES = 1_000_000
"""A column with more different values than this is no list of values: its table is read as text, row by row."""
WIDEST_RANGE = 100_000
"""Whole numbers and days between bounds no further apart are all listed, without a look at the rows."""
ROWS_AT_ONCE = 1 << 18
TEXTS_AT_ONCE = 1 << 16
AHEAD = 2
"""So many items are made before they are asked for: with one, each thread of a chain would wait for the next."""
ROWS_OF_A_READER = 1 << 20

Numbers = np.ndarray[Any, np.dtype[Any]]
Item = TypeVar("Item")


class NotListedError(Exception):
    """A column cannot be read by a list of its values: too many of them, another kind, or one that is not listed."""


class Distinct(Protocol):
    """The different values of a column. The number after all values stands for an empty cell."""

    values: pa.Array

    def told(self, cells: pa.Array, said: Numbers) -> Numbers:
        """Return for each cell what is said of its value: ``said`` has one item a value and one for empty."""


class Words:
    """Texts, each known by its number."""

    def __init__(self, texts: pa.Array) -> None:
        self.values = texts
        self._hashes: Numbers | None = None
        self._numbers = np.empty(0, np.int32)

    def told(self, cells: pa.Array, said: Numbers) -> Numbers:
        """Return for each cell what is said of its value.

        Raises
        ------
        NotListedError
            When a text is not in the list.
        """
        coded = _coded(cells)
        local = self.numbers_of(coded.dictionary.cast(pa.string()))
        if (local < 0).any():
            raise NotListedError
        return _taken(said[np.append(local, len(self.values))], coded.indices)

    def numbers_of(self, texts: pa.Array) -> Numbers:
        """Return the number of each text; -1 for one that is empty or not in the list.

        Of two texts with the same hash one is not found: who asks must be right without it, as the check as a whole is.
        """
        if not len(self.values):
            return np.full(len(texts), -1, np.int32)
        hashes = self._look_up() if self._hashes is None else self._hashes
        at = np.minimum(np.searchsorted(hashes, _hashes_of(texts)), len(hashes) - 1)
        numbers = self._numbers[at]
        is_same = pc.equal(self.values.take(pa.array(numbers)), texts).fill_null(False)
        numbers[~is_same.to_numpy(zero_copy_only=False)] = -1
        return numbers

    def _look_up(self) -> Numbers:
        """Make numbers findable: 12 bytes a text, where a Python object for each takes about 200."""
        parts = [self.values.slice(begin, TEXTS_AT_ONCE) for begin in range(0, len(self.values), TEXTS_AT_ONCE)]
        hashes = np.concatenate([np.empty(0, np.int64), *map(_hashes_of, parts)])
        self._numbers = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._numbers]
        return self._hashes


def _hashes_of(texts: pa.Array) -> Numbers:
    """Return a number for each text, in this process always the same."""
    return np.fromiter(map(hash, texts.to_pylist()), np.int64, len(texts))


class Range:
    """All days or whole numbers from a lowest to a highest."""

    def __init__(self, lowest: int, highest: int, kind: pa.DataType) -> None:
        self._lowest, self._highest = lowest, highest
        numbers = pa.array(np.arange(lowest, highest + 1), pa.int64())
        self.values = numbers.cast(pa.int32()).cast(kind) if pa.types.is_date32(kind) else numbers.cast(kind)

    def told(self, cells: pa.Array, said: Numbers) -> Numbers:
        """Return for each cell what is said of its value.

        Raises
        ------
        NotListedError
            When a value lies beyond the bounds.
        """
        numbers = cells.cast(pa.int32()) if pa.types.is_date32(cells.type) else cells
        bounds = pc.min_max(numbers).as_py()
        if bounds["min"] is not None and not self._lowest <= bounds["min"] <= bounds["max"] <= self._highest:
            raise NotListedError
        if not numbers.null_count and np.array_equal(said[:-1], np.arange(self._lowest, self._highest + 1)):
            # As often with days and counts: a value is its own number.
            as_said: Numbers = numbers.to_numpy().astype(said.dtype, copy=False)
            return as_said
        return _taken(said, pc.subtract(numbers.cast(pa.int64()), self._lowest))


class Few:
    """Other values: numbers with fractions, yes or no, or whole numbers far apart."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values

    def told(self, cells: pa.Array, said: Numbers) -> Numbers:
        """Return for each cell what is said of its value."""
        return _taken(said, pc.index_in(cells, value_set=self.values))


def _coded(cells: pa.Array) -> pa.DictionaryArray:
    return cells if isinstance(cells, pa.DictionaryArray) else cells.dictionary_encode()


def _taken(said: Numbers, numbers: pa.Array) -> Numbers:
    """Return ``said`` by the numbers, which lie within it; the last item for those that are empty."""
    if numbers.null_count:
        numbers = numbers.cast(pa.int64()).fill_null(len(said) - 1)
    taken: Numbers = pc.take(pa.array(said), numbers, boundscheck=False).to_numpy(zero_copy_only=False)
    return taken


def distinct_values(path: Path, names: Sequence[str]) -> dict[str, Distinct]:
    """Return the different values of the named columns of a Parquet file, and perhaps more than stand in its rows.

    Raises
    ------
    NotListedError
        When a column has more than ``MOST_VALUES``, or is of a kind that is not listed.
    """
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        if len(schema.names) != len(file.schema.names) or len(set(schema.names)) != len(schema.names):
            raise NotListedError  # nested columns, or a name that stands twice
        kinds = {name: schema.field(name).type for name in names}
        found: dict[str, Distinct] = {}
        for name, kind in kinds.items():
            if not _is_text(kind) and (bounds := _bounds(file, schema.names.index(name), kind)):
                found[name] = Range(*bounds, kind)
    texts = [name for name in kinds if name not in found and _is_text(kinds[name])]
    for name, listed in _listed_texts(path, texts).items():
        found[name] = Words(listed)
    others = {name: pa.array([], kinds[name]) for name in kinds if name not in found}
    for batch in batches(path, list(others)) if others else ():
        for name, values in others.items():
            others[name] = pc.unique(pa.concat_arrays([values, batch.column(name).drop_null()]))
            _require_few(others[name])
    return found | {name: Few(values) for name, values in others.items()}


def _listed_texts(path: Path, names: Sequence[str]) -> dict[str, pa.Array]:
    """Return the texts in the lists that the file keeps of its columns, or in the rows where it keeps none.

    One row of each row group brings the list of the whole group. A writer that gave up its list in the middle of a group
    shows when the rows are read: a text is not listed then.
    """
    with pq.ParquetFile(path, read_dictionary=list(names)) as file:
        groups = [group for group in range(file.num_row_groups) if file.metadata.row_group(group).num_rows]
        places = {name: file.schema_arrow.names.index(name) for name in names}
        listed = [
            name
            for name, place in places.items()
            if all(file.metadata.row_group(group).column(place).has_dictionary_page for group in groups)
        ]
        seen = {name: _Seen() for name in listed}
        for group in groups if listed else ():
            first = next(file.iter_batches(1, row_groups=[group], columns=listed, use_threads=False))
            for name in listed:
                seen[name].add(_coded(first.column(name)).dictionary)
    texts = {name: one.all() for name, one in seen.items()}
    return texts | {name: used_texts(path, name) for name in names if name not in texts}


class _Seen:
    """The different texts of a column in the order in which they were first met; NotListedError where there are too many."""

    def __init__(self) -> None:
        self._every = pa.array([], pa.string())
        self._new: list[pa.Array] = []
        self._new_texts = 0

    def add(self, texts: pa.Array) -> None:
        self._new.append(texts.cast(pa.string()))
        self._new[-1].validate(full=True)  # bytes that are no text are found here
        self._new_texts += len(texts)
        if self._new_texts > max(len(self._every), ROWS_AT_ONCE):
            self.all()

    def all(self) -> pa.Array:
        self._every = pc.unique(pa.concat_arrays([self._every, *self._new]))
        _require_few(self._every)
        self._new, self._new_texts = [], 0
        return self._every


def _require_few(texts: Sized) -> None:
    if len(texts) > MOST_VALUES:
        raise NotListedError


def used_texts(path: Path, name: str) -> pa.Array:
    """Return the texts that stand in the rows of a column; NotListedError where there are too many."""
    seen = _Seen()
    for batch in batches(path, [name]):
        cells = _coded(batch.column(0))
        numbers = cells.indices.drop_null() if cells.indices.null_count else cells.indices
        used = np.zeros(len(cells.dictionary), bool)
        used[numbers.to_numpy(zero_copy_only=False)] = True
        seen.add(cells.dictionary.filter(pa.array(used)))
    return seen.all()


def batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the named columns of a Parquet file in the order of its rows, texts as numbers in lists."""
    with pq.ParquetFile(path) as plain:
        kinds = plain.schema_arrow
    texts = [name for name in names if pa.types.is_string(kinds.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        yield from ahead(_of_groups(file, names))


def _of_groups(file: pq.ParquetFile, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some row groups after the other: one reader of all of them keeps a little of each until the end."""
    for groups in _together([file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]):
        yield from file.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=list(names), use_threads=False)


def _together(rows: Sequence[int]) -> Iterator[list[int]]:
    """Yield the numbers of row groups that follow each other and together hold ``ROWS_OF_A_READER`` rows.

    >>> list(_together([1, ROWS_OF_A_READER, 2, 3]))
    [[0, 1], [2, 3]]
    """
    groups, held = list[int](), 0
    for number, count in enumerate(rows):
        groups.append(number)
        held += count
        if held >= ROWS_OF_A_READER:
            yield groups
            groups, held = [], 0
    if groups:
        yield groups


def ahead(items: Iterator[Item]) -> Generator[Item]:
    """Yield items while the next ones are made in a thread of its own; none of them is None."""
    try:
        with ThreadPoolExecutor(1) as maker:
            coming = deque(maker.submit(next, items, None) for _ in range(AHEAD))
            while (item := coming.popleft().result()) is not None:
                coming.append(maker.submit(next, items, None))
                yield item
    finally:
        # Who stops before the end closes the files that the maker has open.
        if isinstance(items, Generator):
            items.close()


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _bounds(file: pq.ParquetFile, place: int, kind: pa.DataType) -> tuple[int, int] | None:
    """Return the lowest and the highest value of a column as the file states them, where they are near enough."""
    if not (pa.types.is_date32(kind) or pa.types.is_integer(kind)):
        if not (pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise NotListedError
        return None
    lowest, highest = [], []
    for group in range(file.metadata.num_row_groups):
        chunk = file.metadata.row_group(group).column(place)
        stated = chunk.statistics
        if not chunk.num_values:
            continue
        if stated is None or not stated.has_min_max:
            if stated is not None and stated.has_null_count and stated.null_count == chunk.num_values:
                continue
            return None
        lowest.append(stated.min_raw)
        highest.append(stated.max_raw)
    if not lowest or not all(isinstance(bound, int) for bound in (*lowest, *highest)):
        return None
    return (min(lowest), max(highest)) if max(highest) - min(lowest) < WIDEST_RANGE else None
