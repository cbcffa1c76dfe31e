"""What the features of one cohort cost, against a bare scan of the columns they are made of, and against plain SQL.

The bare scan reads the same columns of the daily tables in DuckDB, of the same two school years, and keeps the largest of
each: nothing that reads Parquet can be cheaper. The plain SQL computes twelve of the features with joins and groups. What
it gives must equal the features of every pupil before anything is timed. CPU seconds of this process, one thread;
compiling and importing are not counted. The peak of memory is that of a process of its own that does nothing else.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and constants alone)

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from riskmodel.bench.children import cpu_seconds, run_child
from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.risk.attendance_fold import ABSENCE_COLUMNS, PLANNED_COLUMNS
from riskmodel.risk.features import build, fold_pupils
from riskmodel.risk.learning_fold import MARK_COLUMNS, RESULT_COLUMNS
from riskmodel.sources.history import DELIVERIES_FOLDER, DESCRIPTION_FILE, open_canonical, stored_deliveries
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.fields import literal
from riskmodel.tables.schema import SQL_TYPES, Table

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS = 30_000, 1_000
PAIRS = 5
CUT_OFF, YEAR_ON, PAST_YEAR_ON = date(2024, 12, 20), date(2024, 9, 2), date(2023, 9, 4)
WEEKS_END_ON = date(2024, 12, 16)
TOLERANCE = 1e-9
READ = {
    "attendance": ABSENCE_COLUMNS,
    "lessons_planned": PLANNED_COLUMNS,
    "mark": MARK_COLUMNS,
    "term_result": RESULT_COLUMNS,
}


def measure(data: Path | None, say: Say, *, quick: bool = False, pupils: int = 0) -> Report:
    """Return CPU seconds of the fold, of the rest, of the bare scan and of the plain SQL, their ratios, and the peak.

    Parameters
    ----------
    data
        A store made by an earlier call; None, or a folder without deliveries: an invented one, kept there if a folder
        is given.
    pupils
        Pupils of the cohort; 0: 30,000, or 1,000 with ``quick``.
    """
    pupils = pupils or (QUICK_PUPILS if quick else PUPILS)
    with _store(data, pupils, say) as store:
        connection = opened(store)
        members = members_of(connection)
        folded = fold_pupils(connection, CUT_OFF, YEAR_ON)  # compiles
        difference = _difference(build(connection, CUT_OFF, members, folded), connection)
        costs: dict[str, list[float]] = {name: [] for name in ("fold", "rest", "bare_scan", "sql")}
        for pair in range(1 if quick else PAIRS):
            say(message("Pair {pair} of {pairs}.", pair=pair + 1, pairs=1 if quick else PAIRS))
            costs["fold"].append(cpu_seconds(lambda: fold_pupils(connection, CUT_OFF, YEAR_ON)))
            costs["bare_scan"].append(cpu_seconds(lambda: _scan(connection)))
            costs["rest"].append(cpu_seconds(lambda: build(connection, CUT_OFF, members, folded)))
            costs["sql"].append(cpu_seconds(lambda: connection.execute(SQL).fetchall()))
        child = run_child(["-c", CHILD.format(store=str(store))])
        middle = {name: float(np.median(seconds)) for name, seconds in costs.items()}
        return {
            "pupils": len(members),
            "rows": {
                table: connection.execute(f"SELECT count(*) FROM canonical.{table}").fetchall()[0][0] for table in READ
            },
            "cpu_seconds": middle,
            "cpu_seconds_of_150000_pupils": 150_000 / len(members) * (middle["fold"] + middle["rest"]),
            "fold_to_bare_scan": _ratio(costs, "fold", "bare_scan"),
            "sql_to_fold": _ratio(costs, "sql", "fold"),
            "max_difference_to_sql": difference,
            "peak_mb": child.peak_mb,
            "load": os.getloadavg()[0],
            "cores": os.cpu_count(),
        }


CHILD = "from pathlib import Path; from riskmodel.bench import features; features.once(Path({store!r}))"


def once(store: Path) -> pd.DataFrame:
    """Return the features of the invented cohort in ``store``: what the peak of memory is measured of."""
    connection = opened(store)
    return build(connection, CUT_OFF, members_of(connection))


def opened(store: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection of one thread that holds ``canonical.<table>``."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET enable_progress_bar = false")
    open_canonical(connection, store, [delivery.delivery_id for delivery in stored_deliveries(store)])
    return connection


def members_of(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return all pupils as the members of one cohort."""
    found = connection.sql(
        "SELECT pupil_id, school_id, stage_kind, stage_number, class_code, municipality_code "
        "FROM canonical.enrolment JOIN canonical.school USING (school_id) ORDER BY pupil_id"
    ).df()
    members: pd.DataFrame = found.assign(school_year_on=pd.Timestamp(YEAR_ON))
    return members


def _ratio(costs: dict[str, list[float]], of: str, to: str) -> list[float]:
    """Return the middle, the lowest and the highest ratio of the pairs."""
    ratios = np.array(costs[of]) / np.array(costs[to])
    return [float(np.median(ratios)), float(ratios.min()), float(ratios.max())]


def _scan(connection: duckdb.DuckDBPyConnection) -> None:
    for name, columns in READ.items():
        table = next(declared for declared in CANONICAL if declared.name == name)
        largest = ", ".join(
            f"max(length({column}))" if SQL_TYPES[table.column(column).kind] == "VARCHAR" else f"max({column})"
            for column in columns
        )
        connection.execute(f"SELECT {largest} FROM canonical.{name}").fetchall()


def _difference(features: pd.DataFrame, connection: duckdb.DuckDBPyConnection) -> float:
    """Return the largest difference to what plain SQL gives; refuse more than rounding."""
    expected = connection.sql(SQL).df().set_index("pupil_id").sort_index()
    ours = features.loc[expected.index, list(expected.columns)]
    is_same_gap = ours.isna().to_numpy() == expected.isna().to_numpy()
    difference = float(np.nanmax(np.abs(ours.to_numpy() - expected.to_numpy(dtype=np.float64))))
    if difference > TOLERANCE or not is_same_gap.all():
        raise RunFailedError(
            message("Both sides must give the same figures before they are timed."),
            found=message("They differ by {difference}.", difference=f"{difference:.1e}"),
            remedy=message("Report this with the versions of the libraries."),
        )
    return difference


SQL = f"""
WITH known_absence AS (
    SELECT * FROM canonical.attendance WHERE known_on <= DATE '{CUT_OFF}' AND happened_on >= DATE '{PAST_YEAR_ON}'
    QUALIFY row_number() OVER (PARTITION BY pupil_id, school_id, happened_on, lesson_number ORDER BY known_on DESC) = 1
),
planned AS (
    SELECT pupil_id, school_id, happened_on AS week_on, lessons FROM canonical.lessons_planned
    WHERE known_on <= DATE '{CUT_OFF}' AND happened_on >= DATE '{PAST_YEAR_ON}' AND happened_on < DATE '{WEEKS_END_ON}'
    QUALIFY row_number() OVER (PARTITION BY pupil_id, school_id, happened_on ORDER BY known_on DESC) = 1
),
missed AS (
    SELECT
        pupil_id,
        week_on,
        sum(known_absence.lessons) FILTER (attendance_code IN ('unexcused', 'excused', 'absent')) AS absent,
        sum(known_absence.lessons) FILTER (attendance_code = 'unexcused') AS unexcused,
        sum(known_absence.lessons) FILTER (attendance_code = 'late') AS late
    FROM known_absence
    JOIN planned USING (pupil_id, school_id)
    WHERE week_on = date_trunc('week', known_absence.happened_on)
    GROUP BY ALL
),
week AS (
    SELECT
        pupil_id,
        week_on,
        lessons,
        least(coalesce(absent, 0), lessons) AS absent,
        least(coalesce(unexcused, 0), lessons) AS unexcused,
        least(coalesce(late, 0), lessons) AS late,
        week_on >= DATE '{YEAR_ON}' AS is_year,
        week_on >= DATE '{WEEKS_END_ON}' - 56 AS is_longer,
        week_on >= DATE '{WEEKS_END_ON}' - 28 AS is_recent
    FROM (SELECT pupil_id, week_on, sum(lessons) AS lessons FROM planned GROUP BY ALL)
    LEFT JOIN missed USING (pupil_id, week_on)
),
attended AS (
    SELECT
        pupil_id,
        sum(absent) FILTER (is_recent) / sum(lessons) FILTER (is_recent) AS absent_share_4w,
        sum(absent) FILTER (is_longer) / sum(lessons) FILTER (is_longer) AS absent_share_8w,
        sum(absent) FILTER (is_year) / sum(lessons) FILTER (is_year) AS absent_share_year,
        sum(unexcused) FILTER (is_recent) AS unexcused_lessons_4w,
        sum(unexcused) FILTER (is_year) AS unexcused_lessons_year,
        sum(late) FILTER (is_year) / sum(lessons) FILTER (is_year) AS late_share_year
    FROM week
    GROUP BY pupil_id
),
marked AS (
    SELECT
        pupil_id,
        avg(mark_points) FILTER (happened_on >= DATE '{YEAR_ON}') AS mark_mean_points_year,
        avg(mark_points) FILTER (happened_on > DATE '{CUT_OFF}' - 56) AS mark_mean_points_8w,
        min(mark_points) FILTER (happened_on >= DATE '{YEAR_ON}') AS mark_lowest_points_year,
        stddev_samp(mark_points) FILTER (happened_on >= DATE '{YEAR_ON}') AS mark_spread_points_year,
        count(*) FILTER (happened_on >= DATE '{YEAR_ON}' AND mark_code = 'nv') AS missed_works_year
    FROM (
        SELECT * FROM canonical.mark WHERE known_on <= DATE '{CUT_OFF}' AND happened_on >= DATE '{PAST_YEAR_ON}'
        QUALIFY row_number() OVER (
            PARTITION BY pupil_id, school_id, subject_code, work_id, happened_on ORDER BY known_on DESC
        ) = 1
    )
    GROUP BY pupil_id
),
resulted AS (
    SELECT pupil_id, avg(mark_points) AS past_year_mark_mean_points
    FROM canonical.term_result
    WHERE result_kind = 'year' AND known_on <= DATE '{CUT_OFF}'
    GROUP BY pupil_id
)
SELECT * FROM attended JOIN marked USING (pupil_id) JOIN resulted USING (pupil_id)
"""


@contextmanager
def _store(data: Path | None, pupils: int, say: Say) -> Iterator[Path]:
    if data is not None:
        if not stored_deliveries(data):
            _invent(data, pupils, say)
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="riskmodel-") as folder:
        _invent(Path(folder), pupils, say)
        yield Path(folder)


def _invent(store: Path, pupils: int, say: Say) -> None:
    """Write a delivery with two school years of each pupil, as many rows as a Latvian pupil has, in the order of the store."""
    say(message("Inventing {pupils} pupils.", pupils=pupils))
    folder = store / DELIVERIES_FOLDER / f"{CUT_OFF}-invented"
    folder.mkdir(parents=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        for table in CANONICAL:
            if table.name in INVENTED:
                _write(connection, table, INVENTED[table.name].format(pupils=pupils), folder)
    description = {"delivered_on": CUT_OFF.isoformat(), "origin": "synthetic"}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), "utf-8")


def _write(connection: duckdb.DuckDBPyConnection, table: Table, rows: str, folder: Path) -> None:
    columns = ", ".join(f"{column.name}::{SQL_TYPES[column.kind]} AS {column.name}" for column in table.columns)
    year = f"{table.happened} >= DATE '2024-09-01', " if table.name in READ else ""
    nothing = ", ".join(f"NULL AS {name}" for name in table.column_names)
    connection.execute(
        f"COPY (SELECT {columns} FROM (SELECT {nothing} WHERE false UNION ALL BY NAME {rows}) "
        f"ORDER BY {year}{', '.join(table.key)}, {table.known}) TO {literal(str(folder / f'{table.name}.parquet'))} "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)"
    )


_PUPIL = "md5(pupil::VARCHAR) AS pupil_id, (pupil // 250 + 1)::VARCHAR AS school_id"
_OF_PUPILS = "FROM range({pupils}) AS pupils(pupil)"


def _draw(salt: str, below: int) -> str:
    """Return SQL for an even number below ``below`` that depends on the pupil, the day and the place alone."""
    return f"hash(pupil, day, place, '{salt}') % {below}"


_DAYS = f"""
FROM range({{pupils}}) AS pupils(pupil)
CROSS JOIN (
    SELECT day::DATE AS day FROM (
        SELECT unnest(generate_series(DATE '{PAST_YEAR_ON}', DATE '2024-05-31', INTERVAL 1 DAY)) AS day
        UNION ALL SELECT unnest(generate_series(DATE '{YEAR_ON}', DATE '{CUT_OFF}', INTERVAL 1 DAY))
    )
    WHERE isodow(day) <= 5
)
"""
INVENTED = {
    "school": f"""
        SELECT DISTINCT (pupil // 250 + 1)::VARCHAR AS school_id, 'Skola' AS school_name, 'general' AS school_kind,
            'LV' || lpad((1 + pupil // 250 % 43)::VARCHAR, 7, '0') AS municipality_code, 'lv' AS instruction_language,
            DATE '2000-01-01' AS happened_on, DATE '2000-01-01' AS known_on
        {_OF_PUPILS}""",
    "pupil": f"""
        SELECT md5(pupil::VARCHAR) AS pupil_id, make_date(2009 + (pupil % 3)::INTEGER, 1 + (pupil % 12)::INTEGER, 1)
            AS birth_month, DATE '2023-09-01' AS happened_on, DATE '2023-09-01' AS known_on
        {_OF_PUPILS}""",
    "enrolment": f"""
        SELECT {_PUPIL}, 'grade' AS stage_kind, 9 AS stage_number, chr((97 + pupil % 10)::INTEGER) AS class_code,
            DATE '2023-09-01' AS happened_on, DATE '2023-09-01' AS known_on
        {_OF_PUPILS}""",
    "lessons_planned": f"""
        SELECT {_PUPIL}, day AS happened_on, 30 AS lessons, 6 AS lessons_monday, 6 AS lessons_tuesday,
            6 AS lessons_wednesday, 6 AS lessons_thursday, 6 AS lessons_friday, day + 6 AS known_on
        {_DAYS} WHERE isodow(day) = 1 AND day + 6 <= DATE '{CUT_OFF}'""",
    "attendance": f"""
        SELECT {_PUPIL}, day AS happened_on, place AS lesson_number, 'subject ' || {_draw("s", 15)} AS subject_code,
            if(version = 1, 'excused', (['unexcused', 'excused', 'late', 'excused'])[1 + ({_draw("c", 4)})::INTEGER])
                AS attendance_code,
            1 AS lessons, day + ({_draw("k", 5)})::INTEGER + 20 * version AS known_on
        {_DAYS} CROSS JOIN range(1, 7) AS places(place) CROSS JOIN (VALUES (0), (1)) AS versions(version)
        WHERE {_draw("a", 100)} < 10 AND (version = 0 OR {_draw("v", 10)} = 0)""",
    "mark": f"""
        SELECT {_PUPIL}, 'subject ' || place AS subject_code, (1 + ({_draw("w", 3)}))::VARCHAR AS work_id,
            day AS happened_on, 'daily' AS mark_kind,
            if({_draw("n", 30)} = 0, 'nv', 'points') AS mark_code,
            if({_draw("n", 30)} = 0, NULL, 1 + {_draw("p", 10)}) AS mark_points, day AS known_on
        {_DAYS} CROSS JOIN range(15) AS places(place) WHERE {_draw("m", 1000)} < 28""",
    "term_result": f"""
        SELECT {_PUPIL}, 'subject ' || place AS subject_code, kind AS result_kind, DATE '2024-05-31' AS happened_on,
            1 + hash(pupil, place, kind) % 10 AS mark_points, DATE '2024-06-03' AS known_on
        {_OF_PUPILS} CROSS JOIN range(15) AS places(place) CROSS JOIN (VALUES ('term'), ('year')) AS kinds(kind)""",
}
"""Rows by table, for ``_invent``: about 110 absences, 35 weeks, 73 marks and 30 results a pupil and school year."""
