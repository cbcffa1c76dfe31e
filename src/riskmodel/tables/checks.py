# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals alone; cells never enter it)
"""The check at the border: which rows of a delivery are used, and what became of the others.

One columnar pass of DuckDB per table types each text field and lists the rules that its row breaks.
Row checkers such as pandera work on typed frames in memory: the row number, the file and the text are lost by then,
and a national year of lessons does not fit. Here they stay, and the pass runs out of core.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb
import pyarrow as pa

from riskmodel.messages import Message
from riskmodel.tables import reasons
from riskmodel.tables.canonical import ATTENDANCE
from riskmodel.tables.canonical import table as canonical_table
from riskmodel.tables.deliveries_taken import REJECTED_ROW
from riskmodel.tables.fields import Formats, literal, name_of
from riskmodel.tables.judging import OnePass, names, warning_of
from riskmodel.tables.reasons import Rule, rules_of
from riskmodel.tables.relations import column_definitions
from riskmodel.tables.schema import Reference, Table

__all__ = ["Account", "Apart", "Formats", "TableWarning", "check_references", "check_table", "unusual_ages"]

CHECKED, REJECTED = "checked", "rejected"

LOWEST_AGE_ABOVE_GRADE = 3
"""Grade 1 begins at seven in Latvia; a child of four or more is taken for a fact, a younger one for a typing error."""
LOWEST_VET_AGE = 14
USUAL_HIGHEST_AGE = {"grade": 22, "vet_year": 30}
HIGHEST_AGE = 40
"""Reached in day schools only by a typing error; evening schools and courses have no highest age."""
AGELESS_SCHOOL_KINDS = ("evening", "course")
MISSED = ("unexcused", "excused", "absent")


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


@dataclass(frozen=True)
class Apart:
    """Rows of a table that were judged sound apart from the others, by the same rules.

    Parameters
    ----------
    rows
        How many were read apart.
    columns
        The columns that were delivered for them.
    warned, filled
        Their warnings, by the number in the pass; the columns that are not required and hold a value.
    unsettled
        Relation of those among them (declared columns, ``file_name``, ``row_number``) whose key stands twice or which
        do not agree with another table: they join the others. None: there are none.
    """

    rows: int = 0
    columns: frozenset[str] = frozenset()
    warned: Mapping[int, int] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()
    unsettled: str | None = None


def check_table(  # noqa: PLR0913  (each says one thing of the rows)
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    raw: str | None,
    formats: Formats,
    *,
    delivered_on: date,
    free_register_ids: bool = False,
    apart: Apart | None = None,
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
        of a file is row 1). Columns that are not required may be absent; others are ignored. None: there are no such
        rows, all were judged apart.
    formats
        How dates, numbers and yes-or-no fields are written.
    delivered_on
        Day of the delivery: nothing is dated later, except in columns that may speak of the future, and what has no
        known-on date of its own was known that day at the latest.
    free_register_ids
        The register ids of pupils are not Latvian personal codes: decides what the report asks for.
    apart
        Sound rows of the table that do not stand in ``raw``; the account is that of all.

    Notes
    -----
    Rows that are equal in all declared columns are merged, the first is kept. Rows of one key and known-on date that
    differ are all put aside: nobody but the school knows which is right. A closed list is compared without case,
    diacritics, blanks and signs, with the codes and with their Latvian and English words.
    """
    apart = apart or Apart()
    rules = rules_of(table, formats, delivered_on, free_register_ids=free_register_ids)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CHECKED}")
    make_rejected(connection)
    target = f"{CHECKED}.{table.name}"
    present = apart.columns
    if raw is None:
        places = "file_name VARCHAR, row_number BIGINT, broken SMALLINT[], warned SMALLINT[]"
        connection.execute(f"CREATE OR REPLACE TABLE {target} ({column_definitions(table)}, {places})")
    else:
        in_raw = frozenset(row[0] for row in connection.execute(f"DESCRIBE {raw}").fetchall())
        one_pass = OnePass(table, raw, in_raw, formats, delivered_on, rules)
        connection.execute(f"CREATE OR REPLACE TABLE {target} AS {one_pass.sql()}")
        present |= in_raw
    read = _count(connection, target)
    warnings = _warnings(connection, table, present, apart, read)
    quarantined = _reject_broken(connection, table, target, rules)
    if apart.unsettled:
        connection.execute(f"INSERT INTO {target} BY NAME {apart.unsettled}")
    conflicting, merged = _settle_repeated(connection, table, target) if raw or apart.unsettled else (0, 0)
    for column in ("broken", "warned"):
        connection.execute(f"ALTER TABLE {target} DROP COLUMN {column}")
    quarantined += conflicting
    read += apart.rows
    return Account(read, read - quarantined - merged, quarantined, merged, warnings)


def check_references(connection: duckdb.DuckDBPyConnection, table: Table, short_weeks: str | None = None) -> int:
    """Put aside the rows of ``checked.<table>`` that do not agree with other checked tables; return how many.

    A row is put aside when it names a school or pupil that was not delivered (or was put aside itself), when it is
    dated before its pupil was born, when a stay begins at an age that its stage does not have, or when an absence is
    longer than the lessons planned in its week. Check all tables first, and then this in the order of
    :data:`~riskmodel.tables.canonical.CANONICAL`. ``short_weeks`` (SQL: pupil_id, school_id, happened_on, lessons) names
    planned weeks that do not stand in ``checked.lessons_planned``.
    """
    make_rejected(connection)
    target = f"{CHECKED}.{table.name}"
    for name in {reference.to_table for reference in table.references} | (
        {"lessons_planned"} if table is ATTENDANCE else set()
    ):
        _make_empty_if_absent(connection, name)
    connection.execute("CREATE OR REPLACE TEMP TABLE at_fault (place BIGINT)")
    for fault in _disagreements(table, short_weeks):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT rowid AS place FROM {target} child WHERE {fault.condition}"
        )
        connection.execute("INSERT INTO at_fault SELECT place FROM found")
        _report(connection, table, fault, f"{target} WHERE rowid IN (SELECT place FROM found)")
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


def _warnings(
    connection: duckdb.DuckDBPyConnection, table: Table, present: frozenset[str], apart: Apart, read: int
) -> tuple[TableWarning, ...]:
    """Return the warnings of the ``read`` rows of a checked table and of those apart."""
    target = f"{CHECKED}.{table.name}"
    counted = Counter(apart.warned)
    counted.update(
        dict(
            connection.execute(
                f"SELECT number, count(*) FROM (SELECT unnest(warned) AS number FROM {target} WHERE warned IS NOT NULL) "
                "GROUP BY number"
            ).fetchall()
        )
    )
    found = []
    for number, count in sorted(counted.items()):
        column, code = warning_of(table, number)
        found.append((code, column, count))
    delivered = [column for column in table.columns if column.name in present and not column.required]
    if delivered and read + apart.rows:
        counts = ", ".join(f"count({name_of(column.name)})" for column in delivered)
        filled = connection.execute(f"SELECT {counts} FROM {target}").fetchall()[0]
        found += [
            ("empty_column", column, read + apart.rows)
            for column, values in zip(delivered, filled, strict=True)
            if not values and column.name not in apart.filled
        ]
    return tuple(
        TableWarning(code, column.name, count, reasons.warning_text(code, column.words, count))
        for code, column, count in found
    )


def _reject_broken(connection: duckdb.DuckDBPyConnection, table: Table, target: str, rules: tuple[Rule, ...]) -> int:
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
    fact = names(dict.fromkeys((*table.key, *([table.known] if table.known else []))))
    whole = names(table.column_names)
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
        fault = _Fault(None, "conflicting_rows", reasons.conflict_reason(table), f"rowid IN ({conflicting})")
        _report(connection, table, fault, f"{target} WHERE {fault.condition}")
    if any(counts):
        connection.execute(f"DELETE FROM {target} WHERE rowid IN ({conflicting} UNION ALL {copies})")
    return counts


@dataclass(frozen=True)
class _Fault:
    """A fault that is found by looking at other rows: its column (None: the whole row), rule, reason and condition."""

    column: str | None
    code: str
    reason: Message
    condition: str


def _report(connection: duckdb.DuckDBPyConnection, table: Table, fault: _Fault, rows: str) -> None:
    connection.execute(
        f"INSERT INTO {REJECTED}.rejected_row SELECT ?, file_name, row_number, ?, ?, ?, ? FROM {rows} ORDER BY ALL",
        [table.name, fault.column, fault.code, fault.reason.in_language("lv"), fault.reason.in_language("en")],
    )


def _make_empty_if_absent(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS {CHECKED}.{name} ({column_definitions(canonical_table(name))})")


def _disagreements(table: Table, short_weeks: str | None) -> list[_Fault]:
    """Return the faults that rows of a table (``child``) may have beside the other checked tables."""
    faults = [_unknown(reference) for reference in table.references]
    if any(reference.to_table == "pupil" for reference in table.references):
        born_later = (
            f"EXISTS (SELECT 1 FROM {CHECKED}.pupil WHERE pupil.pupil_id = child.pupil_id "
            f"AND pupil.birth_month > child.{table.happened})"
        )
        faults.append(_Fault(table.happened, "before_birth", reasons.before_birth_reason(), born_later))
    if table.name == "enrolment":
        age = _age_sql(impossible=True)
        faults.append(_Fault("stage_number", "impossible_age", reasons.impossible_age_reason(), age))
    if table.name == "attendance":
        faults.append(
            _Fault(
                "lessons", "more_than_planned", reasons.more_than_planned_reason(), _more_than_planned_sql(short_weeks)
            )
        )
    return faults


def _unknown(reference: Reference) -> _Fault:
    pairs = list(zip(reference.columns, reference.to_columns, strict=True))
    given = " AND ".join(f"child.{here} IS NOT NULL" for here, _ in pairs)
    same = " AND ".join(f"parent.{there} = child.{here}" for here, there in pairs)
    absent = f"{given} AND NOT EXISTS (SELECT 1 FROM {CHECKED}.{reference.to_table} parent WHERE {same})"
    return _Fault(reference.columns[0], f"unknown_{reference.to_table}", reasons.reference_reason(reference), absent)


def _more_than_planned_sql(short_weeks: str | None) -> str:
    """Return SQL that is true for an absence longer than the lessons planned in its week, where these are known."""
    week = "pupil_id, school_id, happened_on"
    weeks = f"SELECT {week}, lessons FROM {CHECKED}.lessons_planned" + (
        f" UNION ALL {short_weeks}" if short_weeks else ""
    )
    # An absence has few lessons: only the shortest weeks can be shorter, and they are few.
    short = f"SELECT {week} FROM ({weeks}) WHERE lessons < {ATTENDANCE.column('lessons').high}"
    planned = (
        f"SELECT {week}, max(lessons) AS lessons FROM ({weeks}) SEMI JOIN ({short}) USING ({week}) GROUP BY {week}"
    )
    return (
        f"child.attendance_code IN ({', '.join(map(literal, MISSED))}) AND EXISTS (SELECT 1 FROM ({planned}) planned "
        "WHERE planned.pupil_id = child.pupil_id AND planned.school_id = child.school_id "
        "AND planned.happened_on = CAST(date_trunc('week', child.happened_on) AS DATE) AND planned.lessons < child.lessons)"
    )


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
