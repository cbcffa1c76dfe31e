"""The one door in time: the canonical tables as they were known on a cut-off date.

A fact may stand in several versions, each with the day on which the school or office knew it. On a cut-off
date the newest version known by then counts, and what became known later does not exist. Every feature and
every label reads through this door, and nothing else in the house compares ``known_on`` with a date.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

import duckdb

from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.relations import CANONICAL_SCHEMA
from riskmodel.tables.schema import Table

KNOWN_SCHEMA = "known"
GENERATORS = {"unnest", "range", "generate_series"}
"""Table functions that make rows and read none."""


def open_cut_off(connection: duckdb.DuckDBPyConnection, cut_off: date, schema: str = KNOWN_SCHEMA) -> None:
    """Make ``known.<table>`` for every canonical table, as known at the end of the day ``cut_off``.

    The relations are views: opening costs nothing, and a filter on columns of the key (a pupil, a span of
    days) is applied before the versions are compared. They stay until the next cut-off is opened.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>`` (see :func:`riskmodel.tables.relations.lay_out`).
    cut_off
        The last day whose knowledge may be used.
    schema
        Another name for the schema, for a reader that needs two dates side by side (the label does).

    Examples
    --------
    >>> from riskmodel.tables.relations import lay_out
    >>> connection = duckdb.connect()
    >>> lay_out(connection, {})
    >>> open_cut_off(connection, date(2024, 12, 20))
    >>> connection.execute("SELECT count(*) FROM known.mark").fetchone()
    (0,)
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table in CANONICAL:
        connection.execute(f"CREATE OR REPLACE VIEW {schema}.{table.name} AS {known_sql(table, cut_off)}")


def known_sql(table: Table, cut_off: date) -> str:
    """Return the query for the newest version of each fact of ``table`` known on ``cut_off``.

    An empty part of a key (the school of a term that holds for all schools) is a value like any other.
    Versions of one fact known on the same day do not pass the checks; should they stand here nevertheless,
    the order of all columns decides between them, never the order of the rows.
    """
    others = [name for name in table.column_names if name not in {*table.key, table.known}]
    newest_first = ", ".join([f"{table.known} DESC", *(f"{name} NULLS LAST" for name in others)])
    return (
        f"SELECT {', '.join(table.column_names)} FROM {CANONICAL_SCHEMA}.{table.name} "  # noqa: S608  (declared names)
        f"WHERE {table.known} <= DATE '{cut_off.isoformat()}' "
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {newest_first}) = 1"
    )


def read_past_the_door(connection: duckdb.DuckDBPyConnection, sql: str, allowed: Collection[str] = ()) -> set[str]:
    """Return the relations that the query ``sql`` reads without the cut-off: neither ``known.…`` nor ``allowed``.

    An empty set is the guard's "passed". The query is only parsed, so its relations need not exist; names that
    it gives itself (``WITH``) do not count, and a function that reads files does.
    """
    (parsed,) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    statements = json.loads(parsed[0])
    read = {name for node in _nodes(statements) if (name := _relation_name(node))}
    own = {entry["key"] for node in _nodes(statements) for entry in node.get("cte_map", {}).get("map", ())}
    return {name for name in read - own - {*allowed} if not name.startswith(f"{KNOWN_SCHEMA}.")}


def _relation_name(node: Mapping[str, Any]) -> str:
    if node.get("type") == "BASE_TABLE":
        return f"{node['schema_name']}.{node['table_name']}".lstrip(".")
    if node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"] not in GENERATORS:
        return f"{node['function']['function_name']}()"
    return ""


def _nodes(part: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from _nodes(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _nodes(inner)
