"""How far the features of today are distributed otherwise than those of the past cohorts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.quantiles import quantiles_of
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
        drift_row(str(code), *(Spread.of(side[code].to_numpy(dtype=np.float64)) for side in (before, now)))
        for code in codes
    ]
    return drift_table(rows)


@dataclass(frozen=True)
class Spread:
    """The values of one feature in one cohort: those known, rising, and the number of ``rows``, missing ones among them."""

    known: NDArray[np.float64]
    rows: int

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Spread:
        """Return the spread of ``values``, whose missing ones are NaN."""
        missing = np.isnan(values)
        return cls(np.sort(values[~missing] if missing.any() else values), len(values))

    @property
    def missing_share(self) -> float:
        """The share of rows without data."""
        return 1 - len(self.known) / self.rows


def drift_row(code: str, before: Spread, now: Spread) -> tuple[object, ...]:
    """Return the row of one feature in the table of :func:`drift`."""
    return code, _psi(before, now), _shift_sd(before.known, now.known), now.missing_share, before.missing_share


def drift_table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Return the rows of :func:`drift_row` as a table."""
    return pd.DataFrame(rows, columns=list(DRIFT.column_names))


def psi(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the population stability index: the sum over bins of (now - before) x ln(now / before).

    Bins are the tenths of ``before``, fewer where values repeat, and one of its own for missing values.

    >>> psi(np.arange(100.0), np.arange(100.0))
    0.0
    """
    return _psi(Spread.of(before), Spread.of(now))


def _psi(before: Spread, now: Spread) -> float:
    known = before.known
    edges = np.unique(quantiles_of(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)
    shares = []
    for side in (before, now):
        # A bin ends with its edge: the numbers up to each edge, and from one edge to the next.
        upto = np.searchsorted(side.known, edges, side="right")
        counts = np.diff(np.concatenate(([0], upto, [len(side.known), side.rows])))
        shares.append(np.maximum(counts / side.rows, SMALLEST_SHARE))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shift_sd(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return mean of ``now`` minus mean of ``before``, in standard deviations of ``before``; both without missing values.

    NaN where one side has no data; infinite where a value that was always the same has changed.
    """
    if len(before) == 0 or len(now) == 0:
        return float("nan")
    difference, spread = float(now.mean() - before.mean()), float(before.std())
    if spread > 0:
        return difference / spread
    return 0.0 if difference == 0 else float(np.copysign(np.inf, difference))
