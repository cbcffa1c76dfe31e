"""Figures of a ranking and their intervals, from one sort and one pass per replicate.

The scores are sorted once and ties grouped. A replicate draws a weight per cluster (a pupil, or a school, since the
pupils of a school are alike) from Poisson(1) and passes over the sorted rows once. The cut at capacity is made anew
in each replicate: in each school it stops where the weights have filled the places, and a tie at the cut counts by
expectation over random order.

Two models on the same pupils get the same weights from the same seed: their paired difference is the difference
of their replicates.

>>> import pandas as pd
>>> predictions = pd.DataFrame({
...     "pupil_id": list("abcd"), "school_id": ["1"] * 4,
...     "raw_score": [2.0, 1.0, 0.0, -1.0], "probability": [0.8, 0.6, 0.4, 0.2], "label": [1, 0, 1, 0],
... })
>>> figures(rank(predictions))["auc"]
0.75
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.capacity import Capacity

FIGURES = (
    "auc",
    "average_precision",
    "brier",
    "log_loss",
    "ece",
    "calibration_gap",
    "precision_at_capacity",
    "recall_at_capacity",
    "selected_share",
    "false_alarm_share",
)
LEVEL = 0.95
MIN_DEFINED_SHARE = 0.9
"""An interval is given where the figure is defined in at least this share of the replicates."""

MIN_SCHOOLS = 10
"""With fewer schools than this, weights are drawn per pupil: a handful of schools gives no honest interval."""

TENTHS = 10
CLOSEST_PROBABILITY = 1e-15
TABLE_BITS = 16

Cluster = Literal["pupil", "school"]


@dataclass(frozen=True)
class Ranking:
    """Predictions sorted from the highest score down, ready for many passes.

    ``rows`` are in that order, ``pools`` are the same pupils sorted by pool of places and then by score. ``clusters``
    is the number of clusters that ``rows.cluster`` and ``pools.cluster`` count from 0.
    """

    clusters: int
    rows: Rows
    pools: Pools

    @property
    def pupils(self) -> int:
        """The number of pupils counted."""
        return len(self.rows.cluster)

    @property
    def left(self) -> int:
        """The number of those counted who left."""
        return len(self.rows.left_rows)


class Rows(NamedTuple):
    """All pupils by score.

    ``residual`` is probability minus label. A run is a stretch of rows of one tenth; a group is one score that
    somebody who left has: its first row, one past its last, and where its leavers start among ``left_rows``.
    """

    cluster: NDArray[np.int32]
    residual: NDArray[np.float64]
    log_loss: NDArray[np.float64]
    run_start: NDArray[np.int64]
    run_tenth: NDArray[np.int64]
    left_rows: NDArray[np.int64]
    group_first: NDArray[np.int64]
    group_end: NDArray[np.int64]
    group_left_start: NDArray[np.int64]


class Pools(NamedTuple):
    """All pupils by pool of places; pool j is rows ``start[j]`` to ``start[j + 1]``.

    ``moves_with`` is the cluster whose weight multiplies the places of the pool, or -1. ``has_left`` marks those
    counted who left.
    """

    start: NDArray[np.int64]
    places: NDArray[np.float64]
    moves_with: NDArray[np.int32]
    cluster: NDArray[np.int32]
    is_counted: NDArray[np.uint8]
    has_left: NDArray[np.uint8]
    ends_tie: NDArray[np.bool_]


def tenths(probability: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the tenth (0–9, from the lowest) of each probability; equal probabilities share one.

    >>> tenths(np.arange(20) / 20).tolist()[:4]
    [0, 0, 1, 1]
    """
    if len(probability) == 0:
        return np.zeros(0, dtype=np.uint8)
    edges = np.quantile(probability, np.arange(1, TENTHS) / TENTHS)
    return np.searchsorted(edges, probability, side="right").astype(np.uint8)


def best_cluster(school_id: pd.Series) -> Cluster:
    """Return ``"school"`` where there are enough schools to draw from, else ``"pupil"``."""
    return "school" if school_id.nunique() >= MIN_SCHOOLS else "pupil"


def rank(
    predictions: pd.DataFrame,
    capacity: Capacity | None = None,
    cluster: Cluster = "pupil",
    counted: NDArray[np.bool_] | None = None,
) -> Ranking:
    """Return the sorted form of ``predictions``.

    Parameters
    ----------
    predictions
        The columns ``pupil_id``, ``school_id``, ``raw_score``, ``probability`` and ``label`` of
        :data:`riskmodel.tables.results.PREDICTION`. A pupil without a label (censored) may take a place, as on a
        real list, and is not counted. A missing probability leaves the figures that need it undefined.
    capacity
        The places; by default 10 % of each school.
    cluster
        What a replicate draws: pupils, or whole schools. A school drawn twice brings its places twice.
    counted
        Per row, whether it counts in the figures; those who do not may still take places. None: all with a label.

    Raises
    ------
    UsageError
        For a missing score, or a label other than 0, 1 and missing.
    """
    capacity = capacity or Capacity()
    label = predictions["label"].to_numpy(dtype=np.float64, na_value=np.nan)
    score = predictions["raw_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    probability = predictions["probability"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isin(label[~np.isnan(label)], (0.0, 1.0)).all() or np.isnan(score).any():
        raise UsageError(
            message("A ranking needs a score for every pupil, and a label of 0 or 1 for those with an outcome."),
            found=message("Some are missing or of another value."),
            remedy=message("Score every pupil of the cohort before evaluating."),
        )
    counts = ~np.isnan(label) if counted is None else counted & ~np.isnan(label)
    names, clusters = np.unique(predictions[f"{cluster}_id"].to_numpy(dtype=str), return_inverse=True)
    pools, pool = np.unique(capacity.pools(predictions["school_id"]).to_numpy(dtype=str), return_inverse=True)
    places = capacity.by_school(predictions["school_id"])
    # A whole school drawn twice stands for two such schools, each with its own places.
    moves = cluster == "school" and capacity.is_within_school

    down = np.argsort(-score, kind="stable")
    down = down[counts[down]]
    by_pool = np.lexsort((-score, pool))
    return Ranking(
        clusters=len(names),
        rows=_rows(clusters[down], score[down], probability[down], label[down]),
        pools=Pools(
            start=np.searchsorted(pool[by_pool], np.arange(len(pools) + 1)).astype(np.int64),
            places=np.array([places[str(name)] for name in pools], dtype=np.float64),
            moves_with=(np.arange(len(pools)) if moves else np.full(len(pools), -1)).astype(np.int32),
            cluster=clusters[by_pool].astype(np.int32),
            is_counted=counts[by_pool].astype(np.uint8),
            has_left=(counts & (label == 1))[by_pool].astype(np.uint8),
            ends_tie=_ends(score[by_pool]) | _ends(pool[by_pool].astype(np.float64)),
        ),
    )


def figures(ranking: Ranking, weights: NDArray[np.uint8] | None = None) -> dict[str, float]:
    """Return every figure of :data:`FIGURES`, NaN where it is not defined (one class only, no pupils).

    ``weights`` are whole numbers from 0 to 255 per cluster; None counts each pupil once.
    """
    weights = np.ones(ranking.clusters, dtype=np.uint8) if weights is None else weights
    out = np.full(len(FIGURES), np.nan)
    if ranking.pupils:
        _pass(weights, ranking.rows, ranking.pools, np.zeros(ranking.pupils + 1, dtype=np.int64), out)
    return dict(zip(FIGURES, out.tolist(), strict=True))


def replicates(ranking: Ranking, count: int, seed: int) -> NDArray[np.float64]:
    """Return ``count`` bootstrap replicates (rows) of the figures (columns in the order of :data:`FIGURES`).

    The weights depend on the seed, the replicate and the clusters alone: rankings of the same pupils by
    different models are paired row by row.
    """
    out = np.full((count, len(FIGURES)), np.nan)
    if ranking.pupils:
        weights = np.zeros(ranking.clusters + 3, dtype=np.uint8)
        above = np.zeros(ranking.pupils + 1, dtype=np.int64)
        _many(poisson_table(), np.uint64(seed), ranking.rows, ranking.pools, (weights, above, out))
    return out


def interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of replicates, NaN where too many of them are not defined.

    >>> interval(np.arange(5.0), 0.5)
    (1.0, 3.0)
    """
    defined = values[~np.isnan(values)]
    if len(values) == 0 or len(defined) < MIN_DEFINED_SHARE * len(values):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def poisson_table() -> NDArray[np.uint8]:
    """Return the Poisson(1) quantile of each of 65,536 equal pieces of the unit interval.

    A 16-bit piece of a random word looks its weight up here. Mean and variance of the table are 1 to 1e-4.
    """
    size = 1 << TABLE_BITS
    shares = [math.exp(-1) / math.factorial(k) for k in range(12)]
    middles = (np.arange(size) + 0.5) / size
    return np.searchsorted(np.cumsum(shares), middles, side="right").astype(np.uint8)


def weights_of(clusters: int, replicate: int, seed: int) -> NDArray[np.uint8]:
    """Return the weights that replicate number ``replicate`` of ``seed`` draws: one per cluster."""
    room = np.zeros(clusters + 3, dtype=np.uint8)
    _draw(poisson_table(), np.uint64(seed), np.uint64(replicate), clusters, room)
    return room[:clusters]


def _rows(
    cluster: NDArray[np.intp],
    score: NDArray[np.float64],
    probability: NDArray[np.float64],
    label: NDArray[np.float64],
) -> Rows:
    near = np.clip(probability, CLOSEST_PROBABILITY, 1 - CLOSEST_PROBABILITY)
    left_rows = np.flatnonzero(label == 1)
    group_ends = np.flatnonzero(_ends(score)) + 1
    group_of_left = np.searchsorted(group_ends, left_rows, side="right")
    groups, group_left_start = np.unique(group_of_left, return_index=True)
    tenth = tenths(probability)
    run_start = np.concatenate(([0], np.flatnonzero(_ends(tenth.astype(np.float64))) + 1))
    return Rows(
        cluster=cluster.astype(np.int32),
        residual=probability - label,
        log_loss=-np.log(np.where(label == 1, near, 1 - near)),
        run_start=run_start,
        run_tenth=tenth[run_start[:-1]].astype(np.int64),
        left_rows=left_rows,
        group_first=np.concatenate(([0], group_ends))[groups],
        group_end=group_ends[groups],
        group_left_start=np.append(group_left_start, len(left_rows)),
    )


def _ends(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.append(values[1:] != values[:-1], True)[: len(values)]


def _draw_weights(
    table: NDArray[np.uint8], seed: np.uint64, replicate: np.uint64, clusters: int, weights: NDArray[np.uint8]
) -> None:
    # splitmix64 of (seed, replicate) starts the stream; xorshift64 carries it on, four weights a word.
    state = seed * np.uint64(0x9E3779B97F4A7C15) + (replicate + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state = (state ^ (state >> np.uint64(31))) | np.uint64(1)
    mask = np.uint64(0xFFFF)
    for start in range(0, clusters, 4):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        weights[start] = table[state & mask]
        weights[start + 1] = table[(state >> np.uint64(16)) & mask]
        weights[start + 2] = table[(state >> np.uint64(32)) & mask]
        weights[start + 3] = table[state >> np.uint64(48)]


def _pass_rows(
    weights: NDArray[np.uint8], rows: Rows, pools: Pools, above: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    # above[i] becomes the summed weight of the rows before i.
    total = 0
    squares = losses = gap = ece = 0.0
    gaps = np.zeros(TENTHS)
    for run in range(len(rows.run_start) - 1):
        run_gap = 0.0
        first, end = rows.run_start[run], rows.run_start[run + 1]
        # Slices, since their loop needs no check for indices below zero.
        cluster, residual, log_loss = rows.cluster[first:end], rows.residual[first:end], rows.log_loss[first:end]
        upto_row = above[first + 1 : end + 1]
        for i in range(len(cluster)):
            weight = weights[cluster[i]]
            total += weight
            upto_row[i] = total
            weighted = weight * residual[i]
            squares += weighted * residual[i]
            losses += weight * log_loss[i]
            run_gap += weighted
        gap += run_gap
        gaps[rows.run_tenth[run]] += run_gap
    for tenth_gap in gaps:
        ece += abs(tenth_gap)
    left = 0
    pairs = precision_sum = 0.0
    for group in range(len(rows.group_first)):
        first, end = rows.group_first[group], rows.group_end[group]
        before, upto = above[first], above[end]
        group_left = upto - before
        if end - first > 1:
            group_left = 0
            for i in rows.left_rows[rows.group_left_start[group] : rows.group_left_start[group + 1]]:
                group_left += above[i + 1] - above[i]
        # Those who stayed and rank above, and half of those who stayed and tie, speak against the ranking.
        pairs += group_left * (before - left + 0.5 * (upto - before - group_left))
        left += group_left
        precision_sum += group_left * left / max(upto, 1)
    stayed = total - left
    reached, given = _reached(weights, pools)
    # Compiled with numpy's rule of division: 0 / 0 is NaN, "not defined". The order is that of FIGURES.
    out[0] = 1.0 - pairs / left / stayed
    out[1] = precision_sum / left
    out[2] = squares / total
    out[3] = losses / total
    out[4] = ece / total
    out[5] = gap / total
    out[6] = reached / given
    out[7] = reached / left
    out[8] = given / total
    out[9] = (given - reached) / stayed


def _reached_rows(weights: NDArray[np.uint8], pools: Pools) -> tuple[float, float]:
    # Fills each pool's places from the top; the weights of a tie at the cut are taken in proportion.
    # Returns, of those counted, how many left and have a place, and how many have a place.
    reached = given = 0.0
    for pool in range(len(pools.places)):
        free = pools.places[pool]
        if pools.moves_with[pool] >= 0:
            free *= weights[pools.moves_with[pool]]
        group_left = group_counted = group = 0
        for i in range(pools.start[pool], pools.start[pool + 1]):
            if free <= 0:
                break
            weight = weights[pools.cluster[i]]
            group += weight
            group_counted += weight * pools.is_counted[i]
            group_left += weight * pools.has_left[i]
            if not pools.ends_tie[i]:
                continue
            share = 1.0 if group <= free else free / group
            reached += group_left * share
            given += group_counted * share
            free -= group
            group_left = group_counted = group = 0
    return reached, given


def _many_replicates(
    table: NDArray[np.uint8],
    seed: np.uint64,
    rows: Rows,
    pools: Pools,
    room: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64]],
) -> None:
    weights, above, out = room
    clusters = len(weights) - 3
    for replicate in range(out.shape[0]):
        _draw(table, seed, np.uint64(replicate), clusters, weights)
        _pass(weights, rows, pools, above, out[replicate])


# Compiled at first use, without parallel threads; nothing is written beside the module.
_draw: Any = numba.njit(_draw_weights, error_model="numpy")
_reached: Any = numba.njit(_reached_rows, error_model="numpy")
_pass: Any = numba.njit(_pass_rows, error_model="numpy")
_many: Any = numba.njit(_many_replicates, error_model="numpy")
