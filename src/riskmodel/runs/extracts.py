"""One file per school, a list of schools and the findings: all that a page may open of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.runs.manifest import code_of_this_process
from riskmodel.runs.semester import SemesterRun
from riskmodel.views.extract import REASONS_KEPT, findings_extract, index_extract, school_extract

SCHOOL_FIGURES = ("auc", "precision_at_capacity", "recall_at_capacity")
RESULT_TABLES = ("evaluation", "subgroup", "calibration", "band", "drift", "table_account")
LISTS_OF_METRICS = ("cohorts", "capacity_curve", "missingness", "assumptions", "notices")


def write_extracts(run: SemesterRun) -> dict[str, Any]:
    """Write the extract of every school, the list of schools and the findings; return the findings."""
    about = about_run(run)
    summary = records(run.read("school_summary"))
    scores = dict(list(run.read("score").groupby("school_id")))
    reason = run.read("reason")
    kept = reason[reason["place"] <= REASONS_KEPT]
    school_of = pd.concat([part[["pupil_id", "school_id"]] for part in scores.values()])
    reasons = dict(list(kept.merge(school_of, on="pupil_id").groupby("school_id")))
    bands, figures = records(run.read("band")), _figures(run)
    for school in summary:
        school_id = school["school_id"]
        extract = school_extract(about, school, records(scores[school_id]), records(reasons[school_id]), bands, figures)
        run.write_json(f"extracts/school/{school_id}.json", extract)
    run.write_json("extracts/index.json", index_extract(about, summary))
    findings = findings_extract(
        about,
        **{name: records(run.read(name)) for name in RESULT_TABLES},
        **{name: run.read_json("metrics.json")[name] for name in LISTS_OF_METRICS},
        importance=_importance(reason),
    )
    run.write_json("extracts/findings.json", findings)
    return findings


def about_run(run: SemesterRun) -> dict[str, Any]:
    """Return what every page says of the run. ``published_on`` is left to the manifest: it differs between reruns."""
    present = run.windows()[-1]
    described = run.read_json("model/model.json")
    return {
        "run_id": run.folder.name,
        "cut_off_on": run.cut_off,
        "horizon_on": present.horizon_on,
        "origin": run.origin,
        "model_code": described["model_code"],
        "code_version": code_of_this_process().version,
        "seed": described["seed"],
    }


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dictionaries; empty values, and what is beyond any number, as None."""
    known = rows.replace([np.inf, -np.inf], np.nan)
    plain = known.astype(object).where(known.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _figures(run: SemesterRun) -> list[dict[str, Any]]:
    metrics = run.read_json("metrics.json")
    evaluation = run.read("evaluation")
    chosen = evaluation[
        (evaluation["split_code"] == metrics["split_code"])
        & (evaluation["model_code"] == DEFAULT_MODEL)
        & (evaluation["subset_code"] == "all")
        & evaluation["metric_code"].isin(SCHOOL_FIGURES)
        & (evaluation["cohort_on"] == pd.Timestamp(metrics["cohort_on"] or 0))
    ]
    return records(chosen)


def _importance(reason: pd.DataFrame) -> list[dict[str, Any]]:
    size = reason.assign(mean_absolute_contribution=reason["contribution"].abs())
    keys = ["feature_code", "group_code"]
    means = size.groupby(keys, observed=True)["mean_absolute_contribution"].mean().reset_index()
    return records(means.sort_values(["mean_absolute_contribution", "feature_code"], ascending=[False, True]))
