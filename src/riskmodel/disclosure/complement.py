"""Which further cells to hide, so that what is hidden stays hidden: one step after another, the cheapest first.

Publishing a table with a few cells left out and its margins gives the cells away. As long as a hidden cell can be moved over
less than ``n_min`` (:mod:`riskmodel.disclosure.exchange`), the way to one more leaf, or to the unit above, is opened by hiding the
cells that tell the two kinds apart there. The more a unit holds, the dearer it is to hide; the state is dearest.

>>> import numpy as np
>>> from riskmodel.disclosure.counted import Counted, Hierarchy, part_of
>>> schools = Hierarchy.of([("a", "all"), ("b", "all"), ("c", "all"), ("d", "all")])
>>> counted = Counted(part_of("x", "pupils", "x"), schools, np.array([[3, 97], [14, 86], [20, 80], [60, 90]]))
>>> protect(counted, Policy()).hidden[0].tolist()
[[False, True], [False, True], [False, True], [False, False]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmodel.disclosure.counted import Counted, Flags, primary
from riskmodel.disclosure.exchange import Pairs, Reach, Room, reach
from riskmodel.disclosure.policy import Policy

LEVEL_COST = 12.0
"""A unit of the next level costs so many times more to hide."""
HALF_COST_COUNT = 200.0
"""Of two cells of a level, the one with more pupils costs more; of one with so many, half as much more."""
NEVER = 1e12

Floats = NDArray[np.float64]


class UnprotectableError(ValueError):
    """No cell of a table can be shown beside what was decided before."""


@dataclass(frozen=True)
class Protected:
    """A table as it may be shown: its cells, and which of them are hidden (primary and complementary look alike)."""

    counted: Counted
    policy: Policy
    hidden: Flags
    primary: Flags


def protect(counted: Counted, policy: Policy) -> Protected:
    """Return what may be shown of a table: the primary cells hidden, and as many more as they need.

    Every hidden cell is then safe against whoever knows all the shown cells, and if the policy asks for it also
    against a leaf that knows its own.

    Raises
    ------
    UnprotectableError
        When what was decided before cannot be kept safe beside this table, whatever is hidden of it.
    """
    first, pairs = primary(counted, policy), Pairs(counted)
    hidden = [flags.copy() for flags in first]
    while True:
        now = reach(pairs, hidden)
        failing = unsafe(now, hidden, policy)
        if not any(level.any() for level in failing):
            return Protected(counted, policy, hidden, first)
        _Search(now, hidden, policy).hide_more(failing)


def unsafe(now: Reach, hidden: Flags, policy: Policy) -> Flags:
    """Return which hidden cells cannot be shown to be safe.

    A leaf that knows its own number of pupils may know another's small number as well, where only the two are hidden:
    of that other leaf it then must not learn more than that the part lies between none and all. Of wholes that were
    decided before, nothing is asked against a leaf.
    """
    counted = now.pairs.counted
    shown = counted.shown_levels()
    found = [level < policy.n_min for level in now.widths(hidden, without_a_leaf=False)]
    if policy.withstands_a_school:
        whole_of = counted.cut.whole_places()
        is_part = whole_of != np.arange(len(whole_of))
        wholes = [np.minimum(values[:, whole_of], policy.n_min) for values in counted.values()]
        for level, width in enumerate(now.widths(hidden, without_a_leaf=True)):
            asked = np.where(is_part, wholes[level], policy.n_min)
            found[level] |= width < np.where(counted.is_fixed() & ~is_part, 0, asked)
    return [flags & shown[level] & found[level] for level, flags in enumerate(hidden)]


@dataclass(frozen=True)
class _Step:
    """A way to give a unsafe cell more room: the units (level, place) whose cells are to be hidden, and its price."""

    cost: float
    hides: tuple[tuple[int, int], ...]
    apart: NDArray[np.bool_]
    top: tuple[int, int]


class _Place(NamedTuple):
    """A unit that has an unsafe cell, and the range over which that must be movable."""

    level: int
    unit: int
    needed: float


class _Search:
    """The search for the next steps from one state of the table."""

    def __init__(self, now: Reach, hidden: Flags, policy: Policy) -> None:
        self.pairs, self.hidden, self.policy = now.pairs, hidden, policy
        self.hierarchy = now.pairs.counted.hierarchy
        self.paths = self.hierarchy.paths()
        self.rooms = [
            now.room(level, without_a_leaf=policy.withstands_a_school) for level in range(self.hierarchy.depth)
        ]
        # levels: units × pairs, what it costs to open a unit for the pair
        self.prices = [price @ self.pairs.apart.T for price in self._cell_prices()]

    def hide_more(self, failing: Flags) -> None:
        """Take the best step for one unsafe cell under each closed unit."""
        taken: set[tuple[int, int]] = set()
        for level in range(self.hierarchy.depth):
            for unit, cell in np.argwhere(failing[level]):
                if self._is_under(taken, level, int(unit)):
                    continue
                step = self._best(level, int(unit), int(cell))
                taken.add(step.top)
                for at, place in step.hides:
                    self.hidden[at][place, step.apart] = True

    def _cell_prices(self) -> list[Floats]:
        """Return what it costs to hide each cell that is shown; 0 for a hidden one."""
        counted = self.pairs.counted
        prices = []
        for level, values in enumerate(counted.values()):
            price = LEVEL_COST**level * (1 + values / (values + HALF_COST_COUNT))
            price[:, counted.is_fixed()] = NEVER
            if level == 0 and counted.known is not None:
                price[counted.known] = NEVER
            price[self.hidden[level]] = 0.0
            prices.append(price)
        return prices

    def _is_under(self, taken: set[tuple[int, int]], level: int, unit: int) -> bool:
        while (level, unit) not in taken:
            if level + 1 == self.hierarchy.depth:
                return False
            level, unit = level + 1, int(self.hierarchy.parents[level][unit])
        return True

    def _best(self, level: int, unit: int, cell: int) -> _Step:
        """Return the cheapest step over all pairs of kinds that the cell tells apart."""
        at = _Place(level, unit, self._needed(level, unit, cell))
        steps = [self._step(at, int(pair)) for pair in np.flatnonzero(self.pairs.apart[:, cell])]
        found = [step for step in steps if step is not None]
        if not found:
            raise UnprotectableError("what was decided before cannot be kept safe beside this table")
        return min(found, key=lambda step: step.cost)

    def _needed(self, level: int, unit: int, cell: int) -> float:
        """Return the range that is looked for: of a leaf with fewer pupils than the threshold no other leaf, however many
        are opened, can be kept from knowing that its part is at most all of them.
        """
        if level or not self.policy.withstands_a_school:
            return float(self.policy.n_min)
        counted = self.pairs.counted
        whole = counted.cut.whole_places()[cell]
        return float(min(counted.values()[0][unit, whole], self.policy.n_min))

    def _step(self, at: _Place, pair: int) -> _Step | None:
        """Return the step that gives a unit more room for a pair: none where the open ones are enough, one more leaf where
        one is enough or all are, else the unit above."""
        level, unit, _ = at
        price = [prices[:, pair] for prices in self.prices]
        own_cost = float(price[level][unit])
        if own_cost >= NEVER:
            return None
        own = ((level, unit),) if own_cost > 0 else ()
        top = self._top(level, unit, price)
        found = self._one_more_leaf(at, pair, top, price)
        top_cost = float(price[top[0]][top[1]])
        if found is not None:
            cost, hides = found
        elif own or 0 < top_cost < NEVER:
            cost, hides = top_cost, ((top,) if top_cost > 0 else ())
        else:
            return None
        return _Step(cost + own_cost, (*own, *hides), self.pairs.apart[pair], top)

    def _top(self, level: int, unit: int, price: list[Floats]) -> tuple[int, int]:
        """Return the first closed unit above, or the root."""
        while level + 1 < self.hierarchy.depth:
            level, unit = level + 1, int(self.hierarchy.parents[level][unit])
            if price[level][unit] > 0:
                break
        return level, unit

    def _one_more_leaf(
        self, at: _Place, pair: int, top: tuple[int, int], price: list[Floats]
    ) -> tuple[float, tuple[tuple[int, int], ...]] | None:
        """Return price and units of the best closed leaf below ``top``; None when even all of them are not enough."""
        level, unit, needed = at
        below = [
            np.where(np.arange(len(part)) == unit, 0.0, part) if one == level else part
            for one, part in enumerate(price)
        ]
        way = np.sum([below[one][self.paths[one]] for one in range(top[0])], axis=0)
        is_below = self.paths[top[0]] == top[1]
        is_closed = bool(price[level][unit] > 0)
        room = self._room_once_open(at, pair, is_below & (way <= 0)) if is_closed else self._room(level, unit, pair)
        if is_closed and float(room.width()) >= needed:
            return 0.0, ()
        leaves = np.flatnonzero(is_below & (way > 0) & (way < NEVER))
        if not len(leaves):
            return None
        mass = self.pairs.masses[leaves, pair]
        is_inside = (self.paths[level][leaves] == unit) & (level > 0)
        everyone = _with(room, (mass * is_inside[:, None]).sum(axis=0), (mass * ~is_inside[:, None]).sum(axis=0))
        if float(everyone.width()) < needed:
            return None
        width = _with(room, mass * is_inside[:, None], mass * ~is_inside[:, None]).width()
        # One that is enough, by its price; else the one that brings most for its price.
        missing = np.maximum(needed - width, 0.0)
        score = way[leaves] * np.where(missing > 0, (1 + missing) * LEVEL_COST, 1.0)
        score = np.where((missing > 0) & (width <= room.width()), score * LEVEL_COST, score)
        best = int(np.argmin(score))
        hides = tuple(
            (one, int(self.paths[one][leaves[best]]))
            for one in range(top[0])
            if below[one][self.paths[one][leaves[best]]] > 0
        )
        return float(score[best]), hides

    def _room(self, level: int, unit: int, pair: int) -> Room:
        return Room(self.rooms[level].inside[unit, pair], self.rooms[level].outside[unit, pair])

    def _room_once_open(self, at: _Place, pair: int, is_open: NDArray[np.bool_]) -> Room:
        """Return the room that a closed unit would have with the leaves that are open already."""
        level, unit, _ = at
        is_inside = self.paths[level] == unit
        mass = self.pairs.masses[:, pair]
        others = mass[is_open & ~is_inside]
        outside = others.sum(axis=0)
        if level == 0 and self.policy.withstands_a_school:
            outside = outside - others.max(axis=0, initial=0.0)
        return Room(mass[is_open & is_inside].sum(axis=0), outside)


def _with(room: Room, inside: Floats, outside: Floats) -> Room:
    return Room(room.inside + inside, room.outside + outside)
