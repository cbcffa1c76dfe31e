"""The effect of a measure given by judgement: those who got it beside those like them who did not (cross-fitted AIPW).

Three curves are learnt on four fifths of the pupils and read on the last fifth, in turn: the chance of getting the measure
(propensity e), and of leaving with it (m1) and without it (m0). Every pupil then speaks by

    m1 - m0 + d (y - m1) / e - (1 - d) (y - m0) / (1 - e),

whose mean over the pupils compared is the effect, and right as soon as either e or the pair m1, m0 is (Robins, Rotnitzky and Zhao
1994; Chernozhukov and others 2018). Pupils with a
propensity below .05 or above .95 have next to nobody to be compared with: the effect is that on the others, and the share
left out stands beside it (Crump, Hotz, Imbens and Mitnik 2009). It *assumes* that whatever made staff choose pupils and also makes them leave stands in
the covariates. That cannot be tested: :attr:`Adjusted.robustness` says how strong something unseen would have to be.

The curves are ridge logistic regressions on numbers, bends, squares and products. Small boosted trees were tried: they
follow a propensity too little, and left both bias and an error that was a sixth too small (3,000 pupils).

The parting into fifths is drawn several times. The effect is the median over them, and its variance the median of
variance plus squared distance to it: what the parting adds is in the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk import newton
from riskmodel.risk.challengers import Design
from riskmodel.risk.effects.estimate import Estimate, Kind, NotEstimated, Reason
from riskmodel.risk.effects.local import has_different
from riskmodel.risk.model import probability_of
from riskmodel.risk.splits import school_folds

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

FOLDS, PARTINGS = 5, 3
PENALTY = 10.0
TENTHS = 10
BENDS = (-0.67, 0.0, 0.67)
"""Standard deviations from the mean at which a curve may bend: the quartiles of a normal law."""

MOST_IN_PRODUCTS = 12
"""With more covariates than this, products of two are left out."""

FEWEST_PUPILS = 100
"""With the measure, and without it."""

FEWEST_CASES = 10
"""Pupils who left with the measure, and without it; the same of those who stayed."""

FEWEST_SCHOOLS = 20
SPARSE = 0.05
"""A pupil whose propensity is nearer than this to 0 or 1 is not compared."""


@dataclass(frozen=True)
class Judged:
    """Pupils of whom some got a measure by judgement: one value, or row, per pupil."""

    covariates: Floats
    """Pupils × what was known before; NaN is "no data"."""
    given: Floats
    """1 got the measure, 0 did not."""
    left: Floats
    """1 left early, 0 did not."""
    school: Integers | None = None
    """Numbers of schools: each school stands in one fold, and errors allow its pupils to be alike."""

    def __post_init__(self) -> None:
        columns = (self.given, self.left) if self.school is None else (self.given, self.left, self.school)
        if any(len(column) != len(self.covariates) for column in columns) or not all(
            ((column == 0) | (column == 1)).all() for column in (self.given, self.left)
        ):
            raise UsageError(
                message("Covariates, support and outcome must stand pupil by pupil, the last two as 0 or 1."),
                found=message("Columns differ in length, or other values stand among them."),
                remedy=message("Leave out pupils whose outcome is not known, and say how many they are."),
            )

    @property
    def schools(self) -> int:
        """How many schools there are; 0 where none are given."""
        return 0 if self.school is None else len(np.unique(self.school))

    def only(self, rows: NDArray[np.bool_]) -> Judged:
        """Return the pupils of ``rows``."""
        school = None if self.school is None else self.school[rows]
        return Judged(self.covariates[rows], self.given[rows], self.left[rows], school)


@dataclass(frozen=True)
class Adjusted:
    """The effect over the pupils compared, in shares who left, if nothing unseen drives both the choice and leaving."""

    effect: Estimate
    sparse_share: float
    """Share of pupils with next to nobody to be compared with (propensity below .05 or above .95): left out."""
    effective_given: float
    """Pupils with the measure that the weights are worth, of :attr:`Estimate.pupils_given`."""
    choice_p_value: float
    """Of the propensity against who got the measure, in tenths of it (Hosmer and Lemeshow 1980): near 0 the choice followed
    something that the curve cannot, for example a cut, and pupils who look alike are not."""
    robustness: float
    """Share of what is left unexplained, of leaving and of the choice alike, that something unseen would have to explain to
    bring the estimate to zero (0 to 1)."""
    robustness_of_interval: float
    """The same for the nearer end of the interval; 0 where that holds zero."""


def adjusted(judged: Judged, seed: int) -> Adjusted | NotEstimated:
    """Return the effect of a measure given by judgement; ``seed`` draws the partings."""
    missing = _too_little(judged)
    if missing is not None:
        return NotEstimated(Kind.ADJUSTED, missing)
    design = Expanded.learn(judged.covariates).columns(judged.covariates)
    partings = [_parted(judged, design, np.random.default_rng([seed, number])) for number in range(PARTINGS)]
    if any(_too_little(judged.only(parting.is_compared)) is not None for parting in partings):
        return NotEstimated(Kind.ADJUSTED, Reason.NO_OVERLAP)
    value = float(np.median([parting.effect for parting in partings]))
    spread = [parting.variance(judged.school) + (parting.effect - value) ** 2 for parting in partings]
    compared = [judged.only(parting.is_compared) for parting in partings]
    given = int(np.median([own.given.sum() for own in compared]))
    rest = int(np.median([len(own.given) - own.given.sum() for own in compared]))
    freedom = None if judged.school is None else min(own.schools for own in compared) - 1
    effect = Estimate(Kind.ADJUSTED, value, float(np.sqrt(np.median(spread))), given, rest, freedom)
    scale = float(np.median([parting.bias_scale for parting in partings]))
    nearest = 0.0 if effect.low <= 0 <= effect.high else min(abs(effect.low), abs(effect.high))
    return Adjusted(
        effect,
        float(np.median([1 - parting.is_compared.mean() for parting in partings])),
        float(np.median([parting.effective_given for parting in partings])),
        float(np.median([parting.choice_p_value for parting in partings])),
        robustness(abs(value), scale),
        robustness(nearest, scale),
    )


def robustness(distance: float, scale: float) -> float:
    """Return how strong something unseen must be to move an estimate by ``distance``.

    With r the share of the unexplained variation of leaving, and of the weights of the choice, that it explains, the bias
    is at most scale × r / root(1 - r) (Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis 2022, "Long story short"); the
    answer is the r at which that equals ``distance``.

    >>> round(robustness(0.05, 0.5), 3)
    0.095
    """
    square = float(distance / scale) ** 2
    # In this form nothing cancels, and rounding never puts a larger distance before a smaller one.
    return 2 / (1 + math.sqrt(1 + 4 / square)) if square else 0.0


@dataclass(frozen=True)
class Expanded:
    """Columns for curves that bend: numbers (scaled, medians and flags where missing), squares, hinges and products."""

    design: Design
    numbers: int

    @classmethod
    def learn(cls, covariates: Floats) -> Expanded:
        """Return the design for ``covariates``; outcomes have no say in it."""
        return cls(Design.learn(covariates, frozenset()), covariates.shape[1])

    def columns(self, covariates: Floats) -> Floats:
        """Return pupils × columns, each of mean 0 and deviation 1 (or all zero)."""
        plain = self.design.columns(covariates)
        numbers = plain[:, : self.numbers]
        # A flag has no bends: its square and hinges are the flag again.
        bending = numbers[:, [has_different(column, 3) for column in numbers.T]]
        more = [bending**2, *(np.maximum(bending - bend, 0) for bend in BENDS)]
        if self.numbers <= MOST_IN_PRODUCTS:
            first, second = np.triu_indices(self.numbers, 1)
            more.append(numbers[:, first] * numbers[:, second])
        whole = np.asfortranarray(np.hstack([plain, *more]))
        whole -= whole.mean(axis=0)
        deviation = whole.std(axis=0)
        is_flat = deviation < 1e-9  # also of a column that is another one's copy but for rounding
        whole[:, is_flat] = 0
        return np.asarray(whole / np.where(is_flat, 1.0, deviation), dtype=np.float64, order="F")


@dataclass(frozen=True)
class _Parting:
    """What one parting into folds says."""

    is_compared: NDArray[np.bool_]
    speaks: Floats
    """Per pupil compared: the formula above."""
    effective_given: float
    choice_p_value: float
    bias_scale: float

    @property
    def effect(self) -> float:
        return float(self.speaks.mean())

    def variance(self, school: Integers | None) -> float:
        """Return the variance of the mean; with schools, between their sums."""
        apart = self.speaks - self.effect
        own = None if school is None else school[self.is_compared]
        sums = apart if own is None else np.bincount(np.unique(own, return_inverse=True)[1], apart)
        return float(len(sums) / (len(sums) - 1) * (sums @ sums) / len(apart) ** 2)


def _parted(judged: Judged, design: Floats, generator: np.random.Generator) -> _Parting:
    given, left = judged.given, judged.left
    fold = _folds(judged, generator)
    chance, with_it, without = (np.zeros(len(given)) for _ in range(3))
    for number in range(FOLDS):
        reads = fold == number
        for target, label, teaches in (
            (chance, given, ~reads),
            (with_it, left, ~reads & (given == 1)),
            (without, left, ~reads & (given == 0)),
        ):
            target[reads] = _read(design, label, teaches, reads)
    is_compared = (chance >= SPARSE) & (chance <= 1 - SPARSE)
    given, left, chance, with_it, without = (column[is_compared] for column in (given, left, chance, with_it, without))
    pull = given / chance - (1 - given) / (1 - chance)
    apart = left - np.where(given == 1, with_it, without)
    weights = given / chance
    effective = weights.sum() ** 2 / max(float(weights @ weights), 1.0)
    scale = np.sqrt(np.sum(apart**2) * np.sum(pull**2)) / max(len(pull), 1)
    fits = _fit_of(chance, given)
    return _Parting(is_compared, with_it - without + pull * apart, float(effective), fits, float(scale))


def _fit_of(chance: Floats, given: Floats) -> float:
    """Return the p-value of as large a distance between chances and what came, in tenths by chance."""
    distance = 0.0
    for tenth in np.array_split(np.argsort(chance, kind="stable"), TENTHS):
        spread = float((chance[tenth] * (1 - chance[tenth])).sum())
        distance += float((given[tenth] - chance[tenth]).sum()) ** 2 / max(spread, 1e-12)
    return float(chdtrc(TENTHS, distance))


def _read(design: Floats, label: Floats, teaches: NDArray[np.bool_], reads: NDArray[np.bool_]) -> Floats:
    own = label[teaches]
    if own.min() == own.max():  # a fold may leave nobody of one kind: the share, drawn in from the end
        share = (own.sum() + 0.5) / (len(own) + 1)
        return np.full(int(reads.sum()), share)
    weights, intercept = newton.ridge(np.asfortranarray(design[teaches]), own, PENALTY)
    return probability_of(design[reads] @ weights + intercept)


def _folds(judged: Judged, generator: np.random.Generator) -> Integers:
    if judged.school is not None:
        seed = int(generator.integers(2**31))
        return np.asarray(school_folds(pd.Series(judged.school), FOLDS, seed), dtype=np.intp)
    fold = np.zeros(len(judged.given), dtype=np.intp)
    for arm in (0, 1):  # every fold holds its share of both
        rows = np.flatnonzero(judged.given == arm)
        fold[rows] = generator.permutation(len(rows)) % FOLDS
    return fold


def _too_little(judged: Judged) -> Reason | None:
    for arm in (0, 1):
        own = judged.left[judged.given == arm]
        if len(own) < FEWEST_PUPILS:
            return Reason.TOO_FEW_PUPILS
        if min(own.sum(), (1 - own).sum()) < FEWEST_CASES:
            return Reason.NO_CASES
    if judged.school is not None and judged.schools < FEWEST_SCHOOLS:
        return Reason.TOO_FEW_SCHOOLS
    return None
