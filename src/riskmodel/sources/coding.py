"""Rows of the large tables as whole numbers: each different cell is judged once, by the one check, and rows take its number.

A row whose cells and rules are all sound goes on as numbers. Every other row is laid aside as it was delivered, and the
check of :mod:`riskmodel.tables.checks` alone says what is wrong with it.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Event

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.sources.buckets import EMPTY, Numbers
from riskmodel.sources.distinct import TEXTS_AT_ONCE, Words, batches
from riskmodel.sources.feeds import ROW_NUMBER, Feed
from riskmodel.sources.lookups import Lookup, judged_rows, known_words, lookups
from riskmodel.sources.mapping import PUPIL_CODE
from riskmodel.sources.projection import in_one_form
from riskmodel.tables.fields import Formats, name_of
from riskmodel.tables.judging import OnePass, columns_named
from riskmodel.tables.reasons import rules_of
from riskmodel.tables.schema import ARROW_TYPES, Column, Kind, Table

UNSOUND = int(np.iinfo(np.int32).min)
"""The number of a cell that breaks a rule, or names somebody who is not known."""
PLACE = "#place"
"""A column that no table has: the number of a row among those of all files of its table."""


class AbandonedError(Exception):
    """The work ended, or failed, elsewhere: what is still read is for nobody."""


@dataclass(frozen=True)
class Known:
    """Pupils and schools that rows may name, in the order of their ids.

    ``codes`` are the raw texts of register ids, ``number_of_code`` the number of the pupil of each: ``UNSOUND`` where it is at
    fault or the pupil is not known. ``born`` is the latest month of birth by number, in days.
    """

    pupils: pa.Array
    schools: pa.Array | None
    codes: Words
    number_of_code: Numbers
    born: Numbers

    @cached_property
    def said(self) -> Said:
        """What is said of each of ``codes``; an empty cell names nobody."""
        numbers = np.append(self.number_of_code, np.int32(UNSOUND))
        return Said(numbers, np.full(len(numbers), -1, np.int16))


def known_in(connection: duckdb.DuckDBPyConnection, register: pa.Table, *, is_alone: bool) -> Known:
    """Return whom the rows of a delivery may name: the checked pupils and schools, or all where it stands alone.

    The pseudonyms of ``register`` are numbers in their sorted list.
    """
    of_code = register.column("pupil_id").combine_chunks()
    pupils, numbers = of_code.dictionary, of_code.indices.fill_null(UNSOUND).to_numpy()
    codes = Words(register.column("raw").combine_chunks())
    if is_alone:
        return Known(pupils, None, codes, numbers, np.empty(0, np.int32))
    found = connection.sql(
        "SELECT pupil_id, date_diff('day', DATE '1970-01-01', max(birth_month)) AS born FROM checked.pupil GROUP BY pupil_id"
    ).to_arrow_table()
    at = pc.index_in(pupils, value_set=found.column("pupil_id").combine_chunks())
    born = found.column("born").combine_chunks().take(at).fill_null(UNSOUND).cast(pa.int32())
    schools = connection.sql("SELECT DISTINCT school_id FROM checked.school").to_arrow_table()
    is_known = np.append(at.is_valid().to_numpy(zero_copy_only=False), False)
    numbers = np.where(is_known[np.where(numbers == UNSOUND, len(pupils), numbers)], numbers, np.int32(UNSOUND))
    return Known(pupils, schools.column(0).combine_chunks(), codes, numbers, born.to_numpy())


def schools_in(coded: Sequence[Coded], connection: duckdb.DuckDBPyConnection) -> pa.Array:
    """Return the schools that several tables name, in the order of their ids."""
    column = coded[0].table.column("school_id")
    found = [
        one._judged(connection, feed, column).column("value").combine_chunks() for one in coded for feed in one.feeds
    ]
    distinct = pc.unique(pa.concat_arrays(found).drop_null())
    return distinct.take(pc.sort_indices(distinct))


@dataclass(frozen=True)
class Said:
    """What is said of each different cell of a column: its number, and the number of its warning (-1: none)."""

    numbers: Numbers
    warned: Numbers

    @cached_property
    def has_unsound(self) -> bool:
        """A value breaks a rule."""
        return bool((self.numbers[:-1] == UNSOUND).any())

    @cached_property
    def has_warned(self) -> bool:
        """A cell earns a warning."""
        return bool((self.warned >= 0).any())


@dataclass
class Coded:
    """A table whose rows are read as numbers.

    ``is_over`` is set when nobody wants the rows any more. ``values`` holds the sorted values of a column; a column of days or whole numbers has none, since there the number is
    the value (days since 1970).
    """

    table: Table
    feeds: Sequence[Feed]
    known: Known
    delivered_on: date
    scratch: Path
    is_over: Event = field(default_factory=Event)
    values: dict[str, pa.Array] = field(default_factory=dict)
    rows: int = 0
    warned: Counter[int] = field(default_factory=Counter)
    filled: set[str] = field(default_factory=set)
    _said: list[dict[str, Said]] = field(default_factory=list)
    _lookups: list[Lookup] | None = None

    @cached_property
    def formats(self) -> Formats:
        """In which forms the cells of all files are read."""
        return in_one_form([feed.projection for feed in self.feeds])[1]

    @cached_property
    def delivered(self) -> frozenset[str]:
        """The columns that were delivered."""
        names = {name for feed in self.feeds for name in feed.projection.columns}
        return frozenset("pupil_id" if name == PUPIL_CODE else name for name in names)

    @cached_property
    def one_pass(self) -> OnePass:
        """The check of the table."""
        rules = rules_of(self.table, self.formats, self.delivered_on)
        return OnePass(self.table, "", self.delivered, self.formats, self.delivered_on, rules)

    def judge(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Judge every different cell of every column."""
        self._said = [{} for _ in self.feeds]
        for column in self.table.columns:
            if column.name not in self.delivered:
                continue
            if column.name == "pupil_id":
                for said, feed in zip(self._said, self.feeds, strict=True):
                    said[column.name] = self._pupils(connection, feed)
                continue
            judged = [self._judged(connection, feed, column) for feed in self.feeds]
            if column.kind not in (Kind.DATE, Kind.INTEGER) and column.name not in self.values:
                every = pa.concat_arrays([one.column("value").combine_chunks() for one in judged])
                distinct = pc.unique(every.drop_null())
                self.values[column.name] = distinct.take(pc.sort_indices(distinct))
            for said, one in zip(self._said, judged, strict=True):
                said[column.name] = self._numbered(column, one)

    def _pupils(self, connection: duckdb.DuckDBPyConnection, feed: Feed) -> Said:
        """Return what is said of each different register id of a file.

        A file that holds the codes as they are compared gives up its list for the one that all files share.
        """
        codes, header = self.known.codes, feed.header("pupil_id")
        given = None if header is None else feed.distinct[header].values
        is_shared = header is not None and list(feed.header_of.values()).count(header) == 1
        texts = connection.sql(f"SELECT place, {PUPIL_CODE} FROM ({feed.texts(connection, PUPIL_CODE)})")
        places, numbers = [], []
        for batch in texts.to_arrow_reader(TEXTS_AT_ONCE):
            place, text = batch.columns
            places.append(place.to_numpy())
            numbers.append(codes.numbers_of(text))
            if given is not None and is_shared:
                is_empty = pc.equal(place, len(given))
                is_same = pc.equal(given.take(pc.if_else(is_empty, None, place)), text)
                is_shared = (
                    bool(pc.all(pc.or_(is_empty, is_same)).as_py())
                    and not (numbers[-1][~is_empty.to_numpy(zero_copy_only=False)] < 0).any()
                )
        if is_shared and header is not None:
            feed.distinct[header] = codes
            return self.known.said
        told = np.empty(sum(map(len, places)), np.int32)
        told[np.concatenate(places)] = self.known.said.numbers[np.concatenate(numbers)]
        return Said(told, np.full(len(told), -1, np.int16))

    def _judged(self, connection: duckdb.DuckDBPyConnection, feed: Feed, column: Column) -> pa.Table:
        """Return ``value``, ``is_broken`` and ``warned`` of each different cell."""
        if column.name not in feed.projection.columns:
            texts = f"SELECT CAST(0 AS BIGINT) AS place, CAST(NULL AS VARCHAR) AS {name_of(column.name)}"
        else:
            texts = feed.texts(connection, column.name)
        return connection.sql(self.one_pass.cell_sql(column.name, texts)).to_arrow_table()

    def _numbered(self, column: Column, judged: pa.Table) -> Said:
        value = judged.column("value").combine_chunks()
        if column.kind is Kind.DATE or column.kind is Kind.INTEGER:
            numbers = value.cast(pa.int32())
        else:
            numbers = pc.index_in(value, value_set=self.values[column.name])
        found = numbers.fill_null(EMPTY).to_numpy(zero_copy_only=False).astype(np.int32)
        is_broken = judged.column("is_broken").to_numpy(zero_copy_only=False).astype(bool)
        if column.name == "school_id" and self.known.schools is not None:
            is_broken |= ~pc.is_in(value, value_set=self.known.schools).to_numpy(zero_copy_only=False)
        found[is_broken] = UNSOUND
        warned = judged.column("warned").fill_null(-1).to_numpy().astype(np.int16)
        return Said(found, warned)

    def sound_rows(self, connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Numbers]]:
        """Yield the sound rows, a part at a time: the numbers of each column, and ``PLACE``. Lay the others aside.

        Raises
        ------
        NotListedError
            When a file holds a value that its lists do not.
        AbandonedError
            When nobody wants the rows any more.
        """
        for number, feed in enumerate(self.feeds):
            said, place = self._said[number], feed.first_place
            with _Aside(self.left_path(number)) as aside:
                for batch in batches(feed.stored.path, feed.headers):
                    if self.is_over.is_set():
                        raise AbandonedError
                    whole = self._numbers(feed, said, batch)
                    whole[PLACE] = np.arange(place, place + batch.num_rows, dtype=np.int32)
                    rows = _kept(whole, self._sound_cells(feed, said, batch, whole))
                    rows = _kept(rows, self._keeps_rules(connection, rows))
                    if len(rows[PLACE]) < batch.num_rows:
                        at = np.delete(np.arange(batch.num_rows), rows[PLACE] - place)
                        aside.add(batch, at, place - feed.first_place + feed.stored.first_row)
                    self._note(said, rows, batch, feed, place)
                    place += batch.num_rows
                    yield rows

    def numbers_said(self, name: str) -> Numbers:
        """Return the numbers of the sound cells of a column, over all files."""
        every = [said[name].numbers for said in self._said if name in said] or [np.empty(0, np.int32)]
        numbers = np.concatenate(every)
        sound: Numbers = numbers[(numbers != UNSOUND) & (numbers != EMPTY)]
        return sound

    def left_path(self, feed: int) -> Path:
        """Return where the rows of a file lie that were laid aside; there may be none."""
        return self.scratch / f"{self.table.name}-{feed}.left.parquet"

    def _numbers(self, feed: Feed, said: dict[str, Said], batch: pa.RecordBatch) -> dict[str, Numbers]:
        numbers = {}
        for name in self.table.column_names:
            header = feed.header(name)
            if header is not None:
                numbers[name] = feed.distinct[header].told(batch.column(header), said[name].numbers)
            else:
                constant = int(said[name].numbers[0]) if name in said else EMPTY
                numbers[name] = np.broadcast_to(np.int32(constant), batch.num_rows)
        return numbers

    def _sound_cells(
        self, feed: Feed, said: dict[str, Said], batch: pa.RecordBatch, rows: dict[str, Numbers]
    ) -> Numbers | None:
        """Return which rows have sound cells alone and stand after their pupil's birth; None: all."""
        sound = None
        for name, one in said.items():
            header = feed.header(name)
            if one.has_unsound or header is None or batch.column(header).null_count:
                here = rows[name] != UNSOUND
                sound = here if sound is None else sound & here
        days, born = rows[self.table.happened], self.known.born
        if sound is not None:
            days = np.where(sound, days, EMPTY)
        if len(born) and len(days) and born.max() > days.min():
            pupils = rows["pupil_id"]
            # A row whose pupil is not known is out already; here it is any pupil.
            later = days >= born[np.maximum(pupils, 0)]
            sound = later if sound is None else sound & later
        return None if sound is None or sound.all() else sound

    def _keeps_rules(self, connection: duckdb.DuckDBPyConnection, rows: dict[str, Numbers]) -> Numbers | None:
        """Fill the known-on dates in ``rows``; return which rows keep the rules of the table; None: all."""
        known = self.table.known
        if self._lookups is None:
            self._lookups = lookups(self, connection)
        if not self._lookups:
            judged = judged_rows(self, self.one_pass, {name: rows[name] for name in self._ruled}, connection)
            rows[known] = judged.known
            return ~judged.is_broken if judged.is_broken.any() else None
        is_broken = None
        for lookup in self._lookups:
            found = lookup.of(rows)
            if lookup.says_known:
                rows[known] = found
            elif found.any():
                is_broken = found if is_broken is None else is_broken | found
        return None if is_broken is None else ~is_broken

    @cached_property
    def _ruled(self) -> list[str]:
        """The columns that the rules of a row and of its known-on date speak of."""
        words = {name for rule in self.table.rules for name in columns_named(self.table, rule)}
        words |= {self.table.happened, *known_words(self.table)}
        return [name for name in self.table.column_names if name in words]

    def may_be_empty(self, name: str) -> bool:
        """Return whether a sound row may have no value in a column."""
        return any(name not in said or bool((said[name].numbers == EMPTY).any()) for said in self._said)

    def _note(
        self, said: dict[str, Said], rows: dict[str, Numbers], batch: pa.RecordBatch, feed: Feed, place: int
    ) -> None:
        """Count the sound rows, their warnings and the columns that hold a value."""
        self.rows += len(rows[PLACE])
        for name, one in said.items():
            column = self.table.column(name)
            if not column.required and name not in self.filled and (rows[name] != EMPTY).any():
                self.filled.add(name)
            if one.has_warned:
                header = feed.header(name)
                cells = (
                    one.warned[:1].repeat(batch.num_rows)
                    if header is None
                    else feed.distinct[header].told(batch.column(header), one.warned)
                )
                cells = cells[rows[PLACE] - place]
                self.warned.update(Counter(cells[cells >= 0].tolist()))

    def typed(self, name: str, numbers: Numbers) -> pa.Array:
        """Return the values of a column; texts as numbers in the list of all values."""
        column = self.table.column(name)
        empty = numbers == EMPTY
        plain = pa.array(numbers, pa.int32(), mask=empty if empty.any() else None)
        if column.kind is Kind.DATE:
            return plain.cast(pa.date32())
        if column.kind is Kind.INTEGER:
            return plain.cast(pa.int64())
        values = self.values.get(name)
        if values is None:
            return pa.nulls(len(numbers), ARROW_TYPES[column.kind])
        if column.kind is Kind.DECIMAL:
            return values.take(plain)
        return pa.DictionaryArray.from_arrays(plain, values)

    def with_places(self, rows: dict[str, Numbers]) -> pa.Table:
        """Return rows as the check knows them: the declared columns, ``file_name`` and ``row_number``."""
        firsts = np.array([feed.first_place for feed in self.feeds])
        of_feed = np.searchsorted(firsts, rows[PLACE], side="right") - 1
        first_rows = np.array([feed.stored.first_row for feed in self.feeds])
        names = pa.array([feed.projection.file_name for feed in self.feeds])
        columns = {name: self.typed(name, rows[name]) for name in self.table.column_names}
        columns = {
            name: values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values
            for name, values in columns.items()
        }
        columns["file_name"] = names.take(pa.array(of_feed))
        columns["row_number"] = pa.array(rows[PLACE] - firsts[of_feed] + first_rows[of_feed], pa.int64())
        return pa.table(columns)

    def numbered(self, rows: pa.Table) -> dict[str, Numbers]:
        """Return typed rows as numbers."""
        numbers = {}
        for name in self.table.column_names:
            values = rows.column(name).combine_chunks()
            if self.table.column(name).kind in (Kind.DATE, Kind.INTEGER):
                plain = values.cast(pa.int32())
            else:
                plain = pc.index_in(values, value_set=self.values.get(name, values[:0]))
            if plain.null_count != values.null_count:
                raise ValueError("a settled row must hold values that were judged")
            numbers[name] = plain.fill_null(EMPTY).to_numpy(zero_copy_only=False).astype(np.int32)
        return numbers


class _Aside:
    """Writes the rows of a file that are not plainly sound, with their numbers, where the check will read them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> _Aside:
        return self

    def add(self, batch: pa.RecordBatch, at: Numbers, first_number: int) -> None:
        """Lay the rows of a batch at these places aside; its first row has the number ``first_number``."""
        rows = pa.Table.from_batches([batch]).take(pa.array(at))
        for place, name in enumerate(rows.column_names):
            column = rows.column(name)
            if pa.types.is_dictionary(column.type):
                rows = rows.set_column(place, name, column.cast(pa.string()))
        rows = rows.append_column(ROW_NUMBER, pa.array(at + first_number, pa.int64()))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, rows.schema)
        self._writer.write_table(rows)

    def __exit__(self, *_error: object) -> None:
        if self._writer is not None:
            self._writer.close()


def _kept(rows: dict[str, Numbers], sound: Numbers | None) -> dict[str, Numbers]:
    return rows if sound is None else {name: numbers[sound] for name, numbers in rows.items()}
