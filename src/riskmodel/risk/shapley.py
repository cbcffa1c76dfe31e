"""Shapley values: how a raw score adds up from its features.

The score of every pupil is checked to be the base plus the contributions; a difference stops the run. Values are on the
scale of the raw score, for the models of this product log-odds: they are never shown as added percentage points.

>>> import pandas as pd
>>> from riskmodel.risk.model import fit
>>> features = pd.DataFrame({"absent_share": np.arange(100) / 100, "noise": np.tile([0.0, 1.0], 50)})
>>> model = fit("boosting", features, (np.arange(100) > 60).astype(float), {"absent_share": 1})
>>> explained = shapley(model, features)
>>> bool(np.allclose(explained.base + explained.values.sum(axis=1), model.raw_score(features)))
True
>>> against_all = shapley(model, features, background=features)
>>> bool(np.isclose(against_all.base, model.raw_score(features).mean()))
True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import Message, message
from riskmodel.risk import shapley_library, shapley_tables
from riskmodel.risk.boosting import Boosting
from riskmodel.risk.challengers import Additive, Forest, Logistic
from riskmodel.risk.model import RiskModel
from riskmodel.risk.tree_models import TreeModel, from_hist_gradient_boosting, from_lightgbm, from_xgboost

TOLERANCE = 1e-5
"""Log-odds by which base plus contributions may miss the raw score: rounding of some hundred additions."""

Matrix = NDArray[np.float64]


class Explained(NamedTuple):
    """The contributions of the features to the raw scores of rows.

    ``values`` are rows × features in the model's order, ``base`` is where they start from, ``raw_score`` what the model
    itself says. ``is_exact`` is False where a library estimated them; ``note`` says how they came about.
    """

    values: Matrix
    base: float
    raw_score: Matrix
    is_exact: bool
    note: Message


class _Found(NamedTuple):
    values: NDArray[Any]
    base: float
    is_exact: bool
    note: Message


def shapley(
    model: Any,
    features: pd.DataFrame | Matrix,
    *,
    background: pd.DataFrame | Matrix | None = None,
    weights: Matrix | None = None,
) -> Explained:
    r"""Return how each row's raw score adds up from its features: :math:`f(x) = \varphi_0 + \sum_k \varphi_k(x)`.

    The Shapley value of feature k among the features F is

    .. math:: \varphi_k(x) = \sum_{S \subseteq F \setminus k} \frac{|S|!\,(|F|-|S|-1)!}{|F|!}
              \bigl[v_x(S \cup k) - v_x(S)\bigr]

    with :math:`v_x(S)` the score expected when only the features in S are known. Without a background it is the
    *path-dependent* one of TreeSHAP [1]_: an unknown feature divides a row over both branches by the training rows that
    they held. With a background it is the *interventional* one [2]_: :math:`v_x(S) = E_z f(x_S, z_{F \setminus S})`
    over all background rows z, and :math:`\varphi_0` is their mean score.

    Parameters
    ----------
    model
        A :class:`~riskmodel.risk.model.RiskModel`; a LightGBM, scikit-learn histogram or XGBoost boosting model with one
        raw score; a linear model of scikit-learn; or any function from a matrix to scores.
    features
        Rows × features; NaN where there are no data. Of a data frame a ``RiskModel`` reads its own columns.
    background
        Rows of the same columns that unknown features are taken from: the country, a school, a stage. All of them
        are used by the exact kinds, whatever their number.
    weights
        One non-negative weight per background row; all equal by default.

    Returns
    -------
    Explained
        ``values, base, raw_score, is_exact, note``.

    Raises
    ------
    UsageError
        When a model needs a background and has none, or the background is empty or of another width.
    RunFailedError
        When base plus contributions miss the model's own raw score of a row by more than ``TOLERANCE``.

    Notes
    -----
    *Trees with at most seven splits* are exact: a row's answers to all splits of a tree are a pattern of at most 7 bits,
    the values of all 128 patterns are worked out once, and a row costs one comparison per distinct split and one addition
    per tree and feature of the tree. With T trees of m splits and u features, tables cost O(T 2\ :sup:`u+m`), a row
    O(T (m + u)), a background of any size one such pass. float64 agrees with enumeration over all subsets to
    1e-12. FastTreeSHAP v2 [3]_ also spends memory of 2 to the depth to save time; here the table covers the whole
    tree and so also the interventional values. Missing values, LightGBM's zero-as-missing and its categorical
    splits are followed.

    *Larger trees* are left to the library's own path-dependent values (exact), or, with a background, to shap with
    a sample of it. *Linear models* are exact in both kinds. An explainable boosting machine gives its own terms.
    *Everything else* is estimated by shap against a sample of the background; ``note`` says so.

    References
    ----------
    .. [1] Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
       Nature Machine Intelligence 2 (2020) 56-67, doi:10.1038/s42256-019-0138-9.
    .. [2] Janzing, Minorics, Bloebaum, "Feature relevance quantification in explainable AI: a causal problem",
       AISTATS 2020, PMLR 108:2907-2916.
    .. [3] Yang, "Fast TreeSHAP: accelerating SHAP value computation for trees", 2021, arXiv:2109.09847.
    """
    matrix = _matrix_of(model, features)
    against = matrix if background is features else None if background is None else _matrix_of(model, background)
    _check_background(matrix, against, weights)
    learner = model.learner if isinstance(model, RiskModel) else model
    score = _score_of(learner)
    learner = getattr(learner, "booster_", learner)
    found = (
        _by_tables(learner, matrix, against, weights)
        or _by_terms(learner, matrix, against, weights)
        or _by_library(learner, score, matrix, against, weights)
    )
    values, base = np.asarray(found.values, dtype=np.float64), found.base
    if isinstance(model, RiskModel) and model.reads_treatment:
        # The treatment stands at "none" for everybody: its contribution is a constant, and part of the base.
        base += float(values[0, -1]) if len(values) else 0.0
        values = values[:, : len(model.feature_codes)]
    raw_score = score(matrix) if len(matrix) else np.zeros(0)
    check_additivity(values, base, raw_score)
    return Explained(values, base, raw_score, found.is_exact, found.note)


def check_additivity(values: Matrix, base: float, raw_score: Matrix) -> float:
    """Return the largest distance of base plus contributions from the raw scores.

    Raises
    ------
    RunFailedError
        When it is above ``TOLERANCE`` or not a number.
    """
    worst = float(np.max(np.abs(base + values.sum(axis=1) - raw_score), initial=0.0))
    if not worst <= TOLERANCE:
        raise RunFailedError(
            message("The reasons of every pupil must add up to the score within {tolerance}.", tolerance=TOLERANCE),
            found=message("They miss one by {worst} log-odds.", worst=f"{worst:.2g}"),
            remedy=message("Nothing is published; report this with the versions of the libraries."),
        )
    return worst


def _matrix_of(model: Any, features: pd.DataFrame | Matrix) -> Matrix:
    if isinstance(model, RiskModel) and isinstance(features, pd.DataFrame):
        return model.matrix(features)
    return np.asarray(features, dtype=np.float64)


def _check_background(matrix: Matrix, background: Matrix | None, weights: Matrix | None) -> None:
    if background is None:
        if weights is None:
            return
        found = message("There are weights and no background.")
    elif not len(background) or background.shape[1] != matrix.shape[1]:
        found = message("It has no rows, or other columns than the features.")
    elif weights is None:
        return
    else:
        each = np.asarray(weights, dtype=np.float64)
        if each.shape == (len(background),) and (each >= 0).all() and 0 < each.sum() < np.inf:
            return
        found = message("The weights are not one number of at least zero per row, or all are zero.")
    raise UsageError(
        message("A background is rows with the columns of the features, each with a weight if there are any."),
        found=found,
        remedy=message("Give the rows that pupils are compared with, or leave the background out."),
    )


def _by_tables(learner: Any, matrix: Matrix, background: Matrix | None, weights: Matrix | None) -> _Found | None:
    """Return exact values of small trees, None for other models."""
    trees = _trees_of(learner)
    planned = None if trees is None else shapley_tables.plan(trees, matrix.shape[1])
    if planned is None:
        return None
    patterns = shapley_tables.patterns(planned, matrix)
    if background is None:
        tables = shapley_tables.path_dependent(planned)
        note = message("Exact path-dependent Shapley values, looked up in tables.")
    else:
        of_background = patterns if background is matrix else shapley_tables.patterns(planned, background)
        tables = shapley_tables.interventional(planned, shapley_tables.histogram(of_background, weights))
        note = message(
            "Exact interventional Shapley values against {rows} background rows, looked up in tables.",
            rows=len(background),
        )
    return _Found(shapley_tables.look_up(tables, patterns), tables.base, True, note)


def _trees_of(learner: Any) -> TreeModel | None:
    if isinstance(learner, Boosting):
        return from_lightgbm(learner.text)
    if shapley_library.is_lightgbm(learner):
        return from_lightgbm(str(learner.model_to_string()))
    if _is_hist_gradient_boosting(learner):
        return from_hist_gradient_boosting(learner)
    return from_xgboost(shapley_library.booster_of(learner)) if shapley_library.is_xgboost(learner) else None


def _is_hist_gradient_boosting(learner: Any) -> bool:
    return hasattr(learner, "_predictors") and hasattr(learner, "_baseline_prediction")


def _by_terms(learner: Any, matrix: Matrix, background: Matrix | None, weights: Matrix | None) -> _Found | None:
    """Return the exact values of models that are a sum over features, None for other models."""
    exact = message("Exact: the model is a sum over its features.")
    if isinstance(learner, Logistic):
        if background is not None:
            means = np.average(learner.design.columns(background), axis=0, weights=weights)
            learner = replace(learner, column_means=means)
        values, base = learner.contributions(matrix)
        return _Found(values, base, True, exact)
    if isinstance(learner, Additive) and background is None:
        values, base = learner.contributions(matrix)
        return _Found(values, base, True, message("The model's own terms; a pair is shared equally."))
    if not hasattr(learner, "coef_"):
        return None
    if background is None:
        raise shapley_library.needs_background()
    slopes, means = np.ravel(learner.coef_), np.average(background, axis=0, weights=weights)
    return _Found((matrix - means) * slopes, float(np.ravel(learner.intercept_)[0] + means @ slopes), True, exact)


def _by_library(
    learner: Any, score: Callable[[Matrix], Matrix], matrix: Matrix, background: Matrix | None, weights: Matrix | None
) -> _Found:
    """Return what a library says of a larger or an unknown model."""
    is_trees = _trees_of(learner) is not None
    learner = learner.booster if isinstance(learner, Boosting) else learner
    if is_trees and background is None:
        values, base = shapley_library.path_dependent(learner, matrix)
        return _Found(
            values,
            base,
            True,
            message("Path-dependent Shapley values of the library: a tree is too large for a table."),
        )
    if background is None:
        raise shapley_library.needs_background(learner.__class__.__name__ if isinstance(learner, Forest) else "")
    sample = shapley_library.sample(background, weights)
    note = message("Estimated by shap against a sample of {rows} background rows.", rows=len(sample))
    if is_trees:
        values, base = shapley_library.interventional(learner, matrix, sample)
    else:
        values, base = shapley_library.estimated(score, matrix, sample)
    return _Found(values, base, False, note)


def _score_of(learner: Any) -> Callable[[Matrix], Matrix]:
    """Return the raw score as a function of a matrix."""
    if hasattr(learner, "raw_score"):
        return lambda matrix: np.asarray(learner.raw_score(matrix), dtype=np.float64)
    if hasattr(learner, "booster_") or shapley_library.is_lightgbm(learner):
        booster = getattr(learner, "booster_", learner)
        return lambda matrix: np.asarray(booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64)
    if shapley_library.is_xgboost(learner):
        return lambda matrix: shapley_library.xgboost_score(learner, matrix)
    if _is_hist_gradient_boosting(learner):
        return lambda matrix: np.ravel(learner._raw_predict(matrix))
    if hasattr(learner, "coef_"):
        return lambda matrix: matrix @ np.ravel(learner.coef_) + np.ravel(learner.intercept_)[0]
    if callable(learner):
        return lambda matrix: np.ravel(np.asarray(learner(matrix), dtype=np.float64))
    raise UsageError(
        message("What is explained is a boosting or linear model, or a function from a matrix to scores."),
        found=message("It is of the class {name}.", name=type(learner).__name__),
        remedy=message("Give a function that returns one score per row, and a background."),
    )
