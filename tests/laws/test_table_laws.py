"""Laws of the declared tables: what is invented is valid, every breach is caught, no row is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.checks import Account, Formats, check_references, check_table
from riskmodel.tables.deliveries_taken import REJECTED_ROW
from riskmodel.tables.invented import (
    INVENTED_DELIVERED_ON,
    Breach,
    as_delivered,
    cell_breaches,
    invent,
    invent_all,
    row_breach,
)
from riskmodel.tables.judging import columns_named
from riskmodel.tables.reasons import rules_of
from riskmodel.tables.results import RESULTS
from riskmodel.tables.schema import Table

DECLARED = (*CANONICAL, IDENTITY, *(table for table in RESULTS if table is not REJECTED_ROW))
"""All but the check's own report, whose columns name the place of a row themselves."""
BY_NAME = pytest.mark.parametrize("table", DECLARED, ids=lambda table: table.name)
CANONICAL_BY_NAME = pytest.mark.parametrize("table", CANONICAL, ids=lambda table: table.name)


def _checked(table: Table, raw: pa.Table) -> tuple[Account, duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    connection.register("raw", raw)
    return check_table(connection, table, "raw", Formats(), delivered_on=INVENTED_DELIVERED_ON), connection


def _rejected(connection: duckdb.DuckDBPyConnection) -> dict[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = {}
    rows = connection.execute("SELECT row_number, column_name, rule_code FROM rejected.rejected_row").fetchall()
    for row_number, column, code in rows:
        found.setdefault(row_number, set()).add((column, code))
    return found


@cache
def _bases() -> dict[str, pa.Table]:
    return {table.name: invent(table, 12, seed=5) for table in DECLARED}


def _base(table: Table) -> pa.Table:
    return _bases()[table.name]


@BY_NAME
def test_every_invented_row_passes_its_own_check(table):
    rows = invent(table, 15, seed=1)
    account, connection = _checked(table, as_delivered(rows, "invented.csv"))
    assert account.used == rows.num_rows == account.read, _rejected(connection)
    used = connection.execute(f"SELECT * EXCLUDE (file_name, row_number) FROM checked.{table.name} ORDER BY row_number")
    assert used.fetchall() == [tuple(row.values()) for row in rows.to_pylist()]


def test_invented_tables_refer_to_one_another():
    connection = duckdb.connect(config={"threads": 1})
    for table, rows in zip(CANONICAL, invent_all(15, seed=3).values(), strict=True):
        connection.register("raw", as_delivered(rows, f"{table.name}.csv"))
        check_table(connection, table, "raw", Formats(), delivered_on=INVENTED_DELIVERED_ON)
    assert {table.name: check_references(connection, table) for table in CANONICAL} == dict.fromkeys(
        (table.name for table in CANONICAL), 0
    )


@BY_NAME
def test_every_single_cell_breach_of_a_column_is_caught_under_its_column_and_rule(table):
    row = as_delivered(_base(table), "x.csv").to_pylist()[0]
    breaches = list(cell_breaches(table))
    raw = [row | {breach.column: breach.text, "row_number": at} for at, breach in enumerate(breaches)]
    account, connection = _checked(table, pa.Table.from_pylist(raw, as_delivered(_base(table), "x.csv").schema))
    assert account.quarantined == len(breaches)
    rejected = _rejected(connection)
    assert {at: rejected[at] for at, _ in enumerate(breaches)} == {
        at: {(breach.column, breach.rule_code)} for at, breach in enumerate(breaches)
    }


@BY_NAME
def test_no_rule_of_a_column_lacks_a_breach_and_no_constraint_a_rule(table):
    breached = {(breach.column, breach.rule_code) for breach in cell_breaches(table)}
    row_rules = {(rule.column, rule.code) for rule in table.rules}
    ruled = {(rule.column, rule.code) for rule in rules_of(table, Formats(), INVENTED_DELIVERED_ON)}
    assert breached | row_rules == ruled


ROW_RULES = [(table, rule) for table in CANONICAL for rule in table.rules]


@pytest.mark.parametrize(("table", "rule"), ROW_RULES, ids=[f"{table.name}-{rule.code}" for table, rule in ROW_RULES])
def test_every_row_rule_is_broken_by_one_sound_cell_and_caught(table, rule):
    breach = row_breach(table, rule, _base(table), seed=1)
    assert isinstance(breach, Breach)
    raw = as_delivered(_base(table), "x.csv").slice(breach.row, 1)
    broken = raw.to_pylist()[0] | {breach.column: breach.text}
    _, connection = _checked(table, pa.Table.from_pylist([broken], raw.schema))
    assert (rule.column, rule.code) in _rejected(connection)[broken["row_number"]]
    # Without the rule the same row passes or breaks others only: nothing else stands in for it.
    lenient = replace(table, rules=tuple(other for other in table.rules if other is not rule))
    _, connection = _checked(lenient, pa.Table.from_pylist([broken], raw.schema))
    assert (rule.column, rule.code) not in _rejected(connection).get(broken["row_number"], set())


@CANONICAL_BY_NAME
def test_a_row_rule_speaks_of_declared_columns_and_points_at_one_of_them(table):
    for rule in table.rules:
        assert rule.column in columns_named(table, rule)


@CANONICAL_BY_NAME
def test_the_known_on_rule_of_a_table_gives_a_date_to_every_row(table):
    raw = as_delivered(_base(table), "x.csv").drop_columns([table.known])
    account, connection = _checked(table, raw)
    if table.known_rule:
        assert account.used == account.read
        assert connection.execute(f"SELECT count({table.known}) FROM checked.{table.name}").fetchall() == [
            (account.read,)
        ]
    else:
        assert {code for codes in _rejected(connection).values() for code in codes} == {(table.known, "required")}


@BY_NAME
def test_every_reason_fits_the_report_and_has_both_languages(table):
    longest = REJECTED_ROW.column("reason_lv").max_length
    for formats in (Formats(), Formats(decimal_comma=True, date_forms=("%d.%m.%Y", "%Y. gada %d. %B", "excel"))):
        for free in (True, False):
            for rule in rules_of(table, formats, date(2026, 1, 31), free_register_ids=free):
                latvian, english = rule.reason.in_language("lv"), rule.reason.in_language("en")
                assert 0 < len(latvian) <= longest
                assert 0 < len(english) <= longest
                assert latvian != english
                assert "{" not in latvian + english


SECRET = "Šķēle-7731"
CELLS = st.one_of(
    st.none(), st.text(max_size=12), st.sampled_from(["", "0", "-1", "2025-01-01", "31.12.2024", "jā", "*", SECRET])
)


@settings(max_examples=20, deadline=None)
@given(
    table=st.sampled_from(CANONICAL),
    changes=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 30), CELLS), max_size=12),
    repeats=st.lists(st.integers(0, 11), max_size=4),
)
def test_whatever_the_cells_hold_rows_read_are_used_put_aside_or_merged(table, changes, repeats):
    raw = as_delivered(_base(table), "x.csv")
    rows = raw.to_pylist()
    for at, column, text in changes:
        rows[at][table.column_names[column % len(table.columns)]] = text
    rows += [rows[at] | {"row_number": 100 + number} for number, at in enumerate(repeats)]
    account, connection = _checked(table, pa.Table.from_pylist(rows, raw.schema))
    assert account.read == len(rows)
    assert account.used == len(connection.table(f"checked.{table.name}").fetchall())
    assert account.quarantined == len(_rejected(connection))
    told = connection.execute("SELECT column_name, reason_lv, reason_en FROM rejected.rejected_row").fetchall()
    assert SECRET not in repr(told)
    assert SECRET not in repr([warning.text.in_language("lv") for warning in account.warnings])


def _used(connection: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM checked.{table.name} ORDER BY row_number").fetchall()


@cache
def _used_of_base() -> dict[str, list[tuple[object, ...]]]:
    return {table.name: _used(_checked(table, as_delivered(_base(table), "x.csv"))[1], table) for table in CANONICAL}


@settings(max_examples=12, deadline=None)
@given(table=st.sampled_from(CANONICAL), order=st.permutations(range(12)), bad=st.integers(0, 11))
def test_neither_the_order_of_rows_nor_a_bad_row_changes_what_is_used(table, order, bad):
    raw = as_delivered(_base(table), "x.csv")
    rows = raw.to_pylist()
    broken = rows[bad] | {table.columns[0].name: "\x00", "row_number": 99}
    _, connection = _checked(table, pa.Table.from_pylist([broken, *(rows[at] for at in order)], raw.schema))
    assert _used(connection, table) == _used_of_base()[table.name]
