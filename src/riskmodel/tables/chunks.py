"""Rows of a canonical table, a range of pupils at a time, as Arrow batches whose text is dictionary-encoded.

Where a relation stands for Parquet files, their row groups are decoded as they lie: text comes as the small numbers
that it is stored as, and row groups of other days or other pupils are not read. Any other relation is asked
through SQL. A reader sees no difference but the price.
"""

# ruff: noqa: S608  (the SQL is put together from declared names, dates and quoted ids alone)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.tables.fields import literal
from riskmodel.tables.relations import CANONICAL_SCHEMA
from riskmodel.tables.schema import ARROW_TYPES, Table

PIECE_RELATION = f"{CANONICAL_SCHEMA}_piece.piece"
"""Names what the relations of daily facts consist of, a row per piece: ``table_name``; ``path`` of a Parquet file, or
NULL for the relation ``canonical_piece.<table_name>``; the days ``first_on`` to ``last_on`` for which it stands."""

NEVER_BEFORE, NEVER_AFTER = date(1, 1, 1), date(9999, 12, 31)


@dataclass(frozen=True)
class Wanted:
    """The columns and days of one table that a reader asks for.

    ``late_columns`` are needed from the day ``late_from`` on only: before, they may be left out of a batch.
    Days are inclusive.
    """

    table: Table
    columns: tuple[str, ...]
    first_on: date
    last_on: date
    late_columns: tuple[str, ...] = ()
    late_from: date = NEVER_BEFORE


@dataclass(frozen=True)
class Piece:
    """A part of a relation: a file, or else a relation of the connection; and the days for which it stands."""

    relation: str
    path: str | None
    first_on: date
    last_on: date

    @classmethod
    def whole(cls, table: Table) -> Piece:
        """Return ``canonical.<table>`` as one piece."""
        return cls(f"{CANONICAL_SCHEMA}.{table.name}", None, NEVER_BEFORE, NEVER_AFTER)


@dataclass(frozen=True)
class RowGroup:
    """One row group of a file, with what its statistics say (None: nothing)."""

    path: str
    index: int
    rows: int
    pupils: tuple[str, str] | None
    days: tuple[date, date] | None
    of_piece: Piece

    def may_hold(self, first_pupil: str | None, after_pupil: str | None) -> bool:
        """Say whether a pupil of the range may stand in it."""
        if self.pupils is None:
            return True
        return (first_pupil is None or self.pupils[1] >= first_pupil) and (
            after_pupil is None or self.pupils[0] < after_pupil
        )


@dataclass
class TableReader:
    """Reads the rows of ``wanted`` by ranges of pupils that ascend.

    Row groups are decoded once, also where a range ends in the middle of one. Batches come in the order of the
    store; with ``is_sorted`` in that of the key and the known-on date, and of versions of one day the one that
    counts (by the order of all columns) last.
    """

    connection: duckdb.DuckDBPyConnection
    wanted: Wanted
    is_sorted: bool = False
    _files: dict[str, pq.ParquetFile] = field(default_factory=dict)
    _held: dict[RowGroup, list[pa.RecordBatch]] = field(default_factory=dict)
    _groups: list[RowGroup] = field(default_factory=list)
    _relations: list[Piece] = field(default_factory=list)

    def __post_init__(self) -> None:
        for piece in _pieces(self.connection, self.wanted.table):
            if piece.last_on < self.wanted.first_on or piece.first_on > self.wanted.last_on:
                continue
            if piece.path is None:
                self._relations.append(piece)
            else:
                self._groups += self._groups_of(piece)
        self.is_sorted = self.is_sorted or not self._groups

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def rows_from(self, first_pupil: str | None, after_pupil: str | None) -> Iterator[tuple[str, int]]:
        """Yield, by estimate, where rows of the range begin: a pupil, and how many rows follow until the next one."""
        for group in self._groups:
            if group.pupils is not None and group.may_hold(first_pupil, after_pupil):
                yield group.pupils[0], group.rows
        for piece in self._relations:
            query = self._query(piece, first_pupil, after_pupil)
            yield from self.connection.execute(
                f"SELECT pupil_id, count(*) FROM ({query}) GROUP BY pupil_id ORDER BY pupil_id"
            ).fetchall()

    def read(self, first_pupil: str | None, after_pupil: str | None) -> list[pa.RecordBatch]:
        """Return the batches that hold the rows of the range, and may hold others."""
        if self.is_sorted:
            return self._sorted(Piece.whole(self.wanted.table), first_pupil, after_pupil)
        batches: list[pa.RecordBatch] = []
        held: dict[RowGroup, list[pa.RecordBatch]] = {}
        for group in self._groups:
            if group.may_hold(first_pupil, after_pupil):
                decoded = self._held.get(group) or self._decode(group)
                batches += decoded
                if after_pupil is not None and group.may_hold(after_pupil, None):
                    held[group] = decoded
        self._held = held
        for piece in self._relations:
            batches += self._sorted(piece, first_pupil, after_pupil)
        return batches

    def _groups_of(self, piece: Piece) -> list[RowGroup]:
        assert piece.path is not None
        texts = [name for name in self.wanted.columns if _is_text(self.wanted.table, name)]
        file = pq.ParquetFile(piece.path, read_dictionary=texts)
        self._files[piece.path] = file
        place = {name: number for number, name in enumerate(file.schema_arrow.names)}
        found = []
        for index in range(file.metadata.num_row_groups):
            described = file.metadata.row_group(index)
            pupils, days = (
                _range_of(described.column(place[name])) for name in ("pupil_id", self.wanted.table.happened)
            )
            if days is None or not (days[1] < self.wanted.first_on or days[0] > self.wanted.last_on):
                found.append(RowGroup(piece.path, index, described.num_rows, pupils, days, piece))
        return found

    def _decode(self, group: RowGroup) -> list[pa.RecordBatch]:
        is_late = group.days is None or group.days[1] >= self.wanted.late_from
        columns = [name for name in self.wanted.columns if is_late or name not in self.wanted.late_columns]
        rows = self._files[group.path].read_row_group(group.index, columns=columns, use_threads=False)
        piece, days = group.of_piece, group.days or (NEVER_BEFORE, NEVER_AFTER)
        if days[0] < piece.first_on or days[1] > piece.last_on:
            happened = rows[self.wanted.table.happened]
            rows = rows.filter(
                pc.and_(pc.greater_equal(happened, piece.first_on), pc.less_equal(happened, piece.last_on))
            )
        batches: list[pa.RecordBatch] = rows.to_batches()
        return batches

    def _sorted(self, piece: Piece, first_pupil: str | None, after_pupil: str | None) -> list[pa.RecordBatch]:
        table = self.wanted.table
        others = [name for name in table.column_names if name not in {*table.key, table.known}]
        order = [*table.key, table.known, *(f"{name} DESC NULLS FIRST" for name in others)]
        query = f"{self._query(piece, first_pupil, after_pupil)} ORDER BY {', '.join(order)}"
        rows = self.connection.sql(query).to_arrow_table()
        for number, name in enumerate(rows.column_names):
            if _is_text(table, name):
                rows = rows.set_column(number, name, rows[name].dictionary_encode())
        batches: list[pa.RecordBatch] = rows.to_batches()
        return batches

    def _query(self, piece: Piece, first_pupil: str | None, after_pupil: str | None) -> str:
        table = self.wanted.table
        first_on, last_on = max(piece.first_on, self.wanted.first_on), min(piece.last_on, self.wanted.last_on)
        conditions = [
            f"{table.happened} >= DATE '{first_on.isoformat()}'",
            f"{table.happened} <= DATE '{last_on.isoformat()}'",
        ]
        conditions += [f"pupil_id >= {literal(first_pupil)}"] if first_pupil is not None else []
        conditions += [f"pupil_id < {literal(after_pupil)}"] if after_pupil is not None else []
        return f"SELECT {', '.join(self.wanted.columns)} FROM {piece.relation} WHERE {' AND '.join(conditions)}"


def _pieces(connection: duckdb.DuckDBPyConnection, table: Table) -> Sequence[Piece]:
    """Return what ``canonical.<table>`` consists of; the relation itself where nothing is noted."""
    schema, name = PIECE_RELATION.split(".")
    is_noted = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?", [schema, name]
    ).fetchall()
    noted = (
        connection.execute(
            f"SELECT path, first_on, last_on FROM {PIECE_RELATION} WHERE table_name = ? ORDER BY first_on", [table.name]
        ).fetchall()
        if is_noted[0][0]
        else []
    )
    if not noted:
        return [Piece.whole(table)]
    return [Piece(f"{schema}.{table.name}", *one) for one in noted]


def _range_of(chunk: Any) -> tuple[Any, Any] | None:
    statistics = chunk.statistics
    return (statistics.min, statistics.max) if statistics is not None and statistics.has_min_max else None


def _is_text(table: Table, name: str) -> bool:
    return bool(ARROW_TYPES[table.column(name).kind] == pa.string())
