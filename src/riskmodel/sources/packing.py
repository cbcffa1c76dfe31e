"""Packed tables of a store: worked out once from each Parquet file of daily facts, and kept beside the histories."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.tables.canonical import ATTENDANCE, ENROLMENT, LESSONS_PLANNED, MARK, TERM_RESULT
from riskmodel.tables.facts import store_order
from riskmodel.tables.fields import literal
from riskmodel.tables.packed import FORM, DisorderError, pack
from riskmodel.tables.schema import ARROW_TYPES, Table

PACKED_TABLES = (ATTENDANCE, LESSONS_PLANNED, MARK, TERM_RESULT, ENROLMENT)
"""Tables that compiled loops run through."""

DIGEST_LENGTH = 16
ROWS_AT_ONCE = 131_072


def packed(folder: Path, table: Table, path: Path) -> Path:
    """Return the packed table made from the Parquet file ``path``; it is made in ``folder`` where it is not there.

    Rows in another order than that of the store are sorted first. Two processes may do so at once: both make the same.
    """
    declared = [(column.name, column.kind.value, *column.codes) for column in table.columns]
    named = "\n".join([str(FORM), table.name, path.parent.name, path.name, str(path.stat().st_size), str(declared)])
    to = folder / f"{table.name}-{hashlib.sha256(named.encode()).hexdigest()[:DIGEST_LENGTH]}"
    if to.exists():
        return to
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    unfinished = to.with_name(f"{to.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        _pack(table, path, unfinished)
        for file in unfinished.iterdir():
            file.chmod(0o440)
        _rename(unfinished, to)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return to


def _pack(table: Table, path: Path, to: Path) -> None:
    try:
        pack(table, _row_groups(table, path), to)
    except DisorderError:
        shutil.rmtree(to)
        with duckdb.connect(config={"threads": 1}) as connection:
            names = ", ".join(table.column_names)
            rows = connection.sql(
                f"SELECT {names} FROM read_parquet({literal(str(path))}) ORDER BY {store_order(table)}"
            )
            pack(table, map(_as_table, rows.to_arrow_reader(ROWS_AT_ONCE)), to, is_sorted=True)


def _row_groups(table: Table, path: Path) -> Iterator[pa.Table]:
    texts = [column.name for column in table.columns if ARROW_TYPES[column.kind] == pa.string()]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for number in range(file.metadata.num_row_groups):
            yield file.read_row_group(number, columns=list(table.column_names), use_threads=False)


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _rename(unfinished: Path, to: Path) -> None:
    try:
        unfinished.rename(to)
    except OSError:
        if not to.exists():  # else another process was quicker
            raise
