"""Features from the stay, the pupil's past, the class, the school and the municipality; and the protected traits.

What looks at other pupils looks at members of the same cohort in the same class, or at the past of the same
school. Two figures look further: the share who left in the municipality, and the country's share towards which
small schools are drawn. They count the stays of all pupils of all schools, members or not. What stays tell (``stay``,
``left_in_school``) is folded by :mod:`riskmodel.risk.stay_fold`.
"""

from __future__ import annotations

from riskmodel.risk.feature import CONTEXT, FALLS, FREE, RISES, Block, Feature
from riskmodel.risk.learning_features import MARK_MEAN

FEWEST_CLASSMATES = 5
"""Fewer others with data say nothing about what is usual in a class."""
OLDEST_REGULAR_YEARS = 6.7
"""Grade 1 begins in the year of the seventh birthday: on the first day nobody regular is above 7.7 years."""
GRADES_BEFORE_VET = 9
PRIOR_PUPILS = 20
"""So many pupils with the country's share are added to each school's own."""
SUPPORT_YEARS = 2

PUPIL_NOW = Block(
    "pupil_now",
    f"""
    SELECT
        member.member_id,
        ($year_on - pupil.birth_month) / 365.25 AS age_years,
        age_years - {OLDEST_REGULAR_YEARS} - CASE member.stage_kind
            WHEN 'grade' THEN member.stage_number
            WHEN 'vet_year' THEN member.stage_number + {GRADES_BEFORE_VET}
        END AS years_above_stage,
        pupil.prior_level,
        pupil.prior_mark_points,
        pupil.sex = 'm' AS is_male,
        pupil.has_special_needs,
        pupil.first_language
    FROM known.pupil
    JOIN member USING (pupil_id)
    WHERE pupil.happened_on <= $cut_off
    QUALIFY row_number() OVER (PARTITION BY member.member_id ORDER BY pupil.happened_on DESC) = 1
    """,  # noqa: S608  (constants)
)

SCHOOL_NOW = Block(
    "school_now",
    """
    WITH latest AS (
        SELECT * FROM known.school
        WHERE happened_on <= $cut_off
        QUALIFY row_number() OVER (PARTITION BY school_id ORDER BY happened_on DESC) = 1
    )
    SELECT
        member.member_id,
        latest.school_kind,
        latest.instruction_language,
        count(*) OVER (PARTITION BY member.school_id) AS pupils
    FROM member
    LEFT JOIN latest USING (school_id)
    """,
)

CLASS_NOW = Block(
    "class_now",
    f"""
    WITH placed AS (
        SELECT
            member.member_id,
            member.class_id,
            absent_year / nullif(lessons_year, 0) AS share,
            {MARK_MEAN} AS mark,
            row_number() OVER by_share AS position,
            rank() OVER by_share - 1 AS with_lower_share,
            count(*) OVER (by_share RANGE BETWEEN CURRENT ROW AND CURRENT ROW) - 1 AS with_same_share,
            rank() OVER by_mark - 1 AS with_lower_mark,
            count(*) OVER (by_mark RANGE BETWEEN CURRENT ROW AND CURRENT ROW) - 1 AS with_same_mark,
            count(*) OVER (by_share ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS pupils,
            count(share) OVER (by_share ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS with_share,
            count(mark) OVER (by_mark ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS with_mark
        FROM member
        LEFT JOIN folded USING (member_id)
        -- Two orders for all of them: each costs a sort.
        WINDOW
            by_share AS (PARTITION BY class_id ORDER BY share NULLS LAST),
            by_mark AS (PARTITION BY class_id ORDER BY mark NULLS LAST)
    ),
    middle AS (
        SELECT
            class_id,
            median(share) AS of_all,
            any_value(share) FILTER (position = with_share // 2) AS lower,
            any_value(share) FILTER (position = with_share // 2 + 1) AS centre,
            any_value(share) FILTER (position = with_share // 2 + 2) AS upper
        FROM placed
        GROUP BY class_id
    )
    SELECT
        member_id,
        pupils,
        -- The median of the others: taking one value out of the sorted row moves its middle by at most one place.
        CASE
            WHEN with_share - (share IS NOT NULL)::INTEGER < {FEWEST_CLASSMATES} THEN NULL
            WHEN share IS NULL THEN of_all
            WHEN with_share % 2 = 0 THEN CASE WHEN position <= with_share // 2 THEN centre ELSE lower END
            WHEN position <= with_share // 2 THEN (centre + upper) / 2
            WHEN position = with_share // 2 + 1 THEN (lower + upper) / 2
            ELSE (lower + centre) / 2
        END AS others_absent_share,
        CASE WHEN share IS NOT NULL AND with_share > {FEWEST_CLASSMATES}
            THEN (with_lower_share + with_same_share / 2) / (with_share - 1)
        END AS absent_rank,
        CASE WHEN mark IS NOT NULL AND with_mark > {FEWEST_CLASSMATES}
            THEN (with_lower_mark + with_same_mark / 2) / (with_mark - 1)
        END AS mark_rank
    FROM placed
    JOIN middle USING (class_id)
    """,  # noqa: S608  (constants)
)

LEFT_BEFORE = Block(
    "left_before",
    f"""
    WITH of_school AS (
        SELECT school_id, sum(leavers)::BIGINT AS leavers, sum(pupils)::BIGINT AS pupils
        FROM left_in_school
        GROUP BY school_id
    ),
    place AS (
        SELECT school_id, municipality_code FROM known.school
        WHERE happened_on <= $cut_off
        QUALIFY row_number() OVER (PARTITION BY school_id ORDER BY happened_on DESC) = 1
    ),
    overall AS (
        SELECT sum(leavers)::BIGINT / nullif(sum(pupils)::BIGINT, 0) AS share FROM of_school
    ),
    of_municipality AS (
        SELECT municipality_code, sum(leavers) AS leavers, sum(pupils) AS pupils
        FROM of_school JOIN place USING (school_id)
        GROUP BY municipality_code
    )
    SELECT
        member.member_id,
        (of_school.leavers + {PRIOR_PUPILS} * overall.share) / (of_school.pupils + {PRIOR_PUPILS}) AS school_share,
        (of_municipality.leavers + {PRIOR_PUPILS} * overall.share) / (of_municipality.pupils + {PRIOR_PUPILS})
            AS municipality_share
    FROM member
    CROSS JOIN overall
    LEFT JOIN of_school USING (school_id)
    LEFT JOIN of_municipality ON of_municipality.municipality_code = member.municipality_code
    """,  # noqa: S608  (constants)
)

SUPPORTED = Block(
    "supported",
    f"""
    WITH counted AS (
        SELECT member.member_id, count(*) AS measures
        FROM known.support
        JOIN member USING (pupil_id)
        WHERE support.happened_on <= $cut_off AND support.happened_on > $cut_off - {364 * SUPPORT_YEARS}
        GROUP BY member.member_id
    )
    -- No measure is known of a pupil: none was given, if the school records measures at all.
    SELECT member.member_id, coalesce(counted.measures, 0) AS measures
    FROM member
    LEFT JOIN counted USING (member_id)
    WHERE counted.measures > 0
        OR member.school_id IN (SELECT school_id FROM known.support WHERE happened_on <= $cut_off)
    """,  # noqa: S608  (constants)
)

CONTEXT_BLOCKS = (PUPIL_NOW, SCHOOL_NOW, CLASS_NOW, LEFT_BEFORE, SUPPORTED)


def _feature(
    code: str, unit: str, period: str, sql: str, direction: int = FREE, needs: tuple[str, ...] = ("enrolment",)
) -> Feature:
    return Feature(code, CONTEXT, unit, period, sql, direction, needs)


def _protected(code: str, sql: str) -> Feature:
    return Feature(code, CONTEXT, "yes_no", "now", sql, FREE, needs=("pupil",), is_protected=True)


CONTEXT_FEATURES = (
    _feature("stage_number", "stage", "now", "member.stage_number"),
    _feature("stage_is_vet", "yes_no", "now", "(member.stage_kind = 'vet_year')::INTEGER"),
    _feature("school_is_evening", "yes_no", "now", "(school_now.school_kind = 'evening')::INTEGER", needs=("school",)),
    _feature(
        "overage_years",
        "years",
        "now",
        "CASE WHEN years_above_stage IS NOT NULL THEN greatest(years_above_stage, 0) END",
        RISES,
        ("pupil",),
    ),
    _feature("age_years", "years", "now", "age_years", needs=("pupil",)),
    _feature("repeat_count", "attempts", "now", "stay.repeat_count", RISES),
    _feature("moves_3y", "moves", "3y", "stay.moves"),
    _feature("in_school_days", "days", "now", "stay.days_in_school"),
    _feature("registered_before_days", "days", "now", "stay.registered_days_before"),
    _feature("credits", "credits", "now", "stay.credits"),
    _feature("prior_level", "level", "before", "pupil_now.prior_level", needs=("pupil",)),
    _feature("prior_mark_points", "points", "before", "pupil_now.prior_mark_points", FALLS, ("pupil",)),
    _feature("support_measures_2y", "measures", "2y", "supported.measures", needs=("support",)),
    _feature("class_pupils", "pupils", "now", "class_now.pupils"),
    _feature(
        "class_absent_share_year",
        "share",
        "year",
        "class_now.others_absent_share",
        needs=("lessons_planned", "attendance"),
    ),
    _feature(
        "absent_rank_in_class_share",
        "share",
        "year",
        "class_now.absent_rank",
        RISES,
        needs=("lessons_planned", "attendance"),
    ),
    _feature("mark_rank_in_class_share", "share", "year", "class_now.mark_rank", FALLS, needs=("mark",)),
    _feature("school_pupils", "pupils", "now", "school_now.pupils"),
    _feature("school_left_share_past_year", "share", "past_year", "left_before.school_share"),
    _feature("municipality_left_share_past_year", "share", "past_year", "left_before.municipality_share"),
    _protected("is_male", "is_male::INTEGER"),
    _protected("has_special_needs", "has_special_needs::INTEGER"),
    _protected("has_other_first_language", "(pupil_now.first_language <> school_now.instruction_language)::INTEGER"),
)
