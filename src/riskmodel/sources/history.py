"""Stored deliveries read as one history: what each said, and on which day it could be known.

The store keeps every checked delivery unchanged. A fact that a later delivery says again is the same fact. A fact
that it says differently was known to be so from the day of that delivery, not from the date that the
changed row carries: nobody may learn from a correction before it came.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.fields import literal
from riskmodel.tables.relations import CANONICAL_SCHEMA, column_definitions
from riskmodel.tables.schema import Table

DELIVERIES_FOLDER, DESCRIPTION_FILE, ALIAS_FILE = "deliveries", "delivery.json", "pupil_alias.parquet"


@dataclass(frozen=True)
class StoredDelivery:
    """One checked delivery in a store. ``description`` is its ``delivery.json``."""

    delivery_id: str
    delivered_on: date
    folder: Path
    description: dict[str, Any]

    def table(self, name: str) -> Path | None:
        """Return the Parquet file of a canonical table, or None where the delivery has none."""
        path = self.folder / f"{name}.parquet"
        return path if path.exists() else None


def stored_deliveries(store: Path) -> list[StoredDelivery]:
    """Return the deliveries of a store, oldest first (by the day of delivery, then by id)."""
    folder = store / DELIVERIES_FOLDER
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if (path / DESCRIPTION_FILE).is_file():
            described = json.loads((path / DESCRIPTION_FILE).read_text("utf-8"))
            found.append(StoredDelivery(path.name, date.fromisoformat(described["delivered_on"]), path, described))
    return sorted(found, key=lambda delivery: (delivery.delivered_on, delivery.delivery_id))


def open_canonical(connection: duckdb.DuckDBPyConnection, store: Path, delivery_ids: Sequence[str]) -> None:
    """Make ``canonical.<table>`` in ``connection``: everything that the named deliveries said, with its history.

    Parameters
    ----------
    connection
        Where later SQL runs. Earlier relations of these names are replaced.
    delivery_ids
        In any order; the days of delivery decide.

    Raises
    ------
    UsageError
        When the store holds no delivery of such an id.

    Notes
    -----
    A table that one delivery alone holds is a view over its Parquet file. Of several, for a key that was delivered
    before: the newest version of the later delivery is compared with the newest version so far. If
    they are equal nothing is added; if not, a version is added whose ``known_on`` is its own or the day of the
    delivery, whichever is later, and later than the version that it replaces. Rows lie in the order of all their columns.
    """
    by_id = {delivery.delivery_id: delivery for delivery in stored_deliveries(store)}
    if unknown := [one for one in delivery_ids if one not in by_id]:
        raise UsageError(
            message("A run reads deliveries that its store holds."),
            found=message("There is no delivery {delivery_id}.", delivery_id=unknown[0]),
            remedy=message("Name one of: {known}.", known=", ".join(by_id) or "–"),
            where=str(store),
        )
    deliveries = [delivery for delivery in by_id.values() if delivery.delivery_id in set(delivery_ids)]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CANONICAL_SCHEMA}")
    _open_aliases(connection, deliveries)
    for table in CANONICAL:
        _drop(connection, table)
        versions = [(delivery.delivered_on, path) for delivery in deliveries if (path := delivery.table(table.name))]
        if len(versions) == 1 and not _has_aliases(connection):
            rows = f"SELECT {', '.join(table.column_names)} FROM read_parquet({literal(str(versions[0][1]))})"
            connection.execute(f"CREATE VIEW {CANONICAL_SCHEMA}.{table.name} AS {rows}")
        else:
            _lay_over(connection, table, versions)


def rows_of(table: Table, path: Path) -> str:
    """Return SQL for the rows of one stored table, each pupil under one pseudonym (needs ``pupil_alias``)."""
    rows = f"SELECT {', '.join(table.column_names)} FROM read_parquet({literal(str(path))})"
    if "pupil_id" not in table.column_names:
        return rows
    return (
        "SELECT DISTINCT rows.* REPLACE (coalesce(pupil_alias.of_pupil_id, rows.pupil_id) AS pupil_id) "
        f"FROM ({rows}) rows LEFT JOIN pupil_alias USING (pupil_id)"
    )


def _open_aliases(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[StoredDelivery]) -> None:
    """Make ``pupil_alias``: pseudonyms that were replaced when an old and a new code turned out to be one pupil."""
    connection.execute("CREATE OR REPLACE TEMP TABLE pupil_alias (pupil_id VARCHAR, of_pupil_id VARCHAR)")
    for delivery in deliveries:
        path = delivery.folder / ALIAS_FILE
        if path.exists():
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE newer AS SELECT * FROM read_parquet({literal(str(path))})"
            )
            connection.execute(
                "UPDATE pupil_alias SET of_pupil_id = newer.of_pupil_id FROM newer WHERE pupil_alias.of_pupil_id = newer.pupil_id"
            )
            connection.execute("DELETE FROM pupil_alias WHERE pupil_id IN (SELECT pupil_id FROM newer)")
            connection.execute("INSERT INTO pupil_alias SELECT pupil_id, of_pupil_id FROM newer")


def _has_aliases(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("SELECT 1 FROM pupil_alias LIMIT 1").fetchone() is not None


def _drop(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    kinds = connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
        [CANONICAL_SCHEMA, table.name],
    ).fetchall()
    for (kind,) in kinds:
        connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {CANONICAL_SCHEMA}.{table.name}")


def _lay_over(connection: duckdb.DuckDBPyConnection, table: Table, versions: Sequence[tuple[date, Path]]) -> None:
    """Make one canonical table of the stored tables of several deliveries, oldest first."""
    history = "history_so_far"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {history} ({column_definitions(table)})")
    for delivered_on, path in versions:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW delivered AS {rows_of(table, path)}")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE added AS {_added(table, history, delivered_on)}")
        connection.execute(f"INSERT INTO {history} SELECT * FROM added")
    order = ", ".join(dict.fromkeys((*table.key, table.known, *table.column_names)))
    connection.execute(f"CREATE TABLE {CANONICAL_SCHEMA}.{table.name} AS SELECT * FROM {history} ORDER BY {order}")
    for name in ("added", history):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute("DROP VIEW IF EXISTS delivered")


def _added(table: Table, history: str, delivered_on: date) -> str:
    """Return SQL for the rows that a delivery adds to the history so far."""
    known = table.known
    content = [name for name in table.column_names if name not in (*table.key, known)]
    same_key = " AND ".join(f"fresh.{name} IS NOT DISTINCT FROM so_far.{name}" for name in table.key)
    newest = f"QUALIFY row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {known} DESC) = 1"
    changed = " OR ".join(f"fresh.{name} IS DISTINCT FROM so_far.{name}" for name in content) or "false"
    day = f"greatest(fresh.{known}, DATE {literal(delivered_on.isoformat())}, so_far.{known} + 1)"
    columns = ", ".join(f"{day} AS {known}" if name == known else f"fresh.{name}" for name in table.column_names)
    return (
        f"SELECT fresh.* FROM delivered fresh WHERE NOT EXISTS (SELECT 1 FROM {history} so_far WHERE {same_key}) "
        f"UNION ALL SELECT {columns} FROM (SELECT * FROM delivered {newest}) fresh "
        f"JOIN (SELECT * FROM {history} {newest}) so_far ON {same_key} WHERE {changed}"
    )
