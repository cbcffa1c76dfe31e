"""The trees of a text: small leaves join, and support inside the window is settled at none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.risk.model import fit, from_text
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import shapley
from riskmodel.risk.trees import Leaf, Split, settled, without_small_leaves


@pytest.fixture(scope="module")
def supported():
    """2,000 pupils at risk by absence; support is given to the absent and halves their leaving."""
    generator = np.random.default_rng(11)
    absent = generator.uniform(0, 1, 2000)
    support = (generator.uniform(0, 1, 2000) < absent).astype(float)
    label = (generator.uniform(0, 1, 2000) < 0.6 * absent * (1 - 0.7 * support)).astype(float)
    features = pd.DataFrame({"absent_share": absent, "lot": generator.normal(size=2000), "support": support})
    features.loc[:100, "absent_share"] = np.nan
    return features, label


KINDS = ("boosting", "boosting_free", "logistic", "ebm")


def settled_fit(kind, features, label):
    return fit(Recipe(kind, treatment="support", ebm_outer_bags=2), features, label, {"absent_share": 1})


@pytest.mark.parametrize("kind", ["boosting", "logistic"])
def test_the_settled_model_scores_as_the_whole_one_does_without_support(supported, kind):
    features, label = supported
    whole = fit(kind, features, label, {"absent_share": 1})
    model = settled_fit(kind, features, label)
    assert "support" not in model.feature_codes
    untreated = whole.raw_score(features.assign(support=0.0))
    np.testing.assert_allclose(model.raw_score(features.drop(columns="support")), untreated, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_support_that_worked_does_not_teach_that_the_supported_were_safe(supported, kind):
    features, label = supported
    plain = features.drop(columns="support")
    blind = fit(Recipe(kind, ebm_outer_bags=2), plain, label, {"absent_share": 1})
    aware = settled_fit(kind, features, label)
    most_absent = (plain["absent_share"] > 0.8).to_numpy()
    truth_without_support = 0.6 * plain["absent_share"][most_absent].mean()
    aware_gap = abs(aware.probability(plain)[most_absent].mean() - truth_without_support)
    blind_gap = abs(blind.probability(plain)[most_absent].mean() - truth_without_support)
    assert aware_gap < blind_gap / 2


@pytest.mark.parametrize("kind", KINDS)
def test_reasons_add_up_over_the_features_alone(supported, kind):
    features, label = supported
    model = settled_fit(kind, features, label)
    values, base, *_ = shapley(model, features)
    assert values.shape == (2000, 2)
    np.testing.assert_allclose(base + values.sum(axis=1), model.raw_score(features), rtol=0, atol=1e-9)


def test_the_settled_text_knows_nothing_of_the_treatment_and_is_read_again(supported):
    features, label = supported
    model = settled_fit("boosting", features, label)
    assert model.learner.booster.num_feature() == 2
    np.testing.assert_array_equal(from_text(model.to_text()).raw_score(features), model.raw_score(features))


def test_trees_that_split_on_the_treatment_alone_become_single_leaves():
    support = np.tile([0.0, 1.0], 100)
    features = pd.DataFrame({"constant": np.ones(200), "support": support})
    label = ((np.arange(200) % 10 < 6) & (support == 0) | (np.arange(200) % 10 == 1)).astype(float)
    model = fit(Recipe("boosting", treatment="support", row_share=1.0, feature_share=1.0), features, label, {})
    probability = model.probability(features)
    assert np.ptp(probability) == 0
    assert probability[0] == pytest.approx(label[support == 0].mean(), abs=0.02)


def stump(left, right, feature="0"):
    return Split(feature, "0.5", "2", "1", left, right)


def leaf(value, count):
    return Leaf(str(value), "1.0", str(count))


def test_a_small_leaf_joins_the_leaf_beside_it_with_their_mean():
    joined = without_small_leaves(stump(leaf(1.0, 10), leaf(4.0, 20)), 20)
    assert joined == Leaf("3.0", "2.0", "30")


def test_two_small_leaves_make_one_that_is_large_enough():
    tree = stump(stump(leaf(0.0, 12), leaf(1.0, 12), "1"), leaf(5.0, 40))
    assert without_small_leaves(tree, 20) == stump(Leaf("0.5", "2.0", "24"), leaf(5.0, 40))


def test_a_small_leaf_beside_a_branch_follows_the_branch():
    branch = stump(leaf(1.0, 30), leaf(2.0, 30), "1")
    assert without_small_leaves(stump(leaf(9.0, 3), branch), 20) == branch
    assert without_small_leaves(stump(branch, leaf(9.0, 3)), 20) == branch


def test_settling_takes_the_branch_of_none_at_every_depth():
    inner = stump(leaf(1.0, 30), leaf(2.0, 30), "7")
    tree = stump(stump(inner, leaf(3.0, 30), "1"), inner, "7")
    assert settled(tree, "7", 0.0) == stump(leaf(1.0, 30), leaf(3.0, 30), "1")
    assert settled(tree, "7", 1.0) == leaf(2.0, 30)


def test_no_leaf_of_a_fitted_model_holds_fewer_than_twenty_pupils(supported):
    # The library's own limit lets leaves of a dozen pass where leaving is rare: its counts are estimates.
    features, label = supported
    rare = label * (np.arange(len(label)) % 4 == 0)
    booster = fit("boosting", features, rare, {"absent_share": 1}).learner.booster
    leaves = booster.trees_to_dataframe().query("left_child.isna()")
    assert leaves["count"].min() >= 20
