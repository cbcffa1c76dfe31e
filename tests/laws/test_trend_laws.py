"""What a page tells of weeks and months: known by the cut-off date, and what plain Python says of the same rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laid_out import laid_out
from small_world import CUT_OFF, Row, World, invent_world, pupil_id
from test_time_laws import with_another_future

from riskmodel.risk import fold
from riskmodel.risk.trend import MONTHS, WEEKS, month_rows, trend_days, trend_of_pupils, week_rows
from riskmodel.tables.canonical import table

SEEDS = st.integers(0, 10**6)
CUT_OFFS = st.sampled_from([CUT_OFF, date(2024, 10, 6), date(2024, 3, 1), date(2025, 1, 31)])

Weeks = dict[tuple[str, date], tuple[int, int]]
Months = dict[tuple[str, date], tuple[float, int]]


def told(connection: duckdb.DuckDBPyConnection, cut_off: date) -> tuple[list[Row], list[Row]]:
    found, days = trend_of_pupils(connection, cut_off), trend_days(cut_off)
    return week_rows(found, days).to_pylist(), month_rows(found, days).to_pylist()


def newest(world: World, name: str, cut_off: date) -> list[Row]:
    facts: dict[tuple[object, ...], Row] = {}
    for row in sorted(world[name], key=lambda row: row["known_on"]):
        if row["known_on"] <= cut_off:
            facts[tuple(row[column] for column in table(name).key)] = row
    return list(facts.values())


def plain_weeks(world: World, cut_off: date) -> Weeks:
    """Return lessons missed without and with an excuse, by pupil and Monday with planned lessons."""
    planned: dict[tuple[str, str, date], int] = {}
    for row in newest(world, "lessons_planned", cut_off):
        if row["lessons"] > 0:
            planned[row["pupil_id"], row["school_id"], row["happened_on"]] = row["lessons"]
    lessons: dict[tuple[str, date], int] = defaultdict(int)
    for (pupil, _, monday), count in planned.items():
        lessons[pupil, monday] += count
    missed: dict[tuple[str, date, str], int] = defaultdict(int)
    for row in newest(world, "attendance", cut_off):
        monday = row["happened_on"] - timedelta(days=row["happened_on"].weekday())
        if (row["pupil_id"], row["school_id"], monday) in planned:
            missed[row["pupil_id"], monday, row["attendance_code"]] += row["lessons"]
    return {
        (pupil, monday): tuple(min(missed[pupil, monday, code], due) for code in ("unexcused", "excused"))
        for (pupil, monday), due in lessons.items()
        if 0 <= (cut_off - monday - timedelta(days=6)).days < 7 * WEEKS
    }


def plain_months(world: World, cut_off: date) -> Months:
    """Return mean and number of the marks in points, by pupil and first day of the month."""
    points: dict[tuple[str, date], list[float]] = defaultdict(list)
    for row in newest(world, "mark", cut_off):
        day = row["happened_on"]
        ago = 12 * (cut_off.year - day.year) + cut_off.month - day.month
        if row["mark_code"] != "exempt" and row["mark_points"] is not None and day <= cut_off and ago < MONTHS:
            points[row["pupil_id"], day.replace(day=1)].append(row["mark_points"])
    return {key: (sum(marks) / len(marks), len(marks)) for key, marks in points.items()}


@settings(max_examples=8, deadline=None)
@given(SEEDS, CUT_OFFS)
def test_weeks_and_months_are_what_plain_python_says(seed, cut_off):
    world = invent_world(seed)
    weeks, months = told(laid_out(**world), cut_off)
    assert {
        (row["pupil_id"], row["week_on"]): (row["unexcused_lessons"], row["excused_lessons"]) for row in weeks
    } == plain_weeks(world, cut_off)
    expected = plain_months(world, cut_off)
    assert {(row["pupil_id"], row["month_on"]): row["marks"] for row in months} == {
        key: count for key, (_, count) in expected.items()
    }
    for row in months:
        assert row["mark_mean_points"] == pytest.approx(expected[row["pupil_id"], row["month_on"]][0], abs=1e-9)


@pytest.mark.requirement("R7")
@settings(max_examples=4, deadline=None)
@given(SEEDS)
def test_no_row_known_after_the_cut_off_changes_a_week_or_a_month(seed):
    world = invent_world(seed)
    other = with_another_future(world, seed)
    assert told(laid_out(**other), CUT_OFF) == told(laid_out(**world), CUT_OFF)


def test_the_other_future_is_seen_once_it_is_known():
    """The law above would hold of a trend that reads nothing."""
    world = invent_world(5)
    later = CUT_OFF + timedelta(days=60)
    weeks, months = told(laid_out(**world), later)
    other_weeks, other_months = told(laid_out(**with_another_future(world, 5)), later)
    assert weeks != other_weeks
    assert months != other_months


@settings(max_examples=3, deadline=None)
@given(SEEDS, st.lists(SEEDS, min_size=1, max_size=3))
def test_ranges_of_pupils_give_together_what_the_whole_gives(seed, bounds):
    connection = laid_out(**invent_world(seed, pupils=8))
    ends = [None, *sorted(pupil_id(bound) for bound in bounds), None]
    parts = [trend_of_pupils(connection, CUT_OFF, first, after) for first, after in pairwise(ends)]
    assert pa.concat_tables(parts).combine_chunks().equals(trend_of_pupils(connection, CUT_OFF).combine_chunks())


def test_how_many_rows_are_held_at_once_does_not_matter(monkeypatch):
    connection = laid_out(**invent_world(11, pupils=12))
    whole = trend_of_pupils(connection, CUT_OFF)
    monkeypatch.setattr(fold, "ROWS_AT_ONCE", 100)
    assert trend_of_pupils(connection, CUT_OFF).combine_chunks().equals(whole.combine_chunks())
    assert told(connection, CUT_OFF)[0]


def test_a_cut_off_date_on_a_sunday_ends_its_week_and_on_a_saturday_does_not():
    sunday, saturday = trend_days(date(2024, 12, 15)), trend_days(date(2024, 12, 14))
    assert sunday.weeks[-1] == date(2024, 12, 9)
    assert saturday.weeks[-1] == date(2024, 12, 2)
    assert [len(days) for days in sunday] == [WEEKS, MONTHS]
