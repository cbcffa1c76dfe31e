"""The challengers that stand beside the default model in every report: logistic, EBM, forest."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from riskmodel.risk import newton
from riskmodel.risk.recipe import Recipe

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

MIN_CODE_PUPILS = 20
"""A code that fewer pupils share is one of "the rare ones" in the logistic model."""

FOREST_LIMIT = 1e-6
"""A forest may answer 0 or 1; its log-odds are taken this far from the ends."""


@dataclass(frozen=True)
class Design:
    """How a feature matrix becomes the columns of the logistic model.

    Numbers: median where missing, a flag beside (only where training had missing values), then scaled to
    mean 0 and deviation 1. Codes: one column per code, those of fewer than ``MIN_CODE_PUPILS`` pupils
    together; a code that training never saw counts among them.
    """

    medians: NDArray[np.float64]
    flagged: NDArray[np.intp]
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    number_columns: NDArray[np.intp]
    codes: tuple[tuple[int, tuple[float, ...], bool], ...]
    """Per code column: its place, the frequent codes, whether there is a column for the rare ones."""

    @classmethod
    def learn(cls, matrix: NDArray[np.float64], code_columns: frozenset[int]) -> Self:
        """Return the design that training data ask for."""
        numbers = np.array([j for j in range(matrix.shape[1]) if j not in code_columns], dtype=np.intp)
        medians, means, deviations = np.zeros(len(numbers)), np.zeros(len(numbers)), np.zeros(len(numbers))
        gone_shares = np.zeros(len(numbers))
        for place, column in enumerate(numbers):
            values = np.ascontiguousarray(matrix[:, column])
            gone = np.isnan(values)
            gone_shares[place] = gone.mean()
            if not gone.all():
                medians[place] = np.median(values[~gone])
            filled = np.where(gone, medians[place], values)
            means[place], deviations[place] = filled.mean(), filled.std()
        flagged = np.flatnonzero(gone_shares > 0)
        shares = gone_shares[flagged]
        deviations = np.append(deviations, np.sqrt(shares * (1 - shares)))
        codes = []
        for j in sorted(code_columns):
            values, counts = np.unique(matrix[:, j], return_counts=True)
            frequent = tuple(float(value) for value in values[(counts >= MIN_CODE_PUPILS) & ~np.isnan(values)])
            codes.append((j, frequent, bool(counts[~np.isin(values, frequent)].sum() > 0)))
        return cls(
            medians,
            flagged,
            np.append(means, shares),
            np.where(deviations > 0, deviations, 1.0),
            numbers,
            tuple(codes),
        )

    def columns(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the design columns of ``matrix`` (rows × design columns); each lies together in memory."""
        numbers, flags = len(self.number_columns), len(self.flagged)
        codes = sum(len(frequent) + has_rare for _, frequent, has_rare in self.codes)
        design = np.empty((numbers + flags + codes, len(matrix)))
        flag_of = dict(zip(self.flagged.tolist(), range(numbers, numbers + flags), strict=True))
        for place, column in enumerate(self.number_columns):
            values = matrix[:, column]
            gone = np.isnan(values)
            design[place] = np.where(gone, self.medians[place], values)
            if place in flag_of:
                design[flag_of[place]] = gone
        scaled = design[: numbers + flags]
        for place, (mean, deviation) in enumerate(zip(self.means, self.deviations, strict=True)):
            scaled[place] -= mean
            scaled[place] /= deviation
        first = numbers + flags
        for j, frequent, has_rare in self.codes:
            is_code = matrix[:, j] == np.array(frequent, dtype=np.float64)[:, None]
            design[first : first + len(frequent)] = is_code
            first += len(frequent)
            if has_rare:
                design[first] = ~is_code.any(axis=0)
                first += 1
        return design.T

    def sources(self) -> NDArray[np.intp]:
        """Return, per design column, the feature column that it comes from."""
        places = [self.number_columns, self.number_columns[self.flagged]]
        for j, frequent, has_rare in self.codes:
            places.append(np.full(len(frequent) + has_rare, j, dtype=np.intp))
        return np.concatenate(places)


@dataclass(frozen=True)
class Logistic:
    """Ridge logistic regression over a :class:`Design`."""

    design: Design
    weights: NDArray[np.float64]
    intercept: float
    column_means: NDArray[np.float64]

    @classmethod
    def learn(
        cls, recipe: Recipe, matrix: NDArray[np.float64], label: NDArray[np.float64], codes: frozenset[int]
    ) -> Self:
        """Return the model learnt with inverse penalty ``recipe.logistic_c``."""
        design = Design.learn(matrix, codes)
        columns = design.columns(matrix)
        weights, intercept = newton.ridge(columns, label, 1 / recipe.logistic_c)
        stands_for = 1 / recipe.draw.share_of(label)
        return cls(design, weights, intercept + recipe.draw.shift, stands_for @ columns / stands_for.sum())

    def raw_score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of each row, column by column: the design of a national cohort would fill the memory."""
        design, numbers = self.design, len(self.design.number_columns)
        scaled = numbers + len(design.flagged)
        slopes = self.weights[:scaled] / design.deviations
        raw = np.full(len(matrix), self.intercept - float(slopes @ design.means))
        flag_of = dict(zip(design.flagged.tolist(), slopes[numbers:].tolist(), strict=True))
        for place, column in enumerate(design.number_columns):
            gone = np.isnan(matrix[:, column])
            raw += slopes[place] * np.where(gone, design.medians[place], matrix[:, column])
            if place in flag_of:
                raw += flag_of[place] * gone
        first = scaled
        for column, frequent, has_rare in design.codes:
            weights = self.weights[first : first + len(frequent) + has_rare]
            raw += _weight_of_code(matrix[:, column], frequent, weights)
            first += len(weights)
        return raw

    def contributions(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return weight × distance from the training mean, summed per feature, and the score of that mean."""
        terms = (self.design.columns(matrix) - self.column_means) * self.weights
        values = np.zeros(matrix.shape, dtype=np.float64)
        for column, source in enumerate(self.design.sources()):
            values[:, source] += terms[:, column]
        return values, float(self.intercept + self.column_means @ self.weights)


def _weight_of_code(
    values: NDArray[np.float64], frequent: tuple[float, ...], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weight of each row's code; the last weight is that of the rare ones, where there is one."""
    rare = float(weights[-1]) if len(weights) > len(frequent) else 0.0
    found = np.full(len(values), rare)
    for code, weight in zip(frequent, weights, strict=False):
        found[values == code] = weight
    return found


@dataclass(frozen=True)
class Additive:
    """Explainable boosting machine: one curve per feature and a few pairs."""

    model: Any
    shift: float = 0.0
    """What is added to its log-odds: see :mod:`riskmodel.risk.draw`."""

    @classmethod
    def learn(cls, recipe: Recipe, matrix: NDArray[np.float64], label: NDArray[np.float64], seed: int) -> Self:
        """Return the model; a missing value is a bin of its own."""
        from interpret.glassbox import ExplainableBoostingClassifier  # noqa: PLC0415  (1 s that other kinds do not pay)

        # No pair with the treatment: at "none" its own curve is then a constant, and part of the base.
        last = matrix.shape[1] - 1
        model = ExplainableBoostingClassifier(
            feature_types=["continuous"] * matrix.shape[1],
            outer_bags=recipe.ebm_outer_bags,
            interactions=recipe.ebm_pairs,
            exclude=[(other, last) for other in range(last)] if recipe.treatment else None,
            n_jobs=1,
            random_state=seed,
        )
        with warnings.catch_warnings():
            # It warns that its plots omit missing values, and of columns without any; no plot of it is drawn here.
            warnings.filterwarnings("ignore", message="Missing values detected", category=UserWarning)
            warnings.filterwarnings("ignore", message="All-NaN slice", category=RuntimeWarning)
            model.fit(matrix, label.astype(np.int64))
        return cls(model, recipe.draw.shift)

    def raw_score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of each row."""
        return np.asarray(self.model.decision_function(matrix), dtype=np.float64) + self.shift

    def contributions(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return the curves' values per feature and the intercept; a pair is shared equally by its two."""
        terms = np.asarray(self.model.eval_terms(matrix), dtype=np.float64)
        values = np.zeros(matrix.shape, dtype=np.float64)
        for column, features in enumerate(self.model.term_features_):
            for feature in features:
                values[:, feature] += terms[:, column] / len(features)
        return values, float(np.ravel(self.model.intercept_)[0]) + self.shift


@dataclass(frozen=True)
class Forest:
    """Random forest; it has log-odds only by way of its probability, and no exact reasons."""

    model: RandomForestClassifier
    shift: float = 0.0
    """As of :class:`Additive`."""

    @classmethod
    def learn(cls, recipe: Recipe, matrix: NDArray[np.float64], label: NDArray[np.float64], seed: int) -> Self:
        """Return the forest with the library's defaults, but for the recipe's trees and leaves."""
        from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415  (half a second that other kinds do not pay)

        model = RandomForestClassifier(
            n_estimators=recipe.forest_trees,
            min_samples_leaf=recipe.forest_min_leaf_pupils,
            random_state=seed,
            n_jobs=recipe.threads,
        )
        return cls(model.fit(matrix, label.astype(np.int64)), recipe.draw.shift)

    def raw_score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of the forest's probability, cut ``FOREST_LIMIT`` from 0 and 1."""
        probability = np.clip(self.model.predict_proba(matrix)[:, 1], FOREST_LIMIT, 1 - FOREST_LIMIT)
        return np.asarray(np.log(probability) - np.log1p(-probability), dtype=np.float64) + self.shift
