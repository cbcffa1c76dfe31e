"""A table of a store as whole numbers, packed: what the store's Parquet says, in a form that costs little to read.

Parquet is what a store keeps. A packed table is worked out from one such file, may be removed at any time, and says nothing
else: dates are days since 1970, codes their place in the declared list, texts their place in a list beside, points and
weights whole hundredths. The rows of a pupil stand together, and each row has the day on which a newer version of its
fact became known. A row counts on a cut-off date if

    known_on <= cut_off < replaced_on

so that no reader sorts or compares versions again.

Numbers stand in 16 bits, in 32 only where a table holds larger ones.

Rows stand in *runs*: one per school year (one in all of a table that is not filed by years), in each by pupil. Who the
pupils are stands apart, once per run, with the number of their rows.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.compiled import compiled
from riskmodel.tables.filing import filed_years
from riskmodel.tables.schema import ARROW_TYPES, Column, Kind, Table

Wide = NDArray[np.int32]
Whole = NDArray[Any]
"""Whole numbers of 16 bits or of 32."""

PUPIL, REPLACED = "pupil_id", "replaced_on"
MISSING = -(2**15)
"""No value (as a day, 14 April 1880)."""
NEVER = 2**31 - 1
"""``replaced_on`` of the newest version of a fact; in 16 bits, the highest number there (see :func:`never`)."""

FORM = 4
"""Changes whenever the form of a packed table does, so that no older one is read as a newer one."""
ROWS_FILE, PUPILS_FILE, ABOUT_FILE = "rows.arrow", "pupils.arrow", "about.json"
WITHOUT_YEARS = 0
"""The school year of rows that are not filed by years."""
EPOCH = date(1970, 1, 1)
NAMES_OF_FACTS = frozenset({"work_id"})
"""Texts that only tell one fact of a pupil from another: ``replaced_on`` says what they would be needed for."""


class DisorderError(Exception):
    """The rows are not in the order of the store."""


class TooLargeError(Exception):
    """A number is larger than the bits that it was to stand in."""


def is_filed_by_year(table: Table) -> bool:
    """Whether the rows of ``table`` stand by school year: where the day is a part of the key."""
    return table.happened in table.key


def packed_columns(table: Table) -> tuple[str, ...]:
    """Return the columns of ``table`` that a packed table holds as numbers, beside the pupil."""
    return (*(name for name in table.column_names if name not in {PUPIL, *NAMES_OF_FACTS}), REPLACED)


@dataclass(frozen=True)
class Run:
    """The pupils of one school year, ascending, and how many rows each has; the first row of all is ``first_row``.

    Both lists may lie in a file that is mapped: who reads a few pupils of a country holds these few.
    """

    school_year: int
    pupils: pa.StringArray
    counts: NDArray[np.int64]
    first_row: int = 0

    def between(self, first: str | None, after: str | None) -> Run:
        """Return the pupils from ``first`` up to, and without, ``after``; None is open."""
        begin = 0 if first is None else self._place(first)
        end = len(self.pupils) if after is None else max(begin, self._place(after))
        first_row = self.first_row + int(self.counts[:begin].sum())
        return Run(self.school_year, self.pupils.slice(begin, end - begin), self.counts[begin:end], first_row)

    def copied(self) -> Run:
        """Return the run in memory of its own."""
        pupils = pa.concat_arrays([self.pupils, self.pupils[:0]])  # one array alone would not be copied
        return Run(self.school_year, pupils, self.counts.copy(), self.first_row)

    def _place(self, bound: str) -> int:
        """Return how many pupils stand before ``bound``."""
        return bisect_left(range(len(self.pupils)), bound, key=lambda place: self.pupils[place].as_py())

    @property
    def rows(self) -> tuple[int, int]:
        """The first row, and the one after the last."""
        return self.first_row, self.first_row + int(self.counts.sum())

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each pupil, and behind them the one after the last, counted from the first row of all."""
        return np.append(0, np.cumsum(self.counts))


class PackedTable:
    """A packed table, as :func:`pack` wrote it into ``folder``.

    ``texts`` are, by column, the texts that its numbers stand for; ``kind`` is that of the numbers.
    """

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / ABOUT_FILE).read_text("utf-8"))
        self.kind = np.dtype(about["kind"])
        self.texts: Mapping[str, list[str]] = about["texts"]
        self._path, self._names = folder / ROWS_FILE, about["columns"]
        self._ends = np.cumsum([0, *about["batch_rows"]])
        self._files: dict[tuple[str, ...], pa.RecordBatchFileReader] = {}
        self._last: dict[tuple[str, ...], tuple[int, pa.RecordBatch]] = {}
        self._pupils = folder / PUPILS_FILE

    @property
    def runs(self) -> list[Run]:
        """The runs, in the order of the school years."""
        # Mapped and not read: a reader of a few pupils looks at a few places.
        return runs_of(pa.ipc.open_file(pa.memory_map(str(self._pupils))).read_all())

    def runs_between(self, first: str | None, after: str | None) -> list[Run]:
        """Return of each run the pupils from ``first`` up to, and without, ``after``; nothing else stays mapped."""
        if first is None and after is None:
            return self.runs
        return [run.between(first, after).copied() for run in self.runs]

    def read(self, first: int, after: int, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Whole]]]:
        """Yield pieces of the rows from ``first`` up to, and without, ``after``: how many rows, and the columns asked for."""
        begin, end = int(np.searchsorted(self._ends, first, side="right")) - 1, int(np.searchsorted(self._ends, after))
        for number in range(begin, end) if after > first else ():
            batch, start = self._batch(number, tuple(columns)), int(self._ends[number])
            some = slice(max(first - start, 0), min(after - start, batch.num_rows))
            yield some.stop - some.start, {name: batch.column(name).to_numpy()[some] for name in columns}

    def _batch(self, number: int, columns: tuple[str, ...]) -> pa.RecordBatch:
        """Return some columns of a batch; the last one is kept, since the next range mostly begins in it."""
        if columns not in self._files:
            # The buffers of these columns alone are read and unpacked.
            chosen = sorted(self._names.index(name) for name in columns)
            options = pa.ipc.IpcReadOptions(included_fields=chosen, use_threads=False)
            self._files[columns] = pa.ipc.open_file(pa.OSFile(str(self._path)), options=options)
        kept, batch = self._last.get(columns, (-1, None))
        if kept != number:
            batch = self._files[columns].get_batch(number)
            self._last[columns] = number, batch
        return batch


def runs_of(index: pa.Table) -> list[Run]:
    """Return the runs that an index tells of (see :meth:`Packer.index`)."""
    rows = index if index[PUPIL].num_chunks == 1 else index.combine_chunks()
    if not rows.num_rows:
        return []
    counts, years = rows["rows"].to_numpy(), rows["school_year"].to_numpy()
    ends = [*(np.flatnonzero(years[1:] != years[:-1]) + 1).tolist(), len(years)]
    pupils = rows[PUPIL].chunk(0)
    found, first_row = [], 0
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        found.append(Run(int(years[begin]), pupils.slice(begin, end - begin), counts[begin:end], first_row))
        first_row = found[-1].rows[1]
    return found


def pack(
    table: Table, rows: Iterable[pa.Table], folder: Path, *, is_sorted: bool = False, is_wide: bool = False
) -> None:
    """Write the rows of a table into a new ``folder`` as a packed table.

    Parameters
    ----------
    rows
        In the order of the store: by school year (where the day is a part of the key), by key, by known-on date.
    is_sorted
        They were sorted on purpose: of two versions of one day the last counts. Otherwise no fact may have two.
    is_wide
        Let every number stand in 32 bits.

    Raises
    ------
    DisorderError
        For rows in another order.
    TooLargeError
        For a number that does not stand in 16 bits (a day after 2059, say), unless ``is_wide``.

    What was written until then is left in ``folder``.
    """
    folder.mkdir()
    packer = Packer(table, is_sorted=is_sorted, is_wide=is_wide)
    batch_rows: list[int] = []
    with _ipc(folder / ROWS_FILE, packer.schema, "lz4") as file:
        for batch in packer.batches(rows):
            file.write_batch(batch)
            batch_rows.append(batch.num_rows)
    index = packer.index()
    with _ipc(folder / PUPILS_FILE, index.schema, None) as file:
        file.write_table(index)
    kind = str(packer.schema.field(REPLACED).type)
    about = {"columns": packer.schema.names, "kind": kind, "batch_rows": batch_rows, "texts": packer.texts}
    (folder / ABOUT_FILE).write_text(json.dumps(about, ensure_ascii=False), "utf-8")


def _ipc(path: Path, schema: pa.Schema, compression: str | None) -> pa.RecordBatchFileWriter:
    return pa.ipc.new_file(
        str(path), schema, options=pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    )


@dataclass
class _Batch:
    """Rows as numbers: ``key`` in numbers that compare as its values do, ``columns`` as they are packed."""

    key: Wide
    columns: dict[str, Wide]
    years: Wide
    pupils: pa.Array


class Packer:
    """Turns tables of rows into batches of numbers.

    It is one batch behind: the first row of a batch may replace the last one of the batch before.
    """

    def __init__(self, table: Table, *, is_sorted: bool = False, is_wide: bool = False) -> None:
        self._table, self._is_sorted = table, is_sorted
        self._names = packed_columns(table)
        free = [name for name in self._names if name != REPLACED and is_free_text(table.column(name))]
        self._number_of: dict[str, dict[str, int]] = {name: {} for name in free}
        self._found: list[tuple[int, pa.Array, NDArray[np.int64]]] = []
        kind = pa.int32() if is_wide else pa.int16()
        self.schema = pa.schema([pa.field(name, kind, nullable=False) for name in self._names])

    @property
    def texts(self) -> dict[str, list[str]]:
        """By column, the texts met so far, in the order of their numbers."""
        return {name: list(numbers) for name, numbers in self._number_of.items()}

    def batches(self, rows: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
        """Yield the rows as batches of ``schema``, a batch for each table that holds any."""
        before: _Batch | None = None
        last: tuple[Any, ...] = ()
        for part in rows:
            if not part.num_rows:
                continue
            batch = self._numbers(part.combine_chunks())
            first = self._place(part, batch, 0)
            if before is not None:
                self._join(before, last, first)
                yield self._written(before)
            before, last = batch, self._place(part, batch, part.num_rows - 1)
        if before is not None:
            yield self._written(before)

    def index(self) -> pa.Table:
        """Return the pupils of all runs with their rows, in order."""
        years = np.concatenate([np.empty(0, np.int32), *(np.full(len(one), year) for year, one, _ in self._found)])
        return pa.table(
            {
                "school_year": pa.array(years, pa.int32()),
                PUPIL: pa.concat_arrays([pa.array([], pa.string()), *(one for _, one, _ in self._found)]),
                "rows": pa.array(
                    np.concatenate([np.empty(0, np.int64), *(rows for *_, rows in self._found)]), pa.int64()
                ),
            }
        )

    def _numbers(self, part: pa.Table) -> _Batch:
        table, count = self._table, part.num_rows
        columns = {
            name: self._column(table.column(name), part[name].chunk(0)) for name in self._names if name != REPLACED
        }
        columns[REPLACED] = np.full(count, NEVER, np.int32)
        pupils = _coded(part[PUPIL].chunk(0))
        key = np.empty((len(table.key), count), np.int32)
        for place, name in enumerate(table.key):
            column = table.column(name)
            key[place] = _in_order(part[name].chunk(0)) if _is_text(column) else columns[name]
        years = (
            filed_years(columns[table.happened]).astype(np.int32)
            if is_filed_by_year(table)
            else np.full(count, WITHOUT_YEARS, np.int32)
        )
        if not _mark(key, years, columns[table.known], self._is_sorted, columns[REPLACED]):
            raise DisorderError
        return _Batch(key, columns, years, pupils)

    def _column(self, column: Column, values: pa.Array) -> Wide:
        if column.codes:
            return _looked_up(_coded(values), [*column.codes])
        if _is_text(column):
            coded, numbers = _coded(values), self._number_of[column.name]
            met = [numbers.setdefault(text, len(numbers)) for text in coded.dictionary.to_pylist()]
            return _take(np.array([*met, MISSING], np.int32), coded)
        if column.kind is Kind.DECIMAL:
            found = values.to_numpy(zero_copy_only=False)  # null comes as NaN
            hundredths = np.floor(np.nan_to_num(found) * 100 + 0.5)
            return np.where(np.isnan(found), MISSING, hundredths).astype(np.int32)
        plain = values.view(pa.int32()) if column.kind is Kind.DATE else values.cast(pa.int32())
        return np.asarray(plain.fill_null(MISSING) if plain.null_count else plain, np.int32)

    def _place(self, part: pa.Table, batch: _Batch, row: int) -> tuple[Any, ...]:
        """Return where a row stands: its year, key and known-on date, so that rows of two batches can be compared."""
        key = tuple(_comparable(part[name][row].as_py()) for name in self._table.key)
        return int(batch.years[row]), key, int(batch.columns[self._table.known][row])

    def _join(self, before: _Batch, last: tuple[Any, ...], first: tuple[Any, ...]) -> None:
        if first[:2] == last[:2] and (first[2] > last[2] or (self._is_sorted and first[2] == last[2])):
            before.columns[REPLACED][-1] = first[2]
        elif first[:2] <= last[:2]:
            raise DisorderError

    def _written(self, batch: _Batch) -> pa.RecordBatch:
        starts = np.append(0, np.flatnonzero(_begins(batch.pupils.indices.to_numpy(), batch.years)) + 1)
        rows = np.diff(np.append(starts, len(batch.years)))
        pupils, years = batch.pupils.take(pa.array(starts)).cast(pa.string()), batch.years[starts]
        for year in np.unique(years):
            self._note(int(year), pupils.filter(pa.array(years == year)), rows[years == year])
        columns = [_narrowed(batch.columns[field.name], field.type) for field in self.schema]
        return pa.record_batch(columns, schema=self.schema)

    def _note(self, year: int, pupils: pa.Array, rows: NDArray[np.int64]) -> None:
        if self._found and self._found[-1][0] == year and self._found[-1][1][-1] == pupils[0]:
            # The pupil's rows began in the batch before.
            self._found[-1][2][-1] += rows[0]
            pupils, rows = pupils[1:], rows[1:]
        if len(pupils):
            self._found.append((year, pupils, rows.astype(np.int64)))


def _is_text(column: Column) -> bool:
    return bool(ARROW_TYPES[column.kind] == pa.string())


def is_free_text(column: Column) -> bool:
    """Whether a column holds texts that no declared list names."""
    return _is_text(column) and not column.codes


def _coded(values: pa.Array) -> pa.DictionaryArray:
    return values if isinstance(values, pa.DictionaryArray) else values.dictionary_encode()


def _looked_up(coded: pa.DictionaryArray, words: Sequence[str]) -> Wide:
    places = pc.index_in(coded.dictionary, value_set=pa.array(words, pa.string()))
    return _take(np.append(places.to_numpy(zero_copy_only=False), MISSING).astype(np.int32), coded)


def _in_order(values: pa.Array) -> Wide:
    """Return numbers that compare as the texts do, an empty one before the others."""
    coded = _coded(values)
    order = pc.sort_indices(coded.dictionary).to_numpy()
    place = np.empty(len(order) + 1, np.int32)
    place[order], place[-1] = np.arange(len(order), dtype=np.int32), MISSING
    return _take(place, coded)


def _take(numbers: Wide, coded: pa.DictionaryArray) -> Wide:
    """Return the number of each row; the last of the numbers is for an empty field."""
    indices = coded.indices.fill_null(len(numbers) - 1) if coded.indices.null_count else coded.indices
    found: Wide = numbers[indices.to_numpy()]
    return found


def _comparable(value: object) -> tuple[bool, Any]:
    return (value is not None, value)


def _begins(pupils: Wide, years: Wide) -> NDArray[np.bool_]:
    """Whether another pupil or year begins with each row but the first."""
    found: NDArray[np.bool_] = (pupils[1:] != pupils[:-1]) | (years[1:] != years[:-1])
    return found


def never(numbers: Whole) -> int:
    """Return what stands for NEVER among such numbers."""
    return int(np.iinfo(numbers.dtype).max)


def widen(values: NDArray[np.int16], to: Wide) -> None:
    """Write numbers of 16 bits into ``to`` as 32 bits."""
    np.copyto(to, values)
    to[values == never(values)] = NEVER


def _narrowed(values: Wide, kind: pa.DataType) -> pa.Array:
    if kind == pa.int32():
        return pa.array(values)
    found = np.empty(len(values), np.int16)
    if not _narrow(values, MISSING, never(found), found):
        raise TooLargeError
    return pa.array(found)


def _narrow_numbers(values: Wide, lowest: int, highest: int, found: NDArray[np.int16]) -> bool:
    """The highest number of the narrow kind stands for NEVER; return whether the others fit."""
    for row in range(len(values)):
        value = values[row]
        if value == NEVER:
            found[row] = highest
        elif lowest <= value < highest:
            found[row] = value
        else:
            return False
    return True


def _mark_replaced(key: Wide, years: Wide, known_on: Wide, is_sorted: bool, replaced_on: Wide) -> bool:
    """Note of each version of a fact when the next one became known; return whether rows are in order."""
    for row in range(1, len(known_on)):
        order = years[row] - years[row - 1]
        part = 0
        while order == 0 and part < len(key):
            if key[part, row] != key[part, row - 1]:
                order = 1 if key[part, row] > key[part, row - 1] else -1
            part += 1
        if order < 0:
            return False
        if order == 0:
            if known_on[row] < known_on[row - 1] or (known_on[row] == known_on[row - 1] and not is_sorted):
                return False
            replaced_on[row - 1] = known_on[row]
    return True


_mark: Any = compiled(_mark_replaced)
_narrow: Any = compiled(_narrow_numbers)
