"""One pass over a pupil's stays: the stay at hand, the moves before it, and how last year's stays in each school ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.compiled import compiled
from riskmodel.risk.cutoff import counting
from riskmodel.risk.fold import days_around
from riskmodel.tables.canonical import ENROLMENT
from riskmodel.tables.facts import NEVER_BEFORE, FactReader, Facts, Read, Wanted
from riskmodel.tables.packed import EPOCH, MISSING, PUPIL, Whole

MOVES_YEARS = 3

STAY_COLUMNS = (
    # Schools entered from another one in the last years, and days since the pupil came to the present one.
    "moves",
    "days_in_school",
    # Of the stay at hand: of those in the member's school that last on the cut-off date, the one that began last.
    "repeat_count",
    "credits",
    "registered_days_before",
)
STAYS_TOLD = Wanted(
    ENROLMENT, ("school_id", "happened_on", "ends_on", "exit_class", "repeat_count", "credits", "registered_on")
)
"""What the passes read."""

LEFT_COLUMNS = ("school_id", "leavers", "pupils")

_CLASSES = (*ENROLMENT.column("exit_class").codes,)
_LEFT = _CLASSES.index("left")
_UNDECIDED = np.array([name in {"abroad", "unknown"} for name in _CLASSES])
"""Exit classes that tell neither that a pupil left early nor that he or she did not."""
_ORDER = np.array([sorted(_CLASSES).index(name) for name in _CLASSES])
"""Of stays in one school that end on one day, that with the last class in the alphabet counts, and before it one without."""

_MOVES, _DAYS, _REPEATS, _CREDITS, _REGISTERED = range(len(STAY_COLUMNS))
_CREDITS_UNIT = 100

Counts = NDArray[np.int64]
Marks = NDArray[np.uint8]


class _Stays(NamedTuple):
    school: Whole
    happened_on: Whole
    ends_on: Whole
    exit_class: Whole
    repeat_count: Whole
    credits: Whole
    registered_on: Whole
    counts: Marks
    starts: Counts
    ends: Counts


def _told(facts: Facts, cut_off: date) -> _Stays:
    told = [facts[name] for name in STAYS_TOLD.columns]
    return _Stays._make([*told, counting(facts, ENROLMENT.known, cut_off), facts.starts, facts.ends])


def fold_stays(connection: duckdb.DuckDBPyConnection, members: pa.Table, cut_off: date) -> pa.Table:
    """Return what the stays of ``members`` tell as known on ``cut_off`` (see :func:`stays_of`), a row each in their order.

    Parameters
    ----------
    connection
        Holds ``canonical.enrolment``.
    members
        ``pupil_id`` and ``school_id``, in ascending order of ``pupil_id``.
    """
    read = FactReader(connection, [STAYS_TOLD]).read()
    pupils = members[PUPIL].combine_chunks()
    is_member = pc.is_in(read.texts[PUPIL], value_set=pupils)
    chosen = read.texts[PUPIL].filter(is_member)
    own = members["school_id"].combine_chunks().take(pc.index_in(chosen, value_set=pupils))
    found = stays_of(read, is_member.to_numpy(zero_copy_only=False), own, cut_off)
    return found.take(pc.index_in(pupils, value_set=chosen))


def stays_of(read: Read, is_member: NDArray[np.bool_], schools: pa.StringArray, cut_off: date) -> pa.Table:
    """Return ``STAY_COLUMNS`` of some pupils of ``read``, from the stays that were known, and had begun, on ``cut_off``.

    Parameters
    ----------
    read
        Facts of any pupils, among them ``STAYS_TOLD``.
    is_member
        Of which of them.
    schools
        The school of each of these, in their order.

    Returns
    -------
    pyarrow.Table
        A row each: moves, whole days, attempts, credits (in hundredths of one) and whole days; NULL where nothing is known.
    """
    own = read.of([STAYS_TOLD], is_member)
    facts = own.facts[ENROLMENT.name].between(NEVER_BEFORE, cut_off)
    of_member = pc.index_in(schools, value_set=own.texts["school_id"]).fill_null(-1).to_numpy()
    found = np.full((len(own.texts[PUPIL]), len(STAY_COLUMNS)), MISSING, dtype=np.int64)
    most = int((facts.ends - facts.starts).sum(axis=0).max(initial=0))
    _fold(_told(facts, cut_off), of_member, (cut_off - EPOCH).days, np.empty((2, most), dtype=np.int64), found)
    columns = {
        name: pa.array(values, mask=values == MISSING)
        for name, values in zip(STAY_COLUMNS, np.ascontiguousarray(found.T), strict=True)
    }
    in_units = pc.divide(columns["credits"].cast(pa.float64()), float(_CREDITS_UNIT))
    return pa.table({**columns, "credits": in_units})


def _fold_pupils(stays: _Stays, school_of_member: NDArray[np.int32], cut_off: int, row: Counts, found: Counts) -> None:
    """Fill ``found``; ``row`` holds the stays of the pupil at hand in their order: first days, and schools."""
    days, schools = row[0], row[1]
    for pupil in range(len(found)):
        count = _in_order(stays, pupil, cut_off, days, schools)
        if count == 0:
            continue
        came_on, moves = days[0], 0
        for place in range(1, count):
            if schools[place] != schools[place - 1]:
                came_on = days[place]
                if days[place] > cut_off - 364 * MOVES_YEARS:
                    moves += 1
        found[pupil, _MOVES] = moves
        found[pupil, _DAYS] = cut_off - came_on
        at_hand = _stay_at_hand(stays, pupil, school_of_member[pupil], cut_off)
        if at_hand >= 0:
            found[pupil, _REPEATS] = stays.repeat_count[at_hand]
            found[pupil, _CREDITS] = stays.credits[at_hand]
            if stays.registered_on[at_hand] != MISSING:
                found[pupil, _REGISTERED] = stays.happened_on[at_hand] - stays.registered_on[at_hand]


def _sort_stays(stays: _Stays, pupil: int, cut_off: int, days: Counts, schools: Counts) -> int:
    """Put first days and schools of the stays that count in order, by day and then by school; return how many there are."""
    count = 0
    for run in range(len(stays.starts)):
        for row in range(stays.starts[run, pupil], stays.ends[run, pupil]):
            day, school = stays.happened_on[row], stays.school[row]
            if not stays.counts[row] or day > cut_off:
                continue
            place = count
            while place > 0 and (days[place - 1] > day or (days[place - 1] == day and schools[place - 1] > school)):
                days[place], schools[place] = days[place - 1], schools[place - 1]
                place -= 1
            days[place], schools[place] = day, school
            count += 1
    return count


def _find_stay_at_hand(stays: _Stays, pupil: int, own_school: int, cut_off: int) -> int:
    """Return the row of the stay in ``own_school`` that lasts on the cut-off date and began last; less than 0: there is none.

    No two stays in one school begin on one day.
    """
    found = -1
    for run in range(len(stays.starts)):
        for row in range(stays.starts[run, pupil], stays.ends[run, pupil]):
            day, ends_on = stays.happened_on[row], stays.ends_on[row]
            if not stays.counts[row] or day > cut_off or stays.school[row] != own_school:
                continue
            lasts = ends_on == MISSING or ends_on > cut_off
            if lasts and (found < 0 or day > stays.happened_on[found]):
                found = row
    return found


@dataclass(frozen=True)
class LeftBefore:
    """Of how many pupils of each school it is known on ``cut_off`` how they stood there at the end of the last school year, and
    how many of them had left early. ``year_on`` is the first day of the present school year.
    """

    cut_off: date
    year_on: date

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The stays."""
        return [STAYS_TOLD]

    def of(self, read: Read) -> pa.Table:
        """Return ``LEFT_COLUMNS`` of the pupils of ``read``, a row for each school of which anything is known."""
        facts = read.facts[ENROLMENT.name].between(NEVER_BEFORE, self.year_on)
        schools = read.texts["school_id"]
        past_year_on = days_around(self.cut_off, self.year_on)["past_year_on"]
        found = np.zeros((len(schools), 2), dtype=np.int64)
        year = ((past_year_on - EPOCH).days, (self.year_on - EPOCH).days)
        _count(_told(facts, self.cut_off), year, found)
        some = np.flatnonzero(found[:, 1])
        return pa.table([schools.take(pa.array(some)), *found[some].T], names=LEFT_COLUMNS)


def _count_by_school(stays: _Stays, year: tuple[int, int], found: Counts) -> None:
    """Add to ``found`` leavers and pupils by school; ``year`` are the first days of the last school year and of this one."""
    for pupil in range(stays.starts.shape[1]):
        for run in range(len(stays.starts)):
            for row in range(stays.starts[run, pupil], stays.ends[run, pupil]):
                if not _is_of_year(stays, row, year) or not _is_newest(stays, pupil, row, year):
                    continue
                ends_on, exit_class = stays.ends_on[row], stays.exit_class[row]
                if ends_on == MISSING or ends_on >= year[1]:
                    found[stays.school[row], 1] += 1
                elif exit_class != MISSING and not _UNDECIDED[exit_class]:
                    found[stays.school[row], 0] += exit_class == _LEFT
                    found[stays.school[row], 1] += 1


def _began_in_time(stays: _Stays, row: int, year: tuple[int, int]) -> bool:
    """Return whether a stay counts, and lasted into the last school year."""
    ends_on = stays.ends_on[row]
    is_begun = stays.counts[row] and stays.happened_on[row] < year[1]
    return bool(is_begun and (ends_on == MISSING or ends_on >= year[0]))


def _is_last_there(stays: _Stays, pupil: int, row: int, year: tuple[int, int]) -> bool:
    """Return whether no other stay of the pupil in the same school ends later. A pupil has few stays: each is compared with each."""
    for run in range(len(stays.starts)):
        for other in range(stays.starts[run, pupil], stays.ends[run, pupil]):
            if stays.school[other] != stays.school[row] or not _is_of_year(stays, other, year):
                continue
            if _place(stays, other) > _place(stays, row) or (
                _place(stays, other) == _place(stays, row) and other > row
            ):
                return False
    return True


def _place_of_end(stays: _Stays, row: int) -> int:
    ends_on, exit_class = stays.ends_on[row], stays.exit_class[row]
    order = len(_ORDER) if exit_class == MISSING else _ORDER[exit_class]
    return (_ENDLESS if ends_on == MISSING else ends_on) * (len(_ORDER) + 1) + order


_ENDLESS = 2**31
"""Behind every day."""
_place: Any = compiled(_place_of_end)
_is_of_year: Any = compiled(_began_in_time)
_is_newest: Any = compiled(_is_last_there)
_count: Any = compiled(_count_by_school)
_in_order: Any = compiled(_sort_stays)
_stay_at_hand: Any = compiled(_find_stay_at_hand)
_fold: Any = compiled(_fold_pupils)
