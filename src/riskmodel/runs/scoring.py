"""Scores of the present cohort, their reasons, what changed since an earlier run, and what if (50_explanation)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.risk.bands import band_of
from riskmodel.risk.calibration import Calibrator
from riskmodel.risk.capacity import Capacity, place_in_school
from riskmodel.risk.doubt.aside import order_with_aside
from riskmodel.risk.explanation import REASONS_KEPT, data_states, reasons, strongest, usual_values
from riskmodel.risk.features import FEATURES, feature
from riskmodel.risk.shapley import Explained, shapley
from riskmodel.risk.what_if import assumptions, what_if
from riskmodel.runs.comparing import write_changes
from riskmodel.runs.doubting import Decided
from riskmodel.runs.judging import capacity_of
from riskmodel.runs.parquet import WIDE_KEY, read_numbers
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.training import read_model
from riskmodel.tables.figures import SCHOOL_SUMMARY
from riskmodel.tables.result_columns import BANDS
from riskmodel.tables.scores import CONTRIBUTION, REASON, SCORE, WHAT_IF

ASSUMED_BANDS = ("medium", "high")
"""For pupils of these bands, and for those with a place, it is told what if."""


def score(run: SemesterRun, capacity_share: float, capacity_places: int, new_pupil_days: int) -> pd.DataFrame:
    """Return the scores of the present cohort, and write ``score``, ``contribution``, ``reason`` and ``school_summary``.

    Besides ``score_change`` and ``change_reason`` (see :mod:`riskmodel.runs.comparing`), and ``what_if``.

    Raises
    ------
    RunFailedError
        When the reasons of a pupil do not add up to the score.
    """
    fitted, calibrator = read_model(run)
    members, features = _present(run, fitted.feature_codes)
    states = data_states(features, FEATURES, new_pupil_days)
    read = features.iloc[:, : len(fitted.feature_codes)]
    del features  # the country's are as large as the contributions
    explained = shapley(fitted, read)
    capacity = capacity_of(run.read("place"), capacity_share, capacity_places)
    with ThreadPoolExecutor(1, thread_name_prefix="reason") as pool:
        reasoned = pool.submit(_write_reasons, run, members, read, explained.values)
        run.write_rows(CONTRIBUTION, _wide(read, explained.values))
        scores = run.write(SCORE, _scores(run, members, states, explained, calibrator, capacity))
        chosen, usual = reasoned.result()
    run.write(SCHOOL_SUMMARY, _summary(run, scores, capacity, capacity_places))
    write_changes(run, scores, read, explained.values)
    needs_support = scores["band_code"].isin(ASSUMED_BANDS) | scores["is_within_capacity"]
    told = np.flatnonzero(needs_support & (scores["state_code"] != "too_little_data"))
    of_told = read.iloc[told]
    catalogue = [feature(code) for code in fitted.feature_codes]
    assumed = assumptions(of_told, explained.values[told], chosen[told], usual[told], catalogue)
    told_raw = explained.raw_score[told]
    run.write_rows(WHAT_IF, what_if(of_told, assumed, told_raw, fitted, calibrator, run.read("band")))
    return scores


def _scores(
    run: SemesterRun,
    members: pd.DataFrame,
    states: pd.DataFrame,
    explained: Explained,
    calibrator: Calibrator,
    capacity: Capacity,
) -> pd.DataFrame:
    raw, decided = explained.raw_score, Decided.read(run)
    probability = calibrator.probability(raw)
    state = decided.states(probability, states["state_code"].to_numpy(dtype=object))
    low, high = decided.interval(probability, state)
    place = place_in_school(raw, members["school_id"], members["pupil_id"])
    places = members["school_id"].map(capacity.by_school(members["school_id"])).to_numpy(dtype=np.int64)
    if decided.set_aside:
        is_aside = np.isin(state.astype(str), decided.set_aside)
        place = order_with_aside(is_aside, places, members["school_id"].to_numpy(), place)
    columns = ["pupil_id", "school_id", "stage_kind", "stage_number", "class_code"]
    return members[columns].assign(
        raw_score=raw,
        base_score=explained.base,
        probability=probability,
        probability_low=low,
        probability_high=high,
        band_code=band_of(probability, run.read("band")),
        place=place,
        is_within_capacity=place <= places,
        **{name: states[name].to_numpy() for name in states.columns if name != "state_code"},
        state_code=state,
    )


def _write_reasons(
    run: SemesterRun, members: pd.DataFrame, features: pd.DataFrame, contributions: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Write ``reason``; return the chosen features of each pupil and the usual values beside them."""
    chosen = strongest(contributions, REASONS_KEPT)
    usual = usual_values(features, members, chosen)
    run.write_rows(REASON, reasons(features, contributions, chosen, usual, FEATURES))
    return chosen, usual.median


def _present(run: SemesterRun, codes: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return members and features of the present cohort, row by row beside each other; first the features ``codes``.

    All features stand in one piece of memory, so that those of a model are the first part of it and no copy.
    """
    members = run.read("cohort", run.cut_off).sort_values("pupil_id", ignore_index=True)
    pupils = pd.Index(run.read("feature", run.cut_off, ["pupil_id"])["pupil_id"])
    stored = pq.read_schema(run.tables / "feature.parquet").names
    names = list(dict.fromkeys([*codes, *(name for name in stored if name not in WIDE_KEY)]))
    matrix = read_numbers(run.tables, "feature", run.cut_off, names, np.empty(len(pupils) * len(names)))
    values = pd.DataFrame(matrix, index=pupils, columns=names, copy=False)
    return members, values if pupils.equals(pd.Index(members["pupil_id"])) else values.loc[members["pupil_id"]]


def _wide(features: pd.DataFrame, contributions: NDArray[np.float64]) -> pa.Table:
    """Return the contributions with a column per feature."""
    columns = {str(code): contributions[:, place] for place, code in enumerate(features.columns)}
    return pa.table({"pupil_id": pa.array(features.index, pa.string()), **columns})


def _summary(run: SemesterRun, scores: pd.DataFrame, capacity: Capacity, capacity_places: int) -> pd.DataFrame:
    place = run.read("place").set_index("school_id")
    by_school = scores.groupby("school_id")
    is_assumed = place["places"].isna() if not capacity_places else pd.Series(False, index=place.index)
    counted = {
        f"band_{code}": scores["band_code"].eq(code).groupby(scores["school_id"]).sum().astype(int) for code in BANDS
    }
    too_little = scores["state_code"].eq("too_little_data").groupby(scores["school_id"]).sum().astype(int)
    summary = place[["school_name", "school_kind", "municipality_code"]].assign(
        pupils=by_school.size(),
        places=pd.Series(capacity.by_school(scores["school_id"])),
        is_capacity_assumed=is_assumed,
        **counted,
        too_little_data=too_little,
        has_support_data=place["has_support_data"],
    )
    return summary.reset_index()[list(SCHOOL_SUMMARY.column_names)]
