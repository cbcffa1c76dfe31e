"""UCI 697 becomes a delivery whose dates are nominal and said to be so."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from riskmodel.sources import deliveries, uci697

HEADER = (
    'Marital status;Application mode;Application order;Course;"Daytime/evening attendance\t";Previous qualification;'
    "Previous qualification (grade);Nacionality;Mother's qualification;Father's qualification;Mother's occupation;"
    "Father's occupation;Admission grade;Displaced;Educational special needs;Debtor;Tuition fees up to date;Gender;"
    "Scholarship holder;Age at enrollment;International;Curricular units 1st sem (credited);"
    "Curricular units 1st sem (enrolled);Curricular units 1st sem (evaluations);Curricular units 1st sem (approved);"
    "Curricular units 1st sem (grade);Curricular units 1st sem (without evaluations);"
    "Curricular units 2nd sem (credited);Curricular units 2nd sem (enrolled);Curricular units 2nd sem (evaluations);"
    "Curricular units 2nd sem (approved);Curricular units 2nd sem (grade);"
    "Curricular units 2nd sem (without evaluations);Unemployment rate;Inflation rate;GDP;Target"
)
LEFT = "1;17;5;171;1;1;122.0;1;19;12;5;9;127.3;1;0;0;1;1;0;20;0;0;6;0;0;0.0;0;0;6;6;3;12.5;0;10.8;1.4;1.74;Dropout"
STAYED = "1;15;1;9254;1;19;160.0;1;1;3;3;3;142.5;1;1;1;0;0;1;34;0;0;6;6;6;14.0;0;0;6;6;6;13.6;0;13.9;-0.3;0.79;Graduate"
STILL = "1;1;5;9070;1;1;122.0;1;37;37;9;9;124.8;1;0;0;0;1;0;19;0;0;6;0;0;0.0;0;0;6;0;0;0.0;0;10.8;1.4;1.74;Enrolled"


def with_times(rows):
    return rows.assign(**{name: pd.to_datetime(rows[name]) for name in rows if name.endswith("_on")})


def silent(_text):
    return None


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    raw, folder = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("delivery")
    (raw / "data.csv").write_text("\ufeff" + "\r\n".join([HEADER, LEFT, STAYED, STILL]) + "\r\n", "utf-8", newline="")
    uci697.deliver(raw, folder, silent)
    return folder


@pytest.fixture
def rows(delivered):
    return lambda table: with_times(pd.read_parquet(delivered / f"{table}.parquet"))


def test_the_delivery_passes_the_border_without_a_rejected_row(delivered):
    report = deliveries.check(delivered, silent)
    assert {name: account.quarantined for name, account in report.accounts.items() if account.quarantined} == {}


def test_the_outcome_is_known_at_the_end_of_the_nominal_year_and_not_before(rows):
    stays = rows("enrolment")
    ended = stays[stays["ends_on"].notna()]
    assert dict(zip(ended["pupil_code"], ended["exit_class"], strict=True)) == {
        "1": "left",
        "2": "completed",
        "3": "continuing",
    }
    assert list(ended["known_on"]) == [pd.Timestamp(y, 8, 31) for y in (2011, 2015, 2011)]
    assert set(stays[stays["ends_on"].isna()]["known_on"].dt.month) == {9}


def test_fees_and_debts_count_as_known_at_the_end_of_the_second_term(rows):
    status = rows("economic_pupil").query("pupil_code == '2'").set_index("indicator_code")
    assert status["known_on"].to_dict() == {
        "debtor": pd.Timestamp(2015, 6, 30),
        "fees_paid": pd.Timestamp(2015, 6, 30),
        "scholarship": pd.Timestamp(2014, 9, 1),
    }
    assert status["value"].to_dict() == {"debtor": 1, "fees_paid": 0, "scholarship": 1}


def test_grade_0_is_no_grade(rows):
    points = rows("term_result").query("pupil_code == '1'")["mark_points"]
    assert points.isna().tolist() == [True, False]
    assert points.iloc[1] == pytest.approx(1 + 9 * 12.5 / 20)


def test_units_taken_and_passed_are_those_of_each_term(rows):
    results = rows("term_result").query("pupil_code == '1'")
    assert list(zip(results["units_taken"], results["units_passed"], strict=True)) == [(6, 0), (6, 3)]


def test_the_economic_figures_tell_the_nominal_year(rows):
    figures = rows("economic_area")
    growth = figures[figures["indicator_code"] == "gdp_growth_percent"]
    assert dict(zip(growth["happened_on"].dt.year, growth["value"], strict=True)) == {2010: 1.74, 2014: 0.79}


def test_sex_and_earlier_education_are_read_from_their_codes(rows):
    pupil = rows("pupil").set_index("pupil_code")
    assert pupil["sex"].to_dict() == {"1": "m", "2": "f", "3": "m"}
    assert pupil["prior_level"].to_dict() == {"1": 2, "2": 1, "3": 2}
    assert pupil.loc["2", "has_special_needs"]


def test_every_code_of_the_published_file_has_a_level_and_every_course_a_name():
    codes = [code for codes in uci697.PRIOR_LEVELS.values() for code in codes]
    assert len(codes) == len(set(codes)) == 17
    assert len(uci697.COURSES) == 17


def test_the_notes_say_that_dates_are_nominal_in_both_languages(delivered):
    notes = yaml.safe_load((delivered / "notes.yaml").read_text())
    assert "nominal" in notes[0]["en"]
    assert all(note["lv"] != note["en"] for note in notes)


@pytest.mark.public_data
def test_the_published_file_becomes_a_delivery_of_4424_students(tmp_path, public_folder):
    uci697.fetch(tmp_path / "uci", public_folder, silent)
    report = deliveries.check(tmp_path / "uci", silent)
    assert report.accounts["pupil"].used == 4_424
    assert sum(account.quarantined for account in report.accounts.values()) == 0
    last = pd.read_parquet(tmp_path / "uci" / "enrolment.parquet").dropna(subset="ends_on")["exit_class"].value_counts()
    assert last.to_dict() == {"completed": 2_209, "left": 1_421, "continuing": 794}
