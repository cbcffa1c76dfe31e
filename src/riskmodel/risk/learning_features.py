"""Features from marks, work due and results of terms.

The sums they are made of stand, with their meaning, in :data:`riskmodel.risk.learning_fold.MARK_SUMS` and
``RESULT_SUMS``; marks are summed there in hundredths of a point.
"""

from __future__ import annotations

from riskmodel.risk.feature import FALLS, FREE, LEARNING, RISES, Feature

FEWEST_TREND_MARKS = 5
"""A slope through fewer marks says more about chance than about the pupil."""

MARK_MEAN = "mark_sum / nullif(marks_year, 0) / 100"
_MEAN_LAST_YEAR = "mark_sum_last_year / nullif(marks_last_year, 0) / 100"
_SPREAD = "sqrt((marks_year * mark_squares - mark_sum * mark_sum) / nullif(marks_year * (marks_year - 1), 0)) / 100"
_SLOPE = (
    f"CASE WHEN marks_year >= {FEWEST_TREND_MARKS} THEN (marks_year * day_mark_products - day_sum * mark_sum) "
    "/ nullif(marks_year * day_squares - day_sum * day_sum, 0) * 7 / 100 END"
)
_TERM_MEAN = "term_mark_sum / nullif(term_marks, 0) / 100"
_TERM_BEFORE_MEAN = "term_before_mark_sum / nullif(term_before_marks, 0) / 100"


def _of_marks(code: str, unit: str, period: str, sql: str, direction: int) -> Feature:
    return Feature(code, LEARNING, unit, period, sql, direction, needs=("mark",), is_malleable=True)


def _of_results(code: str, unit: str, period: str, sql: str, direction: int) -> Feature:
    is_present = period != "past_year"
    return Feature(code, LEARNING, unit, period, sql, direction, needs=("term_result",), is_malleable=is_present)


LEARNING_FEATURES = (
    _of_marks("mark_mean_points_year", "points", "year", MARK_MEAN, FALLS),
    _of_marks("mark_mean_points_8w", "points", "8w", "mark_sum_8w / nullif(marks_8w, 0) / 100", FALLS),
    _of_marks("mark_lowest_points_year", "points", "year", "lowest_mark / 100", FALLS),
    _of_marks("mark_spread_points_year", "points", "year", _SPREAD, FREE),
    _of_marks("low_mark_share_year", "share", "year", "low_marks / nullif(marks_year, 0)", RISES),
    _of_marks("mark_points_per_week_year", "points_per_week", "year", _SLOPE, FREE),
    _of_marks(
        "mark_change_points_year", "points_change", "against_last_year", f"{MARK_MEAN} - {_MEAN_LAST_YEAR}", FREE
    ),
    _of_marks("worst_subject_mark_points_year", "points", "year", "lowest_subject_mean / 100", FALLS),
    _of_marks("low_subjects_year", "subjects", "year", "low_subjects", RISES),
    _of_marks("marks_year", "marks", "year", "CASE WHEN works_year > 0 THEN coalesce(folded.marks_year, 0) END", FREE),
    _of_marks("missed_works_year", "works", "year", "folded.missed_works_year", RISES),
    _of_marks("missed_works_8w", "works", "8w", "folded.missed_works_8w", RISES),
    _of_marks("handed_in_share_year", "share", "year", "1 - folded.missed_works_year / nullif(works_year, 0)", FALLS),
    _of_marks("handed_in_weight_percent_year", "percent", "year", "handed_in_weight / 100", FREE),
    _of_marks("work_late_days_year", "days", "year", "late_days / nullif(dated_works, 0)", RISES),
    _of_marks("since_last_mark_days", "days", "now", "weekdays_since_work", FREE),
    _of_results("term_mark_mean_points", "points", "last_term", _TERM_MEAN, FALLS),
    _of_results(
        "term_mark_change_points", "points_change", "against_last_term", f"{_TERM_MEAN} - {_TERM_BEFORE_MEAN}", FREE
    ),
    _of_results(
        "term_low_subjects",
        "subjects",
        "last_term",
        "CASE WHEN term_subjects > 0 THEN folded.term_low_subjects END",
        RISES,
    ),
    _of_results("term_units_taken", "units", "last_term", "folded.term_units_taken", FREE),
    _of_results(
        "term_units_passed_share", "share", "last_term", "term_units_passed / nullif(term_units_decided, 0)", FALLS
    ),
    _of_results("term_units_failed", "units", "last_term", "term_units_decided - term_units_passed", RISES),
    _of_results(
        "past_year_mark_mean_points", "points", "past_year", "past_mark_sum / nullif(past_marks, 0) / 100", FALLS
    ),
    _of_results(
        "past_year_low_subjects",
        "subjects",
        "past_year",
        "CASE WHEN past_subjects > 0 THEN past_low_subjects END",
        RISES,
    ),
)
