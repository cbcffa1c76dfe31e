"""The result tables about what was delivered: accounts of rows, rows put aside, what is missing."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.canonical import SCHOOL_ID
from riskmodel.tables.schema import Column, Kind, Table

TABLE_ACCOUNT = Table(
    name="table_account",
    row=Words("canonical table: what became of its rows", "kanoniskā tabula: kas notika ar tās rindām"),
    columns=(
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        *(
            Column(name, Kind.INTEGER, Words(en, lv), unit="rows", low=0)
            for name, en, lv in (
                ("read_rows", "Rows read", "Nolasītas rindas"),
                ("used_rows", "Rows used", "Izmantotas rindas"),
                ("quarantined_rows", "Rows put aside", "Atliktas rindas"),
                ("merged_rows", "Rows merged (repeated, or folded)", "Apvienotas rindas (atkārtotas vai summētas)"),
            )
        ),
    ),
    key=("table_name",),
)

REJECTED_ROW = Table(
    name="rejected_row",
    row=Words("row put aside, with the reason", "atlikta rinda ar iemeslu"),
    columns=(
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        Column("file_name", Kind.TEXT, Words("File", "Datne"), max_length=400),
        Column(
            "row_number",
            Kind.INTEGER,
            Words("Row in the file; the header is row 1", "Rinda datnē; galvene ir 1. rinda"),
            low=0,
        ),
        Column(
            "column_name",
            Kind.TEXT,
            Words("Column; empty: the whole row", "Kolonna; tukšs – visa rinda"),
            required=False,
        ),
        Column("rule_code", Kind.CODE, Words("Rule", "Kārtula"), pattern="[a-z0-9_]{1,60}"),
        Column(
            "reason_lv",
            Kind.TEXT,
            Words("What must hold, and what to do (Latvian)", "Kam jābūt un ko darīt"),
            max_length=600,
        ),
        Column(
            "reason_en",
            Kind.TEXT,
            Words("What must hold, and what to do (English)", "Kam jābūt un ko darīt (angliski)"),
            max_length=600,
        ),
    ),
    key=("table_name", "file_name", "row_number", "column_name", "rule_code"),
)

MISSINGNESS = Table(
    name="missingness",
    row=Words("column of a canonical table: how much of it is empty", "kanoniskās tabulas kolonna: cik tajā tukšā"),
    columns=(
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        Column("column_name", Kind.CODE, Words("Column", "Kolonna"), pattern="[a-z_]{1,40}"),
        Column("rows", Kind.INTEGER, Words("Rows", "Rindas"), unit="rows", low=0),
        Column("missing_share", Kind.DECIMAL, Words("Share of empty values", "Tukšo vērtību daļa"), low=0, high=1),
    ),
    key=("table_name", "column_name"),
)

SCHOOL_ROWS = Table(
    name="school_rows",
    row=Words("school and table: rows of the last twelve months", "iestāde un tabula: pēdējo divpadsmit mēnešu rindas"),
    columns=(
        SCHOOL_ID,
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        Column("rows", Kind.INTEGER, Words("Rows", "Rindas"), unit="rows", low=0),
    ),
    key=("school_id", "table_name"),
)
"""What the next run is compared with: a school whose rows fall or rise by a lot is looked at."""
