"""Cohorts are cut at the same point of the calendar, and the label says one thing in every case."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest
from laid_out import laid_out

from riskmodel.errors import UsageError
from riskmodel.risk.label import Window, cohort, cohort_windows
from riskmodel.tables.scores import COHORT

PUPIL, OTHER_PUPIL = "a" * 32, "b" * 32
CUT_OFF, HORIZON = date(2023, 12, 20), date(2024, 9, 30)
WINDOW = Window(CUT_OFF, date(2023, 9, 1), HORIZON, 30, term_on=date(2023, 9, 1))
LABEL_KNOWN_ON = date(2024, 10, 30)


def stay(
    starts_on: date, ends_on: date | None = None, exit_class: str | None = None, **more: object
) -> dict[str, object]:
    return {
        "pupil_id": PUPIL,
        "school_id": "1",
        "stage_kind": "grade",
        "stage_number": 10,
        "class_code": "10a",
        "happened_on": starts_on,
        "ends_on": ends_on,
        "exit_class": exit_class,
        "known_on": ends_on or starts_on,
        **more,
    }


def open_stay_and(*ends: dict[str, object]) -> list[dict[str, object]]:
    return [stay(date(2022, 9, 1)), *ends]


def only_row(connection: duckdb.DuckDBPyConnection, as_of: date = LABEL_KNOWN_ON) -> pd.Series:
    found = cohort(connection, WINDOW, as_of)
    assert len(found) == 1
    return found.iloc[0]


BEGAN = date(2022, 9, 1)


@pytest.mark.requirement("R1", "X6")
@pytest.mark.parametrize(
    ("stays", "outcome_class", "label"),
    [
        pytest.param([stay(BEGAN)], "continuing", 0, id="still enrolled"),
        pytest.param(open_stay_and(stay(BEGAN, date(2024, 3, 1), "left")), "left", 1, id="left in spring"),
        pytest.param(open_stay_and(stay(BEGAN, date(2024, 8, 31), "left")), "left", 1, id="left over the summer"),
        pytest.param(open_stay_and(stay(BEGAN, HORIZON, "left")), "left", 1, id="left on the last day of the window"),
        pytest.param(
            open_stay_and(stay(BEGAN, HORIZON + timedelta(days=1), "left")), "continuing", 0, id="left a day too late"
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, CUT_OFF + timedelta(days=1), "left")), "left", 1, id="left on the first day"
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, CUT_OFF, "left", known_on=date(2024, 1, 5))), "left", None, id="had left before"
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, CUT_OFF, "completed", known_on=date(2024, 1, 5))),
            "completed",
            None,
            id="had finished before",
        ),
        pytest.param(open_stay_and(stay(BEGAN, date(2024, 6, 14), "completed")), "completed", 0, id="finished"),
        pytest.param(
            open_stay_and(
                stay(BEGAN, date(2024, 6, 14), "completed"),
                stay(date(2024, 9, 2), date(2024, 9, 20), "left", school_id="2"),
            ),
            "completed",
            0,
            id="finished, and left the next stage",
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, date(2024, 5, 31), "continuing")),
            "continuing",
            0,
            id="goes on, next stay not seen",
        ),
        pytest.param(
            open_stay_and(
                stay(BEGAN, date(2024, 5, 31), "continuing"), stay(date(2024, 9, 2), date(2024, 9, 16), "left")
            ),
            "left",
            1,
            id="went on to the next stage and left it in September",
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, date(2024, 2, 1), "transferred")),
            "transferred",
            0,
            id="transferred, not yet seen",
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, date(2024, 2, 1), "left"), stay(date(2024, 9, 2), school_id="2")),
            "transferred",
            0,
            id="recorded as left, found enrolled elsewhere",
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, date(2024, 2, 1), "unknown"), stay(date(2024, 2, 5), school_id="2")),
            "transferred",
            0,
            id="recorded as unknown, found enrolled elsewhere",
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, date(2024, 2, 1), "left"), stay(date(2024, 9, 2))),
            "continuing",
            0,
            id="left and came back within the window",
        ),
        pytest.param(
            open_stay_and(stay(BEGAN, date(2024, 2, 1), "left"), stay(date(2024, 10, 7))),
            "left",
            1,
            id="left and came back after the window",
        ),
        pytest.param(
            open_stay_and(
                stay(BEGAN, date(2024, 2, 1), "transferred"),
                stay(date(2024, 2, 5), date(2024, 4, 30), "left", school_id="2"),
            ),
            "left",
            1,
            id="transferred and left the other school",
        ),
        pytest.param(
            open_stay_and(
                stay(BEGAN, date(2024, 2, 1), "left"),
                stay(date(2024, 1, 25), date(2024, 2, 1), "transferred", school_id="2"),
            ),
            "transferred",
            0,
            id="two stays end on one day",
        ),
        pytest.param(open_stay_and(stay(BEGAN, date(2024, 2, 1), "abroad")), "abroad", None, id="moved abroad"),
        pytest.param(open_stay_and(stay(BEGAN, date(2024, 2, 1), "unknown")), "unknown", None, id="unknown"),
        pytest.param(
            open_stay_and(
                stay(BEGAN, date(2024, 2, 1), "left"),
                stay(BEGAN, date(2024, 2, 1), "abroad", known_on=date(2024, 6, 1)),
            ),
            "abroad",
            None,
            id="corrected from left to abroad",
        ),
        pytest.param(
            open_stay_and(
                stay(BEGAN, date(2024, 2, 1), "left"),
                stay(BEGAN, date(2024, 2, 1), "abroad", known_on=LABEL_KNOWN_ON + timedelta(days=1)),
            ),
            "left",
            1,
            id="corrected after the day on which the label is read",
        ),
    ],
)
def test_each_way_of_ending_has_its_label(stays, outcome_class, label):
    row = only_row(laid_out(enrolment=stays))
    assert row["outcome_class"] == outcome_class
    assert (None if pd.isna(row["label"]) else row["label"]) == label


def test_an_outcome_is_open_until_the_window_and_the_reporting_delay_are_over():
    connection = laid_out(enrolment=open_stay_and(stay(BEGAN, date(2024, 1, 10), "left")))
    row = only_row(connection, as_of=LABEL_KNOWN_ON - timedelta(days=1))
    assert row["outcome_class"] == "open"
    assert pd.isna(row["label"])
    assert pd.isna(row["left_on"])
    row = only_row(connection, as_of=LABEL_KNOWN_ON)
    assert row["label"] == 1
    assert row["left_on"] == pd.Timestamp(2024, 1, 10)


@pytest.mark.parametrize(
    ("stays", "members"),
    [
        ([stay(CUT_OFF)], 1),
        ([stay(CUT_OFF + timedelta(days=1))], 0),
        ([stay(CUT_OFF, known_on=CUT_OFF + timedelta(days=1))], 0),
        ([stay(BEGAN), stay(BEGAN, CUT_OFF, "left")], 0),
        ([stay(BEGAN), stay(BEGAN, CUT_OFF, "left", known_on=CUT_OFF + timedelta(days=1))], 1),
    ],
)
def test_a_member_is_enrolled_on_the_cut_off_date_as_known_that_day(stays, members):
    assert len(cohort(laid_out(enrolment=stays), WINDOW, LABEL_KNOWN_ON)) == members


def test_a_pupil_with_two_stays_is_one_row_in_the_school_entered_last():
    connection = laid_out(
        enrolment=[stay(BEGAN), stay(date(2023, 11, 1), school_id="2", class_code="10c")],
        school=[
            {
                "school_id": "2",
                "school_name": "Skola",
                "school_kind": "general",
                "municipality_code": "LV0001000",
                "happened_on": date(2000, 1, 1),
                "known_on": date(2000, 1, 1),
            }
        ],
    )
    row = only_row(connection)
    assert (row["school_id"], row["class_code"], row["municipality_code"]) == ("2", "10c", "LV0001000")


def test_the_columns_are_those_of_the_declared_table():
    found = cohort(laid_out(enrolment=[stay(BEGAN), stay(BEGAN, pupil_id=OTHER_PUPIL)]), WINDOW, LABEL_KNOWN_ON)
    assert tuple(found.columns) == COHORT.column_names
    assert list(found["pupil_id"]) == [PUPIL, OTHER_PUPIL]
    assert found["label"].dtype == "Int64"
    assert found["cohort_on"].dt.date.unique() == [CUT_OFF]
    assert found["label_known_on"].dt.date.unique() == [LABEL_KNOWN_ON]


def term(school_year: str, number: int, starts_on: date, ends_on: date, **more: object) -> dict[str, object]:
    return {
        "school_year": school_year,
        "term_number": number,
        "happened_on": starts_on,
        "ends_on": ends_on,
        "known_on": starts_on - timedelta(days=30),
        **more,
    }


LATVIAN_TERMS = [
    term("2022/23", 1, date(2022, 9, 1), date(2022, 12, 23)),
    term("2022/23", 2, date(2023, 1, 9), date(2023, 5, 31)),
    term("2023/24", 1, date(2023, 9, 1), date(2023, 12, 22)),
    term("2023/24", 2, date(2024, 1, 8), date(2024, 5, 31)),
    term("2024/25", 1, date(2024, 9, 2), date(2024, 12, 20)),
    term("2024/25", 2, date(2025, 1, 6), date(2025, 5, 30), known_on=date(2024, 6, 1)),
]


def test_past_cohorts_are_cut_as_many_days_after_their_term_began():
    windows = cohort_windows(laid_out(term=LATVIAN_TERMS), date(2024, 12, 20), None, 30)
    assert [window.cut_off for window in windows] == [date(2022, 12, 19), date(2023, 12, 19), date(2024, 12, 20)]
    assert [window.horizon_on for window in windows] == [date(2023, 9, 30), date(2024, 9, 30), date(2025, 9, 30)]
    assert [window.school_year_on for window in windows] == [date(2022, 9, 1), date(2023, 9, 1), date(2024, 9, 2)]
    assert windows[-1].label_known_on == date(2025, 10, 30)


def test_a_cut_off_in_the_second_term_is_compared_with_second_terms():
    windows = cohort_windows(laid_out(term=LATVIAN_TERMS), date(2025, 3, 1), None, 30)
    assert [window.cut_off for window in windows] == [date(2023, 3, 4), date(2024, 3, 2), date(2025, 3, 1)]


def test_a_given_horizon_counts_from_the_first_day_of_the_term_in_each_cohort():
    windows = cohort_windows(laid_out(term=LATVIAN_TERMS), date(2024, 12, 20), date(2025, 5, 30), 0)
    assert [window.horizon_on for window in windows] == [date(2023, 5, 29), date(2024, 5, 28), date(2025, 5, 30)]


def test_dates_of_a_single_school_do_not_move_the_cohorts_of_all():
    own = term("2024/25", 1, date(2024, 8, 15), date(2024, 12, 1), school_id="7")
    windows = cohort_windows(laid_out(term=[*LATVIAN_TERMS, own]), date(2024, 12, 20), None, 30)
    assert windows[-1].term_on == date(2024, 9, 2)


def test_a_horizon_before_the_cut_off_is_refused():
    with pytest.raises(UsageError, match="must end after the cut-off date"):
        cohort_windows(laid_out(term=LATVIAN_TERMS), date(2024, 12, 20), date(2024, 12, 20), 30)


def test_a_calendar_that_begins_later_is_refused():
    with pytest.raises(UsageError, match="must hold a term that has begun"):
        cohort_windows(laid_out(term=LATVIAN_TERMS), date(2022, 8, 31), None, 30)


PRESENTATIONS = [
    term("2013J", 1, date(2013, 10, 1), date(2014, 6, 26)),
    term("2014B", 1, date(2014, 2, 1), date(2014, 9, 23)),
]
REGISTRATIONS = [
    stay(date(2013, 10, 1), stage_kind="course", stage_number=1),
    stay(date(2014, 2, 1), stage_kind="course", stage_number=1, pupil_id=OTHER_PUPIL),
]


def test_of_presentations_that_run_side_by_side_each_has_its_own_pupils():
    connection = laid_out(term=PRESENTATIONS, enrolment=REGISTRATIONS)
    windows = cohort_windows(connection, date(2014, 4, 2), date(2014, 9, 1), 0)
    assert [window.cut_off for window in windows] == [date(2013, 11, 30), date(2014, 4, 2)]
    members = [list(cohort(connection, window, date(2014, 4, 2))["pupil_id"]) for window in windows]
    assert members == [[PUPIL], [OTHER_PUPIL]]


def test_a_late_cut_of_the_earlier_presentation_leaves_out_the_later_one():
    connection = laid_out(term=PRESENTATIONS, enrolment=REGISTRATIONS)
    windows = cohort_windows(connection, date(2014, 7, 31), date(2014, 9, 1), 0)
    assert windows[0].cut_off == date(2014, 3, 30)
    assert windows[0].rival_on == (date(2014, 2, 1),)
    assert list(cohort(connection, windows[0], date(2014, 7, 31))["pupil_id"]) == [PUPIL]
