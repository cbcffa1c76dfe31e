"""How far the present is otherwise than the past: in its features at once, in how often pupils leave when that is known.

What is *recorded* shows in the features of the present cohort: half of the absences halve the mean of their shares. How
*often* pupils leave is not known of the present cohort; a change shows when a cohort's outcomes have matured, as the
number of those who left against the number that was foretold out of time (calibration in the large).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.quantiles import quantiles_of
from riskmodel.tables.figures import DRIFT

BINS = 10
SMALLEST_SHARE = 1e-6
"""Stands for the share of an empty bin, so that its logarithm exists."""

RECORDED = ("absent_share_year", "absent_share_8w")
"""The features that tell whether absences are recorded as they were: means over many lessons of all pupils. Shorter spans
follow an influenza; unexcused lessons are few, and a rule on excuses moves them."""

BEYOND_CHANCE = 2.0
"""Standard errors from which on chance is no explanation: it goes so far in one of forty semesters, to one side."""

FEWEST_LEAVERS = 100
"""With fewer, left and expected, the ratio of a cohort decides nothing: one school's year moves it."""


def drift(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.figures.DRIFT`: one row per feature of both frames.

    ``before`` holds the past cohorts that taught the model, ``now`` the present one; NaN is "no data".
    The index (PSI) sees any change of form, also when a share of 1/74 days becomes 1/75 and steps over the edge of
    a bin; ``shift_sd``, the difference of the means in standard deviations of ``before``, says whether the
    change is one of size. A gate asks for both. ``mean_ratio`` is the mean now over the mean before, of features that are
    never below zero.
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

    @cached_property
    def mean(self) -> float:
        """The mean of what is known, of which there must be some."""
        return float(self.known.mean())


def drift_row(code: str, before: Spread, now: Spread) -> tuple[object, ...]:
    """Return the row of one feature in the table of :func:`drift`."""
    moved, ratio = _shift_sd(before, now), _mean_ratio(before, now)
    return code, _psi(before, now), moved, ratio, now.missing_share, before.missing_share


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


def _shift_sd(before: Spread, now: Spread) -> float:
    """Return mean of ``now`` minus mean of ``before``, in standard deviations of ``before``.

    NaN where one side has no data; infinite where a value that was always the same has changed.
    """
    if len(before.known) == 0 or len(now.known) == 0:
        return float("nan")
    difference, spread = now.mean - before.mean, float(before.known.std())
    if spread > 0:
        return difference / spread
    return 0.0 if difference == 0 else float(np.copysign(np.inf, difference))


def _mean_ratio(before: Spread, now: Spread) -> float:
    """Return mean of ``now`` over mean of ``before``.

    NaN where one side has no data or a value below zero, or all values before were zero.
    """
    if len(before.known) == 0 or len(now.known) == 0:
        return float("nan")
    if min(before.known[0], now.known[0]) < 0 or before.known[-1] == 0:
        return float("nan")
    return now.mean / before.mean


def recorded_otherwise(table: pd.DataFrame, most_times: float, least_psi: float) -> pd.Series[float]:
    """Return, by feature of :data:`RECORDED`, how many times more (or fewer) is recorded than before: 1 or more.

    Parameters
    ----------
    table
        The columns of :data:`riskmodel.tables.figures.DRIFT`.
    most_times
        Beyond this the feature is in the answer: at 1.5 means of two thirds and of three halves are the bounds.
    least_psi
        And only where the form has changed too.
    """
    own = table.set_index("feature_code").reindex(RECORDED)
    ratio = own["mean_ratio"].astype(np.float64)
    times = np.maximum(ratio, 1 / ratio.where(ratio > 0, SMALLEST_SHARE))
    is_told = (times > most_times) & (own["psi"] > least_psi)
    return pd.Series(times[is_told], dtype=np.float64)


@dataclass(frozen=True)
class Foretold:
    """Calibration in the large of one cohort: how many ``left``, and how many were ``expected`` out of time to leave.

    ``error`` is the standard error of the logarithm of their ratio. Pupils of a school leave together, so it counts schools;
    and the leavers that taught the model were themselves so many by chance. NaN where nobody was expected to leave, or
    nobody did.
    """

    pupils: int
    left: int
    expected: float
    error: float

    @property
    def ratio(self) -> float:
        """Those who left, as a multiple of those expected."""
        return self.left / self.expected if self.left and self.expected > 0 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The ratio less and more :data:`BEYOND_CHANCE` standard errors."""
        factor = math.exp(BEYOND_CHANCE * self.error)
        return self.ratio / factor, self.ratio * factor

    def is_beyond(self, most_times: float) -> bool:
        """Return whether ``most_times`` more left than were expected, or fewer, and chance alone does not explain it.

        Never with fewer than :data:`FEWEST_LEAVERS`.

        >>> [Foretold(90_000, left, 1_000.0, 0.03).is_beyond(1.1) for left in (760, 870, 1_000, 1_150, 1_300)]
        [True, False, False, False, True]
        """
        low, high = self.interval
        is_enough = max(self.left, self.expected) >= FEWEST_LEAVERS
        return is_enough and (low > most_times or high < 1 / most_times)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold, the ratio and its interval among them; null where not defined."""
        low, high = self.interval
        told = {**asdict(self), "ratio": self.ratio, "low": low, "high": high}
        return {name: None if math.isnan(value) else value for name, value in told.items()}


def foretold(
    probability: NDArray[np.float64], label: NDArray[np.float64], school: NDArray[np.integer[Any]], taught_left: int
) -> Foretold:
    """Return how many left and how many were expected to.

    Parameters
    ----------
    probability
        Of each pupil of a cohort, as predicted out of time.
    label
        1 left, 0 stayed, NaN not known: not counted.
    school
        The school of each pupil as a number from 0 up.
    taught_left
        How many leavers taught the model.

    >>> found = foretold(np.array([0.5, 0.5, 0.2]), np.array([1.0, 0.0, np.nan]), np.array([0, 1, 1]), 2)
    >>> found.left, found.expected, found.error
    (1, 1.0, 1.0)
    """
    known = ~np.isnan(label)
    chance, outcome = probability[known], label[known]
    expected, left = float(chance.sum()), int(outcome.sum())
    if not left or expected <= 0 or taught_left <= 0:
        return Foretold(int(known.sum()), left, expected, math.nan)
    by_school = np.bincount(school[known], outcome - chance * (left / expected))
    return Foretold(
        int(known.sum()), left, expected, math.sqrt(float(np.sum(by_school**2)) / left**2 + 1 / taught_left)
    )
