"""The meaning of some features in plain Python, one pupil at a time: slow, short, and without SQL."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import linear_regression, mean, median, stdev
from typing import Any

from small_world import CUT_OFF, PAST_YEAR_ON, YEAR_ON, Row, World

from riskmodel.tables.canonical import table

NONE = math.nan
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
MISSED = ("unexcused", "excused", "absent")
WEEKS_END_ON = date(2024, 12, 16)


def known_rows(world: World, name: str, cut_off: date) -> list[Row]:
    """Return the newest version of each fact known by ``cut_off``."""
    newest: dict[tuple[Any, ...], Row] = {}
    for row in world[name]:
        if row["known_on"] <= cut_off:
            key = tuple(row[column] for column in table(name).key)
            if key not in newest or newest[key]["known_on"] < row["known_on"]:
                newest[key] = row
    return list(newest.values())


def reference(world: World, members: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return values by pupil and feature code."""
    facts = {name: known_rows(world, name, CUT_OFF) for name in world}
    found = {}
    for member in members:
        pupil = member["pupil_id"]
        own = {name: [row for row in rows if row.get("pupil_id") == pupil] for name, rows in facts.items()}
        found[pupil] = attendance(own) | marks(own) | results(own) | economy(own, facts["economic_area"], member)
    for member in members:
        values = found[member["pupil_id"]]
        same_class = ("school_id", "stage_kind", "stage_number", "class_code")
        others = [
            found[other["pupil_id"]]
            for other in members
            if other is not member and all(other[name] == member[name] for name in same_class)
        ]
        shares = [other["absent_share_year"] for other in others if not math.isnan(other["absent_share_year"])]
        values["class_absent_share_year"] = median(shares) if len(shares) >= 5 else NONE
        own_share = values["absent_share_year"]
        lower = sum((share < own_share) + (share == own_share) / 2 for share in shares)
        is_ranked = len(shares) >= 5 and not math.isnan(own_share)
        values["absent_rank_in_class_share"] = lower / len(shares) if is_ranked else NONE
        values["school_left_share_past_year"] = left_share(facts["enrolment"], member["school_id"])
    return found


def share(part: float, whole: float) -> float:
    return part / whole if whole else NONE


def attendance(own: dict[str, list[Row]]) -> dict[str, float]:
    planned = {
        (row["school_id"], row["happened_on"]): row
        for row in own["lessons_planned"]
        if row["lessons"] > 0 and row["happened_on"] < WEEKS_END_ON
    }
    absences = [
        row | {"week": monday}
        for row in own["attendance"]
        if (monday := row["happened_on"] - timedelta(days=row["happened_on"].weekday())) is not None
        and (row["school_id"], monday) in planned
    ]
    weeks = sorted({monday for _, monday in planned})

    def lessons(week: date, codes: Iterable[str], weekday: int | None = None) -> int:
        return sum(
            row["lessons"]
            for row in absences
            if row["week"] == week
            and row["attendance_code"] in codes
            and (weekday is None or row["happened_on"].weekday() == weekday)
        )

    def due(week: date, column: str = "lessons") -> Any:
        given = [row[column] for (_, monday), row in planned.items() if monday == week]
        known = [value for value in given if value is not None]
        return sum(known) if known else None

    def capped(week: date, codes: Iterable[str]) -> int:
        return min(lessons(week, codes), due(week))

    def share_of(some_weeks: list[date], codes: Iterable[str]) -> float:
        return share(sum(capped(week, codes) for week in some_weeks), sum(due(week) for week in some_weeks))

    year = [week for week in weeks if week > YEAR_ON - timedelta(days=7)]
    longer = [week for week in weeks if week >= WEEKS_END_ON - timedelta(days=56)]
    recent = [week for week in weeks if week >= WEEKS_END_ON - timedelta(days=28)]
    past = [week for week in weeks if PAST_YEAR_ON - timedelta(days=7) < week < WEEKS_END_ON - timedelta(days=364)]
    mondays = [week for week in year if due(week, "lessons_monday") is not None]
    values = {
        "absent_share_8w": share_of(longer, MISSED),
        "absent_share_year": share_of(year, MISSED),
        "late_share_4w": share_of(recent, ["late"]),
        "unexcused_lessons_4w": sum(capped(week, ["unexcused"]) for week in recent) if recent else NONE,
        "absent_share_change_year": share_of(year, MISSED) - share_of(past, MISSED),
        "absent_monday_share_year": share(
            sum(min(lessons(week, MISSED, 0), due(week, "lessons_monday")) for week in mondays),
            sum(due(week, "lessons_monday") for week in mondays),
        ),
        "absent_share_per_week_8w": NONE,
    }
    if len(longer) >= 3:
        slope = linear_regression([week.toordinal() / 7 for week in longer], [share_of([w], MISSED) for w in longer])
        values["absent_share_per_week_8w"] = slope.slope
    by_subject: dict[str, int] = defaultdict(int)
    for row in absences:
        if row["week"] in year and row["attendance_code"] in MISSED and row["subject_code"]:
            by_subject[row["subject_code"]] += row["lessons"]
    missed_any = sum(capped(week, MISSED) for week in year)
    values["worst_subject_absent_lessons_year"] = max(by_subject.values(), default=NONE if missed_any else 0)
    if not year:
        values["worst_subject_absent_lessons_year"] = NONE
    return values | runs(year, due, absences)


def runs(year: list[date], due: Any, absences: list[Row]) -> dict[str, float]:
    days: list[bool] = []  # of the pupil's own school days in order: was the whole day missed?
    for week in year:
        by_day = [due(week, f"lessons_{name}") for name in WEEKDAYS]
        if None in by_day:
            continue
        for offset, planned in enumerate(by_day):
            that_day = [
                row
                for row in absences
                if row["happened_on"] == week + timedelta(days=offset) and row["attendance_code"] in MISSED
            ]
            if planned:
                is_whole = any(row["lesson_number"] == 0 for row in that_day)
                days.append(is_whole or (bool(that_day) and sum(row["lessons"] for row in that_day) >= planned))
    longest = current = 0
    for is_full in days:
        current = current + 1 if is_full else 0
        longest = max(longest, current)
    if not days:
        return dict.fromkeys(
            ("longest_absent_run_days_year", "since_present_days", "full_days_absent_share_year"), NONE
        )
    return {
        "longest_absent_run_days_year": longest,
        "since_present_days": current,
        "full_days_absent_share_year": sum(days) / len(days),
    }


def marks(own: dict[str, list[Row]]) -> dict[str, float]:
    due = [row for row in own["mark"] if YEAR_ON <= row["happened_on"] <= CUT_OFF and row["mark_code"] != "exempt"]
    missed = [row for row in due if row["mark_code"] == "nv" and row["handed_in_on"] is None]
    late = [max(0, (row["handed_in_on"] - row["happened_on"]).days) for row in due if row["handed_in_on"]]
    given = [(row["happened_on"].toordinal() / 7, row["mark_points"]) for row in due if row["mark_points"] is not None]
    points = [value for _, value in given]
    of_subject = defaultdict(list)
    for row in due:
        if row["mark_points"] is not None:
            of_subject[row["subject_code"]].append(row["mark_points"])
    means = [mean(values) for values in of_subject.values()]
    slope = NONE
    if len(given) >= 5 and len({day for day, _ in given}) > 1:
        slope = linear_regression(*zip(*given, strict=True)).slope
    return {
        "mark_mean_points_year": mean(points) if points else NONE,
        "mark_spread_points_year": stdev(points) if len(points) > 1 else NONE,
        "mark_points_per_week_year": slope,
        "worst_subject_mark_points_year": min(means, default=NONE),
        "low_subjects_year": sum(value < 4 for value in means) if means else NONE,
        "missed_works_year": len(missed) if due else NONE,
        "handed_in_share_year": 1 - share(len(missed), len(due)),
        "work_late_days_year": mean(late) if late else NONE,
    }


def results(own: dict[str, list[Row]]) -> dict[str, float]:
    terms = [row for row in own["term_result"] if row["result_kind"] == "term"]
    newest = max((row["happened_on"] for row in terms), default=YEAR_ON - timedelta(days=1))
    last = [row for row in terms if row["happened_on"] == newest] if newest >= YEAR_ON else []
    points = [row["mark_points"] for row in last if row["mark_points"] is not None]
    decided = [row for row in last if row["units_taken"] is not None and row["units_passed"] is not None]
    passed = sum(row["units_passed"] for row in decided)
    taken = sum(row["units_taken"] for row in decided)
    return {
        "term_mark_mean_points": mean(points) if points else NONE,
        "term_units_passed_share": share(passed, taken),
        "term_units_failed": taken - passed if decided else NONE,
    }


def economy(own: dict[str, list[Row]], area: list[Row], member: dict[str, Any]) -> dict[str, float]:
    incomes = {
        row["happened_on"]: row["value"] for row in own["economic_pupil"] if row["indicator_code"] == "low_income"
    }
    jobless = {
        row["happened_on"]: row["value"]
        for row in area
        if row["municipality_code"] == member["municipality_code"] and row["indicator_code"] == "unemployment_percent"
    }
    return {
        "low_income": incomes[max(incomes)] if incomes else NONE,
        "area_unemployment_percent": jobless[max(jobless)] if jobless else NONE,
    }


def left_share(stays: list[Row], school_id: str) -> float:
    """Share who left in the last school year, drawn towards the share of all schools by 20 pupils."""
    newest: dict[tuple[str, str], tuple[date, str]] = {}
    for row in stays:
        if row["happened_on"] < YEAR_ON and (row["ends_on"] is None or row["ends_on"] >= PAST_YEAR_ON):
            has_ended = row["ends_on"] is not None and row["ends_on"] < YEAR_ON
            state = (row["ends_on"] or date.max, row["exit_class"] if has_ended else "continuing")
            key = (row["school_id"], row["pupil_id"])
            newest[key] = max(newest.get(key, state), state)
    decided = [
        (key[0], exit_class == "left")
        for key, (_, exit_class) in newest.items()
        if exit_class not in {"abroad", "unknown"}
    ]
    here = [has_left for school, has_left in decided if school == school_id]
    if not here:
        return NONE
    return (sum(here) + 20 * mean(has_left for _, has_left in decided)) / (len(here) + 20)
