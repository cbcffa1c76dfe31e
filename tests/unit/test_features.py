"""Single features on tables small enough to count by hand; declarations and words are complete."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest
import yaml
from laid_out import laid_out

from riskmodel.risk.cutoff import read_past_the_door
from riskmodel.risk.features import BLOCKS, FEATURES, build, feature, feature_sql
from riskmodel.risk.fold import days_around
from riskmodel.settings import resource
from riskmodel.tables.canonical import CANONICAL, table
from riskmodel.tables.result_columns import GROUPS
from riskmodel.tables.scores import REASON

CUT_OFF, YEAR_ON = date(2024, 12, 20), date(2024, 9, 2)  # a Friday, a Monday
LAST_MONDAY = date(2024, 12, 9)  # of the last complete week
PUPIL = "0" * 32


def pupil(number: int) -> str:
    return f"{number:032x}"


def values(members: int = 1, **rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the features of pupils 0, 1, … of class 9a in school 1, from the given rows."""
    whole = {
        name: [
            ({"pupil_id": PUPIL} if "pupil_id" in table(name).column_names else {})
            | ({"school_id": "1"} if "school_id" in table(name).column_names else {})
            | {"known_on": row.get("happened_on")}
            | row
            for row in given
        ]
        for name, given in rows.items()
    }
    return build(
        laid_out(**whole),
        CUT_OFF,
        pd.DataFrame(
            {
                "pupil_id": [pupil(number) for number in range(members)],
                "school_id": "1",
                "stage_kind": "grade",
                "stage_number": 9,
                "class_code": "9a",
                "municipality_code": "LV0001000",
                "school_year_on": pd.Timestamp(YEAR_ON),
            }
        ),
    )


def week(weeks_ago: int = 0, **more: object) -> dict[str, object]:
    """Return a week of 30 planned lessons, 6 a day; 0 is the last complete one before the cut-off."""
    by_day = {f"lessons_{day}": 6 for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
    monday = LAST_MONDAY - timedelta(days=7 * weeks_ago)
    return {"happened_on": monday, "lessons": 30, "known_on": monday + timedelta(days=6), **by_day, **more}


def missed(day: date, code: str = "unexcused", lesson_number: int = 0, **more: object) -> dict[str, object]:
    lessons = 6 if lesson_number == 0 else 1
    return {
        "happened_on": day,
        "attendance_code": code,
        "lesson_number": lesson_number,
        "lessons": lessons,
        **more,
    }


def test_a_pupil_without_rows_has_no_data_and_not_zero():
    row = values().iloc[0]
    known = row.dropna()
    assert set(known.index) == {"stage_number", "stage_is_vet", "class_pupils", "school_pupils"}


def test_no_members_give_no_rows_but_all_columns():
    assert list(values(members=0).columns) == [declared.code for declared in FEATURES]


def test_a_week_without_planned_lessons_is_no_data_even_if_absences_stand_in_it():
    row = values(
        lessons_planned=[week(0), week(2)],
        attendance=[missed(LAST_MONDAY), missed(LAST_MONDAY - timedelta(days=7))],
    ).iloc[0]
    assert row["absent_share_4w"] == 6 / 60
    assert row["unexcused_lessons_4w"] == 6


def test_a_planned_week_without_absences_is_zero_absence():
    row = values(lessons_planned=[week()]).iloc[0]
    assert row["absent_share_4w"] == 0
    assert row["unexcused_lessons_year"] == 0
    assert row["longest_absent_run_days_year"] == 0
    assert math.isnan(row["unexcused_of_absent_share_year"])


def test_windows_hold_complete_weeks_only_and_end_with_the_last_one():
    this_week = week(-1)
    row = values(
        lessons_planned=[week(0), week(3), week(4), week(7), week(8), this_week],
        attendance=[
            missed(LAST_MONDAY - timedelta(days=7 * weeks_ago), lesson_number=1) for weeks_ago in (-1, 0, 3, 4, 7, 8)
        ],
    ).iloc[0]
    assert row["absent_share_4w"] == 2 / 60
    assert row["absent_share_8w"] == 4 / 120
    assert row["absent_share_year"] == 5 / 150


def test_a_friday_cut_off_does_not_count_its_own_week_and_a_sunday_does():
    assert days_around(date(2024, 12, 20), YEAR_ON)["weeks_end_on"] == date(2024, 12, 16)
    assert days_around(date(2024, 12, 22), YEAR_ON)["weeks_end_on"] == date(2024, 12, 23)
    assert days_around(date(2024, 12, 23), YEAR_ON)["weeks_end_on"] == date(2024, 12, 23)


def test_an_absence_excused_after_the_cut_off_counts_as_unexcused():
    day = LAST_MONDAY
    row = values(
        lessons_planned=[week()],
        attendance=[missed(day, lesson_number=1), missed(day, "excused", 1, known_on=CUT_OFF + timedelta(days=1))],
    ).iloc[0]
    assert row["unexcused_lessons_4w"] == 1


def test_a_correction_to_present_takes_the_absence_away():
    row = values(
        lessons_planned=[week()],
        attendance=[
            missed(LAST_MONDAY, lesson_number=1),
            missed(LAST_MONDAY, "present", 1, known_on=LAST_MONDAY + timedelta(days=3)),
        ],
    ).iloc[0]
    assert row["absent_share_4w"] == 0


def test_lateness_is_not_absence():
    row = values(lessons_planned=[week()], attendance=[missed(LAST_MONDAY, "late", 1)]).iloc[0]
    assert (row["absent_share_4w"], row["late_share_4w"]) == (0, 1 / 30)


def test_a_run_of_missed_days_goes_on_over_weekends_and_holidays():
    friday, monday = LAST_MONDAY - timedelta(days=10), LAST_MONDAY
    without_monday = week(0, lessons=24, lessons_monday=0)
    row = values(
        lessons_planned=[week(2), without_monday],  # the week between is a holiday
        attendance=[missed(friday), missed(monday + timedelta(days=1)), missed(monday + timedelta(days=3))],
    ).iloc[0]
    assert row["longest_absent_run_days_year"] == 2
    assert row["since_present_days"] == 0
    assert row["full_days_absent_share_year"] == 3 / 9


def test_days_since_present_count_the_run_up_to_the_last_school_day():
    wednesday = LAST_MONDAY + timedelta(days=2)
    row = values(
        lessons_planned=[week()],
        attendance=[missed(wednesday + timedelta(days=days)) for days in range(3)],
    ).iloc[0]
    assert row["since_present_days"] == 3


def test_a_day_is_missed_wholly_when_all_its_lessons_are():
    tuesday = LAST_MONDAY + timedelta(days=1)
    row = values(
        lessons_planned=[week()],
        attendance=[missed(LAST_MONDAY, lesson_number=number) for number in range(1, 7)]
        + [missed(tuesday, lesson_number=number) for number in range(1, 6)],
    ).iloc[0]
    assert (row["full_days_absent_share_year"], row["partly_absent_days_share_year"]) == (1 / 5, 1 / 5)


def test_without_a_timetable_by_weekday_there_are_shares_but_no_runs():
    bare = {name: None for name in week() if name.startswith("lessons_")}
    row = values(lessons_planned=[week(**bare)], attendance=[missed(LAST_MONDAY)]).iloc[0]
    assert row["absent_share_4w"] == 6 / 30
    assert math.isnan(row["longest_absent_run_days_year"])
    assert math.isnan(row["absent_monday_share_year"])


def test_nobody_misses_more_than_was_planned():
    row = values(
        lessons_planned=[week(0, lessons=3)],
        attendance=[missed(LAST_MONDAY), missed(LAST_MONDAY, lesson_number=1)],
    ).iloc[0]
    assert row["absent_share_4w"] == 1


def test_the_slope_of_absence_needs_three_weeks():
    two, three = (
        values(
            lessons_planned=[week(weeks_ago) for weeks_ago in range(weeks)],
            attendance=[missed(LAST_MONDAY), missed(LAST_MONDAY + timedelta(days=1))],
        ).iloc[0]["absent_share_per_week_8w"]
        for weeks in (2, 3)
    )
    assert math.isnan(two)
    assert three == pytest.approx((12 / 30) / 2)


def work(due_on: date, code: str = "points", points: float | None = None, **more: object) -> dict[str, object]:
    return {
        "happened_on": due_on,
        "mark_code": code,
        "mark_points": points,
        "subject_code": "mat",
        "work_id": "1",
        "mark_kind": "test",
        **more,
    }


def test_nv_is_missed_work_and_never_a_zero_mark():
    row = values(mark=[work(date(2024, 10, 1), "nv"), work(date(2024, 10, 2), points=6)]).iloc[0]
    assert row["mark_mean_points_year"] == 6
    assert row["mark_lowest_points_year"] == 6
    assert (row["missed_works_year"], row["handed_in_share_year"]) == (1, 1 / 2)


def test_work_handed_in_late_is_no_longer_missed_once_that_is_known():
    due_on, handed_in_on = date(2024, 12, 1), date(2024, 12, 11)
    handed_in = work(due_on, "handed_in", handed_in_on=handed_in_on, known_on=handed_in_on)
    row = values(mark=[work(due_on, "nv"), handed_in]).iloc[0]
    assert (row["missed_works_year"], row["work_late_days_year"]) == (0, 10)
    unknown = handed_in | {"known_on": CUT_OFF + timedelta(days=1)}
    row = values(mark=[work(due_on, "nv"), unknown]).iloc[0]
    assert row["missed_works_year"] == 1
    assert math.isnan(row["work_late_days_year"])


def test_work_due_after_the_cut_off_counts_in_neither_way():
    later = CUT_OFF + timedelta(days=5)
    early = work(later, "handed_in", handed_in_on=date(2024, 12, 1), known_on=date(2024, 12, 1))
    row = values(mark=[work(date(2024, 10, 1), points=6), early]).iloc[0]
    assert (row["missed_works_year"], row["handed_in_share_year"]) == (0, 1)


def test_exempt_work_is_not_due():
    row = values(mark=[work(date(2024, 10, 1), "exempt"), work(date(2024, 10, 2), points=6)]).iloc[0]
    assert (row["missed_works_year"], row["handed_in_share_year"]) == (0, 1)


def test_subjects_are_low_by_their_mean():
    marks = [("mat", 3), ("mat", 4), ("lat", 4), ("lat", 4), ("eng", 9)]
    row = values(mark=[work(date(2024, 10, 1 + n), points=p, subject_code=s) for n, (s, p) in enumerate(marks)]).iloc[0]
    assert (row["low_subjects_year"], row["worst_subject_mark_points_year"]) == (1, 3.5)
    assert row["low_mark_share_year"] == 1 / 5


def result(happened_on: date, points: float | None, subject: str = "mat", kind: str = "term", **more: object):
    return {
        "happened_on": happened_on,
        "mark_points": points,
        "subject_code": subject,
        "result_kind": kind,
        **more,
    }


def test_last_year_is_told_by_results_of_the_year_before_those_of_a_term():
    row = values(
        term_result=[
            result(date(2024, 5, 31), 3, kind="year"),
            result(date(2024, 5, 31), 9, kind="term"),
            result(date(2024, 12, 13), 5),
        ]
    ).iloc[0]
    assert (row["past_year_mark_mean_points"], row["past_year_low_subjects"]) == (3, 1)
    assert (row["term_mark_mean_points"], row["term_mark_change_points"]) == (5, -4)


def test_units_are_those_of_the_last_term():
    row = values(
        term_result=[result(date(2024, 12, 13), None, "*", units_taken=6, units_passed=4)],
    ).iloc[0]
    assert (row["term_units_taken"], row["term_units_failed"]) == (6, 2)
    assert row["term_units_passed_share"] == 4 / 6
    assert math.isnan(row["term_low_subjects"])


def test_an_indicator_of_the_area_counts_from_its_publication():
    def figure(month: date, value: float, known_on: date) -> dict[str, object]:
        return {
            "municipality_code": "LV0001000",
            "happened_on": month,
            "indicator_code": "unemployment_percent",
            "value": value,
            "unit": "percent",
            "known_on": known_on,
        }

    row = values(
        economic_area=[
            figure(date(2023, 10, 1), 5.0, date(2023, 11, 15)),
            figure(date(2024, 10, 1), 6.5, date(2024, 11, 15)),
            figure(date(2024, 11, 1), 9.0, date(2024, 12, 21)),
        ]
    ).iloc[0]
    assert (row["area_unemployment_percent"], row["area_unemployment_change_percent"]) == (6.5, 1.5)


def test_a_status_holds_until_the_next_one():
    def status(day: date, value: float) -> dict[str, object]:
        return {"happened_on": day, "indicator_code": "low_income", "value": value}

    row = values(economic_pupil=[status(date(2023, 1, 1), 1.0), status(date(2024, 10, 1), 0.0)]).iloc[0]
    assert row["low_income"] == 0


def test_the_median_of_the_class_leaves_out_the_pupil():
    absent = [0, 1, 2, 3, 4, 6]
    found = values(
        members=6,
        lessons_planned=[week(pupil_id=pupil(number)) for number in range(6)],
        attendance=[
            missed(LAST_MONDAY, lesson_number=lesson, pupil_id=pupil(number))
            for number, lessons in enumerate(absent)
            for lesson in range(1, lessons + 1)
        ],
    )
    medians = [sorted(absent[:n] + absent[n + 1 :])[2] / 30 for n in range(6)]
    assert list(found["class_absent_share_year"]) == pytest.approx(medians)
    assert list(found["absent_rank_in_class_share"]) == [0, 0.2, 0.4, 0.6, 0.8, 1]


def test_five_in_a_class_are_too_few_to_compare_with():
    found = values(members=5, lessons_planned=[week(pupil_id=pupil(number)) for number in range(5)])
    assert found["class_absent_share_year"].isna().all()


def stay(starts_on: date, **more: object) -> dict[str, object]:
    return {
        "happened_on": starts_on,
        "stage_kind": "grade",
        "stage_number": 9,
        **more,
    }


def test_the_school_s_past_share_is_drawn_towards_the_share_of_all_by_twenty_pupils():
    ended = {"ends_on": date(2024, 3, 1), "known_on": date(2024, 3, 1)}
    stays = [
        stay(date(2023, 9, 1), pupil_id=pupil(1), exit_class="left", **ended),
        stay(date(2023, 9, 1), pupil_id=pupil(2)),
        stay(date(2023, 9, 1), pupil_id=pupil(3), exit_class="abroad", **ended),
        stay(date(2023, 9, 1), pupil_id=pupil(4), school_id="2"),
        stay(date(2023, 9, 1), pupil_id=pupil(5), school_id="2"),
    ]
    row = values(enrolment=stays).iloc[0]
    assert row["school_left_share_past_year"] == pytest.approx((1 + 20 * 1 / 4) / (2 + 20))
    late = [stays[0] | {"known_on": CUT_OFF + timedelta(days=1)}, stays[0] | {"ends_on": None, "exit_class": None}]
    row = values(enrolment=late + stays[1:]).iloc[0]
    assert row["school_left_share_past_year"] == 0


def test_moves_and_days_in_school_count_changes_of_school_and_not_of_stage():
    row = values(
        enrolment=[
            stay(date(2022, 9, 1), school_id="2"),
            stay(date(2023, 9, 1), school_id="1"),
            stay(date(2024, 9, 2), school_id="1", registered_on=date(2024, 8, 23), repeat_count=1),
        ]
    ).iloc[0]
    assert (row["moves_3y"], row["registered_before_days"], row["repeat_count"]) == (1, 10, 1)
    assert row["in_school_days"] == (CUT_OFF - date(2023, 9, 1)).days


@pytest.mark.parametrize(
    ("born", "overage_years"),
    [(date(2009, 1, 1), 0), (date(2009, 12, 1), 0), (date(2008, 1, 1), 0.97), (date(2006, 9, 1), 2.3)],
)
def test_overage_counts_from_the_oldest_regular_age_of_the_grade(born, overage_years):
    row = values(pupil=[{"happened_on": date(2020, 1, 1), "birth_month": born}]).iloc[0]
    assert row["overage_years"] == pytest.approx(overage_years, abs=0.01)


def test_without_a_month_of_birth_overage_is_no_data():
    row = values(pupil=[{"happened_on": date(2020, 1, 1), "sex": "m"}]).iloc[0]
    assert math.isnan(row["overage_years"])
    assert row["is_male"] == 1


def test_no_support_is_zero_only_where_the_school_records_support():
    given = {"happened_on": date(2024, 10, 1), "measure_code": "KA-MAT", "pupil_id": pupil(1)}
    assert list(values(members=2, support=[given])["support_measures_2y"]) == [0, 1]
    assert values(members=2)["support_measures_2y"].isna().all()


def test_no_query_reads_a_table_except_through_the_cut_off():
    connection = duckdb.connect()
    earlier = {"member", "folded", "stay", "left_in_school"}
    for block in BLOCKS:
        assert read_past_the_door(connection, block.sql, allowed=earlier) == set(), block.name
        earlier.add(block.name)
    assert read_past_the_door(connection, feature_sql(FEATURES), allowed=earlier) == set()


def test_no_query_asks_what_day_it_is_or_throws_dice():
    unsteady = re.compile(r"\b(now|today|current_\w+|random|uuid|known_on)\b")
    assert [block.name for block in BLOCKS if unsteady.search(block.sql)] == []


def test_codes_are_unique_and_fit_the_table_of_reasons():
    codes = [declared.code for declared in FEATURES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(REASON.column("feature_code").pattern, code) for code in codes)
    assert {declared.group for declared in FEATURES} == {*GROUPS}
    assert {declared.direction for declared in FEATURES} == {-1, 0, 1}
    assert {name for declared in FEATURES for name in declared.needs} <= {declared.name for declared in CANONICAL}


def test_protected_traits_are_marked_and_nothing_a_school_can_change_is_protected():
    assert {declared.code for declared in FEATURES if declared.is_protected} == {
        "is_male",
        "has_special_needs",
        "has_other_first_language",
    }
    assert not [declared for declared in FEATURES if declared.is_protected and declared.is_malleable]
    assert not [declared for declared in FEATURES if declared.is_malleable and declared.group == "context"]


def test_more_absence_never_lowers_the_score_and_better_marks_never_raise_it():
    directions = {declared.code: declared.direction for declared in FEATURES}
    assert directions["absent_share_8w"] == directions["unexcused_lessons_year"] == 1
    assert directions["mark_mean_points_year"] == directions["handed_in_share_year"] == -1
    assert directions["absent_share_per_week_8w"] == directions["area_unemployment_percent"] == 0


def test_an_unknown_feature_is_a_key_error():
    assert feature("absent_share_8w").unit == "share"
    with pytest.raises(KeyError):
        feature("absent")


WORDS = yaml.safe_load(resource("texts", "features.yaml").read_text("utf-8"))
PLACE = re.compile(r"{(\w+)}")


def test_every_feature_has_words_and_every_word_its_feature():
    assert list(WORDS["features"]) == [declared.code for declared in FEATURES]
    assert {declared.unit for declared in FEATURES} == {*WORDS["units"]}
    assert {declared.period for declared in FEATURES} == {*WORDS["periods"]}
    assert {*WORDS["comparisons"]} == {*REASON.column("usual_of").codes}


@pytest.mark.parametrize("declared", FEATURES, ids=lambda declared: declared.code)
def test_the_words_of_a_feature_are_whole_in_both_languages(declared):
    entry = WORDS["features"][declared.code]
    assert entry["unit"] == declared.unit
    assert {*entry} == {"unit", "lv", "en"}
    for words in (entry["lv"], entry["en"]):
        assert {*words} == {"name", "sentence", "alone", "meaning", "missing"}
        assert PLACE.findall(words["sentence"]) in (["own", "comparison"], ["own"])
        assert PLACE.findall(words["alone"]) == ["own"]
        assert not PLACE.search(words["name"] + words["meaning"] + words["missing"])
        assert all(words[name].endswith(".") for name in ("sentence", "alone", "meaning", "missing"))
    assert entry["lv"]["missing"].startswith("Nav datu par ")
    assert entry["en"]["missing"].startswith("No data on ")
    assert entry["lv"]["name"] != entry["en"]["name"]


def test_words_do_not_judge_a_pupil():
    text = resource("texts", "features.yaml").read_text("utf-8").casefold()
    assert not re.search(r"slikt|vājš|slink|nesekm|problēm|riska bērn|dropout|bad |weak|lazy|failure|at-risk", text)
