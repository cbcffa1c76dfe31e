"""Reasons: each feature's contribution to a pupil's score, with the own value beside the usual one.

A reason is a record, not a sentence: ``views`` finds the words. What a school can change is told apart from
context, and a protected trait is never given as a reason. A contribution is what moved the score; it is no cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.tables.result_columns import GROUPS
from riskmodel.tables.scores import REASON

MIN_OTHERS = 10
"""A usual value is told when at least so many others have one."""

REASONS_KEPT = 12
"""So many reasons per pupil are told; the contributions of all features stand in a table of their own."""

BLOCK_PUPILS = 8192
"""Pupils ordered at a time, so that memory does not grow with the country."""

BLOCK_VALUES = 1 << 21
"""Values sorted at a time for medians."""

NEEDED_GROUPS = ("attendance", "learning")
"""Without data in any of these a score would rest on context alone: it is not given."""

DAYS_IN_SCHOOL = "in_school_days"
"""The feature that tells who is new to a school."""

COMPARED = (
    ("class", ("school_id", "stage_kind", "stage_number", "class_code")),
    ("stage", ("school_id", "stage_kind", "stage_number")),
    ("all", ("stage_kind", "stage_number")),
)
"""Who a pupil is compared with: the first of these with enough others."""


class Described(Protocol):
    """What is asked of a feature's declaration (see :class:`riskmodel.risk.feature.Feature`)."""

    @property
    def code(self) -> str:
        """Name of the column."""

    @property
    def group(self) -> str:
        """``attendance``, ``learning``, ``economic`` or ``context``."""

    @property
    def is_malleable(self) -> bool:
        """A school can change it."""

    @property
    def is_protected(self) -> bool:
        """A protected trait."""


@dataclass(frozen=True)
class Usual:
    """The usual values beside chosen features (both pupils × places).

    ``median``, and in ``of`` the place in ``COMPARED`` of those compared with. Where too few others have a value ``of``
    is -1 and the median NaN.
    """

    median: NDArray[np.float64]
    of: NDArray[np.int8]


def strongest(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return, per pupil, the places of the ``count`` features with the largest contributions in either direction.

    The largest first; of equal ones the first in the order of the features.

    >>> strongest(np.array([[0.1, -0.5, 0.2, -0.2]]), 3)
    array([[1, 2, 3]])
    """
    count = min(count, values.shape[1])
    found = np.empty((len(values), count), dtype=np.intp)
    for first in range(0, len(values), BLOCK_PUPILS):
        block = slice(first, first + BLOCK_PUPILS)
        falling = -np.abs(np.ascontiguousarray(values[block]))
        found[block] = np.argsort(falling, axis=1, kind="stable")[:, :count]
    return found


def usual_values(features: pd.DataFrame, members: pd.DataFrame, chosen: NDArray[np.intp]) -> Usual:
    """Return the usual values of the ``chosen`` features of each pupil (pupils × places, columns of ``features``).

    The median of the class; where fewer than ten others of it have a value, of the same stage in the school; then of
    the same stage in all schools. ``features`` (index pupil_id) and ``members`` (columns of COHORT) are the whole
    country. Only the medians that somebody needs are worked out.
    """
    placed = members.set_index("pupil_id").loc[features.index]
    columns = np.ascontiguousarray(features.to_numpy(dtype=np.float64).T)
    median, of = np.full(chosen.shape, np.nan), np.full(chosen.shape, -1, dtype=np.int8)
    for place, (_, names) in enumerate(COMPARED):
        numbered = placed.groupby(list(names), sort=False).ngroup()  # missing where a class is not known
        groups = numbered.fillna(-1).to_numpy().astype(np.intp)
        pupil, column = np.nonzero((of < 0) & (groups >= 0)[:, None])
        feature, group = chosen[pupil, column], groups[pupil]
        medians, known = _medians(columns, groups, feature, group)
        others = known[group, feature] - ~np.isnan(columns[feature, pupil])
        takes = others >= MIN_OTHERS
        median[pupil[takes], column[takes]] = medians[group[takes], feature[takes]]
        of[pupil[takes], column[takes]] = place
    return Usual(median, of)


def _medians(
    columns: NDArray[np.float64], groups: NDArray[np.intp], feature: NDArray[np.intp], group: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return median and number of known values by group and feature, where such a pair is asked for."""
    sizes = np.bincount(groups[groups >= 0])
    rows = np.argsort(groups, kind="stable")[np.count_nonzero(groups < 0) :]
    start = np.concatenate(([0], np.cumsum(sizes)))
    asked = np.zeros((len(sizes), len(columns)), dtype=bool)
    asked[group, feature] = True
    median, known = np.full(asked.shape, np.nan), np.zeros(asked.shape, dtype=np.int64)
    for size in np.unique(sizes[asked.any(axis=1)]):
        of_size = np.flatnonzero(sizes == size)
        which, wanted = np.nonzero(asked[of_size])
        for first in range(0, len(which), max(BLOCK_VALUES // size, 1)):
            block = slice(first, first + max(BLOCK_VALUES // size, 1))
            own, asks = of_size[which[block]], wanted[block]
            values = columns[asks[:, None], rows[start[own][:, None] + np.arange(size)]]
            values.sort(axis=1)  # what is missing comes last
            count = size - np.count_nonzero(np.isnan(values), axis=1)
            middle = np.column_stack([np.maximum(count - 1, 0) // 2, np.minimum(count // 2, size - 1)])
            median[own, asks] = np.take_along_axis(values, middle, axis=1).mean(axis=1)
            known[own, asks] = count
    return median, known


def reasons(
    features: pd.DataFrame,
    values: NDArray[np.float64],
    chosen: NDArray[np.intp],
    usual: Usual,
    catalogue: Sequence[Described],
) -> pa.Table:
    """Return the columns of :data:`riskmodel.tables.scores.REASON`: the chosen features of every pupil.

    Parameters
    ----------
    features
        The columns that the model reads, in its order; index ``pupil_id``.
    values
        Contributions of the same shape (see :func:`riskmodel.risk.shapley.shapley`).
    chosen
        From :func:`strongest`: pupils × places.
    usual
        From :func:`usual_values`, of the shape of ``chosen``.
    catalogue
        The declarations; every column must have one.

    A pupil's reasons stand together, the largest contribution in either direction first. Codes are Arrow dictionaries, so
    that a country fits into memory.
    """
    by_code = {declared.code: declared for declared in catalogue}
    codes = [str(code) for code in features.columns]
    if values.shape != features.shape or any(code not in by_code for code in codes):
        raise UsageError(
            message("Reasons need one contribution per pupil and feature, and a declaration of each feature."),
            found=message("The shapes differ, or a feature is not declared."),
            remedy=message("Explain the columns that the model reads, in its order."),
        )
    pupils, places = chosen.shape
    pupil = np.repeat(np.arange(pupils), places)
    feature = chosen.ravel()
    groups = list(GROUPS)
    group_of = np.array([groups.index(by_code[code].group) for code in codes], dtype=np.int8)
    malleable = np.array([by_code[code].is_malleable for code in codes], dtype=bool)
    own = features.to_numpy(dtype=np.float64)
    columns = {
        "pupil_id": pa.array(features.index.astype(str), pa.string()).take(pa.array(pupil)),
        "place": np.tile(np.arange(1, places + 1), pupils),
        "feature_code": _coded(feature.astype(np.int16), codes),
        "group_code": _coded(group_of[feature], groups),
        "is_malleable": malleable[feature],
        "contribution": values[pupil, feature],
        "own_value": pa.array(own[pupil, feature], from_pandas=True),
        "usual_value": pa.array(usual.median.ravel(), from_pandas=True),
        "usual_of": _coded(usual.of.ravel(), [name for name, _ in COMPARED]),
    }
    return pa.table({name: columns[name] for name in REASON.column_names})


def _coded(place: NDArray[np.integer[Any]], codes: Sequence[str]) -> pa.DictionaryArray:
    """Return the codes at the places as an Arrow dictionary; -1 is no code."""
    return pa.DictionaryArray.from_arrays(pa.array(place, mask=place < 0), pa.array(codes, pa.string()))


def data_states(features: pd.DataFrame, catalogue: Sequence[Described], new_days: int) -> pd.DataFrame:
    """Return, per pupil (index), ``has_<group>_data`` for attendance, learning and economic, and ``state_code``.

    A group has data when any of its features has a value. ``state_code`` is ``too_little_data`` or ``scored`` by
    :func:`has_too_little`. No data is never read as a low or high risk.
    """
    found = {}
    for group in GROUPS:
        codes = [declared.code for declared in catalogue if declared.group == group]
        columns = [code for code in codes if code in features.columns]
        if group != "context":
            found[f"has_{group}_data"] = features[columns].notna().any(axis=1)
    states = pd.DataFrame(found, index=features.index)
    days = features[DAYS_IN_SCHOOL].to_numpy(dtype=np.float64) if DAYS_IN_SCHOOL in features.columns else None
    is_new = np.zeros(len(features), dtype=bool) if days is None else days < new_days
    too_little = has_too_little([states[f"has_{group}_data"].to_numpy() for group in NEEDED_GROUPS], is_new)
    return states.assign(state_code=np.where(too_little, "too_little_data", "scored"))


def has_too_little(has_data: Sequence[NDArray[np.bool_]], is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return who is known too little for an assessment.

    Parameters
    ----------
    has_data
        Of each needed group (:data:`NEEDED_GROUPS`), whether it has data for each pupil.
    is_new
        Who came to the school a few days ago.

    That is who has no data of any needed group; of those who are new, who lacks data of one. A school that records only
    absences is still assessed.

    >>> has_too_little([np.array([True, True, False]), np.array([False, True, False])], np.array([True, True, False])).tolist()
    [True, False, True]
    """
    known = np.sum(has_data, axis=0)
    return np.asarray((known == 0) | (is_new & (known < len(has_data))))
