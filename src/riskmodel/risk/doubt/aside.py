"""Whether the places of pupils about whom a score says little are better given to the next: decided by past cohorts.

A pupil who is set aside is looked at by people without a number, and takes none of the places of the list; the next in
order does. That is done only where it has been shown to help: over at least :data:`FEWEST_COHORTS` past cohorts, more of
those with a place left, and the interval of the difference, drawn by schools, lies above 0. Else it is off, and such
pupils take their places as everybody does. Nobody who is set aside stands below a pupil of a lower score but those who
have a place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk.bootstrap import interval, weights_of_clusters
from riskmodel.risk.capacity import Capacity, chance_of_place, number_schools
from riskmodel.risk.doubt.sets import Flags, Floats

FEWEST_COHORTS = 2


@dataclass(frozen=True)
class Listed:
    """A past cohort as its list was made: log-odds, labels (NaN not known), schools, and who would have been set aside."""

    raw_score: Floats
    label: Floats
    school_id: pd.Series
    is_aside: Flags


@dataclass(frozen=True)
class Aside:
    """What setting aside would have done; ``gain`` is the share of leavers among those with a place, with it minus without it.

    ``places`` counts the places that would have gone to others. NaN where nothing could be measured.
    """

    is_on: bool
    cohorts: int
    places: float
    precision: float
    gain: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; null where not defined."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def judge(cohorts: Iterable[Listed], capacity: Capacity, replicates: int, seed: int) -> Aside:
    """Return whether setting aside helps, by past cohorts together."""
    counted: list[pd.DataFrame] = []
    places = 0.0
    for one in cohorts:
        plain = chance_of_place(one.raw_score, one.school_id, capacity)
        later = after_the_others(one.raw_score, one.is_aside)
        changed = chance_of_place(later, one.school_id, capacity) if one.is_aside.any() else plain
        places += float(np.sum(plain[one.is_aside] - changed[one.is_aside]))
        counted.append(_by_school(one, plain, changed))
    if not counted:
        return Aside(False, 0, 0.0, np.nan, np.nan, np.nan, np.nan)
    sums = pd.concat(counted).groupby(level=0).sum()
    own = _precisions(sums.to_numpy().sum(axis=0, keepdims=True))[0]
    drawn = weights_of_clusters(np.arange(len(sums), dtype=np.int32), replicates, seed)
    of_draws = _precisions(drawn.T.astype(np.float64) @ sums.to_numpy())
    low, high = interval(of_draws[:, 1] - of_draws[:, 0])
    is_on = len(counted) >= FEWEST_COHORTS and bool(low > 0)
    return Aside(is_on, len(counted), places, float(own[0]), float(own[1] - own[0]), low, high)


def after_the_others(raw_score: Floats, is_aside: Flags) -> Floats:
    """Return scores that put those set aside after all others, in their own order.

    >>> after_the_others(np.array([3.0, 1.0, 2.0]), np.array([True, False, False])).tolist()
    [0.0, 1.0, 2.0]
    """
    if not is_aside.any():
        return raw_score
    return np.where(is_aside, raw_score - (raw_score.max() - raw_score.min()) - 1.0, raw_score)


def order_with_aside(
    is_aside: Flags, places: NDArray[np.integer[Any]], school: NDArray[Any], place: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return places in the school's order of need, from 1, when the places of those set aside go to the next.

    Parameters
    ----------
    places
        Of the school of each pupil.
    place
        The order without setting aside (see :func:`riskmodel.risk.capacity.place_in_school`).

    First those with a place, by score; then all others by score, those set aside among them.

    >>> aside = np.array([True, False, False, False])
    >>> order_with_aside(aside, np.full(4, 2), np.zeros(4), np.array([1, 2, 3, 4])).tolist()
    [3, 1, 2, 4]
    """
    frame = pd.DataFrame({"school": school, "aside": is_aside, "place": place})
    by_need = frame.sort_values(["school", "aside", "place"])
    among = (by_need.groupby("school").cumcount() + 1).sort_index().to_numpy()
    has_place = ~is_aside & (among <= places)
    ordered = frame.assign(waits=~has_place).sort_values(["school", "waits", "place"])
    return np.asarray((ordered.groupby("school").cumcount() + 1).sort_index().to_numpy(), dtype=np.int64)


def _by_school(one: Listed, plain: Floats, changed: Floats) -> pd.DataFrame:
    """Return, by school, the places that count and the leavers among them, by the plain list and by the changed one."""
    known = ~np.isnan(one.label)
    number, names = number_schools(one.school_id)
    left = np.where(known, one.label, 0.0)
    columns = {
        f"{name}_{what}": np.bincount(number, chance * weight, len(names))
        for name, chance in (("plain", plain), ("changed", changed))
        for what, weight in (("given", known), ("left", left))
    }
    return pd.DataFrame(columns, index=names)


def _precisions(sums: Floats) -> Floats:
    """Return the share of leavers among the places by both lists, of each row of sums."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.column_stack([sums[:, 1] / sums[:, 0], sums[:, 3] / sums[:, 2]])
