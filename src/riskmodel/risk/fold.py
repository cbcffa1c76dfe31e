"""What the features need of each pupil's own daily facts, in one pass over the rows as they lie in the store.

Facts come as whole numbers and through the door in time (:func:`riskmodel.risk.cutoff.counting`), some thousand
pupils at once, so that memory does not grow with their number. Each row of the result is a function of the rows of
that pupil alone, and its sums are whole numbers: any ranges of pupils give together, bit for bit, what the whole
gives.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk.attendance_fold import (
    ABSENCE_COLUMNS,
    ATTENDANCE_SUMS,
    PLANNED_COLUMNS,
    WEEKDAYS,
    Weeks,
    fold_attendance,
    weeks_around,
)
from riskmodel.risk.cutoff import counting
from riskmodel.risk.learning_fold import (
    ALL_SUBJECTS,
    MARK_COLUMNS,
    MARK_SUMS,
    RECENT_DAYS,
    RESULT_COLUMNS,
    RESULT_SUMS,
    Days,
    days_since_1970,
    fold_marks,
    fold_results,
)
from riskmodel.tables.canonical import ATTENDANCE, LESSONS_PLANNED, MARK, TERM_RESULT
from riskmodel.tables.facts import Bound, FactReader, PackedPieces, Read, Wanted, as_one
from riskmodel.tables.packed import EPOCH, MISSING, PUPIL

ROWS_AT_ONCE = 6_000_000
"""Rows of all daily tables that are held at a time."""

DAYS_TO_SAME_WEEKDAY_LAST_YEAR = 364
FOLD_COLUMNS = (*ATTENDANCE_SUMS, "absent_share_per_week", *MARK_SUMS, "lowest_subject_mean", *RESULT_SUMS)


def fold_pupils(
    connection: duckdb.DuckDBPyConnection,
    cut_off: date,
    year_on: date,
    first_pupil: Bound = None,
    after_pupil: Bound = None,
) -> pa.Table:
    """Return the sums of each pupil's own daily facts, as known on ``cut_off``.

    May run in several threads at once, each with its own connection; the interpreter is free for most of the time.

    Parameters
    ----------
    connection
        Holds ``canonical.<table>``.
    cut_off
        The last day whose knowledge may be used.
    year_on
        First day of the school year of the cut-off date.
    first_pupil, after_pupil
        Pupils from ``first_pupil`` up to, and without, ``after_pupil``; None is open.

    Returns
    -------
    pyarrow.Table
        ``pupil_id`` and ``FOLD_COLUMNS`` (whole numbers, but for the two means and slopes), NULL without data; one
        row per pupil with any daily fact in the store, in ascending order of ``pupil_id``.
    """
    return fold_together(connection, [CohortFold(cut_off, year_on)], first_pupil, after_pupil)[0]


class Fold(Protocol):
    """What is worked out from the facts of each pupil alone."""

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The facts that it reads, of each table once."""

    def of(self, read: Read) -> pa.Table:
        """Return rows of pupils of ``read``, which holds what is wanted and may hold more, in the same order."""


def fold_together(
    source: duckdb.DuckDBPyConnection | PackedPieces,
    folds: Sequence[Fold],
    first_pupil: Bound = None,
    after_pupil: Bound = None,
) -> list[pa.Table]:
    """Return what each of ``folds`` alone would give. Facts that several of them ask for are read once.

    ``source`` is a connection, or the packed tables that hold what is wanted. The other parameters are those of :func:`fold_pupils`.
    """
    wanted = as_one(one for fold in folds for one in fold.wanted)
    reader = FactReader(source, wanted, first_pupil, after_pupil)
    bounds = [first_pupil, *reader.cuts(ROWS_AT_ONCE, first_pupil, after_pupil), after_pupil]
    found: list[list[pa.Table]] = [[] for _ in folds]
    for part in pairwise(bounds):
        read = reader.read(*part)
        for fold, tables in zip(folds, found, strict=True):
            tables.append(fold.of(read))
    return [pa.concat_tables(tables, promote_options="permissive") for tables in found]


@dataclass(frozen=True)
class CohortFold:
    """The sums of a cohort, as known on ``cut_off``; ``year_on`` is the first day of its school year."""

    cut_off: date
    year_on: date

    @cached_property
    def wanted(self) -> Sequence[Wanted]:
        """What the loops read; of a school year that is over by all of its windows, less."""
        return _wanted(days_around(self.cut_off, self.year_on), self._weeks)

    @cached_property
    def _weeks(self) -> Weeks:
        around = days_around(self.cut_off, self.year_on)
        return weeks_around(around["past_year_on"], around["weeks_end_on"])

    def of(self, read: Read, chosen: NDArray[np.bool_] | None = None) -> pa.Table:
        """Return ``pupil_id`` and ``FOLD_COLUMNS`` of the ``chosen`` pupils of ``read``; None: of those with a wanted fact."""
        past_year_on = days_around(self.cut_off, self.year_on)["past_year_on"]
        days = days_since_1970(self.cut_off, self.year_on, past_year_on)
        return _fold(read.of(self.wanted, chosen), self.cut_off, self._weeks, days)


def days_around(cut_off: date, year_on: date) -> dict[str, date]:
    """Return the days that everything counts from: the first of the school year, the same weekday 364 days earlier,
    and the Monday after the last complete week.

    >>> days_around(date(2024, 12, 20), date(2024, 9, 2))["weeks_end_on"]  # a Friday: its week is not complete
    datetime.date(2024, 12, 16)
    """
    next_day = cut_off + timedelta(days=1)
    return {
        "cut_off": cut_off,
        "year_on": year_on,
        "past_year_on": year_on - timedelta(days=DAYS_TO_SAME_WEEKDAY_LAST_YEAR),
        "weeks_end_on": next_day - timedelta(days=next_day.weekday()),
    }


def _wanted(around: Mapping[str, date], weeks: Weeks) -> list[Wanted]:
    cut_off, past_year_on = around["cut_off"], around["past_year_on"]
    week_before = EPOCH + timedelta(days=weeks.first_on)
    weeks_from = EPOCH + timedelta(days=weeks.first_on + 7 * max(min(weeks.year, weeks.longer), 0))
    marks_from = min(around["year_on"], cut_off - timedelta(days=RECENT_DAYS))
    return [
        Wanted(LESSONS_PLANNED, PLANNED_COLUMNS, week_before, cut_off, WEEKDAYS, weeks_from),
        Wanted(ATTENDANCE, ABSENCE_COLUMNS, week_before, cut_off, ("lesson_number", "subject_code"), weeks_from),
        Wanted(MARK, MARK_COLUMNS, past_year_on, cut_off, ("handed_in_on", "subject_code", "weight"), marks_from),
        Wanted(TERM_RESULT, RESULT_COLUMNS, past_year_on, cut_off),
    ]


def _fold(read: Read, cut_off: date, weeks: Weeks, days: Days) -> pa.Table:
    pupils, subjects = read.texts[PUPIL], read.texts["subject_code"]
    planned, absences, works, results = (
        (facts := read.facts[table.name], counting(facts, table.known, cut_off))
        for table in (LESSONS_PLANNED, ATTENDANCE, MARK, TERM_RESULT)
    )
    numbers = len(pupils), len(read.texts["school_id"]), len(subjects)
    attendance, slope = fold_attendance(planned, absences, numbers, weeks)
    marks, worst = fold_marks(works, len(pupils), len(subjects), days)
    of_terms = fold_results(results, len(pupils), subjects.index(ALL_SUBJECTS).as_py(), days)
    columns = [*_whole(attendance), _share(slope), *_whole(marks), _share(worst), *_whole(of_terms)]
    return pa.table([pupils, *columns], names=[PUPIL, *FOLD_COLUMNS])


def _whole(sums: NDArray[np.int64]) -> list[pa.Array]:
    return [pa.array(column, mask=column == MISSING) for column in np.ascontiguousarray(sums.T)]


def _share(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, from_pandas=True)


NARROW = (pa.int16(), pa.int32())


def narrowed(table: pa.Table) -> pa.Table:
    """Return a table with its whole numbers of 64 bits in 16 or in 32 where they fit: so much less is held and written."""
    return pa.table({name: _narrow(table[name]) for name in table.column_names})


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type != pa.int64():
        return column
    for kind in NARROW:
        with contextlib.suppress(pa.ArrowInvalid):
            return column.cast(kind)
    return column


def widened(table: pa.Table) -> pa.Table:
    """Return a table that was :func:`narrowed` with its whole numbers in 64 bits, in which features reckon."""
    kinds = (pa.int64() if field.type in NARROW else field.type for field in table.schema)
    return table.cast(pa.schema([*map(pa.field, table.column_names, kinds)]))
