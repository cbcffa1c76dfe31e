"""The bare scan that intake and features are compared with: every cell is read, and nothing is kept."""

# ruff: noqa: S608  (the SQL is put together from names of columns and quoted paths of the benchmarks' own files)

from __future__ import annotations

import duckdb


def scan(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Return the number of rows of ``relation``, which has a column of text; all cells are read for the largest of each column.

    Of a text it is the longest: the largest value of a column of Parquet stands in the statistics of the file, and where all that is
    asked stands there DuckDB reads no cell.
    """
    kinds = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
    largest = (f'max(length("{name}"))' if kind == "VARCHAR" else f'max("{name}")' for name, kind in kinds.items())
    ((rows, *_largest),) = connection.execute(f"SELECT count(*), {', '.join(largest)} FROM {relation}").fetchall()
    return int(rows)
