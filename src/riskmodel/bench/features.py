"""What the features of one cohort cost, against a bare scan of the raw lessons that they come from, and against plain SQL.

The bare scan reads, in DuckDB, the columns of the newest year's attendance as it is delivered, every lesson of every pupil,
and keeps the largest of each: nothing that looks at the lessons can be cheaper. The features are built from the store,
where attended lessons are folded into weeks and daily facts are packed; what receiving and packing cost is shown apart. The
plain SQL computes twelve of the features with joins and groups over the store. What it gives must equal the features of
every pupil before anything is timed. CPU seconds of this process, one thread; compiling and importing are not counted. The
peak of memory is that of a process of its own that does nothing else.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and constants alone)

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from riskmodel.bench.children import cpu_seconds, run_child
from riskmodel.bench.country import Country, country
from riskmodel.bench.scan import scan
from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message
from riskmodel.risk.features import build, fold_pupils
from riskmodel.risk.fold import days_around
from riskmodel.risk.label import Window, cohort, cohort_windows
from riskmodel.sources.deliveries import receive
from riskmodel.sources.history import open_canonical, stored_deliveries

Say = Callable[[Message], None]
Report = dict[str, object]

PUPILS, QUICK_PUPILS = 30_000, 1_000
YEARS = 2
"""The newest school year and the one before: what a cohort reads."""
PAIRS = 5
TOLERANCE = 1e-9
DAILY = ("attendance", "lessons_planned", "mark", "term_result")
DELAY_DAYS = 30


def measure(data: Path | None, say: Say, *, quick: bool = False, pupils: int = 0) -> Report:
    """Return CPU seconds of the features and of the bare scan, their ratio, and the peak of memory.

    Parameters
    ----------
    data
        A folder in which the invented country is kept for the next time; None: a temporary one.
    pupils
        Enrolled at a time; 0: 30,000, or 1,000 with ``quick``.
    """
    pupils = pupils or (QUICK_PUPILS if quick else PUPILS)
    with country(data, "features", pupils, YEARS, say) as of_country:
        lessons = of_country.deliveries[-1] / "attendance.parquet"
        store, received = _received(of_country, say)
        connection = opened(store)
        window = window_of(connection, of_country.plan.day_of_delivery)
        parts = _parts(connection, window)
        difference = _difference(parts["rest"](), connection, window)  # compiles
        costs: dict[str, list[float]] = {name: [] for name in (*parts, "bare_scan", "sql")}
        for pair in range(1 if quick else PAIRS):
            say(message("Pair {pair} of {pairs}.", pair=pair + 1, pairs=1 if quick else PAIRS))
            for name, work in parts.items():
                costs[name].append(cpu_seconds(work))
            costs["bare_scan"].append(cpu_seconds(lambda: scan(connection.read_parquet(str(lessons)))))
            costs["sql"].append(cpu_seconds(lambda: connection.execute(sql_of(window)).fetchall()))
        costs["features"] = [sum(one) for one in zip(*(costs[name] for name in parts), strict=True)]
        middle = {name: float(np.median(seconds)) for name, seconds in costs.items()}
        child = run_child(["-c", CHILD.format(store=str(store), day=window.cut_off.isoformat())])
        return {
            "pupils": pupils,
            "lesson_rows": pq.read_metadata(lessons).num_rows,
            "rows": {
                table: connection.execute(f"SELECT count(*) FROM canonical.{table}").fetchall()[0][0] for table in DAILY
            },
            "cpu_seconds": middle,
            "receiving_cpu_seconds": received,
            "ratio_to_scan": _ratio(costs, "features", "bare_scan")[0],
            "ratio_to_scan_range": _ratio(costs, "features", "bare_scan"),
            "sql_to_fold": _ratio(costs, "sql", "fold"),
            "max_difference_to_sql": difference,
            "peak_mb": child.peak_mb,
            "load": os.getloadavg()[0],
            "cores": os.cpu_count(),
        }


CHILD = (
    "from datetime import date; from pathlib import Path; from riskmodel.bench import features; "
    "features.once(Path({store!r}), date.fromisoformat({day!r}))"
)


def once(store: Path, cut_off: date) -> pd.DataFrame:
    """Return the features of the present cohort of ``store``: what the peak of memory is measured of."""
    connection = opened(store)
    window = window_of(connection, cut_off)
    return build(connection, window.cut_off, cohort(connection, window, window.cut_off))


def opened(store: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection of one thread that holds ``canonical.<table>``."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET enable_progress_bar = false")
    open_canonical(connection, store, [delivery.delivery_id for delivery in stored_deliveries(store)])
    return connection


def window_of(connection: duckdb.DuckDBPyConnection, cut_off: date) -> Window:
    """Return the window of the present cohort."""
    return cohort_windows(connection, cut_off, None, DELAY_DAYS)[-1]


def _received(of_country: Country, say: Say) -> tuple[Path, float]:
    """Return a store with the newest year too, and the CPU seconds of taking it in."""
    store = of_country.store_in_use()
    return store, cpu_seconds(lambda: receive(of_country.deliveries[-1], store, of_country.key, say))


def _parts(connection: duckdb.DuckDBPyConnection, window: Window) -> dict[str, Callable[[], pd.DataFrame]]:
    """Return the parts of the work, each of which can be done again: the fold, who belongs to the cohort, the rest."""
    folded = fold_pupils(connection, window.cut_off, window.school_year_on)
    members = cohort(connection, window, window.cut_off)
    return {
        "fold": lambda: fold_pupils(connection, window.cut_off, window.school_year_on),
        "cohort": lambda: cohort(connection, window, window.cut_off),
        "rest": lambda: build(connection, window.cut_off, members, [folded]),
    }


def _ratio(costs: dict[str, list[float]], of: str, to: str) -> list[float]:
    """Return the middle, the lowest and the highest ratio of the pairs."""
    ratios = np.array(costs[of]) / np.array(costs[to])
    return [float(np.median(ratios)), float(ratios.min()), float(ratios.max())]


def _difference(features: pd.DataFrame, connection: duckdb.DuckDBPyConnection, window: Window) -> float:
    """Return the largest difference to what plain SQL gives; refuse more than rounding."""
    expected = connection.sql(sql_of(window)).df().set_index("pupil_id").sort_index()
    expected = expected.loc[expected.index.isin(features.index)]
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


def sql_of(window: Window) -> str:
    """Return plain SQL for twelve of the features."""
    return SQL.format(**days_around(window.cut_off, window.school_year_on))


SQL = """
WITH known_absence AS (
    SELECT * FROM canonical.attendance WHERE known_on <= DATE '{cut_off}' AND happened_on >= DATE '{past_year_on}'
    QUALIFY row_number() OVER (PARTITION BY pupil_id, school_id, happened_on, lesson_number ORDER BY known_on DESC) = 1
),
planned AS (
    SELECT pupil_id, school_id, happened_on AS week_on, lessons FROM canonical.lessons_planned
    WHERE known_on <= DATE '{cut_off}' AND happened_on >= DATE '{past_year_on}' AND happened_on < DATE '{weeks_end_on}'
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
        week_on > DATE '{year_on}' - 7 AS is_year,
        week_on >= DATE '{weeks_end_on}' - 56 AS is_longer,
        week_on >= DATE '{weeks_end_on}' - 28 AS is_recent
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
        avg(mark_points) FILTER (happened_on >= DATE '{year_on}') AS mark_mean_points_year,
        avg(mark_points) FILTER (happened_on > DATE '{cut_off}' - 56) AS mark_mean_points_8w,
        min(mark_points) FILTER (happened_on >= DATE '{year_on}') AS mark_lowest_points_year,
        stddev_samp(mark_points) FILTER (happened_on >= DATE '{year_on}') AS mark_spread_points_year,
        count(*) FILTER (happened_on >= DATE '{year_on}' AND mark_code = 'nv' AND handed_in_on IS NULL) AS missed_works_year
    FROM (
        SELECT * FROM canonical.mark
        WHERE known_on <= DATE '{cut_off}' AND happened_on BETWEEN DATE '{past_year_on}' AND DATE '{cut_off}'
        QUALIFY row_number() OVER (
            PARTITION BY pupil_id, school_id, subject_code, work_id, happened_on ORDER BY known_on DESC
        ) = 1
    )
    GROUP BY pupil_id
),
resulted AS (
    SELECT pupil_id, avg(mark_points) AS past_year_mark_mean_points
    FROM canonical.term_result
    WHERE result_kind = 'year' AND known_on <= DATE '{cut_off}'
        AND happened_on >= DATE '{past_year_on}' AND happened_on < DATE '{year_on}'
    GROUP BY pupil_id
)
SELECT * FROM attended JOIN marked USING (pupil_id) JOIN resulted USING (pupil_id)
"""
