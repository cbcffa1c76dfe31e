"""Reasons add up."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest

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


@pytest.mark.parametrize("kind", ["boosting", "boosting_free", "logistic", "ebm"])
def test_base_and_contributions_are_the_score_and_a_feature_without_data_adds_nothing(pupils, kind):
    features, label = pupils
    model = fit(Recipe(kind, ebm_outer_bags=2), features, label, {"a": 1})
    values, base = shapley(model, features)
    np.testing.assert_allclose(base + values.sum(axis=1), model.raw_score(features), rtol=0, atol=1e-9)
    assert np.abs(values[:, 4]).max() == 0


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer")
def test_contributions_of_trees_are_those_of_shap(pupils):
    shap = pytest.importorskip("shap")
    features, label = pupils
    model = fit("boosting", features, label, {"a": 1})
    values, base = shapley(model, features)
    explainer = shap.TreeExplainer(model.learner.booster, feature_perturbation="tree_path_dependent")
    np.testing.assert_allclose(values[:200], explainer.shap_values(model.matrix(features)[:200]), rtol=0, atol=1e-9)
    assert base == pytest.approx(float(np.ravel(explainer.expected_value)[-1]), abs=1e-9)


def expected_score(node, row, known):
    """The score of a tree when only the features in ``known`` may be looked at: else branches weigh by cover."""
    if "leaf_value" in node:
        return node["leaf_value"]
    if node["split_feature"] in known:
        branch = "left_child" if row[node["split_feature"]] <= node["threshold"] else "right_child"
        return expected_score(node[branch], row, known)
    left, right = node["left_child"], node["right_child"]
    counts = [part.get("internal_count", part.get("leaf_count")) for part in (left, right)]
    both = [expected_score(part, row, known) for part in (left, right)]
    return (both[0] * counts[0] + both[1] * counts[1]) / sum(counts)


def test_contributions_are_the_average_over_all_orders_of_looking(pupils):
    features, label = pupils
    complete = features[["a", "b", "c"]].fillna(0)
    model = fit(Recipe("boosting", trees=3, leaves=6, feature_share=1.0), complete, label, {})
    trees = [tree["tree_structure"] for tree in model.learner.booster.dump_model()["tree_info"]]
    row = complete.iloc[7].to_numpy()

    def worth(known):
        return sum(expected_score(tree, row, known) for tree in trees)

    by_hand = [
        sum(
            factorial(len(before)) * factorial(2 - len(before)) / 6 * (worth({*before, k}) - worth(set(before)))
            for size in range(3)
            for before in combinations([j for j in range(3) if j != k], size)
        )
        for k in range(3)
    ]
    values, base = shapley(model, complete.iloc[[7]])
    np.testing.assert_allclose(values[0], by_hand, rtol=0, atol=1e-12)
    assert base == pytest.approx(worth(set()), abs=1e-12)


def test_a_difference_for_one_pupil_stops_the_run():
    values = np.ones((3, 2))
    assert check_additivity(values, 0.5, np.full(3, 2.5)) == 0
    with pytest.raises(RunFailedError, match="add up to the score"):
        check_additivity(values, 0.5, np.array([2.5, 2.5, 2.5 + 2e-5]))
    with pytest.raises(RunFailedError):
        check_additivity(np.full((1, 1), np.nan), 0.0, np.zeros(1))


def test_a_forest_gives_no_reasons(pupils):
    features, label = pupils
    with pytest.raises(UsageError, match="kind forest"):
        shapley(fit(Recipe("forest", forest_trees=5), features, label, {}), features)


def test_nobody_needs_no_reasons(pupils):
    features, label = pupils
    values, _ = shapley(fit("boosting", features, label, {}), features.iloc[:0])
    assert values.shape == (0, 5)
