"""Shapley values by looking patterns up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.risk.model import fit
from riskmodel.risk.recipe import Recipe
from riskmodel.risk.shapley import shapley
from riskmodel.risk.shapley_tables import BLOCK_ROWS, build, look_up


def world(missing, pupils=BLOCK_ROWS + 300):
    generator = np.random.default_rng(8)
    matrix = np.round(generator.normal(size=(pupils, 5)), 1)
    chance = 1 / (1 + np.exp(1 - matrix[:, 0] - matrix[:, 1] * matrix[:, 2]))
    label = (generator.uniform(0, 1, pupils) < chance).astype(float)
    matrix[generator.uniform(0, 1, matrix.shape) < missing] = np.nan
    return pd.DataFrame(matrix, columns=list("abcde")), label


def from_library(model, features):
    values = model.learner.booster.predict(model.matrix(features), pred_contrib=True, num_threads=1)
    return values[:, :-1], values[0, -1]


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("leaves", [2, 8])
def test_looking_up_gives_what_the_library_works_out(missing, leaves):
    features, label = world(missing)
    model = fit(Recipe("boosting", trees=40, leaves=leaves), features, label, {"a": 1})
    tables = build(model.learner.text)
    values, base = from_library(model, features)
    np.testing.assert_allclose(look_up(tables, model.matrix(features)), values, rtol=0, atol=1e-12)
    assert tables.base == pytest.approx(base, abs=1e-12)


def test_a_value_that_training_never_missed_is_read_as_the_library_reads_it():
    features, label = world(missing=0.0)
    model = fit(Recipe("boosting", trees=40), features, label, {})
    gaps = features.mask(np.random.default_rng(1).uniform(size=features.shape) < 0.3)
    tables = build(model.learner.text)
    np.testing.assert_allclose(look_up(tables, model.matrix(gaps)), from_library(model, gaps)[0], rtol=0, atol=1e-12)


def test_values_on_a_threshold_go_left():
    features, label = world(missing=0.1)
    model = fit(Recipe("boosting", trees=20), features, label, {})
    tables = build(model.learner.text)
    on_threshold = pd.DataFrame(np.repeat(tables.threshold[:, :1], 5, axis=1), columns=list("abcde"))
    expected = from_library(model, on_threshold)[0]
    np.testing.assert_allclose(look_up(tables, model.matrix(on_threshold)), expected, rtol=0, atol=1e-12)


def test_a_larger_tree_has_no_table_and_is_explained_by_the_library():
    features, label = world(missing=0.1)
    model = fit(Recipe("boosting", trees=5, leaves=12), features, label, {})
    assert build(model.learner.text) is None
    np.testing.assert_array_equal(shapley(model, features)[0], from_library(model, features)[0])


def test_a_model_of_a_single_leaf_has_a_base_and_no_reasons():
    features = pd.DataFrame({"a": np.ones(60)})
    model = fit("boosting", features, np.repeat([1.0, 0.0], [15, 45]), {})
    values, base = shapley(model, features)
    assert not values.any()
    assert base == pytest.approx(np.log(15 / 45))
