"""The bare scan of Parquet that intake and features are compared with: every cell is read, and nothing is kept."""

from __future__ import annotations

import duckdb


def scan(relation: duckdb.DuckDBPyRelation) -> int:
    """Return the number of rows of ``relation``, which has a column of text; all cells are read for the largest of each column.

    Of a text it is the longest: the largest value of a column of Parquet stands in the statistics of the file, and where all that is
    asked stands there DuckDB reads no cell.
    """
    kinds = zip(relation.columns, map(str, relation.types), strict=True)
    largest = (f'max(length("{name}"))' if kind == "VARCHAR" else f'max("{name}")' for name, kind in kinds)
    ((rows, *_largest),) = relation.aggregate(", ".join(["count(*)", *largest])).fetchall()
    return int(rows)
