"""One pass over a pupil's planned weeks and absences: the sums that the attendance features are made of.

The denominator of every share is the lessons planned for the pupil. A week without a row of ``lessons_planned`` is
no data: what was missed in it does not count, and a pupil without any such week has no value. Windows are complete
weeks, Monday to Sunday, that ended by the cut-off date.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from riskmodel.tables.canonical import ATTENDANCE
from riskmodel.tables.facts import Facts
from riskmodel.tables.packed import EPOCH, MISSING, Whole

RECENT_WEEKS, LONGER_WEEKS, YEAR_WEEKS = 4, 8, 52
SHORTEST_TREND_WEEKS = 3
"""A slope over fewer weeks says more about chance than about the pupil."""
LATE_LESSON = 6
"""From this lesson of the day on a lesson counts as one of the last."""

WEEKDAYS = ("lessons_monday", "lessons_tuesday", "lessons_wednesday", "lessons_thursday", "lessons_friday")
PLANNED_COLUMNS = ("school_id", "happened_on", "lessons", *WEEKDAYS)
ABSENCE_COLUMNS = ("school_id", "happened_on", "lesson_number", "subject_code", "attendance_code", "lessons")

ATTENDANCE_SUMS = (
    # Lessons planned, and of them missed, in complete weeks of: the school year, the last 8 and 4, and the last
    # school year up to the same week. In no week more is missed than was planned.
    "lessons_year",
    "absent_year",
    "unexcused_year",
    "late_year",
    "lessons_8w",
    "absent_8w",
    "unexcused_8w",
    "excused_8w",
    "lessons_4w",
    "absent_4w",
    "unexcused_4w",
    "late_4w",
    "lessons_last_year",
    "absent_last_year",
    # The same of the school year's Mondays and Fridays, where a timetable by weekday is known.
    "lessons_monday",
    "absent_monday",
    "lessons_friday",
    "absent_friday",
    # Lessons missed this year in the subject with most of them; with a number; first and last ones of a day.
    "worst_subject_lessons",
    "numbered_lessons",
    "first_lessons",
    "last_lessons",
    # The pupil's own school days of this year (holidays and free days break no run): all, missed wholly and in
    # part, longest run of days missed wholly, and the run that reaches the last day.
    "days_year",
    "full_days",
    "partial_days",
    "longest_run",
    "present_run",
)
"""Whole numbers per pupil, MISSING where there are no data."""

_CODES = (*ATTENDANCE.column("attendance_code").codes,)

_LESSONS, _ABSENT, _UNEXCUSED, _EXCUSED, _LATE = range(5)
_DUE, _MISSED, _WHOLE = 5, 10, 15  # five weekdays each
_OF_WEEK = 20

Counts = NDArray[np.int64]
Marks = NDArray[np.uint8]


class Weeks(NamedTuple):
    """Windows as numbers of weeks: week 0 begins on the day ``first_on`` since 1970, ``end`` is not complete."""

    first_on: int
    end: int
    year: int
    longer: int
    recent: int
    last_year_end: int


class _Planned(NamedTuple):
    school: Whole
    monday: Whole
    lessons: Whole
    on_monday: Whole
    on_tuesday: Whole
    on_wednesday: Whole
    on_thursday: Whole
    on_friday: Whole
    counts: Marks
    starts: Counts
    ends: Counts


class _Absences(NamedTuple):
    school: Whole
    happened_on: Whole
    lesson_number: Whole
    subject: Whole
    code: Whole
    lessons: Whole
    counts: Marks
    starts: Counts
    ends: Counts


class _Codes(NamedTuple):
    present: int
    late: int
    excused: int
    unexcused: int


class _Scratch(NamedTuple):
    """Sums of the pupil at hand. What another pupil left is told by that pupil's number beside it."""

    week: Counts
    pupil_of_week: Counts
    pupil_of_school_week: Counts
    of_subject: Counts
    pupil_of_subject: Counts


def weeks_around(past_year_on: date, weeks_end_on: date) -> Weeks:
    """Return the windows of a cut-off date (see :func:`riskmodel.risk.features.days_around`).

    The first week of a school year is the one that holds its first day.
    """
    first_on = (past_year_on - EPOCH).days - past_year_on.weekday()
    end = ((weeks_end_on - EPOCH).days - first_on) // 7
    return Weeks(first_on, end, YEAR_WEEKS, end - LONGER_WEEKS, end - RECENT_WEEKS, end - YEAR_WEEKS)


def fold_attendance(
    planned: tuple[Facts, Marks], absences: tuple[Facts, Marks], numbers: tuple[int, int, int], weeks: Weeks
) -> tuple[Counts, NDArray[np.float64]]:
    """Return the sums (pupils × ``ATTENDANCE_SUMS``) and the slope of the absent share per week (NaN: no data).

    Parameters
    ----------
    planned, absences
        The facts, and which of their rows count (see :func:`riskmodel.risk.cutoff.counting`).
    numbers
        How many pupils, schools and subjects there are.
    """
    pupils, schools, subjects = numbers
    sums = np.full((pupils, len(ATTENDANCE_SUMS)), MISSING, dtype=np.int64)
    slope = np.full(pupils, np.nan)
    (due, due_counts), (missed, missed_counts) = planned, absences
    _fold(
        _Planned._make([*(due[name] for name in PLANNED_COLUMNS), due_counts, due.starts, due.ends]),
        _Absences._make([*(missed[name] for name in ABSENCE_COLUMNS), missed_counts, missed.starts, missed.ends]),
        _Codes(*(_CODES.index(code) for code in _Codes._fields)),
        weeks,
        _scratch(max(weeks.end, 1), schools, subjects),
        (sums, slope),
    )
    return sums, slope


def fold_weeks(
    planned: tuple[Facts, Marks],
    absences: tuple[Facts, Marks],
    numbers: tuple[int, int, int],
    first_week_on: date,
    count: int,
) -> tuple[Counts, Counts]:
    """Return the lessons missed without and with an excuse in ``count`` weeks from the Monday ``first_week_on``.

    Both are pupils × weeks, MISSING where no lessons were planned. Weeks are laid out and absences counted as for the
    sums; the other parameters are those of :func:`fold_attendance`.
    """
    pupils, schools, subjects = numbers
    (due, due_counts), (missed, missed_counts) = planned, absences
    unexcused, excused = (np.full((pupils, count), MISSING, dtype=np.int64) for _ in range(2))
    _fold_weeks(
        _Planned._make([*(due[name] for name in PLANNED_COLUMNS), due_counts, due.starts, due.ends]),
        _Absences._make([*(missed[name] for name in ABSENCE_COLUMNS), missed_counts, missed.starts, missed.ends]),
        _Codes(*(_CODES.index(code) for code in _Codes._fields)),
        Weeks((first_week_on - EPOCH).days, count, 0, 0, 0, 0),
        _scratch(count, schools, subjects),
        (np.empty((pupils, len(ATTENDANCE_SUMS)), dtype=np.int64), unexcused, excused),
    )
    return unexcused, excused


def _scratch(weeks: int, schools: int, subjects: int) -> _Scratch:
    shapes: tuple[Any, ...] = (weeks, (schools, weeks), subjects, subjects)
    return _Scratch(
        np.zeros((weeks, _OF_WEEK), dtype=np.int64), *(np.full(shape, -1, dtype=np.int64) for shape in shapes)
    )


def _fold_pupils(
    planned: _Planned,
    absences: _Absences,
    codes: _Codes,
    weeks: Weeks,
    scratch: _Scratch,
    to: tuple[Counts, NDArray[np.float64]],
) -> None:
    sums, slope = to
    for pupil in range(len(slope)):
        if _lay_out(pupil, planned, weeks, scratch):
            _add_missed(pupil, absences, codes, weeks, scratch, sums)
            _add_weeks(pupil, weeks, scratch, sums)
            _add_days(pupil, weeks, scratch, sums)
            slope[pupil] = _slope(pupil, weeks, scratch)


def _fold_weeks_of(
    planned: _Planned,
    absences: _Absences,
    codes: _Codes,
    weeks: Weeks,
    scratch: _Scratch,
    to: tuple[Counts, Counts, Counts],
) -> None:
    sums, unexcused, excused = to
    week = scratch.week
    for pupil in range(len(sums)):
        if not _lay_out(pupil, planned, weeks, scratch):
            continue
        _add_missed(pupil, absences, codes, weeks, scratch, sums)
        for number in range(weeks.end):
            if scratch.pupil_of_week[number] == pupil:
                unexcused[pupil, number] = min(week[number, _UNEXCUSED], week[number, _LESSONS])
                excused[pupil, number] = min(week[number, _EXCUSED], week[number, _LESSONS])


def _lay_out_weeks(pupil: int, planned: _Planned, weeks: Weeks, scratch: _Scratch) -> bool:
    """Note what is planned in each week of the windows, in all schools together; return whether anything is."""
    school, monday, lessons = planned.school, planned.monday, planned.lessons
    counts, starts, ends = planned.counts, planned.starts, planned.ends
    by_weekday = planned.on_monday, planned.on_tuesday, planned.on_wednesday, planned.on_thursday, planned.on_friday
    week, pupil_of_week, pupil_of_school_week = scratch.week, scratch.pupil_of_week, scratch.pupil_of_school_week
    is_any = False
    for run in range(len(starts)):
        for row in range(starts[run, pupil], ends[run, pupil]):
            number = (monday[row] - weeks.first_on) // 7
            if not counts[row] or lessons[row] <= 0 or number < 0 or number >= weeks.end:
                continue
            if number < weeks.year and number < weeks.longer and number >= weeks.last_year_end:
                continue
            is_any = True
            pupil_of_school_week[school[row], number] = pupil
            if pupil_of_week[number] != pupil:
                pupil_of_week[number] = pupil
                for place in range(_OF_WEEK if number >= weeks.year else _DUE):
                    week[number, place] = MISSING if _DUE <= place < _DUE + 5 else 0
            week[number, _LESSONS] += lessons[row]
            if number < weeks.year:
                continue  # of weekdays nothing is asked before this school year
            for day in range(_DUE, _DUE + 5):
                due = by_weekday[day - _DUE][row]
                if due != MISSING:
                    week[number, day] = due + max(week[number, day], 0)
    return is_any


def _add_absences(
    pupil: int, absences: _Absences, codes: _Codes, weeks: Weeks, scratch: _Scratch, sums: Counts
) -> None:
    """Add what was missed to the weeks that were planned in that school; and by subject and lesson of the day.

    What stands in a row is taken out of it once: after each sum that is written the compiler would read it anew.
    """
    school, happened_on, lesson_number, subject, code, lessons, counts, starts, ends = absences
    week, pupil_of_school_week = scratch.week, scratch.pupil_of_school_week
    of_subject, pupil_of_subject = scratch.of_subject, scratch.pupil_of_subject
    worst = numbered = first = last = 0
    for run in range(len(starts)):
        for row in range(starts[run, pupil], ends[run, pupil]):
            day, kind = happened_on[row] - weeks.first_on, code[row]
            if not counts[row] or kind == codes.present or day < 0 or day >= 7 * weeks.end:
                continue
            number, weekday = day // 7, day % 7
            if pupil_of_school_week[school[row], number] != pupil:
                continue
            missed = lessons[row]
            if kind == codes.late:
                week[number, _LATE] += missed
                continue
            week[number, _ABSENT] += missed
            if kind == codes.unexcused:
                week[number, _UNEXCUSED] += missed
            elif kind == codes.excused:
                week[number, _EXCUSED] += missed
            if number < weeks.year:
                continue
            lesson, taught = lesson_number[row], subject[row]
            if weekday < 5:
                week[number, _MISSED + weekday] += missed
                if lesson == 0:
                    week[number, _WHOLE + weekday] = 1
            if lesson > 0:
                numbered += missed
                first += missed if lesson == 1 else 0
                last += missed if lesson >= LATE_LESSON else 0
            if taught >= 0:
                so_far = missed + (of_subject[taught] if pupil_of_subject[taught] == pupil else 0)
                pupil_of_subject[taught], of_subject[taught] = pupil, so_far
                worst = max(worst, so_far)
    sums[pupil, _WORST] = worst if worst else MISSING
    sums[pupil, _NUMBERED] = numbered if numbered else MISSING
    sums[pupil, _NUMBERED + 1] = first
    sums[pupil, _NUMBERED + 2] = last


def _add_up_weeks(pupil: int, weeks: Weeks, scratch: _Scratch, sums: Counts) -> None:
    """Add the weeks up to the windows."""
    week, pupil_of_week, of_pupil = scratch.week, scratch.pupil_of_week, sums[pupil]
    for number in range(weeks.end):
        if pupil_of_week[number] != pupil:
            continue
        lessons = week[number, _LESSONS]
        # A whole day and its lessons may both be written down: nobody misses more than was planned.
        absent = min(week[number, _ABSENT], lessons)
        unexcused = min(week[number, _UNEXCUSED], lessons)
        excused = min(week[number, _EXCUSED], lessons)
        late = min(week[number, _LATE], lessons)
        week[number, _ABSENT] = absent
        if number >= weeks.year:
            _add_four(of_pupil, 0, lessons, absent, unexcused, late)
            _add_weekday(of_pupil, _MONDAY, week[number, _DUE], week[number, _MISSED])
            _add_weekday(of_pupil, _FRIDAY, week[number, _DUE + 4], week[number, _MISSED + 4])
        if number >= weeks.longer:
            _add_four(of_pupil, _LONGER, lessons, absent, unexcused, excused)
        if number >= weeks.recent:
            _add_four(of_pupil, _RECENT, lessons, absent, unexcused, late)
        if number < weeks.last_year_end:
            of_pupil[_LAST] = max(of_pupil[_LAST], 0) + lessons
            of_pupil[_LAST + 1] = max(of_pupil[_LAST + 1], 0) + absent


def _add_four_sums(of_pupil: Counts, place: int, first: int, second: int, third: int, fourth: int) -> None:
    of_pupil[place] = max(of_pupil[place], 0) + first
    of_pupil[place + 1] = max(of_pupil[place + 1], 0) + second
    of_pupil[place + 2] = max(of_pupil[place + 2], 0) + third
    of_pupil[place + 3] = max(of_pupil[place + 3], 0) + fourth


def _add_up_weekday(of_pupil: Counts, place: int, due: int, missed: int) -> None:
    if due != MISSING:
        of_pupil[place] = max(of_pupil[place], 0) + due
        of_pupil[place + 1] = max(of_pupil[place + 1], 0) + min(missed, due)


def _add_up_days(pupil: int, weeks: Weeks, scratch: _Scratch, sums: Counts) -> None:
    """Walk through the school days of the year in order; weeks without a timetable by weekday are left out."""
    week = scratch.week
    is_known = False
    days = full = partial = longest = run = 0
    for number in range(max(weeks.year, 0), weeks.end):
        if scratch.pupil_of_week[number] != pupil:
            continue
        least = week[number, _DUE]
        for day in range(1, 5):
            least = min(least, week[number, _DUE + day])
        if least == MISSING:
            continue
        is_known = True
        for day in range(5):
            due, missed = week[number, _DUE + day], week[number, _MISSED + day]
            if due <= 0:
                continue
            days += 1
            if missed <= 0:
                run = 0
            elif week[number, _WHOLE + day] or missed >= due:
                full += 1
                run += 1
                longest = max(longest, run)
            else:
                partial += 1
                run = 0
    if is_known:
        sums[pupil, _DAYS] = days
        sums[pupil, _DAYS + 1] = full
        sums[pupil, _DAYS + 2] = partial
        sums[pupil, _DAYS + 3] = longest
        sums[pupil, _DAYS + 4] = run


def _slope_of_weeks(pupil: int, weeks: Weeks, scratch: _Scratch) -> float:
    """Return the least-squares slope of the absent share over the last weeks, always added in the order of the weeks."""
    week = scratch.week
    count = total = total_squared = 0
    shares = products = 0.0
    for number in range(max(weeks.longer, 0), weeks.end):
        if scratch.pupil_of_week[number] == pupil:
            share = week[number, _ABSENT] / week[number, _LESSONS]
            since = number - weeks.longer
            count += 1
            total += since
            total_squared += since * since
            shares += share
            products += since * share
    if count < SHORTEST_TREND_WEEKS:
        return np.nan
    return (count * products - total * shares) / (count * total_squared - total * total)


_MONDAY, _FRIDAY, _LONGER, _RECENT, _LAST, _WORST, _NUMBERED, _DAYS = (
    ATTENDANCE_SUMS.index(name)
    for name in (
        "lessons_monday",
        "lessons_friday",
        "lessons_8w",
        "lessons_4w",
        "lessons_last_year",
        "worst_subject_lessons",
        "numbered_lessons",
        "days_year",
    )
)
_compiled: Any = numba.njit(nogil=True, cache=True)
_lay_out: Any = _compiled(_lay_out_weeks)
_add_missed: Any = _compiled(_add_absences)
_add_four: Any = _compiled(_add_four_sums)
_add_weekday: Any = _compiled(_add_up_weekday)
_add_weeks: Any = _compiled(_add_up_weeks)
_add_days: Any = _compiled(_add_up_days)
_slope: Any = _compiled(_slope_of_weeks)
_fold: Any = _compiled(_fold_pupils)
_fold_weeks: Any = _compiled(_fold_weeks_of)
