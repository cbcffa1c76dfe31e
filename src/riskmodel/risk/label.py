"""The label, defined once: who belongs to a cohort, and whether the pupil left within the window.

**Question.** Will a pupil who is enrolled on the cut-off date leave education without finishing the stage
within the half-open window ``(cut_off, horizon_on]``?

**Outcome**, from the stays of the pupil as known on a later day, in this order:

1. a stay that was running on the cut-off date ends in the window as ``completed`` → label 0;
2. enrolled on the last day of the window, in the same school (``continuing``) or another one
   (``transferred``), also after an interruption → label 0;
3. else the exit class of the stay that ended last: ``left`` → 1; ``completed``, ``continuing``,
   ``transferred`` → 0; ``abroad`` and ``unknown`` → neither (censored).

A pupil who had gone by the cut-off date but was reported later belonged to the cohort, as far as anybody knew;
the exit falls outside the window, so that the label is neither 0 nor 1. Before ``label_known_on`` (the end of
the window plus the reporting delay) every outcome is ``open``.

**Cohorts of the past** are cut as many days after their term began as the present one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.cutoff import counting, open_cut_off
from riskmodel.tables.canonical import ENROLMENT
from riskmodel.tables.facts import NEVER_BEFORE, FactReader, Facts, Read, Wanted
from riskmodel.tables.packed import EPOCH, MISSING, PUPIL, Whole
from riskmodel.tables.schema import Kind
from riskmodel.tables.scores import COHORT

HORIZON_MONTH, HORIZON_DAY = 9, 30
"""The window ends after the summer: those who do not come back in September have left."""

OUTCOME_SCHEMA = "known_later"
"""The tables as known on the day on which outcomes are read; features may not read it."""

LABELS = {"left": 1, "completed": 0, "continuing": 0, "transferred": 0}
"""Label by outcome class; ``abroad``, ``unknown`` and ``open`` have none."""


@dataclass(frozen=True)
class Window:
    """One cohort: its cut-off date and its label window ``(cut_off, horizon_on]``.

    ``school_year_on`` is the first day of the school year; ``rival_on`` the first days of terms of the same
    number that run on the cut-off date beside the cohort's own term, which began on ``term_on``.
    """

    cut_off: date
    school_year_on: date
    horizon_on: date
    delay_days: int
    term_on: date
    rival_on: tuple[date, ...] = ()

    @property
    def label_known_on(self) -> date:
        """The day from which outcomes count as known."""
        return self.horizon_on + timedelta(days=self.delay_days)


@dataclass(frozen=True)
class _Term:
    school_year: str
    number: int
    starts_on: date
    ends_on: date
    year_starts_on: date
    year_ends_on: date


def cohort_windows(
    connection: duckdb.DuckDBPyConnection, cut_off: date, horizon_on: date | None, delay_days: int
) -> list[Window]:
    """Return the windows of the present cohort and of the earlier ones, oldest first, the present one last.

    The present term is the one that began last by ``cut_off``. Each earlier term of the same number gives a
    cohort cut as many days after its first day. A given ``horizon_on`` is turned into days since the first day
    of the term and used in the same way for all; without one, each window ends on the first 30 September after
    the end of its school year. Dates are those of all schools; where only single schools gave theirs, the
    earliest first day and the latest last day.

    Raises
    ------
    UsageError
        If no term known on ``cut_off`` has begun by then, or the window would end before it begins.
    """
    terms = _terms(connection, cut_off)
    if not terms:
        raise UsageError(
            message("The calendar (table term) must hold a term that has begun by the cut-off date."),
            found=message("On {cut_off}, none was known.", cut_off=cut_off.isoformat()),
            remedy=message("Deliver the terms of the school year, or choose another cut-off date."),
            where="term",
        )
    present = terms[-1]
    cut_days = cut_off - present.starts_on
    horizon_days = None if horizon_on is None else horizon_on - present.starts_on
    windows = []
    for term in terms:
        if term.number == present.number and (term == present or term.starts_on < present.starts_on):
            cut_on = term.starts_on + cut_days
            rivals = (
                other.starts_on
                for other in terms
                if other.number == term.number and other.starts_on <= cut_on <= other.ends_on and other != term
            )
            windows.append(
                Window(
                    cut_off=cut_on,
                    school_year_on=term.year_starts_on,
                    horizon_on=_default_horizon(term) if horizon_days is None else term.starts_on + horizon_days,
                    delay_days=delay_days,
                    term_on=term.starts_on,
                    rival_on=tuple(sorted(set(rivals))),
                )
            )
    if windows[-1].horizon_on <= cut_off:
        raise UsageError(
            message("The label window must end after the cut-off date."),
            found=message(
                "It would end on {horizon_on}; the cut-off date is {cut_off}.",
                horizon_on=windows[-1].horizon_on.isoformat(),
                cut_off=cut_off.isoformat(),
            ),
            remedy=message("Choose a later horizon (--horizon) or an earlier cut-off date."),
        )
    return windows


def _terms(connection: duckdb.DuckDBPyConnection, cut_off: date) -> list[_Term]:
    """Return the terms begun by ``cut_off`` as known then, by first day."""
    open_cut_off(connection, cut_off, tables=("term",))
    rows = connection.execute(
        """
        WITH of_all AS (
            SELECT
                school_year,
                term_number,
                coalesce(min(happened_on) FILTER (school_id IS NULL), min(happened_on)) AS starts_on,
                coalesce(max(ends_on) FILTER (school_id IS NULL), max(ends_on)) AS ends_on
            FROM known.term
            GROUP BY ALL
        )
        SELECT
            school_year,
            term_number,
            starts_on,
            ends_on,
            min(starts_on) OVER (PARTITION BY school_year) AS year_starts_on,
            max(ends_on) OVER (PARTITION BY school_year) AS year_ends_on
        FROM of_all
        QUALIFY starts_on <= $cut_off
        ORDER BY starts_on, school_year, term_number
        """,
        {"cut_off": cut_off},
    ).fetchall()
    return [_Term(*row) for row in rows]


def _default_horizon(term: _Term) -> date:
    in_same_year = date(term.year_ends_on.year, HORIZON_MONTH, HORIZON_DAY)
    if term.year_ends_on < in_same_year:
        return in_same_year
    return date(term.year_ends_on.year + 1, HORIZON_MONTH, HORIZON_DAY)


def read_stays(connection: duckdb.DuckDBPyConnection) -> Read:
    """Return all stays of all pupils."""
    return FactReader(connection, [STAYS]).read()


def cohort(connection: duckdb.DuckDBPyConnection, window: Window, as_of: date) -> pd.DataFrame:
    """Return the pupils enrolled on ``window.cut_off`` as known that day, with their outcome as known on ``as_of``.

    A pupil has one row. Of several stays that run at once, the one that began last counts. Where terms of the
    same number run side by side (presentations of a course), a stay belongs to the term in which it began; a
    stay older than all of them belongs to each.

    Returns
    -------
    pandas.DataFrame
        The columns of ``cohort`` in :mod:`riskmodel.tables.scores`, sorted by ``pupil_id``; ``label`` is
        ``Int64`` with ``<NA>`` for censored and open outcomes.
    """
    _, members = members_of(read_stays(connection), window, as_of)
    found: pd.DataFrame = with_municipalities(connection, window, members).to_pandas(
        date_as_object=False, types_mapper={pa.int64(): pd.Int64Dtype()}.get
    )
    return found.astype({**dict.fromkeys(DAYS, "datetime64[us]"), "stage_number": np.int64})


def members_of(stays: Read, window: Window, as_of: date) -> tuple[NDArray[np.bool_], pa.Table]:
    """Return which pupils of ``stays`` belong to a cohort, and a row for each of them in the same order.

    Parameters
    ----------
    stays
        Facts of any pupils, among them :data:`STAYS`.

    Returns
    -------
    tuple
        For each pupil of ``stays`` whether he or she is a member; and the columns that :func:`cohort` returns, as the table
        ``cohort`` declares them, without the municipality.
    """
    found = _stays(stays, window, as_of)
    members = _members(found, window)
    outcome, last_end_on, had_gone = _outcomes(found, members, window)
    if as_of < window.label_known_on:
        outcome[:] = OUTCOMES.index("open")
    has_left = outcome == OUTCOMES.index("left")
    labels = np.array([LABELS.get(word or "", -1) for word in OUTCOMES])[outcome]
    is_member = np.zeros(len(found.texts[PUPIL]), dtype=bool)
    is_member[found.pupil[members]] = True
    of_all = {
        name: pa.repeat(pa.scalar(day, pa.date32()), len(members))
        for name, day in (
            ("cohort_on", window.cut_off),
            ("school_year_on", window.school_year_on),
            ("horizon_on", window.horizon_on),
            ("label_known_on", window.label_known_on),
        )
    }
    rows = {
        **of_all,
        "pupil_id": found.text("pupil_id", members),
        "school_id": found.text("school_id", members),
        "stage_kind": found.code("stage_kind", members),
        "stage_number": found["stage_number"][members].astype(np.int64),
        "class_code": found.text("class_code", members),
        "outcome_class": pa.array(OUTCOMES, pa.string()).take(pa.array(outcome)),
        "label": pa.array(labels, mask=(labels < 0) | had_gone),
        "left_on": pa.array(last_end_on.astype(np.int32), mask=~has_left).cast(pa.date32()),
    }
    return is_member, pa.table({name: rows[name] for name in COHORT.column_names if name in rows})


def with_municipalities(connection: duckdb.DuckDBPyConnection, window: Window, members: pa.Table) -> pa.Table:
    """Return the rows of ``members`` with the municipality of their school, as known on the cut-off date."""
    of_school = _municipalities(connection, window.cut_off)
    schools = members["school_id"].combine_chunks().dictionary_encode()
    codes = pa.array([of_school.get(school) for school in schools.dictionary.to_pylist()], pa.string())
    with_codes = members.append_column("municipality_code", codes.take(schools.indices))
    return with_codes.select(list(COHORT.column_names))


def ended_by(every_stay: Read, window: Window, landmark: date, as_of: date) -> pa.StringArray:
    """Return in ascending order the pupils whose schooling had ended by the day ``landmark``, as known on ``as_of``.

    They finished the stage in which the cut-off date found them, or no later stay that began inside the window is known.
    ``every_stay`` comes from :func:`read_stays`.
    """
    stays = _stays(every_stay, window, as_of)
    rows = np.flatnonzero(stays.is_known_later & (stays["happened_on"] <= _day(window.horizon_on)))
    starts, ends, exit_class = (stays[name][rows] for name in ("happened_on", "ends_on", "exit_class"))
    goes_on = (ends == MISSING) | (ends > _day(landmark))
    is_of_cohort = (starts <= _day(window.cut_off)) & (ends > _day(window.cut_off))
    is_completed = exit_class == [*ENROLMENT.column("exit_class").codes].index("completed")
    has_ended = np.zeros(len(stays.texts[PUPIL]), dtype=bool)
    for chosen, as_said in ((slice(None), True), (goes_on, False), (~goes_on & is_of_cohort & is_completed, True)):
        has_ended[stays.pupil[rows[chosen]]] = as_said
    found: pa.StringArray = stays.texts[PUPIL].filter(pa.array(has_ended))
    return found


DAYS = tuple(column.name for column in COHORT.columns if column.kind is Kind.DATE)
STAYS = Wanted(
    ENROLMENT, ("school_id", "happened_on", "ends_on", "exit_class", "stage_kind", "stage_number", "class_code")
)
"""What a cohort reads."""
BEFORE_OTHERS = ("completed", "transferred", "continuing", "left", "abroad", "unknown")
"""Of exit classes of stays that end on one day, the first of these counts."""
OUTCOMES = (None, *reversed(BEFORE_OTHERS), "open")
"""Outcomes by their number; the first where no stay with an exit class has ended."""
NEVER_ENDED = np.iinfo(np.int64).min


@dataclass(frozen=True)
class _Stays:
    """Stays as whole numbers, ``pupil`` by pupil; which of them count as known on the cut-off date, and later."""

    facts: Facts
    texts: Mapping[str, pa.StringArray]
    pupil: NDArray[np.int32]
    is_known: NDArray[np.bool_]
    is_known_later: NDArray[np.bool_]

    def __getitem__(self, name: str) -> Whole:
        """Return one column."""
        return self.facts[name]

    def text(self, name: str, rows: NDArray[np.int64]) -> pa.StringArray:
        """Return a column of free text."""
        return _taken(self.texts[name], (self.pupil if name == PUPIL else self[name])[rows])

    def code(self, name: str, rows: NDArray[np.int64]) -> pa.StringArray:
        """Return a column of codes."""
        return _taken(pa.array([*ENROLMENT.column(name).codes], pa.string()), self[name][rows])


def _taken(words: pa.StringArray, places: Whole) -> pa.StringArray:
    return words.take(pa.array(places, mask=places == MISSING))


def _stays(every_stay: Read, window: Window, as_of: date) -> _Stays:
    facts = every_stay.facts[ENROLMENT.name].between(NEVER_BEFORE, max(window.cut_off, window.horizon_on))
    known, later = (counting(facts, ENROLMENT.known, day).astype(bool) for day in (window.cut_off, as_of))
    return _Stays(facts, every_stay.texts, facts.pupil_of_row(), known, later)


def _members(stays: _Stays, window: Window) -> NDArray[np.int64]:
    """Return, pupil by pupil, the row of the stay by which a pupil belongs to the cohort."""
    cut_off, term_on = _day(window.cut_off), _day(window.term_on)
    starts, ends = stays["happened_on"], stays["ends_on"]
    running = np.flatnonzero(stays.is_known & (starts <= cut_off) & ((ends == MISSING) | (ends > cut_off)))
    # The term, among those that run side by side, in which the stay began.
    terms = np.array(sorted([*map(_day, window.rival_on), term_on]))
    place = np.searchsorted(terms, starts[running], side="right") - 1
    running = running[(place < 0) | (terms[place] == term_on)]
    pupil = stays.pupil[running]
    order = np.lexsort((stays["school_id"][running], -stays["stage_number"][running], -starts[running], pupil))
    is_first = np.diff(pupil[order], prepend=-1) != 0
    members: NDArray[np.int64] = running[order[is_first]]
    return members


def _outcomes(
    stays: _Stays, members: NDArray[np.int64], window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return for each member the number of the outcome, the last day of the last stay, and whether it was before the cut-off date."""
    cut_off, horizon_on = _day(window.cut_off), _day(window.horizon_on)
    place = np.full(len(stays.texts["pupil_id"]), -1)
    place[stays.pupil[members]] = np.arange(len(members))
    rows = np.flatnonzero(stays.is_known_later & (stays["happened_on"] <= horizon_on))
    rows = rows[place[stays.pupil[rows]] >= 0]
    member = place[stays.pupil[rows]]
    starts, ends, school = (stays[name][rows] for name in ("happened_on", "ends_on", "school_id"))
    exit_class = stays["exit_class"][rows]
    codes = [*ENROLMENT.column("exit_class").codes]

    def any_of(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.zeros(len(members), dtype=bool)
        found[member[chosen]] = True
        return found

    is_ended = ends != MISSING
    runs_at_end = ~is_ended | (ends > horizon_on)
    in_window = (starts <= cut_off) & (ends > cut_off) & (ends <= horizon_on)
    is_finished = any_of(in_window & (exit_class == codes.index("completed")))
    goes_on = any_of(runs_at_end)
    goes_on_there = any_of(runs_at_end & (school == stays["school_id"][members][member]))
    # The last day, and among stays that end on it the first of the classes: one number, the largest counts.
    rank = np.array([len(BEFORE_OTHERS) - BEFORE_OTHERS.index(code) for code in codes] + [0])
    last = np.full(len(members), NEVER_ENDED, dtype=np.int64)
    ended = np.flatnonzero(is_ended)
    classes = np.where(exit_class[ended] == MISSING, len(codes), exit_class[ended])
    np.maximum.at(last, member[ended], ends[ended].astype(np.int64) * 8 + rank[classes])
    outcome = np.where(last == NEVER_ENDED, 0, last % 8)
    for word, chosen in (("transferred", goes_on), ("continuing", goes_on_there), ("completed", is_finished)):
        outcome[chosen] = OUTCOMES.index(word)
    return outcome, last // 8, (last != NEVER_ENDED) & ~goes_on & (last // 8 <= cut_off)


def _municipalities(connection: duckdb.DuckDBPyConnection, cut_off: date) -> dict[str, str]:
    """Return the municipality of each school, as known on the cut-off date."""
    open_cut_off(connection, cut_off, tables=("school",))
    rows = connection.execute(
        """
        SELECT school_id, municipality_code
        FROM known.school
        WHERE happened_on <= $cut_off
        QUALIFY row_number() OVER (PARTITION BY school_id ORDER BY happened_on DESC) = 1
        """,
        {"cut_off": cut_off},
    ).fetchall()
    return dict(rows)


def _day(day: date) -> int:
    return (day - EPOCH).days
