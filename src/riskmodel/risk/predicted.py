"""What models and rules said of one cohort by one split: the same pupils, in one order, by every model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import UsageError
from riskmodel.messages import message

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Raw score and probability of each pupil."""


@dataclass(frozen=True)
class Predicted:
    """One cohort and split: pupils by ``pupil_id``, scores by model code, labels NaN where censored.

    ``was_seen`` (the pupil is in the training data, from an earlier cohort), ``was_supported`` (new support came inside the
    window) and ``lead_days`` (from the cut-off to the day of leaving) are None where they are not known of anybody.
    """

    cohort_on: Any
    split_code: str
    pupil_id: pd.Series
    school_id: pd.Series
    label: NDArray[np.float64]
    by_model: Mapping[str, Scores]
    was_seen: NDArray[np.bool_] | None = None
    was_supported: NDArray[np.bool_] | None = None
    lead_days: NDArray[np.float64] | None = None

    @property
    def label_without_support(self) -> NDArray[np.float64]:
        """The labels of those without new support; NaN for the others: what they would have done without it is not known."""
        return self.label if self.was_supported is None else np.where(self.was_supported, np.nan, self.label)


def parts_of(predictions: pd.DataFrame, default_model: str) -> Iterator[Predicted]:
    """Yield the parts of ``predictions`` (see :func:`riskmodel.risk.evaluation.evaluate`), in the order of their keys.

    Without ``split_code`` or ``model_code`` all rows are of one split, or of the default model.

    Raises
    ------
    UsageError
        When two models of a cohort and split do not score the same pupils: they could not be paired.
    """
    named = {"split_code": "", "model_code": default_model}
    whole = predictions.assign(**{name: value for name, value in named.items() if name not in predictions.columns})
    for (cohort_on, split), part in whole.groupby(["cohort_on", "split_code"], sort=True):
        frames = {
            str(code): frame.sort_values("pupil_id", ignore_index=True)
            for code, frame in part.groupby("model_code", sort=True)
        }
        yield _part(cohort_on, str(split), frames)


def _part(cohort_on: Any, split: str, frames: dict[str, pd.DataFrame]) -> Predicted:
    first = next(iter(frames.values()))
    for frame in frames.values():
        if not frame["pupil_id"].equals(first["pupil_id"]) or frame["pupil_id"].duplicated().any():
            raise UsageError(
                message("All models of a cohort and split must score the same pupils, each once."),
                found=message("Some pupils are missing or stand twice."),
                remedy=message("Score the whole cohort with every model and rule."),
            )
    lead: NDArray[np.float64] | None = None
    if "left_on" in first.columns:
        days = (pd.to_datetime(first["left_on"]) - pd.to_datetime(first["cohort_on"])).dt.days
        lead = np.asarray(days.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    seen, supported = (
        first[name].to_numpy(dtype=bool) if name in first.columns else None for name in ("was_seen", "was_supported")
    )
    by_model = {code: (_numbers(frame, "raw_score"), _numbers(frame, "probability")) for code, frame in frames.items()}
    label = _numbers(first, "label")
    return Predicted(cohort_on, split, first["pupil_id"], first["school_id"], label, by_model, seen, supported, lead)


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
