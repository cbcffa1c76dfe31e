"""Reasons add up, and are those of the libraries."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.risk.model import fit
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import check_additivity, shapley


@pytest.fixture(scope="module")
def pupils():
    generator = np.random.default_rng(2)
    features = pd.DataFrame(generator.normal(size=(500, 4)), columns=list("abcd"))
    label = (generator.uniform(0, 1, 500) < 1 / (1 + np.exp(1 - features["a"] - features["b"] * features["c"]))).astype(
        float
    )
    features.loc[:50, "b"] = np.nan
    features["empty"] = np.nan
    return features, label.to_numpy()


@pytest.fixture(scope="module")
def codes():
    """Rows with gaps, zeros and codes; the label depends on a code."""
    generator = np.random.default_rng(3)
    matrix = generator.normal(size=(800, 4)).round(1)
    matrix[:, 3] = generator.integers(0, 40, 800)
    label = (
        generator.uniform(0, 1, 800) < 1 / (1 + np.exp(-matrix[:, 0] * matrix[:, 1] - (matrix[:, 3] % 3 == 1)))
    ).astype(float)
    gaps = matrix.copy()
    gaps[generator.uniform(size=matrix.shape) < 0.15] = np.nan
    return matrix, gaps, label


def boosted(matrix, label, codes=(), **settings):
    settings = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, "seed": 1, **settings}
    return lightgbm.train(settings, lightgbm.Dataset(matrix, label, categorical_feature=list(codes)), 25)


@pytest.mark.parametrize("kind", ["boosting", "boosting_free", "logistic", "ebm"])
def test_base_and_contributions_are_the_score_and_a_feature_without_data_adds_nothing(pupils, kind):
    features, label = pupils
    model = fit(Recipe(kind, ebm_outer_bags=2), features, label, {"a": 1})
    found = shapley(model, features)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), model.raw_score(features), rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.raw_score, model.raw_score(features))
    assert np.abs(found.values[:, 4]).max() == 0
    assert found.is_exact


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer")
def test_contributions_of_trees_are_those_of_shap(pupils):
    shap = pytest.importorskip("shap")
    features, label = pupils
    model = fit("boosting", features, label, {"a": 1})
    found = shapley(model, features)
    explainer = shap.TreeExplainer(model.learner.booster, feature_perturbation="tree_path_dependent")
    expected = explainer.shap_values(model.matrix(features)[:200])
    np.testing.assert_allclose(found.values[:200], expected, rtol=0, atol=1e-9)
    assert found.base == pytest.approx(float(np.ravel(explainer.expected_value)[-1]), abs=1e-9)


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer")
def test_interventional_contributions_are_those_of_shap_with_the_same_background(codes):
    shap = pytest.importorskip("shap")
    _, gaps, label = codes
    booster = boosted(gaps, label)
    found = shapley(booster, gaps[:60], background=gaps[-70:])
    explainer = shap.TreeExplainer(booster, data=gaps[-70:], feature_perturbation="interventional")
    np.testing.assert_allclose(found.values, explainer.shap_values(gaps[:60]), rtol=0, atol=1e-5)
    assert found.base == pytest.approx(float(booster.predict(gaps[-70:], raw_score=True).mean()), abs=1e-9)


@pytest.mark.parametrize("trained_with_gaps", [False, True])
@pytest.mark.parametrize("is_coded", [False, True])
@pytest.mark.parametrize("settings", [{}, {"zero_as_missing": True}, {"use_missing": False}])
def test_gaps_zeros_and_codes_are_followed_as_the_library_does(codes, settings, is_coded, trained_with_gaps):
    whole, gaps, label = codes
    coded = {"codes": [3], "cat_smooth": 1, "min_data_per_group": 5} if is_coded else {}
    booster = boosted(gaps if trained_with_gaps else whole, label, **coded, **settings)
    tiny = np.where(np.abs(gaps) == 0.1, 1e-36, gaps)
    tiny[::7, 3] = -0.5  # a code is cut to a whole number
    library = booster.predict(tiny, pred_contrib=True, num_threads=1)
    found = shapley(booster, tiny)
    np.testing.assert_allclose(found.values, library[:, :-1], rtol=0, atol=1e-12)
    assert found.base == pytest.approx(library[0, -1], abs=1e-12)
    against_all = shapley(booster, tiny, background=tiny)
    np.testing.assert_allclose(against_all.base, against_all.raw_score.mean(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_histogram_boosting_of_scikit_learn_has_the_values_of_shap(codes, kind):
    shap = pytest.importorskip("shap")
    _, gaps, label = codes
    model = kind(max_iter=15, max_leaf_nodes=8).fit(gaps, label)
    by_paths = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    np.testing.assert_allclose(shapley(model, gaps).values, by_paths.shap_values(gaps), rtol=0, atol=1e-5)
    against = shap.TreeExplainer(model, data=gaps[:50], feature_perturbation="interventional")
    found = shapley(model, gaps[:30], background=gaps[:50])
    np.testing.assert_allclose(found.values, against.shap_values(gaps[:30]), rtol=0, atol=1e-5)


def test_xgboost_has_its_own_values(codes):
    xgboost = pytest.importorskip("xgboost")
    _, gaps, label = codes
    settings = {"max_depth": 3, "max_leaves": 8, "objective": "binary:logistic", "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(gaps, label), 20)
    library = booster.predict(xgboost.DMatrix(gaps), pred_contribs=True)
    found = shapley(booster, gaps)
    np.testing.assert_allclose(found.values, library[:, :-1], rtol=0, atol=1e-5)
    assert found.base == pytest.approx(library[0, -1], abs=1e-5)


def test_a_larger_tree_is_explained_by_the_library(codes):
    whole, _, label = codes
    booster = boosted(whole, label, num_leaves=20)
    found = shapley(booster, whole)
    np.testing.assert_array_equal(found.values, booster.predict(whole, pred_contrib=True, num_threads=1)[:, :-1])
    assert "too large for a table" in str(found.note)
    sampled = shapley(booster, whole[:20], background=whole)
    assert not sampled.is_exact
    assert "sample of 100" in str(sampled.note)


@pytest.mark.parametrize("kind", ["logistic", "forest"])
def test_a_challenger_is_explained_against_a_background_and_says_whether_exactly(pupils, kind):
    features, label = pupils
    few = features[["a", "b"]].fillna(0)
    model = fit(Recipe(kind, ebm_outer_bags=1, forest_trees=5), few, label, {})
    found = shapley(model, few[:6], background=few[:40])
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.raw_score, rtol=0, atol=1e-9)
    assert found.base == pytest.approx(model.raw_score(few[:40]).mean(), abs=1e-9)
    assert found.is_exact == (kind == "logistic")


def test_a_linear_model_has_slope_times_distance_from_the_weighted_mean(codes):
    whole, _, label = codes
    model = LinearRegression().fit(whole, label)
    weights = np.arange(len(whole), dtype=float)
    found = shapley(model, whole[:5], background=whole, weights=weights)
    means = np.average(whole, axis=0, weights=weights)
    np.testing.assert_allclose(found.values, (whole[:5] - means) * model.coef_, rtol=0, atol=1e-12)


def test_any_function_is_explained_and_the_global_random_state_is_left_alone(codes):
    whole = codes[0][:, :2]
    np.random.seed(5)
    expected = np.random.random_sample()
    np.random.seed(5)
    found = shapley(lambda matrix: matrix[:, 0] * matrix[:, 1], whole[:4], background=whole[:50])
    assert np.random.random_sample() == expected
    x, y, mean_x, mean_y = whole[:4, 0], whole[:4, 1], whole[:50, 0].mean(), whole[:50, 1].mean()
    both, base = x * y, (whole[:50, 0] * whole[:50, 1]).mean()
    first = ((x * mean_y - base) + (both - mean_x * y)) / 2
    np.testing.assert_allclose(found.values[:, 0], first, rtol=0, atol=1e-9)


def test_a_difference_for_one_pupil_stops_the_run():
    values = np.ones((3, 2))
    assert check_additivity(values, 0.5, np.full(3, 2.5)) == 0
    with pytest.raises(RunFailedError, match="add up to the score"):
        check_additivity(values, 0.5, np.array([2.5, 2.5, 2.5 + 2e-5]))
    with pytest.raises(RunFailedError):
        check_additivity(np.full((1, 1), np.nan), 0.0, np.zeros(1))


def test_a_forest_gives_no_reasons_without_a_background(pupils):
    features, label = pupils
    with pytest.raises(UsageError, match="kind forest"):
        shapley(fit(Recipe("forest", forest_trees=5), features, label, {}), features)


def test_what_cannot_be_a_background_is_refused(codes):
    whole, _, label = codes
    booster = boosted(whole, label)
    for background in (whole[:0], whole[:, :2]):
        with pytest.raises(UsageError, match="other columns"):
            shapley(booster, whole, background=background)
    for weights in (np.ones(3), -np.ones(len(whole)), np.zeros(len(whole))):
        with pytest.raises(UsageError, match="weights"):
            shapley(booster, whole, background=whole, weights=weights)
    with pytest.raises(UsageError, match="no background"):
        shapley(booster, whole, weights=np.ones(len(whole)))


def test_several_classes_and_foreign_things_are_refused(codes):
    whole, _, _ = codes
    several = boosted(whole, np.arange(len(whole)) % 3, objective="multiclass", num_class=3)
    with pytest.raises(UsageError, match="several classes"):
        shapley(several, whole)
    with pytest.raises(UsageError, match="class object"):
        shapley(object(), whole)


def test_a_categorical_feature_that_scikit_learn_numbers_anew_is_refused(codes):
    whole, _, label = codes
    model = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=8, categorical_features=[3]).fit(whole, label)
    with pytest.raises(UsageError, match="numbers anew"):
        shapley(model, whole)


def test_a_model_of_a_single_leaf_has_a_base_and_no_reasons():
    features = pd.DataFrame({"a": np.ones(60)})
    found = shapley(fit("boosting", features, np.repeat([1.0, 0.0], [15, 45]), {}), features)
    assert not found.values.any()
    assert found.base == pytest.approx(np.log(15 / 45))


def test_nobody_needs_no_reasons(pupils):
    features, label = pupils
    assert shapley(fit("boosting", features, label, {}), features.iloc[:0]).values.shape == (0, 5)


def test_pupils_who_are_their_own_background_have_the_values_of_any_other_background(pupils):
    features, label = pupils
    model = fit("boosting", features, label, {"a": 1})
    own, other = shapley(model, features, background=features), shapley(model, features, background=features.copy())
    np.testing.assert_array_equal(own.values, other.values)
    assert own.base == other.base
