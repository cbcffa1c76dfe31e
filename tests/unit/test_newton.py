"""Ridge logistic regression: the gradient where it stops, scikit-learn's steps, and columns that are awkward."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from riskmodel.risk.newton import ENOUGH, ridge

ROWS = 3_000


@pytest.fixture(scope="module")
def rows():
    chance = np.random.default_rng(3)
    columns = chance.normal(size=(ROWS, 6))
    columns[:, 3] = columns[:, 2]  # the same column twice
    columns[:, 4] = 0.0
    columns[:, 5] = chance.uniform(size=ROWS) < 0.01
    label = (chance.uniform(size=ROWS) < 1 / (1 + np.exp(2 - columns[:, 0] - columns[:, 2]))).astype(float)
    label[columns[:, 5] == 1] = 0.0  # nobody of these few left: without a penalty the weight would have no end
    return columns, label


def test_where_it_stops_no_slope_is_left_to_speak_of(rows):
    columns, label = rows
    weights, intercept = ridge(columns, label, penalty=1 / 0.3)
    chance = 1 / (1 + np.exp(-(columns @ weights + intercept)))
    assert np.abs(columns.T @ (chance - label) + weights / 0.3).max() <= ENOUGH * ROWS
    assert abs((chance - label).sum()) <= ENOUGH * ROWS


@pytest.mark.parametrize("c", [0.01, 0.3, 100.0])
def test_it_goes_the_steps_of_scikit_learn(rows, c):
    columns, label = rows
    weights, intercept = ridge(columns, label, penalty=1 / c)
    library = LogisticRegression(C=c, solver="newton-cholesky").fit(columns, label)
    np.testing.assert_allclose(weights, library.coef_[0], atol=1e-6)
    assert intercept == pytest.approx(library.intercept_[0], abs=1e-6)


def test_a_column_twice_shares_its_weight_and_a_column_of_zeros_has_none(rows):
    weights, _ = ridge(*rows, penalty=1.0)
    assert weights[2] == pytest.approx(weights[3], abs=1e-9)
    assert weights[4] == 0.0


def test_the_layout_of_the_columns_in_memory_does_not_matter(rows):
    columns, label = rows
    flat, _ = ridge(np.ascontiguousarray(columns), label, penalty=1.0)
    upright, _ = ridge(np.asfortranarray(columns), label, penalty=1.0)
    assert flat.tolist() == upright.tolist()


def test_columns_on_very_different_scales_stop_within_the_steps():
    chance = np.random.default_rng(5)
    columns = chance.normal(size=(400, 2)) * [1e3, 1e-3]
    label = (columns[:, 0] > 0).astype(float)  # parted without an error by the first column
    weights, intercept = ridge(columns, label, penalty=1e-3)
    assert weights[0] > 0
    assert ((columns @ weights + intercept > 0) == (label == 1)).all()
