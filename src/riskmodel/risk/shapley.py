"""Shapley values: how a raw score adds up from its features.

The score of every pupil is checked to be the base plus the contributions; a difference stops the run. Values are
log-odds: they are never shown as added percentage points.

>>> import pandas as pd
>>> from riskmodel.risk.model import fit
>>> features = pd.DataFrame({"absent_share": np.arange(100) / 100})
>>> model = fit("logistic", features, (np.arange(100) > 60).astype(float), {"absent_share": 1})
>>> values, base = shapley(model, features)
>>> bool(np.allclose(base + values.sum(axis=1), model.raw_score(features)))
True
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import message
from riskmodel.risk.challengers import Forest
from riskmodel.risk.model import RiskModel

TOLERANCE = 1e-5
"""Log-odds by which base plus contributions may miss the raw score: rounding of some hundred additions."""

BLOCK_ROWS = 200_000
"""Rows explained at a time, so that memory does not grow with the country."""


def shapley(model: RiskModel, features: pd.DataFrame) -> tuple[NDArray[np.float64], float]:
    """Return the contributions (pupils × features, in the model's order) and the base that they start from.

    Boosting: exact path-dependent Shapley values of the trees. Logistic and EBM: their own additive terms, which
    are their Shapley values. Where a challenger learnt with a treatment, its contribution at "none" is constant
    and part of the base.

    Raises
    ------
    UsageError
        For a forest: its log-odds are no sum over trees.
    RunFailedError
        When base plus contributions miss the raw score of a pupil by more than ``TOLERANCE``.
    """
    if isinstance(model.learner, Forest):
        raise UsageError(
            message("Reasons are given for models whose score is a sum: boosting, logistic, ebm."),
            found=message("The model is of kind {kind}.", kind=model.kind),
            remedy=message("Explain the default model; the forest is there for comparison."),
        )
    matrix = model.matrix(features)
    values, base = np.zeros(matrix.shape), 0.0
    for start in range(0, len(matrix), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        values[block], base = model.learner.contributions(matrix[block])
    if model.reads_treatment and len(matrix):
        base += float(values[0, -1])
    values = np.ascontiguousarray(values[:, : len(model.feature_codes)])
    check_additivity(values, base, model.raw_score(features))
    return values, base


def check_additivity(values: NDArray[np.float64], base: float, raw_score: NDArray[np.float64]) -> float:
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
