"""Who gets a place: a school supports as many pupils as it has places, those of highest score first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

WHOLE = "all"
"""Stands for "all schools together" where places are not shared out by school."""


@dataclass(frozen=True)
class Capacity:
    """How many places there are.

    ``places`` are those delivered, by ``school_id``; a school without a figure has ``share`` of its pupils,
    rounded up. With ``is_within_school`` off, the sum of all places goes to the highest scores of the whole
    country: how a ranking would do without walls between schools.
    """

    share: float = 0.10
    places: Mapping[str, int] = field(default_factory=dict)
    is_within_school: bool = True

    def by_school(self, school_id: pd.Series) -> dict[str, int]:
        """Return the places of each school in ``school_id`` (one entry per pupil), sorted by school.

        >>> Capacity(0.1, {"2": 5}).by_school(pd.Series(["1"] * 11 + ["2"] * 11))
        {'1': 2, '2': 5}
        """
        if not 0 < self.share <= 1 or any(places < 0 for places in self.places.values()):
            raise UsageError(
                message("A capacity must be a share above 0 and up to 1, or a number of places from 0 up."),
                found=message("Another number was given."),
                remedy=message("Correct the capacity in the settings or in the delivery."),
            )
        number, names = number_schools(school_id)
        # 0.1 × 30 must be three places, also where the product lies a hair above 3.
        by_school = {
            school: int(self.places.get(school, math.ceil(self.share * count - 1e-9)))
            for school, count in zip(names, np.bincount(number).tolist(), strict=True)
        }
        return by_school if self.is_within_school else {WHOLE: sum(by_school.values())}


def number_schools(school_id: pd.Series) -> tuple[NDArray[np.int32], list[str]]:
    """Return each pupil's school as a number into the list of their names, which rise; a categorical one is quickest.

    >>> number_schools(pd.Series(["b", "a", "b"]))
    (array([1, 0, 1], dtype=int32), ['a', 'b'])
    """
    is_coded = isinstance(school_id.dtype, pd.CategoricalDtype)
    number, found = pd.factorize(school_id if is_coded else school_id.astype(str))
    names = sorted(str(name) for name in found)
    place = {name: place for place, name in enumerate(names)}
    ordered = np.array([place[str(name)] for name in found], dtype=np.int32)
    return ordered[number] if len(number) else np.zeros(0, dtype=np.int32), names


def chance_of_place(raw_score: NDArray[np.float64], school_id: pd.Series, capacity: Capacity) -> NDArray[np.float64]:
    """Return each pupil's chance of a place, 0 to 1, in the order given.

    It is 1 above the cut and 0 below. Where several pupils tie at the cut, the places left are shared among
    them: the expectation over random order, never the order of rows.

    >>> chance_of_place(np.array([3.0, 1.0, 1.0, 0.0]), pd.Series(["1"] * 4), Capacity(places={"1": 2})).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    by_pool = capacity.by_school(school_id)
    number, names = number_schools(school_id)
    if not capacity.is_within_school:
        number, names = np.zeros_like(number), [WHOLE]
    places = np.array([by_pool[name] for name in names], dtype=np.float64)
    score = np.asarray(raw_score, dtype=np.float64)
    order = np.lexsort((-score, number))
    pool, down = number[order], score[order]
    first = np.searchsorted(pool, np.arange(len(names)))
    is_new = np.append(True, (pool[1:] != pool[:-1]) | (down[1:] != down[:-1]))[: len(pool)]
    begins = np.flatnonzero(is_new)
    tied = np.diff(np.append(begins, len(pool)))
    ahead = begins - first[pool[begins]]
    chance = np.empty(len(pool))
    chance[order] = np.repeat(np.clip((places[pool[begins]] - ahead) / tied, 0.0, 1.0), tied)
    return chance


def place_in_school(raw_score: NDArray[np.float64], school_id: pd.Series, pupil_id: pd.Series) -> NDArray[np.int64]:
    """Return each pupil's place in the school's order of need, from 1.

    A list on paper needs an order where scores tie: then it goes by pseudonym, which says nothing of a pupil.
    """
    frame = pd.DataFrame(
        {
            "school": school_id.astype(str).to_numpy(),
            "score": -np.asarray(raw_score, dtype=float),
            "pupil": pupil_id.astype(str).to_numpy(),
        }
    )
    frame = frame.sort_values(["school", "score", "pupil"])
    return np.asarray((frame.groupby("school").cumcount() + 1).sort_index().to_numpy(), dtype=np.int64)
