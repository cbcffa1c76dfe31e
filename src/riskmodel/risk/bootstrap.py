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
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk import bootstrap_loops as loops
from riskmodel.risk import ranking_loops
from riskmodel.risk.bootstrap_loops import LANES, Pools, Steps, Sums
from riskmodel.risk.capacity import Capacity, number_schools
from riskmodel.risk.quantiles import quantiles_of
from riskmodel.risk.ranking_loops import Counted

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
        schools, names = number_schools(school_id)
        by_school = capacity.by_school(school_id)
        pool = schools if capacity.is_within_school else np.zeros(len(schools), dtype=np.int32)
        places = np.array([by_school[name] for name in sorted(by_school)], dtype=np.float64)
        if cluster == "school":
            drawn, clusters = schools, len(names)
        else:
            number, pupils = pd.factorize(pupil_id.astype(str), sort=True)
            drawn, clusters = number.astype(np.int32), len(pupils)
        moves = cluster == "school" and capacity.is_within_school
        return cls(np.asarray(label, dtype=np.float64), clusters, drawn, pool, places, moves)

    def with_capacity(self, capacity: Capacity, school_id: pd.Series) -> Roster:
        """Return the same pupils, of ``school_id``, with other places within each school."""
        by_school = capacity.by_school(school_id)
        return replace(self, places=np.array([by_school[name] for name in sorted(by_school)], dtype=np.float64))


@dataclass(frozen=True)
class Order:
    """The rows of a roster by falling score, and the same by pool and then by falling score."""

    score: NDArray[np.float64]
    down: NDArray[np.int32]
    by_pool: NDArray[np.int32]

    @classmethod
    def of(cls, roster: Roster, score: NDArray[np.float64]) -> Order:
        """Return the order that these scores give the roster."""
        if np.isnan(score).any():
            raise _unfit()
        down = np.argsort(-score).astype(np.int32)  # the order within a tie changes nothing
        pool = roster.pool.astype(np.int16) if len(roster.places) < FEW_POOLS else roster.pool
        return cls(score, down, down[np.argsort(pool[down], kind="stable")])

    def chances(self, roster: Roster) -> NDArray[np.float64]:
        """Return each pupil's chance of a place, as :func:`riskmodel.risk.capacity.chance_of_place`."""
        chance = np.empty(len(self.score))
        ranking_loops.share_places(self.by_pool, self.score, roster.pool, roster.places, chance)
        return chance


@dataclass(frozen=True)
class Ranking:
    """Predictions in order, ready for many passes.

    ``drawn`` holds, for each cluster as numbered in ``steps``, ``sums`` and ``pools``, its number in the roster. There are
    no ``pools`` where they are drawn with their places: then ``sums`` hold who is reached.
    """

    drawn: NDArray[np.int32]
    pupils: int
    left: int
    steps: Steps
    sums: Sums
    pools: Pools

    @property
    def clusters(self) -> int:
        """The number of clusters."""
        return len(self.drawn)

    @property
    def plain(self) -> tuple[Steps, Sums, Pools]:
        """What the compiled loops read."""
        return self.steps, self.sums, self.pools


def tenths(probability: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the tenth (0–9, from the lowest) of each probability; equal probabilities share one.

    >>> tenths(np.arange(20) / 20).tolist()[:4]
    [0, 0, 1, 1]
    """
    if len(probability) == 0:
        return np.zeros(0, dtype=np.uint8)
    place = np.empty(len(probability), dtype=np.uint8)
    ranking_loops.place_among(_edges(np.sort(probability)), probability, place)
    return place


def _edges(rising: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nine probabilities at which a new tenth begins."""
    return quantiles_of(rising, np.arange(1, TENTHS) / TENTHS) if len(rising) else np.zeros(TENTHS - 1)


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
        :data:`riskmodel.tables.scores.PREDICTION`. A pupil without a label (censored) may take a place, as on a
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
    roster: Roster,
    order: Order,
    probability: NDArray[np.float64],
    counted: NDArray[np.bool_] | None = None,
    chance: NDArray[np.float64] | None = None,
) -> Ranking:
    """Return the ranking of a roster by one model; parameters row by row, as for :func:`rank`.

    ``chance`` is what :meth:`Order.chances` gives for the roster, where it is known already.
    """
    counts = ~np.isnan(roster.label)
    if counted is not None:
        counts &= counted
    drawn = np.arange(roster.clusters, dtype=np.int32)
    if _has_own_clusters(roster):
        drawn = roster.cluster[order.down]
        roster = _numbered(roster, order)
    counted_rows = Counted(counts, counts & (roster.label == 1), roster.cluster)
    ranking = Ranking(
        drawn=drawn,
        pupils=int(counts.sum()),
        left=int(counted_rows.has_left.sum()),
        steps=_steps(order, counted_rows, roster.clusters),
        sums=_sums(counted_rows, probability, roster.clusters),
        pools=_no_pools(),
    )
    return _with_places(ranking, roster, order, counted_rows, chance)


def with_places(ranking: Ranking, roster: Roster, order: Order, chance: NDArray[np.float64] | None = None) -> Ranking:
    """Return the ranking of all with a label (see :func:`rank_on`) with the places that ``roster`` has now."""
    own = _numbered(roster, order) if _has_own_clusters(roster) else roster
    counted = Counted(~np.isnan(roster.label), roster.label == 1, own.cluster)
    return _with_places(ranking, own, order, counted, chance)


def _has_own_clusters(roster: Roster) -> bool:
    return roster.clusters == len(roster.label)


def _numbered(roster: Roster, order: Order) -> Roster:
    """Return pupils numbered by falling score: passes then walk through their weights in the order of the memory."""
    numbered = np.empty(len(roster.label), dtype=np.int32)
    numbered[order.down] = np.arange(len(roster.label), dtype=np.int32)
    return replace(roster, cluster=numbered)


def _with_places(
    ranking: Ranking, roster: Roster, order: Order, counted: Counted, chance: NDArray[np.float64] | None
) -> Ranking:
    if not roster.moves:
        return replace(ranking, pools=_pools(roster, order, counted.counts, counted.has_left))
    # A place and its pupils are drawn together: who is reached is a sum over the school.
    of_cluster = np.zeros((2, roster.clusters))
    chance = order.chances(roster) if chance is None else chance
    ranking_loops.sum_reached(counted, chance, of_cluster)
    cluster, first = np.unique(ranking.sums.cluster, return_index=True)
    reached, given = np.zeros((2, len(ranking.sums.cluster)))
    reached[first], given[first] = of_cluster[:, cluster]
    return replace(ranking, sums=ranking.sums._replace(reached=reached, given=given))


def figures(ranking: Ranking, weights: NDArray[np.uint8] | None = None) -> dict[str, float]:
    """Return every figure of :data:`FIGURES`, NaN where it is not defined (one class only, no pupils).

    ``weights`` are whole numbers from 0 to 255 per cluster; None counts each pupil once.
    """
    weights = np.ones(ranking.clusters, dtype=np.uint8) if weights is None else weights
    every = np.repeat(weights[ranking.drawn, None], LANES, axis=1)
    found = _Weighed.room(1)
    loops.weigh(every, ranking.plain, found.counts[0], found.ranks[0], found.sums[0])
    return dict(zip(FIGURES, _figures(ranking, found)[0].tolist(), strict=True))


def replicates(ranking: Ranking, count: int, seed: int) -> NDArray[np.float64]:
    """Return ``count`` bootstrap replicates (rows) of the figures (columns in the order of :data:`FIGURES`).

    The weights depend on the seed, the replicate and the clusters alone: rankings of the same pupils by
    different models are paired row by row.
    """
    found = _Weighed.room(-(-count // LANES))
    if count:
        loops.weigh_replicates(poisson_table(), np.uint64(seed), ranking.drawn, ranking.plain, found)
    return _figures(ranking, found)[:count]


def interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of replicates, NaN where too many of them are not defined.

    >>> interval(np.arange(5.0), 0.5)
    (1.0, 3.0)
    """
    defined = values[~np.isnan(values)]
    if len(values) == 0 or len(defined) < MIN_DEFINED_SHARE * len(values):
        return math.nan, math.nan
    low, high = quantiles_of(np.sort(defined), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@cache
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
    drawn = np.zeros((-(-count // LANES), len(cluster), LANES), dtype=np.uint8)
    for block, room in enumerate(drawn):
        loops.draw(poisson_table(), np.uint64(seed), np.uint64(block), cluster, room)
    return np.hstack([*drawn])[:, :count] if count else np.zeros((len(cluster), 0), dtype=np.uint8)


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


def _no_pools() -> Pools:
    whole, small = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    return Pools(np.zeros(1, dtype=np.int64), np.zeros(0), whole, small, small, np.zeros(0, dtype=np.bool_))


def _steps(order: Order, counted: Counted, clusters: int) -> Steps:
    """Return the steps of those counted."""
    size = int(counted.counts.sum())
    cluster, left = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    # Stretches alternate: gap, step, gap, step, ..., gap.
    bounds = np.empty(2 * int(counted.has_left.sum()) + 2, dtype=np.int64)
    found = ranking_loops.find_steps(order.down, order.score, counted, cluster, left, bounds)
    bounds, pupils = bounds[:found], np.ones(size, dtype=np.int32)
    has_ones = (found - 1) * clusters > FEW_CELLS * size
    if not has_ones:
        ranking_loops.join_clusters(bounds, clusters, cluster, left, pupils)
    used = int(bounds[-1])
    return Steps(
        gap=bounds[0::2].copy(),
        step=bounds[1::2].copy(),
        cluster=cluster[:used],
        pupils=pupils[:used],
        left=left[:used],
        has_ones=has_ones,
    )


def _sums(counted: Counted, probability: NDArray[np.float64], clusters: int) -> Sums:
    """Return the sums of the rows that count, by tenth of probability and cluster, nobody reached yet."""
    near = np.clip(probability, CLOSEST_PROBABILITY, 1 - CLOSEST_PROBABILITY)
    loss = -np.log(np.where(counted.has_left, near, 1 - near))
    edges = _edges(np.sort(probability[counted.counts]))
    size, sums = np.zeros(TENTHS * clusters, dtype=np.int32), np.zeros((3, TENTHS * clusters))
    ranking_loops.sum_cells(counted, probability, loss, edges, size, sums)
    used = np.flatnonzero(size)
    squares, losses, gap = sums[:, used]
    return Sums(
        cluster=(used % max(clusters, 1)).astype(np.int32),
        tenth=used // max(clusters, 1),
        squares=squares,
        losses=losses,
        gap=gap,
        reached=np.zeros(len(used)),
        given=np.zeros(len(used)),
    )


def _ends(values: NDArray[np.float64] | NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.append(values[1:] != values[:-1], True)[: len(values)]


class _Weighed(NamedTuple):
    """What the loops add up for each lane of each block of weights."""

    counts: NDArray[np.int64]
    ranks: NDArray[np.float64]
    sums: NDArray[np.float64]

    @classmethod
    def room(cls, blocks: int) -> _Weighed:
        """Return room for so many blocks."""
        counts, ranks = np.zeros((blocks, 2, LANES), dtype=np.int64), np.zeros((blocks, 2, LANES))
        return cls(counts, ranks, np.zeros((blocks, SUMMED + TENTHS, LANES)))


def _figures(ranking: Ranking, found: _Weighed) -> NDArray[np.float64]:
    """Return the figures for each lane of each block of weights."""
    if not len(found.counts) or not ranking.pupils:
        return np.full((LANES * len(found.counts), len(FIGURES)), np.nan)
    total, left = np.hstack([*found.counts])
    against, precision = np.hstack([*found.ranks])
    reached, given, squares, losses, *gaps = np.hstack([*found.sums])
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
