"""What several deliveries say of the same days, laid over each other as one history, for some pupils at a time."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.sources.identity import bounds_of_ranges
from riskmodel.sources.storing import BEGAN, ROWS_PER_GROUP, write_ordered
from riskmodel.tables.fields import literal
from riskmodel.tables.filing import filed_year, filed_year_sql
from riskmodel.tables.relations import column_definitions
from riskmodel.tables.schema import Table

ROWS_OF_A_RANGE = 1 << 18
"""So many rows of all deliveries together are laid over each other at a time."""
HISTORY = "history_so_far"


class Version(NamedTuple):
    """A table as one delivery holds it."""

    delivered_on: date
    path: Path


def rows_of(table: Table, path: Path, *, has_aliases: bool = True) -> str:
    """Return SQL for the rows of one stored table, each pupil under one pseudonym (needs ``pupil_alias``)."""
    rows = f"SELECT {', '.join(table.column_names)} FROM read_parquet({literal(str(path))})"
    if "pupil_id" not in table.column_names or not has_aliases:
        return rows
    return (
        "SELECT DISTINCT rows.* REPLACE (coalesce(pupil_alias.of_pupil_id, rows.pupil_id) AS pupil_id) "
        f"FROM ({rows}) rows LEFT JOIN pupil_alias USING (pupil_id)"
    )


def write_history(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    versions: Sequence[Version],
    condition: str,
    to: Path,
    *,
    has_aliases: bool,
) -> None:
    """Write the history of the rows that meet ``condition``, in the order of the school years and the key.

    Memory is that of ``ROWS_OF_A_RANGE`` rows, however many the deliveries hold: pupils are taken by ranges of their pseudonyms,
    which are spread evenly, and the ranges are joined year by year.

    Parameters
    ----------
    connection
        Where one range at a time is laid out; holds ``pupil_alias`` where ``has_aliases``.
    versions
        Oldest first.
    condition
        SQL that speaks of the columns of ``table``.
    """
    order = ", ".join(dict.fromkeys((filed_year_sql(table.happened), *table.key, table.known, *table.column_names)))
    columns = f"{', '.join(table.column_names)}, {filed_year_sql(table.happened)} AS {BEGAN}"
    with tempfile.TemporaryDirectory(prefix=f"{to.stem}.", suffix=".tmp", dir=to.parent) as folder:
        parts = []
        for number, pupils in enumerate(_ranges(connection, table, versions, condition)):
            parts.append(Path(folder) / f"{number}.parquet")
            _lay_over(connection, table, versions, f"({condition}) AND ({pupils})", has_aliases=has_aliases)
            rows = connection.sql(f"SELECT {columns} FROM {HISTORY} ORDER BY {order}")
            write_ordered(parts[-1], table, rows.to_arrow_reader(ROWS_PER_GROUP))
            connection.execute(f"DROP TABLE {HISTORY}")
        joined = parts[0]
        if len(parts) > 1:
            joined = Path(folder) / "joined.parquet"
            write_ordered(joined, table, _year_by_year(parts, table))
        joined.chmod(0o440)
        joined.replace(to)


def _ranges(
    connection: duckdb.DuckDBPyConnection, table: Table, versions: Sequence[Version], condition: str
) -> list[str]:
    """Return conditions of which each pupil meets one."""
    if "pupil_id" not in table.column_names:
        return ["true"]
    counts = [
        f"SELECT count(*) AS rows FROM read_parquet({literal(str(version.path))}) WHERE {condition}"
        for version in versions
    ]
    ((rows,),) = connection.execute(f"SELECT sum(rows) FROM ({' UNION ALL '.join(counts)})").fetchall()
    inner = bounds_of_ranges(int(rows), ROWS_OF_A_RANGE)
    return [
        f"pupil_id >= {literal(first)}" + (f" AND pupil_id < {literal(after)}" if after else "")
        for first, after in zip(["", *inner], [*inner, None], strict=True)
    ]


def _year_by_year(parts: Sequence[Path], table: Table) -> Iterator[pa.RecordBatch]:
    """Yield the rows of each school year after the other, range by range: a row group of a part is of one year."""
    groups = []
    for number, part in enumerate(parts):
        described = pq.read_metadata(part)
        place = described.schema.to_arrow_schema().names.index(table.happened)
        for group in range(described.num_row_groups):
            groups.append((filed_year(described.row_group(group).column(place).statistics.min), number, group))
    for year, number, group in sorted(groups):
        with pq.ParquetFile(parts[number]) as file:  # not all at once: they may be more than a process may open
            for batch in file.iter_batches(ROWS_PER_GROUP, row_groups=[group], use_threads=False):
                yield batch.append_column(BEGAN, pa.repeat(pa.scalar(year, pa.int64()), batch.num_rows))


def _lay_over(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    versions: Sequence[Version],
    condition: str,
    *,
    has_aliases: bool,
) -> None:
    """Make the table ``history_so_far`` of the stored tables of several deliveries, oldest first."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {HISTORY} ({column_definitions(table)})")
    for version in versions:
        rows = rows_of(table, version.path, has_aliases=has_aliases)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW delivered AS SELECT * FROM ({rows}) WHERE {condition}")
        if version is versions[0]:
            connection.execute(f"INSERT INTO {HISTORY} SELECT * FROM delivered")
            continue
        connection.execute(f"CREATE OR REPLACE TEMP TABLE added AS {_added(table, HISTORY, version.delivered_on)}")
        connection.execute(f"INSERT INTO {HISTORY} SELECT * FROM added")
    connection.execute("DROP TABLE IF EXISTS added")
    connection.execute("DROP VIEW IF EXISTS delivered")


def _added(table: Table, history: str, delivered_on: date) -> str:
    """Return SQL for the rows that a delivery adds to the history so far."""
    known = table.known
    content = [name for name in table.column_names if name not in (*table.key, known)]
    same_key = " AND ".join(f"fresh.{name} IS NOT DISTINCT FROM so_far.{name}" for name in table.key)
    newest = f"QUALIFY row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {known} DESC) = 1"
    changed = " OR ".join(f"fresh.{name} IS DISTINCT FROM so_far.{name}" for name in content) or "false"
    # Of a long history, the few facts that this delivery tells of again: versions are put in order for them alone.
    met = f"SELECT so_far.* FROM {history} so_far SEMI JOIN delivered fresh ON {same_key}"
    day = f"greatest(fresh.{known}, DATE {literal(delivered_on.isoformat())}, so_far.{known} + 1)"
    columns = ", ".join(f"{day} AS {known}" if name == known else f"fresh.{name}" for name in table.column_names)
    return (
        f"SELECT fresh.* FROM delivered fresh WHERE NOT EXISTS (SELECT 1 FROM {history} so_far WHERE {same_key}) "
        f"UNION ALL SELECT {columns} FROM (SELECT * FROM delivered {newest}) fresh "
        f"JOIN (SELECT * FROM ({met}) {newest}) so_far ON {same_key} WHERE {changed}"
    )
