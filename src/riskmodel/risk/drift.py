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
    Setting ``max_drift_psi`` (0.25) holds a run; 0.1 is worth a look.
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
