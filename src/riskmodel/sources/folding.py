"""Attended lessons folded into counts: the journal keeps absences, and the week keeps how many lessons there were.

A delivery may list every attended lesson. Such a row says no more than that the lesson took place, so it becomes a
count in ``lessons_planned`` and is accounted for as merged. A row "present" that corrects an absence stays a row.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

from typing import NamedTuple

import duckdb

from riskmodel.tables.canonical import ATTENDANCE, LESSONS_PLANNED
from riskmodel.tables.relations import column_definitions

KEY = ", ".join(ATTENDANCE.key)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
MOST_LESSONS_A_WEEK = LESSONS_PLANNED.column("lessons").high
MOST_LESSONS_A_DAY = LESSONS_PLANNED.column("lessons_monday").high


class Folded(NamedTuple):
    """How many attended lessons were folded, into how many weeks, and how many stand in weeks that cannot be."""

    lessons: int
    weeks: int
    too_full: int


def fold_attended(
    connection: duckdb.DuckDBPyConnection, earlier: str | None, weeks_to: str = "checked.lessons_planned"
) -> Folded:
    """Take the attended lessons out of ``checked.attendance`` and add their weeks to ``weeks_to``.

    Parameters
    ----------
    connection
        With the checked tables. Rows of weeks that hold more lessons than a week can are left in the temporary
        table ``too_full`` (``file_name``, ``row_number``) for the report.
    earlier
        SQL for the attendance of earlier deliveries, or None: "present" corrects a fact that stands there.
    weeks_to
        The table of planned weeks; made where it is not there. A week that stands in it already is not added.

    Notes
    -----
    A week is known when it is over and its lessons were entered. A week that the delivery plans itself
    keeps the delivered count.
    """
    if not _count(connection, "checked.attendance WHERE attendance_code = 'present'"):
        return Folded(0, 0, 0)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE attended AS SELECT rowid AS place, * FROM checked.attendance present "
        f"WHERE attendance_code = 'present' AND NOT EXISTS (SELECT 1 FROM checked.attendance other "
        f"WHERE other.attendance_code <> 'present' AND {_same('present', 'other')})"
        + (f" AND NOT EXISTS (SELECT 1 FROM ({earlier}) other WHERE {_same('present', 'other')})" if earlier else "")
    )
    if not _count(connection, "attended"):
        return Folded(0, 0, 0)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE week AS {_weeks()}")
    days = " OR ".join(f"week.lessons_{day} > {MOST_LESSONS_A_DAY}" for day in WEEKDAYS)
    is_too_full = f"(week.lessons > {MOST_LESSONS_A_WEEK} OR {days})"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE too_full AS SELECT DISTINCT attended.file_name, attended.row_number FROM attended "
        "JOIN week ON week.pupil_id = attended.pupil_id AND week.school_id = attended.school_id "
        f"AND week.happened_on = date_trunc('week', attended.happened_on) WHERE {is_too_full}"
    )
    connection.execute(f"DELETE FROM week WHERE {is_too_full}")
    connection.execute("DELETE FROM checked.attendance WHERE rowid IN (SELECT place FROM attended)")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {weeks_to} ({column_definitions(LESSONS_PLANNED)})")
    before = _count(connection, weeks_to)
    names = ", ".join(LESSONS_PLANNED.column_names)
    connection.execute(
        f"INSERT INTO {weeks_to} ({names}) SELECT {names} "
        f"FROM week ANTI JOIN {weeks_to} USING (pupil_id, school_id, happened_on)"
    )
    too_full = _count(connection, "too_full")
    weeks = _count(connection, weeks_to) - before
    return Folded(_count(connection, "attended") - too_full, weeks, too_full)


def has_weeks(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether ``checked.lessons_planned`` is there and holds rows."""
    tables = "information_schema.tables WHERE table_schema = 'checked' AND table_name = 'lessons_planned'"
    return _count(connection, tables) > 0 and _count(connection, "checked.lessons_planned") > 0


def _weeks() -> str:
    """Return SQL for the lessons of every week in which attended lessons are listed, absences and late ones included."""
    missed = (
        f"SELECT {KEY}, arg_max(lessons, known_on) AS lessons, min(known_on) AS known_on, false AS is_attended "
        f"FROM checked.attendance WHERE rowid NOT IN (SELECT place FROM attended) GROUP BY {KEY}"
    )
    attended = f"SELECT {KEY}, max(lessons) AS lessons, min(known_on) AS known_on, true AS is_attended FROM attended GROUP BY {KEY}"
    by_day = ", ".join(
        f"CAST(coalesce(sum(lessons) FILTER (isodow(happened_on) = {number}), 0) AS BIGINT) AS lessons_{day}"
        for number, day in enumerate(WEEKDAYS, start=1)
    )
    return (
        "SELECT pupil_id, school_id, monday AS happened_on, lessons, "
        f"{', '.join(f'lessons_{day}' for day in WEEKDAYS)}, greatest(monday + 6, entered_on) AS known_on FROM ("
        "SELECT pupil_id, school_id, CAST(date_trunc('week', happened_on) AS DATE) AS monday, "
        f"CAST(sum(lessons) AS BIGINT) AS lessons, {by_day}, max(known_on) AS entered_on "
        f"FROM ({missed} UNION ALL {attended}) GROUP BY pupil_id, school_id, monday HAVING bool_or(is_attended))"
    )


def _same(one: str, other: str) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in ATTENDANCE.key)


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0])
