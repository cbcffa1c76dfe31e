"""``metrics.json``: the figures of a run that a script may read."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.risk import splits
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.fairness.subgroup import MeasuredGroup
from riskmodel.runs.members import Members
from riskmodel.runs.semester import SemesterRun

HEADLINES = ("auc", "average_precision", "brier", "ece", "precision_at_capacity", "recall_at_capacity")
"""Given of the default model, of each baseline and of each group."""


def headline(evaluation: pd.DataFrame, split: str) -> dict[str, Any]:
    """Return the figures of the newest cohort, by the default model, and every other model and split beside it."""
    every = evaluation[evaluation["subset_code"] == "all"]
    ours = every[(every["split_code"] == split) & (every["model_code"] == DEFAULT_MODEL)]
    newest = ours["cohort_on"].max() if len(ours) else pd.NaT
    newest_rows = every[every["cohort_on"] == newest]
    by_model = {
        str(code): _figures(part)
        for code, part in newest_rows[newest_rows["split_code"] == split].groupby("model_code")
    }
    default = by_model.pop(DEFAULT_MODEL, _figures(ours.head(0)))
    others = newest_rows[(newest_rows["model_code"] == DEFAULT_MODEL) & (newest_rows["split_code"] != split)]
    return {
        "cohort_on": None if pd.isna(newest) else newest.date().isoformat(),
        "split_code": split,
        "model_code": DEFAULT_MODEL,
        **default,
        "baselines": by_model,
        "other_splits": {str(code): _figures(part) for code, part in others.groupby("split_code")},
    }


def _figures(part: pd.DataFrame) -> dict[str, Any]:
    """Return value, low and high by metric; the headline metrics are always there, null where not defined."""
    none: dict[str, Any] = {
        name: {"value": None, "low": None, "high": None} for name in (*HEADLINES, "calibration_gap")
    }
    return none | {
        str(row["metric_code"]): {name: number(row[name]) for name in ("value", "low", "high")}
        for row in part.to_dict("records")
    }


def by_group(groups: Sequence[MeasuredGroup], table: pd.DataFrame) -> dict[str, Any]:
    """Return, by trait and group of the newest cohort, the figures of the table ``subgroup`` and the headlines."""
    newest = table[table["cohort_on"] == table["cohort_on"].max()]
    found: dict[str, Any] = {}
    for row in newest.to_dict("records"):
        of_group = found.setdefault(row["trait_code"], {}).setdefault(row["group_value"], {})
        of_group[row["metric_code"]] = _figure(row["value"], row["low"], row["high"], row["state_code"])
    for group in groups:
        found[group.trait][group.group] |= {code: _figure(*group.figure(code)) for code in HEADLINES}
    return found


def flags(causes: pd.DataFrame) -> dict[str, Any]:
    """Return how many differences between groups are flagged, by level and by the largest cause that is named."""
    return {
        "flags": len(causes),
        "by_level": {
            str(level): int(count) for level, count in causes["flag_level"].value_counts().sort_index().items()
        },
        "by_cause": {str(code): int(count) for code, count in causes["cause_code"].value_counts().sort_index().items()},
    }


def _figure(value: float, low: float, high: float, state: str) -> dict[str, Any]:
    return {"value": number(value), "low": number(low), "high": number(high), "state": state}


def cohorts(members: Members, now: date, tested: Collection[date]) -> list[dict[str, Any]]:
    """Return days, sizes, outcomes and use of each cohort."""
    teachers = {window.cut_off for window in splits.training_windows(members.windows[:-1], members.windows[-1])}
    found = []
    for window in members.windows:
        place = members.place[window.cut_off]
        label, is_open = members.label[place], members.is_open[place]
        use = "current" if window.cut_off == now else "test" if window.cut_off in tested else "train"
        found.append(
            {
                "cohort_on": window.cut_off.isoformat(),
                "horizon_on": window.horizon_on.isoformat(),
                "label_known_on": window.label_known_on.isoformat(),
                "pupils": len(label),
                "left": int((label == 1).sum()),
                "stayed": int((label == 0).sum()),
                "censored": int((np.isnan(label) & ~is_open).sum()),
                "open": int(is_open.sum()),
                "use_code": use,
                "is_teacher": window.cut_off in teachers,
            }
        )
    return found


def rows(run: SemesterRun) -> dict[str, dict[str, int]]:
    """Return the row account of each table that was delivered."""
    account = run.read("table_account").set_index("table_name")
    kinds = [str(name) for name in account.columns]
    return {
        str(table): {kind.removesuffix("_rows"): int(account.loc[table, kind]) for kind in kinds}
        for table in account.index
    }


def number(value: float) -> float | None:
    """Return a number as JSON holds it: null where it is not defined."""
    return None if value is None or math.isnan(value) else float(value)
