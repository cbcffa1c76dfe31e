"""Reasons beside usual values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.explanation import Usual, data_states, main_reasons, reasons, usual_values
from riskmodel.risk.feature import Feature
from riskmodel.tables.results import REASON


def declared(code, group, is_malleable=False, is_protected=False):
    return Feature(code, group, "share", "year", "", 0, (), is_malleable, is_protected)


CATALOGUE = (
    declared("absent_share", "attendance", is_malleable=True),
    declared("late_share", "attendance", is_malleable=True),
    declared("mark_points", "learning", is_malleable=True),
    declared("distance_km", "economic"),
    declared("overage_years", "context"),
    declared("is_male", "context", is_protected=True),
)
CODES = [feature.code for feature in CATALOGUE]


def members(*groups):
    """Pupils p0, p1, … in (school, stage, class) groups of a given size."""
    rows = [(school, "grade", stage, letter) for school, stage, letter, size in groups for _ in range(size)]
    frame = pd.DataFrame(rows, columns=["school_id", "stage_kind", "stage_number", "class_code"])
    return frame.assign(pupil_id=[f"p{number}" for number in range(len(frame))])


def of_pupils(frame, values):
    return pd.DataFrame({"absent_share": values}, index=pd.Index(frame["pupil_id"], name="pupil_id"))


def test_the_usual_value_is_the_median_of_the_class_from_ten_others_up():
    frame = members(("1", 9, "a", 11), ("1", 9, "b", 10))
    usual = usual_values(of_pupils(frame, np.arange(21.0)), frame)
    assert usual.of[:11, 0].tolist() == [0] * 11
    assert usual.median[:11, 0].tolist() == [5.0] * 11
    assert usual.of[11:, 0].tolist() == [1] * 10  # only nine others in the class: the stage in the school
    assert usual.median[11:, 0].tolist() == [10.0] * 10


def test_a_small_school_is_compared_with_the_stage_in_all_schools_and_else_with_nobody():
    frame = members(("1", 9, "a", 6), ("2", 9, "a", 6), ("3", 5, "a", 6))
    usual = usual_values(of_pupils(frame, np.arange(18.0)), frame)
    assert usual.of[:, 0].tolist() == [2] * 12 + [-1] * 6
    assert usual.median[:12, 0].tolist() == [5.5] * 12
    assert np.isnan(usual.median[12:]).all()


def test_others_without_data_do_not_count_towards_the_ten():
    frame = members(("1", 9, "a", 11))
    values = np.arange(11.0)
    values[0] = np.nan
    usual = usual_values(of_pupils(frame, values), frame)
    assert usual.of[:, 0].tolist() == [0] + [-1] * 10  # the one without data has ten others with data


def test_a_class_that_is_not_known_is_no_class():
    frame = members(("1", 9, None, 12), ("1", 9, "a", 12))
    usual = usual_values(of_pupils(frame, np.arange(24.0)), frame)
    assert usual.of[:, 0].tolist() == [1] * 12 + [0] * 12


def test_members_may_stand_in_another_order():
    frame = members(("1", 9, "a", 11), ("1", 8, "a", 11))
    features = of_pupils(frame, np.arange(22.0))
    assert usual_values(features, frame.iloc[::-1]).median[:, 0].tolist() == [5.0] * 11 + [16.0] * 11


@pytest.fixture
def explained():
    features = pd.DataFrame(
        [[0.3, 0.1, 4.0, 12.0, 1.0, 1.0], [0.0, np.nan, 9.0, 1.0, 0.0, 0.0]],
        columns=CODES,
        index=pd.Index(["p0", "p1"], name="pupil_id"),
    )
    values = np.array([[1.0, 0.5, 0.2, 0.3, 0.4, 2.0], [-1.0, 0.0, -0.5, -0.1, 0.001, 0.0]])
    usual = Usual(np.full((2, 6), 0.05), np.zeros((2, 6), dtype=np.int8))
    return features, values, usual


def test_a_pupil_s_reasons_are_all_features_by_size_of_contribution(explained):
    table = reasons(*explained, CATALOGUE)
    assert tuple(table.columns) == REASON.column_names
    first = table[table["pupil_id"] == "p0"]
    assert first["place"].tolist() == [1, 2, 3, 4, 5, 6]
    assert first["feature_code"].tolist()[:3] == ["is_male", "absent_share", "late_share"]
    assert first["contribution"].sum() == pytest.approx(4.4)
    absent = first.set_index("feature_code").loc["absent_share"]
    assert (absent["own_value"], absent["usual_value"], absent["usual_of"]) == (0.3, 0.05, "class")
    assert (absent["group_code"], absent["is_malleable"]) == ("attendance", True)


def test_no_data_stays_no_data(explained):
    table = reasons(*explained, CATALOGUE).set_index(["pupil_id", "feature_code"])
    assert np.isnan(table.loc[("p1", "late_share"), "own_value"])


def test_where_nobody_compares_the_comparison_is_empty(explained):
    features, values, usual = explained
    alone = Usual(np.full(usual.median.shape, np.nan), np.full(usual.of.shape, -1, dtype=np.int8))
    assert reasons(features, values, alone, CATALOGUE)["usual_of"].isna().all()


def test_main_reasons_raise_the_score_and_put_what_a_school_can_change_first(explained):
    table = reasons(*explained, CATALOGUE)
    main = main_reasons(table, k=1, protected=["is_male"])
    assert main.query("pupil_id == 'p0'")["feature_code"].tolist() == ["absent_share", "overage_years", "distance_km"]


def test_a_protected_trait_is_never_a_main_reason(explained):
    main = main_reasons(reasons(*explained, CATALOGUE), k=9, protected=["is_male"])
    assert "is_male" not in set(main["feature_code"])


def test_a_contribution_too_small_to_matter_is_no_main_reason(explained):
    features, values, usual = explained
    values[0] = [1.0, 0.04, 0.0, 0.0, 0.0, 0.0]
    main = main_reasons(reasons(features, values, usual, CATALOGUE), k=9)
    assert main.query("pupil_id == 'p0'")["feature_code"].tolist() == ["absent_share"]


def test_a_pupil_whom_nothing_raises_has_no_main_reason(explained):
    features, values, usual = explained
    main = main_reasons(reasons(features, -np.abs(values), usual, CATALOGUE))
    assert main.empty


def test_a_feature_without_declaration_is_refused(explained):
    with pytest.raises(UsageError, match="not declared"):
        reasons(*explained, CATALOGUE[:-1])


def test_neither_attendance_nor_learning_is_too_little_data():
    nothing = np.nan
    features = pd.DataFrame(
        [[0.1, nothing, nothing, nothing], [nothing, 5.0, nothing, nothing], [nothing, nothing, 3.0, 1.0]],
        columns=["absent_share", "mark_points", "distance_km", "overage_years"],
        index=["p0", "p1", "p2"],
    )
    states = data_states(features, CATALOGUE)
    assert states["state_code"].tolist() == ["scored", "scored", "too_little_data"]
    assert states["has_attendance_data"].tolist() == [True, False, False]
    assert states["has_economic_data"].tolist() == [False, False, True]
