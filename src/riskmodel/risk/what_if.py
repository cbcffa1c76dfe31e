"""What the model would say of a pupil if values that a school can change were the usual ones.

No promise, and no effect of a measure: the model tells what pupils with such values have done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk.bands import band_of
from riskmodel.risk.calibration import Calibrator
from riskmodel.risk.explanation import Described
from riskmodel.risk.model import RiskModel
from riskmodel.tables.scores import WHAT_IF

MOST_ASSUMED = 4
"""So many features are assumed one by one, those with the largest contributions."""

LEAST_DROP = 1e-6
"""Log-odds: an assumption by which the score does not fall by more is not told."""

BLOCK_ROWS = 16_384
"""Rows scored at a time, so that memory does not grow with the country."""

Floats = NDArray[np.float64]


class Directed(Described, Protocol):
    """What is asked of a feature's declaration."""

    @property
    def direction(self) -> int:
        """1: more of it may only raise the score; -1: only lower it; 0: either."""


@dataclass(frozen=True)
class Assumed:
    """What is assumed, one row per pupil and feature; a pupil's rows stand together.

    ``pupil`` and ``feature`` are places in the rows and columns of the features; ``own`` is the pupil's value there, and
    ``value`` the one that is assumed.
    """

    pupil: NDArray[np.intp]
    feature: NDArray[np.intp]
    own: Floats
    value: Floats

    def only(self, kept: NDArray[np.bool_]) -> Assumed:
        """Return some of the rows."""
        return Assumed(self.pupil[kept], self.feature[kept], self.own[kept], self.value[kept])


def assumptions(
    features: pd.DataFrame, values: Floats, chosen: NDArray[np.intp], usual: Floats, catalogue: Sequence[Directed]
) -> Assumed:
    """Return what may be assumed: usual values of features that a school can change and that raise the score.

    Parameters
    ----------
    features
        The columns that the model reads, in its order; a row per pupil.
    values
        Contributions of the same shape.
    chosen, usual
        The strongest features of each pupil, largest contribution first, and the usual values beside them, pupils ×
        places (see :mod:`riskmodel.risk.explanation`).
    catalogue
        The declarations of the columns, in their order.

    The own value and the usual one are known, and the usual one is better by the direction of the feature. One without a
    direction is never assumed: nobody has said which of its values are worse.
    """
    pupils = np.arange(len(chosen))[:, None]
    own = features.to_numpy(dtype=np.float64)[pupils, chosen]
    malleable = np.array([one.is_malleable and not one.is_protected for one in catalogue], dtype=bool)
    direction = np.array([one.direction for one in catalogue], dtype=np.int64)
    is_better = (usual - own) * direction[chosen] < 0  # false where one of them is not known
    takes = malleable[chosen] & (values[pupils, chosen] > 0) & is_better
    takes &= np.cumsum(takes, axis=1) <= MOST_ASSUMED
    pupil, place = np.nonzero(takes)
    return Assumed(pupil, chosen[pupil, place], own[pupil, place], usual[pupil, place])


def what_if(
    features: pd.DataFrame,
    assumed: Assumed,
    raw_score: Floats,
    model: RiskModel,
    calibrator: Calibrator,
    bands: pd.DataFrame,
) -> pa.Table:
    """Return the columns of :data:`riskmodel.tables.scores.WHAT_IF`: of each pupil one by one, then all together.

    Parameters
    ----------
    features
        The columns that the model reads, in its order; index ``pupil_id``, ascending.
    assumed
        From :func:`assumptions` of the same rows.
    raw_score
        Of these pupils, as ``model`` gives it.
    calibrator, bands
        Of the same run: they say the probability and the band.

    An assumption by which the score does not fall is left out.
    """
    rows, codes = features.to_numpy(dtype=np.float64), [str(code) for code in features.columns]
    every = np.arange(len(assumed.pupil))
    alone = _scores(rows, model, assumed, every, every + 1)
    falls = alone < raw_score[assumed.pupil] - LEAST_DROP
    assumed, alone = assumed.only(falls), alone[falls]
    pupils, first, count = np.unique(assumed.pupil, return_index=True, return_counts=True)
    several = count > 1
    together = _scores(rows, model, assumed, first[several], (first + count)[several])
    is_lower = together < raw_score[pupils[several]] - LEAST_DROP
    of_all = pupils[several][is_lower]
    pupil = np.concatenate([assumed.pupil, of_all])
    order = np.argsort(pupil, kind="stable")  # all together comes behind the pupil's own rows
    feature = np.concatenate([assumed.feature, np.full(len(of_all), -1)])[order].astype(np.int16)
    no_value = np.full(len(of_all), np.nan)
    probability = calibrator.probability(np.concatenate([alone, together[is_lower]]))[order]
    found = {
        "pupil_id": pa.array(features.index.astype(str), pa.string()).take(pa.array(pupil[order])),
        "place": _places(pupil[order]),
        "feature_code": pa.DictionaryArray.from_arrays(
            pa.array(feature, mask=feature < 0), pa.array(codes, pa.string())
        ),
        "own_value": pa.array(np.concatenate([assumed.own, no_value])[order], from_pandas=True),
        "assumed_value": pa.array(np.concatenate([assumed.value, no_value])[order], from_pandas=True),
        "probability": probability,
        "band_code": pa.array(band_of(probability, bands), pa.string()),
    }
    return pa.table({name: found[name] for name in WHAT_IF.column_names})


def _scores(
    features: Floats, model: RiskModel, assumed: Assumed, first: NDArray[np.intp], after: NDArray[np.intp]
) -> Floats:
    """Return the scores of pupils with the values of the rows from each of ``first`` up to, and without, ``after``."""
    found = np.empty(len(first))
    for begin in range(0, len(first), BLOCK_ROWS):
        block = slice(begin, begin + BLOCK_ROWS)
        counts = after[block] - first[block]
        rows = features[assumed.pupil[first[block]]]
        owner = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(owner)) + np.repeat(first[block] - np.cumsum(counts) + counts, counts)
        rows[owner, assumed.feature[place]] = assumed.value[place]
        found[block] = model.raw_score(pd.DataFrame(rows, columns=list(model.feature_codes), copy=False))
    return found


def _places(pupil: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return 1, 2, … for the rows of each pupil; pupils are in ascending order."""
    return np.arange(len(pupil)) - np.searchsorted(pupil, pupil) + 1
