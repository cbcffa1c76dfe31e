"""How far a hidden cell can be from its true value: by pupils who change places without any shown cell changing.

Take two leaves and two kinds, a and b. One leaf gets d more of a and d fewer of b, the other the opposite. Every cell that
holds both kinds, or both leaves, stays as it is; so the two tables look the same if all cells that tell a from b are hidden
in both leaves and in the units above them up to the first that holds both. How large d may be is limited by the pupils who
are there. A hidden cell for which such exchanges reach down and up over at least ``n_min`` is safe: there *are* tables of
whole numbers, with all the shown cells, in which it has those values. No attacker who knows only what is shown can do
better, whether by linear programming or by counting. The proof does not ask that the exchanges be all there is; it
may hide a little more than needed, and never less.

"Nobody" is a kind as well: where the number of pupils itself is hidden, a pupil may have been in the other leaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from riskmodel.disclosure.counted import Counted, Flags

NOBODY_COUNT = 1e9
"""So many "nobodies" are in every leaf."""
BEYOND = 1e14
"""Beyond a hidden root there is no limit."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """The pairs of kinds of a table, in columns: what each pair's kinds come to in each leaf, and which cells tell them apart.

    ``kinds`` are pairs × 2 places in the cut; the number of kinds stands for "nobody".
    """

    counted: Counted

    @cached_property
    def kinds(self) -> NDArray[np.intp]:
        """Pairs × 2."""
        count = len(self.counted.cut.kinds)
        return np.array([(one, other) for one in range(count) for other in range(one + 1, count + 1)], dtype=np.intp)

    @cached_property
    def apart(self) -> NDArray[np.bool_]:
        """Pairs × cells: which cells hold exactly one of the two kinds."""
        sets = [{self.counted.cut.kinds.index(kind) for kind in kinds} for kinds in self.counted.cut.cells.values()]
        return np.array([[(one in held) != (other in held) for held in sets] for one, other in self.kinds.tolist()])

    @cached_property
    def masses(self) -> Floats:
        """Leaves × pairs × 2: pupils of each kind, where pupils of both can be."""
        counts = np.pad(self.counted.counts.astype(np.float64), ((0, 0), (0, 1)), constant_values=NOBODY_COUNT)
        found: Floats = counts[:, self.kinds]
        if self.counted.able is not None:
            able: NDArray[np.bool_] = np.pad(self.counted.able, ((0, 0), (0, 1)), constant_values=True)
            both = able[:, self.kinds[:, 0]] & able[:, self.kinds[:, 1]]
            found = np.where(both[:, :, None], found, 0.0)
        return found

    @cached_property
    def with_nobody(self) -> NDArray[np.intp]:
        """For each pair and each of its kinds: the place of the pair of that kind and nobody."""
        count = len(self.counted.cut.kinds)
        place = {int(one): at for at, (one, other) in enumerate(self.kinds) if other == count}
        return np.array([[place.get(int(kind), -1) for kind in pair] for pair in self.kinds], dtype=np.intp)

    @cached_property
    def is_of_people(self) -> NDArray[np.bool_]:
        """Which pairs do not hold "nobody"."""
        found: NDArray[np.bool_] = self.kinds[:, 1] < len(self.counted.cut.kinds)
        return found


@dataclass(frozen=True)
class Room:
    """What the units of one level can exchange, units × pairs × 2 kinds: pupils inside, and outside of them."""

    inside: Floats
    outside: Floats

    def width(self) -> Floats:
        """Return how far down and up the number of pupils of the first kind can be moved, together: units × pairs."""
        down = np.minimum(self.inside[..., 0], self.outside[..., 1])
        up = np.minimum(self.inside[..., 1], self.outside[..., 0])
        return down + up


@dataclass(frozen=True)
class Reach:
    """With which pupils each unit can exchange, given what is hidden.

    For each level units × pairs × 2: ``inside`` are the pupils whose way out of the unit is open; ``around`` those of all
    that it can exchange with, its own among them; ``largest`` and ``second`` the leaves that hold most of these.
    """

    pairs: Pairs
    is_open: list[NDArray[np.bool_]]
    inside: list[Floats]
    around: list[Floats]
    largest: list[Floats]
    second: list[Floats]

    def room(self, level: int, *, without_a_leaf: bool) -> Room:
        """Return the room of the units of a level.

        Where the number of pupils is hidden, a unit that lacks pupils of one kind to exchange can first get some from
        another unit: they are added to those inside.
        """
        outside = self._outside(level, without_a_leaf=without_a_leaf)
        place = self.pairs.with_nobody
        got = np.stack([outside[:, place[:, 0], 0], outside[:, place[:, 1], 0]], axis=2)
        is_helped = self.is_open[level] & self.pairs.is_of_people
        return Room(self.inside[level] + np.where(is_helped[:, :, None], got, 0.0), outside)

    def _outside(self, level: int, *, without_a_leaf: bool) -> Floats:
        rest = self.around[level] - self.inside[level]
        if without_a_leaf and level == 0:
            rest -= np.where(self.inside[0] >= self.largest[0], self.second[0], self.largest[0])
        return np.maximum(rest, 0.0)

    def widths(self, hidden: Flags, *, without_a_leaf: bool) -> list[Floats]:
        """Return, level by level (units × cells), over what range each hidden cell can surely be moved; 0 for a shown one.

        Parameters
        ----------
        hidden
            What the reach was made from.
        without_a_leaf
            One leaf that the attacker knows takes no part: the range is that for the worst such leaf. Leaves only.
        """
        apart = self.pairs.apart
        found = []
        for level, flags in enumerate(hidden):
            width = self.room(level, without_a_leaf=without_a_leaf).width()
            of_cells = np.stack([width[:, of_pair].max(axis=1) for of_pair in apart.T], axis=1)
            found.append(np.where(flags, of_cells, 0.0))
        return found


def reach(pairs: Pairs, hidden: Flags) -> Reach:
    """Return with whom each unit can exchange: first up, then down from the first closed unit above each."""
    hierarchy = pairs.counted.hierarchy
    is_open = [_all_hidden(flags, pairs.apart) for flags in hidden]
    total, first, second = [pairs.masses], [pairs.masses], [np.zeros_like(pairs.masses)]
    for parent, opened in zip(hierarchy.parents, is_open, strict=False):
        gate = opened[:, :, None]
        order, start = _grouped(parent)
        mass = np.where(gate, total[-1], 0.0)[order]
        top, next_one = np.where(gate, first[-1], 0.0)[order], np.where(gate, second[-1], 0.0)[order]
        most = np.maximum.reduceat(top, start)
        is_most = top == most[parent[order]]
        has_two = np.add.reduceat(is_most, start, dtype=np.int64) > 1
        runner_up = np.maximum.reduceat(np.where(is_most, next_one, top), start)
        total.append(np.add.reduceat(mass, start))
        first.append(most)
        second.append(np.where(has_two, most, runner_up))
    inside = [np.where(opened[:, :, None], part, 0.0) for opened, part in zip(is_open, total, strict=True)]
    is_root_open = is_open[-1][:, :, None]
    total[-1] = np.where(is_root_open, BEYOND, total[-1])
    for tops in (first, second):
        tops[-1] = np.where(is_root_open, 0.0, tops[-1])
    found = [(np.where(is_root_open, BEYOND, 0.0) + inside[-1], first[-1], second[-1])]
    seen = (total[-1], first[-1], second[-1])
    for level in range(hierarchy.depth - 2, -1, -1):
        gate = is_open[level][:, :, None]
        mass, top, next_one = (part[hierarchy.parents[level]] for part in seen)
        found.append((np.where(gate, mass, 0.0), top, next_one))
        seen = (
            np.where(gate, mass, total[level]),
            np.where(gate, top, first[level]),
            np.where(gate, next_one, second[level]),
        )
    around, largest, runners_up = (list(part) for part in zip(*found[::-1], strict=True))
    return Reach(pairs, is_open, inside, around, largest, runners_up)


def _all_hidden(flags: NDArray[np.bool_], apart: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return units × pairs: whether every cell that tells the two kinds apart is hidden."""
    shown = (~flags).astype(np.int64) @ apart.T.astype(np.int64)
    found: NDArray[np.bool_] = shown == 0
    return found


def _grouped(parent: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the order in which children of one parent stand together, and where each parent's begin."""
    order = np.argsort(parent, kind="stable")
    return order, np.searchsorted(parent[order], np.arange(parent.max(initial=0) + 1))
