"""A semester of a district, school by school: lessons and marks are made, written, and counted for the cut-off date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from riskmodel.latvia import SchoolYear
from riskmodel.sources.synthetic import lessons, truth
from riskmodel.sources.synthetic.lessons import SUBJECTS_BY_STAGE, Members, Semester
from riskmodel.sources.synthetic.people import NEVER, day_number
from riskmodel.sources.synthetic.raw import EveryLesson
from riskmodel.sources.synthetic.rows import Rows
from riskmodel.sources.synthetic.truth import Floats, Integers

LESSONS, ATTENDED = 10, 20
"""Purposes of the draws of a school and semester: attended lessons are drawn apart, so that listing them changes nothing."""

PART = 400
"""Pupils of a school whose lessons are made at a time: bounds the memory, however large a school is."""
MOST_SCHOOLS = 1_000_000
"""More than a district ever has: the parts of its schools have draws of their own."""


@dataclass
class Half:
    """What a semester leaves behind for each member of the year."""

    recent_unexcused: Integers
    earlier_unexcused: Integers
    recent_late: Integers
    insufficient: Integers
    mean_points: Floats

    @classmethod
    def empty(cls, count: int) -> Half:
        """Return the values of a semester in which nothing happened."""
        return cls(
            recent_unexcused=np.zeros(count, dtype=np.int64),
            earlier_unexcused=np.zeros(count, dtype=np.int64),
            recent_late=np.zeros(count, dtype=np.int64),
            insufficient=np.zeros(count, dtype=np.int64),
            mean_points=np.full((count, SUBJECTS_BY_STAGE.shape[1]), np.nan),
        )

    def count_until(self, cut_on: int, place: Integers, missed: lessons.Missed) -> None:
        """Count the lessons of the members at these places that registers show on the cut-off date."""
        recent = (cut_on - truth.RECENT_DAYS, cut_on)
        earlier = (cut_on - 2 * truth.RECENT_DAYS, cut_on - truth.RECENT_DAYS)
        for counts, code, span in (
            (self.recent_unexcused, lessons.UNEXCUSED, recent),
            (self.earlier_unexcused, lessons.UNEXCUSED, earlier),
            (self.recent_late, lessons.LATE, recent),
        ):
            counts[place] = lessons.lessons_known(missed, len(place), code, cut_on, span)


@dataclass(frozen=True)
class SchoolLife:
    """Makes the semesters of a district; ``rng`` gives the generator of a year, purpose and school."""

    rows: Rows
    timetable: Integers
    raw_year: int | None
    """First calendar year of the school year whose every lesson is delivered."""
    rng: Callable[[int, int, int], np.random.Generator]
    _raw: EveryLesson = field(default_factory=EveryLesson)

    def live(self, year: SchoolYear, number: int, life: Members, cut_on: int) -> Half:
        """Make and write the lessons and marks of semester 1 or 2."""
        semester = Semester.of(number, year.school_days(number))
        half = Half.empty(len(life))
        for school, parts in _by_school(life, int(semester.days[0])):
            for turn, place in enumerate(parts):
                missed, marks = self._live_part(year, semester, life.part(place), school + turn * MOST_SCHOOLS)
                half.mean_points[place] = marks.mean_points
                known_on = cut_on if number == 1 else NEVER
                half.insufficient[place] = lessons.insufficient_subjects(marks, len(place), known_on)
                if number == 1:
                    half.count_until(cut_on, place, missed)
            if number == 2:
                self._write_all(school)
        if number == 2:
            for school in self._raw.schools:  # those without pupils in spring
                self._write_all(school)
        return half

    def _live_part(
        self, year: SchoolYear, semester: Semester, part: Members, draws: int
    ) -> tuple[lessons.Missed, lessons.Marks]:
        """Make and write what pupils of one school live; of the raw year, keep every lesson until the year is whole."""
        rng = self.rng(year.first_year, LESSONS + semester.number, draws)
        planned = lessons.planned_lessons(part, semester, self.timetable)
        code = lessons.lesson_codes(rng, part, semester, self.timetable)
        missed = lessons.missed_lessons(rng, part, semester, code)
        marks = lessons.marks_given(rng, part, semester)
        if year.first_year != self.raw_year:
            self.rows.add_planned(part, planned)
            self.rows.add_missed(part, missed)
        elif semester.days[0] <= day_number(self.rows.files.delivered_on):
            school = int(part.school[0])
            rng = self.rng(year.first_year, ATTENDED + semester.number, draws)
            self._raw.keep(school, part.pupil, missed)
            self._raw.keep(school, part.pupil, lessons.attended_lessons(rng, part, semester, code))
        self.rows.add_marks(part, marks)
        return missed, marks

    def _write_all(self, school: int) -> None:
        school_id, codes = self.rows.schools.school_id[school], self.rows.identities.code
        for columns in self._raw.take(school, school_id, codes):
            self.rows.files.add("attendance", columns)


def _by_school(life: Members, first_day: int) -> list[tuple[int, list[Integers]]]:
    """Return the places of the members who are in school on a day or later: by school, and there in parts."""
    place = np.flatnonzero(life.last_day >= first_day)
    place = place[np.argsort(life.school[place], kind="stable")]
    first = np.flatnonzero(np.diff(life.school[place])) + 1
    schools = [each for each in np.split(place, first) if len(each)]
    return [(int(life.school[each[0]]), [each[at : at + PART] for at in range(0, len(each), PART)]) for each in schools]
