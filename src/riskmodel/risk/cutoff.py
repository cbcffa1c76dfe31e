"""The one door in time: the canonical tables as they were known on a cut-off date.

A fact may stand in several versions, each with the day on which the school or office knew it. On a cut-off
date the newest version known by then counts, and what became known later does not exist. Every feature and
every label reads through this door, and nothing else in the house compares ``known_on`` with a date.

The door has two leaves: relations ``known.<table>`` for SQL, and :func:`counting` for the facts that compiled loops run
through. Both show the same rows. Who opens many dates lets :func:`keep_versions` find out once which version follows which.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from riskmodel.compiled import compiled
from riskmodel.tables.canonical import ALL_TABLES, CANONICAL
from riskmodel.tables.facts import Facts
from riskmodel.tables.fields import literal
from riskmodel.tables.packed import EPOCH, REPLACED, Whole, never
from riskmodel.tables.relations import CANONICAL_SCHEMA
from riskmodel.tables.schema import Table

KNOWN_SCHEMA, VERSIONS_SCHEMA = "known", "versions"
PUPIL_NUMBER = "pupil_number"
DESCRIBED = "pupil"
"""The table that describes each pupil."""
GENERATORS = {"unnest", "range", "generate_series"}
"""Table functions that make rows and read none."""


def open_cut_off(
    connection: duckdb.DuckDBPyConnection,
    cut_off: date,
    schema: str = KNOWN_SCHEMA,
    tables: Collection[str] = ALL_TABLES,
) -> None:
    """Make ``known.<table>`` as known at the end of the day ``cut_off``.

    The relations are views: a filter on columns of the key (a pupil, a span of days) is applied before versions
    are compared. They stay until the next cut-off is opened; tables that were not asked for are not there.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>`` (see :func:`riskmodel.tables.relations.lay_out`).
    cut_off
        The last day whose knowledge may be used.
    schema
        Another name for the schema, for a reader that needs two dates side by side (the label does).
    tables
        The tables to open; all by default.

    Examples
    --------
    >>> from riskmodel.tables.relations import lay_out
    >>> connection = duckdb.connect()
    >>> lay_out(connection, {})
    >>> open_cut_off(connection, date(2024, 12, 20))
    >>> connection.execute("SELECT count(*) FROM known.mark").fetchone()
    (0,)
    """
    connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    connection.execute(f"CREATE SCHEMA {schema}")
    kept = _kept(connection)
    for declared in CANONICAL:
        if declared.name in tables:
            where = kept.get(declared.name)
            sql = _known_sql(declared, cut_off) if where is None else _known_of_kept_sql(declared, where, cut_off)
            connection.execute(f"CREATE VIEW {schema}.{declared.name} AS {sql}")


def keep_versions(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> None:
    """Hold ``tables`` in memory, each version with the day on which the next one replaced it.

    From then on :func:`open_cut_off` compares two days per row instead of sorting the versions, for every cut-off date
    of this data base, and shows the same rows. But ``pupil_id`` is a number there, in the order of the pseudonyms: four
    bytes are compared instead of 64 letters (see :func:`with_pupil_keys`).

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``, which must not change afterwards.
    """
    chosen = [declared for declared in CANONICAL if declared.name in tables]
    of_pupils = [declared.name for declared in chosen if "pupil_id" in declared.column_names]
    # Mostly everybody is described in one of the tables; to look through all for their pupils takes four times as long.
    if not (DESCRIBED in of_pupils and _keep_all(connection, chosen, [DESCRIBED])):
        _keep_all(connection, chosen, of_pupils)


def _keep_all(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], told_by: Sequence[str]) -> bool:
    """Hold ``tables``, their pupils numbered by those of ``told_by``; return whether everybody has a number."""
    connection.execute(f"DROP SCHEMA IF EXISTS {VERSIONS_SCHEMA} CASCADE")  # what an attempt that failed has left
    connection.execute(f"CREATE SCHEMA {VERSIONS_SCHEMA}")
    pupils = (connection.table(f"{CANONICAL_SCHEMA}.{name}").select("pupil_id") for name in told_by)
    numbered = "pupil_id, row_number() OVER (ORDER BY pupil_id)::INTEGER AS number"
    reduce(duckdb.DuckDBPyRelation.union, pupils).distinct().select(numbered).create(
        f"{VERSIONS_SCHEMA}.{PUPIL_NUMBER}"
    )
    are_numbered = [_keep(connection, declared) for declared in tables]
    return all(are_numbered)


def _keep(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Hold a table; return whether all of its pupils have a number."""
    kept = f"{VERSIONS_SCHEMA}.{table.name}"
    columns = ", ".join(
        f"{name}::ENUM({', '.join(map(literal, sorted(codes)))}) AS {name}"  # one byte, which compares as the texts do
        if (codes := table.column(name).codes)
        else name
        for name in table.column_names
    )
    rows = with_pupil_keys(connection, f"{CANONICAL_SCHEMA}.{table.name}", table.column_names)
    rows = f"SELECT {columns} FROM ({rows})"  # noqa: S608  (declared names)
    # The rows of a store mostly lie so that the versions of a fact are neighbours: then nothing need be sorted.
    is_same_fact = " AND ".join(f"lead({name}) OVER () IS NOT DISTINCT FROM {name}" for name in table.key)
    next_known = f"CASE WHEN {is_same_fact} THEN lead({table.known}) OVER () END"
    connection.execute(f"CREATE TABLE {kept} AS SELECT *, {next_known} AS {REPLACED} FROM ({rows})")  # noqa: S608
    is_numbered = "pupil_id IS NOT NULL" if "pupil_id" in table.column_names else "true"
    ((newest, are_in_order, are_numbered),) = (
        connection.table(kept)
        .aggregate(
            f"count(*) FILTER ({REPLACED} IS NULL), coalesce(bool_and({REPLACED} > {table.known}), true), "
            f"coalesce(bool_and({is_numbered}), true)"
        )
        .fetchall()
    )
    ((facts,),) = connection.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(table.key)} FROM {kept})"  # noqa: S608
    ).fetchall()
    if newest != facts or not are_in_order:
        # Of two versions of one day the one that does not count is replaced at once.
        order = ", ".join([table.known, *(f"{name} DESC NULLS FIRST" for name in _content(table))])
        replaced_on = f"lead({table.known}) OVER (PARTITION BY {', '.join(table.key)} ORDER BY {order})"
        connection.execute(f"CREATE OR REPLACE TABLE {kept} AS SELECT *, {replaced_on} AS {REPLACED} FROM ({rows})")  # noqa: S608
    return bool(are_numbered)


def with_pupil_keys(connection: duckdb.DuckDBPyConnection, relation: str, columns: Collection[str]) -> str:
    """Return SQL for rows whose ``pupil_id`` is as in ``known.<table>``: a number where versions are kept, else as it was."""
    names = ", ".join(columns)
    kept = _kept(connection).get(PUPIL_NUMBER)
    if kept is None or "pupil_id" not in columns:
        return f"SELECT {names} FROM {relation}"  # noqa: S608  (declared names)
    numbered = ", ".join("numbers.number AS pupil_id" if name == "pupil_id" else f"texts.{name}" for name in columns)
    return f"SELECT {numbered} FROM {relation} AS texts LEFT JOIN {kept} AS numbers USING (pupil_id)"  # noqa: S608


def _kept(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return where versions of tables are kept, which may be another data base that the connection sees."""
    found = connection.execute(
        "SELECT table_name, database_name FROM duckdb_tables() WHERE schema_name = ?", [VERSIONS_SCHEMA]
    ).fetchall()
    return {table: f"{database}.{VERSIONS_SCHEMA}.{table}" for table, database in found}


def _known_of_kept_sql(table: Table, kept: str, cut_off: date) -> str:
    day = f"DATE '{cut_off.isoformat()}'"
    return (
        f"SELECT {', '.join(table.column_names)} FROM {kept} "  # noqa: S608  (declared names)
        f"WHERE {table.known} <= {day} AND ({REPLACED} IS NULL OR {REPLACED} > {day})"
    )


def _content(table: Table) -> list[str]:
    return [name for name in table.column_names if name not in {*table.key, table.known}]


def _known_sql(table: Table, cut_off: date) -> str:
    """Return the query for the newest version of each fact of ``table`` known by ``cut_off``.

    An empty part of a key (the school of a term that holds for all schools) is a value like any other.
    Versions of one fact known on the same day do not pass the checks; should they stand here nevertheless,
    the order of all columns decides between them, never the order of the rows.
    """
    newest_first = ", ".join([f"{table.known} DESC", *(f"{name} NULLS LAST" for name in _content(table))])
    return (
        f"SELECT {', '.join(table.column_names)} FROM {CANONICAL_SCHEMA}.{table.name} "  # noqa: S608  (declared names)
        f"WHERE {table.known} <= DATE '{cut_off.isoformat()}' "
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {newest_first}) = 1"
    )


def counting(facts: Facts, known: str, cut_off: date) -> NDArray[np.uint8]:
    """Return 1 for each row that counts at the end of the day ``cut_off``: known by then, and not yet replaced.

    Parameters
    ----------
    facts
        Rows with the day on which they became known, in column ``known``, and that of the next version of their fact.
    """
    found = np.empty(len(facts), np.uint8)
    _mark(facts[known], facts[REPLACED], (cut_off - EPOCH).days, never(facts[REPLACED]), found)
    return found


def _mark_counting(known_on: Whole, replaced_on: Whole, last_day: int, is_never: int, found: NDArray[np.uint8]) -> None:
    for row in range(len(found)):
        replaced = replaced_on[row]
        found[row] = known_on[row] <= last_day and (last_day < replaced or replaced == is_never)


_mark: Any = compiled(_mark_counting)


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
