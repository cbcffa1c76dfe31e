"""Reference learners on equal terms with ours, and the table that compares them.

Ours and the learners that the product knows go through the product's own door,
:func:`riskmodel.risk.model.fit`. scikit-learn's histogram boosting and XGBoost are for comparison alone; XGBoost is
left out, and the table says so by its absence, where it is not installed.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from riskmodel.risk.bootstrap import FIGURES, figures, interval, rank, replicates
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.model import fit, probability_of
from riskmodel.risk.recipe import Recipe

Floats = NDArray[np.float64]
Names = NDArray[np.str_]
Row = dict[str, float]

COMPARED = ("auc", "average_precision", "brier", "ece", "precision_at_capacity", "recall_at_capacity")
BOOTSTRAP_SEED = 7


@dataclass(frozen=True)
class Task:
    """One fit: rows to learn from, their label, rows to score, what is known of the features, and the seed."""

    train: pd.DataFrame
    label: Floats
    test: pd.DataFrame
    directions: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0


Learner = Callable[[Task], Floats]
"""Gives the raw score (log-odds) of each row of ``task.test``."""


@dataclass(frozen=True)
class Scored:
    """Scores of one pass over the same pupils in the same order, raw and as probability."""

    raw_score: Floats
    probability: Floats


def by_recipe(recipe: Recipe) -> Learner:
    """Return a learner of the product, by the product's door."""

    def learn(task: Task) -> Floats:
        return fit(recipe, task.train, task.label, task.directions, seed=task.seed, threads=1).raw_score(task.test)

    return learn


def hist_boosting(**settings: object) -> Learner:
    """Return scikit-learn's histogram boosting, with its defaults but for ``settings``."""

    def learn(task: Task) -> Floats:
        chosen: dict[str, Any] = settings
        model = HistGradientBoostingClassifier(random_state=task.seed, **chosen).fit(task.train.to_numpy(), task.label)
        return np.asarray(model.decision_function(task.test.to_numpy()), dtype=np.float64)

    return learn


def xgboost() -> dict[str, Learner]:
    """Return XGBoost under its name (200 trees, rate .05, depth 4, child weight 5, .8 / .5), or nothing without it."""
    if importlib.util.find_spec("xgboost") is None:
        return {}
    library: Any = importlib.import_module("xgboost")

    def learn(task: Task) -> Floats:
        model = library.XGBClassifier(
            n_estimators=200,
            learning_rate=0.05,
            max_depth=4,
            min_child_weight=5,
            subsample=0.8,
            colsample_bytree=0.5,
            n_jobs=1,
            random_state=task.seed,
        ).fit(task.train.to_numpy(), task.label)
        return np.asarray(model.predict(task.test.to_numpy(), output_margin=True), dtype=np.float64)

    return {"xgboost": learn}


def rate_rule(count: Callable[[pd.DataFrame], Floats]) -> Learner:
    """Return a rule that gives a pupil the share of leavers that training had at the same count.

    A count that training never saw gets the rate of the nearest count.
    """

    def learn(task: Task) -> Floats:
        rates = pd.Series(task.label).groupby(count(task.train)).mean()
        known = rates.index.to_numpy(dtype=np.float64)
        nearest = np.abs(count(task.test)[:, None] - known[None, :]).argmin(axis=1)
        share = np.clip(rates.to_numpy()[nearest], 1e-6, 1 - 1e-6)
        return np.asarray(np.log(share / (1 - share)), dtype=np.float64)

    return learn


def scored(raw_score: Floats) -> Scored:
    """Return raw scores with their probabilities."""
    return Scored(raw_score, probability_of(raw_score))


@dataclass(frozen=True)
class Judge:
    """Compares learners on the same pupils; ``pupil_id`` is what a bootstrap replicate draws.

    Places are shared out as the product does it: a tenth of the pupils of each school. Without ``school_id`` all pupils
    are on one list.
    """

    pupil_id: Names
    label: Floats
    bootstrap_replicates: int
    school_id: Names | None = None

    def compare(self, passes: Mapping[str, Sequence[Scored]]) -> Comparison:
        """Return the learners' figures and replicates, drawn once and alike for all."""
        return Comparison({name: self._measure(runs) for name, runs in passes.items()})

    def _measure(self, runs: Sequence[Scored]) -> _Measured:
        values, drawn = [], []
        for run in runs:
            frame = pd.DataFrame(
                {
                    "pupil_id": self.pupil_id,
                    "school_id": "1" if self.school_id is None else self.school_id,
                    "raw_score": run.raw_score,
                    "probability": run.probability,
                    "label": self.label,
                }
            )
            ranking = rank(frame, Capacity())
            values.append(figures(ranking))
            drawn.append(replicates(ranking, self.bootstrap_replicates, BOOTSTRAP_SEED))
        mean = {name: float(np.mean([value[name] for value in values])) for name in FIGURES}
        spread = float(np.std([value["auc"] for value in values], ddof=1)) if len(values) > 1 else 0.0
        return _Measured(mean, np.mean(drawn, axis=0), spread, len(runs))


@dataclass(frozen=True)
class _Measured:
    value: dict[str, float]
    drawn: Floats
    auc_sd: float
    passes: int

    def replicates(self, figure: str) -> Floats:
        return np.asarray(self.drawn[:, FIGURES.index(figure)], dtype=np.float64)

    def interval(self, figure: str) -> tuple[float, float]:
        return interval(self.replicates(figure))


@dataclass(frozen=True)
class Comparison:
    """Learners on the same pupils. A figure is the mean over a learner's passes (repeats of the folds, or seeds)."""

    measured: Mapping[str, _Measured]

    def table(self, ours: str) -> dict[str, Row]:
        """Return per learner its figures with intervals and the paired differences of ``ours`` to it.

        An interval is that of the mean over the passes in each replicate, with the same draws for every learner.
        """
        table: dict[str, Row] = {}
        for name, one in self.measured.items():
            row: Row = {"passes": one.passes}
            for figure in COMPARED:
                row[figure] = one.value[figure]
                row[f"{figure}_low"], row[f"{figure}_high"] = one.interval(figure)
            row["auc_sd_over_passes"] = one.auc_sd
            if name != ours:
                row |= self.difference(ours, name, "auc", "ours_minus_this")
                row |= self.difference(ours, name, "recall_at_capacity", "recall_ours_minus_this")
                row |= self.difference(ours, name, "precision_at_capacity", "precision_ours_minus_this")
            table[name] = row
        return table

    def difference(self, one: str, other: str, figure: str, key: str) -> Row:
        """Return the paired difference ``one`` minus ``other`` under ``key``, with ``_low`` and ``_high``."""
        first, second = self.measured[one], self.measured[other]
        low, high = interval(first.replicates(figure) - second.replicates(figure))
        return {key: first.value[figure] - second.value[figure], f"{key}_low": low, f"{key}_high": high}

    def best(self, among: Collection[str]) -> str:
        """Return the learner of ``among`` with the highest AUC."""
        return max(among, key=lambda name: self.measured[name].value["auc"])


def brief(row: Row, figure: str = "auc") -> Row:
    """Return one figure of a row of the table under the keys that scripts read: itself, ``low`` and ``high``."""
    return {figure: row[figure], "low": row[f"{figure}_low"], "high": row[f"{figure}_high"]}


def frame(rows: Mapping[str, Row]) -> pd.DataFrame:
    """Return a table of learners for reading: figures, intervals, and the paired difference of ours to each.

    One row per learner, highest AUC first; ``ours_minus_this`` is missing in our own row.
    """
    columns = [
        "auc",
        "auc_low",
        "auc_high",
        "average_precision",
        "brier",
        "precision_at_capacity",
        "ours_minus_this",
        "ours_minus_this_low",
        "ours_minus_this_high",
    ]
    table = pd.DataFrame.from_dict(dict(rows), orient="index").reindex(columns=columns)
    return table.sort_values("auc", ascending=False).round(4)
