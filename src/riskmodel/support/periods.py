"""Of what a statistic tells: which semesters, and which programme, municipality or school."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Self

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.support.semesters import Semester

WRITTEN = re.compile(r"(20[0-9]{2})/([0-9]{2})(?:-([12]))?")


@dataclass(frozen=True, order=True)
class Period:
    """Semesters from ``first`` to ``last``, both included: one, a school year, several years.

    A plan belongs to its semester. What has a day of its own lies in the period from ``first_on`` until the day before
    ``before``.

    >>> Period.parse("2018/19-2") == Period.of(Semester(2018, 2)), Period.parse("2018/19") == Period.year(2018)
    (True, True)
    >>> Period.parse("2017/18..2019/20").semesters[-1]
    Semester(year=2019, half=2)
    """

    first: Semester
    last: Semester

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period ends after it begins")

    @classmethod
    def of(cls, semester: Semester) -> Self:
        """Return the period of one semester."""
        return cls(semester, semester)

    @classmethod
    def year(cls, first_year: int, last_year: int | None = None) -> Self:
        """Return the period of one school year, or of several: each is named by the year in which it begins."""
        return cls(Semester(first_year, 1), Semester(last_year or first_year, 2))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the period that a text names: ``2018/19``, ``2018/19-2``, or two of these with ``..`` between.

        Raises
        ------
        UsageError
            For another text, or an end before the beginning.
        """
        ends = [_semesters(part) for part in text.strip().split("..")]
        if len(ends) > 2 or any(end is None for end in ends):
            raise _misread(text)
        first, last = ends[0], ends[-1]
        if first is None or last is None or last[1] < first[0]:
            raise _misread(text)
        return cls(first[0], last[1])

    @property
    def semesters(self) -> tuple[Semester, ...]:
        """All semesters of the period, in their order."""
        found = [self.first]
        while found[-1] < self.last:
            found.append(found[-1].next)
        return tuple(found)

    @property
    def first_on(self) -> date:
        """The first day of the period."""
        return self.first.first_on

    @property
    def before(self) -> date:
        """The first day after the period."""
        return self.last.next.first_on

    @property
    def last_day(self) -> date:
        """The last day with lessons."""
        return self.last.last_on

    @property
    def is_one_semester(self) -> bool:
        """Whether it is one semester: a pupil then has one plan at most."""
        return self.first == self.last

    def words(self) -> Message:
        """Return when something happened, as a sentence begins with it.

        >>> Period.year(2017).words().in_language("lv"), Period.parse("2018/19-2").words().in_language("lv")
        ('2017./18. mācību gadā', '2018./19. mācību gada 2. semestrī')
        """
        first, last = self.first, self.last
        years = {"year": first.year, "next": f"{(first.year + 1) % 100:02d}"}
        if self.is_one_semester:
            return message("In semester {half} of the school year {year}/{next}", half=first.half, **years)
        if first.year == last.year:
            return message("In the school year {year}/{next}", **years)
        ends = {"last_year": last.year, "last_next": f"{(last.year + 1) % 100:02d}"}
        if (first.half, last.half) == (1, 2):
            return message("In the school years from {year}/{next} to {last_year}/{last_next}", **years, **ends)
        return message(
            "From semester {half} of the school year {year}/{next} to semester {last_half} of {last_year}/{last_next}",
            half=first.half,
            last_half=last.half,
            **years,
            **ends,
        )

    def __str__(self) -> str:
        if self.is_one_semester:
            return f"{self.first.school_year.name}-{self.first.half}"
        if (self.first.half, self.last.half) == (1, 2):
            years = [self.first.school_year.name, self.last.school_year.name]
            return "..".join(dict.fromkeys(years))
        return f"{Period.of(self.first)}..{Period.of(self.last)}"


def _semesters(text: str) -> tuple[Semester, Semester] | None:
    found = WRITTEN.fullmatch(text.strip())
    if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
        return None
    year = int(found[1])
    if found[3]:
        return Semester(year, int(found[3])), Semester(year, int(found[3]))
    return Semester(year, 1), Semester(year, 2)


def _misread(text: str) -> UsageError:
    return UsageError(
        message(
            "A period is a school year as 2018/19, a semester as 2018/19-2, or two of these as 2017/18..2018/19-1."
        ),
        found=message("The text is: {text}.", text=text[:40]),
        remedy=message("Write it so; the end does not lie before the beginning."),
    )


@dataclass(frozen=True)
class Scope:
    """Of whose plans a statistic tells; what is None is not asked for, and ``Scope()`` is the whole state.

    Attributes
    ----------
    programme
        On whose behalf a plan is made.
    municipality_code
        To which the plan's school belonged on the first day of the plan. State vocational schools belong to it by their place.
    school_id
        The school that holds the plan now.
    """

    programme: str | None = None
    municipality_code: str | None = None
    school_id: str | None = None


WHOLE_STATE = Scope()
"""Everything that the register holds."""
