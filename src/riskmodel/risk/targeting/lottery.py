"""A lottery where more pupils need support than there are places and their scores are too near to choose by.

In each school the eligible stand by their probability of leaving. The *cut* is that of the last one for whom there would be a
place. Who lies above it by more than the band's width is *certain* of a place; who lies within the width of it, above or below, is
*in the band*, and there lots are drawn for the places that are left; the others get none. A width of 0 leaves the lot to those who
tie exactly. The chance of a place is the same for all in one school's band, and is kept for the analysis.

A lot is drawn from a secret seed and the pupil's pseudonym alone (HMAC-SHA-256). The seed's SHA-256 is published before lots are drawn
and the seed itself with the result, so that anybody who may see the pupils can draw again and finds the same.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

Floats = NDArray[np.float64]

CERTAIN, IN_BAND, NO_PLACE = "certain", "in_band", "no_place"
STATES = (CERTAIN, IN_BAND, NO_PLACE)

SEED = re.compile("[0-9a-f]{64}")
"""A secret seed is 32 bytes, written in hexadecimal."""

POWER_80 = 2.8
"""An effect of so many standard errors is found in 80 of 100 lotteries, at a level of 5 %."""


@dataclass(frozen=True)
class Band:
    """Who is eligible, and how near to the cut lots decide: both as probabilities."""

    eligible_from: float
    width: float

    def __post_init__(self) -> None:
        """Refuse numbers that are no probability."""
        if not (0 <= self.eligible_from <= 1 and 0 <= self.width <= 1):
            raise UsageError(
                message("The lowest probability of the eligible and the width of the band are numbers from 0 to 1."),
                found=message("One of them is not."),
                remedy=message("Correct it: 0.02 stands for two points."),
            )


def stand(pupils: pd.DataFrame, places: Mapping[str, int], band: Band) -> pd.DataFrame:
    """Return the eligible with ``state_code`` and ``chance``, by ``school_id`` and ``pupil_id``.

    Parameters
    ----------
    pupils
        ``pupil_id``, ``school_id`` and ``probability``, each pupil once.
    places
        By school; a school that is not in it has none.
    band
        Who is eligible, and the width.

    >>> pupils = pd.DataFrame({"pupil_id": list("abcd"), "school_id": ["1"] * 4, "probability": [0.9, 0.5, 0.5, 0.1]})
    >>> stand(pupils, {"1": 2}, Band(0.2, 0.0))["chance"].tolist()
    [1.0, 0.5, 0.5]

    Raises
    ------
    UsageError
        When a pupil stands twice, a probability is missing, or places are below 0.
    """
    probability = pupils["probability"].to_numpy(dtype=np.float64)
    if pupils["pupil_id"].duplicated().any() or np.isnan(probability).any() or any(one < 0 for one in places.values()):
        raise UsageError(
            message("A lottery needs each pupil once, with a probability, and places from 0 up."),
            found=message("A pupil stands twice or has no probability, or places are below 0."),
            remedy=message("Give the scores of one run, and correct the places."),
        )
    eligible = pupils.loc[probability >= band.eligible_from, ["pupil_id", "school_id", "probability"]]
    eligible = eligible.astype({"school_id": str, "pupil_id": str}).sort_values(
        ["school_id", "pupil_id"], ignore_index=True
    )
    states = np.full(len(eligible), NO_PLACE, dtype=object)
    chance = np.zeros(len(eligible))
    for school, rows in eligible.groupby("school_id").indices.items():
        own = eligible["probability"].to_numpy(dtype=np.float64)[rows]
        states[rows], chance[rows] = _of_school(own, places.get(str(school), 0), band.width)
    return eligible.assign(state_code=states, chance=chance)


def _of_school(probability: Floats, places: int, width: float) -> tuple[NDArray[np.object_], Floats]:
    if places >= len(probability):
        return np.full(len(probability), CERTAIN, dtype=object), np.ones(len(probability))
    if places == 0:
        return np.full(len(probability), NO_PLACE, dtype=object), np.zeros(len(probability))
    cut = np.sort(probability)[::-1][places - 1]
    is_certain = probability > cut + width
    is_in_band = ~is_certain & (probability >= cut - width)
    left = places - int(is_certain.sum())
    if left == int(is_in_band.sum()):
        is_certain, is_in_band = is_certain | is_in_band, np.zeros(len(probability), dtype=bool)
    states = np.select([is_certain, is_in_band], [CERTAIN, IN_BAND], NO_PLACE).astype(object)
    share = left / max(int(is_in_band.sum()), 1)
    return states, np.select([is_certain, is_in_band], [1.0, share], 0.0)


def commitment_of(seed: str) -> str:
    """Return the SHA-256 of a secret seed: what is published before lots are drawn.

    >>> commitment_of("00" * 32)[:16]
    '66687aadf862bd77'
    """
    if not SEED.fullmatch(seed):
        raise UsageError(
            message("The seed of a lottery is 32 bytes, written in 64 hexadecimal digits."),
            found=message("It is not."),
            remedy=message("Let the command draw one."),
        )
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def draw(standing: pd.DataFrame, seed: str, name: str) -> pd.DataFrame:
    """Return the rows of :func:`stand` with ``lot`` (0 up to 1, NaN outside the bands) and ``has_place``.

    Parameters
    ----------
    standing
        The eligible.
    seed
        The secret, 64 hexadecimal digits.
    name
        What is drawn, e.g. the run and the measure: another name gives other lots.

    In each school's band the smallest lots get the places that are left, so many that places are filled exactly.
    """
    commitment_of(seed)  # refuses what is no seed
    in_band = (standing["state_code"] == IN_BAND).to_numpy()
    lot = np.full(len(standing), np.nan)
    key = bytes.fromhex(seed)
    lot[in_band] = [_lot(key, f"{name}\0{one}") for one in standing["pupil_id"][in_band]]
    has_place = (standing["state_code"] == CERTAIN).to_numpy().copy()
    for rows in standing[in_band].groupby("school_id").groups.values():
        own = np.asarray(rows, dtype=np.int64)
        left = round(float(standing["chance"].to_numpy()[own].sum()))
        has_place[own[np.argsort(lot[own], kind="stable")[:left]]] = True
    return standing.assign(lot=lot, has_place=has_place)


def _lot(key: bytes, text: str) -> float:
    return int.from_bytes(hmac.new(key, text.encode(), hashlib.sha256).digest()[:6], "big") / 2.0**48


@dataclass(frozen=True)
class Counts:
    """How many pupils stand where, over all schools, and what their lottery can find.

    ``detectable_effect`` is the change of the probability of leaving that 80 of 100 such lotteries would find; NaN without a band.
    """

    eligible: int
    certain: int
    in_band: int
    places_by_lot: int
    schools_with_band: int
    detectable_effect: float

    @classmethod
    def of(cls, standing: pd.DataFrame) -> Counts:
        """Return the counts of the eligible."""
        band = standing[standing["state_code"] == IN_BAND]
        return cls(
            eligible=len(standing),
            certain=int((standing["state_code"] == CERTAIN).sum()),
            in_band=len(band),
            places_by_lot=round(float(band["chance"].sum())),
            schools_with_band=int(band["school_id"].nunique()),
            detectable_effect=detectable_effect(band),
        )


def detectable_effect(band: pd.DataFrame) -> float:
    """Return the smallest effect that the lottery finds with a power of 80 %, compared within schools.

    2.8 standard errors of the difference of two shares with a common mean in each school: sqrt(p (1 - p) / sum of c (1 - c)), with
    ``chance`` c and the mean ``probability`` p of those in the band.
    """
    chance = band["chance"].to_numpy(dtype=np.float64)
    information = float(np.sum(chance * (1 - chance)))
    if not information:
        return math.nan
    mean = float(band["probability"].mean())
    return POWER_80 * math.sqrt(mean * (1 - mean) / information)
