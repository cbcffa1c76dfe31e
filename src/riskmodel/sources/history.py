"""Stored deliveries read as one history: what each said, and on which day it could be known.

The store keeps every checked delivery unchanged. A fact that a later delivery says again is the same fact. A fact
that it says differently was known to be so from the day of that delivery, not from the date that the
changed row carries: nobody may learn from a correction before it came.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from pyarrow import parquet

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.sources.overlay import Version, write_history
from riskmodel.sources.packing import PACKED_TABLES, NotThereError, is_packed, packed_already, packed_together
from riskmodel.tables.canonical import ALL_TABLES, CANONICAL
from riskmodel.tables.facts import NEVER_AFTER, NEVER_BEFORE, PIECE_RELATION
from riskmodel.tables.fields import literal
from riskmodel.tables.filing import filed_days, filed_year
from riskmodel.tables.relations import CANONICAL_SCHEMA, column_definitions
from riskmodel.tables.schema import Table

DELIVERIES_FOLDER, DESCRIPTION_FILE, ALIAS_FILE = "deliveries", "delivery.json", "pupil_alias.parquet"
HISTORY_FOLDER, PACKED_FOLDER = "history", "packed"
HISTORY_FORM = 3
"""Changes whenever the rule by which histories are worked out does, so that no older file is taken for a newer one."""
DIGEST_LENGTH = 16


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


def open_canonical(
    connection: duckdb.DuckDBPyConnection,
    store: Path,
    delivery_ids: Sequence[str],
    tables: Collection[str] = ALL_TABLES,
    *,
    may_write: bool = True,
) -> None:
    """Make ``canonical.<table>`` in ``connection``: everything that the named deliveries said, with its history.

    The relations are views over Parquet files, so that opening costs as much for a country as for a school, once the
    tables that compiled loops read are packed (see :mod:`riskmodel.sources.packing`).
    ``canonical_piece.piece`` names the files (see :mod:`riskmodel.tables.chunks`).

    Parameters
    ----------
    connection
        Where later SQL runs. Earlier relations of these names are replaced.
    delivery_ids
        In any order; the days of delivery decide.
    tables
        The tables to open; all by default. Of a table that is not read nothing is worked out, nor is it looked at
        whether its packed files are whole.
    may_write
        Whether histories and packed tables that are not there may be worked out, and kept in the store.

    Raises
    ------
    UsageError
        When the store holds no delivery of such an id.
    NotThereError
        When something is not there, and must not be written.

    Notes
    -----
    Years of a table that one delivery alone holds are read as they were stored. Where several deliveries hold facts of
    one school year, or pupils have had two codes, the history is worked out once and kept in the store, in
    ``history/``; packed tables are kept in ``packed/``. These folders may be deleted at any time. Years that the same
    deliveries tell of are one file: a delivery leaves the files of the years that it does not tell of as they are. For a
    key that was delivered before, the newest version of
    the later delivery is compared with the newest version so far. If they are equal nothing is added; if not, a version
    is added whose ``known_on`` is its own or the day of the delivery, whichever is later, and later than the version that it replaces.
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
    pieces_schema = PIECE_RELATION.partition(".")[0]
    for schema in (CANONICAL_SCHEMA, pieces_schema):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.execute(
        f"CREATE OR REPLACE TABLE {PIECE_RELATION} (table_name VARCHAR, path VARCHAR, packed VARCHAR, "
        "first_on DATE, last_on DATE)"
    )
    _open_aliases(connection, deliveries)
    opened = [table for table in CANONICAL if table.name in tables]
    pieces = {table.name: _pieces(connection, table, deliveries, store, may_write=may_write) for table in opened}
    packed = (packed_together if may_write else packed_already)(
        store / PACKED_FOLDER,
        [(table, piece.path) for table in PACKED_TABLES for piece in pieces.get(table.name, ())],
    )
    for table in CANONICAL:
        _drop(connection, table)
        if table not in opened:
            continue
        if pieces[table.name]:
            _show(connection, table, pieces[table.name], packed)
        else:
            connection.execute(f"CREATE TABLE {CANONICAL_SCHEMA}.{table.name} ({column_definitions(table)})")


def work_out(store: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Work out beforehand what the next reader of all deliveries of ``store`` would have to: histories and packed tables.

    What is there already is left to that reader, who looks whether it is whole. ``connection`` is where histories are laid out.
    """
    deliveries = stored_deliveries(store)
    _open_aliases(connection, deliveries)
    # Tables without a history come first: they are packed while those of others are worked out.
    late = [table for table in CANONICAL if table not in PACKED_TABLES or table.happened not in table.key]
    first = [table for table in PACKED_TABLES if table not in late]
    pieces = (
        (table, piece.path) for table in (*first, *late) for piece in _pieces(connection, table, deliveries, store)
    )
    folder = store / PACKED_FOLDER
    packed_together(
        folder,
        ((table, path) for table, path in pieces if table in PACKED_TABLES and not is_packed(folder, table, path)),
    )


def _pieces(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    deliveries: Sequence[StoredDelivery],
    store: Path,
    *,
    may_write: bool = True,
) -> list[Piece]:
    """Return the files that hold ``table``, each with the days for which it stands; none where nobody delivered it."""
    versions = [Version(delivery.delivered_on, path) for delivery in deliveries if (path := delivery.table(table.name))]
    has_aliases = _has_aliases(connection)
    is_one = has_aliases and "pupil_id" in table.column_names
    pieces = []
    for told in [Told(tuple(versions), (ALWAYS,))] if is_one and versions else _told(table, versions):
        path = told.versions[0].path
        if is_one or len(told.versions) > 1:
            path = _history_path(connection, table, told, store, has_aliases=has_aliases)
            if not path.exists():
                if not may_write:
                    raise NotThereError
                _work_out(connection, table, told, path, has_aliases=has_aliases)
        pieces += [Piece(path, span) for span in told.spans]
    return pieces


class Span(NamedTuple):
    """Days on which facts happened; both belong to it."""

    first_on: date
    last_on: date


class Piece(NamedTuple):
    """A file, and the days for which it stands."""

    path: Path
    span: Span


class Told(NamedTuple):
    """Days of which the same deliveries tell, and no others."""

    versions: tuple[Version, ...]
    spans: tuple[Span, ...]


ALWAYS = Span(NEVER_BEFORE, NEVER_AFTER)


def _told(table: Table, versions: Sequence[Version]) -> list[Told]:
    """Return the school years of a table, put together where the same deliveries tell of them."""
    held = [_school_years(version.path, table.happened) for version in versions]
    if not versions:
        return []
    if len(versions) == 1 or table.happened not in table.key or None in held:
        return [Told(tuple(versions), (ALWAYS,))]
    tellers: dict[int, tuple[Version, ...]] = {}
    for version, years in zip(versions, held, strict=True):
        for year in years or ():
            tellers[year] = (*tellers.get(year, ()), version)
    years_of: dict[tuple[Version, ...], list[int]] = {}
    for year in sorted(tellers):
        years_of.setdefault(tellers[year], []).append(year)
    return [Told(told, tuple(_as_spans(years))) for told, years in years_of.items()]


def _school_years(path: Path, happened: str) -> set[int] | None:
    """Return the years in which school years of a file began, by its statistics; None when it has none."""
    described = parquet.read_metadata(path)
    place = described.schema.to_arrow_schema().names.index(happened)
    years: set[int] = set()
    for number in range(described.num_row_groups):
        found = described.row_group(number).column(place).statistics
        if found is None or not found.has_min_max:
            return None
        years.update(range(filed_year(found.min), filed_year(found.max) + 1))
    return years


def _as_spans(years: Iterable[int]) -> list[Span]:
    """Return school years as few spans: years that follow one another are one."""
    spans: list[Span] = []
    for year in sorted(years):
        span = Span(*filed_days(year))
        if spans and spans[-1].last_on + timedelta(days=1) == span.first_on:
            spans[-1] = Span(spans[-1].first_on, span.last_on)
        else:
            spans.append(span)
    return spans


def _show(
    connection: duckdb.DuckDBPyConnection, table: Table, pieces: Sequence[Piece], packed: Mapping[Path, Path]
) -> None:
    columns = ", ".join(table.column_names)
    rows = [
        f"SELECT {columns} FROM read_parquet({literal(str(piece.path))})"
        + ("" if piece.span == ALWAYS else f" WHERE {_within(table, [piece.span])}")
        for piece in pieces
    ]
    connection.execute(f"CREATE VIEW {CANONICAL_SCHEMA}.{table.name} AS {' UNION ALL '.join(rows)}")
    connection.executemany(
        f"INSERT INTO {PIECE_RELATION} VALUES (?, ?, ?, ?, ?)",
        [
            (
                table.name,
                str(piece.path),
                str(packed[piece.path]) if piece.path in packed else None,
                *piece.span,
            )
            for piece in pieces
        ],
    )


def _within(table: Table, spans: Sequence[Span]) -> str:
    return " OR ".join(
        f"({table.happened} >= DATE '{span.first_on.isoformat()}' AND {table.happened} <= DATE '{span.last_on.isoformat()}')"
        for span in spans
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
        "SELECT table_type FROM information_schema.tables "
        "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ?",
        [CANONICAL_SCHEMA, table.name],
    ).fetchall()
    for (kind,) in kinds:
        connection.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {CANONICAL_SCHEMA}.{table.name}")


def _history_path(
    connection: duckdb.DuckDBPyConnection, table: Table, told: Told, store: Path, *, has_aliases: bool
) -> Path:
    """Return where the history of the days ``told`` of lies: named by what it is worked out from, pseudonyms that became one too."""
    named = [str(HISTORY_FORM), *(f"{span.first_on} {span.last_on}" for span in told.spans)]
    named += [f"{version.path.parent.name} {version.path.stat().st_size}" for version in told.versions]
    if has_aliases and "pupil_id" in table.column_names:
        named += connection.execute(
            "SELECT md5(string_agg(concat(pupil_id, ' ', of_pupil_id), ' ' ORDER BY pupil_id)) FROM pupil_alias"
        ).fetchall()[0]
    digest = hashlib.sha256("\n".join([table.name, *named]).encode()).hexdigest()[:DIGEST_LENGTH]
    return store / HISTORY_FOLDER / f"{table.name}-{digest}.parquet"


def _work_out(
    connection: duckdb.DuckDBPyConnection, table: Table, told: Told, path: Path, *, has_aliases: bool
) -> None:
    """Write the history of the days ``told`` of, in the order of the school years and the key."""
    path.parent.mkdir(mode=0o750, exist_ok=True)
    condition = "true" if told.spans == (ALWAYS,) else _within(table, told.spans)
    write_history(connection, table, told.versions, condition, path, has_aliases=has_aliases)
