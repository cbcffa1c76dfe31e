"""The result tables about areas: what a municipality and the state may see, and the ledger of what was released."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.schema import Column, Kind, Sensitivity, Table

CUT_CODE = Column("cut_code", Kind.CODE, Words("Cut", "Griezums"), pattern="[a-z0-9_]{1,40}")
SUBJECT_ON = Column(
    "subject_on",
    Kind.DATE,
    Words(
        "Cut-off date, or first day of the school year of a past cohort",
        "Robeždatums vai grupas mācību gada pirmā diena",
    ),
    unit="date",
)
UNIT_KIND = Column(
    "unit_kind",
    Kind.CODE,
    Words("Kind of unit", "Vienības veids"),
    codes={
        "school": Words("school", "izglītības iestāde"),
        "municipality": Words("municipality", "pašvaldība"),
        "region": Words("planning region", "plānošanas reģions"),
        "state": Words("state", "valsts"),
    },
)
UNIT_CODE = Column("unit_code", Kind.TEXT, Words("Unit", "Vienība"))
FIGURE_CODE = Column("figure_code", Kind.CODE, Words("Figure", "Rādītājs"), pattern="[a-z0-9_]{1,40}")
SHOWN_COLUMNS = (
    UNIT_KIND,
    UNIT_CODE,
    SUBJECT_ON,
    FIGURE_CODE,
    Column(
        "count", Kind.INTEGER, Words("Count; empty: not shown", "Skaits; tukšs – netiek rādīts"), required=False, low=0
    ),
    Column(
        "state_code",
        Kind.CODE,
        Words("State", "Stāvoklis"),
        codes={
            "shown": Words("shown", "rādīts"),
            "suppressed": Words("too few to show", "pārāk mazs, lai to rādītu"),
            "no_data": Words("no data", "nav datu"),
        },
    ),
)
SHOWN_KEY = ("unit_kind", "unit_code", "subject_on", "figure_code")

MUNICIPALITY_SUMMARY = Table(
    name="municipality_summary",
    row=Words(
        "figure of a school or municipality, as its municipality may see it",
        "iestādes vai pašvaldības rādītājs, kādu drīkst redzēt pašvaldība",
    ),
    columns=(Column("municipality_code", Kind.TEXT, Words("Municipality", "Pašvaldība")), *SHOWN_COLUMNS),
    key=("municipality_code", *SHOWN_KEY),
)

STATE_SUMMARY = Table(
    name="state_summary",
    row=Words(
        "figure of a municipality, a region or the state, as the state may see it",
        "pašvaldības, reģiona vai valsts rādītājs, kādu drīkst redzēt valsts",
    ),
    columns=SHOWN_COLUMNS,
    key=SHOWN_KEY,
)

RELEASED_CELL = Table(
    name="released_cell",
    row=Words(
        "cell of the ledger: what this run released for the first time, and the counts behind it",
        "žurnāla šūna: ko šī izpilde publicēja pirmoreiz, un skaiti aiz tās",
    ),
    columns=(
        CUT_CODE,
        SUBJECT_ON,
        Column(
            "level",
            Kind.INTEGER,
            Words("Level of the unit, from the schools up", "Vienības līmenis no iestādēm"),
            low=0,
        ),
        UNIT_CODE,
        Column("parent_code", Kind.TEXT, Words("Unit above", "Augstāka vienība")),
        Column(
            "cell_code", Kind.TEXT, Words("Cell; empty: a count behind the cells", "Šūna; tukšs – skaits aiz šūnām")
        ),
        Column("kind_code", Kind.TEXT, Words("Kind of pupils behind the cells", "Izglītojamo veids aiz šūnām")),
        Column("count", Kind.INTEGER, Words("Count", "Skaits"), unit="pupils", low=0, sensitivity=Sensitivity.PERSONAL),
        Column("is_shown", Kind.FLAG, Words("Shown", "Rādīts")),
    ),
    key=("cut_code", "subject_on", "level", "unit_code", "cell_code", "kind_code"),
)
"""What a later release of the same subject is compared with. It holds small counts, and no page reads it."""
