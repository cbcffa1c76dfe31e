"""A few schools with two years of random facts, as lists of rows: small enough to think about.

It shares no code with the features. Facts have versions: an absence is excused weeks later, work is handed in
after it was due, an exit is reported late, and some of it after the cut-off date.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import duckdb
import pandas as pd

from riskmodel.risk.label import Window, cohort
from riskmodel.tables.canonical import CANONICAL, table

Row = dict[str, Any]
World = dict[str, list[Row]]

PAST_YEAR_ON, YEAR_ON = date(2023, 9, 4), date(2024, 9, 2)
CUT_OFF, HORIZON = date(2024, 12, 18), date(2025, 9, 30)
FIRST_DAY, LAST_DAY = date(2023, 9, 4), date(2025, 1, 31)
WINDOW = Window(CUT_OFF, YEAR_ON, HORIZON, 30, term_on=YEAR_ON)
AS_OF = date(2026, 1, 1)
SUBJECTS = ("mat", "lat", "eng")
SCHOOLS = ("1", "2", "3")
STATUSES = (
    "low_income",
    "free_meals",
    "distance_km",
    "dormitory",
    "deprivation_band",
    "scholarship",
    "fees_paid",
    "debtor",
)
INDICATORS = ("unemployment_percent", "gross_wage_eur", "inflation_percent", "gdp_growth_percent")
AREAS = ("LV0001000", "LV0002000", None)


def pupil_id(name: object) -> str:
    return hashlib.md5(str(name).encode(), usedforsecurity=False).hexdigest()


@dataclass
class _Maker:
    random: Random
    world: World

    def add(self, name: str, **values: Any) -> None:
        row = dict.fromkeys(table(name).column_names) | values
        self.world[name].append(row)

    def later(self, day: date, most_days: int = 40) -> date:
        return day + timedelta(days=self.random.choice([0, 0, 0, 1, 7, self.random.randint(0, most_days)]))


def invent_world(seed: int, pupils: int = 18) -> World:
    """Return the rows of every canonical table, by table name."""
    make = _Maker(Random(seed), {declared.name: [] for declared in CANONICAL})
    _calendar(make)
    for number in range(pupils):
        _pupil(make, pupil_id((seed, number)))
    return make.world


def _calendar(make: _Maker) -> None:
    for school_id, area in zip(SCHOOLS, AREAS, strict=True):
        kind = make.random.choice(["general", "vocational", "evening"])
        make.add(
            "school",
            school_id=school_id,
            school_name="Skola",
            school_kind=kind,
            municipality_code=area,
            instruction_language="lv",
            happened_on=date(2000, 1, 1),
            known_on=date(2000, 1, 1),
        )
    for code, starts_on, ends_on in (("2023/24", PAST_YEAR_ON, date(2024, 5, 31)), ("2024/25", YEAR_ON, LAST_DAY)):
        make.add(
            "term",
            school_year=code,
            term_number=1,
            happened_on=starts_on,
            ends_on=ends_on,
            known_on=starts_on - timedelta(days=30),
        )
    for area in AREAS[:2]:
        for month in pd.date_range("2023-06-01", "2024-12-01", freq="MS").date:
            for indicator in INDICATORS:
                make.add(
                    "economic_area",
                    municipality_code=area,
                    happened_on=month,
                    indicator_code=indicator,
                    value=round(make.random.uniform(3, 12), 1),
                    unit="percent",
                    known_on=month + timedelta(days=make.random.randint(30, 80)),
                )


def _pupil(make: _Maker, pupil: str) -> None:
    random = make.random
    school = random.choice(SCHOOLS[: random.choice([1, 1, 3])])
    make.add(
        "pupil",
        pupil_id=pupil,
        birth_month=date(2024 - random.randint(15, 19), random.randint(1, 12), 1),
        sex=random.choice(["f", "m", None]),
        first_language=random.choice(["lv", "ru", None]),
        has_special_needs=random.choice([True, False, None]),
        prior_level=random.choice([None, 1, 3]),
        prior_mark_points=random.choice([None, 5.5, 8.25]),
        happened_on=FIRST_DAY,
        known_on=FIRST_DAY,
    )
    _stays(make, pupil, school)
    for of_school in {school, random.choice([school, random.choice(SCHOOLS)])}:
        _weeks(make, pupil, of_school)
        _marks(make, pupil, of_school)
    for indicator in STATUSES:
        for day in random.sample([date(2023, 9, 4), date(2024, 9, 2), date(2024, 12, 10)], random.randint(0, 3)):
            make.add(
                "economic_pupil",
                pupil_id=pupil,
                happened_on=day,
                indicator_code=indicator,
                value=float(random.randint(0, 1)),
                known_on=make.later(day),
            )
    for _ in range(random.choice([0, 0, 1, 3])):
        day = FIRST_DAY + timedelta(days=random.randint(0, 480))
        make.add(
            "support",
            pupil_id=pupil,
            school_id=school,
            measure_code=random.choice(["KA-MAT", "EK-TRA"]),
            happened_on=day,
            known_on=make.later(day),
        )


def _stays(make: _Maker, pupil: str, school: str) -> None:
    random = make.random
    starts_on = random.choice([FIRST_DAY, FIRST_DAY, YEAR_ON, date(2024, 11, 4)])
    stay = {
        "pupil_id": pupil,
        "stage_kind": random.choice(["grade"] * 9 + ["vet_year"]),
        "stage_number": random.choice([2, 2, 2, 3]),
        "class_code": random.choice(["a"] * 9 + [None]),
    }
    first = stay | {
        "school_id": school,
        "happened_on": starts_on,
        "registered_on": random.choice([None, starts_on - timedelta(days=random.randint(0, 60))]),
        "repeat_count": random.choice([None, 0, 1]),
        "credits": random.choice([None, 60]),
    }
    make.add("enrolment", **first, known_on=starts_on)
    if random.random() < 0.5:
        ends_on = max(starts_on, random.choice([date(2024, 5, 31), date(2024, 10, 15), date(2025, 1, 10)]))
        exit_class = random.choice(["left", "left", "transferred", "completed", "continuing", "abroad", "unknown"])
        ending = first | {"ends_on": ends_on, "exit_class": exit_class}
        make.add("enrolment", **ending, known_on=make.later(ends_on, 120))
        if random.random() < 0.5:
            again_on = ends_on + timedelta(days=random.randint(1, 100))
            make.add(
                "enrolment",
                **stay,
                school_id=random.choice(SCHOOLS),
                happened_on=again_on,
                known_on=make.later(again_on),
            )


def _weeks(make: _Maker, pupil: str, school: str) -> None:
    random = make.random
    has_timetable = random.random() < 0.8
    daily_absence = random.choice([0.0, 0.1, 0.3, 0.8])
    for week in range((LAST_DAY - FIRST_DAY).days // 7):
        monday = FIRST_DAY + timedelta(days=7 * week)
        if date(2024, 6, 1) < monday < YEAR_ON or random.random() < 0.25:
            continue
        by_day = [random.choice([0, 4, 6, 6]) for _ in range(5)]
        make.add(
            "lessons_planned",
            pupil_id=pupil,
            school_id=school,
            happened_on=monday,
            lessons=sum(by_day),
            known_on=monday + timedelta(days=random.choice([6, 6, 6, 20])),
            **dict(
                zip(
                    ("lessons_monday", "lessons_tuesday", "lessons_wednesday", "lessons_thursday", "lessons_friday"),
                    by_day if has_timetable else [None] * 5,
                    strict=True,
                )
            ),
        )
        for offset in range(6):
            if random.random() < daily_absence:
                _absence(make, pupil, school, monday + timedelta(days=offset))


def _absence(make: _Maker, pupil: str, school: str, day: date) -> None:
    random = make.random
    whole_day = random.random() < 0.5
    for lesson in [0] if whole_day else random.sample(range(1, 9), random.randint(1, 6)):
        row = {
            "pupil_id": pupil,
            "school_id": school,
            "happened_on": day,
            "lesson_number": lesson,
            "subject_code": None if whole_day else random.choice([*SUBJECTS, None]),
            "lessons": 6 if whole_day else 1,
        }
        known_on = make.later(day, 10)
        make.add(
            "attendance",
            **row,
            attendance_code=random.choice(["unexcused", "excused", "absent", "late"]),
            known_on=known_on,
        )
        if random.random() < 0.3:
            make.add(
                "attendance",
                **row,
                attendance_code=random.choice(["excused", "present", "unexcused"]),
                known_on=known_on + timedelta(days=random.randint(1, 40)),
            )


def _marks(make: _Maker, pupil: str, school: str) -> None:
    random = make.random
    for number in range(random.choice([0, 1, 6, 25])):
        due_on = FIRST_DAY + timedelta(days=random.randint(0, (LAST_DAY - FIRST_DAY).days))
        row = {
            "pupil_id": pupil,
            "school_id": school,
            "subject_code": random.choice(SUBJECTS),
            "work_id": str(number),
            "happened_on": due_on,
            "mark_kind": "converted",
            "weight": random.choice([None, 12.5]),
        }
        handed_in_on = due_on + timedelta(days=random.randint(-5, 20))
        if random.random() < 0.5:
            make.add("mark", **row, mark_code="nv", known_on=due_on)
        if random.random() < 0.7:
            marked = {"mark_code": "points", "mark_points": round(random.uniform(1, 10), 2)}
            code = random.choice([marked, marked, {"mark_code": "passed"}, {"mark_code": "handed_in"}])
            known_on = make.later(max(due_on, handed_in_on) + timedelta(days=1), 20)
            make.add("mark", **row, **code, handed_in_on=random.choice([None, handed_in_on]), known_on=known_on)
    for day, kind in (
        (date(2024, 1, 12), "term"),
        (date(2024, 5, 31), "term"),
        (date(2024, 5, 31), "year"),
        (date(2024, 12, 13), "term"),
    ):
        for subject in random.sample([*SUBJECTS, "*"], random.randint(0, 4)):
            taken = random.choice([None, 4, 6])
            make.add(
                "term_result",
                pupil_id=pupil,
                school_id=school,
                subject_code=subject,
                result_kind=kind,
                happened_on=day,
                mark_points=random.choice([None, 3.0, 7.0, 9.0]),
                units_taken=taken,
                units_passed=taken and random.choice([None, 0, taken]),
                known_on=make.later(day, 10),
            )


def members_of(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return the cohort on the cut-off date of this world."""
    return cohort(connection, WINDOW, AS_OF)


def same_bytes(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Say whether two frames of numbers are equal to the last bit, "no data" included."""
    return (
        list(left.index) == list(right.index)
        and list(left.columns) == list(right.columns)
        and left.to_numpy().tobytes() == right.to_numpy().tobytes()
    )
