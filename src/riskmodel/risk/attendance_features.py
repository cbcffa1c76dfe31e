"""Features from attendance: how much is missed, since when, on which days, and for how long in a row.

The sums they are made of stand, with their meaning, in :data:`riskmodel.risk.attendance_fold.ATTENDANCE_SUMS`.
"""

from __future__ import annotations

from riskmodel.risk.feature import ATTENDANCE, FREE, RISES, Feature


def _feature(code: str, unit: str, period: str, sql: str, direction: int = RISES) -> Feature:
    return Feature(
        code, ATTENDANCE, unit, period, sql, direction, needs=("lessons_planned", "attendance"), is_malleable=True
    )


ATTENDANCE_FEATURES = (
    _feature("absent_share_4w", "share", "4w", "absent_4w / nullif(lessons_4w, 0)"),
    _feature("absent_share_8w", "share", "8w", "absent_8w / nullif(lessons_8w, 0)"),
    _feature("absent_share_year", "share", "year", "absent_year / nullif(lessons_year, 0)"),
    _feature("excused_share_8w", "share", "8w", "excused_8w / nullif(lessons_8w, 0)"),
    _feature("unexcused_lessons_4w", "lessons", "4w", "unexcused_4w"),
    _feature("unexcused_lessons_8w", "lessons", "8w", "unexcused_8w"),
    _feature("unexcused_lessons_year", "lessons", "year", "unexcused_year"),
    _feature("unexcused_of_absent_share_year", "share", "year", "unexcused_year / nullif(absent_year, 0)"),
    _feature("late_share_4w", "share", "4w", "late_4w / nullif(lessons_4w, 0)"),
    _feature("late_share_year", "share", "year", "late_year / nullif(lessons_year, 0)"),
    # Rounded, so that a pupil without any change has zero.
    _feature("absent_share_per_week_8w", "share_per_week", "8w", "round(absent_share_per_week, 9) + 0", FREE),
    _feature(
        "absent_share_change_year",
        "share_change",
        "against_last_year",
        "absent_year / nullif(lessons_year, 0) - absent_last_year / nullif(lessons_last_year, 0)",
        FREE,
    ),
    _feature("absent_monday_share_year", "share", "year", "absent_monday / nullif(lessons_monday, 0)", FREE),
    _feature("absent_friday_share_year", "share", "year", "absent_friday / nullif(lessons_friday, 0)", FREE),
    _feature("first_lesson_of_absent_share_year", "share", "year", "first_lessons / numbered_lessons", FREE),
    _feature("last_lessons_of_absent_share_year", "share", "year", "last_lessons / numbered_lessons", FREE),
    _feature(
        "worst_subject_absent_lessons_year",
        "lessons",
        "year",
        # No absence written down in any week with planned lessons: none in the worst subject either.
        "CASE WHEN absent_year = 0 THEN 0 ELSE worst_subject_lessons END",
    ),
    _feature("full_days_absent_share_year", "share", "year", "full_days / nullif(days_year, 0)"),
    _feature("partly_absent_days_share_year", "share", "year", "partial_days / nullif(days_year, 0)"),
    _feature("longest_absent_run_days_year", "school_days", "year", "CASE WHEN days_year > 0 THEN longest_run END"),
    _feature("since_present_days", "school_days", "now", "CASE WHEN days_year > 0 THEN present_run END"),
)
