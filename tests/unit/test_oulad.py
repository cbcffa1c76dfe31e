"""OULAD becomes an ordinary delivery, by rules that a few rows can show."""

from __future__ import annotations

import gzip
from datetime import date

import pandas as pd
import pytest
import yaml

from riskmodel.settings import read_settings
from riskmodel.sources import deliveries, oulad

STUDENT = "AAA,2013J,{id},M,Scotland,A Level or Equivalent,{band},0-35,1,60,N,{result}"
RAW = {
    "courses.csv": ["code_module,code_presentation,module_presentation_length", "AAA,2013J,268", "BBB,2014B,234"],
    "assessments.csv": [
        "code_module,code_presentation,id_assessment,assessment_type,date,weight",
        "AAA,2013J,1,TMA,19,10.0",
        "AAA,2013J,2,TMA,54,20.0",
        "AAA,2013J,3,Exam,,100.0",
        "AAA,2013J,4,Exam,200,100.0",
    ],
    "studentInfo.csv": [
        "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,"
        "num_of_prev_attempts,studied_credits,disability,final_result",
        STUDENT.format(id=1, band="10-20", result="Pass"),
        STUDENT.format(id=2, band="90-100%", result="Withdrawn"),
        STUDENT.format(id=3, band="", result="Withdrawn"),
        STUDENT.format(id=4, band="?", result="Fail"),
        STUDENT.format(id=5, band="0-10%", result="Withdrawn"),
        STUDENT.format(id=6, band="0-10%", result="Fail"),
    ],
    "studentRegistration.csv": [
        "code_module,code_presentation,id_student,date_registration,date_unregistration",
        "AAA,2013J,1,-30,",
        "AAA,2013J,2,5,60",  # registered after the first day
        "AAA,2013J,3,-10,-2",  # never began
        "AAA,2013J,4,,100",  # failed, and yet withdrawn
        "AAA,2013J,5,-10,",  # withdrawn, no day
        "AAA,2013J,6,-10,",
    ],
    "studentAssessment.csv": [
        "id_assessment,id_student,date_submitted,is_banked,score",
        "1,1,18,0,80",  # in time
        "2,1,60,0,100",  # six days late
        "1,2,-1,1,70",  # carried over
        "3,1,250,0,50",
        "1,6,19,0,",  # no score
    ],
}
STARTS = date(2013, 10, 1)


def day(number):
    return pd.Timestamp(STARTS) + pd.Timedelta(days=number)


def with_times(rows):
    return rows.assign(**{name: pd.to_datetime(rows[name]) for name in rows if name.endswith("_on")})


def silent(_text):
    return None


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    raw = tmp_path_factory.mktemp("raw")
    for name, lines in RAW.items():
        (raw / name).write_text("\n".join(lines) + "\n")
    clicks = ["code_module,code_presentation,id_student,id_site,date,sum_click"]
    clicks += [f"AAA,2013J,1,9,{d},3" for d in range(-5, 268) if d != 7]
    with gzip.open(raw / "studentVle_first1048575.csv.gz", "wt") as file:
        file.write("\n".join(clicks) + "\n")
    folder = tmp_path_factory.mktemp("delivery")
    oulad.deliver(raw, folder, silent)
    return folder


@pytest.fixture
def rows(delivered):
    def read(table, pupil=None):
        found = with_times(pd.read_parquet(delivered / f"{table}.parquet"))
        return found if pupil is None else found[found["pupil_code"] == str(pupil)].reset_index(drop=True)

    return read


def test_the_delivery_passes_the_border_without_a_rejected_row(delivered):
    report = deliveries.check(delivered, silent)
    assert {name: account.quarantined for name, account in report.accounts.items() if account.quarantined} == {}


def test_a_presentation_begins_on_the_first_of_february_or_october(rows):
    term = rows("term").set_index("school_year")
    assert term.loc["2013J", "happened_on"] == day(0)
    assert term.loc["2013J", "ends_on"] == day(268)
    assert term.loc["2014B", "happened_on"] == pd.Timestamp(2014, 2, 1)


def test_a_stay_is_open_until_its_end_is_known(rows):
    versions = rows("enrolment", 2)
    assert list(versions["known_on"]) == [day(5), day(60)]
    assert list(versions["happened_on"]) == [day(5), day(5)]
    assert versions["exit_class"].isna().tolist() == [True, False]
    assert versions["exit_class"][1] == "left"
    assert versions["repeat_count"][0] == 1
    assert versions["credits"][0] == 60


@pytest.mark.parametrize(
    ("pupil", "exit_class", "last_day"),
    [(1, "completed", 268), (4, "unknown", 100), (5, "left", 268), (6, "completed", 268)],
)
def test_the_end_of_a_stay_follows_the_stated_rule(rows, pupil, exit_class, last_day):
    last = rows("enrolment", pupil).iloc[-1]
    assert (last["exit_class"], last["ends_on"]) == (exit_class, day(last_day))


def test_who_withdrew_before_the_first_day_has_no_stay(rows):
    assert rows("enrolment", 3).empty
    assert rows("pupil", 3).empty


def test_work_in_time_is_handed_in_at_once_and_marked_fourteen_days_after_it_was_due(rows):
    first = rows("mark", 1).query("work_id == '1'").reset_index(drop=True)
    assert list(first["mark_code"]) == ["handed_in", "points"]
    assert list(first["known_on"]) == [day(18), day(19 + 14)]
    assert first["mark_points"][1] == pytest.approx(8.2)


def test_late_work_was_missing_on_its_due_day_and_is_corrected_later(rows):
    second = rows("mark", 1).query("work_id == '2'").reset_index(drop=True)
    assert list(second["mark_code"]) == ["nv", "handed_in", "points"]
    assert list(second["known_on"]) == [day(54), day(60), day(74)]
    assert second["mark_points"].isna().tolist() == [True, True, False]


def test_a_result_carried_over_is_exempt_and_neither_missed_nor_a_mark(rows):
    first = rows("mark", 2).query("work_id == '1'")
    assert list(first["mark_code"]) == ["exempt"]
    assert first["mark_points"].isna().all()


def test_work_without_a_score_stays_handed_in(rows):
    assert list(rows("mark", 6).query("work_id == '1'")["mark_code"]) == ["handed_in"]


def test_nobody_misses_work_after_leaving_or_work_that_has_no_results(rows):
    assert list(rows("mark", 2).query("mark_code == 'nv'")["work_id"]) == ["2"]
    assert "4" not in set(rows("mark")["work_id"])


def test_an_examination_without_a_day_is_on_the_last_day(rows):
    assert set(rows("mark").query("work_id == '3'")["happened_on"]) == {day(268)}


def test_deprivation_is_a_band_from_0_to_9_or_missing(rows):
    bands = rows("economic_pupil").set_index("pupil_code")["value"].to_dict()
    assert bands == {"1": 1, "2": 9, "5": 0, "6": 0}


def test_a_failed_stay_has_a_result_without_a_passed_unit(rows):
    result = rows("term_result").set_index("pupil_code")["units_passed"].to_dict()
    assert result == {"1": 1, "6": 0}


def test_a_day_without_clicks_is_missed_where_clicks_are_complete(rows):
    absent = rows("attendance", 1)
    assert list(absent["happened_on"]) == [day(7), day(268)]
    assert set(absent["attendance_code"]) == {"absent"}


def test_days_of_the_stay_alone_are_planned(rows):
    weeks = rows("lessons_planned", 2)
    assert weeks["lessons"].sum() == 60 - 5 + 1
    assert weeks["happened_on"][0] == pd.Timestamp(2013, 9, 30)  # the Monday of the week of day 5, a Sunday
    assert weeks["lessons"][0] == 1


def test_the_notes_speak_both_languages_and_count(delivered):
    notes = yaml.safe_load((delivered / "notes.yaml").read_text())
    assert all(note["lv"] != note["en"] for note in notes)
    assert any(note["en"].startswith("1 registration ended before") for note in notes)


def test_public_data_are_declared_public(delivered):
    mapping = yaml.safe_load((delivered / "mapping.yaml").read_text())
    assert mapping["delivery"] == {"delivered_on": oulad.DELIVERED_ON, "origin": "public", "register_ids": "free"}


@pytest.mark.public_data
@pytest.mark.slow
def test_the_published_files_become_a_delivery_of_28_thousand_students(public_folder, tmp_path):
    oulad.fetch(tmp_path / "oulad", public_folder, silent)
    report = deliveries.check(tmp_path / "oulad", silent)
    assert sum(account.quarantined for account in report.accounts.values()) == 0
    stays = pd.read_parquet(tmp_path / "oulad" / "enrolment.parquet")
    assert stays.groupby(["pupil_code", "school_id", "happened_on"]).ngroups == 32_593 - 2_678


def test_the_settings_that_go_with_the_delivery_are_settings_of_a_run(tmp_path):
    path = tmp_path / oulad.SETTINGS_FILE
    path.write_text(oulad.SETTINGS, "utf-8")
    settings = read_settings(path, cut_off_date=date(2014, 11, 30))
    assert settings.horizon_on == date(2015, 6, 28)
    assert settings.max_missing_rise == 1.0
