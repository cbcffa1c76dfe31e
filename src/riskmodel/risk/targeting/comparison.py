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
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk import ranking_loops
from riskmodel.risk.bootstrap import FEW_POOLS, best_cluster, interval, weights_of_clusters
from riskmodel.risk.bootstrap_loops import LANES
from riskmodel.risk.capacity import Capacity, number_schools
from riskmodel.risk.targeting import reach_loops
from riskmodel.risk.targeting.reach_loops import Cells
from riskmodel.risk.targeting.strategies import MIDDLE_RISK, SCORE, SCORE_IN_SCHOOL, STRATEGIES, mean_rank, middle_risk
from riskmodel.risk.targeting.verdicts import WORTH_SHARE, verdict_of
from riskmodel.tables.worth import TARGETING

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
    drawn_averted: Floats | None


def compare(targeted: Targeted, comparing: Comparing | None = None) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.worth.TARGETING`: the state, then each municipality by code.

    Raises
    ------
    UsageError
        When there is no score, or an order is missing for somebody.
    """
    comparing = comparing or Comparing()
    _check(targeted)
    whole = _Whole.of(targeted, comparing)
    rows = [row for area in areas_of(targeted) for row in _area_rows(whole, area)]
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


@dataclass(frozen=True)
class _Whole:
    """All pupils with the number of their school, and the places of each school by budget."""

    targeted: Targeted
    comparing: Comparing
    school: NDArray[np.int32]
    places: Mapping[str, Floats]

    @classmethod
    def of(cls, targeted: Targeted, comparing: Comparing) -> _Whole:
        school, names = number_schools(targeted.school_id)
        by_budget = {code: capacity.by_school(targeted.school_id) for code, capacity in comparing.budgets.items()}
        places = {code: np.array([own[name] for name in names], dtype=np.float64) for code, own in by_budget.items()}
        return cls(targeted, comparing, school, places)


def _area_rows(whole: _Whole, area: Area) -> Iterator[Row]:
    """Yield the rows of one area: for each budget every strategy, the score first."""
    targeted, comparing = whole.targeted, whole.comparing
    own = _Area.of(whole, area)
    for code in comparing.budgets:
        places = int(own.places[code].sum().round())
        key = (targeted.cohort_on, area.kind, area.code, code)
        size = (len(area.rows), own.left, places, own.drawn_code)
        if not own.is_enough:
            for strategy in own.strategies:
                yield (*key, strategy, *size, *[np.nan] * 10, None if strategy == SCORE else "too_few")
            continue
        score = own.reached(SCORE, code)
        for strategy in own.strategies:
            found = score if strategy == SCORE else own.reached(strategy, code)
            yield (*key, strategy, *size, *_figures(own, found, score, is_score=strategy == SCORE))


def _figures(own: _Area, found: Reached, score: Reached, *, is_score: bool) -> Row:
    gain: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    averted, verdict = gain, None
    if not is_score:
        gain = (score.share - found.share, *interval(score.drawn - found.drawn))
        verdict = verdict_of(gain[1], gain[2], own.worth_share)
    if found.drawn_averted is not None:
        low, high = interval(found.drawn_averted)
        averted = (own.left * found.averted_share, own.left * low, own.left * high)
    return (own.left * found.share, found.share, *interval(found.drawn), *gain, *averted, verdict)


@dataclass
class _Area:
    """The pupils of an area, ready to be shared out: rows numbered from 0, clusters with their places by budget.

    ``weights``, by block, cluster and lane, begin with a lane of ones: the area as it is.
    """

    orders: Mapping[str, Floats]
    gains: Floats
    school: NDArray[np.int32]
    school_places: Mapping[str, Floats]
    cluster: NDArray[np.int32]
    places: Mapping[str, Floats]
    drawn_code: str
    replicates: int
    seed: int
    worth_share: float
    has_averted: bool

    @classmethod
    def of(cls, whole: _Whole, area: Area) -> _Area:
        targeted, comparing = whole.targeted, whole.comparing
        schools, inverse = np.unique(whole.school[area.rows], return_inverse=True)
        school = inverse.astype(np.int32)
        places = {code: own[schools] for code, own in whole.places.items()}
        drawn_code = best_cluster(pd.Series(schools))
        cluster, of_cluster = school, places
        if drawn_code == "pupil":
            share = 1.0 / np.bincount(school)[school]
            cluster = np.arange(len(school), dtype=np.int32)
            of_cluster = {code: own[school] * share for code, own in places.items()}
        averted = np.zeros(len(area.rows)) if targeted.averted is None else targeted.averted[area.rows]
        return cls(
            orders={code: order[area.rows] for code, order in targeted.orders.items()},
            gains=np.vstack([np.nan_to_num(targeted.label[area.rows]), averted]),
            school=school,
            school_places=places,
            cluster=cluster,
            places=of_cluster,
            drawn_code=drawn_code,
            replicates=comparing.replicates,
            seed=comparing.seed,
            worth_share=comparing.worth_share,
            has_averted=targeted.averted is not None,
        )

    def __post_init__(self) -> None:
        self._cells: dict[tuple[str, str], Cells] = {}

    @property
    def left(self) -> int:
        """How many left."""
        return int(self.gains[0].sum())

    @property
    def is_enough(self) -> bool:
        """Whether figures are given: enough leavers, and schools to choose between."""
        return self.left >= FEWEST_LEFT and len(next(iter(self.school_places.values()))) > 1

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies whose orders are given."""
        made_of_score = (SCORE, SCORE_IN_SCHOOL, MIDDLE_RISK)
        return tuple(code for code in STRATEGIES if code in self.orders or code in made_of_score)

    def reached(self, strategy: str, budget: str) -> Reached:
        """Return what a strategy reaches with the places of a budget."""
        if strategy == SCORE_IN_SCHOOL:
            return self._as_shares(self._kept_in_schools(budget))
        room = np.zeros((2, *self._weights.shape[::2]))
        reach_loops.fill_places(self._cells_of(strategy, budget), self.places[budget], self._weights, room[0], room[1])
        return self._as_shares(room.reshape(2, -1))

    def _kept_in_schools(self, budget: str) -> Floats:
        order, chance = self.orders[SCORE], np.empty(len(self.school))
        ranking_loops.share_places(self._by_school, order, self.school, self.school_places[budget], chance)
        sums = [np.bincount(self.cluster, chance * gain, self._clusters) for gain in self.gains]
        return self._weighed(np.vstack(sums).astype(np.float64))

    @cached_property
    def _by_school(self) -> NDArray[np.int32]:
        school = self.school.astype(np.int16) if len(self.school) and self.school.max() < FEW_POOLS else self.school
        down = np.argsort(-self.orders[SCORE]).astype(np.int32)
        return down[np.argsort(school[down], kind="stable")]

    @cached_property
    def _rank(self) -> Floats:
        return mean_rank(self.orders[SCORE])

    @property
    def _clusters(self) -> int:
        return int(self.cluster.max()) + 1

    @cached_property
    def _weights(self) -> NDArray[np.uint8]:
        drawn = weights_of_clusters(np.arange(self._clusters, dtype=np.int32), self.replicates, self.seed)
        blocks = -(-(1 + self.replicates) // LANES)
        filled = np.zeros((self._clusters, blocks * LANES), dtype=np.uint8)
        filled[:, 0], filled[:, 1 : 1 + self.replicates] = 1, drawn
        return np.ascontiguousarray(filled.reshape(self._clusters, blocks, LANES).transpose(1, 0, 2))

    @cached_property
    def _drawn_left(self) -> Floats:
        left: Floats = np.bincount(self.cluster, self.gains[0], self._clusters).astype(np.float64)
        return self._weighed(left[None, :]).ravel()

    def _weighed(self, sums: Floats) -> Floats:
        """Return sums of clusters (rows: what is summed), weighed by each draw (columns)."""
        by_block = [sums @ block.astype(np.float64) for block in self._weights]
        return np.hstack(by_block)

    def _as_shares(self, drawn: Floats) -> Reached:
        with np.errstate(divide="ignore", invalid="ignore"):  # a draw without leavers has no share
            reached, averted = (drawn / self._drawn_left)[:, : 1 + self.replicates]
        return Reached(
            share=float(reached[0]),
            averted_share=float(averted[0]),
            drawn=reached[1:],
            drawn_averted=averted[1:] if self.has_averted else None,
        )

    def _cells_of(self, strategy: str, budget: str) -> Cells:
        is_middle = strategy == MIDDLE_RISK
        key = (strategy, budget if is_middle else "")
        if key not in self._cells:
            # Those of schools are whole: shares of them by pupil would move the middle by the last bit, and with it all ties.
            order = middle_risk(self._rank, self.school_places[budget].sum()) if is_middle else self.orders[strategy]
            self._cells[key] = _cells(order, self.cluster, self.gains)
        return self._cells[key]


def _cells(order: Floats, cluster: NDArray[np.int32], gains: Floats) -> Cells:
    rows, clusters = len(order), int(cluster.max()) + 1
    room = Cells(
        np.zeros(rows + 1, dtype=np.int64),
        np.zeros(rows, dtype=np.int32),
        np.zeros(rows),
        np.zeros(rows),
        np.zeros(rows),
    )
    down = np.argsort(-order)  # the order within a tie changes nothing but the last digit
    steps, used = reach_loops.join_cells(down, order, cluster, gains, clusters, room)
    _, own, pupils, left, averted = room
    return Cells(room.bounds[: steps + 1], own[:used], pupils[:used], left[:used], averted[:used])


def _check(targeted: Targeted) -> None:
    sizes: Sequence[Floats] = list(targeted.orders.values())
    is_whole = all(len(one) == len(targeted.label) and not np.isnan(one).any() for one in sizes)
    if SCORE not in targeted.orders or not is_whole:
        raise UsageError(
            message("A comparison needs the individual score and an order of every pupil by each strategy."),
            found=message("The score or some pupil's order is missing."),
            remedy=message("Score the whole cohort, and leave out a strategy that cannot order all."),
        )
