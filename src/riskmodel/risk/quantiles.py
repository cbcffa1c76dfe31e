"""Quantiles of values that are sorted already, as NumPy gives them for values that are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HALF = 0.5


def quantiles_of(rising: NDArray[np.float64], shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantiles of values in rising order, straight between two of them; NaN where one is NaN.

    To the last bit those of ``numpy.quantile``, which looks for the places anew.

    >>> quantiles_of(np.arange(5.0), [0.25, 0.5, 0.9]).tolist()
    [1.0, 2.0, 3.6]
    """
    places = np.asarray(shares, dtype=np.float64) * (len(rising) - 1)
    if np.isnan(rising[-1]):
        return np.full(places.shape, np.nan)
    low = np.floor(places).astype(np.intp)
    below, above = rising[low], rising[np.minimum(low + 1, len(rising) - 1)]
    further, apart = places - low, above - below
    # From whichever end is nearer: equal values on both sides give that value.
    return np.where(further >= HALF, above - apart * (1 - further), below + apart * further)
