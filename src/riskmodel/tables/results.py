"""All result tables of a run, in the order in which they are told; each is declared in the room of its matter."""

from __future__ import annotations

from riskmodel.tables.areas import MUNICIPALITY_SUMMARY, RELEASED_CELL, STATE_SUMMARY
from riskmodel.tables.deliveries_taken import MISSINGNESS, REJECTED_ROW, SCHOOL_ROWS, TABLE_ACCOUNT
from riskmodel.tables.fairness import FAIRNESS, FAIRNESS_CAUSE
from riskmodel.tables.figures import BAND, CALIBRATION, COVERAGE, DRIFT, EVALUATION, SCHOOL_SUMMARY, SUBGROUP
from riskmodel.tables.schema import Table
from riskmodel.tables.scores import (
    CHANGE_REASON,
    COHORT,
    CONTRIBUTION,
    PLACE,
    PREDICTION,
    REASON,
    SCORE,
    SCORE_CHANGE,
    SUPPORT_KNOWN,
    TREND_MONTH,
    TREND_WEEK,
    WHAT_IF,
)
from riskmodel.tables.worth import EFFECT, MEASURE_GRADE, RISK_SPREAD, TARGETING

RESULTS: tuple[Table, ...] = (
    TABLE_ACCOUNT,
    REJECTED_ROW,
    MISSINGNESS,
    SCHOOL_ROWS,
    COHORT,
    PLACE,
    PREDICTION,
    SCORE,
    CONTRIBUTION,
    REASON,
    SCORE_CHANGE,
    CHANGE_REASON,
    WHAT_IF,
    TREND_WEEK,
    TREND_MONTH,
    SUPPORT_KNOWN,
    EVALUATION,
    SUBGROUP,
    FAIRNESS,
    FAIRNESS_CAUSE,
    CALIBRATION,
    BAND,
    DRIFT,
    COVERAGE,
    EFFECT,
    MEASURE_GRADE,
    TARGETING,
    RISK_SPREAD,
    SCHOOL_SUMMARY,
    MUNICIPALITY_SUMMARY,
    STATE_SUMMARY,
    RELEASED_CELL,
)
