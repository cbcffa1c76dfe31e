"""The declared table of an allocation: who is proposed for a measure, by optimisation or by lot. It lies beside the runs."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.canonical import PUPIL_ID, SCHOOL, SCHOOL_ID, SUPPORT
from riskmodel.tables.result_columns import PROBABILITY
from riskmodel.tables.schema import Column, Kind, Sensitivity, Table

ALLOCATION = Table(
    name="allocation",
    row=Words(
        "pupil who may get a measure: proposed or not, and how",
        "izglītojamais, kam var piešķirt pasākumu: vai un kā ieteikts",
    ),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        SCHOOL.column("municipality_code"),
        SUPPORT.column("measure_code"),
        PROBABILITY,
        Column(
            "state_code",
            Kind.CODE,
            Words("How it came", "Kā radies"),
            codes={
                "by_need": Words("by need, within the places", "pēc vajadzības, vietu robežās"),
                "by_hand": Words("decided by a person", "izlēmis cilvēks"),
                "certain": Words("certain of a place", "vieta noteikta"),
                "in_band": Words("by lot", "ar izlozi"),
                "no_place": Words("no place", "vietas nepietiek"),
            },
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "chance",
            Kind.DECIMAL,
            Words("Chance of a place before lots were drawn", "Izredzes iegūt vietu pirms izlozes"),
            low=0,
            high=1,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "lot",
            Kind.DECIMAL,
            Words(
                "Lot, the smallest get the places; empty: none was drawn",
                "Loze, vietas iegūst mazākās; tukšs – nav lozēts",
            ),
            required=False,
            low=0,
            high=1,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "has_place",
            Kind.FLAG,
            Words("Proposed for the measure", "Ieteikts pasākumam"),
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column("by", Kind.TEXT, Words("Who decided by hand", "Kurš izlēma"), required=False),
        Column(
            "reason",
            Kind.TEXT,
            Words("Why it was decided by hand", "Kāpēc tā izlemts"),
            required=False,
            max_length=1000,
            sensitivity=Sensitivity.PERSONAL,
        ),
    ),
    key=("pupil_id", "measure_code"),
)
"""A proposal: people decide."""
