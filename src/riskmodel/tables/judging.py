# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals alone; cells never enter it)
"""The one SELECT that reads the texts of a table, types them, and lists the rules that each row breaks.

It goes in steps, each a SELECT over the one before: clean the text, type it, judge the cell, keep sound values, fill the
known-on date, judge the row. Every step costs only where the plain way fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from riskmodel.tables.fields import (
    SENTINEL_DATES,
    ZERO_DATES,
    Formats,
    careful_sql,
    has_invisible,
    literal,
    name_of,
    unreadable_sql,
    value_of_careful_sql,
)
from riskmodel.tables.reasons import Rule
from riskmodel.tables.schema import SQL_TYPES, Column, Kind, RowRule, Table

PLACE = ("file_name", "row_number")
CELL_WARNINGS = ("sentinel_date", "invisible_character")


def columns_named(table: Table, rule: RowRule) -> tuple[str, ...]:
    """Return the columns that a row rule speaks of."""
    words = set(re.findall(r"[a-z_]+", re.sub("'[^']*'", "", rule.holds)))
    return tuple(name for name in table.column_names if name in words)


@dataclass(frozen=True)
class OnePass:
    """The one SELECT that reads, types and judges all rows of a table."""

    table: Table
    raw: str
    present: frozenset[str]
    formats: Formats
    delivered_on: date
    rules: tuple[Rule, ...]

    @cached_property
    def number(self) -> dict[tuple[str, str], int]:
        return {(rule.column, rule.code): rule.number for rule in self.rules}

    def sql(self) -> str:
        """Return the SELECT: declared columns, place, ``broken`` (numbers of rules) and ``warned``."""
        place, declared = ", ".join(PLACE), self.table.column_names
        breaches = [f"breach_{name}" for name in declared]
        warned = [f"warned_{name}" for name in declared]
        row_breaches = [f"row_breach_{at}" for at, _ in enumerate(self.table.rules)]
        cleaned = f"SELECT {place}, {', '.join(self._cleaned())} FROM {self.raw}"
        read = f"SELECT {place}, {', '.join(self._typed())} FROM ({cleaned})"
        judged = f"SELECT {place}, {', '.join(self._judged())} FROM ({read})"
        sound = f"SELECT {place}, {', '.join([*self._sound(), *breaches, *warned])} FROM ({judged})"
        dated = f"SELECT *{self._known()} FROM ({sound})"
        rowwise = f"SELECT {', '.join(['*', *self._row_judged()])} FROM ({dated})"
        return (
            f"SELECT {names(declared)}, {place}, {_listed([*breaches, *row_breaches])} AS broken, "
            f"{_listed(warned)} AS warned FROM ({rowwise})"
        )

    def cell_sql(self, name: str, texts: str) -> str:
        """Return a SELECT over ``texts`` (``place`` and the text, named as the column) that judges each as a cell.

        Yields ``place``, the sound ``value`` (NULL where there is none), ``is_broken`` and ``warned``: what
        :meth:`sql` would find in every row that holds the text. So a text that stands in a million rows is read once.
        """
        column = self.table.column(name)
        at = self.table.column_names.index(name)
        alone = replace(self, table=replace(self.table, columns=(column,)), present=frozenset((name,)))
        cleaned = f"SELECT place, {', '.join(alone._cleaned())} FROM ({texts})"
        read = f"SELECT place, {', '.join(alone._typed())} FROM ({cleaned})"
        warned = f"CAST({self._warned(column, at)} AS SMALLINT) AS warned_{name}"
        breach = f"CAST({self._breach(column)} AS SMALLINT) AS breach_{name}"
        judged = f"SELECT place, value_{name}, {breach}, {warned} FROM ({read})"
        sound = f"SELECT place, {alone._sound()[0]}, breach_{name} IS NOT NULL AS is_broken, warned_{name} AS warned FROM ({judged})"
        return f"SELECT place, {name_of(name)} AS value, is_broken, warned FROM ({sound}) ORDER BY place"

    def row_sql(self, rows: str) -> str:
        """Return a SELECT over ``rows`` of sound values that fills the known-on date and judges each row.

        Yields the known-on date and ``is_broken``, in the order of the rows, as :meth:`sql` finds them.
        """
        sound = [f"NULL AS breach_{name}" for name in self.table.column_names]
        dated = f"SELECT *{self._known()} FROM (SELECT *, {', '.join(sound)} FROM {rows})"
        judged = f"SELECT {', '.join(['*', *self._row_judged()])} FROM ({dated})"
        breaches = [f"row_breach_{at}" for at, _ in enumerate(self.table.rules)]
        broken = f"coalesce({', '.join(breaches)}) IS NOT NULL" if breaches else "false"
        return f"SELECT {name_of(self.table.known)} AS known, {broken} AS is_broken FROM ({judged})"

    def _cleaned(self) -> list[str]:
        cleaned = []
        for column in self._delivered():
            cleaned += [name_of(column.name), f"{careful_sql(column, self.formats)} AS careful_{column.name}"]
        return cleaned or ["NULL"]

    def _typed(self) -> list[str]:
        typed = []
        for column in self._delivered():
            careful = f"careful_{column.name}"
            typed += [name_of(column.name), careful]
            typed.append(f"{value_of_careful_sql(column, self.formats, careful)} AS value_{column.name}")
        absent = [column for column in self.table.columns if column.name not in self.present]
        return typed + [f"CAST(NULL AS {SQL_TYPES[column.kind]}) AS value_{column.name}" for column in absent]

    def _delivered(self) -> list[Column]:
        return [column for column in self.table.columns if column.name in self.present]

    def _judged(self) -> list[str]:
        judged = []
        for at, column in enumerate(self.table.columns):
            name = column.name
            judged += [f"value_{name}", f"CAST({self._breach(column)} AS SMALLINT) AS breach_{name}"]
            judged.append(f"CAST({self._warned(column, at)} AS SMALLINT) AS warned_{name}")
        return judged

    def _breach(self, column: Column) -> str:
        """Return SQL for the number of the rule that a cell breaks; NULL for none. A cell breaks one rule at most."""
        value, careful = f"value_{column.name}", f"careful_{column.name}"
        missing = self._missing(column)
        if column.name not in self.present:
            return missing
        blank = f"{careful} = ''"
        if column.kind is Kind.DATE:
            blank += f" OR {_is_zero_date(column)}"
        unread = " ".join(
            f"WHEN {condition} THEN {self.number[column.name, code]}"
            for code, condition in unreadable_sql(column, self.formats, f"coalesce({careful}, {name_of(column.name)})")
        )
        cases = [f"WHEN {value} IS NULL THEN CASE WHEN {blank} THEN {missing} {unread} END"]
        if column.kind is Kind.DATE:
            cases.append(f"WHEN {_is_sentinel(value)} THEN {missing}")
        if column.low is not None:
            cases.append(f"WHEN {value} < {_bound(column.low)} THEN {self.number[column.name, 'too_low']}")
        if column.high is not None:
            cases.append(f"WHEN {value} > {_bound(column.high)} THEN {self.number[column.name, 'too_high']}")
        if column.kind is Kind.DATE and not column.may_be_future:
            latest = literal(self.delivered_on.isoformat())
            cases.append(f"WHEN {value} > DATE {latest} THEN {self.number[column.name, 'in_future']}")
        return f"CASE {' '.join(cases)} END"

    def _missing(self, column: Column) -> str:
        return str(self.number.get((column.name, "required"), "NULL"))

    def _warned(self, column: Column, at: int) -> str:
        if column.name not in self.present:
            return "NULL"
        name, cases = name_of(column.name), []
        if column.kind is Kind.DATE:
            sentinel = f"{_is_sentinel(f'value_{column.name}')} OR {_is_zero_date(column)}"
            cases.append(f"WHEN {sentinel} THEN {_warning_number(at, 'sentinel_date')}")
        cases.append(f"WHEN {has_invisible(name)} THEN {_warning_number(at, 'invisible_character')}")
        return f"CASE {' '.join(cases)} END"

    def _sound(self) -> list[str]:
        sound = []
        for column in self.table.columns:
            value = f"value_{column.name}"
            kept = f"breach_{column.name} IS NULL"
            if column.kind is Kind.DATE:
                kept += f" AND NOT {_is_sentinel(value)}"
            sound.append(f"CASE WHEN {kept} THEN {value} END AS {name_of(column.name)}")
        return sound

    def _known(self) -> str:
        """Return the REPLACE that dates a fact without a known-on date by the table's rule."""
        if not self.table.known_rule:
            return ""
        known = self.table.known
        rule = f"({self.table.known_rule})"
        if not self.table.column(known).may_be_future:
            rule = f"least({rule}, DATE {literal(self.delivered_on.isoformat())})"
        return (
            f" REPLACE (CASE WHEN breach_{known} IS NULL THEN CAST(coalesce({known}, {rule}) AS DATE) END AS {known})"
        )

    def _row_judged(self) -> list[str]:
        """Return SQL for the row rules; one is judged where the cells that it speaks of are sound."""
        judged = []
        for at, rule in enumerate(self.table.rules):
            sound = " AND ".join(f"breach_{name} IS NULL" for name in columns_named(self.table, rule))
            number = self.number[rule.column, rule.code]
            judged.append(f"CASE WHEN {sound} AND NOT ({rule.holds}) THEN {number} END AS row_breach_{at}")
        return judged


def names(columns: Iterable[str]) -> str:
    return ", ".join(map(name_of, columns))


def _listed(numbers: list[str]) -> str:
    """Return SQL for the list of those that are not NULL; NULL, the usual case, when none is."""
    return (
        f"CASE WHEN coalesce({', '.join(numbers)}) IS NOT NULL "
        f"THEN list_filter([{', '.join(numbers)}], lambda number: number IS NOT NULL) END"
    )


def _bound(bound: float | str) -> str:
    return f"DATE {literal(bound)}" if isinstance(bound, str) else repr(bound)


def _is_sentinel(value: str) -> str:
    return f"coalesce({value} IN ({', '.join(f'DATE {literal(day)}' for day in SENTINEL_DATES)}), false)"


def _is_zero_date(column: Column) -> str:
    return f"coalesce(careful_{column.name}, {name_of(column.name)}) IN ({', '.join(map(literal, ZERO_DATES))})"


def _warning_number(at: int, code: str) -> int:
    return at * len(CELL_WARNINGS) + CELL_WARNINGS.index(code)


def warning_of(table: Table, number: int) -> tuple[Column, str]:
    """Return the column and the code of a number in ``warned``."""
    return table.columns[number // len(CELL_WARNINGS)], CELL_WARNINGS[number % len(CELL_WARNINGS)]
