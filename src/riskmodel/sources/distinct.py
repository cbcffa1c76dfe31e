"""The distinct values of one column of a Parquet file, and rows of it as what is said of each value.

A national year of lessons has 150 million cells in a column and some hundred different values. What is said of a value
is said once, and a row takes it by a number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence, Sized
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

    def __init__(self, texts: Iterable[str]) -> None:
        self.values = pa.array(list(texts), pa.string())
        self._number: dict[str, int] = {}

    def told(self, cells: pa.Array, said: Numbers) -> Numbers:
        """Return for each cell what is said of its value.

        Raises
        ------
        NotListedError
            When a text is not in the list.
        """
        if not self._number:
            self._number = {text: number for number, text in enumerate(self.values.to_pylist())}
        coded = _coded(cells)
        try:
            local = [self._number[text] for text in coded.dictionary.to_pylist()]
        except KeyError:
            raise NotListedError from None
        return _taken(said[[*local, len(self.values)]], coded.indices)

    def rest(self) -> None:
        """Give up the memory that :meth:`told` takes; it comes again with the next cells."""
        self._number = {}


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


def _listed_texts(path: Path, names: Sequence[str]) -> dict[str, dict[str, None]]:
    """Return the texts in the lists that the file keeps of its columns, or in the rows where it keeps none.

    One row of each row group brings the list of the whole group. A writer that gave up its list in the middle of a group
    shows when the rows are read: a text is not listed then.
    """
    seen: dict[str, dict[str, None]] = {name: {} for name in names}
    with pq.ParquetFile(path, read_dictionary=list(names)) as file:
        groups = [group for group in range(file.num_row_groups) if file.metadata.row_group(group).num_rows]
        places = {name: file.schema_arrow.names.index(name) for name in names}
        listed = [
            name
            for name, place in places.items()
            if all(file.metadata.row_group(group).column(place).has_dictionary_page for group in groups)
        ]
        for group in groups if listed else ():
            first = next(file.iter_batches(1, row_groups=[group], columns=listed, use_threads=False))
            for name in listed:
                seen[name].update(dict.fromkeys(_coded(first.column(name)).dictionary.to_pylist()))
                _require_few(seen[name])
    for name in set(names) - set(listed):
        seen[name] = dict.fromkeys(used_texts(path, name))
    return seen


def _require_few(texts: Sized) -> None:
    if len(texts) > MOST_VALUES:
        raise NotListedError


def used_texts(path: Path, name: str) -> list[str]:
    """Return the texts that stand in the rows of a column; NotListedError where there are too many."""
    seen: dict[str, None] = {}
    for batch in batches(path, [name]):
        cells = _coded(batch.column(0))
        numbers = cells.indices.drop_null() if cells.indices.null_count else cells.indices
        used = np.zeros(len(cells.dictionary), bool)
        used[numbers.to_numpy(zero_copy_only=False)] = True
        seen.update(dict.fromkeys(cells.dictionary.filter(pa.array(used)).to_pylist()))
        _require_few(seen)
    return list(seen)


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
