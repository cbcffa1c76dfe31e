"""What the synthetic cohort lives, put into the columns of the canonical tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from riskmodel.latvia import SchoolYear, area_indicators
from riskmodel.sources.synthetic import lessons
from riskmodel.sources.synthetic.files import DeliveryFolders, coded, constant, days, texts, whole_numbers
from riskmodel.sources.synthetic.lessons import CODES, SUBJECTS, SUBJECTS_BY_STAGE, Members
from riskmodel.sources.synthetic.people import FIRST_LANGUAGES, Identities, Pupils, day_number
from riskmodel.sources.synthetic.schools import Schools
from riskmodel.sources.synthetic.truth import FIRST_GRADE, FIRST_VET_INDEX, Flags, Floats, Integers

EXITS = ("completed", "continuing", "transferred", "abroad", "left", "unknown")
COMPLETED, CONTINUING, TRANSFERRED, ABROAD, LEFT, UNKNOWN = range(6)

VET_PROGRAMMES = ("DT", "AT", "ĒP", "BU", "KS")
CLASS_LETTERS = "abcdefghijkl"
DAYS_TO_LATER_NEEDS = 400


@dataclass(frozen=True)
class Stays:
    """Stays that began on one day: last days, how they ended (places in :data:`EXITS`), days until that was known."""

    starts_on: int
    ends_on: Integers
    code: Integers
    delay: Integers


@dataclass(frozen=True)
class Rows:
    """Puts values into columns and adds them to the files of the delivery."""

    files: DeliveryFolders
    schools: Schools
    identities: Identities

    def who(self, life: Members, member: Integers) -> dict[str, pa.Array]:
        """Return the columns that name pupil and school."""
        return {
            "pupil_code": self.identities.code_column.take(pa.array(life.pupil[member])),
            "school_id": texts(self.schools.school_id, life.school[member]),
        }

    def add_planned(self, life: Members, planned: lessons.Planned) -> None:
        """Add the weeks with lessons."""
        names = ("monday", "tuesday", "wednesday", "thursday", "friday")
        self.files.add(
            "lessons_planned",
            self.who(life, planned.member)
            | {"happened_on": days(planned.monday), "lessons": whole_numbers(planned.lessons.sum(axis=1))}
            | {f"lessons_{name}": whole_numbers(planned.lessons[:, place]) for place, name in enumerate(names)}
            | {"known_on": days(planned.monday + 6)},
        )

    def add_missed(self, life: Members, missed: lessons.Missed) -> None:
        """Add the lessons missed or late to, of members of one school."""
        pupils, place = np.unique(life.pupil[missed.member], return_inverse=True)
        school = [self.schools.school_id[int(life.school[0])]]
        self.files.add(
            "attendance",
            {
                "pupil_code": coded([self.identities.code[pupil] for pupil in pupils.tolist()], place),
                "school_id": coded(school, np.zeros(len(place), dtype=np.int32)),
                "happened_on": days(missed.day),
                "lesson_number": pa.array(missed.lesson.astype(np.int32)),
                "subject_code": coded(SUBJECTS, missed.subject),
                "attendance_code": coded(CODES, missed.code),
                "lessons": constant(1, len(place), pa.int32()),
                "known_on": days(missed.known_on),
            },
        )

    def add_marks(self, life: Members, marks: lessons.Marks) -> None:
        """Add the marks of a semester."""
        is_nv = marks.points == 0
        kinds = np.where(marks.work == lessons.MARKS_A_SEMESTER, 1, 0)
        self.files.add(
            "mark",
            self.who(life, marks.member)
            | {
                "subject_code": texts(SUBJECTS, marks.subject),
                "work_id": texts([str(number) for number in range(lessons.MARKS_A_SEMESTER + 1)], marks.work),
                "happened_on": days(marks.day),
                "mark_kind": texts(("daily", "test"), kinds),
                "mark_code": texts(("points", "nv"), is_nv.astype(np.int64)),
                "mark_points": pa.array(marks.points.astype(np.float64), mask=is_nv),
                "known_on": days(marks.known_on),
            },
        )

    def add_results(self, year: SchoolYear, life: Members, spring: Members, means: tuple[Floats, Floats]) -> None:
        """Add term results, and those of the year at its end; without a mark there is no assessment."""
        semester_ends = (day_number(year.semester_1_ends_on), day_number(year.ends_on))
        known = (day_number(year.semester_2_starts_on), day_number(year.ends_on) + 3)
        with np.errstate(invalid="ignore"):
            whole_year = (means[0] + means[1]) / 2
        for who, mean, end, known_on, kind in (
            (life, means[0], semester_ends[0], known[0], "term"),
            (spring, means[1], semester_ends[1], known[1], "term"),
            (spring, whole_year, semester_ends[1], known[1], "year"),
        ):
            member = np.flatnonzero(who.last_day >= end)
            count = len(member) * mean.shape[1]
            points = np.round(mean[member]).ravel()
            self.files.add(
                "term_result",
                self.who(who, np.repeat(member, mean.shape[1]))
                | {
                    "subject_code": texts(SUBJECTS, SUBJECTS_BY_STAGE[who.stage[member]].ravel()),
                    "result_kind": constant(kind, count, pa.string()),
                    "happened_on": days(np.full(count, end)),
                    "mark_points": pa.array(points, mask=np.isnan(points)),
                    "known_on": days(np.full(count, known_on)),
                },
            )

    def add_stays(self, who: Members, member: Integers, pupils: Pupils, stays: Stays) -> None:
        """Add each stay twice: as it began, and, known later, as it ended."""
        stage, letter = who.stage[member], pupils.letter[who.pupil[member]]
        is_vet = stage >= FIRST_VET_INDEX
        number = np.where(is_vet, stage - FIRST_VET_INDEX + 1, stage + FIRST_GRADE)
        classes = [
            f"{VET_PROGRAMMES[place % len(VET_PROGRAMMES)]}{year}"
            if vet
            else f"{year}.{CLASS_LETTERS[place % len(CLASS_LETTERS)]}"
            for vet, year, place in zip(is_vet.tolist(), number.tolist(), letter.tolist(), strict=True)
        ]
        for is_over in (False, True):
            missing = np.full(len(member), not is_over)
            self.files.add(
                "enrolment",
                self.who(who, member)
                | {
                    "stage_kind": texts(("grade", "vet_year"), is_vet.astype(np.int64)),
                    "stage_number": whole_numbers(number),
                    "class_code": pa.array(classes, pa.string()),
                    "happened_on": days(np.full(len(member), stays.starts_on)),
                    "ends_on": days(stays.ends_on, missing),
                    "exit_class": texts([*EXITS, None], np.where(missing, len(EXITS), stays.code)),
                    "repeat_count": whole_numbers(pupils.attempts[who.pupil[member]]),
                    "known_on": days(stays.ends_on + stays.delay if is_over else np.full(len(member), stays.starts_on)),
                },
            )

    def add_schools(self, first_day: date) -> None:
        """Add a row per school, and a further one when its municipality changed."""
        schools = self.schools
        kinds = ["vocational" if code == "vocational" else "general" for code in schools.type_code]
        for day, chosen in schools.days_of_description(first_day):
            start = np.full(len(chosen), day_number(day))
            self.files.add(
                "school",
                {
                    "school_id": texts(schools.school_id, chosen),
                    "school_name": texts(schools.name, chosen),
                    "school_kind": texts(kinds, chosen),
                    "municipality_code": texts(schools.municipality_codes(day), chosen),
                    "instruction_language": texts(schools.language, chosen),
                    "happened_on": days(start),
                    "known_on": days(start),
                },
            )

    def add_pupils(self, pupils: Pupils, later: Flags) -> None:
        """Add a row per pupil, and a second one for those whose special needs were recorded ``later``."""
        names = self.identities
        everyone, some = np.arange(len(pupils)), np.flatnonzero(later)
        for chosen, shift, needs in ((everyone, 0, pupils.has_special_needs), (some, DAYS_TO_LATER_NEEDS, later)):
            start = pupils.entered_on[chosen] + shift
            self.files.add(
                "pupil",
                {
                    "pupil_code": texts(names.code, chosen),
                    "first_name": texts(names.first_name, chosen),
                    "last_name": texts(names.last_name, chosen),
                    "earlier_register_id": texts(names.earlier_code, chosen),
                    "birth_month": pa.array(pupils.born[chosen].astype("datetime64[M]").astype("datetime64[D]")),
                    "sex": texts(("f", "m"), pupils.is_male[chosen].astype(np.int64)),
                    "first_language": texts(FIRST_LANGUAGES, pupils.language[chosen]),
                    "has_special_needs": pa.array(needs[chosen]),
                    "prior_mark_points": pa.array(pupils.prior_points[chosen]),
                    "happened_on": days(start),
                    "known_on": days(start),
                },
            )


def add_terms(files: DeliveryFolders, years: Sequence[SchoolYear]) -> None:
    """Add the two terms of each school year."""
    terms = [
        (year.name, number, first, last)
        for year in years
        for number, first, last in (
            (1, year.starts_on, year.semester_1_ends_on),
            (2, year.semester_2_starts_on, year.ends_on),
        )
    ]
    known = [day_number(first) - 30 for _, _, first, _ in terms]
    files.add(
        "term",
        {
            "school_year": pa.array([name for name, _, _, _ in terms]),
            "term_number": pa.array([number for _, number, _, _ in terms]),
            "happened_on": pa.array([first for _, _, first, _ in terms]),
            "ends_on": pa.array([last for _, _, _, last in terms]),
            "known_on": days(np.array(known)),
        },
    )


def add_areas(files: DeliveryFolders) -> None:
    """Add the published indicators of all municipalities."""
    indicators = area_indicators(files.delivered_on)
    files.add(
        "economic_area",
        {
            "municipality_code": pa.array([each.municipality_code for each in indicators]),
            "happened_on": pa.array([each.happened_on for each in indicators]),
            "indicator_code": pa.array([each.indicator_code for each in indicators]),
            "value": pa.array([each.value for each in indicators]),
            "unit": pa.array([each.unit for each in indicators]),
            "known_on": pa.array([each.known_on for each in indicators]),
        },
    )
