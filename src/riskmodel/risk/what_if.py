"""What the model would say of a pupil if values that a school can change were the usual ones.

No promise, and no effect of a measure: the model tells what pupils with such values have done.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk.bands import band_of
from riskmodel.risk.calibration import Calibrator
from riskmodel.risk.explanation import Described, Usual
from riskmodel.risk.model import RiskModel
from riskmodel.tables.results import WHAT_IF

MOST_ASSUMED = 4
"""So many features are assumed one by one, those with the largest contributions."""

LEAST_DROP = 1e-6
"""Log-odds: an assumption by which the score does not fall is not told."""

BLOCK_ROWS = 16_384
"""Rows scored at a time, so that memory does not grow with the country."""

Floats = NDArray[np.float64]


class Assumed:
    """What is assumed of some pupils, one row per pupil and feature.

    Parameters
    ----------
    features
        The columns that the model reads, in its order; index ``pupil_id``, ascending.
    values
        Contributions of the same shape.
    chosen, usual
        The strongest features of each pupil and the usual values beside them, pupils × places (see
        :mod:`riskmodel.risk.explanation`).
    is_told
        Per pupil, whether anything is to be assumed.
    catalogue
        The declarations of the columns, in their order; ``direction`` says which values are worse.

    Assumed are features that a school can change, that raise the score, and whose usual value is known and not worse than
    the pupil's own. Of those that may do either, the model says what is worse (see :func:`what_if`).
    """

    def __init__(
        self,
        features: pd.DataFrame,
        values: Floats,
        chosen: NDArray[np.intp],
        usual: Usual,
        is_told: NDArray[np.bool_],
        catalogue: Sequence[Directed],
    ) -> None:
        self.features = features
        told = np.flatnonzero(is_told)
        feature, assumed = chosen[told], usual.median[told]
        columns = features.to_numpy(dtype=np.float64)
        own = columns[told[:, None], feature]
        malleable = np.array([one.is_malleable and not one.is_protected for one in catalogue], dtype=bool)
        direction = np.array([one.direction for one in catalogue])
        is_better = (assumed != own) & ((assumed - own) * direction[feature] <= 0)
        is_raising = values[told[:, None], feature] > 0
        takes = malleable[feature] & is_raising & is_better & ~np.isnan(assumed) & ~np.isnan(own)
        takes &= np.cumsum(takes, axis=1) <= MOST_ASSUMED
        row, place = np.nonzero(takes)
        self.pupil, self.feature = told[row], feature[row, place]
        self.own, self.value = own[row, place], assumed[row, place]

    def only(self, kept: NDArray[np.bool_]) -> None:
        """Keep some of the rows."""
        self.pupil, self.feature, self.own, self.value = (
            column[kept] for column in (self.pupil, self.feature, self.own, self.value)
        )


class Directed(Described):
    """What is asked of a feature's declaration besides."""

    @property
    def direction(self) -> int:
        """1: more of it may only raise the score; -1: only lower it; 0: either."""
        raise NotImplementedError


def what_if(
    assumed: Assumed, raw_score: Floats, model: RiskModel, calibrator: Calibrator, bands: pd.DataFrame
) -> pa.Table:
    """Return the columns of :data:`riskmodel.tables.results.WHAT_IF`: of each pupil one by one, then all together.

    Parameters
    ----------
    raw_score
        Of the pupils of ``assumed.features``, as ``model`` gives it.
    calibrator, bands
        Of the same run: they say the probability and the band.

    An assumption by which the score does not fall is left out, so that "usual" is never worse than what is.
    """
    columns = assumed.features.to_numpy(dtype=np.float64)
    codes = list(assumed.features.columns)
    every = np.arange(len(assumed.pupil))
    alone = _scores(columns, codes, model, assumed, [every, every + 1])
    falls = alone < raw_score[assumed.pupil] - LEAST_DROP
    assumed.only(falls)
    alone = alone[falls]
    pupils, first, count = np.unique(assumed.pupil, return_index=True, return_counts=True)
    first, after = first[count > 1], (first + count)[count > 1]
    together = _scores(columns, codes, model, assumed, [first, after])
    of_all = pupils[count > 1]
    is_lower = together < raw_score[of_all] - LEAST_DROP
    raw = np.concatenate([alone, together[is_lower]])
    pupil = np.concatenate([assumed.pupil, of_all[is_lower]])
    order = np.argsort(pupil, kind="stable")  # all together comes behind the pupil's own rows
    none = np.full(int(is_lower.sum()), np.nan)
    feature = np.concatenate([assumed.feature, np.full(len(none), -1)])[order].astype(np.int16)
    probability = calibrator.probability(raw)[order]
    found = {
        "pupil_id": pa.array(assumed.features.index.astype(str), pa.string()).take(pa.array(pupil[order])),
        "place": _places(pupil[order]),
        "feature_code": pa.DictionaryArray.from_arrays(
            pa.array(feature, mask=feature < 0), pa.array(codes, pa.string())
        ),
        "own_value": pa.array(np.concatenate([assumed.own, none])[order], from_pandas=True),
        "assumed_value": pa.array(np.concatenate([assumed.value, none])[order], from_pandas=True),
        "probability": probability,
        "band_code": pa.array(band_of(probability, bands), pa.string()),
    }
    return pa.table({name: found[name] for name in WHAT_IF.column_names})


def _scores(
    columns: Floats, codes: list[str], model: RiskModel, assumed: Assumed, spans: Sequence[NDArray[np.intp]]
) -> Floats:
    """Return the scores of pupils with the values assumed in the rows from ``spans[0]`` up to, and without, ``spans[1]``."""
    first, after = spans
    found = np.empty(len(first))
    for begin in range(0, len(first), BLOCK_ROWS):
        block = slice(begin, begin + BLOCK_ROWS)
        counts = after[block] - first[block]
        rows = columns[assumed.pupil[first[block]]]
        owner = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first[block], counts)
        rows[owner, assumed.feature[place]] = assumed.value[place]
        found[block] = model.raw_score(pd.DataFrame(rows, columns=codes, copy=False))
    return found


def _places(pupil: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return 1, 2, … for the rows of each pupil, which stand together."""
    begins = np.flatnonzero(np.concatenate(([True], pupil[1:] != pupil[:-1]))) if len(pupil) else np.zeros(0, np.intp)
    counts = np.diff(np.append(begins, len(pupil)))
    return np.arange(len(pupil)) - np.repeat(begins, counts) + 1
