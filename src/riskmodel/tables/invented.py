# ruff: noqa: S311  (chance is for tests here, not for secrets)
"""Invented rows, and cells that break a rule, from the declaration of a table alone.

They are valid, not plausible: a cohort that looks like Latvian schools comes from
:mod:`riskmodel.sources.synthetic`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.canonical import table as canonical_table
from riskmodel.tables.judging import columns_named
from riskmodel.tables.patterns import text_of
from riskmodel.tables.schema import Column, Kind, RowRule, Table

INVENTED_DELIVERED_ON = date(2025, 7, 31)
"""A day of delivery on which every invented row is already known."""

HAPPENED = (date(2024, 9, 1), date(2024, 12, 31))
KNOWN = (date(2025, 1, 1), date(2025, 6, 30))
WHOLE_TIME = (HAPPENED[0], KNOWN[1])
BORN = (date(2006, 1, 1), date(2008, 12, 31))
"""Fifteen to eighteen years on the invented days: an age that suits every stage."""

EMPTY_SHARE = 0.3
DRAWS_AT_ONCE = 40
IDLE_DRAWS = 25
"""Draws without a new row after which a table is taken to have no more keys."""
LETTERS = "aābcčdeēfgģhiījkķlļmnņoprsštuūvzžABCČXYZ0123456789"
Value = str | int | float | bool | date | None


def invent(table: Table, rows: int, seed: int, parents: Mapping[str, pa.Table] | None = None) -> pa.Table:
    """Return ``rows`` valid rows of a declared table, the same for the same seed.

    Parameters
    ----------
    table
        Any declared table, canonical or of results.
    rows
        How many; fewer come where the table has fewer keys (three risk bands make three rows).
    seed
        Decides all values.
    parents
        The tables to which the rows refer. One that is not given is invented with the same numbers:
        ``invent(PUPIL, rows, seed)`` returns the very pupils.

    >>> from riskmodel.tables.canonical import MARK
    >>> invent(MARK, 3, seed=1).num_rows
    3
    """
    chance = random.Random(f"{table.name} {seed}")
    given = dict(parents or {})
    for reference in table.references:
        if reference.to_table not in given:
            given[reference.to_table] = invent(canonical_table(reference.to_table), rows, seed)
    schema = table.arrow_schema()
    connection = duckdb.connect()
    found: dict[tuple[Value, ...], dict[str, Value]] = {}
    idle = 0
    while len(found) < rows and idle < IDLE_DRAWS:
        drawn = pa.Table.from_pylist([_draw_row(table, given, chance) for _ in range(DRAWS_AT_ONCE)], schema)
        before = len(found)
        for row in _filtered(connection, drawn, _obeys(table)).to_pylist():
            found.setdefault(tuple(row[name] for name in table.key), row)
        idle = idle + 1 if len(found) == before else 0
    if rows and not found:
        raise ValueError(f"no drawn row of {table.name} obeys its rules")
    return pa.Table.from_pylist(list(found.values())[:rows], schema)


def invent_all(rows: int, seed: int) -> dict[str, pa.Table]:
    """Return ``rows`` valid rows of every canonical table, which refer to one another."""
    invented: dict[str, pa.Table] = {}
    for table in CANONICAL:
        invented[table.name] = invent(table, rows, seed, invented)
    return invented


def as_delivered(rows: pa.Table, file_name: str) -> pa.Table:
    """Return typed rows as texts with ``file_name`` and ``row_number``, as they come from a file."""
    columns = {name: rows.column(name).cast(pa.string()) for name in rows.column_names}
    columns["file_name"] = pa.array([file_name] * rows.num_rows, pa.string())
    columns["row_number"] = pa.array(range(2, rows.num_rows + 2), pa.int64())
    return pa.table(columns)


@dataclass(frozen=True)
class Breach:
    """A text for one cell that breaks a declared constraint, and the rule that must catch it."""

    column: str
    rule_code: str
    text: str | None
    row: int = 0


def cell_breaches(table: Table, delivered_on: date = INVENTED_DELIVERED_ON) -> Iterator[Breach]:
    """Yield, for every declared constraint of every column, texts that break it (in the canonical formats)."""
    for column in table.columns:
        if column.required and not (column.name == table.known and table.known_rule):
            yield from (Breach(column.name, "required", text) for text in (None, "", " \u00a0 "))
        for code, texts in _unreadable(column):
            yield from (Breach(column.name, code, text) for text in texts)
        if column.low is not None:
            yield Breach(column.name, "too_low", _beyond(column, column.low, -1))
        if column.high is not None:
            yield Breach(column.name, "too_high", _beyond(column, column.high, +1))
        if column.kind is Kind.DATE and not column.may_be_future:
            yield Breach(column.name, "in_future", (delivered_on + timedelta(days=31)).isoformat())


def row_breach(table: Table, rule: RowRule, rows: pa.Table, seed: int) -> Breach | None:
    """Return one cell of ``rows`` and a value, sound by itself, with which the row breaks ``rule``; None if none is found."""
    chance = random.Random(f"{rule.code} {seed}")
    connection = duckdb.connect()
    for name in columns_named(table, rule):
        column = table.column(name)
        for at, row in enumerate(rows.to_pylist()):
            tries = [row | {name: _draw(column, WHOLE_TIME, chance)} for _ in range(DRAWS_AT_ONCE)]
            breaking = _filtered(connection, pa.Table.from_pylist(tries, table.arrow_schema()), f"NOT ({rule.holds})")
            if breaking.num_rows:
                return Breach(name, rule.code, breaking.column(name).cast(pa.string())[0].as_py(), at)
    return None


def _unreadable(column: Column) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "control_character", ("1\x07", "\x00", "a\x1b[0m")
    if column.kind is Kind.TEXT or column.pattern:
        yield "too_long", ("x" * (column.max_length + 1), "š" * (column.max_length + 1))
    match column.kind:
        case Kind.CODE:
            yield ("not_in_form", ("?",)) if column.pattern else ("unknown_code", ("no such word", "?", "nan"))
        case Kind.INTEGER:
            yield "not_an_integer", ("x", "1.5", "1e5", "inf", "nan", "٣", "1 %")
            yield "ambiguous_number", ("1,234",)
        case Kind.DECIMAL:
            yield "not_a_decimal", ("x", "1e5", "inf", "nan", "NULL", "1,5", "0x1")
            yield "ambiguous_number", ("1,234", "12,345,678")
        case Kind.DATE:
            yield "impossible_date", ("2024-02-30", "2024-13-01", "2023-02-29")
            yield (
                "not_a_date",
                ("soon", "01.02.2024", "2024/02/01", "24-02-01", "20240201", "45231", "2024-02-01T25:00Z"),
            )
        case Kind.FLAG:
            yield "not_a_flag", ("perhaps", "2", "-1")


def _beyond(column: Column, bound: float | str, direction: int) -> str:
    if isinstance(bound, str):
        # Two months: in a column of whole months the next day may be the same month.
        return (date.fromisoformat(bound) + direction * timedelta(days=62)).isoformat()
    step = direction * (1 if column.kind is Kind.INTEGER else 0.5)
    return str(int(bound) + step)


def _draw_row(table: Table, parents: Mapping[str, pa.Table], chance: random.Random) -> dict[str, Value]:
    spans = {table.happened: HAPPENED, table.known: KNOWN}
    row = {column.name: _draw(column, spans.get(column.name, WHOLE_TIME), chance) for column in table.columns}
    for reference in table.references:
        parent = parents[reference.to_table]
        at = chance.randrange(parent.num_rows)
        for here, there in zip(reference.columns, reference.to_columns, strict=True):
            row[here] = parent.column(there)[at].as_py()
    return row


def _draw(column: Column, days: tuple[date, date], chance: random.Random) -> Value:
    """Return a value of the column's kind and range, a date from ``days``, or none where that is allowed."""
    if not column.required and chance.random() < EMPTY_SHARE:
        return None
    low, high = _span(column)
    value: Value
    match column.kind:
        case Kind.DATE:
            first, last = BORN if column.whole_month else days
            day = first + timedelta(days=chance.randint(0, (last - first).days))
            value = day.replace(day=1) if column.whole_month else day
        case Kind.INTEGER:
            value = chance.randint(int(low), int(high))
        case Kind.DECIMAL:
            # Half of them whole: some columns allow nothing else.
            value = round(chance.uniform(low, high), chance.choice((0, 2)))
        case Kind.FLAG:
            value = chance.random() < 0.5
        case Kind.CODE:
            value = chance.choice(list(column.codes)) if column.codes else text_of(column.pattern, chance)
        case Kind.TEXT:
            value = "".join(chance.choices(LETTERS, k=chance.randint(1, min(12, column.max_length))))
    return value


def _span(column: Column) -> tuple[float, float]:
    """Return the numbers from which a column is drawn: its range, cut to a size in which values meet."""
    low = float(column.low) if isinstance(column.low, int | float) else 0.0
    high = float(column.high) if isinstance(column.high, int | float) else low + 100
    return low, min(high, low + 1000)


def _obeys(table: Table) -> str:
    return " AND ".join(f"coalesce({rule.holds}, true)" for rule in table.rules) or "true"


def _filtered(connection: duckdb.DuckDBPyConnection, rows: pa.Table, condition: str) -> pa.Table:
    filtered: pa.Table = duckdb.from_arrow(rows, connection=connection).filter(condition).to_arrow_table()
    return filtered.cast(rows.schema)
