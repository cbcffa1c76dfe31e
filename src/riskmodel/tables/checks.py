# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals alone; cells never enter it)
"""The check at the border: which rows of a delivery are used, and what became of the others.

One columnar pass of DuckDB per table types each text field and lists the rules that its row breaks.
Row checkers such as pandera work on typed frames in memory: the row number, the file and the text are lost by then,
and a national year of lessons does not fit. Here they stay, and the pass runs out of core.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import duckdb
import pyarrow as pa

from riskmodel.messages import Message
from riskmodel.tables import reasons
from riskmodel.tables.canonical import table as canonical_table
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
from riskmodel.tables.relations import column_definitions
from riskmodel.tables.results import REJECTED_ROW
from riskmodel.tables.schema import SQL_TYPES, Column, Kind, RowRule, Table

__all__ = ["Account", "Formats", "TableWarning", "check_references", "check_table", "rules_of", "unusual_ages"]

CHECKED, REJECTED = "checked", "rejected"
PLACE = ("file_name", "row_number")
CELL_WARNINGS = ("sentinel_date", "invisible_character")

LOWEST_AGE_ABOVE_GRADE = 3
"""Grade 1 begins at seven in Latvia; a child of four or more is taken for a fact, a younger one for a typing error."""
LOWEST_VET_AGE = 14
USUAL_HIGHEST_AGE = {"grade": 22, "vet_year": 30}
HIGHEST_AGE = 40
"""Reached in day schools only by a typing error; evening schools and courses have no highest age."""
AGELESS_SCHOOL_KINDS = ("evening", "course")


@dataclass(frozen=True)
class TableWarning:
    """Something that was changed or looks odd in ``count`` rows, which are used all the same."""

    rule_code: str
    column: str
    count: int
    text: Message


@dataclass(frozen=True)
class Account:
    """What became of the rows of a table: always ``read == used + quarantined + merged``."""

    read: int
    used: int
    quarantined: int
    merged: int
    warnings: tuple[TableWarning, ...] = ()

    def __post_init__(self) -> None:
        if self.read != self.used + self.quarantined + self.merged:
            raise ValueError("rows read must equal rows used, put aside and merged")

    def put_aside(self, rows: int) -> Account:
        """Return the account after ``rows`` of the used rows were put aside."""
        return replace(self, used=self.used - rows, quarantined=self.quarantined + rows)

    def with_unread(self, rows: int) -> Account:
        """Return the account with ``rows`` further rows that were put aside before their fields could be read."""
        return replace(self, read=self.read + rows, quarantined=self.quarantined + rows)


def check_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    raw: str,
    formats: Formats,
    *,
    delivered_on: date,
    free_register_ids: bool = False,
) -> Account:
    """Check the rows of one table and return the account of them.

    Makes ``checked.<table>`` (the declared columns, typed, and ``file_name``, ``row_number``) and adds the rows that
    cannot be used to ``rejected.rejected_row``: one row there for each rule that a row breaks.

    Parameters
    ----------
    connection
        Where the raw rows lie and the results are made.
    table
        The declared table.
    raw
        Name of a table or view with VARCHAR columns named as declared, ``file_name`` and ``row_number`` (the header
        of a file is row 1). Columns that are not required may be absent; others are ignored.
    formats
        How dates, numbers and yes-or-no fields are written.
    delivered_on
        Day of the delivery: nothing is dated later, except in columns that may speak of the future, and what has no
        known-on date of its own was known that day at the latest.
    free_register_ids
        The register ids of pupils are not Latvian personal codes: decides what the report asks for.

    Notes
    -----
    Rows that are equal in all declared columns are merged, the first is kept. Rows of one key and known-on date that
    differ are all put aside: nobody but the school knows which is right. A closed list is compared without case,
    diacritics, blanks and signs, with the codes and with their Latvian and English words.
    """
    rules = rules_of(table, formats, delivered_on, free_register_ids=free_register_ids)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CHECKED}")
    make_rejected(connection)
    present = frozenset(row[0] for row in connection.execute(f"DESCRIBE {raw}").fetchall())
    target = f"{CHECKED}.{table.name}"
    one_pass = _Pass(table, raw, present, formats, delivered_on, rules)
    connection.execute(f"CREATE OR REPLACE TABLE {target} AS {one_pass.sql()}")
    read = _count(connection, target)
    warnings = _warnings(connection, table, target, present)
    quarantined = _reject_broken(connection, table, target, rules)
    conflicting, merged = _settle_repeated(connection, table, target)
    for column in ("broken", "warned"):
        connection.execute(f"ALTER TABLE {target} DROP COLUMN {column}")
    quarantined += conflicting
    return Account(read, read - quarantined - merged, quarantined, merged, warnings)


def check_references(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Put aside the rows of ``checked.<table>`` that do not agree with other checked tables; return how many.

    A row is put aside when it names a school or pupil that was not delivered (or was put aside itself), when it is
    dated before its pupil was born, or when a stay begins at an age that its stage does not have. Check the tables
    in the order of :data:`~riskmodel.tables.canonical.CANONICAL`.
    """
    make_rejected(connection)
    target = f"{CHECKED}.{table.name}"
    faults: list[tuple[str, str, Message, str]] = []
    for reference in table.references:
        _make_empty_if_absent(connection, reference.to_table)
        same = " AND ".join(
            f"parent.{there} = child.{here}"
            for here, there in zip(reference.columns, reference.to_columns, strict=True)
        )
        given = " AND ".join(f"child.{here} IS NOT NULL" for here in reference.columns)
        absent = f"{given} AND NOT EXISTS (SELECT 1 FROM {CHECKED}.{reference.to_table} parent WHERE {same})"
        reason = reasons.reference_reason(reference)
        faults.append((reference.columns[0], f"unknown_{reference.to_table}", reason, absent))
    if table.happened and any(reference.to_table == "pupil" for reference in table.references):
        born_later = (
            f"EXISTS (SELECT 1 FROM {CHECKED}.pupil WHERE pupil.pupil_id = child.pupil_id "
            f"AND pupil.birth_month > child.{table.happened})"
        )
        faults.append((table.happened, "before_birth", reasons.before_birth_reason(), born_later))
    if table.name == "enrolment":
        faults.append(("stage_number", "impossible_age", reasons.impossible_age_reason(), _age_sql(impossible=True)))
    connection.execute("CREATE OR REPLACE TEMP TABLE at_fault (place BIGINT)")
    for column, code, reason, condition in faults:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT rowid AS place FROM {target} child WHERE {condition}"
        )
        connection.execute("INSERT INTO at_fault SELECT place FROM found")
        _report(connection, table, column, code, reason, f"{target} WHERE rowid IN (SELECT place FROM found)")
    moved = _count(connection, f"{target} WHERE rowid IN (SELECT place FROM at_fault)")
    connection.execute(f"DELETE FROM {target} WHERE rowid IN (SELECT place FROM at_fault)")
    return moved


def unusual_ages(connection: duckdb.DuckDBPyConnection) -> tuple[TableWarning, ...]:
    """Return a warning for stays, in the checked tables, of pupils older than is usual for the stage."""
    count = _count(connection, f"{CHECKED}.enrolment child WHERE {_age_sql(impossible=False)}")
    if not count:
        return ()
    return (TableWarning("unusual_age", "stage_number", count, reasons.warning_text("unusual_age", "", count)),)


def make_rejected(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table ``rejected.rejected_row`` where it is not there yet."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {REJECTED}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {REJECTED}.rejected_row ({column_definitions(REJECTED_ROW)})")


def rules_of(
    table: Table, formats: Formats, delivered_on: date, *, free_register_ids: bool = False
) -> tuple[reasons.Rule, ...]:
    """Return every rule over the cells and rows of a table, in the order in which the pass numbers them.

    A known-on date need not be given where the table has a rule for it.
    """
    found: list[tuple[str, str, Message]] = []
    for column in table.columns:
        cell = reasons.cell_rules(column, formats, delivered_on, free_register_ids=free_register_ids)
        if column.name == table.known and table.known_rule:
            cell.pop("required", None)
        found += [(column.name, code, reason) for code, reason in cell.items()]
    found += [(rule.column, rule.code, reasons.row_reason(rule.words)) for rule in table.rules]
    return tuple(reasons.Rule(number, *rule) for number, rule in enumerate(found, start=1))


def columns_named(table: Table, rule: RowRule) -> tuple[str, ...]:
    """Return the columns that a row rule speaks of."""
    words = set(re.findall(r"[a-z_]+", re.sub("'[^']*'", "", rule.holds)))
    return tuple(name for name in table.column_names if name in words)


@dataclass(frozen=True)
class _Pass:
    """The one SELECT that reads, types and judges all rows of a table."""

    table: Table
    raw: str
    present: frozenset[str]
    formats: Formats
    delivered_on: date
    rules: tuple[reasons.Rule, ...]

    @cached_property
    def number(self) -> dict[tuple[str, str], int]:
        return {(rule.column, rule.code): rule.number for rule in self.rules}

    def sql(self) -> str:
        """Return the SELECT: declared columns, place, ``broken`` (numbers of rules) and ``warned``."""
        place, names = ", ".join(PLACE), self.table.column_names
        breaches = [f"breach_{name}" for name in names]
        warned = [f"warned_{name}" for name in names]
        row_breaches = [f"row_breach_{at}" for at, _ in enumerate(self.table.rules)]
        cleaned = f"SELECT {place}, {', '.join(self._cleaned())} FROM {self.raw}"
        read = f"SELECT {place}, {', '.join(self._typed())} FROM ({cleaned})"
        judged = f"SELECT {place}, {', '.join(self._judged())} FROM ({read})"
        sound = f"SELECT {place}, {', '.join([*self._sound(), *breaches, *warned])} FROM ({judged})"
        dated = f"SELECT *{self._known()} FROM ({sound})"
        rowwise = f"SELECT {', '.join(['*', *self._row_judged()])} FROM ({dated})"
        return (
            f"SELECT {_names(names)}, {place}, {_listed([*breaches, *row_breaches])} AS broken, "
            f"{_listed(warned)} AS warned FROM ({rowwise})"
        )

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


def _names(columns: Iterable[str]) -> str:
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


def _warnings(
    connection: duckdb.DuckDBPyConnection, table: Table, target: str, present: frozenset[str]
) -> tuple[TableWarning, ...]:
    found = []
    counted = connection.execute(
        f"SELECT number, count(*) FROM (SELECT unnest(warned) AS number FROM {target} WHERE warned IS NOT NULL) "
        "GROUP BY number ORDER BY number"
    ).fetchall()
    for number, count in counted:
        column, code = table.columns[number // len(CELL_WARNINGS)], CELL_WARNINGS[number % len(CELL_WARNINGS)]
        found.append((code, column, count))
    delivered = [column for column in table.columns if column.name in present and not column.required]
    if delivered:
        counts = connection.execute(
            f"SELECT count(*), {', '.join(f'count({name_of(column.name)})' for column in delivered)} FROM {target}"
        ).fetchall()[0]
        empty = [column for column, filled in zip(delivered, counts[1:], strict=True) if counts[0] and not filled]
        found += [("empty_column", column, counts[0]) for column in empty]
    return tuple(
        TableWarning(code, column.name, count, reasons.warning_text(code, column.words, count))
        for code, column, count in found
    )


def _reject_broken(
    connection: duckdb.DuckDBPyConnection, table: Table, target: str, rules: tuple[reasons.Rule, ...]
) -> int:
    """Report the rows that break a rule and take them out; return how many."""
    broken = _count(connection, f"{target} WHERE broken IS NOT NULL")
    if not broken:
        return 0
    texts = {
        "number": [rule.number for rule in rules],
        "column_name": [rule.column for rule in rules],
        "rule_code": [rule.code for rule in rules],
        "reason_lv": [rule.reason.in_language("lv") for rule in rules],
        "reason_en": [rule.reason.in_language("en") for rule in rules],
    }
    connection.register("rule_texts", pa.table(texts))
    connection.execute(
        f"INSERT INTO {REJECTED}.rejected_row "
        f"SELECT {literal(table.name)}, file_name, row_number, column_name, rule_code, reason_lv, reason_en "
        f"FROM (SELECT file_name, row_number, unnest(broken) AS number FROM {target} WHERE broken IS NOT NULL) "
        "JOIN rule_texts USING (number) ORDER BY file_name, row_number, number"
    )
    connection.unregister("rule_texts")
    connection.execute(f"DELETE FROM {target} WHERE broken IS NOT NULL")
    return broken


def _settle_repeated(connection: duckdb.DuckDBPyConnection, table: Table, target: str) -> tuple[int, int]:
    """Put conflicting rows aside and merge equal ones; return how many of each."""
    fact = _names(dict.fromkeys((*table.key, *([table.known] if table.known else []))))
    whole = _names(table.column_names)
    # A first look at 8 bytes a row finds the few facts that stand twice; only those are compared in full.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE repeated AS WITH mark AS (SELECT rowid AS place, hash({fact}) AS mark FROM {target}), "
        "twice AS (SELECT mark FROM mark GROUP BY mark HAVING count(*) > 1), "
        f"candidate AS (SELECT rowid AS place, * FROM {target} WHERE rowid IN (SELECT place FROM mark SEMI JOIN twice USING (mark))) "
        f"SELECT place, count(*) OVER (PARTITION BY {fact}) AS of_fact, count(*) OVER (PARTITION BY {whole}) AS equal, "
        f"row_number() OVER (PARTITION BY {whole} ORDER BY file_name, row_number) AS copy FROM candidate"
    )
    conflicting = "SELECT place FROM repeated WHERE of_fact > equal"
    copies = "SELECT place FROM repeated WHERE of_fact = equal AND copy > 1"
    counts = _count(connection, f"({conflicting})"), _count(connection, f"({copies})")
    if counts[0]:
        reason = reasons.conflict_reason(table)
        _report(connection, table, None, "conflicting_rows", reason, f"{target} WHERE rowid IN ({conflicting})")
    if any(counts):
        connection.execute(f"DELETE FROM {target} WHERE rowid IN ({conflicting} UNION ALL {copies})")
    return counts


def _report(
    connection: duckdb.DuckDBPyConnection, table: Table, column: str | None, code: str, reason: Message, rows: str
) -> None:
    connection.execute(
        f"INSERT INTO {REJECTED}.rejected_row SELECT ?, file_name, row_number, ?, ?, ?, ? FROM {rows} ORDER BY ALL",
        [table.name, column, code, reason.in_language("lv"), reason.in_language("en")],
    )


def _make_empty_if_absent(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS {CHECKED}.{name} ({column_definitions(canonical_table(name))})")


def _age_sql(*, impossible: bool) -> str:
    """Return SQL that is true for a stay (``child``) begun at an impossible age, or at an unusually high one."""
    age = "date_diff('month', pupil.birth_month, child.happened_on) / 12.0"
    ageless = f"(SELECT max(school_kind) FROM {CHECKED}.school WHERE school.school_id = child.school_id)"
    kinds = ", ".join(map(literal, AGELESS_SCHOOL_KINDS))
    young = (
        f"CASE child.stage_kind WHEN 'grade' THEN {age} < child.stage_number + {LOWEST_AGE_ABOVE_GRADE} "
        f"WHEN 'vet_year' THEN {age} < {LOWEST_VET_AGE} END"
    )
    old = f"child.stage_kind <> 'course' AND {age} >= {HIGHEST_AGE} AND {ageless} NOT IN ({kinds})"
    unusual = " ".join(f"WHEN {literal(kind)} THEN {age} >= {years}" for kind, years in USUAL_HIGHEST_AGE.items())
    condition = f"({young}) OR ({old})" if impossible else f"CASE child.stage_kind {unusual} END"
    return f"EXISTS (SELECT 1 FROM {CHECKED}.pupil WHERE pupil.pupil_id = child.pupil_id AND ({condition}))"


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0])
