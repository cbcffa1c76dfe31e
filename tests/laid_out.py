"""A data base of canonical tables that holds rows written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from riskmodel.tables.canonical import table
from riskmodel.tables.relations import lay_out


def laid_out(**rows: Sequence[Mapping[str, object]]) -> duckdb.DuckDBPyConnection:
    """Return a connection that holds the rows of each table as ``canonical.<table>``; what a row does not say is empty."""
    connection = duckdb.connect(config={"threads": 2})
    lay_out(connection, {name: _arrow(name, given) for name, given in rows.items()})
    return connection


def _arrow(name: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    # What is declared as required may be left out by hand.
    schema = pa.schema([field.with_nullable(True) for field in table(name).arrow_schema()])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
