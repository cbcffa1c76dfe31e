"""Reasons: each feature's contribution to a pupil's score, with the own value beside the usual one.

A reason is a record, not a sentence: ``views`` finds the words. What a school can change is told apart from
context, and a protected trait is never given as a reason. A contribution is what moved the score; it is no cause.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.tables.results import GROUPS, REASON

MIN_OTHERS = 10
"""A usual value is told when at least so many others have one."""

MIN_SHARE_OF_RISE = 0.05
"""A main reason carries at least this share of all that raises the pupil's score."""

MAIN_PER_GROUP = 2

NEEDED_GROUPS = ("attendance", "learning")
"""Without data in any of these a score would rest on context alone: it is not given."""

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
    """The usual values: per pupil and feature the median, and the place in ``COMPARED`` of those compared with.

    ``of`` is -1 where too few others have a value, and the median is then NaN.
    """

    median: NDArray[np.float64]
    of: NDArray[np.int8]


def usual_values(features: pd.DataFrame, members: pd.DataFrame) -> Usual:
    """Return the usual values of ``features`` (index pupil_id) among ``members`` (columns of COHORT).

    The median of the class; where fewer than ten others of it have a value, of the same stage in the school; then of
    the same stage in all schools. Needs the whole country for the last: compute it once and cut it by school.
    """
    placed = members.set_index("pupil_id").loc[features.index]
    own = features.notna().to_numpy()
    median = np.full(features.shape, np.nan)
    of = np.full(features.shape, -1, dtype=np.int8)
    for place, (_, columns) in enumerate(COMPARED):
        groups = placed.groupby(list(columns), sort=False).ngroup().to_numpy()  # -1 where a class is not known
        grouped = features.reset_index(drop=True).groupby(groups, sort=True)
        known, medians = grouped.count(), grouped.median()
        place_of = known.index.get_indexer(pd.Index(groups))
        others = known.to_numpy()[place_of] - own
        takes = (of < 0) & (others >= MIN_OTHERS) & (groups >= 0)[:, None]
        median = np.where(takes, medians.to_numpy()[place_of], median)
        of[takes] = place
    return Usual(median, of)


def reasons(
    features: pd.DataFrame, values: NDArray[np.float64], usual: Usual, catalogue: Sequence[Described]
) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.results.REASON`: every feature of every pupil.

    Parameters
    ----------
    features
        The columns that the model reads, in its order; index ``pupil_id``.
    values
        Contributions of the same shape (see :func:`riskmodel.risk.shapley.shapley`).
    usual
        From :func:`usual_values`, of the same shape.
    catalogue
        The declarations; every column must have one.

    A pupil's reasons stand together, the largest contribution in either direction first. Codes are pandas
    categories, so that a country fits into memory.
    """
    by_code = {declared.code: declared for declared in catalogue}
    codes = [str(code) for code in features.columns]
    if values.shape != features.shape or any(code not in by_code for code in codes):
        raise UsageError(
            message("Reasons need one contribution per pupil and feature, and a declaration of each feature."),
            found=message("The shapes differ, or a feature is not declared."),
            remedy=message("Explain the columns that the model reads, in its order."),
        )
    pupils, width = features.shape
    order = np.argsort(-np.abs(values), axis=1, kind="stable")

    def sorted_flat(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.take_along_axis(matrix, order, axis=1).ravel()

    groups = list(GROUPS)
    group_of = np.array([groups.index(by_code[code].group) for code in codes], dtype=np.int8)
    malleable = np.array([by_code[code].is_malleable for code in codes], dtype=bool)
    place = order.ravel()
    return pd.DataFrame(
        {
            "pupil_id": pd.Categorical.from_codes(np.repeat(np.arange(pupils), width), features.index.astype(str)),
            "place": np.tile(np.arange(1, width + 1, dtype=np.int16), pupils),
            "feature_code": pd.Categorical.from_codes(place, pd.Index(codes)),
            "group_code": pd.Categorical.from_codes(group_of[place], pd.Index(groups)),
            "is_malleable": malleable[place],
            "contribution": sorted_flat(values),
            "own_value": sorted_flat(features.to_numpy(dtype=np.float64)),
            "usual_value": sorted_flat(usual.median),
            "usual_of": pd.Categorical.from_codes(
                np.take_along_axis(usual.of, order, axis=1).ravel(), pd.Index([name for name, _ in COMPARED])
            ),
        },
        columns=list(REASON.column_names),
    )


def main_reasons(reason: pd.DataFrame, k: int = MAIN_PER_GROUP, protected: Collection[str] = ()) -> pd.DataFrame:
    """Return the few reasons per pupil that a person reads: at most ``k`` of each group of features.

    Kept are contributions that raise the score and carry at least ``MIN_SHARE_OF_RISE`` of all that raises it.
    Codes in ``protected`` are never among them. What a school can change comes first, context after it;
    within each, the larger contribution first. ``place`` still is the place among all features of the pupil.
    """
    rising = reason[reason["contribution"] > 0]
    total = rising.groupby("pupil_id", observed=True)["contribution"].transform("sum")
    is_main = (rising["contribution"] >= MIN_SHARE_OF_RISE * total) & ~rising["feature_code"].isin(list(protected))
    kept = rising[is_main].sort_values(["pupil_id", "place"], kind="stable")
    within = kept.groupby(["pupil_id", "group_code"], observed=True).cumcount()
    kept = kept[within < k]
    order = ["pupil_id", "is_malleable", "place"]
    return kept.sort_values(order, ascending=[True, False, True], kind="stable").reset_index(drop=True)


def data_states(features: pd.DataFrame, catalogue: Sequence[Described]) -> pd.DataFrame:
    """Return, per pupil (index), ``has_<group>_data`` for attendance, learning and economic, and ``state_code``.

    A group has data when any of its features has a value. ``too_little_data``: neither attendance nor learning;
    else ``scored``. No data is never read as a low or high risk.
    """
    found = {}
    for group in GROUPS:
        codes = [declared.code for declared in catalogue if declared.group == group]
        columns = [code for code in codes if code in features.columns]
        if group != "context":
            found[f"has_{group}_data"] = features[columns].notna().any(axis=1)
    states = pd.DataFrame(found, index=features.index)
    has_enough = states[[f"has_{group}_data" for group in NEEDED_GROUPS]].any(axis=1)
    return states.assign(state_code=np.where(has_enough, "scored", "too_little_data"))
