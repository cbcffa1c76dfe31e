"""The gates before a run is published: a run that fails one is held until a named person releases it.

Each gate measures one figure of the run, most of them against the run before. The limits are settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.risk import drift as drifting
from riskmodel.risk.feature import CONTEXT
from riskmodel.risk.features import FEATURES
from riskmodel.runs.gate_report import Gate
from riskmodel.runs.parquet import read_table
from riskmodel.settings import WORTH_A_LOOK_PSI, Settings

MAX_ADDITIVITY_GAP = 1e-5
"""Base score plus contributions may differ from the raw score by so many log-odds: rounding of 200 additions."""
MOST_SUBJECTS = 20
"""So many schools or features are named; the count says how many there are."""


@dataclass(frozen=True)
class Evidence:
    """What the gates look at: the run, the run before (None at the first), and the limits."""

    folder: Path
    before: Path | None
    settings: Settings


Check = Callable[[Evidence], Gate]


def school_rows(evidence: Evidence) -> Gate:
    """Hold a run in which a school's rows of the last twelve months changed by more than the limit."""
    limit = evidence.settings.max_school_rows_change
    if evidence.before is None:
        return _gate("school_rows", pd.Series(dtype=float), limit)
    now, before = (_rows_of_schools(folder) for folder in (evidence.folder, evidence.before))
    both = now.index.intersection(before.index)
    change = (now[both] / before[both] - 1).abs()
    return _gate("school_rows", change, limit)


def schools_missing(evidence: Evidence) -> Gate:
    """Hold a run in which a school of the run before has no row."""
    if evidence.before is None:
        return _gate("schools_missing", pd.Series(dtype=float), 0.0)
    now, before = (_rows_of_schools(folder) for folder in (evidence.folder, evidence.before))
    missing = before.index.difference(now.index)
    return _gate("schools_missing", pd.Series(1.0, index=missing), 0.0)


def _rows_of_schools(folder: Path) -> pd.Series[float]:
    rows = read_table(folder / "tables", "school_rows")
    sums = rows.groupby("school_id")["rows"].sum().astype(float)
    return sums[sums > 0]


def quarantined_share(evidence: Evidence) -> Gate:
    """Hold a run that read a table of which too many rows were put aside."""
    account = read_table(evidence.folder / "tables", "table_account").set_index("table_name")
    share = account["quarantined_rows"] / account["read_rows"].where(account["read_rows"] > 0)
    return _gate("quarantined_share", share, evidence.settings.max_quarantined_share)


def calibration_gap(evidence: Evidence) -> Gate:
    """Hold a run whose predictions for the newest cohort with outcomes were too high or too low on average."""
    metrics = json.loads((evidence.folder / "metrics.json").read_text("utf-8"))
    gap = metrics["calibration_gap"]["value"]
    limit = evidence.settings.max_calibration_gap
    return Gate("calibration_gap", gap is not None and abs(gap) <= limit, gap, limit, count=int(gap is None))


def drift(evidence: Evidence) -> Gate:
    """Hold a run in which a feature of the pupils has another size and another form than in the past cohorts.

    Unemployment, wages and prices of an area move by nature; what stands around a pupil (stage, size of the class, days
    in the school) follows who is enrolled and how many years were delivered. They stand in the table, and hold nothing.
    """
    table = read_table(evidence.folder / "tables", "drift").set_index("feature_code")
    by_nature = [
        declared.code for declared in FEATURES if declared.group == CONTEXT or "economic_area" in declared.needs
    ]
    of_pupils = table.drop(index=by_nature, errors="ignore")
    moved = of_pupils["shift_sd"].abs() > evidence.settings.max_drift_shift
    return _gate("drift", of_pupils["psi"].where(moved), evidence.settings.max_drift_psi)


def recorded(evidence: Evidence) -> Gate:
    """Hold a run whose present cohort has absences recorded many times more or fewer than any past cohort."""
    limit = evidence.settings.max_recorded_times
    table = read_table(evidence.folder / "tables", "drift")
    return _gate("recorded", drifting.recorded_otherwise(table, limit, WORTH_A_LOOK_PSI), limit)


def foretold(evidence: Evidence) -> Gate:
    """Hold a run when many more or fewer left of the newest matured cohort than was foretold: the base rate has moved.

    Where no cohort was predicted, :func:`calibration_gap` holds the run.
    """
    limit = evidence.settings.max_foretold_times
    metrics = json.loads((evidence.folder / "metrics.json").read_text("utf-8"))
    cohorts = [
        (one["cohort_on"], drifting.Foretold(one["pupils"], one["left"], one["expected"], one["error"]))
        for one in metrics["foretold"]
        if one["error"] is not None
    ]
    if not cohorts:
        return Gate("foretold", True, None, limit)
    cohort_on, newest = cohorts[-1]
    is_beyond = newest.is_beyond(limit)
    return Gate(
        "foretold", not is_beyond, round(newest.ratio, 6), limit, (cohort_on,) if is_beyond else (), int(is_beyond)
    )


def data_missing(evidence: Evidence) -> Gate:
    """Hold a run in which a feature is without data for many more pupils than one silent school explains.

    A school that falls silent is the affair of the gate on its rows, which knows the run before.
    """
    table = read_table(evidence.folder / "tables", "drift").set_index("feature_code")
    pupils = read_table(evidence.folder / "tables", "place")["pupils"]
    rise = table["missing_share_now"] - table["missing_share_before"] - pupils.max() / pupils.sum()
    return _gate("data_missing", rise, evidence.settings.max_missing_rise)


def leak(evidence: Evidence) -> Gate:
    """Hold a run in which one feature alone ranks so well that it must have seen the outcome."""
    metrics = json.loads((evidence.folder / "metrics.json").read_text("utf-8"))
    alone = pd.Series(metrics["feature_auc"], dtype=float)
    return _gate("leak", alone, evidence.settings.max_feature_auc)


def additivity(evidence: Evidence) -> Gate:
    """Hold a run in which a pupil's reasons do not add up to the score."""
    folder = evidence.folder / "tables"
    score = pq.read_table(folder / "score.parquet", columns=["pupil_id", "base_score", "raw_score"])
    base, raw = (score[name].to_numpy() for name in ("base_score", "raw_score"))
    gap = np.abs(base + _sums_of_reasons(folder / "contribution.parquet", score["pupil_id"].combine_chunks()) - raw)
    largest = float(gap.max()) if len(gap) and not np.isnan(gap).any() else None
    is_passed = len(gap) == 0 or (largest is not None and largest <= MAX_ADDITIVITY_GAP)
    return Gate("additivity", is_passed, largest, MAX_ADDITIVITY_GAP, count=int((gap > MAX_ADDITIVITY_GAP).sum()))


def _sums_of_reasons(path: Path, pupils: pa.Array) -> NDArray[np.float64]:
    """Return the sum of the contributions of each of these pupils, NaN where one is missing; a column is read at a time."""
    file = pq.ParquetFile(path)
    own = file.read(columns=["pupil_id"])["pupil_id"].combine_chunks()
    sums = np.zeros(len(own))
    for code in file.schema_arrow.names:
        if code != "pupil_id":
            sums += file.read(columns=[code])[code].to_numpy()
    if own.equals(pupils):
        return sums
    return np.asarray(pa.array(sums).take(pc.index_in(pupils, value_set=own)).to_numpy(zero_copy_only=False))


SEMESTER: tuple[Check, ...] = (
    school_rows,
    schools_missing,
    quarantined_share,
    calibration_gap,
    foretold,
    drift,
    recorded,
    data_missing,
    leak,
    additivity,
)


def _gate(code: str, values: pd.Series[float], limit: float) -> Gate:
    beyond = values[values > limit].sort_values(ascending=False, kind="stable")
    found = round(float(values.max()), 6) if values.notna().any() else None
    return Gate(
        code, beyond.empty, found, limit, tuple(str(name) for name in beyond.index[:MOST_SUBJECTS]), len(beyond)
    )
