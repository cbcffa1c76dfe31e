"""How far the features of today are distributed otherwise than those of the past cohorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.tables.results import DRIFT

BINS = 10
SMALLEST_SHARE = 1e-6
"""Stands for the share of an empty bin, so that its logarithm exists."""


def drift(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.results.DRIFT`: one row per feature of both frames.

    ``before`` holds the past cohorts that taught the model, ``now`` the present one; NaN is "no data".
    The index (PSI) sees any change of form, also when a share of 1/74 days becomes 1/75 and steps over the edge of
    a bin; ``shift_sd``, the difference of the means in standard deviations of ``before``, says whether the
    change is one of size. A gate asks for both.
    """
    if len(before) == 0 or len(now) == 0:
        raise UsageError(
            message("Drift compares pupils of past cohorts with those of today."),
            found=message("One of the two sides has no rows."),
            remedy=message("Leave drift out until there is a past cohort."),
        )
    codes = [code for code in before.columns if code in now.columns]
    rows = [
        (
            str(code),
            psi(before[code].to_numpy(dtype=np.float64), now[code].to_numpy(dtype=np.float64)),
            shift_sd(before[code].to_numpy(dtype=np.float64), now[code].to_numpy(dtype=np.float64)),
            float(now[code].isna().mean()),
            float(before[code].isna().mean()),
        )
        for code in codes
    ]
    return pd.DataFrame(rows, columns=list(DRIFT.column_names))


def psi(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the population stability index: the sum over bins of (now - before) x ln(now / before).

    Bins are the tenths of ``before``, fewer where values repeat, and one of its own for missing values.

    >>> psi(np.arange(100.0), np.arange(100.0))
    0.0
    """
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)
    shares = []
    for values in (before, now):
        present = values[~np.isnan(values)]
        counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
        counts = np.append(counts, len(values) - len(present))
        shares.append(np.maximum(counts / len(values), SMALLEST_SHARE))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def shift_sd(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return mean of ``now`` minus mean of ``before``, in standard deviations of ``before``; missing left out.

    NaN where one side has no data; infinite where a value that was always the same has changed.

    >>> shift_sd(np.array([1.0, 3.0]), np.array([3.0, 3.0]))
    1.0
    """
    known_before, known_now = before[~np.isnan(before)], now[~np.isnan(now)]
    if len(known_before) == 0 or len(known_now) == 0:
        return float("nan")
    difference, spread = float(known_now.mean() - known_before.mean()), float(known_before.std())
    if spread > 0:
        return difference / spread
    return 0.0 if difference == 0 else float(np.copysign(np.inf, difference))
