"""How it went, for a page about one pupil: lessons missed by week and marks by month, as known on the cut-off date.

Weeks and marks are counted as the features count them (:mod:`riskmodel.risk.attendance_fold`,
:mod:`riskmodel.risk.learning_fold`), and through the same door in time. A week without planned lessons is no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk.attendance_fold import ABSENCE_COLUMNS, PLANNED_COLUMNS, WEEKDAYS, fold_weeks
from riskmodel.risk.cutoff import counting
from riskmodel.risk.fold import fold_together
from riskmodel.risk.learning_fold import MARK_COLUMNS, fold_months
from riskmodel.tables.canonical import ATTENDANCE, LESSONS_PLANNED, MARK
from riskmodel.tables.facts import NEVER_AFTER, Bound, Read, Wanted
from riskmodel.tables.packed import MISSING, PUPIL
from riskmodel.tables.scores import TREND_MONTH, TREND_WEEK

WEEKS, MONTHS = 24, 10

TREND_COLUMNS = ("unexcused_lessons", "excused_lessons", "mark_sum", "marks")


class TrendDays(NamedTuple):
    """Mondays of the last complete weeks, and first days of the last months, that of the cut-off date included; oldest first."""

    weeks: tuple[date, ...]
    months: tuple[date, ...]


def trend_days(cut_off: date) -> TrendDays:
    """Return the weeks and months that a trend tells of.

    >>> days = trend_days(date(2024, 12, 20))  # a Friday: its week is not complete
    >>> days.weeks[0].isoformat(), days.weeks[-1].isoformat(), days.months[0].isoformat(), days.months[-1].isoformat()
    ('2024-07-01', '2024-12-09', '2024-03-01', '2024-12-01')
    """
    next_day = cut_off + timedelta(days=1)
    weeks_end_on = next_day - timedelta(days=next_day.weekday())
    months = [divmod(12 * cut_off.year + cut_off.month - 1 - ago, 12) for ago in reversed(range(MONTHS))]
    return TrendDays(
        tuple(weeks_end_on - timedelta(days=7 * ago) for ago in range(WEEKS, 0, -1)),
        tuple(date(year, month + 1, 1) for year, month in months),
    )


def trend_of_pupils(
    connection: duckdb.DuckDBPyConnection, cut_off: date, first_pupil: Bound = None, after_pupil: Bound = None
) -> pa.Table:
    """Return weeks and months of each pupil, as known on ``cut_off``.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``.
    cut_off
        The last day whose knowledge may be used.
    first_pupil, after_pupil
        Pupils from ``first_pupil`` up to, and without, ``after_pupil``; None is open.

    Returns
    -------
    pyarrow.Table
        ``pupil_id``, ascending, and ``TREND_COLUMNS``, lists of whole numbers: lessons by week (MISSING where none were
        planned), sum of the marks in hundredths of a point and their number by month.
    """
    return fold_together(connection, [TrendFold(cut_off)], first_pupil, after_pupil)[0]


@dataclass(frozen=True)
class TrendFold:
    """Weeks and months, as known on ``cut_off``."""

    cut_off: date

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The facts of these weeks and months; of weeks neither the timetable nor the lesson of the day."""
        cut_off, days = self.cut_off, trend_days(self.cut_off)
        first_week_on, first_month_on = days.weeks[0], days.months[0]
        return [
            Wanted(LESSONS_PLANNED, PLANNED_COLUMNS, first_week_on, cut_off, WEEKDAYS, NEVER_AFTER),
            Wanted(ATTENDANCE, ABSENCE_COLUMNS, first_week_on, cut_off, ("lesson_number", "subject_code"), NEVER_AFTER),
            Wanted(
                MARK, MARK_COLUMNS, first_month_on, cut_off, ("handed_in_on", "subject_code", "weight"), NEVER_AFTER
            ),
        ]

    def of(self, read: Read, chosen: NDArray[np.bool_] | None = None) -> pa.Table:
        """Return ``pupil_id`` and ``TREND_COLUMNS`` of the ``chosen`` pupils of ``read``; None: of those with a wanted fact."""
        return _trend(read.of(self.wanted, chosen), self.cut_off, trend_days(self.cut_off))


def _trend(read: Read, cut_off: date, days: TrendDays) -> pa.Table:
    pupils = read.texts[PUPIL]
    planned, absences, marks = (
        (facts := read.facts[table.name], counting(facts, table.known, cut_off))
        for table in (LESSONS_PLANNED, ATTENDANCE, MARK)
    )
    numbers = len(pupils), len(read.texts["school_id"]), len(read.texts["subject_code"])
    columns = (
        *fold_weeks(planned, absences, numbers, days.weeks[0], WEEKS),
        *fold_months(marks, len(pupils), days.months[0], _months(days.months, cut_off)),
    )
    return pa.table([pupils, *map(_lists, columns)], names=[PUPIL, *TREND_COLUMNS])


def _months(months: Sequence[date], cut_off: date) -> NDArray[np.int64]:
    """Return the month of each day from the first of them to the cut-off date, from 0."""
    ends = [*months[1:], cut_off + timedelta(days=1)]
    return np.repeat(np.arange(len(months)), [(end - begin).days for begin, end in zip(months, ends, strict=True)])


def _lists(values: NDArray[np.int64]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.int32).ravel()), values.shape[1])


def week_rows(trend: pa.Table, days: TrendDays) -> pa.Table:
    """Return the columns of :data:`riskmodel.tables.scores.TREND_WEEK` for the pupils of ``trend``."""
    unexcused, excused = (_numbers(trend[name], WEEKS) for name in TREND_COLUMNS[:2])
    pupil, week = np.nonzero(unexcused != MISSING)
    return pa.table(
        {
            PUPIL: trend[PUPIL].combine_chunks().take(pa.array(pupil)),
            "week_on": pa.array(days.weeks, pa.date32()).take(pa.array(week)),
            "unexcused_lessons": unexcused[pupil, week],
            "excused_lessons": excused[pupil, week],
        }
    ).select(list(TREND_WEEK.column_names))


def month_rows(trend: pa.Table, days: TrendDays) -> pa.Table:
    """Return the columns of :data:`riskmodel.tables.scores.TREND_MONTH` for the pupils of ``trend``."""
    sums, number = (_numbers(trend[name], MONTHS) for name in TREND_COLUMNS[2:])
    pupil, month = np.nonzero(number)
    return pa.table(
        {
            PUPIL: trend[PUPIL].combine_chunks().take(pa.array(pupil)),
            "month_on": pa.array(days.months, pa.date32()).take(pa.array(month)),
            "mark_mean_points": sums[pupil, month] / number[pupil, month] / 100,
            "marks": number[pupil, month],
        }
    ).select(list(TREND_MONTH.column_names))


def _numbers(lists: pa.ChunkedArray, each: int) -> NDArray[np.int32]:
    flat = lists.combine_chunks().flatten() if lists.num_chunks != 1 else lists.chunk(0).flatten()
    found: NDArray[np.int32] = flat.to_numpy().reshape(-1, each)
    return found
