"""Attended lessons counted into weeks as the rows of the journal go by, without keeping them.

The rule is that of :mod:`riskmodel.sources.folding`, for weeks in which it is plain: each lesson of a pupil's week stands
once, the week is not too full, and no absence is longer than the lessons planned. All rows of any other week are handed on.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from riskmodel.sources.buckets import Numbers
from riskmodel.sources.folding import MOST_LESSONS_A_DAY, MOST_LESSONS_A_WEEK, WEEKDAYS
from riskmodel.tables.canonical import ATTENDANCE

Rows = dict[str, Numbers]

DAYS_TO_MONDAY = 3
"""1 January 1970 was a Thursday."""
MADE_COLUMNS = (
    *("pupil_id", "school_id", "happened_on", "lessons"),
    *(f"lessons_{name}" for name in WEEKDAYS),
    "known_on",
)
"""What is known of a week that was made of lessons; ``happened_on`` is its Monday."""
LESSON_NUMBERS = int(ATTENDANCE.column("lesson_number").high or 0) + 1
SCHOOL_BITS, DAY_BITS = 16, 17
"""What a packed key leaves to a school and to a day since 1970; five further bits hold the lesson, the rest the pupil."""
FIRST_LOOK = 256
"""Among so many rows the end of a week is sought first."""
MOST_SCHOOLS = 1 << SCHOOL_BITS
NOWHERE = int(np.iinfo(np.int32).min)
"""The school, and the week, of a pupil who was not met yet."""


class ScatteredError(Exception):
    """The rows of one pupil's week do not stand together, or not in order."""


@dataclass(frozen=True)
class Journal:
    """What must be known to fold: what codes mean, facts of earlier deliveries, and short planned weeks.

    ``present`` is the number of that code, ``is_missed`` says of each number whether it is an absence. ``earlier`` holds sorted keys (:func:`key_of`); ``short`` planned lessons by the key of a week (:func:`week_key_of`).
    """

    present: int
    is_missed: Numbers
    earlier: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    short_keys: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    short_lessons: Numbers = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Folded:
    """What became of whole weeks: rows that stay, weeks made, rows handed on, and how many lessons were folded."""

    kept: Rows
    weeks: Rows
    handed_on: Rows
    lessons: int


def week_of(days: Numbers) -> Numbers:
    """Return the number of the week (Monday to Sunday) of days since 1970."""
    return (days + DAYS_TO_MONDAY) // 7


def week_key_of(pupils: Numbers, schools: Numbers, weeks: Numbers) -> Numbers:
    """Return one number for a pupil, school and week."""
    pairs = (pupils.astype(np.int64) << SCHOOL_BITS) | schools
    return (pairs << DAY_BITS) | weeks


def key_of(rows: Rows) -> Numbers:
    """Return one number for the key of each row: pupil, school, day and lesson."""
    days = week_key_of(rows["pupil_id"], rows["school_id"], rows["happened_on"])
    return days * LESSON_NUMBERS + rows["lesson_number"]


def fold_weeks(parts: Iterable[Rows], journal: Journal) -> Iterator[Folded]:
    """Fold the attended lessons of a journal, of which the parts come one after another.

    Parameters
    ----------
    parts
        Numbers by column: rows of one pupil, school and week stand together, ordered by day and lesson.

    Raises
    ------
    ScatteredError
        When they do not.
    """
    last_weeks = _LastWeeks()
    for rows in _whole_weeks(parts):
        yield _folded(rows, journal, last_weeks)


def _whole_weeks(parts: Iterable[Rows]) -> Iterator[Rows]:
    """Yield rows so that no week of a pupil is divided, as long as its rows stand together."""
    carried: Rows | None = None
    for part in parts:
        rows = part
        if not len(rows["happened_on"]):
            continue
        if carried is not None:
            # Only the rows of the week that goes on are copied beside those carried.
            end = _run_of_week(rows, carried)
            carried = {name: np.concatenate([carried[name], numbers[:end]]) for name, numbers in rows.items()}
            if end == len(rows["happened_on"]):
                continue
            yield carried
            rows = {name: numbers[end:] for name, numbers in rows.items()}
        begin = len(rows["happened_on"]) - _run_of_week({name: numbers[::-1] for name, numbers in rows.items()})
        carried = {name: numbers[begin:].copy() for name, numbers in rows.items()}
        if begin:
            yield {name: numbers[:begin] for name, numbers in rows.items()}
    if carried is not None:
        yield carried


def _run_of_week(rows: Rows, other: Rows | None = None) -> int:
    """Return how many rows, from the first on, are of the pupil, school and week of the first row of ``other``."""
    wanted = other or rows
    look = FIRST_LOOK
    while True:
        same = week_of(rows["happened_on"][:look]) == week_of(wanted["happened_on"][:1])
        for name in ("pupil_id", "school_id"):
            same &= rows[name][:look] == wanted[name][:1]
        if not same.all():
            return int(np.argmin(same))
        if look >= len(rows["happened_on"]):
            return len(same)
        look *= 2


class _LastWeeks:
    """The last week of each pupil so far: in the school that was met last, and in others, which few pupils have."""

    def __init__(self) -> None:
        self._school, self._week = array("i"), array("i")
        self._elsewhere: dict[tuple[int, int], int] = {}

    def note(self, rows: Rows, begins: Numbers) -> None:
        """Note the last week of runs of rows of a pupil in a school; ScatteredError unless it comes after those before."""
        pupils, days = rows["pupil_id"], rows["happened_on"]
        ends = np.append(begins[1:], len(days)) - 1
        new = array("i", [NOWHERE]) * max(0, int(pupils.max()) + 1 - len(self._school))
        self._school += new
        self._week += new
        runs = (pupils[begins], rows["school_id"][begins], week_of(days[begins]), week_of(days[ends]))
        for pupil, school, first, last in zip(*(numbers.tolist() for numbers in runs), strict=True):
            before, week = self._school[pupil], self._week[pupil]
            if before != school:
                if before != NOWHERE:
                    self._elsewhere[pupil, before] = week
                week = self._elsewhere.get((pupil, school), NOWHERE)
            if week != NOWHERE and week >= first:
                raise ScatteredError
            self._school[pupil], self._week[pupil] = school, last


def _folded(rows: Rows, journal: Journal, last_weeks: _LastWeeks) -> Folded:
    from riskmodel.sources import loops  # noqa: PLC0415  (what compiles them is not always needed)

    n = len(rows["happened_on"])
    names = ("pupil_id", "school_id", "happened_on", "lesson_number", "attendance_code", "lessons", "known_on")
    earlier = _is_in(key_of(rows), journal.earlier) if len(journal.earlier) else np.empty(0, bool)
    rule = loops.Rule(
        journal.present,
        _read_only(journal.is_missed, bool),
        _read_only(earlier, bool),
        _read_only(journal.short_keys, np.int64),
        _read_only(journal.short_lessons, np.int64),
        SCHOOL_BITS,
        DAY_BITS,
        int(MOST_LESSONS_A_WEEK or 0),
        int(MOST_LESSONS_A_DAY or 0),
    )
    found = loops.Found(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty((n, len(MADE_COLUMNS)), np.int32), np.empty(n, np.int32)
    )
    lessons = loops.Lessons(*(_read_only(rows[name], np.int32) for name in names))
    counts = loops.fold(lessons, rule, np.empty(n, np.uint8), found)
    if counts.kept == loops.SCATTERED:
        raise ScatteredError
    last_weeks.note(rows, found.begins[: counts.begins])
    kept, handed_on = found.kept[: counts.kept], found.handed_on[: counts.handed_on]
    return Folded(
        {name: numbers[kept] for name, numbers in rows.items()},
        {name: found.weeks[: counts.weeks, at] for at, name in enumerate(MADE_COLUMNS)},
        {name: numbers[handed_on] for name, numbers in rows.items()},
        counts.lessons,
    )


def _read_only(numbers: Numbers, kind: type) -> Numbers:
    """Return an array as the compiled loop wants it: of one kind, in one piece, not to be written."""
    given: Numbers = np.ascontiguousarray(numbers, kind).view()
    given.flags.writeable = False
    return given


def _is_in(keys: Numbers, among: Numbers) -> Numbers:
    """Return which keys stand in a sorted array that is not empty."""
    places = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    found: Numbers = among[places] == keys
    return found
