"""Attended lessons counted into weeks as the rows of the journal go by, without keeping them.

The rule is that of :mod:`riskmodel.sources.folding`, for weeks in which it is plain: each lesson of a pupil's week stands
once, the week is not too full, and no absence is longer than the lessons planned. All rows of any other week are handed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from riskmodel.sources.buckets import Numbers
from riskmodel.sources.folding import MOST_LESSONS_A_DAY, MOST_LESSONS_A_WEEK, WEEKDAYS
from riskmodel.tables.canonical import ATTENDANCE

Rows = dict[str, Numbers]

DAYS_TO_MONDAY = 3
"""1 January 1970 was a Thursday."""
LESSON_NUMBERS = int(ATTENDANCE.column("lesson_number").high or 0) + 1
SCHOOL_BITS, DAY_BITS = 16, 17
"""What a packed key leaves to a school and to a day since 1970; five further bits hold the lesson, the rest the pupil."""
MOST_SCHOOLS = 1 << SCHOOL_BITS


class ScatteredError(Exception):
    """The rows of one pupil's week do not stand together, or not in order."""


@dataclass(frozen=True)
class Journal:
    """What must be known to fold: the numbers of some codes, facts of earlier deliveries, and short planned weeks.

    ``earlier`` holds sorted keys (:func:`key_of`); ``short`` planned lessons by the key of a week (:func:`week_key_of`).
    """

    present: int
    missed: Numbers
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


def whole_weeks(parts: Iterator[Rows]) -> Iterator[Rows]:
    """Yield rows so that no week of a pupil is divided, as long as its rows stand together.

    Raises
    ------
    ScatteredError
        When they do not, or lie in another order than that of days and lessons.
    """
    carried: Rows | None = None
    last_week: dict[int, int] = {}
    for part in parts:
        rows = part if carried is None else {name: np.concatenate([carried[name], part[name]]) for name in part}
        if not len(rows["happened_on"]):
            continue
        end = _last_week_begins(rows)
        carried = {name: numbers[end:].copy() for name, numbers in rows.items()}
        if end:
            yield _in_sequence({name: numbers[:end] for name, numbers in rows.items()}, last_week)
    if carried is not None:
        yield _in_sequence(carried, last_week)


def _last_week_begins(rows: Rows) -> int:
    """Return where the rows of the last pupil and week begin."""
    tail = slice(-4096, None)
    while True:
        same = np.ones(len(rows["happened_on"][tail]), bool)
        for name in ("pupil_id", "school_id"):
            same &= rows[name][tail] == rows[name][-1]
        same &= week_of(rows["happened_on"][tail]) == week_of(rows["happened_on"][-1:])
        others = np.flatnonzero(~same)
        if len(others):
            return int(len(rows["happened_on"]) - len(same) + others[-1] + 1)
        if len(same) == len(rows["happened_on"]):
            return 0
        tail = slice(2 * (tail.start or -1), None)


def _in_sequence(rows: Rows, last_week: dict[int, int]) -> Rows:
    pupils, schools, days = rows["pupil_id"], rows["school_id"], rows["happened_on"]
    lessons = days * LESSON_NUMBERS + rows["lesson_number"]
    begins = (pupils[1:] != pupils[:-1]) | (schools[1:] != schools[:-1])
    if not (begins | (lessons[1:] >= lessons[:-1])).all():
        raise ScatteredError
    starts = np.append(0, np.flatnonzero(begins) + 1)
    ends = np.append(starts[1:], len(days)) - 1
    pairs = (pupils[starts].astype(np.int64) << SCHOOL_BITS) | schools[starts]
    first, last = week_of(days[starts]), week_of(days[ends])
    for pair, begun, ended in zip(pairs.tolist(), first.tolist(), last.tolist(), strict=True):
        if last_week.get(pair, begun - 1) >= begun:
            raise ScatteredError
        last_week[pair] = ended
    return rows


def fold_weeks(rows: Rows, journal: Journal) -> Folded:
    """Fold the attended lessons of whole weeks.

    Parameters
    ----------
    rows
        Numbers by column: rows of one pupil, school and week stand together, ordered by day and lesson.
    """
    pupils, schools, days = rows["pupil_id"], rows["school_id"], rows["happened_on"]
    another = (pupils[1:] != pupils[:-1]) | (schools[1:] != schools[:-1])
    new_day = np.append(True, another | (days[1:] != days[:-1]))
    new_fact = new_day.copy()
    new_fact[1:] |= rows["lesson_number"][1:] != rows["lesson_number"][:-1]
    day_starts = np.flatnonzero(new_day)
    day_of = days[day_starts]
    new_week = another[day_starts[1:] - 1] | (week_of(day_of[1:]) != week_of(day_of[:-1]))
    week_starts_in_days = np.flatnonzero(np.append(True, new_week))
    starts = day_starts[week_starts_in_days]

    attended = rows["attendance_code"] == journal.present
    if len(journal.earlier):
        attended &= ~_is_in(key_of(rows), journal.earlier)
    lessons, known = rows["lessons"], rows["known_on"]
    odd = np.zeros(len(starts), bool)
    if not new_fact.all():
        rows = _versions_in_order(rows, new_fact)
        lessons, known, attended, repeated = _newest_versions(rows, new_fact, attended, journal.present)
        odd[np.searchsorted(starts, repeated, side="right") - 1] = True
    number_attended = np.add.reduceat(attended, starts, dtype=np.int32)
    by_day = _by_weekday(np.add.reduceat(lessons, day_starts, dtype=np.int32), day_of, week_starts_in_days)
    in_week = by_day.sum(axis=1)
    too_full = (in_week > MOST_LESSONS_A_WEEK) | (by_day[:, : len(WEEKDAYS)] > MOST_LESSONS_A_DAY).any(axis=1)
    odd |= too_full & (number_attended > 0)
    weeks = week_of(days[starts])
    odd |= _has_too_long_absence(rows, starts, week_key_of(pupils[starts], schools[starts], weeks), journal)

    made = ~odd & (number_attended > 0)
    mondays = weeks * 7 - DAYS_TO_MONDAY
    entered = np.maximum(mondays + 6, np.maximum.reduceat(known, starts))
    made_weeks = {"pupil_id": pupils[starts], "school_id": schools[starts], "happened_on": mondays, "lessons": in_week}
    made_weeks |= {f"lessons_{name}": by_day[:, at] for at, name in enumerate(WEEKDAYS)} | {"known_on": entered}
    stays = np.flatnonzero(~attended)
    handed_on = np.empty(0, np.int64)
    if odd.any():
        is_odd = np.repeat(odd, np.diff(np.append(starts, len(days))))
        handed_on = np.flatnonzero(is_odd)
        stays = stays[~is_odd[stays]]
    return Folded(
        {name: numbers[stays] for name, numbers in rows.items()},
        {name: numbers[made].astype(np.int32) for name, numbers in made_weeks.items()},
        {name: numbers[handed_on] for name, numbers in rows.items()},
        int(number_attended[made].sum()),
    )


def _versions_in_order(rows: Rows, new_fact: Numbers) -> Rows:
    """Return rows with the versions of each fact in the order in which they became known."""
    known = rows["known_on"]
    if (new_fact[1:] | (known[1:] >= known[:-1])).all():
        return rows
    several = np.flatnonzero(~(new_fact & np.append(new_fact[1:], True)))
    fact = np.cumsum(new_fact[several])
    order = several[np.lexsort((known[several], fact))]
    ordered = {name: numbers.copy() for name, numbers in rows.items()}
    for name, numbers in ordered.items():
        numbers[several] = rows[name][order]
    return ordered


def _newest_versions(
    rows: Rows, new_fact: Numbers, attended: Numbers, present: int
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return the lessons that count, the days that count, which rows are attended, and places of rows to look at.

    Of a fact with several versions the lessons of the newest count and the day on which the first was known. Attended is
    none of them: "present" corrects an absence. Looked at are versions of one day, and facts of which all say "present".
    """
    last = np.append(new_fact[1:], True)
    alone = new_fact & last
    several = np.flatnonzero(~alone)
    starts = np.flatnonzero(new_fact[several])
    is_present = rows["attendance_code"][several] == present
    all_present = np.logical_and.reduceat(is_present, starts)
    known = rows["known_on"]
    equal = several[np.append(False, (known[several[1:]] == known[several[:-1]]) & ~new_fact[several[1:]])]
    looked_at = np.concatenate([equal, several[starts[all_present]]])
    return np.where(last, rows["lessons"], 0), np.where(new_fact, known, 0), attended & alone, looked_at


def _by_weekday(lessons: Numbers, days: Numbers, week_starts: Numbers) -> Numbers:
    """Return the lessons of each week by day, Monday first; ``lessons`` are those of each day in turn."""
    of_week = np.repeat(np.arange(len(week_starts)), np.diff(np.append(week_starts, len(days))))
    by_day = np.zeros((len(week_starts), 7), np.int64)
    by_day[of_week, (days + DAYS_TO_MONDAY) % 7] = lessons
    return by_day


def _is_in(keys: Numbers, among: Numbers) -> Numbers:
    """Return which keys stand in a sorted array that is not empty."""
    places = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    found: Numbers = among[places] == keys
    return found


def _has_too_long_absence(rows: Rows, starts: Numbers, weeks: Numbers, journal: Journal) -> Numbers:
    """Return the weeks in which an absence is longer than all lessons planned; ``weeks`` are the keys of the weeks."""
    found = np.zeros(len(starts), bool)
    if not len(journal.short_keys):
        return found
    short = np.flatnonzero(_is_in(weeks, journal.short_keys))
    if len(short):
        missed = np.isin(rows["attendance_code"], journal.missed)
        longest = np.maximum.reduceat(np.where(missed, rows["lessons"], 0), starts)
        planned = journal.short_lessons[np.searchsorted(journal.short_keys, weeks[short])]
        found[short] = longest[short] > planned
    return found
