"""Columns and codes that several result tables share."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.schema import Column, Kind, Sensitivity

COHORT_ON = Column("cohort_on", Kind.DATE, Words("Cut-off date of the cohort", "Grupas robeždatums"), unit="date")

MODEL_CODE = Column("model_code", Kind.CODE, Words("Model or rule", "Modelis vai kārtula"), pattern="[a-z0-9_]{1,40}")

MEMBERS = Column("pupils", Kind.INTEGER, Words("Pupils counted", "Izglītojamo skaits"), unit="pupils", low=0)

LEFT = Column("left", Kind.INTEGER, Words("Of them left early", "No tiem pārtrauca mācības"), unit="pupils", low=0)

VALUE = Column(
    "value", Kind.DECIMAL, Words("Value; empty: not defined", "Vērtība; tukšs – nav nosakāma"), required=False
)

LOW = Column(
    "low", Kind.DECIMAL, Words("Lower end of the 95 % interval", "95 % intervāla apakšējā robeža"), required=False
)

HIGH = Column(
    "high", Kind.DECIMAL, Words("Upper end of the 95 % interval", "95 % intervāla augšējā robeža"), required=False
)

PROBABILITY = Column(
    "probability",
    Kind.DECIMAL,
    Words("Calibrated probability of leaving within the window", "Kalibrēta varbūtība pārtraukt mācības logā"),
    low=0,
    high=1,
    sensitivity=Sensitivity.PERSONAL,
)

RAW_SCORE = Column(
    "raw_score",
    Kind.DECIMAL,
    Words("Raw score of the model, log-odds", "Modeļa vērtējums, log-izredzes"),
    unit="log-odds",
    sensitivity=Sensitivity.PERSONAL,
)

BANDS = {
    "low": Words("low", "zems"),
    "medium": Words("medium", "vidējs"),
    "high": Words("high", "augsts"),
}

GROUPS = {
    "attendance": Words("attendance", "apmeklējums"),
    "learning": Words("learning", "mācības"),
    "economic": Words("economic situation", "ekonomiskā situācija"),
    "context": Words("context", "apstākļi"),
}
