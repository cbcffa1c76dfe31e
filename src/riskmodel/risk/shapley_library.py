"""Shapley values from the libraries, for models that have no table: larger trees, and any other score."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

SAMPLE_ROWS = 100
"""Background rows that shap is given at most: its time grows with them."""

SEED = 7

Matrix = NDArray[np.float64]


def is_lightgbm(learner: Any) -> bool:
    """Whether ``learner`` is a booster of LightGBM, which need not be imported to know it."""
    return type(learner).__module__.partition(".")[0] == "lightgbm" and hasattr(learner, "model_to_string")


def is_xgboost(learner: Any) -> bool:
    """Whether ``learner`` is a booster or a model of XGBoost (which need not be installed)."""
    return type(learner).__module__.partition(".")[0] == "xgboost"


def booster_of(learner: Any) -> Any:
    """Return the XGBoost booster of a booster or model."""
    return learner.get_booster() if hasattr(learner, "get_booster") else learner


def xgboost_score(learner: Any, matrix: Matrix) -> Matrix:
    """Return XGBoost's raw score of each row."""
    return np.asarray(booster_of(learner).predict(_of_xgboost(matrix), output_margin=True), dtype=np.float64)


def path_dependent(learner: Any, matrix: Matrix) -> tuple[Matrix, float]:
    """Return a tree library's own path-dependent values and base."""
    if is_lightgbm(learner):
        both = np.asarray(learner.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
    elif is_xgboost(learner):
        both = np.asarray(booster_of(learner).predict(_of_xgboost(matrix), pred_contribs=True), dtype=np.float64)
    else:
        return _by_tree_explainer(learner, matrix, None)
    return both[:, :-1], float(both[0, -1]) if len(both) else 0.0


def interventional(learner: Any, matrix: Matrix, background: Matrix) -> tuple[Matrix, float]:
    """Return shap's interventional values of trees against all rows of ``background``, and the base."""
    return _by_tree_explainer(learner, matrix, background)


def estimated(score: Callable[[Matrix], Matrix], matrix: Matrix, background: Matrix) -> tuple[Matrix, float]:
    """Return shap's values of any ``score``, and the base: exact for few features, else over sampled orders."""
    import shap  # noqa: PLC0415  (three seconds that exact models do not pay)

    masker = shap.maskers.Independent(background, max_samples=len(background))
    state = np.random.get_state()  # shap sets the seed of numpy's global state
    try:
        found = shap.Explainer(score, masker, seed=SEED)(matrix, silent=True)
    finally:
        np.random.set_state(state)
    return np.asarray(found.values, dtype=np.float64), float(np.ravel(found.base_values)[0])


def sample(background: Matrix, weights: Matrix | None) -> Matrix:
    """Return at most ``SAMPLE_ROWS`` rows of ``background``, always the same; with weights, drawn by them."""
    if weights is None and len(background) <= SAMPLE_ROWS:
        return background
    chance = None if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
    chosen = np.random.default_rng(SEED).choice(len(background), SAMPLE_ROWS, replace=chance is not None, p=chance)
    return background[np.sort(chosen)]


def needs_background(kind: str = "") -> UsageError:
    """Return the error of a model that cannot be explained without a background."""
    return UsageError(
        message(
            "A model that is neither a boosting of trees nor a sum over features is explained against a background."
        ),
        found=message("The model is of kind {kind}.", kind=kind.lower() or "?"),
        remedy=message("Give the rows that pupils are compared with as the background, or explain the default model."),
    )


def _by_tree_explainer(learner: Any, matrix: Matrix, background: Matrix | None) -> tuple[Matrix, float]:
    import shap  # noqa: PLC0415  (three seconds that exact models do not pay)

    kind = "tree_path_dependent" if background is None else "interventional"
    with warnings.catch_warnings():
        # It warns that it once returned one array per class.
        warnings.filterwarnings("ignore", message="LightGBM binary classifier with TreeExplainer", category=UserWarning)
        explainer = shap.TreeExplainer(learner, data=background, feature_perturbation=kind)
        values = np.asarray(explainer.shap_values(matrix, check_additivity=False), dtype=np.float64)
    return values, float(np.ravel(explainer.expected_value)[-1])


def _of_xgboost(matrix: Matrix) -> Any:
    import xgboost  # noqa: PLC0415  (an optional extra)

    return xgboost.DMatrix(matrix, nthread=1)
