"""The canonical tables laid out in a DuckDB connection, so that SQL may name them."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.schema import SQL_TYPES, Table

CANONICAL_SCHEMA = "canonical"


def lay_out(connection: duckdb.DuckDBPyConnection, given: Mapping[str, pa.Table | duckdb.DuckDBPyRelation]) -> None:
    """Make ``canonical.<table>`` in ``connection`` for every canonical table.

    Parameters
    ----------
    connection
        The connection in which SQL will run. Earlier tables of these names are replaced.
    given
        Rows by table name, as Arrow tables or DuckDB relations (for instance over Parquet), with the declared
        columns. A table that is not given is there and empty: "no data".
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CANONICAL_SCHEMA}")
    for table in CANONICAL:
        connection.execute(f"CREATE OR REPLACE TABLE {CANONICAL_SCHEMA}.{table.name} ({column_definitions(table)})")
        rows = given.get(table.name)
        if rows is not None:
            connection.register("lay_out_rows", rows) if isinstance(rows, pa.Table) else rows.create_view(
                "lay_out_rows"
            )
            names = ", ".join(table.column_names)
            connection.execute(f"INSERT INTO {CANONICAL_SCHEMA}.{table.name} SELECT {names} FROM lay_out_rows")  # noqa: S608
            if isinstance(rows, pa.Table):
                connection.unregister("lay_out_rows")
            else:
                connection.execute("DROP VIEW lay_out_rows")


def column_definitions(table: Table) -> str:
    """Return the column list of ``CREATE TABLE`` for a declared table (quoted: ``left`` is a word of SQL)."""
    return ", ".join(f'"{column.name}" {SQL_TYPES[column.kind]}' for column in table.columns)
