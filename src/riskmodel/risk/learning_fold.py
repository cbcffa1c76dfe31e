"""One pass over a pupil's marks and one over results of terms: the sums that the learning features are made of.

A result without points ("nv", "passed", "exempt") has no number and never counts as zero. Work counts as missed
when it was due by the cut-off date and nobody knew then that it had been handed in; work due later counts in
neither way, also when it was handed in early. Points are whole hundredths: sums are exact in any order.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from riskmodel.tables.canonical import MARK, PASSING_MARK_POINTS, TERM_RESULT
from riskmodel.tables.facts import Facts
from riskmodel.tables.packed import EPOCH, MISSING, Whole

RECENT_DAYS, YEAR_DAYS = 56, 364
ALL_SUBJECTS = "*"

MARK_COLUMNS = ("subject_code", "happened_on", "mark_code", "mark_points", "handed_in_on", "weight")
RESULT_COLUMNS = ("subject_code", "result_kind", "happened_on", "mark_points", "units_taken", "units_passed")

MARK_SUMS = (
    # Work due this year and in the last eight weeks, and of it never handed in.
    "works_year",
    "missed_works_year",
    "works_8w",
    "missed_works_8w",
    # Work of this year with a day of handing in: how many, and days after the due day (early is none).
    "dated_works",
    "late_days",
    "handed_in_weight",
    "weekdays_since_work",
    # Marks of this year in hundredths of a point, and against the day of the year.
    "marks_year",
    "mark_sum",
    "mark_squares",
    "day_sum",
    "day_squares",
    "day_mark_products",
    "lowest_mark",
    "low_marks",
    # Marks of the last eight weeks, and of the last school year up to the same day.
    "marks_8w",
    "mark_sum_8w",
    "marks_last_year",
    "mark_sum_last_year",
    "low_subjects",
)
RESULT_SUMS = (
    # The last term of this school year: subjects with a number, low ones, course units.
    "term_marks",
    "term_mark_sum",
    "term_subjects",
    "term_low_subjects",
    "term_units_taken",
    "term_units_passed",
    "term_units_decided",
    # The term before it, and the last results before this school year (of the year, else of a term).
    "term_before_marks",
    "term_before_mark_sum",
    "past_marks",
    "past_mark_sum",
    "past_subjects",
    "past_low_subjects",
)
"""Whole numbers per pupil, MISSING where there are no data."""

_MARK_CODES = (*MARK.column("mark_code").codes,)
_RESULT_KINDS = (*TERM_RESULT.column("result_kind").codes,)
_LOW = 100 * PASSING_MARK_POINTS

Counts = NDArray[np.int64]
Marks = NDArray[np.uint8]


class Days(NamedTuple):
    """The days that marks and results are counted from, as days since 1970."""

    cut_off: int
    year: int
    past_year: int
    low_mark: int


class _Works(NamedTuple):
    subject: Whole
    happened_on: Whole
    code: Whole
    points: Whole
    handed_in_on: Whole
    weight: Whole
    counts: Marks
    starts: Counts
    ends: Counts


class _Results(NamedTuple):
    subject: Whole
    kind: Whole
    happened_on: Whole
    points: Whole
    taken: Whole
    passed: Whole
    counts: Marks
    starts: Counts
    ends: Counts


def days_since_1970(cut_off: date, year_on: date, past_year_on: date) -> Days:
    """Return the days in the form that the loops compare."""
    return Days._make([*((day - EPOCH).days for day in (cut_off, year_on, past_year_on)), _LOW])


def fold_marks(
    marks: tuple[Facts, Marks], pupils: int, subjects: int, days: Days
) -> tuple[Counts, NDArray[np.float64]]:
    """Return the sums (pupils × ``MARK_SUMS``) and the lowest mean of a subject in hundredths (NaN: no data)."""
    facts, counts = marks
    sums = np.full((pupils, len(MARK_SUMS)), MISSING, dtype=np.int64)
    worst = np.full(pupils, np.nan)
    works = _Works._make([*(facts[name] for name in MARK_COLUMNS), counts, facts.starts, facts.ends])
    codes = (_MARK_CODES.index("nv"), _MARK_CODES.index("exempt"))
    of_subject = np.full((subjects, 3), -1, dtype=np.int64)
    _fold_marks(works, codes, days, of_subject, sums, worst)
    return sums, worst


def fold_months(
    marks: tuple[Facts, Marks], pupils: int, first_on: date, month_of_day: NDArray[np.int64]
) -> tuple[Counts, Counts]:
    """Return the sum of the marks in hundredths of a point, and how many there are (both pupils × months).

    ``month_of_day`` tells the month of each day from ``first_on`` to the last that counts, from 0.
    """
    facts, counts = marks
    months = int(month_of_day[-1]) + 1
    sums, number = (np.zeros((pupils, months), dtype=np.int64) for _ in range(2))
    works = _Works._make([*(facts[name] for name in MARK_COLUMNS), counts, facts.starts, facts.ends])
    _fold_months(works, _MARK_CODES.index("exempt"), (first_on - EPOCH).days, month_of_day, sums, number)
    return sums, number


def fold_results(results: tuple[Facts, Marks], pupils: int, all_subjects: int, days: Days) -> Counts:
    """Return the sums (pupils × ``RESULT_SUMS``). ``all_subjects`` is the number of the text ``*``, or -1."""
    facts, counts = results
    sums = np.full((pupils, len(RESULT_SUMS)), MISSING, dtype=np.int64)
    given = _Results._make([*(facts[name] for name in RESULT_COLUMNS), counts, facts.starts, facts.ends])
    _fold_results(given, _RESULT_KINDS.index("term"), all_subjects, days, sums)
    return sums


def _fold_marks_of(
    works: _Works, codes: tuple[int, int], days: Days, of_subject: Counts, sums: Counts, worst: NDArray[np.float64]
) -> None:
    missed_code, exempt_code = codes
    for pupil in range(len(worst)):
        of_pupil = sums[pupil]
        for run in range(len(works.starts)):
            for row in range(works.starts[run, pupil], works.ends[run, pupil]):
                day, points = works.happened_on[row], works.points[row]
                if not works.counts[row] or works.code[row] == exempt_code:
                    continue
                if day < days.past_year or day > days.cut_off:
                    continue
                handed_in_on = works.handed_in_on[row]
                is_missed = works.code[row] == missed_code and handed_in_on == MISSING
                _add_work(of_pupil, day, handed_in_on, works.weight[row], is_missed, days)
                if points != MISSING:
                    _add_points(of_pupil, day, points, days)
                    if day >= days.year:
                        _add_to_subject(of_subject, works.subject[row], pupil, points)
        if of_pupil[_SINCE] != MISSING:  # so far the last day on which work is known to have come
            of_pupil[_SINCE] = max(_weekdays(days.cut_off) - _weekdays(of_pupil[_SINCE]), 0)
        if of_pupil[_MARKS] > 0:
            of_pupil[_LOW_SUBJECTS], worst[pupil] = _subjects(of_subject, pupil, days.low_mark)


def _fold_months_of(
    works: _Works, exempt_code: int, first_day: int, month_of_day: Counts, sums: Counts, number: Counts
) -> None:
    for pupil in range(len(sums)):
        for run in range(len(works.starts)):
            for row in range(works.starts[run, pupil], works.ends[run, pupil]):
                day, points = works.happened_on[row] - first_day, works.points[row]
                if not works.counts[row] or works.code[row] == exempt_code or points == MISSING:
                    continue
                if 0 <= day < len(month_of_day):
                    sums[pupil, month_of_day[day]] += points
                    number[pupil, month_of_day[day]] += 1


def _add_one_work(of_pupil: Counts, day: int, handed_in_on: int, weight: int, is_missed: bool, days: Days) -> None:
    """Count a piece of work that was due by the cut-off date. (Arrays passed in a tuple would be counted at each call.)"""
    if day > days.cut_off - RECENT_DAYS:
        _count(of_pupil, _WORKS_8W, is_missed)
    if day < days.year:
        return
    _count(of_pupil, _WORKS, is_missed)
    if handed_in_on != MISSING:
        _add(of_pupil, _DATED, max(handed_in_on - day, 0))
    if is_missed:
        return
    if weight != MISSING:
        of_pupil[_WEIGHT] = max(of_pupil[_WEIGHT], 0) + weight
    of_pupil[_SINCE] = max(of_pupil[_SINCE], day if handed_in_on == MISSING else handed_in_on)


def _add_points_of(of_pupil: Counts, day: int, points: int, days: Days) -> None:
    if day > days.cut_off - RECENT_DAYS:
        _add(of_pupil, _MARKS_8W, points)
    if day >= days.year:
        _add_mark(of_pupil, day - days.year, points, days.low_mark)
    elif day <= days.cut_off - YEAR_DAYS:
        _add(of_pupil, _MARKS_LAST, points)


def _count_work(of_pupil: Counts, place: int, is_missed: bool) -> None:
    of_pupil[place] = max(of_pupil[place], 0) + 1
    of_pupil[place + 1] = max(of_pupil[place + 1], 0) + is_missed


def _add_value(of_pupil: Counts, place: int, value: int) -> None:
    """Count at ``place`` and add beside it."""
    of_pupil[place] = max(of_pupil[place], 0) + 1
    of_pupil[place + 1] = value if of_pupil[place] == 1 else of_pupil[place + 1] + value


def _add_mark_of_day(of_pupil: Counts, day: int, points: int, low_mark: int) -> None:
    if of_pupil[_MARKS] <= 0:
        for place in range(_MARKS, _MARKS + 8):  # a slice would take longer than all that follows
            of_pupil[place] = 0
        of_pupil[_MARKS + 6] = points
    of_pupil[_MARKS] += 1
    of_pupil[_MARKS + 1] += points
    of_pupil[_MARKS + 2] += points * points
    of_pupil[_MARKS + 3] += day
    of_pupil[_MARKS + 4] += day * day
    of_pupil[_MARKS + 5] += day * points
    of_pupil[_MARKS + 6] = min(of_pupil[_MARKS + 6], points)
    of_pupil[_MARKS + 7] += points < low_mark


def _add_subject_mark(of_subject: Counts, subject: int, pupil: int, points: int) -> None:
    mine = of_subject[subject]
    if mine[0] != pupil:
        mine[0], mine[1], mine[2] = pupil, 0, 0
    mine[1] += 1
    mine[2] += points


def _low_and_lowest_subjects(of_subject: Counts, pupil: int, low_mark: int) -> tuple[int, float]:
    low, lowest = 0, np.inf
    for subject in range(len(of_subject)):
        if of_subject[subject, 0] == pupil:
            low += of_subject[subject, 2] < low_mark * of_subject[subject, 1]
            lowest = min(lowest, of_subject[subject, 2] / of_subject[subject, 1])
    return low, lowest


def _weekdays_until(day: int) -> int:
    """Return how many days from Monday to Friday there are up to ``day``: over a weekend nobody hands in."""
    weeks, weekday = divmod(day + 3, 7)  # the first of January 1970 is a Thursday
    return 5 * weeks + min(weekday + 1, 5)


def _fold_results_of(results: _Results, term: int, all_subjects: int, days: Days, sums: Counts) -> None:
    for pupil in range(len(sums)):
        last = before = past = past_year = MISSING
        for run in range(len(results.starts)):
            for row in range(results.starts[run, pupil], results.ends[run, pupil]):
                day = results.happened_on[row]
                if not results.counts[row] or day < days.past_year or day > days.cut_off:
                    continue
                if results.kind[row] == term:
                    if day > last:
                        last, before = day, last
                    elif last > day > before:
                        before = day
                    if day < days.year:
                        past = max(past, day)
                elif day < days.year:
                    past_year = max(past_year, day)
        if last >= days.year:
            _add_term(pupil, results, (term, all_subjects, last, before), days, sums)
        is_of_year = past_year != MISSING
        if is_of_year or past != MISSING:
            _add_past(pupil, results, (term, all_subjects, past_year if is_of_year else past, is_of_year), days, sums)


def _add_last_term(pupil: int, results: _Results, which: tuple[int, int, int, int], days: Days, sums: Counts) -> None:
    term, all_subjects, last, before = which
    of_pupil = sums[pupil]
    of_pupil[_TERM_MARKS : _TERM_MARKS + 4] = 0
    of_pupil[_BEFORE : _BEFORE + 2] = 0
    for run in range(len(results.starts)):
        for row in range(results.starts[run, pupil], results.ends[run, pupil]):
            day, points = results.happened_on[row], results.points[row]
            if not results.counts[row] or results.kind[row] != term:
                continue
            if day == before and points != MISSING:
                of_pupil[_BEFORE] += 1
                of_pupil[_BEFORE + 1] += points
            if day != last:
                continue
            if points != MISSING:
                of_pupil[_TERM_MARKS] += 1
                of_pupil[_TERM_MARKS + 1] += points
                if results.subject[row] != all_subjects:
                    of_pupil[_TERM_MARKS + 2] += 1
                    of_pupil[_TERM_MARKS + 3] += points < days.low_mark
            taken, passed = results.taken[row], results.passed[row]
            if taken != MISSING:
                of_pupil[_UNITS] = max(of_pupil[_UNITS], 0) + taken
            if passed != MISSING:
                of_pupil[_UNITS + 1] = max(of_pupil[_UNITS + 1], 0) + passed
                if taken != MISSING:
                    of_pupil[_UNITS + 2] = max(of_pupil[_UNITS + 2], 0) + taken


def _add_past_results(
    pupil: int, results: _Results, which: tuple[int, int, int, bool], days: Days, sums: Counts
) -> None:
    term, all_subjects, past, is_of_year = which
    of_pupil = sums[pupil]
    of_pupil[_PAST : _PAST + 4] = 0
    for run in range(len(results.starts)):
        for row in range(results.starts[run, pupil], results.ends[run, pupil]):
            points = results.points[row]
            if not results.counts[row] or results.happened_on[row] != past or points == MISSING:
                continue
            if (results.kind[row] != term) != is_of_year:
                continue
            of_pupil[_PAST] += 1
            of_pupil[_PAST + 1] += points
            if results.subject[row] != all_subjects:
                of_pupil[_PAST + 2] += 1
                of_pupil[_PAST + 3] += points < days.low_mark


_WORKS, _WORKS_8W, _DATED, _WEIGHT, _SINCE, _MARKS, _MARKS_8W, _MARKS_LAST, _LOW_SUBJECTS = (
    MARK_SUMS.index(name)
    for name in (
        "works_year",
        "works_8w",
        "dated_works",
        "handed_in_weight",
        "weekdays_since_work",
        "marks_year",
        "marks_8w",
        "marks_last_year",
        "low_subjects",
    )
)
_TERM_MARKS, _UNITS, _BEFORE, _PAST = (
    RESULT_SUMS.index(name) for name in ("term_marks", "term_units_taken", "term_before_marks", "past_marks")
)
_compiled: Any = numba.njit(nogil=True, cache=True)
_count: Any = _compiled(_count_work)
_add: Any = _compiled(_add_value)
_add_work: Any = _compiled(_add_one_work)
_add_points: Any = _compiled(_add_points_of)
_add_mark: Any = _compiled(_add_mark_of_day)
_add_to_subject: Any = _compiled(_add_subject_mark)
_subjects: Any = _compiled(_low_and_lowest_subjects)
_weekdays: Any = _compiled(_weekdays_until)
_add_term: Any = _compiled(_add_last_term)
_add_past: Any = _compiled(_add_past_results)
_fold_marks: Any = _compiled(_fold_marks_of)
_fold_results: Any = _compiled(_fold_results_of)
_fold_months: Any = _compiled(_fold_months_of)
