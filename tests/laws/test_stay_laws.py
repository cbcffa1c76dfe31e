"""What stays tell, folded in one pass, is what plain queries over the door in time find."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from laid_out import laid_out

from riskmodel.risk.cutoff import open_cut_off
from riskmodel.risk.fold import fold_together
from riskmodel.risk.stay_fold import LEFT_COLUMNS, STAY_COLUMNS, LeftBefore, fold_stays
from riskmodel.tables.canonical import ENROLMENT

CUT_OFF, YEAR_ON = date(2024, 12, 20), date(2024, 9, 2)
PUPILS, SCHOOLS = [f"{number:032x}" for number in range(4)], ["11", "7", "B"]
CLASSES = [None, *ENROLMENT.column("exit_class").codes]

AT_HAND = """
    WITH stays AS (
        SELECT member.school_id = enrolment.school_id AND (ends_on IS NULL OR ends_on > $cut_off) AS is_own, enrolment.*
        FROM known.enrolment JOIN member USING (pupil_id) WHERE happened_on <= $cut_off
    ),
    ordered AS (
        SELECT *, lag(school_id) OVER (PARTITION BY pupil_id ORDER BY happened_on, school_id) AS school_before FROM stays
    ),
    moved AS (
        SELECT
            pupil_id,
            count(*) FILTER (school_before <> school_id AND happened_on > $cut_off - 1092) AS moves,
            max(happened_on) FILTER (school_before IS DISTINCT FROM school_id) AS came_on
        FROM ordered GROUP BY pupil_id
    ),
    own AS (
        SELECT * FROM stays WHERE is_own
        QUALIFY row_number() OVER (PARTITION BY pupil_id ORDER BY happened_on DESC) = 1
    )
    -- Credits count in hundredths, as all decimals that are packed.
    SELECT moves, $cut_off - came_on, repeat_count, floor(credits * 100 + 0.5) / 100, own.happened_on - registered_on
    FROM member LEFT JOIN moved USING (pupil_id) LEFT JOIN own USING (pupil_id)
    ORDER BY pupil_id
"""
LEFT = """
    WITH newest AS (
        SELECT
            school_id,
            last(
                CASE WHEN ends_on < $year_on THEN exit_class ELSE 'continuing' END
                ORDER BY coalesce(ends_on, DATE '9999-12-31'), exit_class
            ) AS stood
        FROM known.enrolment
        WHERE happened_on < $year_on AND (ends_on IS NULL OR ends_on >= $past_year_on)
        GROUP BY school_id, pupil_id
    )
    SELECT school_id, count(*) FILTER (stood = 'left'), count(*)
    FROM newest WHERE stood NOT IN ('abroad', 'unknown')
    GROUP BY school_id ORDER BY school_id
"""

days = st.integers(-2000, 120).map(lambda ago: CUT_OFF + timedelta(days=ago))
near_a_year_end = st.sampled_from([date(2023, 9, 3), date(2023, 9, 4), date(2024, 9, 1), YEAR_ON, CUT_OFF])
stays = st.lists(
    st.fixed_dictionaries(
        {
            "pupil_id": st.sampled_from(PUPILS),
            "school_id": st.sampled_from(SCHOOLS),
            "happened_on": days | st.sampled_from([YEAR_ON, CUT_OFF]),
            "known_on": days,
            "ends_on": st.none() | days | near_a_year_end,
            "exit_class": st.sampled_from(CLASSES),
            "repeat_count": st.none() | st.integers(0, 20),
            "registered_on": st.none() | days,
            "credits": st.none() | st.integers(0, 1_000_000).map(lambda thousandths: thousandths / 1000),
            "stage_kind": st.just("grade"),
            "stage_number": st.integers(5, 12),
        }
    ),
    max_size=14,
    unique_by=lambda row: (row["pupil_id"], row["school_id"], row["happened_on"], row["known_on"]),
)
members = st.dictionaries(st.sampled_from(PUPILS), st.sampled_from(SCHOOLS))


@settings(deadline=None)
@given(stays, members)
def test_the_stay_at_hand_and_the_moves_before_it_are_those_that_a_query_finds(rows, school_of):
    connection = laid_out(enrolment=rows)
    member = pa.table(
        {"pupil_id": sorted(school_of), "school_id": [school_of[pupil] for pupil in sorted(school_of)]},
        pa.schema([("pupil_id", pa.string()), ("school_id", pa.string())]),
    )
    connection.register("member", member)
    open_cut_off(connection, CUT_OFF, tables=("enrolment",))
    expected = connection.execute(AT_HAND, {"cut_off": CUT_OFF}).fetchall()
    found = fold_stays(connection, member, CUT_OFF).select(STAY_COLUMNS)
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


@settings(deadline=None)
@given(stays, st.sampled_from(PUPILS))
def test_how_many_left_each_school_is_what_a_query_counts_in_whatever_ranges_of_pupils(rows, bound):
    connection = laid_out(enrolment=rows)
    open_cut_off(connection, CUT_OFF, tables=("enrolment",))
    asked = {"year_on": YEAR_ON, "past_year_on": YEAR_ON - timedelta(days=364)}
    expected = connection.execute(LEFT, asked).fetchall()
    fold = LeftBefore(CUT_OFF, YEAR_ON)
    ranges = [fold_together(connection, [fold], *of)[0] for of in ((None, bound), (bound, None))]
    together = pa.concat_tables(ranges).group_by("school_id").aggregate([("leavers", "sum"), ("pupils", "sum")])
    assert [tuple(row.values()) for row in together.sort_by("school_id").to_pylist()] == expected
    (whole,) = fold_together(connection, [fold])
    assert whole.column_names == [*LEFT_COLUMNS]
    assert [tuple(row.values()) for row in whole.sort_by("school_id").to_pylist()] == expected
