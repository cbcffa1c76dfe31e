"""Features from attendance: how much is missed, since when, on which days, and for how long in a row.

The denominator of every share is the lessons planned for the pupil. A week without a row of
``lessons_planned`` is no data: what was missed in it does not count, and a pupil without any such week has no
value. Windows are complete weeks, Monday to Sunday, that ended by the cut-off date.
"""

from __future__ import annotations

from riskmodel.risk.feature import ATTENDANCE, FREE, RISES, Block, Feature

RECENT_WEEKS, LONGER_WEEKS = 4, 8
SHORTEST_TREND_WEEKS = 3
"""A slope over fewer weeks says more about chance than about the pupil."""
LATE_LESSON = 6
"""From this lesson of the day on a lesson counts as one of the last."""

_IS_YEAR = "week_on > $year_on - 7"
_IS_LAST_YEAR = "week_on > $past_year_on - 7 AND week_on < $weeks_end_on - 364"
_IS_RECENT = f"week_on >= $weeks_end_on - {7 * RECENT_WEEKS}"
_IS_LONGER = f"week_on >= $weeks_end_on - {7 * LONGER_WEEKS}"
_IS_YEAR_DAY, _IS_LAST_YEAR_DAY, _IS_LONGER_DAY = (
    weeks.replace("week_on", "happened_on") for weeks in (_IS_YEAR, _IS_LAST_YEAR, _IS_LONGER)
)

PLANNED_WEEK = Block(
    "planned_week",
    f"""
    SELECT
        member.member_id,
        planned.school_id,
        planned.happened_on AS week_on,
        planned.lessons,
        planned.lessons_monday,
        planned.lessons_tuesday,
        planned.lessons_wednesday,
        planned.lessons_thursday,
        planned.lessons_friday
    FROM known.lessons_planned AS planned
    JOIN member USING (pupil_id)
    WHERE planned.lessons > 0 AND week_on < $weeks_end_on AND ({_IS_YEAR} OR {_IS_LONGER} OR {_IS_LAST_YEAR})
    """,  # noqa: S608  (constants)
    is_per_member=False,
)

ABSENCE = Block(
    "absence",
    f"""
    SELECT
        planned_week.member_id,
        planned_week.week_on,
        isodow(happened_on) AS weekday,
        lesson_number,
        subject_code,
        attendance.lessons,
        attendance_code IN ('unexcused', 'excused', 'absent') AS is_absent,
        attendance_code = 'unexcused' AS is_unexcused,
        attendance_code = 'excused' AS is_excused,
        attendance_code = 'late' AS is_late
    FROM known.attendance
    JOIN member USING (pupil_id)
    JOIN planned_week
        ON planned_week.member_id = member.member_id
        AND planned_week.school_id = attendance.school_id
        AND planned_week.week_on = happened_on - isodow(happened_on)::INTEGER + 1
    WHERE attendance_code <> 'present'
        -- The same weeks said of the days, so that other months are not read at all.
        AND happened_on < $weeks_end_on
        AND ({_IS_YEAR_DAY} OR {_IS_LONGER_DAY} OR {_IS_LAST_YEAR_DAY})
    """,  # noqa: S608  (constants)
    is_per_member=False,
)

ATTENDANCE_WEEK = Block(
    "attendance_week",
    """
    WITH entry AS (
        SELECT member_id, week_on, lessons, lessons_monday, lessons_tuesday, lessons_wednesday, lessons_thursday,
            lessons_friday, 0 AS absent, 0 AS unexcused, 0 AS excused, 0 AS late, 0 AS absent_monday, 0 AS absent_friday
        FROM planned_week
        UNION ALL BY NAME
        SELECT
            member_id,
            week_on,
            0 AS lessons,
            if(is_absent, lessons, 0) AS absent,
            if(is_unexcused, lessons, 0) AS unexcused,
            if(is_excused, lessons, 0) AS excused,
            if(is_late, lessons, 0) AS late,
            if(is_absent AND weekday = 1, lessons, 0) AS absent_monday,
            if(is_absent AND weekday = 5, lessons, 0) AS absent_friday
        FROM absence
    )
    SELECT
        member_id,
        week_on,
        sum(lessons) AS lessons,
        sum(lessons_monday) AS lessons_monday,
        sum(lessons_tuesday) AS lessons_tuesday,
        sum(lessons_wednesday) AS lessons_wednesday,
        sum(lessons_thursday) AS lessons_thursday,
        sum(lessons_friday) AS lessons_friday,
        -- A whole day and its lessons may both be written down: nobody misses more than was planned.
        least(sum(absent), sum(lessons)) AS absent,
        least(sum(unexcused), sum(lessons)) AS unexcused,
        least(sum(excused), sum(lessons)) AS excused,
        least(sum(late), sum(lessons)) AS late,
        CASE WHEN sum(lessons_monday) IS NOT NULL THEN least(sum(absent_monday), sum(lessons_monday)) END
            AS absent_monday,
        CASE WHEN sum(lessons_friday) IS NOT NULL THEN least(sum(absent_friday), sum(lessons_friday)) END
            AS absent_friday
    FROM entry
    GROUP BY member_id, week_on
    """,
    is_per_member=False,
)

ATTENDED = Block(
    "attended",
    f"""
    SELECT
        member_id,
        sum(lessons) FILTER ({_IS_YEAR}) AS lessons_year,
        sum(absent) FILTER ({_IS_YEAR}) AS absent_year,
        sum(unexcused) FILTER ({_IS_YEAR}) AS unexcused_year,
        sum(late) FILTER ({_IS_YEAR}) AS late_year,
        sum(lessons) FILTER ({_IS_LONGER}) AS lessons_8w,
        sum(absent) FILTER ({_IS_LONGER}) AS absent_8w,
        sum(unexcused) FILTER ({_IS_LONGER}) AS unexcused_8w,
        sum(excused) FILTER ({_IS_LONGER}) AS excused_8w,
        sum(lessons) FILTER ({_IS_RECENT}) AS lessons_4w,
        sum(absent) FILTER ({_IS_RECENT}) AS absent_4w,
        sum(unexcused) FILTER ({_IS_RECENT}) AS unexcused_4w,
        sum(late) FILTER ({_IS_RECENT}) AS late_4w,
        sum(lessons) FILTER ({_IS_LAST_YEAR}) AS lessons_last_year,
        sum(absent) FILTER ({_IS_LAST_YEAR}) AS absent_last_year,
        sum(lessons_monday) FILTER ({_IS_YEAR}) AS lessons_monday,
        sum(absent_monday) FILTER ({_IS_YEAR}) AS absent_monday,
        sum(lessons_friday) FILTER ({_IS_YEAR}) AS lessons_friday,
        sum(absent_friday) FILTER ({_IS_YEAR}) AS absent_friday
    FROM attendance_week
    GROUP BY member_id
    """,  # noqa: S608  (constants)
)

ATTENDANCE_TREND = Block(
    "attendance_trend",
    f"""
    SELECT
        member_id,
        -- In the order of the weeks, so that the sums are the same to the last bit in every run; rounded, so that
        -- a pupil without any change has zero.
        round(regr_slope(absent / lessons, (week_on - $year_on) / 7 ORDER BY week_on), 9) AS absent_share_per_week
    FROM attendance_week
    WHERE {_IS_LONGER}
    GROUP BY member_id
    HAVING count(*) >= {SHORTEST_TREND_WEEKS}
    """,  # noqa: S608  (constants)
)

ABSENCE_PATTERN = Block(
    "absence_pattern",
    f"""
    WITH of_subject AS (
        SELECT
            member_id,
            sum(lessons) FILTER (subject_code IS NOT NULL) AS lessons,
            sum(lessons) FILTER (lesson_number > 0) AS numbered_lessons,
            sum(lessons) FILTER (lesson_number = 1) AS first_lessons,
            sum(lessons) FILTER (lesson_number >= {LATE_LESSON}) AS last_lessons
        FROM absence
        WHERE is_absent AND {_IS_YEAR}
        GROUP BY member_id, subject_code
    )
    SELECT
        member_id,
        max(lessons) AS worst_subject_lessons,
        coalesce(sum(first_lessons), 0) / sum(numbered_lessons) AS first_lesson_share,
        coalesce(sum(last_lessons), 0) / sum(numbered_lessons) AS last_lessons_share
    FROM of_subject
    GROUP BY member_id
    """,  # noqa: S608  (constants)
)

TIMETABLE = Block(
    "timetable",
    f"""
    SELECT
        member_id,
        week_on,
        [lessons_monday, lessons_tuesday, lessons_wednesday, lessons_thursday, lessons_friday] AS by_weekday,
        (lessons_monday > 0)::INTEGER + (lessons_tuesday > 0)::INTEGER + (lessons_wednesday > 0)::INTEGER
            + (lessons_thursday > 0)::INTEGER + (lessons_friday > 0)::INTEGER AS days,
        sum(days) OVER (PARTITION BY member_id ORDER BY week_on) - days AS days_before,
        sum(days) OVER (PARTITION BY member_id) AS days_year
    FROM attendance_week
    WHERE {_IS_YEAR} AND days IS NOT NULL
    """,  # noqa: S608  (constants)
    is_per_member=False,
)
"""The pupil's own school days of this year, numbered: holidays and free days do not break a run."""

ABSENT_DAY = Block(
    "absent_day",
    """
    WITH missed AS (
        SELECT
            member_id,
            week_on,
            weekday,
            sum(lessons) AS lessons,
            bool_or(lesson_number = 0) AS is_whole_day
        FROM absence
        WHERE is_absent AND weekday <= 5
        GROUP BY ALL
    )
    SELECT
        member_id,
        days_year,
        days_before + len(list_filter(by_weekday[:weekday], lambda planned: planned > 0)) AS day_number,
        is_whole_day OR lessons >= by_weekday[weekday] AS is_full
    FROM missed
    JOIN timetable USING (member_id, week_on)
    WHERE by_weekday[weekday] > 0
    """,
    is_per_member=False,
)

SCHOOL_DAYS = Block(
    "school_days",
    """
    WITH run AS (
        SELECT member_id, count(*) AS days, max(day_number) = any_value(days_year) AS is_last
        FROM (
            SELECT *, day_number - row_number() OVER (PARTITION BY member_id ORDER BY day_number) AS run_number
            FROM absent_day
            WHERE is_full
        )
        GROUP BY member_id, run_number
    ),
    longest AS (
        SELECT member_id, max(days) AS longest_run, max(days) FILTER (is_last) AS present_run
        FROM run
        GROUP BY member_id
    ),
    counted AS (
        SELECT member_id, count(*) FILTER (is_full) AS full_days, count(*) FILTER (NOT is_full) AS partial_days
        FROM absent_day
        GROUP BY member_id
    )
    SELECT
        member_id,
        days_year,
        coalesce(full_days, 0) AS full_days,
        coalesce(partial_days, 0) AS partial_days,
        coalesce(longest_run, 0) AS longest_run,
        coalesce(present_run, 0) AS present_run
    FROM (SELECT DISTINCT member_id, days_year FROM timetable)
    LEFT JOIN longest USING (member_id)
    LEFT JOIN counted USING (member_id)
    """,
)

ATTENDANCE_BLOCKS = (
    PLANNED_WEEK,
    ABSENCE,
    ATTENDANCE_WEEK,
    ATTENDED,
    ATTENDANCE_TREND,
    ABSENCE_PATTERN,
    TIMETABLE,
    ABSENT_DAY,
    SCHOOL_DAYS,
)


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
    _feature("absent_share_per_week_8w", "share_per_week", "8w", "absent_share_per_week", FREE),
    _feature(
        "absent_share_change_year",
        "share_change",
        "against_last_year",
        "absent_year / nullif(lessons_year, 0) - absent_last_year / nullif(lessons_last_year, 0)",
        FREE,
    ),
    _feature("absent_monday_share_year", "share", "year", "absent_monday / nullif(lessons_monday, 0)", FREE),
    _feature("absent_friday_share_year", "share", "year", "absent_friday / nullif(lessons_friday, 0)", FREE),
    _feature("first_lesson_of_absent_share_year", "share", "year", "first_lesson_share", FREE),
    _feature("last_lessons_of_absent_share_year", "share", "year", "last_lessons_share", FREE),
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
