"""What changed since an earlier run: bands first, then places; reasons are what moved the score that way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from riskmodel.risk.change import LEAST_MOVE, NEEDED_COLUMNS, REASONS_TOLD, Moves, changes
from riskmodel.tables.scores import CHANGE_REASON, SCORE_CHANGE


def scores(*rows, school="1", state="scored"):
    """Rows of ``score``: pupil and band, in the order of need of one school."""
    return pd.DataFrame(
        [(pupil, school, band, state, place) for place, (pupil, band) in enumerate(rows, 1)],
        columns=list(NEEDED_COLUMNS),
    )


def listed(*pupils, band="low", **more):
    return scores(*((pupil, band) for pupil in pupils), **more)


def kinds(now, before):
    return changes(now, before).set_index("pupil_id")["change_code"].to_dict()


def test_a_higher_band_is_up_a_lower_one_down_and_the_same_one_same():
    now = scores(("a", "high"), ("b", "medium"), ("c", "low"))
    before = scores(("b", "high"), ("a", "medium"), ("c", "low"))
    assert kinds(now, before) == {"a": "up", "b": "down", "c": "same"}


def test_a_pupil_who_was_not_in_the_earlier_run_is_new_and_has_nothing_from_it():
    found = changes(listed("a", "b"), listed("b")).set_index("pupil_id")
    assert tuple(changes(listed("a"), listed("b")).columns) == SCORE_CHANGE.column_names
    assert found.loc["a", "change_code"] == "new"
    assert found.loc["a", ["previous_band_code", "previous_place"]].isna().all()
    assert found.loc["b", ["previous_band_code", "previous_place"]].tolist() == ["low", 1]


@pytest.mark.parametrize(("now", "before"), [("too_little_data", "scored"), ("scored", "too_little_data")])
def test_too_little_data_now_or_then_cannot_be_compared(now, before):
    assert kinds(listed("a", state=now), listed("a", state=before)) == {}
    assert kinds(listed("a", state="too_little_data"), listed("b")) == {}


def test_within_a_band_more_than_a_quarter_of_the_school_is_a_change():
    pupils = [f"p{number:02}" for number in range(40)]
    # Ten of forty places are a quarter and not more, eleven are.
    order = [*pupils[:10], "p20", *(p for p in pupils[10:] if p != "p20")]
    assert set(kinds(listed(*order), listed(*pupils)).values()) == {"same"}
    order = [*pupils[:9], "p20", *(p for p in pupils[9:] if p != "p20")]
    assert {pupil: kind for pupil, kind in kinds(listed(*order), listed(*pupils)).items() if kind != "same"} == {
        "p20": "up"
    }
    assert kinds(listed(*pupils), listed(*order))["p20"] == "down"


def test_in_a_small_school_two_places_are_no_change():
    assert set(kinds(listed("c", "a", "b", "d"), listed("a", "b", "c", "d")).values()) == {"same"}
    assert kinds(listed("d", "a", "b", "c"), listed("a", "b", "c", "d"))["d"] == "up"


def test_a_school_that_shrank_moves_nobody_by_itself():
    pupils = [f"p{number:02}" for number in range(60)]
    assert set(kinds(listed(*pupils[::2]), listed(*pupils)).values()) == {"same"}


def test_in_another_school_the_bands_are_compared_and_the_places_are_not():
    found = changes(listed("a"), listed(*"bcdefghija", school="2")).set_index("pupil_id")
    assert found.loc["a", "change_code"] == "same"
    assert found.loc["a", "previous_band_code"] == "low"
    assert pd.isna(found.loc["a", "previous_place"])


def told(moves, pupils, codes):
    rows = moves.rows(pa.array([f"p{number}" for number in range(pupils)]), codes)
    assert tuple(rows.column_names) == CHANGE_REASON.column_names
    return [(row["pupil_id"], row["place"], row["feature_code"]) for row in rows.to_pylist()]


def test_reasons_are_values_that_changed_and_moved_the_score_that_way():
    moves = Moves(np.array([1.0, -1.0]))
    ones, twos, none = np.ones(2), np.full(2, 2.0), np.full(2, np.nan)
    moves.add(0, 0, (ones, np.zeros(2)), (twos, np.array([0.5, 0.5])))  # up: a reason of the first pupil alone
    moves.add(1, 0, (ones, np.zeros(2)), (ones, np.array([0.9, -0.9])))  # the value is as it was
    moves.add(2, 0, (none, np.zeros(2)), (none, np.array([0.9, -0.9])))  # no data then and now
    moves.add(3, 0, (none, np.array([0.2, 0.2])), (ones, np.array([0.9, -0.9])))  # no data then
    moves.add(4, 0, (ones, np.zeros(2)), (twos, np.array([LEAST_MOVE / 2, -LEAST_MOVE / 2])))
    assert told(moves, 2, list("abcde")) == [("p0", 1, "d"), ("p0", 2, "a"), ("p1", 1, "d")]
    rows = moves.rows(pa.array(["p0", "p1"]), list("abcde")).to_pylist()
    assert [row["contribution_change"] for row in rows] == pytest.approx([0.7, 0.5, -1.1])
    assert [(row["before_value"], row["now_value"]) for row in rows] == [(None, 1.0), (1.0, 2.0), (None, 1.0)]


def test_a_value_that_got_better_is_no_reason_for_more_support_whatever_the_models_say():
    moves = Moves(np.array([1.0, -1.0]))
    less, more, rises = np.ones(2), np.full(2, 2.0), np.array([0.5, -0.5])
    moves.add(0, 1, (more, np.zeros(2)), (less, rises))  # less of what raises: the second pupil's score fell for it
    moves.add(1, -1, (more, np.zeros(2)), (less, rises))  # less of what lowers: the first one's rose
    moves.add(2, 1, (np.full(2, np.nan), np.zeros(2)), (less, rises))  # from no data either way
    assert told(moves, 2, list("abc")) == [("p0", 1, "b"), ("p0", 2, "c"), ("p1", 1, "a"), ("p1", 2, "c")]


def test_the_three_largest_are_told_and_of_equal_ones_the_first_feature():
    sizes = [0.3, 0.5, 0.5, 0.1, 0.4]
    moves = Moves(np.ones(1))
    for feature, size in enumerate(sizes):
        moves.add(feature, 0, (np.zeros(1), np.zeros(1)), (np.ones(1), np.array([size])))
    assert [code for _, _, code in told(moves, 1, list("abcde"))] == ["b", "c", "e"]


@pytest.mark.parametrize("seed", range(3))
def test_reasons_are_those_of_a_plain_sort(seed):
    generator = np.random.default_rng(seed)
    pupils, features = 30, 9
    direction = generator.choice([-1.0, 1.0], pupils)
    values = generator.integers(0, 3, (2, pupils, features)).astype(float)
    moved = generator.normal(size=(2, pupils, features)).round(1)
    moves = Moves(direction)
    for feature in range(features):
        moves.add(
            feature, 0, (values[0, :, feature], moved[0, :, feature]), (values[1, :, feature], moved[1, :, feature])
        )
    expected = []
    for pupil in range(pupils):
        size = {
            feature: (moved[1, pupil, feature] - moved[0, pupil, feature]) * direction[pupil]
            for feature in range(features)
            if values[0, pupil, feature] != values[1, pupil, feature]
        }
        best = sorted((feature for feature in size if size[feature] >= LEAST_MOVE), key=lambda one: -size[one])
        expected += [(f"p{pupil}", place, str(one)) for place, one in enumerate(best[:REASONS_TOLD], 1)]
    assert told(moves, pupils, [str(feature) for feature in range(features)]) == expected
