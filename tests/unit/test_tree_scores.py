"""Our own pass over the trees gives the scores of LightGBM."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from riskmodel.risk.tree_scores import BLOCK_ROWS, covers, plant, scores


def booster(rows=2000, missing=True, **parameters):
    generator = np.random.default_rng(1)
    matrix = np.round(generator.normal(size=(rows, 6)), 1)
    if missing:
        matrix[generator.uniform(size=matrix.shape) < 0.15] = np.nan
    label = (np.nan_to_num(matrix[:, 0]) + np.nan_to_num(matrix[:, 1] * matrix[:, 2]) > 0.3).astype(float)
    given = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, **parameters}
    return lightgbm.train(given, lightgbm.Dataset(matrix, label=label), 30), matrix


@pytest.mark.parametrize("missing", [True, False])
def test_every_score_is_that_of_the_library_to_the_last_bit(missing):
    model, matrix = booster(missing=missing)
    asked = np.vstack([matrix, np.full((1, 6), np.nan), np.zeros((1, 6)), np.full((1, 6), 1e9)])
    found = scores(plant(model.model_to_string()), asked)
    np.testing.assert_array_equal(found, model.predict(asked, raw_score=True))


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1])
def test_blocks_of_rows_have_no_seam(rows):
    model, matrix = booster()
    forest = plant(model.model_to_string())
    np.testing.assert_array_equal(scores(forest, matrix[:rows]), scores(forest, matrix)[:rows])


def test_the_weight_at_each_end_is_that_of_the_rows_that_reach_it():
    model, matrix = booster()
    weight = np.arange(1.0, len(matrix) + 1)
    found = covers(plant(model.model_to_string()), matrix, weight)
    np.testing.assert_array_equal(found.sum(axis=1), weight.sum())
    leaf = model.predict(matrix, pred_leaf=True)
    for tree in range(30):
        of_library = np.bincount(leaf[:, tree], weight)
        np.testing.assert_allclose(np.sort(found[tree][found[tree] > 0]), np.sort(of_library[of_library > 0]))


def test_larger_trees_are_left_to_the_library():
    model, _ = booster(num_leaves=16)
    assert plant(model.model_to_string()) is None


def test_zero_that_means_missing_is_left_to_the_library():
    model, _ = booster(zero_as_missing=True)
    assert plant(model.model_to_string()) is None
