"""Figures of a ranking and their intervals, from one sort and few passes.

The scores are sorted once and ties grouped. A replicate draws a weight per cluster (a pupil, or a school, since the
pupils of a school are alike) from Poisson(1); a pass over the sorted rows works on 32 replicates at a time. Figures that
are sums over pupils (Brier score, calibration) are summed per cluster before any weight is drawn. The cut at capacity is
made anew in each replicate: in each school it stops where the weights have filled the places, and a tie at the cut counts
by expectation over random order. A whole school drawn twice stands for two such schools, each with its own places: there
too the pupils reached are a sum per school.

Two models on the same pupils get the same weights from the same seed: their paired difference is the difference
of their replicates. Weights are counted in whole numbers, and other sums have one order: neither the order of rows nor
the number of replicates at a time changes a digit that is shown.

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk import bootstrap_loops as loops
from riskmodel.risk.bootstrap_loops import LANES, Pools, Steps, Sums
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

SUMMED = 4
"""Sums beside the gaps of the tenths: reached, given, squares, losses."""

FEW_POOLS = 1 << 15
"""Numbers of so few pools are sorted by their digits, which takes a tenth of the time."""

FEW_CELLS = 8
"""Where steps and clusters make at most so many cells per pupil, pupils of one cell are counted together."""

Cluster = Literal["pupil", "school"]


@dataclass(frozen=True)
class Roster:
    """The pupils of a cohort as every ranking of them shares them: label, cluster, pool of places.

    ``moves`` says that the clusters are the pools: their places are drawn with them.
    """

    label: NDArray[np.float64]
    clusters: int
    cluster: NDArray[np.int32]
    pool: NDArray[np.int32]
    places: NDArray[np.float64]
    moves: bool

    @classmethod
    def of(
        cls,
        pupil_id: pd.Series,
        school_id: pd.Series,
        label: NDArray[np.float64],
        capacity: Capacity,
        cluster: Cluster,
    ) -> Roster:
        """Return the roster of these pupils, row by row."""
        if not np.isin(label[~np.isnan(label)], (0.0, 1.0)).all():
            raise _unfit()
        schools, pools = pd.factorize(school_id.astype(str), sort=True)
        by_school = capacity.by_school(school_id)
        if capacity.is_within_school:
            pool, places = schools, np.array([by_school[str(name)] for name in pools], dtype=np.float64)
        else:
            pool, places = np.zeros(len(schools), dtype=np.int64), np.array(list(by_school.values()), dtype=np.float64)
        drawn = schools if cluster == "school" else pd.factorize(pupil_id.astype(str), sort=True)[0]
        clusters = int(drawn.max()) + 1 if len(drawn) else 0
        moves = cluster == "school" and capacity.is_within_school
        return cls(label, clusters, drawn.astype(np.int32), pool.astype(np.int32), places, moves)

    def with_capacity(self, capacity: Capacity, school_id: pd.Series) -> Roster:
        """Return the same pupils, of ``school_id``, with other places within each school."""
        by_school = capacity.by_school(school_id)
        return replace(self, places=np.array([by_school[name] for name in sorted(by_school)], dtype=np.float64))


@dataclass(frozen=True)
class Order:
    """The rows of a roster by falling score, and the same by pool and then by falling score."""

    score: NDArray[np.float64]
    down: NDArray[np.intp]
    by_pool: NDArray[np.intp]

    @classmethod
    def of(cls, roster: Roster, score: NDArray[np.float64]) -> Order:
        """Return the order that these scores give the roster."""
        if np.isnan(score).any():
            raise _unfit()
        down = np.argsort(-score)  # the order within a tie changes nothing
        pool = roster.pool.astype(np.int16) if len(roster.places) < FEW_POOLS else roster.pool
        return cls(score, down, down[np.argsort(pool[down], kind="stable")])

    def chances(self, roster: Roster) -> NDArray[np.float64]:
        """Return each pupil's chance of a place, as :func:`riskmodel.risk.capacity.chance_of_place`."""
        rows = self.by_pool
        pool = roster.pool[rows]
        ends = np.flatnonzero(_ends(self.score[rows]) | _ends(pool)) + 1
        sizes = np.diff(ends, prepend=0)
        taken = ends - sizes - np.searchsorted(pool, pool[ends - 1])
        share = np.clip((roster.places[pool[ends - 1]] - taken) / sizes, 0.0, 1.0)
        chance = np.empty(len(rows))
        chance[rows] = np.repeat(share, sizes)
        return chance


@dataclass(frozen=True)
class Ranking:
    """Predictions in order, ready for many passes.

    ``drawn`` holds, for each cluster as numbered in ``steps``, ``sums`` and ``pools``, its number in the roster. ``pools``
    is None where pools are drawn with their places: then ``sums`` hold who is reached.
    """

    drawn: NDArray[np.int32]
    pupils: int
    left: int
    steps: Steps
    sums: Sums
    pools: Pools | None

    @property
    def clusters(self) -> int:
        """The number of clusters."""
        return len(self.drawn)


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
    label, score, probability = (
        predictions[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("label", "raw_score", "probability")
    )
    roster = Roster.of(
        predictions["pupil_id"].reset_index(drop=True),
        predictions["school_id"].reset_index(drop=True),
        label,
        capacity or Capacity(),
        cluster,
    )
    return rank_on(roster, Order.of(roster, score), probability, counted)


def rank_on(
    roster: Roster, order: Order, probability: NDArray[np.float64], counted: NDArray[np.bool_] | None = None
) -> Ranking:
    """Return the ranking of a roster by one model; parameters row by row, as for :func:`rank`."""
    counts = ~np.isnan(roster.label) if counted is None else counted & ~np.isnan(roster.label)
    drawn = np.arange(roster.clusters, dtype=np.int32)
    if _has_own_clusters(roster):
        drawn = roster.cluster[order.down]
        roster = _numbered(roster, order)
    down = order.down[counts[order.down]]
    rows = np.flatnonzero(counts)
    ranking = Ranking(
        drawn=drawn,
        pupils=len(down),
        left=int((roster.label[rows] == 1).sum()),
        steps=_steps(roster.cluster[down], order.score[down], roster.label[down] == 1, roster.clusters),
        sums=_sums(roster, rows, probability),
        pools=None,
    )
    return _with_places(ranking, roster, order, counts)


def with_places(ranking: Ranking, roster: Roster, order: Order) -> Ranking:
    """Return the ranking of all with a label (see :func:`rank_on`) with the places that ``roster`` has now."""
    own = _numbered(roster, order) if _has_own_clusters(roster) else roster
    return _with_places(ranking, own, order, ~np.isnan(roster.label))


def _has_own_clusters(roster: Roster) -> bool:
    return roster.clusters == len(roster.label)


def _numbered(roster: Roster, order: Order) -> Roster:
    """Return pupils numbered by falling score: passes then walk through their weights in the order of the memory."""
    numbered = np.empty(len(roster.label), dtype=np.int32)
    numbered[order.down] = np.arange(len(roster.label), dtype=np.int32)
    return replace(roster, cluster=numbered)


def _with_places(ranking: Ranking, roster: Roster, order: Order, counts: NDArray[np.bool_]) -> Ranking:
    has_left = counts & (roster.label == 1)
    if not roster.moves:
        return replace(ranking, pools=_pools(roster, order, counts, has_left))
    # A place and its pupils are drawn together: who is reached is a sum over the school.
    chance = order.chances(roster)
    cluster, first = np.unique(ranking.sums.cluster, return_index=True)
    reached, given = np.zeros((2, len(ranking.sums.cluster)))
    for out, those in ((reached, has_left), (given, counts)):
        out[first] = np.bincount(roster.cluster, chance * those, roster.clusters)[cluster]
    return replace(ranking, sums=ranking.sums._replace(reached=reached, given=given))


def figures(ranking: Ranking, weights: NDArray[np.uint8] | None = None) -> dict[str, float]:
    """Return every figure of :data:`FIGURES`, NaN where it is not defined (one class only, no pupils).

    ``weights`` are whole numbers from 0 to 255 per cluster; None counts each pupil once.
    """
    weights = np.ones(ranking.clusters, dtype=np.uint8) if weights is None else weights
    every = np.repeat(weights[ranking.drawn, None], LANES, axis=1)
    return dict(zip(FIGURES, _figures(ranking, [every])[0].tolist(), strict=True))


def replicates(ranking: Ranking, count: int, seed: int) -> NDArray[np.float64]:
    """Return ``count`` bootstrap replicates (rows) of the figures (columns in the order of :data:`FIGURES`).

    The weights depend on the seed, the replicate and the clusters alone: rankings of the same pupils by
    different models are paired row by row.
    """
    return _figures(ranking, _blocks(ranking.drawn, count, seed))[:count]


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
    return weights_of_clusters(np.arange(clusters, dtype=np.int32), replicate + 1, seed)[:, replicate]


def weights_of_clusters(cluster: NDArray[np.int32], count: int, seed: int) -> NDArray[np.uint8]:
    """Return the weights that ``count`` replicates of ``seed`` draw (as columns) for each cluster of ``cluster``."""
    return np.hstack([block.copy() for block in _blocks(cluster, count, seed)])[:, :count]


def _blocks(cluster: NDArray[np.int32], count: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the weights of each cluster for 32 replicates after the other, in the same place of the memory."""
    room = np.zeros((len(cluster), LANES), dtype=np.uint8)
    table = poisson_table()
    for block in range(-(-count // LANES)):
        loops.draw(table, np.uint64(seed), np.uint64(block), cluster, room)
        yield room


def _unfit() -> UsageError:
    return UsageError(
        message("A ranking needs a score for every pupil, and a label of 0 or 1 for those with an outcome."),
        found=message("Some are missing or of another value."),
        remedy=message("Score every pupil of the cohort before evaluating."),
    )


def _pools(roster: Roster, order: Order, counts: NDArray[np.bool_], has_left: NDArray[np.bool_]) -> Pools:
    rows = order.by_pool
    pool = roster.pool[rows]
    return Pools(
        start=np.searchsorted(pool, np.arange(len(roster.places) + 1)).astype(np.int64),
        places=roster.places,
        cluster=roster.cluster[rows],
        is_counted=counts[rows].astype(np.uint8),
        has_left=has_left[rows].astype(np.uint8),
        ends_tie=_ends(order.score[rows]) | _ends(pool),
    )


def _steps(cluster: NDArray[np.int32], score: NDArray[np.float64], has_left: NDArray[np.bool_], clusters: int) -> Steps:
    """Return the steps of those counted, given by falling score."""
    last = np.flatnonzero(_ends(score))
    left_upto = np.cumsum(has_left)[last] if len(last) else np.zeros(0, dtype=np.int64)
    is_step = np.diff(left_upto, prepend=0) > 0
    ends = last[is_step] + 1
    starts = np.concatenate(([0], last + 1))[:-1][is_step]
    # Stretches alternate: gap, step, gap, step, ..., gap.
    bounds = np.concatenate(([0], np.column_stack([starts, ends]).ravel(), [len(score)]))
    has_ones = (len(bounds) - 1) * clusters > FEW_CELLS * len(score)
    if has_ones:
        pupils, left = np.ones(len(score), dtype=np.int32), has_left.astype(np.int32)
    else:
        cell = np.repeat(np.arange(len(bounds) - 1) * clusters, np.diff(bounds)) + cluster
        every = np.bincount(cell, minlength=(len(bounds) - 1) * clusters)
        used = np.flatnonzero(every)
        pupils = every[used].astype(np.int32)
        left = np.bincount(cell[has_left], minlength=len(every))[used].astype(np.int32)
        bounds = np.searchsorted(used // max(clusters, 1), np.arange(len(bounds)))
        cluster = (used % max(clusters, 1)).astype(np.int32)
    return Steps(
        gap=bounds[0::2].astype(np.int64),
        step=bounds[1::2].astype(np.int64),
        cluster=cluster,
        pupils=pupils,
        left=left,
        has_ones=has_ones,
    )


def _sums(roster: Roster, rows: NDArray[np.intp], probability: NDArray[np.float64]) -> Sums:
    """Return the sums of the rows that count, by tenth of probability and cluster, nobody reached yet."""
    share, label = probability[rows], roster.label[rows]
    near = np.clip(share, CLOSEST_PROBABILITY, 1 - CLOSEST_PROBABILITY)
    cell = tenths(share).astype(np.int64) * roster.clusters + roster.cluster[rows]
    size = TENTHS * roster.clusters
    used = np.flatnonzero(np.bincount(cell, minlength=size))
    residual = share - label

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(cell, values, minlength=size)[used], dtype=np.float64)

    return Sums(
        cluster=(used % max(roster.clusters, 1)).astype(np.int32),
        tenth=used // max(roster.clusters, 1),
        squares=summed(residual * residual),
        losses=summed(-np.log(np.where(label == 1, near, 1 - near))),
        gap=summed(residual),
        reached=np.zeros(len(used)),
        given=np.zeros(len(used)),
    )


def _ends(values: NDArray[np.float64] | NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.append(values[1:] != values[:-1], True)[: len(values)]


def _figures(ranking: Ranking, blocks: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Return the figures for each lane of each block of weights."""
    counts, ranks, sums = [], [], []
    for weights in blocks:
        counts.append(np.zeros((2, LANES), dtype=np.int64))
        ranks.append(np.zeros((2, LANES)))
        sums.append(np.zeros((SUMMED + TENTHS, LANES)))
        loops.climb(weights, ranking.steps, counts[-1], ranks[-1])
        loops.add(weights, ranking.sums, sums[-1])
        if ranking.pools is not None:
            loops.fill(weights, ranking.pools, sums[-1][:2])
    if not counts or not ranking.pupils:
        return np.full((LANES * len(counts), len(FIGURES)), np.nan)
    total, left = np.hstack(counts)
    against, precision = np.hstack(ranks)
    reached, given, squares, losses, *gaps = np.hstack(sums)
    stayed = total - left
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is NaN, "not defined"
        columns = (
            1.0 - against / left / stayed,
            precision / left,
            squares / total,
            losses / total,
            np.abs(gaps).sum(axis=0) / total,
            np.sum(gaps, axis=0) / total,
            reached / given,
            reached / left,
            given / total,
            (given - reached) / stayed,
        )
    return np.column_stack(columns)  # in the order of FIGURES
