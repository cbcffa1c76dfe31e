"""The meaning of every feature in plain Python, one pupil at a time: slow, short, and without SQL."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import linear_regression, mean, median, stdev
from typing import Any

from small_world import CUT_OFF, INDICATORS, PAST_YEAR_ON, STATUSES, YEAR_ON, Row, World

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
        found[pupil] = (
            attendance(own)
            | marks(own)
            | results(own)
            | economy(own, facts["economic_area"], member)
            | stays(own["enrolment"], member)
            | traits(own["pupil"], facts["school"], member)
            | support(own["support"], facts["support"], member)
            | left_shares(facts, member)
        )
    for member in members:
        classmates = [
            found[other["pupil_id"]]
            for other in members
            if other is not member
            and all(other[name] == member[name] for name in ("school_id", "stage_kind", "stage_number", "class_code"))
        ]
        values = found[member["pupil_id"]]
        values |= in_class(values, classmates)
        values["school_pupils"] = sum(other["school_id"] == member["school_id"] for other in members)
    return found


def in_class(values: dict[str, float], others: list[dict[str, float]]) -> dict[str, float]:
    def of_others(code: str) -> list[float]:
        return [other[code] for other in others if not math.isnan(other[code])]

    def rank(code: str) -> float:
        given, own = of_others(code), values[code]
        lower = sum((value < own) + (value == own) / 2 for value in given)
        return lower / len(given) if len(given) >= 5 and not math.isnan(own) else NONE

    shares = of_others("absent_share_year")
    return {
        "class_pupils": len(others) + 1,
        "class_absent_share_year": median(shares) if len(shares) >= 5 else NONE,
        "absent_rank_in_class_share": rank("absent_share_year"),
        "mark_rank_in_class_share": rank("mark_mean_points_year"),
    }


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

    def lessons_of(some_weeks: list[date], codes: Iterable[str]) -> float:
        return sum(capped(week, codes) for week in some_weeks) if some_weeks else NONE

    def on_weekday(name: str) -> float:
        column = f"lessons_{name}"
        known = [week for week in year if due(week, column) is not None]
        missed = sum(min(lessons(week, MISSED, WEEKDAYS.index(name)), due(week, column)) for week in known)
        return share(missed, sum(due(week, column) for week in known))

    missed_year = [row for row in absences if row["week"] in year and row["attendance_code"] in MISSED]
    numbered = [row for row in missed_year if row["lesson_number"] > 0]
    all_numbered = sum(row["lessons"] for row in numbered)
    absent_year = lessons_of(year, MISSED)
    values = {
        "absent_share_4w": share_of(recent, MISSED),
        "absent_share_8w": share_of(longer, MISSED),
        "absent_share_year": share_of(year, MISSED),
        "excused_share_8w": share_of(longer, ["excused"]),
        "unexcused_lessons_4w": lessons_of(recent, ["unexcused"]),
        "unexcused_lessons_8w": lessons_of(longer, ["unexcused"]),
        "unexcused_lessons_year": lessons_of(year, ["unexcused"]),
        "unexcused_of_absent_share_year": share(lessons_of(year, ["unexcused"]), absent_year if year else 0),
        "late_share_4w": share_of(recent, ["late"]),
        "late_share_year": share_of(year, ["late"]),
        "absent_share_change_year": share_of(year, MISSED) - share_of(past, MISSED),
        "absent_monday_share_year": on_weekday("monday"),
        "absent_friday_share_year": on_weekday("friday"),
        "first_lesson_of_absent_share_year": share(
            sum(row["lessons"] for row in numbered if row["lesson_number"] == 1), all_numbered
        ),
        "last_lessons_of_absent_share_year": share(
            sum(row["lessons"] for row in numbered if row["lesson_number"] >= 6), all_numbered
        ),
        "absent_share_per_week_8w": NONE,
    }
    if len(longer) >= 3:
        slope = linear_regression([week.toordinal() / 7 for week in longer], [share_of([w], MISSED) for w in longer])
        values["absent_share_per_week_8w"] = slope.slope
    by_subject: dict[str, int] = defaultdict(int)
    for row in missed_year:
        if row["subject_code"]:
            by_subject[row["subject_code"]] += row["lessons"]
    worst = max(by_subject.values(), default=NONE)
    values["worst_subject_absent_lessons_year"] = 0 if absent_year == 0 else worst
    return values | runs(year, due, absences)


def runs(year: list[date], due: Any, absences: list[Row]) -> dict[str, float]:
    days: list[bool] = []  # of the pupil's own school days in order: was the whole day missed?
    partial = 0
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
                partial += bool(that_day) and not days[-1]
    longest = current = 0
    for is_full in days:
        current = current + 1 if is_full else 0
        longest = max(longest, current)
    return {
        "longest_absent_run_days_year": longest if days else NONE,
        "since_present_days": current if days else NONE,
        "full_days_absent_share_year": share(sum(days), len(days)),
        "partly_absent_days_share_year": share(partial, len(days)),
    }


def marks(own: dict[str, list[Row]]) -> dict[str, float]:
    works = [
        row for row in own["mark"] if PAST_YEAR_ON <= row["happened_on"] <= CUT_OFF and row["mark_code"] != "exempt"
    ]
    due = [row for row in works if row["happened_on"] >= YEAR_ON]
    recent = [row for row in works if row["happened_on"] > CUT_OFF - timedelta(days=56)]
    past = [
        row for row in works if row["happened_on"] < YEAR_ON and row["happened_on"] <= CUT_OFF - timedelta(days=364)
    ]

    def missed(rows: list[Row]) -> int:
        return sum(row["mark_code"] == "nv" and row["handed_in_on"] is None for row in rows)

    def points_of(rows: list[Row]) -> list[float]:
        return [row["mark_points"] for row in rows if row["mark_points"] is not None]

    handed_in = [row for row in due if not missed([row])]
    weights = [row["weight"] for row in handed_in if row["weight"] is not None]
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
    last = max((row["handed_in_on"] or row["happened_on"] for row in handed_in), default=None)
    return {
        "mark_mean_points_year": mean_of(points),
        "mark_mean_points_8w": mean_of(points_of(recent)),
        "mark_lowest_points_year": min(points, default=NONE),
        "mark_spread_points_year": stdev(points) if len(points) > 1 else NONE,
        "low_mark_share_year": share(sum(value < 4 for value in points), len(points)),
        "mark_points_per_week_year": slope,
        "mark_change_points_year": mean_of(points) - mean_of(points_of(past)),
        "worst_subject_mark_points_year": min(means, default=NONE),
        "low_subjects_year": sum(value < 4 for value in means) if means else NONE,
        "marks_year": len(points) if due else NONE,
        "missed_works_year": missed(due) if due else NONE,
        "missed_works_8w": missed(recent) if recent else NONE,
        "handed_in_share_year": 1 - share(missed(due), len(due)),
        "handed_in_weight_percent_year": sum(weights) if weights else NONE,
        "work_late_days_year": mean_of(late),
        "since_last_mark_days": weekdays_since(last) if last else NONE,
    }


def mean_of(values: list[Any]) -> float:
    return mean(values) if values else NONE


def weekdays_since(day: date) -> int:
    days = (day + timedelta(days=number) for number in range(1, (CUT_OFF - day).days + 1))
    return sum(later.weekday() < 5 for later in days)


def results(own: dict[str, list[Row]]) -> dict[str, float]:
    rows = [row for row in own["term_result"] if PAST_YEAR_ON <= row["happened_on"] <= CUT_OFF]
    terms = [row for row in rows if row["result_kind"] == "term"]
    days = sorted({row["happened_on"] for row in terms}, reverse=True)
    is_present = bool(days) and days[0] >= YEAR_ON
    last = [row for row in terms if row["happened_on"] == days[0]] if is_present else []
    before = [row for row in terms if row["happened_on"] == days[1]] if is_present and len(days) > 1 else []
    past = [row for row in rows if row["happened_on"] < YEAR_ON]
    of_year = [row for row in past if row["result_kind"] != "term"]
    past = of_year or past
    past = [row for row in past if row["happened_on"] == max(other["happened_on"] for other in past)]
    taken = [row["units_taken"] for row in last if row["units_taken"] is not None]
    decided = [row for row in last if row["units_taken"] is not None and row["units_passed"] is not None]
    passed, of_decided = (sum(row[name] for row in decided) for name in ("units_passed", "units_taken"))
    return {
        "term_mark_mean_points": mean_of(points_in(last)),
        "term_mark_change_points": mean_of(points_in(last)) - mean_of(points_in(before)),
        "term_low_subjects": low_subjects(last),
        "term_units_taken": sum(taken) if taken else NONE,
        "term_units_passed_share": share(passed, of_decided),
        "term_units_failed": of_decided - passed if decided else NONE,
        "past_year_mark_mean_points": mean_of(points_in(past)),
        "past_year_low_subjects": low_subjects(past),
    }


def points_in(rows: list[Row]) -> list[float]:
    return [row["mark_points"] for row in rows if row["mark_points"] is not None]


def low_subjects(rows: list[Row]) -> float:
    points = points_in([row for row in rows if row["subject_code"] != "*"])
    return sum(value < 4 for value in points) if points else NONE


def economy(own: dict[str, list[Row]], area: list[Row], member: dict[str, Any]) -> dict[str, float]:
    values = {}
    for code in STATUSES:
        of_code = {row["happened_on"]: row["value"] for row in own["economic_pupil"] if row["indicator_code"] == code}
        values[code] = of_code[max(of_code)] if of_code else NONE
    for code in INDICATORS:
        of_area = {
            row["happened_on"]: row["value"]
            for row in area
            if row["municipality_code"] == member["municipality_code"] and row["indicator_code"] == code
        }
        values[f"area_{code}"] = of_area[max(of_area)] if of_area else NONE
        if code == "unemployment_percent":
            older = [day for day in of_area if day <= max(of_area) - timedelta(days=360)]
            change = of_area[max(of_area)] - of_area[max(older)] if older else NONE
            values["area_unemployment_change_percent"] = change
    return values


def stays(rows: list[Row], member: dict[str, Any]) -> dict[str, float]:
    begun = sorted((row["happened_on"], row["school_id"]) for row in rows if row["happened_on"] <= CUT_OFF)
    schools = [None, *(school for _, school in begun)]
    moves = [day for (day, school), before in zip(begun, schools, strict=False) if before != school]
    later = [day for day in moves[1:] if day > CUT_OFF - timedelta(days=3 * 364)]
    own = max(
        (
            row
            for row in rows
            if row["school_id"] == member["school_id"]
            and row["happened_on"] <= CUT_OFF
            and (row["ends_on"] is None or row["ends_on"] > CUT_OFF)
        ),
        key=lambda row: row["happened_on"],
    )
    registered = (own["happened_on"] - own["registered_on"]).days if own["registered_on"] else NONE
    return {
        "stage_number": member["stage_number"],
        "stage_is_vet": member["stage_kind"] == "vet_year",
        "repeat_count": NONE if own["repeat_count"] is None else own["repeat_count"],
        "credits": NONE if own["credits"] is None else own["credits"],
        "moves_3y": len(later),
        "in_school_days": (CUT_OFF - max(moves)).days,
        "registered_before_days": registered,
    }


def traits(pupils: list[Row], schools: list[Row], member: dict[str, Any]) -> dict[str, float]:
    pupil = max((row for row in pupils if row["happened_on"] <= CUT_OFF), key=lambda row: row["happened_on"])
    school = max(
        (row for row in schools if row["school_id"] == member["school_id"] and row["happened_on"] <= CUT_OFF),
        key=lambda row: row["happened_on"],
    )
    age = (YEAR_ON - pupil["birth_month"]).days / 365.25
    grades = member["stage_number"] + (9 if member["stage_kind"] == "vet_year" else 0)
    languages = pupil["first_language"], school["instruction_language"]
    return {
        "school_is_evening": school["school_kind"] == "evening",
        "age_years": age,
        "overage_years": max(0.0, age - 6.7 - grades),
        "prior_level": NONE if pupil["prior_level"] is None else pupil["prior_level"],
        "prior_mark_points": NONE if pupil["prior_mark_points"] is None else pupil["prior_mark_points"],
        "is_male": NONE if pupil["sex"] is None else pupil["sex"] == "m",
        "has_special_needs": NONE if pupil["has_special_needs"] is None else pupil["has_special_needs"],
        "has_other_first_language": NONE if None in languages else languages[0] != languages[1],
    }


def support(own: list[Row], every: list[Row], member: dict[str, Any]) -> dict[str, float]:
    given = [row for row in own if CUT_OFF - timedelta(days=728) < row["happened_on"] <= CUT_OFF]
    is_recorded = any(row["school_id"] == member["school_id"] and row["happened_on"] <= CUT_OFF for row in every)
    return {"support_measures_2y": len(given) if given or is_recorded else NONE}


def left_shares(facts: dict[str, list[Row]], member: dict[str, Any]) -> dict[str, float]:
    """Shares who left in the last school year, drawn towards the share of all schools by 20 pupils."""
    newest: dict[tuple[str, str], tuple[date, str]] = {}
    for row in facts["enrolment"]:
        if row["happened_on"] < YEAR_ON and (row["ends_on"] is None or row["ends_on"] >= PAST_YEAR_ON):
            has_ended = row["ends_on"] is not None and row["ends_on"] < YEAR_ON
            state = (row["ends_on"] or date.max, row["exit_class"] if has_ended else "continuing")
            key = (row["school_id"], row["pupil_id"])
            newest[key] = max(newest.get(key, state), state)
    decided = [
        (school, exit_class == "left")
        for (school, _), (_, exit_class) in newest.items()
        if exit_class not in {"abroad", "unknown"}
    ]
    places = {row["school_id"]: row["municipality_code"] for row in facts["school"] if row["happened_on"] <= CUT_OFF}

    def drawn(here: list[bool]) -> float:
        return (sum(here) + 20 * mean(left for _, left in decided)) / (len(here) + 20) if here else NONE

    area = member["municipality_code"]
    return {
        "school_left_share_past_year": drawn([left for school, left in decided if school == member["school_id"]]),
        "municipality_left_share_past_year": drawn(
            [left for school, left in decided if area is not None and places.get(school) == area]
        ),
    }
