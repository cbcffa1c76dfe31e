"""How well scores and rules ranked past cohorts, with intervals and paired gains.

The list is made for all enrolled pupils: a pupil whose outcome is censored takes a place on it and is not counted,
and so are those outside a subset. The two bounds count every censored pupil as left, and as stayed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk import ranking_loops
from riskmodel.risk.bands import wilson
from riskmodel.risk.bootstrap import (
    FIGURES,
    TENTHS,
    Cluster,
    Order,
    Ranking,
    Roster,
    best_cluster,
    figures,
    interval,
    rank_on,
    replicates,
    tenths,
    weights_of_clusters,
    with_places,
)
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.drift import Spread
from riskmodel.risk.predicted import Predicted, parts_of
from riskmodel.tables.figures import CALIBRATION, EVALUATION

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

    def cluster_for(self, school_id: pd.Series) -> Cluster:
        """Return what a replicate of pupils of these schools draws."""
        return self.cluster or best_cluster(school_id)


@dataclass(frozen=True)
class Measured:
    """A ranking with its figures and replicates."""

    ranking: Ranking
    values: dict[str, float]
    drawn: NDArray[np.float64]

    def with_interval(self, code: str) -> tuple[float, float, float]:
        """Return value, low and high of one figure of FIGURES."""
        return self.values[code], *interval(self.drawn[:, FIGURES.index(code)])

    def gain_over(self, other: Measured, code: str) -> tuple[float, float, float]:
        """Return this minus ``other``, paired by the same draws, with its interval."""
        place = FIGURES.index(code)
        return self.values[code] - other.values[code], *interval(self.drawn[:, place] - other.drawn[:, place])


class ScoredCohort:
    """One cohort and split, ready to be measured: its pupils are put in order once, each model's scores once."""

    def __init__(self, predicted: Predicted, measuring: Measuring) -> None:
        self.predicted, self.measuring = predicted, measuring
        self._orders: dict[str, Order] = {}
        self._chances: dict[str, NDArray[np.float64]] = {}
        self._rankings: dict[str, Ranking] = {}
        self._base: ScoredCohort | None = None

    @cached_property
    def roster(self) -> Roster:
        """The pupils, with their clusters and places."""
        own = self.predicted
        cluster = self.measuring.cluster_for(own.school_id)
        return Roster.of(own.pupil_id, own.school_id, own.label, self.measuring.capacity, cluster)

    def with_background(
        self,
        was_seen: NDArray[np.bool_] | None,
        was_supported: NDArray[np.bool_] | None,
        lead_days: NDArray[np.float64] | None,
    ) -> ScoredCohort:
        """Return the same with what is known of the pupils besides (see :class:`Predicted`)."""
        known = replace(self.predicted, was_seen=was_seen, was_supported=was_supported, lead_days=lead_days)
        other = ScoredCohort(known, self.measuring)
        other.__dict__["roster"] = self.roster
        other._orders, other._chances, other._rankings = self._orders, self._chances, self._rankings
        return other

    def with_capacity(self, capacity: Capacity, replicates: int) -> ScoredCohort:
        """Return the same pupils and scores with other places."""
        other = ScoredCohort(self.predicted, replace(self.measuring, capacity=capacity, replicates=replicates))
        other.__dict__["roster"] = self.roster.with_capacity(capacity, self.predicted.school_id)
        other._orders, other._base = self._orders, self
        return other

    def without_intervals(self) -> ScoredCohort:
        """Return the same, measured without replicates."""
        other = ScoredCohort(self.predicted, replace(self.measuring, replicates=0))
        other.__dict__["roster"] = self.roster
        other._orders, other._chances, other._rankings = self._orders, self._chances, self._rankings
        return other

    def order(self, code: str) -> Order:
        """Return the order that a model gives."""
        if code not in self._orders:
            self._orders[code] = Order.of(self.roster, self.predicted.by_model[code][0])
        return self._orders[code]

    def chance(self, code: str) -> NDArray[np.float64]:
        """Return each pupil's chance of a place by a model."""
        if code not in self._chances:
            self._chances[code] = self.order(code).chances(self.roster)
        return self._chances[code]

    def ranking(self, code: str) -> Ranking:
        """Return the ranking of all by a model."""
        if code not in self._rankings:
            if self._base is None:
                self._rankings[code] = self._ranked(code, self.roster)
            else:
                self._rankings[code] = with_places(
                    self._base.ranking(code), self.roster, self.order(code), self.chance(code)
                )
        return self._rankings[code]

    def forget(self, code: str) -> None:
        """Let go of what is kept of a model's order: a cohort of the country has ten of them."""
        for kept in (self._orders, self._chances, self._rankings):
            kept.pop(code, None)

    def _ranked(self, code: str, roster: Roster, counted: NDArray[np.bool_] | None = None) -> Ranking:
        return rank_on(roster, self.order(code), self.predicted.by_model[code][1], counted, self.chance(code))

    def measured(
        self, code: str, counted: NDArray[np.bool_] | None = None, label: NDArray[np.float64] | None = None
    ) -> Measured:
        """Return the figures of one model for all, for those ``counted``, or as if ``label`` were their outcomes."""
        if counted is None and label is None:
            ranking = self.ranking(code)
        else:
            roster = self.roster if label is None else replace(self.roster, label=label)
            ranking = self._ranked(code, roster, counted)
        drawn = replicates(ranking, self.measuring.replicates, self.measuring.seed)
        return Measured(ranking, figures(ranking), drawn)

    def lead_days(self, code: str) -> tuple[float, float, float]:
        """Return the median of days from cut-off to leaving among those reached; for the default model its interval.

        Each counts with the chance of a place; the replicates draw those reached, by the same kind of cluster.
        """
        days, chance = self.predicted.lead_days, self.chance(code)
        if days is None:
            return np.nan, np.nan, np.nan
        reached = np.flatnonzero((self.predicted.label == 1) & ~np.isnan(days) & (chance > 0))
        reached = reached[np.argsort(days[reached], kind="stable")]
        if not len(reached):
            return np.nan, np.nan, np.nan
        rising, share = days[reached], chance[reached]
        once = np.ones((1, 1), dtype=np.uint8)
        value = _weighted_medians(rising, share, np.zeros(len(reached), dtype=np.int32), once)[0]
        if code != self.measuring.default_model:
            return float(value), np.nan, np.nan
        clusters, own = np.unique(self.roster.cluster[reached], return_inverse=True)
        drawn = weights_of_clusters(clusters, self.measuring.replicates, self.measuring.seed)
        medians = _weighted_medians(rising, share, own.astype(np.int32), np.ascontiguousarray(drawn.T))
        return float(value), *interval(medians)


def evaluate(predictions: pd.DataFrame, measuring: Measuring | None = None) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.figures.EVALUATION`.

    Parameters
    ----------
    predictions
        The columns of :data:`riskmodel.tables.scores.PREDICTION` for all enrolled pupils of past cohorts, with
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
    parts = parts_of(predictions, measuring.default_model)
    return evaluation_table([row for part in parts for row in evaluation_rows(ScoredCohort(part, measuring))])


def evaluation_table(rows: list[Row]) -> pd.DataFrame:
    """Return the rows of :func:`evaluation_rows` as a table."""
    return pd.DataFrame(rows, columns=list(EVALUATION.column_names))


def evaluation_rows(cohort: ScoredCohort, *, has_intervals: bool = True) -> list[Row]:
    """Return the rows of :func:`evaluate` for one cohort and split; ``has_intervals`` off: subsets and bounds without."""
    rows: list[Row] = []
    own, default_model = cohort.predicted, cohort.measuring.default_model
    default = cohort.measured(default_model) if default_model in own.by_model else None
    for code in sorted(own.by_model):
        found = default if default is not None and code == default_model else cohort.measured(code)
        key = (own.cohort_on, own.split_code, code, "all")
        rows += _figure_rows(key, found)
        rows.append((*key, "lead_days_median", *cohort.lead_days(code), *_size(found)))
        if default is not None and code != default_model:
            for gain, figure in GAINS.items():
                rows.append((*key, gain, *default.gain_over(found, figure), *_size(found)))
        if code != default_model:
            cohort.forget(code)
    if default is not None:
        for subset, result in _subsets(cohort if has_intervals else cohort.without_intervals()):
            rows += _figure_rows((own.cohort_on, own.split_code, default_model, subset), result)
    return rows


def calibration_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.figures.CALIBRATION`, per cohort and model.

    Give the predictions of one split. Tenths hold equal numbers of pupils, but equal probabilities stay together:
    a tenth may be empty and is then left out. Intervals are Wilson's.
    """
    rows = [row for part in parts_of(predictions, DEFAULT_MODEL) for row in calibration_rows(part)]
    return pd.DataFrame(rows, columns=list(CALIBRATION.column_names))


def calibration_rows(predicted: Predicted) -> list[Row]:
    """Return the rows of :func:`calibration_table` for one cohort."""
    rows: list[Row] = []
    for code in sorted(predicted.by_model):
        _, probability = predicted.by_model[code]
        known = ~np.isnan(predicted.label) & ~np.isnan(probability)
        tenth = tenths(probability[known])
        pupils = np.bincount(tenth, minlength=TENTHS)
        left = np.bincount(tenth, predicted.label[known], TENTHS).astype(np.int64)
        sums = np.bincount(tenth, probability[known], TENTHS)
        for number in np.flatnonzero(pupils):
            count, those = int(pupils[number]), int(left[number])
            mean = float(sums[number] / count)
            rows.append(
                (predicted.cohort_on, code, int(number) + 1, mean, those / count, *wilson(those, count), count, those)
            )
    return rows


@dataclass(frozen=True)
class Outcomes:
    """Places of those who left and of those of whom nobody knows; the others stayed, and ``stayed`` is their number."""

    left: NDArray[np.intp]
    unknown: NDArray[np.intp]
    stayed: int

    @classmethod
    def of(cls, label: NDArray[np.float64]) -> Outcomes:
        """Return the outcomes of labels, NaN where they are not known."""
        left, unknown = np.flatnonzero(label == 1), np.flatnonzero(np.isnan(label))
        return cls(left, unknown, len(label) - len(left) - len(unknown))

    def auc_by(self, values: NDArray[np.float64], rising: Sequence[NDArray[np.float64]]) -> float:
        """Return the AUC of ranking by ``values`` alone, in the better direction (0.5 to 1); NaN where all have one outcome.

        Missing values rank as one tie below all others. A feature that alone ranks almost perfectly has probably seen
        the outcome.

        Parameters
        ----------
        values
            A value for each label.
        rising
            The same values without the missing ones, in pieces of which each rises, as :class:`riskmodel.risk.drift.Spread`
            holds them. The pairs of a leaver and one who stayed are those with everybody, less those among leavers and
            those with the unknown, who are few: of many rows nothing is sorted here.
        """
        if not len(self.left) or not self.stayed:
            return math.nan
        left, unknown = (Spread.of(values[some]).known for some in (self.left, self.unknown))
        below = upto = 0
        for sign, others in (*((1, piece) for piece in rising), (-1, left), (-1, unknown)):
            smaller, not_larger = ranking_loops.count_pairs(left, others)
            below, upto = below + sign * smaller, upto + sign * not_larger
        missing_stayed = self.stayed - (sum(map(len, rising)) - len(left) - len(unknown))
        below += len(left) * missing_stayed
        upto += len(self.left) * missing_stayed
        found = float(below + upto) / (2 * len(self.left) * self.stayed)
        return max(found, 1 - found)


def _figure_rows(key: tuple[object, ...], measured: Measured) -> list[Row]:
    return [(*key, code, *measured.with_interval(code), *_size(measured)) for code in PUBLISHED]


def _size(measured: Measured) -> tuple[int, int]:
    return measured.ranking.pupils, measured.ranking.left


def _subsets(cohort: ScoredCohort) -> Iterator[tuple[str, Measured]]:
    own, default = cohort.predicted, cohort.measuring.default_model
    if own.was_seen is not None:
        yield "not_seen_before", cohort.measured(default, counted=~own.was_seen)
    if own.was_supported is not None:
        yield "unsupported", cohort.measured(default, counted=~own.was_supported)
        # Their calibration gap is what was foretold without support minus what happened with it.
        yield "supported", cohort.measured(default, counted=own.was_supported)
    for subset, outcome in (("all_censored_left", 1.0), ("all_censored_stayed", 0.0)):
        yield subset, cohort.measured(default, label=np.where(np.isnan(own.label), outcome, own.label))


def _weighted_medians(
    rising: NDArray[np.float64],
    share: NDArray[np.float64],
    cluster: NDArray[np.int32],
    weights: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Return the median of values in rising order, each counted by its share, for each draw (row) of cluster weights."""
    medians = np.empty(len(weights))
    ranking_loops.find_medians(rising, share, cluster, weights, medians)
    return medians
