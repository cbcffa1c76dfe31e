"""Low, medium, high: the one home of the rule and of what each band has meant.

**Rule.** Over past cohorts, predicted out of time, *high* is as large as the share of pupils for whom there are
places, *medium* the next twice as many, *low* the rest. The limits are probabilities: today's pupils are compared
with them, so that a better year has fewer pupils in *high*. A band is no verdict: it says how often pupils with
such a score left, in natural frequencies ("of 100 with such a score, 30 left").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.tables.figures import BAND

MEDIUM_TIMES = 2
"""The medium band is this many times as large as the high one."""

NATURAL = (10, 100, 1000)
"""Shares are told of so many pupils, all bands of the same number, so that they can be compared: the smallest with which
rounding to whole pupils changes no band's share by more than ``MOST_ROUNDED`` of it."""
MOST_ROUNDED = 0.15

ORDER = ("low", "medium", "high")
NORMAL_95 = 1.959963984540054


def bands(past: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.figures.BAND`: low, medium, high.

    Parameters
    ----------
    past
        ``probability`` (calibrated, out of time) and ``label`` (0, 1; NaN where not known) of past cohorts.
        The limits come from all rows, the meaning from those with a label. Where nothing has matured yet, give
        today's probabilities without labels: the bands then have limits and no meaning.
    share
        Share of pupils with a place, above 0 and up to 1.
    """
    probability = past["probability"].to_numpy(dtype=np.float64)
    if len(probability) == 0 or not 0 < share <= 1 or np.isnan(probability).any():
        raise UsageError(
            message("Bands need probabilities of pupils and a share of places above 0 and up to 1."),
            found=message("There are {pupils} pupils, and the share is {share}.", pupils=len(probability), share=share),
            remedy=message("Give the scores of a cohort, or correct the share."),
        )
    limits = _limits(probability, share)
    label = past["label"].to_numpy(dtype=np.float64, na_value=np.nan)
    place, is_known = _places(probability, limits), ~np.isnan(label)
    known = [label[(place == number) & is_known] for number in range(len(ORDER))]
    counts = [(len(of_band), int(of_band.sum())) for of_band in known]
    of_pupils = _natural([left / pupils for pupils, left in counts if left])
    meanings = [_meaning(pupils, left, of_pupils) for pupils, left in counts]
    rows = [(band, limit, *meaning) for band, limit, meaning in zip(ORDER, limits, meanings, strict=True)]
    frame = pd.DataFrame(rows, columns=list(BAND.column_names))
    return frame.astype({"of_pupils": "Int64", "left_of_them": "Int64"})


def band_of(probability: NDArray[np.float64], table: pd.DataFrame) -> NDArray[np.object_]:
    """Return the band of each probability by the limits of ``table`` (columns of BAND).

    >>> table = pd.DataFrame({"band_code": ["low", "medium", "high"], "lowest_probability": [0.0, 0.1, 0.3]})
    >>> band_of(np.array([0.05, 0.1, 0.9]), table).tolist()
    ['low', 'medium', 'high']
    """
    by_band = table.set_index("band_code")["lowest_probability"]
    limits = [float(by_band[band]) for band in ORDER]
    return np.array(ORDER, dtype=object)[_places(np.asarray(probability, dtype=np.float64), limits)]


def wilson(left: int, pupils: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; NaN without pupils.

    >>> tuple(round(end, 3) for end in wilson(3, 10))
    (0.108, 0.603)
    """
    if pupils == 0:
        return math.nan, math.nan
    share, z = left / pupils, NORMAL_95
    middle = (share + z * z / (2 * pupils)) / (1 + z * z / pupils)
    half = z * math.sqrt(share * (1 - share) / pupils + z * z / (4 * pupils * pupils)) / (1 + z * z / pupils)
    # At 0 and at all the ends are exact; the formula misses them by rounding.
    return (0.0 if left == 0 else middle - half), (1.0 if left == pupils else middle + half)


def _limits(probability: NDArray[np.float64], share: float) -> tuple[float, float, float]:
    down = np.sort(probability)[::-1]
    high = math.ceil(share * len(down) - 1e-9)
    medium = min(high * (1 + MEDIUM_TIMES), len(down))
    return 0.0, float(down[medium - 1]), float(down[high - 1])


def _places(probability: NDArray[np.float64], limits: Sequence[float]) -> NDArray[np.intp]:
    """Return of each probability the place of its band in :data:`ORDER`."""
    return np.searchsorted(np.array(limits[1:]), probability, side="right")


def _natural(shares: Sequence[float]) -> int:
    told = (
        number for number in NATURAL if all(abs(round(x * number) / number - x) <= MOST_ROUNDED * x for x in shares)
    )
    return next(told, NATURAL[-1]) if shares else NATURAL[-1]


def _meaning(pupils: int, left: int, of_pupils: int) -> tuple[int, int | None, float, float, int, int]:
    if pupils == 0:
        return of_pupils, None, math.nan, math.nan, 0, 0
    if left == 0:
        of_pupils = NATURAL[-1]  # "none of ten" would say less than is known
    return of_pupils, round(left / pupils * of_pupils), *wilson(left, pupils), pupils, left
