"""Rows of daily facts as whole numbers, so that a compiled loop can run through them.

Text becomes its place in the sorted list of texts (numbers compare as the texts do), a code its place in the declared
list, a date the days since 1970, points and weights hundredths. The texts themselves are looked at once per
dictionary of a batch, never per row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.tables.schema import Column, Kind, Table

Whole = NDArray[np.int32]
Batches = Sequence[pa.RecordBatch]

MISSING = -(2**31)
"""No value. Below every number, as an empty text stands before the others."""

PUPIL = "pupil_id"


@dataclass(frozen=True)
class Rows:
    """The rows of some pupils: ``whole[column, row]``, in the order in which they came."""

    names: tuple[str, ...]
    whole: Whole

    def __getitem__(self, name: str) -> Whole:
        """Return one column."""
        column: Whole = self.whole[self.names.index(name)]
        return column


@dataclass(frozen=True)
class Texts:
    """The texts of one column of several tables, each once, sorted as bytes; a number is a place among them.

    ``of_batch[table][batch][code]`` is the number of a text of that batch's dictionary; the last one stands for an
    empty field. What is outside of the range that was asked for has none (MISSING).
    """

    texts: pa.Array
    of_batch: Mapping[str, Sequence[Whole]]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.texts)


def number_texts(tables: Mapping[str, Batches], name: str, first: str | None = None, after: str | None = None) -> Texts:
    """Return the texts of column ``name`` from ``first`` up to, and without, ``after``, with the number of each."""
    dictionaries = [
        batch.column(name).dictionary if name in batch.schema.names else pa.array([], pa.string())
        for batches in tables.values()
        for batch in batches
    ]
    ends = np.cumsum([0, *(len(dictionary) for dictionary in dictionaries)])
    found = pa.chunked_array(dictionaries, pa.string()).combine_chunks().dictionary_encode()
    order = pc.sort_indices(found.dictionary)
    texts, place = found.dictionary.take(order), np.empty(len(order), dtype=np.int32)
    place[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    begin, end = (_position(texts, bound, default) for bound, default in ((first, 0), (after, len(texts))))
    place = np.where((place >= begin) & (place < end), place - begin, MISSING).astype(np.int32)
    number = place[found.indices.to_numpy()]
    numbers = iter(np.append(number[ends[i] : ends[i + 1]], np.int32(MISSING)) for i in range(len(dictionaries)))
    of_batch = {table: [next(numbers) for _ in batches] for table, batches in tables.items()}
    return Texts(texts.slice(begin, end - begin), of_batch)


def _position(texts: pa.Array, bound: str | None, default: int) -> int:
    return default if bound is None else int(pc.sum(pc.less(texts, bound)).as_py() or 0)


def numbered(batches: Batches, table: Table, names: tuple[str, ...], texts: Mapping[str, Texts]) -> Rows:
    """Return the rows of the pupils in ``texts["pupil_id"]`` as whole numbers.

    Parameters
    ----------
    names
        The columns; a batch that does not hold one of them has no value in it.
    texts
        By column of free text, its numbers.
    """
    kept = [(place, _of_pupils(batch, texts[PUPIL].of_batch[table.name][place])) for place, batch in enumerate(batches)]
    starts = np.cumsum([0, *(batch.num_rows for _, batch in kept)])
    whole = np.empty((len(names), starts[-1]), dtype=np.int32)
    for (number, batch), start in zip(kept, starts, strict=False):
        for place, name in enumerate(names):
            to = whole[place, start : start + batch.num_rows]
            if name not in batch.schema.names:
                to.fill(MISSING)
            elif name in texts:
                _fill_places(to, batch.column(name), texts[name].of_batch[table.name][number])
            else:
                _fill(to, batch.column(name), table.column(name))
    return Rows(names, whole)


def _of_pupils(batch: pa.RecordBatch, numbers: Whole) -> pa.RecordBatch:
    if (numbers[:-1] != MISSING).all():
        return batch
    codes = batch.column(PUPIL).indices.to_numpy()
    first, after, count = _span(codes, numbers)
    if after - first == count:
        return batch.slice(first, count)
    return batch.take(pa.array(np.flatnonzero(numbers[codes] != MISSING)))


def _fill(to: Whole, values: pa.Array, column: Column) -> None:
    if values.null_count == len(values):
        to.fill(MISSING)
    elif column.codes:
        codes = pc.index_in(values.dictionary, value_set=pa.array([*column.codes], pa.string()))
        _fill_places(to, values, np.append(codes.to_numpy(zero_copy_only=False), MISSING).astype(np.int32))
    elif column.kind is Kind.DECIMAL:
        _fill_hundredths(to, values.to_numpy(zero_copy_only=False), MISSING)  # null comes as NaN
    else:
        days = values.view(pa.int32()) if column.kind is Kind.DATE else values
        np.copyto(to, (days.fill_null(MISSING) if days.null_count else days).to_numpy(), casting="unsafe")


def _fill_places(to: Whole, values: pa.Array, numbers: Whole) -> None:
    codes = values.indices.fill_null(len(numbers) - 1) if values.null_count else values.indices
    _look_up(to, codes.to_numpy(), numbers)


def _look_up_rows(to: Whole, codes: Whole, numbers: Whole) -> None:
    for row in range(len(to)):
        to[row] = numbers[codes[row]]


def _fill_hundredths_of(to: Whole, values: NDArray[np.float64], missing: int) -> None:
    for row in range(len(to)):
        value = values[row]
        to[row] = missing if np.isnan(value) else np.int32(np.floor(value * 100 + 0.5))


def _span_of(codes: Whole, numbers: Whole) -> tuple[int, int, int]:
    """Return the first row with a number, the row after the last one, and how many have one."""
    first, after, count = len(codes), len(codes), 0
    for row in range(len(codes)):
        if numbers[codes[row]] >= 0:
            first = row if count == 0 else first
            after = row + 1
            count += 1
    return first, after, count


_look_up: Any = numba.njit(_look_up_rows, nogil=True, cache=True)
_fill_hundredths: Any = numba.njit(_fill_hundredths_of, nogil=True, cache=True)
_span: Any = numba.njit(_span_of, nogil=True, cache=True)
