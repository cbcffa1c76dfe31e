"""A row in each table of support for each of two schools, made from the declared tables themselves: a new table gets its rows too.

The rows are written by hand, through no door: what the data base itself lets through is to be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Integer, Table

from riskmodel.register.people import Grant, Person
from riskmodel.register.schema import Day, Moment
from riskmodel.support.keeping.held import support_tables

DAY = date(2019, 9, 16)
NOW = datetime(2019, 9, 16, 9, tzinfo=UTC)
ENDS = frozenset({"valid_to", "closes_on"})
NEEDED = frozenset({"school_id", "municipality_code", "plan_id"})
"""Columns that say whose a row is, filled in also where they may be empty."""


@dataclass(frozen=True)
class Unit:
    """A school alone in its municipality, and the number that all its rows have."""

    number: int
    school_id: str
    municipality_code: str

    @property
    def pupil_id(self) -> str:
        """The pseudonym of its one pupil."""
        return f"{self.number:032x}"


OWN, OTHER = Unit(1, "101", "LV0001000"), Unit(2, "102", "LV0011000")

DIRECTOR = Person(1, "dace", "Dace", "lv", (Grant("director", OWN.school_id),))
PSYCHOLOGIST = Person(2, "ilze", "Ilze", "lv", (Grant("support_staff", OWN.school_id),))
MUNICIPALITY = Person(3, "zane", "Zane", "lv", (Grant("municipality", municipality_code=OWN.municipality_code),))
RESEARCHER = Person(4, "juris", "Juris", "lv", (Grant("researcher"),))
STATE = Person(5, "anna", "Anna", "lv", (Grant("state"),))
STEWARD = Person(6, "liga", "Līga", "lv", (Grant("steward"),))


def rows_of(unit: Unit) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield a row of each table, each after those that it names."""
    for table in support_tables():
        yield table, {column.name: _value(table, column, unit) for column in table.columns}


def key_of(table: Table, row: dict[str, Any]) -> list[Any]:
    """Return the conditions by which a row is found."""
    return [column == row[column.name] for column in table.primary_key.columns]


def _value(table: Table, column: Column[Any], unit: Unit) -> Any:
    of_unit = {
        "pupil_id": unit.pupil_id,
        "school_id": unit.school_id,
        "from_school_id": unit.school_id,
        "to_school_id": unit.school_id,
        "municipality_code": unit.municipality_code,
        "member_code": unit.municipality_code,  # of the first kind of member
        "school_year": DAY.year,
        "year": DAY.year,
        "month": f"{DAY:%Y-%m}",
    }
    if column.nullable and column.name not in NEEDED:
        return None
    if column.name in of_unit:
        return of_unit[column.name]
    if isinstance(column.type, Day | Moment):
        day = DAY.replace(year=2030) if column.name in ENDS else DAY
        return day if isinstance(column.type, Day) else NOW
    if isinstance(column.type, Integer):
        return unit.number if column.foreign_keys or column.primary_key else 1
    return _code(table, column) or f"{column.name}-{unit.number}"


def _code(table: Table, column: Column[Any]) -> str | None:
    """Return the first of the codes that a column may hold; None where it holds any words."""
    for rule in table.constraints:
        if isinstance(rule, CheckConstraint) and (found := re.match(rf"{column.name} IN \('(.*?)'", str(rule.sqltext))):
            return found[1]
    return None
