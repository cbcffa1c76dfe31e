"""What a researcher looks at in the notebooks: short tables of the run's tables, and pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk.drift import Spread
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.features import FEATURES
from riskmodel.risk.quantiles import quantiles_of
from riskmodel.runs.extracts import records
from riskmodel.runs.semester import SemesterRun

HISTOGRAM_BINS = 20
QUANTILES = {"p05": 0.05, "median": 0.5, "p95": 0.95}


def outcomes(run: SemesterRun) -> pd.DataFrame:
    """Return day, school, outcome and label of the members of all cohorts; schools and outcomes are categorical."""
    coded = ["school_id", "outcome_class"]
    found: pd.DataFrame = run.read_arrow("cohort", ["cohort_on", *coded, "label"], coded).to_pandas(
        date_as_object=False
    )
    return found.assign(
        **{name: found[name].cat.reorder_categories(sorted(found[name].cat.categories)) for name in coded}
    )


def cohort_sizes(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return pupils and outcomes of each cohort, with the share who left among known outcomes."""
    counted = cohort.groupby(["cohort_on", "outcome_class"]).size().unstack(fill_value=0)
    left = cohort.groupby("cohort_on")["label"].mean().rename("left_share")
    return counted.assign(pupils=counted.sum(axis=1)).join(left)


def censored_by_school(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the spread over schools of the share of pupils whose outcome is neither 0 nor 1, per past cohort."""
    past = cohort[cohort["outcome_class"] != "open"]
    share = past["label"].isna().groupby([past["cohort_on"], past["school_id"]]).mean()
    return share.groupby("cohort_on").describe()[["count", "mean", "min", "50%", "max"]]


def row_counts(run: SemesterRun, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of tables of the run, and of how many pupils they are."""
    pupils = (run.read_arrow(name, ["pupil_id"], ["pupil_id"])["pupil_id"] for name in names)
    return pd.DataFrame({"rows": len(ids), "pupils": len(ids.unique())} for ids in pupils).set_index(
        pd.Index(names, name="table")
    )


def lower_by_assumption(run: SemesterRun) -> pd.DataFrame:
    """Return, by feature that was assumed to be usual, for how many pupils, and by how much the probability is lower."""
    assumed = run.read("what_if", columns=["pupil_id", "feature_code", "probability"]).dropna(subset="feature_code")
    now = run.read("score", columns=["pupil_id", "probability"]).set_index("pupil_id")["probability"]
    lower_by = assumed["pupil_id"].map(now) - assumed["probability"]
    return lower_by.groupby(assumed["feature_code"]).agg(["count", "median", "max"])


def features_by_group(run: SemesterRun) -> pd.DataFrame:
    """Return, for the present cohort, unit, direction, median, spread and missing share of each feature."""
    now = run.read_arrow("feature", [declared.code for declared in FEATURES], cohort_on=run.cut_off)
    rows = []
    for declared in FEATURES:
        spread = Spread.of(_numbers(now[declared.code]))
        ends = (
            quantiles_of(spread.known, tuple(QUANTILES.values())) if len(spread.known) else [math.nan] * len(QUANTILES)
        )
        rows.append(
            {
                "group": declared.group,
                "feature": declared.code,
                "unit": declared.unit,
                "direction": {1: "rises", -1: "falls"}.get(declared.direction, "free"),
                "no_data_share": spread.missing_share,
                **dict(zip(QUANTILES, ends, strict=True)),
            }
        )
    return pd.DataFrame(rows).set_index(["group", "feature"])


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.fill_null(math.nan).to_numpy(), dtype=np.float64)


def figures_side_by_side(evaluation: pd.DataFrame, split: str, metrics: list[str]) -> pd.DataFrame:
    """Return, for each cohort of one split, a row per model or rule with value and interval of each metric."""
    chosen = evaluation[
        (evaluation["split_code"] == split)
        & (evaluation["subset_code"] == "all")
        & evaluation["metric_code"].isin(metrics)
    ]
    text = chosen.assign(
        shown=[_with_interval(row["value"], row["low"], row["high"]) for row in chosen.to_dict("records")],
        is_rival=chosen["model_code"] != DEFAULT_MODEL,
    )
    wide = text.pivot_table(
        index=["cohort_on", "is_rival", "model_code"], columns="metric_code", values="shown", aggfunc="first"
    )
    return wide[[name for name in metrics if name in wide.columns]].droplevel("is_rival")


def subgroup_table(subgroup: pd.DataFrame) -> pd.DataFrame:
    """Return, for the newest cohort, a row per group with each metric and its interval."""
    newest = subgroup[subgroup["cohort_on"] == subgroup["cohort_on"].max()]
    text = newest.assign(
        shown=[
            _with_interval(row["value"], row["low"], row["high"]) if row["state_code"] == "enough" else "not enough"
            for row in newest.to_dict("records")
        ]
    )
    wide: pd.DataFrame = text.pivot(
        index=["trait_code", "group_value", "pupils", "left"], columns="metric_code", values="shown"
    )
    return wide


def difference_table(causes: pd.DataFrame) -> pd.DataFrame:
    """Return a row per flagged difference between a group and all others, the largest first, with its parts by cause."""
    parts = ["difference", *(name for name in causes.columns if name.endswith("_part"))]
    by_size = causes.assign(size=causes["difference"].abs()).sort_values(
        ["size", "trait_code", "group_value", "metric_code"], ascending=[False, True, True, True]
    )
    wide: pd.DataFrame = by_size.set_index(["trait_code", "group_value", "metric_code"])
    return wide[["flag_level", *parts, "cause_code", "left", "expected_left"]].round(3)


def not_shown_to_be_worse(metrics: dict[str, Any]) -> pd.DataFrame:
    """Return the rules and challengers over which the default model's paired gain in AUC is not wholly above 0.

    Empty in the first years, when nothing could be predicted out of time.
    """
    columns = ["value", "low", "high"]
    gains = {code: figures["auc_gain"] for code, figures in metrics["baselines"].items() if "auc_gain" in figures}
    table = pd.DataFrame.from_dict(gains, orient="index", columns=columns, dtype=float)
    return table[~(table["low"] > 0)]


def strongest(contribution: pa.Table, count: int = 15) -> pd.DataFrame:
    """Return the features with the largest mean absolute contribution, and the share of pupils whom each raises."""
    codes = [name for name in contribution.column_names if name != "pupil_id"]
    values = {code: _numbers(contribution[code]) for code in codes}
    groups = {declared.code: declared.group for declared in FEATURES}
    table = pd.DataFrame(
        {
            "group_code": [groups[code] for code in codes],
            "mean_absolute_contribution": [np.abs(values[code]).mean() for code in codes],
            "raises_share": [(values[code] > 0).mean() for code in codes],
        },
        index=pd.Index(codes, name="feature_code"),
    )
    return table.sort_values("mean_absolute_contribution", ascending=False, kind="stable").head(count)


def probability_bins(score: pd.DataFrame) -> list[tuple[float, float, int]]:
    """Return the bins of a histogram of the probabilities."""
    top = float(score["probability"].max()) or 1.0
    edges = [top * place / HISTOGRAM_BINS for place in range(HISTOGRAM_BINS + 1)]
    counts = pd.cut(score["probability"], edges, include_lowest=True).value_counts(sort=False)
    return [(low, high, int(count)) for low, high, count in zip(edges, edges[1:], counts, strict=False)]


def newest_calibration(run: SemesterRun) -> list[dict[str, Any]]:
    """Return the tenths of the newest cohort by the default model."""
    table = run.read("calibration")
    newest = table[(table["cohort_on"] == table["cohort_on"].max()) & (table["model_code"] == DEFAULT_MODEL)]
    return records(newest)


def _with_interval(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if math.isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def effects_of(effect: pd.DataFrame, measure: str = "") -> pd.DataFrame:
    """Return the comparisons of one measure, or of all single measures as a whole: what came out, and what may be said of it."""
    whole = (effect["group_code"] == "all") & (effect["school_year_code"] == "all")
    rows = effect[effect["measure_code"] == measure] if measure else effect[whole]
    kept = ["value", "low", "high", "detectable", "pupils_given", "pupils_compared", "pupils_needed"]
    key = ["measure_code", "kind_code", "group_code", "school_year_code"]
    said = ["verdict_code", "reason_code", "failed_checks"]
    return rows[[*key, *kept, *said]].set_index(key).round(4)
