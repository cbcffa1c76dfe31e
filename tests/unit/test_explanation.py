"""Reasons beside usual values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.risk.explanation import Usual, data_states, reasons, strongest, usual_values
from riskmodel.risk.feature import Feature
from riskmodel.tables.scores import REASON


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


def usual_of_all(features, frame):
    """The usual values of every feature."""
    chosen = np.tile(np.arange(features.shape[1]), (len(features), 1))
    return usual_values(features, frame, chosen)


def test_the_usual_value_is_the_median_of_the_class_from_ten_others_up():
    frame = members(("1", 9, "a", 11), ("1", 9, "b", 10))
    usual = usual_of_all(of_pupils(frame, np.arange(21.0)), frame)
    assert usual.of[:11, 0].tolist() == [0] * 11
    assert usual.median[:11, 0].tolist() == [5.0] * 11
    assert usual.of[11:, 0].tolist() == [1] * 10  # only nine others in the class: the stage in the school
    assert usual.median[11:, 0].tolist() == [10.0] * 10


def test_a_small_school_is_compared_with_the_stage_in_all_schools_and_else_with_nobody():
    frame = members(("1", 9, "a", 6), ("2", 9, "a", 6), ("3", 5, "a", 6))
    usual = usual_of_all(of_pupils(frame, np.arange(18.0)), frame)
    assert usual.of[:, 0].tolist() == [2] * 12 + [-1] * 6
    assert usual.median[:12, 0].tolist() == [5.5] * 12
    assert np.isnan(usual.median[12:]).all()


def test_others_without_data_do_not_count_towards_the_ten():
    frame = members(("1", 9, "a", 11))
    values = np.arange(11.0)
    values[0] = np.nan
    usual = usual_of_all(of_pupils(frame, values), frame)
    assert usual.of[:, 0].tolist() == [0] + [-1] * 10  # the one without data has ten others with data


def test_a_class_that_is_not_known_is_no_class():
    frame = members(("1", 9, None, 12), ("1", 9, "a", 12))
    usual = usual_of_all(of_pupils(frame, np.arange(24.0)), frame)
    assert usual.of[:, 0].tolist() == [1] * 12 + [0] * 12


def test_members_may_stand_in_another_order():
    frame = members(("1", 9, "a", 11), ("1", 8, "a", 11))
    features = of_pupils(frame, np.arange(22.0))
    assert usual_of_all(features, frame.iloc[::-1]).median[:, 0].tolist() == [5.0] * 11 + [16.0] * 11


@pytest.mark.parametrize("seed", range(4))
def test_medians_are_those_of_the_group_for_each_chosen_feature(seed):
    generator = np.random.default_rng(seed)
    frame = members(
        *((school, 9, letter, int(size)) for school in "12" for letter, size in zip("ab", (30, 12), strict=True))
    )
    values = pd.DataFrame(generator.normal(size=(len(frame), 5)), columns=CODES[:5], index=frame["pupil_id"])
    values = values.mask(generator.uniform(size=values.shape) < 0.4)
    chosen = strongest(generator.normal(size=values.shape), 3)
    usual = usual_values(values, frame, chosen)
    for pupil, places in enumerate(chosen):
        own = frame.iloc[pupil]
        classmates = (frame[["school_id", "class_code"]] == own[["school_id", "class_code"]]).all(axis=1).to_numpy()
        for group, comparing in enumerate(
            (classmates, (frame["school_id"] == own["school_id"]).to_numpy(), np.ones(len(frame), bool))
        ):
            for column, feature in enumerate(places):
                known = values.iloc[:, feature].to_numpy()[comparing]
                enough = np.count_nonzero(~np.isnan(known)) - (not np.isnan(values.iloc[pupil, feature])) >= 10
                if usual.of[pupil, column] == group:
                    assert enough
                    assert usual.median[pupil, column] == np.nanmedian(known)
                elif usual.of[pupil, column] > group or usual.of[pupil, column] == -1:
                    assert not enough


def test_the_strongest_come_first_in_either_direction_and_equal_ones_in_the_order_of_the_features():
    values = np.array([[0.5, -2.0, 0.5, 0.0, -0.5], [0.0, 0.0, 0.0, 0.0, 1.0]])
    assert strongest(values, 3).tolist() == [[1, 0, 2], [4, 0, 1]]
    assert strongest(values, 9).shape == (2, 5)
    assert strongest(np.asfortranarray(values), 2).tolist() == [[1, 0], [4, 0]]


@pytest.fixture
def explained():
    features = pd.DataFrame(
        [[0.3, 0.1, 4.0, 12.0, 1.0, 1.0], [0.0, np.nan, 9.0, 1.0, 0.0, 0.0]],
        columns=CODES,
        index=pd.Index(["p0", "p1"], name="pupil_id"),
    )
    values = np.array([[1.0, 0.5, 0.2, 0.3, 0.4, 2.0], [-1.0, 0.0, -0.5, -0.1, 0.001, 0.0]])
    chosen = strongest(values, 4)
    return features, values, chosen, Usual(np.full((2, 4), 0.05), np.zeros((2, 4), dtype=np.int8))


def test_a_pupil_s_reasons_are_the_chosen_features_by_size_of_contribution(explained):
    table = reasons(*explained, CATALOGUE).to_pandas()
    assert tuple(table.columns) == REASON.column_names
    first = table[table["pupil_id"] == "p0"]
    assert first["place"].tolist() == [1, 2, 3, 4]
    assert first["feature_code"].tolist() == ["is_male", "absent_share", "late_share", "overage_years"]
    assert first["contribution"].tolist() == [2.0, 1.0, 0.5, 0.4]
    absent = first.set_index("feature_code").loc["absent_share"]
    assert (absent["own_value"], absent["usual_value"], absent["usual_of"]) == (0.3, 0.05, "class")
    assert (absent["group_code"], absent["is_malleable"]) == ("attendance", True)


def test_no_data_stays_no_data(explained):
    features, values, _, _ = explained
    everything = strongest(values, 6)
    usual = Usual(np.full((2, 6), np.nan), np.full((2, 6), -1, dtype=np.int8))
    table = reasons(features, values, everything, usual, CATALOGUE)
    assert table["own_value"].null_count == 1
    assert table["usual_value"].null_count == table["usual_of"].null_count == 12
    told = table.to_pandas().set_index(["pupil_id", "feature_code"])
    assert np.isnan(told.loc[("p1", "late_share"), "own_value"])


def test_a_feature_without_declaration_is_refused(explained):
    with pytest.raises(UsageError, match="not declared"):
        reasons(*explained, CATALOGUE[:-1])


def test_who_came_a_few_days_ago_needs_both_attendance_and_learning():
    nothing = np.nan
    features = pd.DataFrame(
        [[0.1, nothing, 27.0], [0.1, nothing, 28.0], [0.1, 5.0, 3.0], [nothing, 5.0, 3.0], [nothing, 5.0, nothing]],
        columns=["absent_share", "mark_points", "in_school_days"],
    )
    states = data_states(features, CATALOGUE, new_days=28)
    assert states["state_code"].tolist() == ["too_little_data", "scored", "scored", "too_little_data", "scored"]


def test_neither_attendance_nor_learning_is_too_little_data():
    nothing = np.nan
    features = pd.DataFrame(
        [[0.1, nothing, nothing, nothing], [nothing, 5.0, nothing, nothing], [nothing, nothing, 3.0, 1.0]],
        columns=["absent_share", "mark_points", "distance_km", "overage_years"],
        index=["p0", "p1", "p2"],
    )
    states = data_states(features, CATALOGUE, new_days=28)
    assert states["state_code"].tolist() == ["scored", "scored", "too_little_data"]
    assert states["has_attendance_data"].tolist() == [True, False, False]
    assert states["has_economic_data"].tolist() == [False, False, True]
