"""Latvia in small tables: municipalities on a date, published indicators, and the school calendar.

The tables lie in ``data/latvia`` with their sources (``SOURCES.md``); the rules where they are silent lie here.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from riskmodel.settings import resource

MONDAY = 0
DAYS_OF_WEEK = 7


# Municipalities


REFORM_ON = date(2021, 7, 1)
"""The day on which 119 municipalities became 43."""


@dataclass(frozen=True)
class Municipality:
    """One municipality, with its kind (``valstspilsēta`` / ``novads``) and planning region.

    ``code`` is the ATVK code; of a unit before the reform, whose ATVK code no table here names, it is the ISO 3166-2
    code. ``population`` of such a unit is its municipality's, in equal parts.
    """

    code: str
    iso_code: str
    name: str
    kind: str
    planning_region: str
    population: int


@cache
def municipalities(on: date) -> tuple[Municipality, ...]:
    """Return the municipalities that exist on a date, in the order of the tables.

    They are 119 before 1 July 2021, then 43, and 42 from 1 July 2025.

    >>> len(municipalities(date(2021, 6, 30))), len(municipalities(date(2025, 6, 30))), len(municipalities(date(2025, 7, 1)))
    (119, 43, 42)
    """
    if on < REFORM_ON:
        return _before_reform()
    gone = {row["atvk"] for row in _rows("municipality_change.csv") if date.fromisoformat(row["from_on"]) <= on}
    return tuple(
        Municipality(
            row["atvk"], row["iso_3166_2"], row["name_lv"], row["type"], row["planning_region"], int(row["population"])
        )
        for row in _rows("municipality.csv")
        if row["atvk"] not in gone
    )


@cache
def _before_reform() -> tuple[Municipality, ...]:
    since = {each.iso_code: each for each in municipalities(REFORM_ON)}
    parts = Counter(municipality_since_reform().values())
    units = []
    for row in _rows("reform_2021.csv"):
        now = since[row["iso_new"]]
        kind = "novads" if row["name_old"].endswith("novads") else "valstspilsēta"
        people = now.population // parts[row["iso_new"]]
        units.append(Municipality(row["iso_old"], row["iso_old"], row["name_old"], kind, now.planning_region, people))
    return tuple(units)


@cache
def units_before_reform(code: str) -> tuple[Municipality, ...]:
    """Return the units before July 2021 that went to the municipality with the ATVK ``code``.

    >>> [unit.name for unit in units_before_reform("LV0001000")]
    ['Rīga']
    """
    iso_code = next(each.iso_code for each in municipalities(REFORM_ON) if each.code == code)
    since = municipality_since_reform()
    return tuple(unit for unit in _before_reform() if since[unit.iso_code] == iso_code)


def municipality_on(code: str, on: date) -> Municipality:
    """Return the municipality to which the unit ``code`` belongs on a date; KeyError for a code that no unit has.

    A unit that was cut in two goes with its larger part. Asked for a day before the unit itself, KeyError too.

    >>> municipality_on("LV0055000", date(2025, 9, 1)).name
    'Madonas novads'
    >>> municipality_on("LV-009", date(2021, 7, 1)).name
    'Smiltenes novads'
    """
    for row in _rows("municipality_change.csv"):
        if row["atvk"] == code and date.fromisoformat(row["from_on"]) <= on:
            return municipality_on(row["merged_into_atvk"], on)
    if on >= REFORM_ON and code in municipality_since_reform():
        iso_code = municipality_since_reform()[code]
        return municipality_on(next(each.code for each in municipalities(REFORM_ON) if each.iso_code == iso_code), on)
    for municipality in municipalities(on):
        if municipality.code == code:
            return municipality
    raise KeyError(code)


@cache
def municipality_since_reform() -> dict[str, str]:
    """Return, by the ISO code of each of the 119 units before July 2021, the ISO code of the one it went to.

    A unit that was split stands with the one that got the larger part of its area.
    """
    return {row["iso_old"]: row["iso_new"] for row in _rows("reform_2021.csv")}


def days_of_change() -> tuple[date, ...]:
    """Return the days on which municipalities changed, oldest first."""
    return tuple(sorted({REFORM_ON, *(date.fromisoformat(row["from_on"]) for row in _rows("municipality_change.csv"))}))


# Indicators

CITY_TERRITORIES = {
    "Riga_city": "LV0001000",
    "Riga city": "LV0001000",
    "Daugavpils": "LV0002000",
    "Jelgava": "LV0003000",
    "Jurmala": "LV0004000",
    "Liepaja": "LV0005000",
    "Rezekne": "LV0006000",
    "Ventspils": "LV0007000",
}
REGION_TERRITORIES = {
    "Riga_region": "Rīga",
    "Pieriga": "Rīga",  # the statistical region around Rīga; the city has its own figure
    "Vidzeme": "Vidzeme",
    "Kurzeme": "Kurzeme",
    "Zemgale": "Zemgale",
    "Latgale": "Latgale",
}
FORMER_TERRITORIES = {
    "Jekabpils": "LV-JKB",
    "Valmiera": "LV-VMR",
    "Garkalne_min": "LV-031",
    "Cibla_max": "LV-023",
}
"""Units of their own until July 2021: their figures go to no municipality since."""
NOT_CARRIED_OVER = {"Latvia": "the whole country says nothing about a municipality"}
UNEMPLOYMENT_MONTHS_TO_PUBLICATION = 1
WAGE_MONTHS_TO_PUBLICATION = 3
"""Publication days are not in the sources: the last day of this many months after the month described."""


@dataclass(frozen=True)
class AreaIndicator:
    """A value of one municipality and period, known from its day of publication on (a row of ``economic_area``)."""

    municipality_code: str
    happened_on: date
    indicator_code: str
    value: float
    unit: str
    known_on: date


@cache
def area_indicators(on: date) -> tuple[AreaIndicator, ...]:
    """Return the indicators published by ``on``, brought from cities and regions to municipalities.

    Registered unemployment (percent) and the mean gross wage (EUR a month). A municipality takes the figure of the
    smallest published territory in which it lies; see ``SOURCES.md`` for what is left out, and why. A period before
    the reform of July 2021 stands for the units of its time and, from the reform on, for those since as well, so that
    years can be compared. Sorted.
    """
    found: dict[tuple[str, str, date], AreaIndicator] = {}
    # Regions first: a city's own figure then takes the place of its region's.
    for territories in (REGION_TERRITORIES, CITY_TERRITORIES | FORMER_TERRITORIES):
        for indicator_code, unit, territory, first_day, value, known_on in _published():
            if territory not in territories or known_on > on:
                continue
            for code in _municipality_codes(territory, first_day, on):
                found[(indicator_code, code, first_day)] = AreaIndicator(
                    code, first_day, indicator_code, value, unit, known_on
                )
    return tuple(found[key] for key in sorted(found))


def _published() -> Iterator[tuple[str, str, str, date, float, date]]:
    for row in _rows("registered_unemployment.csv"):
        first_day = date.fromisoformat(row["month"] + "-01")
        known_on = last_day_of_month(first_day, months_later=UNEMPLOYMENT_MONTHS_TO_PUBLICATION)
        yield "unemployment_percent", "percent", row["territory"], first_day, float(row["percent"]), known_on
    for row in _rows("wage.csv"):
        if row["measure"] == "mean gross":
            first_day = date.fromisoformat(row["period"] + "-01")
            known_on = last_day_of_month(first_day, months_later=WAGE_MONTHS_TO_PUBLICATION)
            yield "gross_wage_eur", "eur", row["territory"], first_day, float(row["eur_per_month"]), known_on


def _municipality_codes(territory: str, first_day: date, on: date) -> list[str]:
    units = [*(_before_reform() if first_day < REFORM_ON else ()), *(municipalities(on) if on >= REFORM_ON else ())]
    if territory in REGION_TERRITORIES:
        return [each.code for each in units if each.planning_region == REGION_TERRITORIES[territory]]
    code = (CITY_TERRITORIES | FORMER_TERRITORIES)[territory]
    return [each.code for each in units if code in {each.code, _city_since(each)}]


def _city_since(unit: Municipality) -> str:
    """Return the ATVK code of the city that a unit before the reform already was, or nothing."""
    cities = {each.iso_code: each.code for each in municipalities(REFORM_ON) if each.kind == "valstspilsēta"}
    return cities.get(unit.iso_code, "")


def last_day_of_month(day: date, months_later: int = 0) -> date:
    """Return the last day of the month that lies ``months_later`` after the month of ``day``.

    >>> last_day_of_month(date(2023, 12, 1), months_later=2)
    datetime.date(2024, 2, 29)
    """
    months = day.year * 12 + day.month + months_later
    return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)


# The school calendar


@dataclass(frozen=True)
class SchoolYear:
    """One school year. Breaks are pairs (first day, last day), both included, Monday to Sunday or Friday."""

    first_year: int
    starts_on: date
    semester_1_ends_on: date
    semester_2_starts_on: date
    ends_on: date
    """Last day of grades 1–8 and 10–11; VET years follow it too."""
    grade_9_ends_on: date
    grade_12_ends_on: date
    autumn_break: tuple[date, date]
    winter_break: tuple[date, date]
    spring_break: tuple[date, date]
    is_published: bool

    @property
    def name(self) -> str:
        """The name of the school year: ``2024/25``."""
        return f"{self.first_year}/{(self.first_year + 1) % 100:02d}"

    @property
    def breaks(self) -> tuple[tuple[date, date], ...]:
        """The three breaks, in the order of the year."""
        return (self.autumn_break, self.winter_break, self.spring_break)

    def school_days(self, semester: int) -> list[date]:
        """Return the days with lessons of semester 1 or 2 (of grades 1–8 and 10–11)."""
        first, last = (
            (self.starts_on, self.semester_1_ends_on) if semester == 1 else (self.semester_2_starts_on, self.ends_on)
        )
        days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
        return [day for day in days if self.is_school_day(day)]

    def is_school_day(self, day: date) -> bool:
        """Say whether there are lessons: a weekday of the year, in no break and no public holiday."""
        in_break = any(first <= day <= last for first, last in self.breaks)
        in_year = self.starts_on <= day <= self.ends_on
        return in_year and not in_break and day.weekday() < 5 and day not in public_holidays(day.year)


def school_year(first_year: int) -> SchoolYear:
    """Return the school year that starts in the autumn of ``first_year``: as published, else by the rule.

    The rule, which gives both published years exactly: the year starts on 1 September, or on the Monday after
    when that is a weekend; autumn break is the week of the first Monday from 18 October on; semester 1 ends on the
    last Friday before 24 December and two weeks of break follow; spring break is the week of the first Monday from
    9 March on; the year ends on the last Friday of May, for grade 9 two and for grade 12 three weeks later.
    """
    return _published_years().get(first_year) or _year_by_rule(first_year)


def school_year_of(day: date) -> SchoolYear:
    """Return the school year to which a day belongs; from its start in September to the day before the next.

    >>> school_year_of(date(2025, 7, 1)).name
    '2024/25'
    """
    this = school_year(day.year)
    return this if day >= this.starts_on else school_year(day.year - 1)


def _year_by_rule(first_year: int) -> SchoolYear:
    starts_on = date(first_year, 9, 1)
    if starts_on.weekday() >= 5:
        starts_on = _monday_from(starts_on)
    semester_1_ends_on = _friday_until(date(first_year, 12, 23))
    semester_2_starts_on = semester_1_ends_on + timedelta(days=17)
    ends_on = _friday_until(date(first_year + 1, 5, 31))
    return SchoolYear(
        first_year,
        starts_on,
        semester_1_ends_on,
        semester_2_starts_on,
        ends_on,
        ends_on + timedelta(weeks=2),
        ends_on + timedelta(weeks=3),
        _week_of(_monday_from(date(first_year, 10, 18))),
        (semester_1_ends_on + timedelta(days=3), semester_2_starts_on - timedelta(days=1)),
        _week_of(_monday_from(date(first_year + 1, 3, 9))),
        is_published=False,
    )


@cache
def _published_years() -> dict[int, SchoolYear]:
    by_year: dict[int, dict[str, str]] = {}
    for row in _rows("school_calendar.csv"):
        by_year.setdefault(int(row["school_year"][:4]), {})[row["event"]] = row["date"]
    return {
        first_year: SchoolYear(
            first_year,
            date.fromisoformat(events["year and semester 1 start"]),
            date.fromisoformat(events["semester 1 end"]),
            date.fromisoformat(events["semester 2 start"]),
            date.fromisoformat(events["end grades 1-8, 10-11"]),
            date.fromisoformat(events["end grade 9"]),
            date.fromisoformat(events["end grade 12"]),
            _span(events["autumn break"]),
            _span(events["winter break"]),
            _span(events["spring break"]),
            is_published=True,
        )
        for first_year, events in by_year.items()
    }


@dataclass(frozen=True)
class RemotePeriod:
    """Days, both included, on which some grades learnt from home, VET with them or not."""

    first_day: date
    last_day: date
    first_grade: int
    last_grade: int
    is_vet: bool


@cache
def remote_periods() -> tuple[RemotePeriod, ...]:
    """Return the periods of remote learning, oldest first."""
    periods = []
    for row in _rows("remote_learning.csv"):
        first_grade, last_grade = (int(grade) for grade in row["grades"].split("-"))
        days = (date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"]))
        periods.append(RemotePeriod(*days, first_grade, last_grade, row["is_vet"] == "yes"))
    return tuple(periods)


@cache
def public_holidays(year: int) -> frozenset[date]:
    """Return the public holidays of a calendar year that can fall on a school day.

    1 January, Good Friday and Easter Monday, 1 and 4 May, 23 and 24 June, 18 November, 24 to 26 and 31 December.
    When 4 May or 18 November is a weekend, the next working day is free. Days declared free once are not known here.
    """
    easter_sunday = _easter_sunday(year)
    moved = [_monday_from(day) if day.weekday() >= 5 else day for day in (date(year, 5, 4), date(year, 11, 18))]
    fixed = [date(year, month, day) for month, day in ((1, 1), (5, 1), (6, 23), (6, 24))]
    christmas = [date(year, 12, day) for day in (24, 25, 26, 31)]
    easter = [easter_sunday - timedelta(days=2), easter_sunday + timedelta(days=1)]
    return frozenset([*fixed, *moved, *christmas, *easter])


def _easter_sunday(year: int) -> date:
    # The anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8).
    century, year_of_century = divmod(year, 100)
    golden = year % 19
    leap_centuries, century_rest = divmod(century, 4)
    shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - shift + 15) % 30
    leap_years, year_rest = divmod(year_of_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leap_years - epact - year_rest) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


def _monday_from(day: date) -> date:
    return day + timedelta(days=-day.weekday() % DAYS_OF_WEEK)


def _friday_until(day: date) -> date:
    return day - timedelta(days=(day.weekday() - 4) % DAYS_OF_WEEK)


def _week_of(monday: date) -> tuple[date, date]:
    return monday, monday + timedelta(days=6)


def _span(text: str) -> tuple[date, date]:
    first, last = text.split("..")
    return date.fromisoformat(first), date.fromisoformat(last)


@cache
def _rows(file_name: str) -> tuple[dict[str, str], ...]:
    with resource("latvia", file_name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
