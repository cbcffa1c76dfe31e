"""Semesters, to which plans belong.

A semester reaches from its first day to the day before the next one: every day belongs to exactly one. The winter break is
still the first semester, the examinations of grades 9 and 12 and the summer are still the second.
The days are those of the school calendar (:mod:`riskmodel.latvia`), as published, else by its rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from riskmodel.latvia import SchoolYear, school_year, school_year_of
from riskmodel.messages import Language


@dataclass(frozen=True, order=True)
class Semester:
    """One semester: ``half`` 1 or 2 of the school year that starts in the autumn of ``year``.

    >>> Semester(2019, 1).in_language("lv"), Semester(2019, 2).in_language("en")
    ('2019./2020. m. g. 1. semestris', '2019/20, semester 2')
    """

    year: int
    half: int

    def __post_init__(self) -> None:
        if self.half not in (1, 2):
            raise ValueError("a school year has semesters 1 and 2")

    @property
    def school_year(self) -> SchoolYear:
        """The school year, with its breaks and its ends by grade."""
        return school_year(self.year)

    @property
    def first_on(self) -> date:
        """The first day with lessons."""
        return self.school_year.starts_on if self.half == 1 else self.school_year.semester_2_starts_on

    @property
    def last_on(self) -> date:
        """The last day with lessons, of grades 1–8 and 10–11 and of VET."""
        return self.last_on_of(None)

    def last_on_of(self, grade: int | None) -> date:
        """Return the last day with lessons of a grade (None: VET), later for grades 9 and 12 in semester 2.

        >>> Semester(2024, 2).last_on_of(9), Semester(2024, 2).last_on
        (datetime.date(2025, 6, 13), datetime.date(2025, 5, 30))
        """
        year = self.school_year
        if self.half == 1:
            return year.semester_1_ends_on
        return {9: year.grade_9_ends_on, 12: year.grade_12_ends_on}.get(grade or 0, year.ends_on)

    @property
    def next(self) -> Semester:
        """The semester after this one."""
        return Semester(self.year, 2) if self.half == 1 else Semester(self.year + 1, 1)

    @property
    def previous(self) -> Semester:
        """The semester before this one."""
        return Semester(self.year, 1) if self.half == 2 else Semester(self.year - 1, 2)

    def contains(self, day: date) -> bool:
        """Say whether a day belongs to the semester, breaks and summer with it."""
        return self.first_on <= day < self.next.first_on

    def in_language(self, language: Language) -> str:
        """Return the semester in words."""
        if language == "lv":
            return f"{self.year}./{self.year + 1}. m. g. {self.half}. semestris"
        return f"{self.school_year.name}, semester {self.half}"

    def __str__(self) -> str:
        return self.in_language("en")


def semester_of(day: date) -> Semester:
    """Return the semester to which a day belongs.

    >>> str(semester_of(date(2025, 1, 5))), str(semester_of(date(2025, 1, 6))), str(semester_of(date(2025, 7, 1)))
    ('2024/25, semester 1', '2024/25, semester 2', '2024/25, semester 2')
    """
    year = school_year_of(day)
    return Semester(year.first_year, 1 if day < year.semester_2_starts_on else 2)
