"""Pupils of one cohort, counted by group: one pass over the pupils, and small sums from then on.

A group is one value of a trait, or one value of each of two traits. Every figure of a group is a quotient of sums over
its pupils, and the sums of all groups come from the same cells: pupils of one school who share all their traits.

>>> pupils = Audited.of(
...     pd.Series(["1", "1", "2", "2"]), np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0]),
...     np.full(4, 0.5), pd.DataFrame({"sex": ["f", "f", "m", "m"]}),
... )
>>> cells = Cells.of(pupils)
>>> partition = next(cells.partitions())
>>> partition.groups, partition.sums(cells.sums)[:, REACHED].tolist()
(('f', 'm'), [1.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.capacity import number_schools
from riskmodel.risk.fairness.subgroup import NO_DATA, numbered_groups

Real = NDArray[np.float64]
Whole = NDArray[np.int32]

PUPILS, LEFT, FLAGGED, REACHED, EXPECTED = range(5)
"""Columns of sums: pupils; those who left; those with a place; those who left and have one; the sum of probabilities."""

BETWEEN = "+"
"""Stands between the two traits, and the two values, of a pair."""


@dataclass(frozen=True)
class Audited:
    """The pupils of a cohort whose outcome is known, row by row.

    ``label`` is 0 or 1, ``chance`` that of a place (0 to 1, as
    :func:`riskmodel.risk.capacity.chance_of_place`), ``school`` a number below ``schools``. ``group`` holds a column per
    trait: numbers into ``names`` of that trait.
    """

    school: Whole
    schools: int
    label: Real
    chance: Real
    probability: Real
    traits: tuple[str, ...]
    group: NDArray[np.int32]
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, school_id: pd.Series, label: Real, chance: Real, probability: Real, traits: pd.DataFrame) -> Audited:
        """Return the pupils with an outcome; parameters row by row, ``label`` NaN where the outcome is censored.

        Schools are numbered among all pupils, also those without an outcome, as
        :func:`riskmodel.risk.bootstrap.replicates` does: draws of schools are the same.

        Raises
        ------
        UsageError
            For labels, chances or probabilities that are not 0 to 1, or rows that do not stand side by side.
        """
        known = ~np.isnan(label)
        _check(label[known], np.column_stack([chance[known], probability[known]]), len(label) == len(traits))
        school, names = number_schools(school_id)
        found = [numbered_groups(traits[trait]) for trait in traits.columns]
        group = np.column_stack([number for number, _ in found]) if found else np.zeros((len(label), 0))
        return cls(
            school=school[known],
            schools=len(names),
            label=label[known],
            chance=chance[known],
            probability=probability[known],
            traits=tuple(str(trait) for trait in traits.columns),
            group=group[known].astype(np.int32),
            names=tuple(tuple(groups) for _, groups in found),
        )


@dataclass(frozen=True)
class Partition:
    """The groups by one trait, or by two, of which each cell belongs to one (``number``; -1 to none)."""

    trait: str
    groups: tuple[str, ...]
    number: NDArray[np.int64]
    is_pair: bool

    def sums(self, of_cells: Real) -> Real:
        """Return groups × columns, the sums of cells × columns."""
        inside = self.number >= 0
        return np.column_stack(
            [np.bincount(self.number[inside], column[inside], len(self.groups)) for column in of_cells.T]
        )


@dataclass(frozen=True)
class Cells:
    """Pupils of one school who share all traits, counted together: ``sums`` are cells × the columns named above.

    ``cell`` is the cell of each pupil, ``school`` the school of each cell, ``group`` its number by each trait.
    """

    pupils: Audited
    cell: NDArray[np.int64]
    school: Whole
    group: NDArray[np.int32]
    sums: Real

    @classmethod
    def of(cls, pupils: Audited) -> Cells:
        """Return the cells of these pupils."""
        code = pupils.school.astype(np.int64)
        for column, names in zip(pupils.group.T, pupils.names, strict=True):
            code = code * len(names) + column
            # Numbered anew: many traits of many values would overflow.
            code = np.unique(code, return_inverse=True)[1] if code.size and code.max() > _LARGE else code
        _, first, cell = np.unique(code, return_index=True, return_inverse=True)
        empty = cls(pupils, cell, pupils.school[first], pupils.group[first], np.zeros((len(first), 0)))
        columns = (
            np.ones(len(cell)),
            pupils.label,
            pupils.chance,
            pupils.label * pupils.chance,
            pupils.probability,
        )
        return cls(pupils, cell, empty.school, empty.group, empty.summed(columns))

    def summed(self, of_pupils: tuple[Real, ...]) -> Real:
        """Return cells × columns, the sums of columns that stand pupil by pupil."""
        cells = len(self.school)
        return np.column_stack([np.bincount(self.cell, column, cells) for column in of_pupils])

    def partitions(self) -> Iterator[Partition]:
        """Yield the groups by each trait, and then by each pair of traits.

        A group of a pair has pupils, and both traits are known of them. A trait with one group is left out.
        """
        names = self.pupils.names
        traits = [place for place, groups in enumerate(names) if len(groups) > 1]
        for place in traits:
            yield Partition(self.pupils.traits[place], names[place], self.group[:, place].astype(np.int64), False)
        for one, other in combinations(traits, 2):
            yield self._pair(one, other)

    def _pair(self, one: int, other: int) -> Partition:
        names = self.pupils.names
        code = self.group[:, one].astype(np.int64) * len(names[other]) + self.group[:, other]
        is_known = np.ones(len(code), dtype=bool)
        for place in (one, other):
            if NO_DATA in names[place]:
                is_known &= self.group[:, place] != names[place].index(NO_DATA)
        used = np.unique(code[is_known])
        number = np.where(is_known, np.searchsorted(used, code), -1)
        groups = tuple(
            BETWEEN.join((names[one][at // len(names[other])], names[other][at % len(names[other])])) for at in used
        )
        return Partition(BETWEEN.join((self.pupils.traits[one], self.pupils.traits[other])), groups, number, True)


_LARGE = 1 << 40


def _check(label: Real, shares: Real, is_beside: bool) -> None:
    if is_beside and np.isin(label, (0.0, 1.0)).all() and ((shares >= 0) & (shares <= 1)).all():
        return
    raise UsageError(
        message(
            "An audit needs, pupil by pupil, a label of 0 or 1, a chance of a place and a probability from 0 to 1."
        ),
        found=message("Some are missing or of another value, or the traits are of other pupils."),
        remedy=message("Score every pupil of the cohort, and give the traits of the same pupils in the same order."),
    )
