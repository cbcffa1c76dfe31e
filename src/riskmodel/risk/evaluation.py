"""How well scores and rules ranked past cohorts, with intervals and paired gains.

The list is made for all enrolled pupils: a pupil whose outcome is censored takes a place on it and is not counted,
and so are those outside a subset. The two bounds count every censored pupil as left, and as stayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.bands import wilson
from riskmodel.risk.bootstrap import (
    FIGURES,
    Cluster,
    Ranking,
    best_cluster,
    figures,
    interval,
    rank,
    replicates,
    tenths,
)
from riskmodel.risk.capacity import Capacity, chance_of_place
from riskmodel.tables.results import CALIBRATION, EVALUATION

PUBLISHED = tuple(code for code in FIGURES if code in EVALUATION.column("metric_code").codes)
GAINS = {
    "auc_gain": "auc",
    "recall_gain": "recall_at_capacity",
    "average_precision_gain": "average_precision",
}
DEFAULT_MODEL = "boosting"

Row = tuple[object, ...]


@dataclass(frozen=True)
class Measuring:
    """How figures are measured: places, replicates, seed, what a replicate draws, the model that gains refer to.

    ``cluster`` None draws schools where there are at least ten of them, else pupils.
    """

    capacity: Capacity = field(default_factory=Capacity)
    replicates: int = 1000
    seed: int = 7
    cluster: Cluster | None = None
    default_model: str = DEFAULT_MODEL

    def cluster_for(self, predictions: pd.DataFrame) -> Cluster:
        """Return what a replicate of these predictions draws."""
        return self.cluster or best_cluster(predictions["school_id"])


@dataclass(frozen=True)
class Measured:
    """A ranking with its figures and replicates."""

    ranking: Ranking
    values: dict[str, float]
    drawn: NDArray[np.float64]

    @classmethod
    def of(cls, predictions: pd.DataFrame, measuring: Measuring, counted: NDArray[np.bool_] | None = None) -> Measured:
        """Return the figures of one model on one cohort; ``counted`` as in :func:`riskmodel.risk.bootstrap.rank`."""
        ranking = rank(predictions, measuring.capacity, measuring.cluster_for(predictions), counted)
        return cls(ranking, figures(ranking), replicates(ranking, measuring.replicates, measuring.seed))

    def with_interval(self, code: str) -> tuple[float, float, float]:
        """Return value, low and high of one figure of FIGURES."""
        return self.values[code], *interval(self.drawn[:, FIGURES.index(code)])

    def gain_over(self, other: Measured, code: str) -> tuple[float, float, float]:
        """Return this minus ``other``, paired by the same draws, with its interval."""
        place = FIGURES.index(code)
        return self.values[code] - other.values[code], *interval(self.drawn[:, place] - other.drawn[:, place])


def evaluate(predictions: pd.DataFrame, measuring: Measuring | None = None) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.results.EVALUATION`.

    Parameters
    ----------
    predictions
        The columns of :data:`riskmodel.tables.results.PREDICTION` for all enrolled pupils of past cohorts, with
        ``label`` missing where the outcome is censored. Three more columns are used where they stand:
        ``was_seen`` (the pupil is in the training data, from an earlier cohort), ``was_supported`` (new support came
        inside the window), ``left_on`` (day of leaving).
    measuring
        How to measure.

    Every model gets the subset ``all`` and, but for the default model, the paired gains of the default over it;
    further subsets and the bounds are given for the default model. What is not defined is NaN.

    Raises
    ------
    UsageError
        When two models of a cohort and split do not score the same pupils: they could not be paired.
    """
    measuring = measuring or Measuring()
    rows: list[Row] = []
    for (cohort_on, split), part in predictions.groupby(["cohort_on", "split_code"], sort=True):
        by_model = {str(code): _in_order(frame) for code, frame in part.groupby("model_code", sort=True)}
        _check_same_pupils(by_model)
        measured = {code: Measured.of(frame, measuring) for code, frame in by_model.items()}
        default = measured.get(measuring.default_model)
        for code, frame in by_model.items():
            key = (cohort_on, split, code, "all")
            rows += _figure_rows(key, measured[code])
            rows.append((*key, "lead_days_median", *_lead_days(frame, measuring), *_size(measured[code])))
            if default is not None and code != measuring.default_model:
                for gain, figure in GAINS.items():
                    rows.append((*key, gain, *default.gain_over(measured[code], figure), *_size(measured[code])))
        if default is not None:
            for subset, result in _subsets(by_model[measuring.default_model], measuring):
                rows += _figure_rows((cohort_on, split, measuring.default_model, subset), result)
    return pd.DataFrame(rows, columns=list(EVALUATION.column_names))


def calibration_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.results.CALIBRATION`, per cohort and model.

    Give the predictions of one split. Tenths hold equal numbers of pupils, but equal probabilities stay together:
    a tenth may be empty and is then left out. Intervals are Wilson's.
    """
    rows: list[Row] = []
    known = predictions[predictions["label"].notna() & predictions["probability"].notna()]
    for (cohort_on, code), part in known.groupby(["cohort_on", "model_code"], sort=True):
        tenth = tenths(part["probability"].to_numpy(dtype=np.float64))
        for number in np.unique(tenth):
            cell = part[tenth == number]
            pupils, left = len(cell), int(cell["label"].sum())
            mean = float(cell["probability"].mean())
            rows.append((cohort_on, code, int(number) + 1, mean, left / pupils, *wilson(left, pupils), pupils, left))
    return pd.DataFrame(rows, columns=list(CALIBRATION.column_names))


def auc_alone(features: pd.DataFrame, label: NDArray[np.float64]) -> pd.Series:
    """Return, per feature, the AUC of ranking by it alone, in its better direction (0.5 to 1).

    Missing values rank as one tie below all others. A feature that alone ranks almost perfectly has probably
    seen the outcome.
    """
    target = np.asarray(label, dtype=np.float64)
    left, stayed = float(target.sum()), float((1 - target).sum())
    if not left or not stayed:
        return pd.Series(np.nan, index=features.columns)
    ranks = features.fillna(-np.inf).rank(axis=0).to_numpy()
    found = (ranks[target == 1].sum(axis=0) - left * (left + 1) / 2) / (left * stayed)
    return pd.Series(np.maximum(found, 1 - found), index=features.columns)


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("pupil_id").reset_index(drop=True)


def _check_same_pupils(by_model: dict[str, pd.DataFrame]) -> None:
    frames = list(by_model.values())
    for frame in frames:
        if not frame["pupil_id"].equals(frames[0]["pupil_id"]) or frame["pupil_id"].duplicated().any():
            raise UsageError(
                message("All models of a cohort and split must score the same pupils, each once."),
                found=message("Some pupils are missing or stand twice."),
                remedy=message("Score the whole cohort with every model and rule."),
            )


def _figure_rows(key: tuple[object, ...], measured: Measured) -> list[Row]:
    return [(*key, code, *measured.with_interval(code), *_size(measured)) for code in PUBLISHED]


def _size(measured: Measured) -> tuple[int, int]:
    return measured.ranking.pupils, measured.ranking.left


def _subsets(frame: pd.DataFrame, measuring: Measuring) -> Iterator[tuple[str, Measured]]:
    for subset, column in (("not_seen_before", "was_seen"), ("unsupported", "was_supported")):
        if column in frame.columns:
            yield subset, Measured.of(frame, measuring, ~frame[column].to_numpy(dtype=bool))
    for subset, outcome in (("all_censored_left", 1.0), ("all_censored_stayed", 0.0)):
        yield subset, Measured.of(frame.assign(label=frame["label"].astype(float).fillna(outcome)), measuring)


def _lead_days(frame: pd.DataFrame, measuring: Measuring) -> tuple[float, float, float]:
    """Return the median of days from cut-off to leaving among those reached, with its interval.

    Each counts with the chance of a place; the replicates draw those reached, by the same kind of cluster.
    """
    if "left_on" not in frame.columns:
        return np.nan, np.nan, np.nan
    chance = chance_of_place(frame["raw_score"].to_numpy(dtype=np.float64), frame["school_id"], measuring.capacity)
    reached = frame[(frame["label"] == 1) & frame["left_on"].notna() & (chance > 0)]
    if reached.empty:
        return np.nan, np.nan, np.nan
    chance = chance[reached.index.to_numpy()]
    lead = pd.to_datetime(reached["left_on"]) - pd.to_datetime(reached["cohort_on"])
    days = np.asarray(lead.dt.days, dtype=np.float64)
    names, cluster = np.unique(reached[f"{measuring.cluster_for(frame)}_id"].to_numpy(dtype=str), return_inverse=True)
    order = np.argsort(days, kind="stable")
    draws = np.random.default_rng(measuring.seed).poisson(1.0, size=(measuring.replicates, len(names)))
    once = np.vstack([np.ones((1, len(names))), draws])  # the first row is the value itself
    medians = _weighted_medians(days[order], chance[order] * once[:, cluster[order]])
    return float(medians[0]), *interval(medians[1:])


def _weighted_medians(rising: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    upto = np.cumsum(weights, axis=1)
    total = upto[:, -1]
    # The first value that half of the weight has reached; NaN where nobody was drawn.
    place = (upto < total[:, None] / 2).sum(axis=1)
    return np.where(total > 0, rising[np.minimum(place, len(rising) - 1)], np.nan)
