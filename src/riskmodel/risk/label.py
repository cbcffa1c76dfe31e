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

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pandas as pd

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.cutoff import open_cut_off
from riskmodel.tables.results import COHORT

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


def cohort(connection: duckdb.DuckDBPyConnection, window: Window, as_of: date) -> pd.DataFrame:
    """Return the pupils enrolled on ``window.cut_off`` as known that day, with their outcome as known on ``as_of``.

    A pupil has one row. Of several stays that run at once, the one that began last counts. Where terms of the
    same number run side by side (presentations of a course), a stay belongs to the term in which it began; a
    stay older than all of them belongs to each.

    Returns
    -------
    pandas.DataFrame
        The columns of ``cohort`` in :mod:`riskmodel.tables.results`, sorted by ``pupil_id``; ``label`` is
        ``Int64`` with ``<NA>`` for censored and open outcomes.
    """
    open_cut_off(connection, window.cut_off, tables=("school", "enrolment"))
    open_cut_off(connection, as_of, schema=OUTCOME_SCHEMA, tables=("enrolment",))
    found = connection.execute(
        _COHORT_SQL,
        {
            "cut_off": window.cut_off,
            "horizon_on": window.horizon_on,
            "term_on": window.term_on,
            "rival_on": list(window.rival_on),
            "school_year_on": window.school_year_on,
            "label_known_on": window.label_known_on,
            "as_of": as_of,
        },
    ).df()
    found["label"] = found["outcome_class"].map(LABELS).astype("Int64").mask(found["had_gone_before"])
    return found[list(COHORT.column_names)]


_COHORT_SQL = """
WITH running AS (
    SELECT
        pupil_id,
        school_id,
        stage_kind,
        stage_number,
        class_code,
        -- The term, among those that run side by side, in which the stay began.
        list_max(list_filter(list_append($rival_on::DATE[], $term_on), lambda day: day <= happened_on)) AS own_term_on
    FROM known.enrolment
    WHERE happened_on <= $cut_off AND (ends_on IS NULL OR ends_on > $cut_off)
    QUALIFY row_number() OVER (
        PARTITION BY pupil_id, coalesce(own_term_on, $term_on) = $term_on
        ORDER BY happened_on DESC, stage_number DESC, school_id
    ) = 1
),
member AS (
    SELECT * FROM running WHERE coalesce(own_term_on, $term_on) = $term_on
),
place AS (
    SELECT school_id, municipality_code
    FROM known.school
    WHERE happened_on <= $cut_off
    QUALIFY row_number() OVER (PARTITION BY school_id ORDER BY happened_on DESC) = 1
),
stay AS (
    SELECT
        member.pupil_id,
        stay.happened_on,
        stay.ends_on,
        stay.exit_class,
        stay.school_id = member.school_id AS is_same_school,
        stay.happened_on <= $horizon_on AND (stay.ends_on IS NULL OR stay.ends_on > $horizon_on) AS runs_at_end,
        stay.happened_on <= $cut_off AND stay.ends_on > $cut_off AND stay.ends_on <= $horizon_on
            AND stay.exit_class = 'completed' AS is_stage_finished
    FROM member
    JOIN known_later.enrolment AS stay USING (pupil_id)
    WHERE stay.happened_on <= $horizon_on
),
outcome AS (
    SELECT
        pupil_id,
        CASE
            WHEN bool_or(is_stage_finished) THEN 'completed'
            WHEN bool_or(runs_at_end AND is_same_school) THEN 'continuing'
            WHEN bool_or(runs_at_end) THEN 'transferred'
            ELSE first(exit_class ORDER BY ends_on DESC, list_position(
                ['completed', 'transferred', 'continuing', 'left', 'abroad', 'unknown'], exit_class
            ))
        END AS outcome_class,
        max(ends_on) AS last_end_on,
        NOT bool_or(runs_at_end) AND max(ends_on) <= $cut_off AS had_gone_before
    FROM stay
    GROUP BY pupil_id
)
SELECT
    $cut_off AS cohort_on,
    member.pupil_id,
    member.school_id,
    member.stage_kind,
    member.stage_number,
    member.class_code,
    place.municipality_code,
    $school_year_on AS school_year_on,
    $horizon_on AS horizon_on,
    $label_known_on AS label_known_on,
    CASE WHEN $as_of < $label_known_on THEN 'open' ELSE outcome.outcome_class END AS outcome_class,
    CASE WHEN $as_of >= $label_known_on AND outcome.outcome_class = 'left' THEN outcome.last_end_on END AS left_on,
    outcome.had_gone_before
FROM member
LEFT JOIN place USING (school_id)
LEFT JOIN outcome USING (pupil_id)
ORDER BY member.pupil_id
"""
