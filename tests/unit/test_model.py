"""The door to every kind of model."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.risk import tree_scores
from riskmodel.risk.model import canonical_order, fit, from_text, probability_of
from riskmodel.risk.recipe import KINDS, Recipe

PUPILS = 400


@pytest.fixture(scope="module")
def classroom():
    """400 pupils: absence drives leaving, the mark is missing for some, the lot says nothing."""
    generator = np.random.default_rng(3)
    features = pd.DataFrame(
        {
            "absent_share": generator.uniform(0, 0.5, PUPILS),
            "mark_points": generator.normal(6, 2, PUPILS),
            "lot": generator.integers(0, 5, PUPILS).astype(float),
        },
        index=[f"p{number}" for number in range(PUPILS)],
    )
    label = (generator.uniform(0, 1, PUPILS) < features["absent_share"]).to_numpy(float)
    features.loc[features.index[:60], "mark_points"] = np.nan
    return features, label


SMALL = {"trees": 30, "ebm_outer_bags": 2, "ebm_pairs": 1, "forest_trees": 20}
DIRECTIONS = {"absent_share": 1, "mark_points": -1}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_ranks_the_absent_first_and_copes_with_missing_marks(classroom, kind):
    features, label = classroom
    model = fit(Recipe(kind, **SMALL), features, label, DIRECTIONS, seed=1, threads=1)
    probability = model.probability(features)
    assert probability[label == 1].mean() > probability[label == 0].mean()
    assert ((probability > 0) & (probability < 1)).all()
    np.testing.assert_allclose(probability, probability_of(model.raw_score(features)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_belongs_to_the_pupil_and_not_to_the_place_in_the_frame(classroom, kind):
    features, label = classroom
    model = fit(Recipe(kind, **SMALL), features, label, DIRECTIONS)
    turned = features.iloc[::-1, ::-1]
    np.testing.assert_array_equal(model.raw_score(turned)[::-1], model.raw_score(features))


def test_an_unknown_kind_is_refused_by_name(classroom):
    with pytest.raises(UsageError, match="oracle was asked for"):
        fit("oracle", *classroom, {})


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_one_class_alone_cannot_teach(classroom, only):
    features, _ = classroom
    with pytest.raises(UsageError, match="pupils who stayed"):
        fit("logistic", features, np.full(PUPILS, only), {})


def test_a_censored_label_is_refused_instead_of_taken_for_staying(classroom):
    features, label = classroom
    with pytest.raises(UsageError, match="no other label"):
        fit("boosting", features, np.where(np.arange(PUPILS) < 5, np.nan, label), {})


def test_no_rows_are_refused(classroom):
    features, _ = classroom
    with pytest.raises(UsageError, match="0 rows"):
        fit("boosting", features.iloc[:0], np.zeros(0), {})


def test_an_infinite_value_is_refused_in_training_and_in_scoring(classroom):
    features, label = classroom
    broken = features.assign(lot=np.inf)
    with pytest.raises(UsageError, match="infinite value: lot"):
        fit("boosting", broken, label, {})
    with pytest.raises(UsageError, match="infinite value: lot"):
        fit("logistic", features, label, {}).raw_score(broken)


def test_a_missing_or_doubled_column_is_refused_and_a_further_one_not_read(classroom):
    features, label = classroom
    model = fit("logistic", features, label, {})
    with pytest.raises(UsageError, match="missing or stand twice: lot"):
        model.raw_score(features.drop(columns="lot"))
    with pytest.raises(UsageError, match="missing or stand twice: lot"):
        model.raw_score(pd.concat([features, features[["lot"]]], axis=1))
    np.testing.assert_array_equal(model.raw_score(features.assign(is_male=1.0)), model.raw_score(features))


def test_a_direction_other_than_up_down_free_is_refused(classroom):
    with pytest.raises(UsageError, match="direction"):
        fit("boosting", *classroom, {"lot": 2})


def test_no_pupils_get_no_scores(classroom):
    features, label = classroom
    assert fit("boosting", features, label, {}).raw_score(features.iloc[:0]).shape == (0,)


def test_the_text_keeps_every_score_and_the_words_of_the_fit(classroom):
    features, label = classroom
    model = fit("boosting", features, label, DIRECTIONS, seed=5)
    again = from_text(model.to_text())
    np.testing.assert_array_equal(again.raw_score(features), model.raw_score(features))
    assert (again.feature_codes, again.directions, again.seed) == (model.feature_codes, model.directions, 5)
    assert again.to_text() == model.to_text()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("leaf_value=", "leaf_value=9", 1),
        lambda text: text.replace('"absent_share"', '"absent_shaer"', 1),
        lambda text: text.partition("\n")[2],
        lambda text: "[]\n" + text.partition("\n")[2],
        lambda text: "",
    ],
    ids=["cut", "a digit", "a name", "no header", "another header", "nothing"],
)
def test_a_damaged_text_is_refused_before_the_library_sees_it(classroom, damage, monkeypatch):
    text = fit(Recipe("boosting", trees=3), *classroom, {}).to_text()
    monkeypatch.setattr("riskmodel.risk.boosting.read", lambda _: pytest.fail("the library was asked"))
    with pytest.raises(RunFailedError, match="digest"):
        from_text(damage(text))


@pytest.mark.parametrize("leaves", [4, 31], ids=["our own pass", "the library"])
def test_trees_that_score_otherwise_than_when_they_were_kept_are_noticed(classroom, monkeypatch, leaves):
    text = fit(Recipe("boosting", trees=5, leaves=leaves, min_leaf_pupils=2), *classroom, {}).to_text()
    other = fit(Recipe("boosting", trees=6, leaves=leaves, min_leaf_pupils=2), *classroom, {})
    booster = other.learner.booster
    monkeypatch.setattr("riskmodel.risk.boosting.read", lambda _: booster)
    plant = tree_scores.plant(other.learner.text)
    assert (plant is None) == (leaves == 31)
    monkeypatch.setattr(tree_scores, "plant", lambda _: plant)
    with pytest.raises(RunFailedError, match="scores that were kept"):
        from_text(text)


def test_a_kept_model_scores_and_gives_reasons_without_the_library_that_learnt_it(classroom, tmp_path):
    (tmp_path / "model.txt").write_text(fit(Recipe("boosting", trees=5), *classroom, {}).to_text(), "utf-8")
    code = """
import sys, pandas
from riskmodel.risk.model import from_text
from riskmodel.risk.shapley import shapley
model = from_text(open(sys.argv[1], encoding="utf-8").read())
shapley(model, pandas.DataFrame({name: [0.1, 0.2] for name in model.feature_codes}))
print("lightgbm" in sys.modules)
"""
    told = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.txt"], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"


def test_the_text_names_no_extreme_value_of_a_pupil(classroom):
    features, label = classroom
    text = fit("boosting", features, label, {}).to_text()
    assert repr(float(features["mark_points"].max())) not in text


def test_a_challenger_is_not_kept_as_text(classroom):
    with pytest.raises(UsageError, match="kind logistic"):
        fit("logistic", *classroom, {}).to_text()


def test_codes_become_columns_and_a_code_never_seen_counts_among_the_rare():
    codes = np.repeat([1.0, 2.0, 3.0], [60, 60, 5])
    label = np.concatenate([np.tile([0.0, 0.0, 1.0], 20), np.tile([1.0, 1.0, 0.0], 20), [1.0, 0, 1, 0, 1]])
    model = fit(Recipe("logistic", code_columns=("school_code",)), pd.DataFrame({"school_code": codes}), label, {})
    first, second, rare, unseen = model.raw_score(pd.DataFrame({"school_code": [1.0, 2.0, 3.0, 77.0]}))
    assert first < rare < second
    assert rare == unseen


def test_a_column_without_any_value_does_not_stop_a_kind(classroom):
    features, label = classroom
    empty = features.assign(nothing=np.nan)
    for kind in KINDS:
        assert np.isfinite(fit(Recipe(kind, **SMALL), empty, label, {}).raw_score(empty)).all()


def test_the_order_of_rows_is_found_from_their_content():
    matrix = np.array([[1.0, np.nan], [0.0, 2.0], [-0.0, 2.0]])
    label = np.array([1.0, 0.0, 0.0])
    order = canonical_order(matrix, label)
    turned = canonical_order(matrix[::-1], label[::-1])
    np.testing.assert_array_equal(np.abs(matrix[order]), np.abs(matrix[::-1][turned]))
