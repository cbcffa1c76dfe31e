"""Facts of some pupils as whole numbers, from every piece of a table: packed tables of the store, or relations.

A reader takes ranges of pupils that may come in any order. What it gives says nothing of how many files there were: the
same pupil, school or subject has one number in all of them.
"""

# ruff: noqa: S608  (the SQL is put together from declared names, dates and quoted ids alone)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.compiled import compiled
from riskmodel.tables.fields import literal
from riskmodel.tables.filing import filed_days, filed_year_sql
from riskmodel.tables.packed import (
    EPOCH,
    MISSING,
    PUPIL,
    REPLACED,
    WITHOUT_YEARS,
    PackedTable,
    Packer,
    Run,
    TooLargeError,
    Whole,
    is_filed_by_year,
    is_free_text,
    never,
    runs_of,
    widen,
)
from riskmodel.tables.relations import CANONICAL_SCHEMA
from riskmodel.tables.schema import Table

PIECE_RELATION = f"{CANONICAL_SCHEMA}_piece.piece"
"""Names what the relations of facts consist of, a row per piece: ``table_name``; ``path`` of its Parquet file; ``packed``,
the folder of the packed table made from it, or NULL; the days ``first_on`` to ``last_on`` for which it stands."""

NEVER_BEFORE, NEVER_AFTER = date(1, 1, 1), date(9999, 12, 31)

Bound = str | None


class PackedPiece(NamedTuple):
    """A packed table, and the days for which it stands; both belong to it."""

    folder: Path
    first_on: date
    last_on: date


PackedPieces = Mapping[str, Sequence[PackedPiece]]
"""What tables consist of, by name."""


@dataclass(frozen=True)
class Wanted:
    """The columns and days of one table that a reader asks for, beside the pupil.

    ``late_columns`` are needed from the day ``late_from`` on only: in school years that ended before they may be empty.
    Days are inclusive, and school years are the grain: facts of other days of a year may come with them.
    """

    table: Table
    columns: tuple[str, ...]
    first_on: date = NEVER_BEFORE
    last_on: date = NEVER_AFTER
    late_columns: tuple[str, ...] = ()
    late_from: date = NEVER_BEFORE


def as_one(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return what gives all that several readers ask for, of each table once."""
    found: dict[str, Wanted] = {}
    for one in wanted:
        other = found.get(one.table.name, one)
        found[one.table.name] = Wanted(
            one.table,
            tuple(dict.fromkeys((*other.columns, *one.columns))),
            min(other.first_on, one.first_on),
            max(other.last_on, one.last_on),
            tuple(name for name in other.late_columns if name in one.late_columns),
            min(other.late_from, one.late_from),
        )
    return list(found.values())


@dataclass(frozen=True)
class Facts:
    """Rows of some pupils.

    ``columns[name][row]`` are whole numbers (see :mod:`riskmodel.tables.packed`), with ``known_on`` and ``replaced_on``.
    The rows of pupil ``p`` in run ``r`` are ``starts[r, p]`` up to, and without, ``ends[r, p]``; they are facts of
    the days ``days[r]``, first and last. Runs are in the order of the school years. Rows of pupils who were not chosen may
    stand between them.
    """

    columns: Mapping[str, Whole]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    days: Sequence[tuple[date, date]]

    def __getitem__(self, name: str) -> Whole:
        """Return one column."""
        return self.columns[name]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.columns[REPLACED])

    def pupil_of_row(self) -> NDArray[np.int32]:
        """Return the number of the pupil of each row, where each is of a pupil who is here."""
        numbers = np.arange(self.starts.shape[1], dtype=np.int32)
        counts = self.ends - self.starts
        return np.concatenate([np.empty(0, np.int32), *(np.repeat(numbers, of_run) for of_run in counts)])

    def between(self, first_on: date, last_on: date) -> Facts:
        """Return the runs that may hold a fact of these days. No row is copied."""
        runs = [run for run, (begins, ends) in enumerate(self.days) if begins <= last_on and ends >= first_on]
        starts, ends = self.starts[runs], self.ends[runs]
        begin, end = (int(starts.min()), int(ends.max())) if starts.size else (0, 0)
        columns = {name: column[begin:end] for name, column in self.columns.items()}
        return Facts(columns, starts - begin, ends - begin, [self.days[run] for run in runs])

    def of_pupils(self, chosen: NDArray[np.bool_]) -> Facts:
        """Return the facts of the ``chosen`` pupils, who have numbers of their own there. No row is copied."""
        starts, ends = (np.ascontiguousarray(some[:, chosen]) for some in (self.starts, self.ends))
        return Facts(self.columns, starts, ends, self.days)


@dataclass(frozen=True)
class Read:
    """The facts of several tables, and the texts that their numbers stand for, in ascending order.

    ``texts["pupil_id"]`` are all pupils of the range who have a row in any of the tables.
    """

    facts: Mapping[str, Facts]
    texts: Mapping[str, pa.StringArray]

    def of(self, wanted: Iterable[Wanted], chosen: NDArray[np.bool_] | None = None) -> Read:
        """Return the part that one of several readers asked for (see :func:`as_one`). No row is copied.

        It has the ``chosen`` pupils; None: those who have a row in it.
        """
        facts = {one.table.name: self.facts[one.table.name].between(one.first_on, one.last_on) for one in wanted}
        if chosen is None:
            chosen = np.zeros(len(self.texts[PUPIL]), dtype=bool)
            for own in facts.values():
                chosen |= (own.ends > own.starts).any(axis=0)
        texts = {**self.texts, PUPIL: self.texts[PUPIL].filter(pa.array(chosen))}
        return Read({name: own.of_pupils(chosen) for name, own in facts.items()}, texts)


class _Source:
    """A packed table, or rows of a relation packed in memory, and the days for which it stands."""

    def __init__(self, packed: PackedTable | _InMemory, span: tuple[date, date], runs: Sequence[Run]) -> None:
        self.packed, self.span, self._runs = packed, span, runs

    def runs(self, wanted: Wanted) -> list[Run]:
        """Return the runs that may hold a fact of the days asked for."""
        found = []
        for run in self._runs:
            begins, ends = self.days(run)
            if begins <= min(ends, wanted.last_on) and ends >= wanted.first_on:
                found.append(run)
        return found

    def days(self, run: Run) -> tuple[date, date]:
        """Return the days of the facts of a run; the first lies after the last where the piece stands for none of them."""
        begins, ends = _days(run)
        return max(self.span[0], begins), min(self.span[1], ends)

    def leave_out(self, run: Run, columns: Mapping[str, Whole], happened: str, known: str) -> None:
        """Let no row count that happened outside of the days for which the piece stands."""
        begins, ends = _days(run)
        if self.span[0] <= begins and ends <= self.span[1]:
            return
        first, last = ((day - EPOCH).days for day in self.span)
        outside = (columns[happened] < first) | (columns[happened] > last)
        columns[REPLACED][outside] = columns[known][outside]


def _days(run: Run) -> tuple[date, date]:
    if run.school_year == WITHOUT_YEARS:
        return NEVER_BEFORE, NEVER_AFTER
    return filed_days(run.school_year)


class _InMemory:
    """Rows of a relation in the form of a packed table."""

    def __init__(self, table: Table, rows: pa.Table) -> None:
        try:
            packer, batches = _packed_in_memory(table, rows, is_wide=False)
        except TooLargeError:
            packer, batches = _packed_in_memory(table, rows, is_wide=True)
        self.kind = packer.schema.field(REPLACED).type.to_pandas_dtype()
        self._rows = pa.Table.from_batches(batches, packer.schema).combine_chunks()
        self.texts: Mapping[str, Sequence[str]] = packer.texts
        self.runs = runs_of(packer.index())

    def read(self, first: int, after: int, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Whole]]]:
        """Yield the rows asked for, as a packed table does."""
        if after > first:
            yield after - first, {name: self._rows[name].chunk(0).to_numpy()[first:after] for name in columns}


def _packed_in_memory(table: Table, rows: pa.Table, *, is_wide: bool) -> tuple[Packer, list[pa.RecordBatch]]:
    packer = Packer(table, is_sorted=True, is_wide=is_wide)
    return packer, list(packer.batches([rows]))


class FactReader:
    """Reads the facts of the ``wanted`` tables by ranges of pupils.

    Parameters
    ----------
    source
        A connection that holds ``canonical.<table>`` and, where they stand for files of a store, :data:`PIECE_RELATION`; or the
        packed tables themselves (see :func:`packed_pieces`).
    wanted
        Each table once.
    first_pupil, after_pupil
        Whom it may be asked for: pupils from ``first_pupil`` up to, and without, ``after_pupil``; None is open.
    """

    def __init__(
        self,
        source: duckdb.DuckDBPyConnection | PackedPieces,
        wanted: Sequence[Wanted],
        first_pupil: Bound = None,
        after_pupil: Bound = None,
    ) -> None:
        self._wanted = wanted
        self._packed: dict[str, list[_Source]] = {}
        self._relations: dict[str, list[tuple[str, tuple[date, date]]]] = {}
        self._room: dict[tuple[str, str], NDArray[np.int32]] = {}
        for one in wanted:
            name = one.table.name
            self._packed[name], self._relations[name] = [], []
            if isinstance(source, Mapping):
                pieces = source[name]
            else:
                self._connection = source
                pieces, self._relations[name] = _pieces_of(source, one)
            for folder, *span in pieces:
                table = PackedTable(folder)
                begins, ends = span
                self._packed[name].append(_Source(table, (begins, ends), table.runs_between(first_pupil, after_pupil)))

    def pupils(self) -> pa.StringArray:
        """Return all pupils who have a row in any of the tables, in ascending order; no fact is read."""
        lists = [
            run.pupils for one in self._wanted for source in self._packed[one.table.name] for run in source.runs(one)
        ]
        lists += [
            self._connection.sql(f"SELECT DISTINCT {PUPIL} FROM {relation} ORDER BY {PUPIL}")
            .to_arrow_table()[PUPIL]
            .combine_chunks()
            for one in self._wanted
            for relation, _ in self._relations[one.table.name]
        ]
        return _merged(lists)[0]

    def cuts(self, rows_at_once: int, first: Bound = None, after: Bound = None) -> list[str]:
        """Return pupils at which the range may be cut, so that about ``rows_at_once`` rows stand between two cuts."""
        runs = [
            run.between(first, after)
            for one in self._wanted
            for source in self._packed[one.table.name]
            for run in source.runs(one)
        ]
        runs += [
            self._counted(_query(one, *of_relation, first, after))
            for one in self._wanted
            for of_relation in self._relations[one.table.name]
        ]
        if not runs:
            return []
        parts = sum(run.rows[1] - run.rows[0] for run in runs) // rows_at_once + 1
        pupils = max((run.pupils for run in runs), key=len)  # the others are divided much the same
        places = np.unique(np.arange(1, parts) * len(pupils) // parts)
        found: list[str] = pupils.take(pa.array(places[places > 0])).to_pylist()
        return found

    def _counted(self, query: str) -> Run:
        rows = (
            self._connection.sql(f"SELECT {PUPIL}, count(*) AS rows FROM ({query}) GROUP BY {PUPIL} ORDER BY {PUPIL}")
            .to_arrow_table()
            .combine_chunks()
        )
        pupils = rows[PUPIL].chunk(0) if rows.num_rows else pa.array([], pa.string())
        return Run(WITHOUT_YEARS, pupils, rows["rows"].to_numpy())

    def read(self, first: Bound = None, after: Bound = None) -> Read:
        """Return the facts of the pupils from ``first`` up to, and without, ``after``; None is open.

        The next call writes over them.
        """
        found: dict[str, list[tuple[_Source, Run]]] = {}
        for one in self._wanted:
            sources = [*self._packed[one.table.name], *self._from_relations(one, first, after)]
            found[one.table.name] = sorted(
                (
                    (source, some)
                    for source in sources
                    for run in source.runs(one)
                    if len((some := run.between(first, after)).pupils)
                ),
                key=lambda of_run: of_run[1].school_year,
            )
        pupils, numbers = _merged([run.pupils for runs in found.values() for _, run in runs])
        pupils_of_run = iter(numbers)
        texts = {PUPIL: pupils}
        for name in dict.fromkeys(name for one in self._wanted for name in _texts(one)):
            lists = [
                source.packed.texts[name]
                for one in self._wanted
                if name in _texts(one)
                for source, _ in found[one.table.name]
            ]
            texts[name] = _together([pa.array(some, pa.string()) for some in lists])
        facts = {
            one.table.name: self._facts(
                one, [(*of_run, next(pupils_of_run)) for of_run in found[one.table.name]], texts
            )
            for one in self._wanted
        }
        return Read(facts, texts)

    def _facts(
        self,
        one: Wanted,
        found: Sequence[tuple[_Source, Run, NDArray[np.int32]]],
        texts: Mapping[str, pa.StringArray],
    ) -> Facts:
        happened, known = one.table.happened, one.table.known
        ends = np.cumsum([0, *(run.rows[1] - run.rows[0] for _, run, _ in found)])
        # Sixteen bits if all pieces have them: memory is what the loops wait for.
        is_narrow = all(source.packed.kind == np.int16 for source, *_ in found) and _fit(one, texts)
        columns = {
            name: self._place(one.table.name, name, ends[-1], np.int16 if is_narrow else np.int32)
            for name in dict.fromkeys((*one.columns, happened, known, REPLACED))
        }
        starts = np.empty((len(found), len(texts[PUPIL]) + 1), np.int64)
        for number, (source, run, pupils) in enumerate(found):
            begin, end = ends[number], ends[number + 1]
            own = {name: column[begin:end] for name, column in columns.items()}
            _fill(one, source, run, own, texts)
            source.leave_out(run, own, happened, known)
            starts[number] = (run.starts + begin)[_first_from(pupils, len(texts[PUPIL]))]
        return Facts(columns, starts[:, :-1], starts[:, 1:], [source.days(run) for source, run, _ in found])

    def _place(self, table: str, name: str, rows: int, kind: type[np.int16] | type[np.int32]) -> Whole:
        """Return room for a column: that of the read before, where it is large enough (new memory costs more than filling it)."""
        words = -(-rows * np.dtype(kind).itemsize // 4)
        room = self._room.get((table, name))
        if room is None or len(room) < words:
            room = self._room[table, name] = np.empty(words + words // 8, np.int32)
        return room.view(kind)[:rows]

    def _from_relations(self, one: Wanted, first: Bound, after: Bound) -> list[_Source]:
        found = []
        for relation, span in self._relations[one.table.name]:
            rows = self._connection.sql(
                f"{_query(one, relation, span, first, after)} ORDER BY {store_order(one.table)}"
            ).to_arrow_table()
            in_memory = _InMemory(one.table, rows)
            found.append(_Source(in_memory, (NEVER_BEFORE, NEVER_AFTER), in_memory.runs))
        return found


def store_order(table: Table) -> str:
    """Return the order of a packed table in SQL; of versions of one day, the one that counts stands last.

    Which one counts is decided by the order of all columns, never by the order of the rows.
    """
    others = [name for name in table.column_names if name not in {*table.key, table.known}]
    order = [f"{name} NULLS FIRST" for name in (*table.key, table.known)]
    return ", ".join(
        [
            *([filed_year_sql(table.happened)] if is_filed_by_year(table) else []),
            *order,
            *(f"{name} DESC NULLS FIRST" for name in others),
        ]
    )


def packed_pieces(connection: duckdb.DuckDBPyConnection, wanted: Iterable[Wanted]) -> PackedPieces:
    """Return which packed tables hold the facts that are ``wanted``, in the order of their days.

    Raises
    ------
    ValueError
        When a table consists of something else.
    """
    found = {one.table.name: _pieces_of(connection, one) for one in wanted}
    # What nobody delivered is a table without rows.
    others = [relation for _, relations in found.values() for relation, _ in relations]
    if others := [relation for relation in others if connection.sql(f"SELECT 1 FROM {relation} LIMIT 1").fetchall()]:
        raise ValueError(f"not packed: {', '.join(others)}")
    return {name: pieces for name, (pieces, _) in found.items()}


def _pieces_of(
    connection: duckdb.DuckDBPyConnection, wanted: Wanted
) -> tuple[list[PackedPiece], list[tuple[str, tuple[date, date]]]]:
    """Return the packed tables that may hold a fact of the days asked for, and the other relations with their days."""
    packed, relations = list[PackedPiece](), list[tuple[str, tuple[date, date]]]()
    for folder, relation, span in _pieces(connection, wanted.table.name):
        if span[1] < wanted.first_on or span[0] > wanted.last_on:
            continue
        if folder is None:
            relations.append((relation, span))
        else:
            packed.append(PackedPiece(Path(folder), *span))
    return packed, relations


def _pieces(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str | None, str, tuple[date, date]]]:
    """Return what ``canonical.<name>`` consists of; the relation itself where nothing is noted."""
    schema, relation = PIECE_RELATION.split(".")
    is_noted = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?", [schema, relation]
    ).fetchall()[0][0]
    noted = (
        connection.execute(
            f"SELECT packed, path, first_on, last_on FROM {PIECE_RELATION} WHERE table_name = ? ORDER BY first_on",
            [name],
        ).fetchall()
        if is_noted
        else []
    )
    if not noted:
        return [(None, f"{CANONICAL_SCHEMA}.{name}", (NEVER_BEFORE, NEVER_AFTER))]
    return [(packed, f"read_parquet({literal(path)})", tuple(span)) for packed, path, *span in noted]


def _query(one: Wanted, relation: str, span: tuple[date, date], first: Bound, after: Bound) -> str:
    table = one.table
    first_on, last_on = max(span[0], one.first_on), min(span[1], one.last_on)
    conditions = [
        f"{table.happened} >= DATE '{first_on.isoformat()}'",
        f"{table.happened} <= DATE '{last_on.isoformat()}'",
    ]
    conditions += [f"{PUPIL} >= {literal(first)}"] if first is not None else []
    conditions += [f"{PUPIL} < {literal(after)}"] if after is not None else []
    return f"SELECT {', '.join(table.column_names)} FROM {relation} WHERE {' AND '.join(conditions)}"


def _texts(one: Wanted) -> list[str]:
    """Return the columns of free text among those asked for."""
    return [name for name in one.columns if is_free_text(one.table.column(name))]


def _together(lists: Sequence[pa.StringArray]) -> pa.StringArray:
    """Return the texts of several lists, each once, in ascending order."""
    every = pa.concat_arrays([pa.array([], pa.string()), *lists]).unique()
    return every.take(pc.sort_indices(every))


def _fill(one: Wanted, source: _Source, run: Run, to: Mapping[str, Whole], texts: Mapping[str, pa.StringArray]) -> None:
    is_late = _days(run)[1] >= one.late_from
    asked = [name for name in to if is_late or name not in one.late_columns]
    numbers = {name: _numbers(source.packed.texts[name], texts[name]) for name in asked if name in source.packed.texts}
    for name in to.keys() - set(asked):
        to[name].fill(MISSING)
    filled = 0
    for count, piece in source.packed.read(*run.rows, asked):
        for name, values in piece.items():
            into = to[name][filled : filled + count]
            if name in numbers:
                _renumber(values, numbers[name], into)
            elif values.dtype == into.dtype:
                into[:] = values
            else:
                widen(values, into)
        filled += count


def _fit(one: Wanted, texts: Mapping[str, pa.StringArray]) -> bool:
    """Whether the numbers of all texts stand in 16 bits."""
    return all(len(texts[name]) < never(np.empty(0, np.int16)) for name in _texts(one))


def _numbers(own: Sequence[str], common: pa.StringArray) -> Whole:
    """Return the common number of each text of a list, and in the last place that of no text."""
    found = pc.index_in(pa.array(own, pa.string()), value_set=common).to_numpy()
    return np.append(found, MISSING).astype(np.int32)


def _renumber_texts(values: Whole, numbers: NDArray[np.int32], found: Whole) -> None:
    none = numbers[len(numbers) - 1]
    for row in range(len(values)):
        value = values[row]
        found[row] = none if value == MISSING else numbers[value]


def _merged(lists: Sequence[pa.StringArray]) -> tuple[pa.StringArray, list[NDArray[np.int32]]]:
    """Return the texts of ascending lists as :func:`_together` does, and for each list their numbers there."""
    every = pa.concat_arrays([pa.array([], pa.string()), *lists])
    ends = np.cumsum([0, *map(len, lists)])
    numbers = np.empty(len(every), np.int32)
    chosen = np.empty(len(every), np.int64)
    count = _merge(*_letters(every), ends, numbers, chosen)
    return every.take(pa.array(chosen[:count])), np.split(numbers, ends[1:-1]) if lists else []


def _letters(texts: pa.StringArray) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return where each text begins among the bytes, the end of the last one behind, and the bytes."""
    _, ends, letters = texts.buffers()
    if not len(texts):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    return np.frombuffer(ends, np.int32)[texts.offset :][: len(texts) + 1], np.frombuffer(letters, np.uint8)


def _merge_lists(
    begins: NDArray[np.int32],
    letters: NDArray[np.uint8],
    ends: NDArray[np.int64],
    numbers: NDArray[np.int32],
    chosen: NDArray[np.int64],
) -> int:
    """Go through all lists at once, the least text first; return how many different ones there are."""
    heads = ends[:-1].copy()
    least = np.empty(len(heads), np.int64)  # the lists whose next text is the least
    count = 0
    while True:
        same = 0
        for place in range(len(heads)):
            if heads[place] == ends[place + 1]:
                continue
            order = _compare(begins, letters, heads[place], heads[least[0]]) if same else -1
            if order <= 0:
                same = same if order == 0 else 0
                least[same] = place
                same += 1
        if same == 0:
            return count
        chosen[count] = heads[least[0]]
        for place in least[:same]:
            numbers[heads[place]] = count
            heads[place] += 1
        count += 1


def _compare_texts(begins: NDArray[np.int32], letters: NDArray[np.uint8], one: int, other: int) -> int:
    """Return less than zero, zero, or more, as one text stands before another, is the same, or stands behind it."""
    first, second = begins[one], begins[other]
    length, other_length = begins[one + 1] - first, begins[other + 1] - second
    for letter in range(min(length, other_length)):
        if letters[first + letter] != letters[second + letter]:
            return -1 if letters[first + letter] < letters[second + letter] else 1
    return int(length - other_length)


def _first_from(numbers: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return for each number up to ``count`` how many of ``numbers``, each there once, are smaller."""
    is_before = np.zeros(count + 1, np.int64)
    is_before[numbers + 1] = 1
    return np.cumsum(is_before)


_compare: Any = compiled(_compare_texts)
_merge: Any = compiled(_merge_lists)
_renumber: Any = compiled(_renumber_texts)
