"""A table of counts as it is declared for release: units in levels, kinds of pupils, and the sums that are shown.

Every pupil is of one *kind* and belongs to one *leaf* (a school). A *cell* is the number of pupils of some kinds in a unit
of some level. All cells are sums of the same atoms, leaf × kind, and so is all that anybody can work out from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from riskmodel.disclosure.policy import Policy

Flags = list[NDArray[np.bool_]]
"""For each level from the leaves to the root: units × cells."""


@dataclass(frozen=True)
class Hierarchy:
    """Units in levels, from the leaves (level 0) to the one root: schools, municipalities, regions, state.

    ``codes`` are the units of each level; ``parents`` say, for each level but the last, the place of each unit's parent
    in the next level.
    """

    codes: tuple[tuple[str, ...], ...]
    parents: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(cls, paths: Sequence[Sequence[str]]) -> Self:
        """Return the hierarchy of leaves that are named with all units above them, leaf first and root last.

        Raises
        ------
        ValueError
            When a leaf stands twice, a unit has two parents, or there is more than one root.

        >>> Hierarchy.of([("a", "m1", "all"), ("b", "m1", "all"), ("c", "m2", "all")]).codes
        (('a', 'b', 'c'), ('m1', 'm2'), ('all',))
        """
        levels = list(zip(*paths, strict=True))
        codes = [tuple(dict.fromkeys(level)) for level in levels]
        if len(codes[0]) != len(paths):
            raise ValueError("a leaf stands twice")
        if len(codes[-1]) != 1:
            raise ValueError("there must be one root")
        parents = []
        for below, above, own, next_codes in zip(levels, levels[1:], codes, codes[1:], strict=False):
            found = dict(zip(below, above, strict=True))
            if any(found[one] != other for one, other in zip(below, above, strict=True)):
                raise ValueError("a unit has two parents")
            place = {code: number for number, code in enumerate(next_codes)}
            parents.append(np.array([place[found[code]] for code in own], dtype=np.intp))
        return cls(tuple(codes), tuple(parents))

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return len(self.codes)

    def sums(self, of_leaves: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the sums of a leaves × columns array at every level, the leaves' own first."""
        found = [of_leaves]
        for level, parent in enumerate(self.parents):
            above = np.zeros((len(self.codes[level + 1]), of_leaves.shape[1]))
            np.add.at(above, parent, found[-1])
            found.append(above)
        return found

    def paths(self) -> NDArray[np.intp]:
        """Return levels × leaves: the place of each leaf's ancestor at each level."""
        found = [np.arange(len(self.codes[0]), dtype=np.intp)]
        for parent in self.parents:
            found.append(parent[found[-1]])
        return np.array(found)


@dataclass(frozen=True)
class Cut:
    """A declared cut: the kinds of pupils that it tells apart, and the cells that are shown of each unit.

    Parameters
    ----------
    code
        Its name in the ledger.
    kinds
        What each pupil is one of.
    cells
        Kinds that each cell sums, by the name of the cell.
    wholes
        The cell of which each is a part; a cell that is not named here is its own whole.
    levels
        On which levels a cell is shown; a cell that is not named here is shown on all.
    """

    code: str
    kinds: tuple[str, ...]
    cells: Mapping[str, tuple[str, ...]]
    wholes: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cells in their order."""
        return tuple(self.cells)

    def members(self) -> NDArray[np.bool_]:
        """Return cells × kinds: which kinds each cell sums."""
        return np.array([[kind in kinds for kind in self.kinds] for kinds in self.cells.values()], dtype=bool)

    def whole_places(self) -> NDArray[np.intp]:
        """Return the place of each cell's whole among the cells."""
        return np.array([self.names.index(self.wholes.get(name, name)) for name in self.names], dtype=np.intp)


def part_of(code: str, whole: str, part: str) -> Cut:
    """Return the usual cut: how many pupils there are, and how many of them are something.

    >>> part_of("identified", "pupils", "identified").cells
    {'pupils': ('identified', 'other'), 'identified': ('identified',)}
    """
    return Cut(code, (part, "other"), {whole: (part, "other"), part: (part,)}, {part: whole})


@dataclass(frozen=True)
class Counted:
    """Counts of a cut over a hierarchy: whole numbers from 0, leaves × kinds.

    Parameters
    ----------
    cut, hierarchy, counts
        What is counted, where, and the numbers.
    able
        Leaves × kinds: where such pupils can be at all, as everybody knows (a primary school has no 11th grade). None:
        everywhere.
    known
        Leaves whose figures are everybody's knowledge and no secret; they are never hidden. None: no leaf.
    given
        For each cell named: what was decided of it before, level by level (True: hidden). It stays as it is. Where it is
        hidden, all cells of the unit are hidden, but for a "none" where the policy does not call that small.
    """

    cut: Cut
    hierarchy: Hierarchy
    counts: NDArray[np.int64]
    able: NDArray[np.bool_] | None = None
    known: NDArray[np.bool_] | None = None
    given: Mapping[str, Sequence[NDArray[np.bool_]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.hierarchy.codes[0]), len(self.cut.kinds))
        if self.counts.shape != shape or (self.counts < 0).any():
            raise ValueError(f"counts must be whole numbers from 0 in an array of shape {shape}")

    def values(self) -> list[NDArray[np.int64]]:
        """Return the cells level by level: units × cells."""
        of_leaves = (self.counts @ self.cut.members().T).astype(np.float64)
        return [np.rint(level).astype(np.int64) for level in self.hierarchy.sums(of_leaves)]

    def shown_levels(self) -> NDArray[np.bool_]:
        """Return levels × cells: which cells are shown on which level."""
        depth = self.hierarchy.depth
        return np.array(
            [
                [level in self.cut.levels.get(name, tuple(range(depth))) for name in self.cut.names]
                for level in range(depth)
            ],
            dtype=bool,
        )

    def is_fixed(self) -> NDArray[np.bool_]:
        """Return which cells were decided before."""
        return np.array([name in self.given for name in self.cut.names], dtype=bool)


def primary(counted: Counted, policy: Policy) -> Flags:
    """Return which cells are hidden because they, their whole, or the rest of their whole are small.

    A cell that is not shown on a level counts as hidden there: nobody learns it.

    >>> counted = Counted(part_of("x", "pupils", "x"), Hierarchy.of([("a", "all"), ("b", "all")]), np.array([[3, 40], [12, 8]]))
    >>> [level.tolist() for level in primary(counted, Policy())]
    [[[False, True], [False, True]], [[False, False]]]
    """
    whole_of, is_fixed, is_shown = counted.cut.whole_places(), counted.is_fixed(), counted.shown_levels()
    is_part = whole_of != np.arange(len(whole_of))
    hidden = []
    for level, values in enumerate(counted.values()):
        wholes = values[:, whole_of]
        is_sayable = is_part & (values == 0) & (not policy.is_zero_small)  # "none" of however few
        small = _is_small(values, policy) | (wholes < policy.n_min)
        small |= is_part & _is_small(wholes - values, policy)
        small[:, is_fixed] = False
        for name, flags in counted.given.items():
            small |= flags[level][:, None]
            small[:, counted.cut.names.index(name)] = flags[level]
        small &= ~is_sayable
        if level == 0 and counted.known is not None:
            small[np.ix_(counted.known, ~is_fixed)] = False
        hidden.append(small | ~is_shown[level])
    return hidden


def _is_small(values: NDArray[np.int64], policy: Policy) -> NDArray[np.bool_]:
    small: NDArray[np.bool_] = values < policy.n_min
    return small if policy.is_zero_small else small & (values > 0)
