"""The equal-budget comparison on a run: the newest cohort that was predicted out of time, with every way to choose that it allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.errors import RunFailedError
from riskmodel.messages import LANGUAGES, message
from riskmodel.risk.capacity import Capacity, number_schools
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.targeting.comparison import Comparing, Targeted, areas_of, compare
from riskmodel.risk.targeting.spread import area_key, spread_of, spread_table
from riskmodel.risk.targeting.strategies import (
    BENEFIT,
    TEACHER_LIKE,
    RiskEffect,
    class_rate,
    expected_benefit,
    orders_of,
)
from riskmodel.risk.targeting.verdicts import plain_verdict
from riskmodel.runs.judging import capacity_of
from riskmodel.runs.predictions import newest_predicted, predicted_parts, read_prediction
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.worth import RISK_SPREAD, TARGETING
from riskmodel.views.extract import plain

AS_DELIVERED = "as_delivered"


@dataclass(frozen=True)
class Cohort:
    """A cohort ready to be compared, with what the spread of its risk needs: the stage and predicted probability of each."""

    targeted: Targeted
    stage: pd.Series
    probability: NDArray[np.float64]


def newest_cohort(run: SemesterRun, effects: tuple[RiskEffect, ...] = ()) -> Cohort:
    """Return the newest predicted cohort of a run; ``effects`` by risk, where they are known, add the strategy ``benefit``.

    Raises
    ------
    RunFailedError
        When the run predicted no past cohort.
    """
    newest = newest_predicted(predicted_parts(run.tables))
    if newest is None:
        raise RunFailedError(
            message("Ways to choose are compared on a past cohort whose outcomes are known."),
            found=message("This run predicted none."),
            remedy=message("Deliver an earlier school year."),
        )
    day = newest.cohort_on
    predicted = read_prediction(run.tables, newest.number)
    columns = ["municipality_code", "stage_kind", "stage_number"]
    pupils = run.read_beside(predicted.pupil_id, "cohort", day, columns)
    stage = pupils["stage_kind"].astype(str) + "/" + pupils["stage_number"].astype(str)
    codes = [code for needed in TEACHER_LIKE.needs for code in needed]
    features = run.read_beside(predicted.pupil_id, "feature", day, codes)
    probability = predicted.by_model[DEFAULT_MODEL][1]
    others = {"teacher_like": TEACHER_LIKE.apply(features)} if TEACHER_LIKE.has_data(features) else {}
    past = _past(run, day)
    if past["label"].notna().any():
        others["class_rate"] = class_rate(past, predicted.school_id, stage)
    averted = None
    if effects:
        others[BENEFIT] = averted = expected_benefit(probability, effects)
    targeted = Targeted(
        day,
        predicted.school_id,
        pupils["municipality_code"],
        predicted.label,
        orders_of(predicted, DEFAULT_MODEL, others),
        averted,
    )
    return Cohort(targeted, stage, probability)


def compare_places(run: SemesterRun, capacity_share: float, capacity_places: int, seed: int) -> dict[str, Any]:
    """Return what pages tell of the equal-budget comparison; write ``targeting`` and ``risk_spread``.

    ``verdicts`` holds by area (``state`` and the municipalities) a code and a sentence in each language, with the places that
    there are; ``between_schools`` the share of the spread of risk that lies between schools, over the state, with its interval. A
    run without a past cohort has neither.
    """
    if not predicted_parts(run.tables):
        run.write_none(TARGETING)
        run.write_none(RISK_SPREAD)
        return {"verdicts": {}, "between_schools": None}
    capacity = capacity_of(run.read("place"), capacity_share, capacity_places)
    compared, spread = compare_run(newest_cohort(run), capacity, seed)
    compared, spread = run.write(TARGETING, compared), run.write(RISK_SPREAD, spread)
    areas = compared.loc[compared["budget_code"] == AS_DELIVERED, ["area_kind", "area_code"]].drop_duplicates()
    told: dict[str, dict[str, str]] = {}
    for kind, code in areas.itertuples(index=False):
        verdict = plain_verdict(compared, code, AS_DELIVERED)
        sentence: dict[str, str] = {language: verdict.sentence().in_language(language) for language in LANGUAGES}
        told["state" if kind == "state" else str(code)] = {"verdict_code": verdict.verdict_code, **sentence}
    of_state = spread[
        (spread["area_kind"] == "state") & (spread["risk_code"] == "predicted") & (spread["level_code"] == "school")
    ]
    between = [
        plain({str(name): row[name] for name in ("value", "low", "high")}) for row in of_state.to_dict("records")
    ]
    return {"verdicts": told, "between_schools": between[0] if between else None}


def compare_run(
    cohort: Cohort, capacity: Capacity, seed: int, replicates: int = 400
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables ``targeting`` and ``risk_spread`` of a cohort, with the places that there are, 5 % and 20 %."""
    budgets = {"as_delivered": capacity, "share_05": Capacity(0.05), "share_20": Capacity(0.20)}
    comparing = Comparing(budgets, replicates, seed)
    return compare(cohort.targeted, comparing), spread_of_risk(cohort, comparing)


def spread_of_risk(cohort: Cohort, comparing: Comparing) -> pd.DataFrame:
    """Return the table ``risk_spread``: of the predicted probability and of who left, by area."""
    own = cohort.targeted
    school, _ = number_schools(own.school_id)
    rows: list[tuple[object, ...]] = []
    for area in areas_of(own):
        schools = np.unique(school[area.rows], return_inverse=True)[1].astype(np.int32)
        stage, left = cohort.stage.iloc[area.rows], int(np.nansum(own.label[area.rows]))
        for risk, values in (("predicted", cohort.probability), ("outcome", own.label)):
            found = spread_of(values[area.rows], schools, stage, comparing)
            rows += found.rows(area_key(own.cohort_on, area, risk), len(area.rows), left)
    return spread_table(rows)


def _past(run: SemesterRun, day: date) -> pd.DataFrame:
    """Return school, stage and label of cohorts whose outcomes were known on a day."""
    columns = ["cohort_on", "school_id", "stage_kind", "stage_number", "label", "label_known_on"]
    rows = run.read("cohort", None, columns)
    known = rows[pd.to_datetime(rows["label_known_on"]) <= pd.Timestamp(day)]
    stage = known["stage_kind"].astype(str) + "/" + known["stage_number"].astype(str)
    return pd.DataFrame({"school_id": known["school_id"], "stage": stage, "label": known["label"]})
