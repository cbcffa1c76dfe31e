"""Figures of models and rules on past cohorts (40_evaluation), and ``metrics.json`` for scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk import bands, drift, rules, splits, subgroup
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import (
    DEFAULT_MODEL,
    Measuring,
    Row,
    ScoredCohort,
    auc_alone,
    calibration_rows,
    evaluation_rows,
    evaluation_table,
)
from riskmodel.risk.features import FEATURES
from riskmodel.risk.predicted import Predicted
from riskmodel.runs import delivered
from riskmodel.runs.cohorts import SUPPORTED, TRAITS
from riskmodel.runs.predictions import predicted_splits, read_predictions
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.teaching import beside
from riskmodel.runs.training import SCHOOL_DISJOINT
from riskmodel.tables.results import BAND, CALIBRATION, DRIFT, EVALUATION, SUBGROUP

HEADLINES = ("auc", "average_precision", "brier", "ece", "precision_at_capacity", "recall_at_capacity")
CURVE_SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
CURVE_REPLICATES = 200
COLUMNS_AT_ONCE = 12
"""So many features of all cohorts are in memory together."""

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
    tested = predicted_splits(run.tables)
    found = _measure(run, measuring, _headline_split(tested))
    evaluation = run.write(EVALUATION, evaluation_table(found.evaluation))
    run.write(CALIBRATION, pd.DataFrame(found.calibration, columns=list(CALIBRATION.column_names)))
    groups = run.write(SUBGROUP, subgroup.subgroup_table(found.subgroup))
    run.write(BAND, _bands(run, _joined(found.meaning), capacity))
    alone = _drift_and_leaks(run)
    metrics = {
        **_headline(evaluation, found.split),
        "subgroups": _by_group(groups),
        "cohorts": _cohorts(run, set(tested)),
        "capacity_curve": found.curve,
        "missingness": _missingness(run),
        "assumptions": _assumptions(run, judging),
        "notices": delivered.notices(run),
        "feature_auc": alone,
        "rows": _rows(run),
    }
    run.write_json("metrics.json", metrics)
    return metrics


@dataclass
class _Found:
    """What is measured of the past cohorts; ``meaning`` holds what the default model said by the headline's ``split``."""

    split: str
    evaluation: list[Row] = field(default_factory=list)
    calibration: list[Row] = field(default_factory=list)
    subgroup: list[Row] = field(default_factory=list)
    meaning: list[pd.DataFrame] = field(default_factory=list)
    curve: list[dict[str, Any]] = field(default_factory=list)


def _headline_split(tested: Mapping[date, list[str]]) -> str:
    """Return the split whose predictions say what a score has meant, as :func:`predictions_for_calibration` chooses it."""
    made = {split for of_cohort in tested.values() for split in of_cohort}
    return next((split for split in SPLITS_IN_ORDER if split in made), SPLITS_IN_ORDER[0])


def _measure(run: SemesterRun, measuring: Measuring, split: str) -> _Found:
    """Measure cohort by cohort: every model and split, and by the headline's split calibration, groups and the curve.

    Models, rules and paired gains have their intervals in every cohort; subsets, bounds and groups in the newest alone.
    """
    found = _Found(split)
    seen, newest = _Seen(run), max(predicted_splits(run.tables), default=None)
    for predicted in read_predictions(run.tables):
        pupils = pd.DataFrame({"pupil_id": predicted.pupil_id})
        left_on = beside(pupils, run.read("cohort", predicted.cohort_on, ["pupil_id", "left_on"]))["left_on"]
        traits = beside(pupils, run.read("trait", predicted.cohort_on, ["pupil_id", SUPPORTED, *TRAITS]))
        with_background = replace(
            predicted,
            was_seen=seen.before(predicted),
            was_supported=traits[SUPPORTED].to_numpy(dtype=bool),
            lead_days=_days_after(predicted.cohort_on, left_on),
        )
        cohort = ScoredCohort(with_background, measuring)
        is_newest = predicted.cohort_on == newest
        found.evaluation += evaluation_rows(cohort, has_intervals=is_newest)
        if predicted.split_code == split:
            probability = predicted.by_model[DEFAULT_MODEL][1]
            found.calibration += calibration_rows(predicted)
            audited = cohort if is_newest else cohort.without_intervals()
            found.subgroup += subgroup.subgroup_rows(audited, traits[list(TRAITS)])
            found.meaning.append(pd.DataFrame({"probability": probability, "label": predicted.label}))
            if is_newest:
                found.curve = _capacity_curve(cohort)
    return found


def _joined(meaning: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(meaning) if meaning else pd.DataFrame(columns=["probability", "label"], dtype=np.float64)


def _days_after(day: date, when: pd.Series) -> NDArray[np.float64]:
    since = pd.to_datetime(when) - pd.Timestamp(day)
    return np.asarray(since.dt.days.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


class _Seen:
    """Which pupils of a cohort are in the training data of a prediction, from an earlier cohort."""

    def __init__(self, run: SemesterRun) -> None:
        rows = run.read("cohort", columns=["cohort_on", "pupil_id", "label"]).sort_values(["cohort_on", "pupil_id"])
        number, pupils = pd.factorize(rows["pupil_id"])
        self._windows, self._pupils = run.windows(), len(pupils)
        self._numbers = {_day(day): number[place] for day, place in rows.groupby("cohort_on").indices.items()}
        known = rows["label"].notna().to_numpy()
        self._known = {
            _day(day): number[place[known[place]]] for day, place in rows.groupby("cohort_on").indices.items()
        }

    def before(self, predicted: Predicted) -> NDArray[np.bool_]:
        """Return them pupil by pupil."""
        test = next(window for window in self._windows if window.cut_off == predicted.cohort_on)
        allowed: splits.Split = "strict" if predicted.split_code == "strict" else "mature"
        is_taught = np.zeros(self._pupils, dtype=bool)
        for window in splits.training_windows(self._windows, test, allowed):
            is_taught[self._known[window.cut_off]] = True
        return np.asarray(is_taught[self._numbers[predicted.cohort_on]])


def _day(value: object) -> date:
    return pd.Timestamp(str(value)).date()


def _bands(run: SemesterRun, meaning: pd.DataFrame, capacity: Capacity) -> pd.DataFrame:
    schools = run.read("cohort", run.cut_off, ["school_id"])["school_id"]
    share = min(1.0, sum(capacity.by_school(schools).values()) / len(schools))
    return bands.bands(meaning, max(share, 1 / len(schools)))


def _drift_and_leaks(run: SemesterRun) -> dict[str, float | None]:
    """Write ``drift`` and return the AUC of each feature alone, a few columns of all cohorts at a time."""
    keys = ["cohort_on", "pupil_id"]
    written = run.read("feature", columns=keys)
    label = beside(written, run.read("cohort", columns=[*keys, "label"]), keys)["label"].to_numpy(
        np.float64, na_value=np.nan
    )
    of_cohort = {_day(day): place for day, place in written.groupby("cohort_on", sort=True).indices.items()}
    del written
    known = ~np.isnan(label)
    compared: list[tuple[object, ...]] = []
    alone: dict[str, float | None] = {}
    for codes in _batches([declared.code for declared in FEATURES]):
        feature = run.read("feature", columns=codes)
        for code in codes:
            values = feature[code].to_numpy(dtype=np.float64)
            spreads = {day: drift.Spread.of(values[place]) for day, place in of_cohort.items()}
            now = spreads.pop(run.cut_off)
            compared += [drift.drift_row(code, past, now) for past in spreads.values()]
            auc = auc_alone(pd.DataFrame({code: values[known]}), label[known])
            alone[code] = _number(auc[code])
    # Against the past cohort that is nearest: what grows with the years of data (days in school) or follows the length
    # of a term (marks given) was different in some years and is like today in another.
    table = drift.drift_table(compared)
    nearest = table.assign(size=table["shift_sd"].abs().fillna(0.0)).sort_values(["feature_code", "size", "psi"])
    run.write(DRIFT, nearest.drop_duplicates("feature_code").drop(columns="size"))
    return alone


def _batches(codes: list[str]) -> list[list[str]]:
    return [codes[first : first + COLUMNS_AT_ONCE] for first in range(0, len(codes), COLUMNS_AT_ONCE)]


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


def _cohorts(run: SemesterRun, tested: set[date]) -> list[dict[str, Any]]:
    cohort = run.read("cohort", columns=["cohort_on", "outcome_class", "label"])
    windows = run.windows()
    teachers = {window.cut_off for window in splits.training_windows(windows[:-1], windows[-1])}
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


def _capacity_curve(cohort: ScoredCohort) -> list[dict[str, Any]]:
    """Return the share reached with so many places by the default model and by each rule."""
    curve = []
    of_share = {share: cohort.with_capacity(Capacity(share), CURVE_REPLICATES) for share in CURVE_SHARES}
    for code in sorted(cohort.predicted.by_model):
        if code != DEFAULT_MODEL and code not in rules.RULES:
            continue
        for share, with_places in of_share.items():
            measured = with_places.measured(code)
            value, low, high = (_number(one) for one in measured.with_interval("recall_at_capacity"))
            curve.append({"model_code": code, "places_share": share, "recall": value, "low": low, "high": high})
    return curve


def _missingness(run: SemesterRun) -> list[dict[str, Any]]:
    """Return the share of present pupils without any value in a group of features."""
    now = run.read("feature", run.cut_off)
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
