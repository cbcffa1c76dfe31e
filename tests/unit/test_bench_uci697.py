"""The benchmark on UCI 697: its columns, its rules and the shape of its report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.bench import uci697

SEMESTER_COLUMNS = ("credited", "enrolled", "evaluations", "approved", "grade", "without evaluations")


def _world(students=300):
    random = np.random.default_rng(1)
    passes = random.uniform(size=students)
    approved = np.round(6 * passes)
    semesters = {
        f"Curricular units {s} sem ({name})": {"enrolled": 6.0, "approved": approved, "grade": 20 * passes}.get(
            name, 0.0
        )
        for s in ("1st", "2nd")
        for name in SEMESTER_COLUMNS
    }
    background = {name: random.integers(0, 3, students) for name in uci697.CODES}
    rest = ("Application order", "Daytime/evening attendance", "Displaced", "Educational special needs", "Gender")
    rest += ("International", "Unemployment rate", "Inflation rate", "GDP", "Scholarship holder", *uci697.UNDATED)
    table = pd.DataFrame(background | semesters | {name: random.integers(0, 2, students) for name in rest})
    table["Course"] = np.arange(students) % 10
    table["Age at enrollment"] = random.integers(17, 40, students)
    table["Admission grade"] = table["Previous qualification (grade)"] = random.uniform(95, 190, students)
    return table.assign(Target=np.where(random.uniform(size=students) > 0.2 + 0.7 * passes, "Dropout", "Graduate"))


def _one(**given):
    values = {"enrolled": 6, "approved": 6, "grade": 12.0}
    columns = {f"Curricular units {s} sem ({name})": [value] for s in ("1st", "2nd") for name, value in values.items()}
    return pd.DataFrame(columns | {"Age at enrollment": [20], "Tuition fees up to date": [1]}).assign(**given)


def test_sets_grow_with_what_is_known_and_the_headline_leaves_undated_columns_out():
    sets = uci697.feature_sets(_world())
    assert [len(columns) for columns in sets.values()] == [22, 28, 34, 24, 30, 36]
    assert not set(uci697.UNDATED) & {name for key in ("enrolment", "semester_1", "semester_2") for name in sets[key]}
    assert all("Target" not in columns for columns in sets.values())


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({}, 0),
        ({"Age at enrollment": 23}, 1),
        ({"Tuition fees up to date": 0}, 1),
        ({"Curricular units 1st sem (approved)": 5}, 1),
        ({"Curricular units 2nd sem (approved)": 0, "Curricular units 2nd sem (grade)": 0.0}, 2),
    ],
)
def test_abc_counts_each_warning_once(given, count):
    assert uci697.abc(_one(**given)).tolist() == [count]


def test_on_track_allows_one_failed_unit_in_the_latest_semester():
    assert uci697.on_track(_one(**{"Curricular units 2nd sem (approved)": 5})).tolist() == [0]
    assert uci697.on_track(_one(**{"Curricular units 2nd sem (approved)": 4})).tolist() == [1]
    assert uci697.on_track(_one(**{"Curricular units 1st sem (approved)": 0})).tolist() == [0]


def test_the_share_of_units_passed_is_missing_where_none_was_taken():
    wider = uci697.with_units(
        _one(**{"Curricular units 1st sem (enrolled)": 0, "Curricular units 1st sem (approved)": 0})
    )
    assert np.isnan(wider["passed_share_1st"][0])
    assert wider["passed_share_2nd"][0] == 1
    assert wider["failed_units_1st"][0] == 0


def test_the_report_has_the_keys_that_scripts_read(monkeypatch):
    monkeypatch.setattr(uci697, "read", lambda *_: _world())
    monkeypatch.setattr(uci697, "FOLDS", 2)
    monkeypatch.setattr(uci697, "QUICK_REPLICATES", 50)
    report = uci697.measure(None, lambda _: None, quick=True)
    for figure in (report["enrolment"], report["semester_1"], report["with_fees"]["semester_1"]):
        assert figure["low"] <= figure["auc"] <= figure["high"]
    assert uci697.OURS in report["references"]["enrolment"]
    assert report["to_best_reference"]["semester_1"]["name"] in report["references"]["semester_1"]
    assert set(report["course_disjoint"]) == {"enrolment", "semester_1", "with_fees"}
