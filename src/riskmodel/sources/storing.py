"""Tables written in the order of the store; equal rows give equal bytes, whichever way they came.

The daily tables lie by school year and then by their key, which begins with the pupil, and no row group crosses a school
year: a reader of one year and some pupils looks at few groups.
"""

# ruff: noqa: S608  (the SQL is put together from declared names alone)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.tables.filing import filed_year_sql
from riskmodel.tables.schema import ARROW_TYPES, Table

DAILY_TABLES = ("attendance", "lessons_planned", "mark", "term_result")
ROWS_PER_GROUP = 131_072
YEAR, BEGAN = filed_year_sql("happened_on"), "school_year_began"
"""The school year of a row in SQL, and the column in which it may stand beside those of a table."""
TEXT_LIST = pa.dictionary(pa.int32(), pa.string())


class StoreWriter:
    """Writes one table of a delivery, a row group at a time."""

    def __init__(self, path: Path, table: Table) -> None:
        self._schema = pa.schema(
            [
                pa.field(
                    column.name,
                    TEXT_LIST if pa.types.is_string(ARROW_TYPES[column.kind]) else ARROW_TYPES[column.kind],
                    nullable=not column.required,
                )
                for column in table.columns
            ]
        )
        # Without the Arrow schema a text is read as a text, not as a number in a list.
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", store_schema=False)

    def write(self, rows: pa.Table) -> None:
        """Write rows as one row group: at most ``ROWS_PER_GROUP``, in order, of one school year."""
        columns = [
            _listed(rows.column(field.name).combine_chunks())
            if pa.types.is_dictionary(field.type)
            else rows.column(field.name)
            for field in self._schema
        ]
        self._writer.write_table(pa.table(columns, schema=self._schema), row_group_size=ROWS_PER_GROUP)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def write_checked(connection: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    """Write ``checked.<table>`` in the order of the store."""
    order = [*table.key, table.known]  # no two rows are equal in these
    columns = list(table.column_names)
    if table.name in DAILY_TABLES:
        order.insert(0, YEAR)
        columns.append(f"{YEAR} AS {BEGAN}")
    rows = connection.sql(f"SELECT {', '.join(columns)} FROM checked.{table.name} ORDER BY {', '.join(order)}")
    write_ordered(path, table, rows.to_arrow_reader(ROWS_PER_GROUP))


def write_ordered(path: Path, table: Table, batches: Iterable[pa.RecordBatch]) -> None:
    """Write rows that are in order already; where ``BEGAN`` stands beside their columns, no row group crosses a school year."""
    with StoreWriter(path, table) as writer:
        for group in _groups(batches):
            writer.write(group)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows in full groups, whatever the size of the batches, and a shorter one where a school year ends."""
    kept: list[pa.RecordBatch] = []
    for batch in batches:
        for part in _by_year(batch):
            if kept and _year(kept[0]) != _year(part):
                yield pa.Table.from_batches(kept)
                kept = []
            kept.append(part)
            while sum(one.num_rows for one in kept) >= ROWS_PER_GROUP:
                whole = pa.Table.from_batches(kept)
                yield whole.slice(0, ROWS_PER_GROUP)
                kept = whole.slice(ROWS_PER_GROUP).to_batches()
    if kept:
        yield pa.Table.from_batches(kept)


def _by_year(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    if BEGAN not in batch.schema.names:
        return [batch]
    years = batch.column(BEGAN).to_numpy()
    ends = [*(np.flatnonzero(years[1:] != years[:-1]) + 1).tolist(), batch.num_rows]
    return [batch.slice(start, end - start) for start, end in zip([0, *ends[:-1]], ends, strict=True) if end > start]


def _year(batch: pa.RecordBatch) -> int | None:
    if BEGAN not in batch.schema.names:
        return None
    year: int = batch.column(BEGAN)[0].as_py()
    return year


def _listed(texts: pa.Array) -> pa.DictionaryArray:
    """Return texts as numbers in the sorted list of those that occur."""
    coded = texts if isinstance(texts, pa.DictionaryArray) else texts.dictionary_encode()
    numbers = coded.indices
    used = np.zeros(len(coded.dictionary) + 1, bool)
    plain = numbers.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False) if numbers.null_count else None
    used[numbers.to_numpy(zero_copy_only=False) if plain is None else plain] = True
    places = np.flatnonzero(used[:-1])
    some = coded.dictionary.take(pa.array(places))
    order = pc.sort_indices(some).to_numpy()
    number_of = np.zeros(len(used), np.int32)
    number_of[places[order]] = np.arange(len(order), dtype=np.int32)
    renumbered = pc.take(pa.array(number_of), numbers, boundscheck=False)
    return pa.DictionaryArray.from_arrays(renumbered, some.take(pa.array(order)).cast(pa.string()))
