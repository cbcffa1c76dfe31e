"""What each way to choose reaches at an equal budget, beside the individual score, with paired intervals.

The places of an area (a municipality, the state) are put together and every strategy shares them out among all its pupils: only so
can a school's rate be a choice at all. How the walls between schools change the score's own figure is told by
``score_in_school``. A pupil whose outcome is censored may take a place and is not counted.

A replicate draws whole schools with their pupils and places (pupils, where an area has fewer than ten schools: see
:func:`riskmodel.risk.bootstrap.best_cluster`), and the cut is made anew in it. All strategies get the same draws: a difference
is the difference of the replicates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.bootstrap import best_cluster, interval, weights_of_clusters
from riskmodel.risk.bootstrap_loops import LANES
from riskmodel.risk.capacity import Capacity, number_schools
from riskmodel.risk.targeting import reach_loops
from riskmodel.risk.targeting.reach_loops import Cells
from riskmodel.risk.targeting.strategies import MIDDLE_RISK, SCORE, SCORE_IN_SCHOOL, STRATEGIES, chances, middle_risk
from riskmodel.risk.targeting.verdicts import WORTH_SHARE, verdict_of
from riskmodel.tables.results import TARGETING

Floats = NDArray[np.float64]
Row = tuple[object, ...]

STATE = "state"
MUNICIPALITY = "municipality"
AS_DELIVERED = "as_delivered"
FEWEST_LEFT = 20
"""An area gets figures from so many leavers up."""


@dataclass(frozen=True)
class Targeted:
    """Pupils of one past cohort, row by row.

    ``label`` is 1 left, 0 stayed, NaN censored. ``orders`` are those of :mod:`riskmodel.risk.targeting.strategies`; ``score``
    must be among them. ``averted`` is by how much support lowers each pupil's probability of leaving, planted or estimated;
    None where nothing is known.
    """

    cohort_on: Any
    school_id: pd.Series
    municipality_code: pd.Series
    label: Floats
    orders: Mapping[str, Floats]
    averted: Floats | None = None


@dataclass(frozen=True)
class Comparing:
    """How to compare: budgets by code (as places by school), replicates, seed, and what difference is worth telling."""

    budgets: Mapping[str, Capacity] = field(
        default_factory=lambda: {AS_DELIVERED: Capacity(), "share_05": Capacity(0.05), "share_20": Capacity(0.20)}
    )
    replicates: int = 400
    seed: int = 7
    worth_share: float = WORTH_SHARE


@dataclass(frozen=True)
class Reached:
    """What a strategy reaches of an area's leavers (as a share) and averts (as a share of them), and its replicates."""

    share: float
    averted_share: float
    drawn: Floats
    drawn_averted: Floats


def compare(targeted: Targeted, comparing: Comparing | None = None) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.results.TARGETING`: the state, then each municipality by code.

    Raises
    ------
    UsageError
        When there is no score, or an order is missing for somebody.
    """
    comparing = comparing or Comparing()
    _check(targeted)
    rows = [row for area in areas_of(targeted) for row in area_rows(targeted, area, comparing)]
    return pd.DataFrame(rows, columns=list(TARGETING.column_names))


@dataclass(frozen=True)
class Area:
    """An area and the rows of its pupils."""

    kind: str
    code: str
    rows: NDArray[np.int64]


def areas_of(targeted: Targeted) -> Iterator[Area]:
    """Yield the state, then each municipality by code; pupils of no known municipality count for the state alone."""
    yield Area(STATE, STATE, np.arange(len(targeted.label)))
    place, codes = pd.factorize(targeted.municipality_code, sort=True)
    by_area = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[by_area], np.arange(len(codes) + 1))
    for number, code in enumerate(codes):
        yield Area(MUNICIPALITY, str(code), by_area[starts[number] : starts[number + 1]])


def area_rows(targeted: Targeted, area: Area, comparing: Comparing) -> Iterator[Row]:
    """Yield the rows of one area: for each budget every strategy, the score first."""
    own = _Area.of(targeted, area, comparing)
    size = (len(area.rows), own.left)
    for code in comparing.budgets:
        places = int(own.places[code].sum().round())
        key = (targeted.cohort_on, area.kind, area.code, code)
        if not own.is_enough:
            for strategy in own.strategies:
                verdict = None if strategy == SCORE else "too_few"
                yield (*key, strategy, *size, places, own.cluster_kind, *[np.nan] * 10, verdict)
            continue
        score = own.reached(SCORE, code)
        for strategy in own.strategies:
            found = score if strategy == SCORE else own.reached(strategy, code)
            yield (*key, strategy, *size, places, own.cluster_kind, *_figures(own, found, score, strategy, comparing))


def _figures(own: _Area, found: Reached, score: Reached, strategy: str, comparing: Comparing) -> Row:
    gain, verdict = (np.nan, np.nan, np.nan), None
    if strategy != SCORE:
        gain = (score.share - found.share, *interval(score.drawn - found.drawn))
        verdict = verdict_of(gain[1], gain[2], comparing.worth_share)
    averted = own.left * np.array([found.averted_share, *interval(found.drawn_averted)])
    return (own.left * found.share, found.share, *interval(found.drawn), *gain, *averted.tolist(), verdict)


@dataclass
class _Area:
    """The pupils of an area, ready to be shared out: rows numbered from 0, clusters with their places by budget."""

    orders: Mapping[str, Floats]
    gains: Floats
    school: NDArray[np.int32]
    cluster: NDArray[np.int32]
    cluster_kind: str
    places: Mapping[str, Floats]
    school_places: Mapping[str, Mapping[str, int]]
    school_id: pd.Series
    weights: NDArray[np.uint8]
    replicates: int
    has_averted: bool
    left: int
    is_enough: bool

    @classmethod
    def of(cls, targeted: Targeted, area: Area, comparing: Comparing) -> _Area:
        school_id = targeted.school_id.iloc[area.rows].reset_index(drop=True)
        school, names = number_schools(school_id)
        kind = best_cluster(school_id)
        label = targeted.label[area.rows]
        averted = np.zeros(len(area.rows)) if targeted.averted is None else targeted.averted[area.rows]
        left = int(np.nansum(label))
        by_school = {code: capacity.by_school(school_id) for code, capacity in comparing.budgets.items()}
        of_schools = {code: np.array([own[name] for name in names], dtype=np.float64) for code, own in by_school.items()}
        is_enough = left >= FEWEST_LEFT and len(names) > 1
        if kind == "school":
            cluster, places = school, of_schools
        else:
            share = 1.0 / np.bincount(school)[school]
            cluster = np.arange(len(school), dtype=np.int32)
            places = {code: own[school] * share for code, own in of_schools.items()}
        clusters = int(cluster.max()) + 1
        return cls(
            orders={code: order[area.rows] for code, order in targeted.orders.items()},
            gains=np.vstack([np.nan_to_num(label), averted]),
            school=school,
            cluster=cluster,
            cluster_kind=kind,
            places=places,
            school_places=by_school,
            school_id=school_id,
            weights=_blocks(clusters, comparing) if is_enough else np.zeros((0, 1, LANES), dtype=np.uint8),
            replicates=comparing.replicates,
            has_averted=targeted.averted is not None,
            left=left,
            is_enough=is_enough,
        )

    def __post_init__(self) -> None:
        self._cells: dict[str, Cells] = {}
        self._all = np.ones((1, self.weights.shape[1], LANES), dtype=np.uint8)
        of_cluster = np.bincount(self.cluster, self.gains[0], self.weights.shape[1]) if self.is_enough else np.zeros(1)
        self._drawn_left = np.tensordot(of_cluster, self.weights, (0, 1)).ravel()

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies whose orders are given."""
        made_of_score = (SCORE, SCORE_IN_SCHOOL, MIDDLE_RISK)
        return tuple(code for code in STRATEGIES if code in self.orders or code in made_of_score)

    def reached(self, strategy: str, budget: str) -> Reached:
        """Return what a strategy reaches with the places of a budget."""
        if strategy == SCORE_IN_SCHOOL:
            return self._reached_in_schools(budget)
        cells = self._cells_of(strategy, budget)
        once, drawn = (self._filled(cells, budget, weights) for weights in (self._all, self.weights))
        return self._as_shares(once[:, 0], drawn)

    def _reached_in_schools(self, budget: str) -> Reached:
        chance = chances(SCORE_IN_SCHOOL, self.orders, self.school_id, self.school_places[budget])
        clusters = self.weights.shape[1]
        sums = np.vstack([np.bincount(self.cluster, chance * gain, clusters) for gain in self.gains])
        drawn = np.tensordot(sums, self.weights, (1, 1)).reshape(2, -1)
        return self._as_shares(sums.sum(axis=1), drawn)

    def _as_shares(self, once: Floats, drawn: Floats) -> Reached:
        with np.errstate(divide="ignore", invalid="ignore"):  # a draw without leavers has no share
            reached, averted = (drawn / self._drawn_left)[:, : self.replicates]
        unknown = np.nan if not self.has_averted else 0.0
        return Reached(once[0] / self.left, once[1] / self.left + unknown, reached, averted + unknown)

    def _cells_of(self, strategy: str, budget: str) -> Cells:
        key = f"{strategy} {budget}" if strategy == MIDDLE_RISK else strategy
        if key not in self._cells:
            is_middle = strategy == MIDDLE_RISK
            order = middle_risk(self.orders[SCORE], self.places[budget].sum()) if is_middle else self.orders[strategy]
            self._cells[key] = _cells(order, self.cluster, self.gains)
        return self._cells[key]

    def _filled(self, cells: Cells, budget: str, weights: NDArray[np.uint8]) -> Floats:
        reached, averted = np.zeros((2, len(weights), LANES))
        reach_loops.fill_places(cells, self.places[budget], weights, reached, averted)
        return np.vstack([reached.ravel(), averted.ravel()])


def _cells(order: Floats, cluster: NDArray[np.int32], gains: Floats) -> Cells:
    rows, clusters = len(order), int(cluster.max()) + 1
    room = Cells(
        np.zeros(rows + 1, dtype=np.int64), np.zeros(rows, dtype=np.int32), np.zeros(rows), np.zeros(rows), np.zeros(rows)
    )
    down = np.argsort(-order)  # the order within a tie changes nothing but the last digit
    steps, used = reach_loops.join_cells(down, order, cluster, gains, clusters, room)
    return Cells(room.bounds[: steps + 1], *(one[:used] for one in room[1:]))


def _blocks(clusters: int, comparing: Comparing) -> NDArray[np.uint8]:
    """Return the weights of clusters by block, cluster and lane."""
    drawn = weights_of_clusters(np.arange(clusters, dtype=np.int32), comparing.replicates, comparing.seed)
    blocks = -(-comparing.replicates // LANES)
    filled = np.zeros((clusters, blocks * LANES), dtype=np.uint8)
    filled[:, : comparing.replicates] = drawn
    return np.ascontiguousarray(filled.reshape(clusters, blocks, LANES).transpose(1, 0, 2))


def _check(targeted: Targeted) -> None:
    sizes: Sequence[Floats] = list(targeted.orders.values())
    is_whole = all(len(one) == len(targeted.label) and not np.isnan(one).any() for one in sizes)
    if SCORE not in targeted.orders or not is_whole:
        raise UsageError(
            message("A comparison needs the individual score and an order of every pupil by each strategy."),
            found=message("The score or some pupil's order is missing."),
            remedy=message("Score the whole cohort, and leave out a strategy that cannot order all."),
        )
