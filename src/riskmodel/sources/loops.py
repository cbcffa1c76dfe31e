"""The compiled loops over the rows of large tables: one pass over a year of lessons, free of Python's lock.

To import this module takes a fifth of a second: who takes in a small delivery does without.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from riskmodel.compiled import compiled

Numbers = np.ndarray[Any, np.dtype[Any]]

DAYS_TO_MONDAY, DAYS_A_WEEK, SCHOOL_DAYS = 3, 7, 5
"""1 January 1970 was a Thursday."""
MOST_VERSIONS = 64
"""A fact with more versions is looked at by the general path: here each is compared with each."""
SCATTERED = -1


class Lessons(NamedTuple):
    """The rows of a journal by column, each an array of int32 that is only read."""

    pupil: Numbers
    school: Numbers
    day: Numbers
    number: Numbers
    code: Numbers
    lessons: Numbers
    known: Numbers


class Rule(NamedTuple):
    """When a week is plain.

    ``is_missed`` says of each code whether it is an absence; ``stands_earlier`` of each row whether an earlier delivery
    holds the fact (no items: of none). ``short_keys`` are the sorted keys of weeks of ``short_lessons`` planned lessons:
    pupil, school and week in ``school_bits`` and ``week_bits``.
    """

    present: int
    is_missed: Numbers
    stands_earlier: Numbers
    short_keys: Numbers
    short_lessons: Numbers
    school_bits: int
    week_bits: int
    most_a_week: int
    most_a_day: int


class Division(NamedTuple):
    """How rows are divided: the places of pupil and day in a row, the pupils of a bucket, and what the days add.

    ``of_day`` is the bucket of the first pupils, by days since ``first_day``.
    """

    pupil: int
    day: int
    pupils: int
    first_day: int
    of_day: Numbers


class Found(NamedTuple):
    """Room for what is found: places of rows that stay and of rows handed on, weeks made, and where a pupil in a school begins."""

    kept: Numbers
    handed_on: Numbers
    weeks: Numbers
    begins: Numbers


class Counts(NamedTuple):
    """How much of the room was used, and how many lessons were folded."""

    kept: int
    handed_on: int
    weeks: int
    begins: int
    lessons: int


class Week(NamedTuple):
    """What was counted in a week: attended lessons, the day on which the last lesson was known, and whether it is odd."""

    attended: int
    entered: int
    is_odd: bool


@compiled
def _walk(rows: Lessons, start: int, next_monday: int) -> tuple[int, bool]:
    """Return where the week that begins at ``start`` ends, and whether a lesson stands twice; ``SCATTERED``: out of order."""
    has_versions, at = False, start + 1
    while (
        at < len(rows.day)
        and rows.day[at] < next_monday
        and rows.pupil[at] == rows.pupil[at - 1]
        and rows.school[at] == rows.school[at - 1]
    ):
        if rows.day[at] <= rows.day[at - 1]:
            if rows.day[at] < rows.day[at - 1] or rows.number[at] < rows.number[at - 1]:
                return SCATTERED, False
            has_versions |= rows.number[at] == rows.number[at - 1]
        at += 1
    return at, has_versions


@compiled
def _count(rows: Lessons, rule: Rule, week: tuple[int, int, int], is_attended: Numbers, by_day: Numbers) -> Week:
    """Count a week of which each lesson stands once: its rows are ``week[0]`` to ``week[1]``, its Monday ``week[2]``."""
    start, end, monday = week
    attended, entered = 0, 0
    for at in range(start, end):
        by_day[rows.day[at] - monday] += rows.lessons[at]
        entered = max(entered, rows.known[at])
        is_attended[at] = rows.code[at] == rule.present
    if len(rule.stands_earlier):
        for at in range(start, end):
            is_attended[at] &= not rule.stands_earlier[at]
    for at in range(start, end):
        attended += is_attended[at]
    return Week(attended, entered, False)


@compiled
def _count_versions(
    rows: Lessons, rule: Rule, week: tuple[int, int, int], is_attended: Numbers, by_day: Numbers
) -> Week:
    """Count a week in which a lesson stands in several versions.

    Of such a lesson the newest version counts and the day on which the first was known. Attended is none of them:
    "present" corrects an absence. Odd are versions of one day, and lessons of which all versions say "present".
    """
    begin, end, monday = week
    attended, entered, is_odd = 0, 0, False
    while begin < end:
        newest, first_known, after, all_present = begin, rows.known[begin], begin, True
        while after < end and rows.day[after] == rows.day[begin] and rows.number[after] == rows.number[begin]:
            if rows.known[after] > rows.known[newest]:
                newest = after
            first_known = min(first_known, rows.known[after])
            all_present &= rows.code[after] == rule.present
            is_attended[after] = False
            after += 1
        if after == begin + 1:
            is_attended[begin] = all_present and not (len(rule.stands_earlier) and rule.stands_earlier[begin])
            attended += is_attended[begin]
        else:
            is_odd |= all_present or after - begin > MOST_VERSIONS
            for one in range(begin, min(after, begin + MOST_VERSIONS)):
                for other in range(begin, one):
                    is_odd |= rows.known[one] == rows.known[other]
        by_day[rows.day[begin] - monday] += rows.lessons[newest]
        entered = max(entered, first_known)
        begin = after
    return Week(attended, entered, is_odd)


@compiled
def _has_too_long_absence(rows: Lessons, rule: Rule, week: tuple[int, int, int]) -> bool:
    """Return whether an absence of a week is longer than all lessons planned, where these are few."""
    start, end, monday = week
    pair = (np.int64(rows.pupil[start]) << rule.school_bits) | rows.school[start]
    key = (pair << rule.week_bits) | ((monday + DAYS_TO_MONDAY) // DAYS_A_WEEK)
    place = np.searchsorted(rule.short_keys, key)
    if place == len(rule.short_keys) or rule.short_keys[place] != key:
        return False
    longest = np.int32(0)
    for at in range(start, end):
        if rule.is_missed[rows.code[at]]:
            longest = max(longest, rows.lessons[at])
    return bool(longest > rule.short_lessons[place])


@compiled
def _is_too_full(by_day: Numbers, rule: Rule) -> bool:
    lessons, is_too_full = 0, False
    for day in range(DAYS_A_WEEK):
        lessons += by_day[day]
        is_too_full |= day < SCHOOL_DAYS and by_day[day] > rule.most_a_day
    return is_too_full or lessons > rule.most_a_week


@compiled
def _put(weeks: Numbers, line: int, monday: int, by_day: Numbers, entered: int) -> None:
    lessons = 0
    for day in range(DAYS_A_WEEK):
        lessons += by_day[day]
        if day < SCHOOL_DAYS:
            weeks[line, 4 + day] = by_day[day]
    weeks[line, 2], weeks[line, 3] = monday, lessons
    weeks[line, 4 + SCHOOL_DAYS] = max(monday + DAYS_A_WEEK - 1, entered)


@compiled
def fold(rows: Lessons, rule: Rule, is_attended: Numbers, found: Found) -> Counts:
    """Fold the attended lessons of whole weeks; ``SCATTERED`` rows stay where the rows are not in order.

    A line of ``found.weeks`` holds pupil, school, Monday, lessons, those of each school day, and the day on which the week
    was known. ``is_attended`` is room of one item a row.
    """
    n_kept, n_handed_on, n_weeks, n_begins, n_lessons = 0, 0, 0, 0, 0
    by_day = np.zeros(DAYS_A_WEEK, np.int64)
    start = 0
    while start < len(rows.day):
        pupil, school = rows.pupil[start], rows.school[start]
        if start == 0 or pupil != rows.pupil[start - 1] or school != rows.school[start - 1]:
            found.begins[n_begins] = start
            n_begins += 1
        elif rows.day[start] < rows.day[start - 1]:
            return Counts(SCATTERED, 0, 0, 0, 0)
        monday = rows.day[start] - (rows.day[start] + DAYS_TO_MONDAY) % DAYS_A_WEEK
        end, has_versions = _walk(rows, start, monday + DAYS_A_WEEK)
        if end == SCATTERED:
            return Counts(SCATTERED, 0, 0, 0, 0)
        by_day.fill(0)
        week = (start, end, monday)
        counted = (
            _count_versions(rows, rule, week, is_attended, by_day)
            if has_versions
            else _count(rows, rule, week, is_attended, by_day)
        )
        is_odd = counted.is_odd or (counted.attended > 0 and _is_too_full(by_day, rule))
        if is_odd or (len(rule.short_keys) > 0 and _has_too_long_absence(rows, rule, week)):
            for at in range(start, end):
                found.handed_on[n_handed_on] = at
                n_handed_on += 1
        else:
            for at in range(start, end):
                found.kept[n_kept] = at
                n_kept += 1 - is_attended[at]
            if counted.attended:
                found.weeks[n_weeks, 0], found.weeks[n_weeks, 1] = pupil, school
                _put(found.weeks, n_weeks, monday, by_day, counted.entered)
                n_weeks += 1
                n_lessons += counted.attended
        start = end
    return Counts(n_kept, n_handed_on, n_weeks, n_begins, n_lessons)


@compiled
def bucket_keys(rows: Numbers, division: Division, counts: Numbers) -> Numbers:
    """Return the bucket of each row, and add to ``counts`` how many rows each has."""
    keys = np.empty(len(rows), np.int32)
    for at in range(len(rows)):
        of_day = division.of_day[rows[at, division.day] - division.first_day]
        keys[at] = rows[at, division.pupil] // division.pupils + of_day
        counts[keys[at]] += 1
    return keys


@compiled
def divide(rows: Numbers, keys: Numbers, begins: Numbers, divided: Numbers) -> None:
    """Copy rows to ``divided``, those of each bucket from its place in ``begins`` on, which moves behind them."""
    for at in range(len(rows)):
        to = begins[keys[at]]
        begins[keys[at]] += 1
        for one in range(rows.shape[1]):
            divided[to, one] = rows[at, one]
