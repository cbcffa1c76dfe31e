"""What a declared table is: columns, units, ranges, keys, rules.

A table is said once, here in this vocabulary (see :mod:`riskmodel.tables.canonical` and
:mod:`riskmodel.tables.results`). The checks, the dictionary ``data/README.md``, the Arrow schema and the
invented rows of the tests all derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from riskmodel.messages import Words


class Kind(StrEnum):
    """The kinds of value. Each field of a delivery is read as text first and then typed by its kind."""

    TEXT = "text"
    CODE = "code"  # text from a closed list (``codes``) or of a form (``pattern``)
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    FLAG = "flag"


class Sensitivity(StrEnum):
    """How far a value may travel."""

    OPEN = "open"
    PERSONAL = "personal"  # about a pupil, under a pseudonym
    AUDIT = "audit"  # protected trait: kept for audit, not used for scoring by default
    IDENTITY = "identity"  # names and register ids: only in the protected store


ARROW_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.CODE: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.DECIMAL: pa.float64(),
    Kind.DATE: pa.date32(),
    Kind.FLAG: pa.bool_(),
}
SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.CODE: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.DECIMAL: "DOUBLE",
    Kind.DATE: "DATE",
    Kind.FLAG: "BOOLEAN",
}


@dataclass(frozen=True)
class Column:
    """One column: its kind, unit, range, codes and meaning.

    ``low`` and ``high`` are inclusive bounds in the column's unit (numbers, or ISO dates as text).
    ``headers`` are further names that deliveries use for it (compared without case, spaces and diacritics).
    ``example`` shows a text of the ``pattern`` where a drawn one would puzzle people.
    ``may_be_future``: the date may be later than the day of the delivery (a calendar, a plan, a day on which work
    is due). ``whole_month``: the date is brought to the first day of its month, and the day is not kept.
    """

    name: str
    kind: Kind
    words: Words
    unit: str = ""
    required: bool = True
    low: float | str | None = None
    high: float | str | None = None
    codes: Mapping[str, Words] = field(default_factory=dict)
    pattern: str = ""
    max_length: int = 200
    sensitivity: Sensitivity = Sensitivity.OPEN
    headers: tuple[str, ...] = ()
    may_be_future: bool = False
    whole_month: bool = False
    example: str = ""


@dataclass(frozen=True)
class RowRule:
    """A rule over the columns of one row.

    ``holds`` is an SQL condition over the typed columns; a row where it is not true (NULL counts as true)
    breaks the rule. ``column`` is the one that the report points at; ``words`` say what must hold.
    """

    code: str
    holds: str
    column: str
    words: Words


@dataclass(frozen=True)
class Reference:
    """``columns`` must stand as ``to_columns`` in ``to_table`` (NULL is allowed where the column is)."""

    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A declared table.

    ``key`` names one fact. Facts are never overwritten: a changed fact is a further row with the same key and
    a later ``known_on``, and the newest row known on a cut-off date counts.
    ``happened`` and ``known`` name the two date columns (empty for output tables).
    ``known_rule`` is the SQL expression used where a delivery gives no known-on date; ``known_words`` say it.
    What a delivery holds is known on the day of that delivery at the latest.
    """

    name: str
    row: Words
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[RowRule, ...] = ()
    references: tuple[Reference, ...] = ()
    happened: str = ""
    known: str = ""
    known_rule: str = ""
    known_words: Words | None = None

    def column(self, name: str) -> Column:
        """Return the column ``name``; KeyError when the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns in their declared order."""
        return tuple(column.name for column in self.columns)

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema of the table."""
        return pa.schema(
            [pa.field(column.name, ARROW_TYPES[column.kind], nullable=not column.required) for column in self.columns]
        )
