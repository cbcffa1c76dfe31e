"""Features from marks, work due and results of terms.

A result without points ("nv", "passed", "exempt") has no number and never counts as zero. Work counts as missed
when it was due by the cut-off date and nobody knew then that it had been handed in; work due later counts in
neither way, also when it was handed in early.
"""

from __future__ import annotations

from riskmodel.risk.feature import FALLS, FREE, LEARNING, RISES, Block, Feature
from riskmodel.tables.canonical import PASSING_MARK_POINTS

RECENT_DAYS = 56
FEWEST_TREND_MARKS = 5
"""A slope through fewer marks says more about chance than about the pupil."""

_IS_YEAR = "happened_on >= $year_on"
_IS_RECENT = f"happened_on > $cut_off - {RECENT_DAYS}"
_IS_LAST_YEAR = "happened_on < $year_on AND happened_on <= $cut_off - 364"

WORK = Block(
    "work",
    f"""
    SELECT
        member.member_id,
        mark.subject_code,
        mark.happened_on,
        mark.{_IS_YEAR} AS is_year,
        mark.mark_code,
        -- Hundredths as whole numbers: sums are exact, whatever the order of the rows.
        round(mark.mark_points * 100)::BIGINT AS hundredths,
        mark.handed_in_on,
        mark.mark_code <> 'nv' OR mark.handed_in_on IS NOT NULL AS is_handed_in,
        round(mark.weight * 100)::BIGINT AS weight_hundredths,
        (mark.happened_on - $year_on)::BIGINT AS day
    FROM known.mark
    JOIN member USING (pupil_id)
    WHERE mark.mark_code <> 'exempt'
        AND mark.happened_on >= $past_year_on
        AND mark.happened_on <= $cut_off
        AND ({_IS_YEAR} OR {_IS_RECENT} OR {_IS_LAST_YEAR})
    """,  # noqa: S608  (constants)
    is_per_member=False,
)

WORK_DONE = Block(
    "work_done",
    f"""
    SELECT
        member_id,
        count(*) FILTER (is_year) AS works_year,
        count(*) FILTER (is_year AND NOT is_handed_in) AS missed_works_year,
        count(*) FILTER ({_IS_RECENT}) AS works_8w,
        count(*) FILTER ({_IS_RECENT} AND NOT is_handed_in) AS missed_works_8w,
        avg(greatest(handed_in_on - happened_on, 0)) FILTER (is_year AND handed_in_on IS NOT NULL) AS days_late,
        sum(weight_hundredths) FILTER (is_year AND is_handed_in) / 100 AS handed_in_weight,
        $cut_off - max(coalesce(handed_in_on, happened_on)) FILTER (is_year AND is_handed_in) AS days_since_work
    FROM work
    GROUP BY member_id
    """,  # noqa: S608  (constants)
)

MARKS = Block(
    "marks",
    f"""
    WITH summed AS (
        SELECT
            member_id,
            count(*) FILTER (is_year) AS n,
            sum(hundredths) FILTER (is_year) AS points,
            sum(hundredths * hundredths) FILTER (is_year) AS points_squared,
            sum(day) FILTER (is_year) AS days,
            sum(day * day) FILTER (is_year) AS days_squared,
            sum(day * hundredths) FILTER (is_year) AS days_points,
            min(hundredths) FILTER (is_year) AS lowest,
            count(*) FILTER (is_year AND hundredths < {100 * PASSING_MARK_POINTS}) AS low_marks,
            avg(hundredths) FILTER ({_IS_RECENT}) / 100 AS mean_8w,
            avg(hundredths) FILTER ({_IS_LAST_YEAR}) / 100 AS mean_last_year
        FROM work
        WHERE hundredths IS NOT NULL
        GROUP BY member_id
    )
    SELECT
        member_id,
        n AS marks_year,
        points / nullif(n, 0) / 100 AS mean_year,
        mean_8w,
        lowest / 100 AS lowest_year,
        low_marks / nullif(n, 0) AS low_share,
        sqrt((n * points_squared - points * points) / nullif(n * (n - 1), 0)) / 100 AS spread,
        CASE WHEN n >= {FEWEST_TREND_MARKS}
            THEN (n * days_points - days * points) / nullif(n * days_squared - days * days, 0) * 7 / 100
        END AS points_per_week,
        points / nullif(n, 0) / 100 - mean_last_year AS change_year
    FROM summed
    """,  # noqa: S608  (constants)
)

SUBJECT_MARKS = Block(
    "subject_marks",
    f"""
    SELECT
        member_id,
        min(mean) / 100 AS worst_subject_mean,
        count(*) FILTER (mean < {100 * PASSING_MARK_POINTS}) AS low_subjects
    FROM (
        SELECT member_id, subject_code, avg(hundredths) AS mean
        FROM work
        WHERE is_year AND hundredths IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY member_id
    """,  # noqa: S608  (constants)
)

RESULT = Block(
    "result",
    """
    SELECT
        member.member_id,
        term_result.subject_code,
        term_result.result_kind,
        term_result.happened_on,
        round(term_result.mark_points * 100)::BIGINT AS hundredths,
        term_result.units_taken,
        term_result.units_passed
    FROM known.term_result
    JOIN member USING (pupil_id)
    WHERE term_result.happened_on >= $past_year_on AND term_result.happened_on <= $cut_off
    """,
    is_per_member=False,
)

TERM_RESULTS = Block(
    "term_results",
    f"""
    WITH of_term AS (
        SELECT
            member_id,
            happened_on,
            avg(hundredths) / 100 AS mean,
            count(*) FILTER (subject_code <> '*' AND hundredths < {100 * PASSING_MARK_POINTS}) AS low_subjects,
            count(hundredths) FILTER (subject_code <> '*') AS subjects,
            sum(units_taken) AS units_taken,
            sum(units_passed) AS units_passed,
            sum(units_taken) FILTER (units_passed IS NOT NULL) AS units_taken_decided
        FROM result
        WHERE result_kind = 'term'
        GROUP BY ALL
    )
    SELECT
        member_id,
        mean,
        CASE WHEN subjects > 0 THEN low_subjects END AS low_subjects,
        units_taken,
        units_passed / nullif(units_taken_decided, 0) AS units_passed_share,
        units_taken_decided - units_passed AS units_failed,
        mean - lag(mean) OVER terms AS change
    FROM of_term
    WINDOW terms AS (PARTITION BY member_id ORDER BY happened_on)
    QUALIFY happened_on >= $year_on AND row_number() OVER (PARTITION BY member_id ORDER BY happened_on DESC) = 1
    """,  # noqa: S608  (constants)
)

PAST_YEAR_RESULTS = Block(
    "past_year_results",
    f"""
    WITH of_kind AS (
        SELECT
            member_id,
            happened_on,
            result_kind <> 'term' AS is_of_year,
            avg(hundredths) / 100 AS mean,
            count(*) FILTER (subject_code <> '*' AND hundredths < {100 * PASSING_MARK_POINTS}) AS low_subjects,
            count(hundredths) FILTER (subject_code <> '*') AS subjects
        FROM result
        WHERE happened_on < $year_on
        GROUP BY ALL
    )
    SELECT member_id, mean, CASE WHEN subjects > 0 THEN low_subjects END AS low_subjects
    FROM of_kind
    QUALIFY row_number() OVER (PARTITION BY member_id ORDER BY is_of_year DESC, happened_on DESC) = 1
    """,  # noqa: S608  (constants)
)

LEARNING_BLOCKS = (WORK, WORK_DONE, MARKS, SUBJECT_MARKS, RESULT, TERM_RESULTS, PAST_YEAR_RESULTS)


def _of_marks(code: str, unit: str, period: str, sql: str, direction: int) -> Feature:
    return Feature(code, LEARNING, unit, period, sql, direction, needs=("mark",), is_malleable=True)


def _of_results(code: str, unit: str, period: str, sql: str, direction: int) -> Feature:
    is_present = period != "past_year"
    return Feature(code, LEARNING, unit, period, sql, direction, needs=("term_result",), is_malleable=is_present)


LEARNING_FEATURES = (
    _of_marks("mark_mean_points_year", "points", "year", "marks.mean_year", FALLS),
    _of_marks("mark_mean_points_8w", "points", "8w", "marks.mean_8w", FALLS),
    _of_marks("mark_lowest_points_year", "points", "year", "marks.lowest_year", FALLS),
    _of_marks("mark_spread_points_year", "points", "year", "marks.spread", FREE),
    _of_marks("low_mark_share_year", "share", "year", "marks.low_share", RISES),
    _of_marks("mark_points_per_week_year", "points_per_week", "year", "marks.points_per_week", FREE),
    _of_marks("mark_change_points_year", "points_change", "against_last_year", "marks.change_year", FREE),
    _of_marks("worst_subject_mark_points_year", "points", "year", "subject_marks.worst_subject_mean", FALLS),
    _of_marks("low_subjects_year", "subjects", "year", "subject_marks.low_subjects", RISES),
    _of_marks("marks_year", "marks", "year", "CASE WHEN works_year > 0 THEN coalesce(marks.marks_year, 0) END", FREE),
    _of_marks("missed_works_year", "works", "year", "CASE WHEN works_year > 0 THEN missed_works_year END", RISES),
    _of_marks("missed_works_8w", "works", "8w", "CASE WHEN works_8w > 0 THEN missed_works_8w END", RISES),
    _of_marks("handed_in_share_year", "share", "year", "1 - missed_works_year / nullif(works_year, 0)", FALLS),
    _of_marks("handed_in_weight_percent_year", "percent", "year", "handed_in_weight", FREE),
    _of_marks("work_late_days_year", "days", "year", "days_late", RISES),
    _of_marks("since_last_mark_days", "days", "now", "days_since_work", FREE),
    _of_results("term_mark_mean_points", "points", "last_term", "term_results.mean", FALLS),
    _of_results("term_mark_change_points", "points_change", "against_last_term", "term_results.change", FREE),
    _of_results("term_low_subjects", "subjects", "last_term", "term_results.low_subjects", RISES),
    _of_results("term_units_taken", "units", "last_term", "term_results.units_taken", FREE),
    _of_results("term_units_passed_share", "share", "last_term", "term_results.units_passed_share", FALLS),
    _of_results("term_units_failed", "units", "last_term", "term_results.units_failed", RISES),
    _of_results("past_year_mark_mean_points", "points", "past_year", "past_year_results.mean", FALLS),
    _of_results("past_year_low_subjects", "subjects", "past_year", "past_year_results.low_subjects", RISES),
)
