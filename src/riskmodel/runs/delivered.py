"""What was delivered (10_tables): row accounts, rows put aside, empty values, rows per school."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from riskmodel.runs.parquet import empty_values
from riskmodel.runs.parts import workers
from riskmodel.runs.semester import SemesterRun
from riskmodel.sources.deliveries import REJECTED_FILE
from riskmodel.sources.history import DELIVERIES_FOLDER, DESCRIPTION_FILE
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.deliveries_taken import MISSINGNESS, REJECTED_ROW, SCHOOL_ROWS, TABLE_ACCOUNT

MONTHS_COMPARED = 12
COUNTED_TABLES = tuple(
    table for table in CANONICAL if "school_id" in table.column_names and table.name not in {"school", "term"}
)


def account(run: SemesterRun) -> pd.DataFrame:
    """Return and write, per table, what became of the rows of all deliveries: read = used + put aside + merged."""
    none = {"read": 0, "used": 0, "quarantined": 0, "merged": 0}
    rows = [{"table_name": table.name, **run.inputs["rows"].get(table.name, none)} for table in CANONICAL]
    named = pd.DataFrame(rows).rename(columns={name: f"{name}_rows" for name in none})
    return run.write(TABLE_ACCOUNT, named)


def rejected(run: SemesterRun) -> pd.DataFrame:
    """Return and write the rows put aside, each with the reason; the file is named with its delivery."""
    parts = []
    for delivery_id in run.delivery_ids:
        part = pd.read_parquet(run.store / DELIVERIES_FOLDER / delivery_id / REJECTED_FILE)
        parts.append(part.assign(file_name=delivery_id + "/" + part["file_name"]))
    rows = pd.concat(parts, ignore_index=True)
    return run.write(REJECTED_ROW, rows.drop_duplicates(list(REJECTED_ROW.key)))


def notices(run: SemesterRun) -> list[dict[str, Any]]:
    """Return what the border and the senders said of the deliveries, each once: ``table_name`` (or None), ``lv``, ``en``.

    Among them the rule by which facts without a known-on date got one.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for delivery_id in run.delivery_ids:
        described = json.loads((run.store / DELIVERIES_FOLDER / delivery_id / DESCRIPTION_FILE).read_text("utf-8"))
        for told in (*described["notes"], *described["warnings"]):
            notice = {"table_name": told.get("where"), "lv": told["lv"], "en": told["en"]}
            found.setdefault(tuple(notice.values()), notice)
    return list(found.values())


def missingness(run: SemesterRun) -> pd.DataFrame:
    """Return and write the share of empty values of each column of each table, over the rows of all deliveries.

    Counted from what the Parquet files say of their columns; no row is read.
    """
    rows = []
    for table in CANONICAL:
        paths = [run.store / DELIVERIES_FOLDER / delivery / f"{table.name}.parquet" for delivery in run.delivery_ids]
        counts = [empty_values(path) for path in paths if path.exists()]
        total = sum(count for count, _ in counts)
        for name in table.column_names:
            empty = sum(of_file[name] for _, of_file in counts)
            rows.append((table.name, name, total, empty / total if total else 0.0))
    return run.write(MISSINGNESS, pd.DataFrame(rows, columns=list(MISSINGNESS.column_names)))


def school_rows(run: SemesterRun) -> pd.DataFrame:
    """Return and write the rows per school and table that became known in the twelve months to the cut-off date."""
    parts = []
    # Counts come out the same however many count.
    with run.connect(threads=workers()) as connection:
        for table in COUNTED_TABLES:
            counted = connection.execute(
                f"""
                SELECT school_id, '{table.name}' AS table_name, count(*) AS rows
                FROM canonical.{table.name}
                WHERE {table.known} <= $cut_off AND {table.known} > $cut_off - INTERVAL {MONTHS_COMPARED} MONTH
                GROUP BY school_id
                """,  # noqa: S608  (declared names)
                {"cut_off": run.cut_off},
            )
            parts.append(counted.df())
    return run.write(SCHOOL_ROWS, pd.concat(parts, ignore_index=True))
