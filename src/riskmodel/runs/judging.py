"""Figures of models and rules on past cohorts (40_evaluation), and ``metrics.json`` for scripts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.risk import bands, drift, rules, splits, subgroup
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import DEFAULT_MODEL, Measured, Measuring, auc_alone, calibration_table, evaluate
from riskmodel.risk.features import FEATURES
from riskmodel.runs import delivered
from riskmodel.runs.cohorts import SUPPORTED, TRAITS
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.training import SCHOOL_DISJOINT, predictions_for_calibration
from riskmodel.tables.results import BAND, CALIBRATION, DRIFT, EVALUATION, SUBGROUP

HEADLINES = ("auc", "average_precision", "brier", "ece", "precision_at_capacity", "recall_at_capacity")
CURVE_SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
CURVE_REPLICATES = 200
SPLITS_IN_ORDER = ("mature", SCHOOL_DISJOINT)
"""The headline is the newest cohort predicted out of time; in the first years, out of school."""


@dataclass(frozen=True)
class Judging:
    """How figures are measured, from the settings of the run."""

    seed: int
    bootstrap_replicates: int
    capacity_share: float
    capacity_places: int


def capacity_of(place: pd.DataFrame, share: float, places: int) -> Capacity:
    """Return the places: one number for all schools where ``places`` is given (not 0), else as delivered, else a share."""
    if places:
        return Capacity(share, dict.fromkeys(place["school_id"], places))
    delivered = place[place["places"].notna()]
    return Capacity(share, dict(zip(delivered["school_id"], delivered["places"].astype(int), strict=True)))


def judge(run: SemesterRun, judging: Judging) -> dict[str, Any]:
    """Return the figures as in ``metrics.json``; write it and ``evaluation``, ``calibration``, ``subgroup``, ``band``, ``drift``."""
    capacity = capacity_of(run.read("place"), judging.capacity_share, judging.capacity_places)
    measuring = Measuring(capacity, judging.bootstrap_replicates, judging.seed)
    predictions = _with_background(run)
    evaluation = run.write(EVALUATION, evaluate(predictions, measuring))
    meaning = predictions_for_calibration(predictions)
    split = str(meaning["split_code"].iloc[0]) if len(meaning) else SPLITS_IN_ORDER[0]
    run.write(CALIBRATION, calibration_table(predictions[predictions["split_code"] == split]))
    traits = run.read("trait")[["cohort_on", "pupil_id", *TRAITS]]
    groups = run.write(SUBGROUP, subgroup.subgroups(meaning, traits, measuring))
    run.write(BAND, _bands(run, meaning, capacity))
    alone = _drift_and_leaks(run)
    metrics = {
        **_headline(evaluation, split),
        "subgroups": _by_group(groups),
        "cohorts": _cohorts(run),
        "capacity_curve": _capacity_curve(meaning, predictions, judging),
        "missingness": _missingness(run),
        "assumptions": _assumptions(run, judging),
        "notices": delivered.notices(run),
        "feature_auc": alone,
        "rows": _rows(run),
    }
    run.write_json("metrics.json", metrics)
    return metrics


def _with_background(run: SemesterRun) -> pd.DataFrame:
    """Return the predictions with what the subsets need: seen before, supported, day of leaving."""
    keys = ["cohort_on", "pupil_id"]
    cohort = run.read("cohort")
    background = cohort[[*keys, "left_on"]].merge(run.read("trait")[[*keys, SUPPORTED]], on=keys, validate="1:1")
    joined = run.read("prediction").merge(background, on=keys, validate="m:1")
    windows = run.windows()
    seen = np.zeros(len(joined), dtype=bool)
    for (cohort_on, split), part in joined.groupby(["cohort_on", "split_code"]):
        test = next(window for window in windows if window.cut_off == pd.Timestamp(str(cohort_on)).date())
        allowed: splits.Split = "strict" if split == "strict" else "mature"
        teachers = [pd.Timestamp(window.cut_off) for window in splits.training_windows(windows, test, allowed)]
        taught = cohort[cohort["cohort_on"].isin(teachers) & cohort["label"].notna()]["pupil_id"]
        seen[part.index.to_numpy()] = part["pupil_id"].isin(taught).to_numpy()
    return joined.assign(was_seen=seen)


def _bands(run: SemesterRun, meaning: pd.DataFrame, capacity: Capacity) -> pd.DataFrame:
    cohort = run.read("cohort")
    schools = cohort[cohort["cohort_on"] == pd.Timestamp(run.cut_off)]["school_id"]
    share = min(1.0, sum(capacity.by_school(schools).values()) / len(schools))
    return bands.bands(meaning, max(share, 1 / len(schools)))


def _drift_and_leaks(run: SemesterRun) -> dict[str, float | None]:
    feature = run.read("feature")
    codes = [declared.code for declared in FEATURES]
    is_now = feature["cohort_on"] == pd.Timestamp(run.cut_off)
    # Against the past cohort that is nearest: what grows with the years of data (days in school) or follows the length
    # of a term (marks given) was different in some years and is like today in another.
    compared = pd.concat(
        drift.drift(past[codes], feature.loc[is_now, codes]) for _, past in feature[~is_now].groupby("cohort_on")
    )
    nearest = compared.assign(size=compared["shift_sd"].abs().fillna(0.0)).sort_values(["feature_code", "size", "psi"])
    run.write(DRIFT, nearest.drop_duplicates("feature_code").drop(columns="size"))
    labelled = feature.merge(run.read("cohort")[["cohort_on", "pupil_id", "label"]], on=["cohort_on", "pupil_id"])
    labelled = labelled[labelled["label"].notna()]
    alone = auc_alone(labelled[codes], labelled["label"].to_numpy(dtype=np.float64))
    return {str(code): _number(value) for code, value in alone.items()}


def _headline(evaluation: pd.DataFrame, split: str) -> dict[str, Any]:
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
        str(row["metric_code"]): {name: _number(row[name]) for name in ("value", "low", "high")}
        for row in part.to_dict("records")
    }


def _by_group(groups: pd.DataFrame) -> dict[str, Any]:
    newest = groups[groups["cohort_on"] == groups["cohort_on"].max()]
    found: dict[str, Any] = {}
    for row in newest.to_dict("records"):
        figure = {name: _number(row[name]) for name in ("value", "low", "high")} | {"state": row["state_code"]}
        found.setdefault(row["trait_code"], {}).setdefault(row["group_value"], {})[row["metric_code"]] = figure
    return found


def _cohorts(run: SemesterRun) -> list[dict[str, Any]]:
    cohort = run.read("cohort")
    windows = run.windows()
    teachers = {window.cut_off for window in splits.training_windows(windows[:-1], windows[-1])}
    tested = {pd.Timestamp(day).date() for day in run.read("prediction")["cohort_on"].unique()}
    found = []
    for window in windows:
        part = cohort[cohort["cohort_on"] == pd.Timestamp(window.cut_off)]
        is_open = part["outcome_class"] == "open"
        use = "current" if window.cut_off == run.cut_off else "test" if window.cut_off in tested else "train"
        found.append(
            {
                "cohort_on": window.cut_off.isoformat(),
                "horizon_on": window.horizon_on.isoformat(),
                "label_known_on": window.label_known_on.isoformat(),
                "pupils": len(part),
                "left": int((part["label"] == 1).sum()),
                "stayed": int((part["label"] == 0).sum()),
                "censored": int((part["label"].isna() & ~is_open).sum()),
                "open": int(is_open.sum()),
                "use_code": use,
                "is_teacher": window.cut_off in teachers,
            }
        )
    return found


def _capacity_curve(meaning: pd.DataFrame, predictions: pd.DataFrame, judging: Judging) -> list[dict[str, Any]]:
    """Return, of the newest cohort, the share reached with so many places by the default model and by each rule."""
    if meaning.empty:
        return []
    is_newest = (predictions["cohort_on"] == meaning["cohort_on"].max()) & (
        predictions["split_code"] == meaning["split_code"].iloc[0]
    )
    curve = []
    for code, part in predictions[is_newest].groupby("model_code", sort=True):
        if code != DEFAULT_MODEL and code not in rules.RULES:
            continue
        for share in CURVE_SHARES:
            measured = Measured.of(
                part.sort_values("pupil_id", ignore_index=True),
                Measuring(Capacity(share), CURVE_REPLICATES, judging.seed),
            )
            value, low, high = (_number(one) for one in measured.with_interval("recall_at_capacity"))
            curve.append({"model_code": str(code), "places_share": share, "recall": value, "low": low, "high": high})
    return curve


def _missingness(run: SemesterRun) -> list[dict[str, Any]]:
    """Return the share of present pupils without any value in a group of features."""
    feature = run.read("feature")
    now = feature[feature["cohort_on"] == pd.Timestamp(run.cut_off)]
    groups = dict.fromkeys(declared.group for declared in FEATURES)
    return [
        {
            "group_code": group,
            "no_data_share": float(
                now[[declared.code for declared in FEATURES if declared.group == group]].isna().all(axis=1).mean()
            ),
        }
        for group in groups
    ]


def _assumptions(run: SemesterRun, judging: Judging) -> list[dict[str, Any]]:
    """Return what was assumed where nothing was delivered, with the number of schools or rows concerned."""
    assumed = int(run.read("place")["places"].isna().sum()) if not judging.capacity_places else 0
    return [{"code": "capacity_share", "value": judging.capacity_share, "count": assumed}] if assumed else []


def _rows(run: SemesterRun) -> dict[str, dict[str, int]]:
    account = run.read("table_account").set_index("table_name")
    kinds = [str(name) for name in account.columns]
    return {
        str(table): {kind.removesuffix("_rows"): int(account.loc[table, kind]) for kind in kinds}
        for table in account.index
    }


def _number(value: float) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
