"""Invented rows: the same for the same seed, as many as asked, of a form that people can follow."""

from __future__ import annotations

import random
import re

import pyarrow as pa
import pytest

from riskmodel.messages import Words
from riskmodel.tables.canonical import CANONICAL, ENROLMENT, MARK, PUPIL
from riskmodel.tables.figures import BAND
from riskmodel.tables.invented import as_delivered, cell_breaches, invent, invent_all, row_breach
from riskmodel.tables.patterns import example_of, text_of
from riskmodel.tables.results import RESULTS
from riskmodel.tables.schema import RowRule

PATTERNS = sorted(
    {column.pattern for table in (*CANONICAL, *RESULTS) for column in table.columns if column.pattern}
    | {"a|b", "(ab){2}c?", "x{0,3}", r"\.[0-9]", "((a|b)c|d){2,3}"}
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_drawn_text_matches_its_form_in_full(pattern):
    chance = random.Random(1)
    assert all(re.fullmatch(pattern, text_of(pattern, chance)) for _ in range(50))
    assert example_of(pattern) == example_of(pattern)


@pytest.mark.parametrize("pattern", ["(a", "a)"])
def test_a_form_that_is_not_understood_is_an_error(pattern):
    with pytest.raises(ValueError, match="form"):
        text_of(pattern, random.Random(1))


def test_every_declared_example_matches_its_form():
    columns = [column for table in CANONICAL for column in table.columns if column.example]
    assert columns
    assert [column.name for column in columns if not re.fullmatch(column.pattern, column.example)] == []


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    assert invent(MARK, 5, seed=1).equals(invent(MARK, 5, seed=1))
    assert not invent(MARK, 5, seed=1).equals(invent(MARK, 5, seed=2))


def test_a_table_with_few_keys_gives_as_many_rows_as_it_has_keys():
    assert invent(BAND, 20, seed=1).num_rows == 3
    assert invent(BAND, 2, seed=1).num_rows == 2
    assert invent(PUPIL, 0, seed=1).num_rows == 0


def test_rows_refer_to_the_parents_that_are_given_or_to_invented_ones():
    pupils = invent(PUPIL, 2, seed=9)
    stays = invent(ENROLMENT, 10, seed=1, parents={"pupil": pupils})
    assert set(stays.column("pupil_id").to_pylist()) <= set(pupils.column("pupil_id").to_pylist())
    alone = invent(ENROLMENT, 10, seed=1)
    assert set(alone.column("pupil_id").to_pylist()) <= set(invent(PUPIL, 10, seed=1).column("pupil_id").to_pylist())


def test_all_canonical_tables_come_in_their_declared_columns():
    invented = invent_all(3, seed=1)
    assert {name: rows.schema for name, rows in invented.items()} == {
        table.name: table.arrow_schema() for table in CANONICAL
    }


def test_rows_as_delivered_are_texts_with_a_place():
    raw = as_delivered(invent(PUPIL, 2, seed=1), "pupil.csv")
    assert raw.column("row_number").to_pylist() == [2, 3]
    assert set(raw.column("file_name").to_pylist()) == {"pupil.csv"}
    assert {field.type for field in raw.schema} == {pa.string(), pa.int64()}


def test_a_rule_that_no_cell_can_break_has_no_breach():
    rule = RowRule("never_broken", "mark_points = mark_points", "mark_points", Words("x", "x"))
    assert row_breach(MARK, rule, invent(MARK, 3, seed=1), seed=1) is None


def test_a_rule_that_no_row_obeys_is_an_error():
    impossible = RowRule(
        "impossible", "repeat_count > 20 AND repeat_count IS NOT NULL", "repeat_count", Words("x", "x")
    )
    with pytest.raises(ValueError, match="obeys"):
        invent(type(ENROLMENT)(**{**vars(ENROLMENT), "rules": (impossible,)}), 1, seed=1)


def test_every_declared_bound_has_a_breach_on_its_own_side():
    breaches = {(breach.column, breach.rule_code): breach.text for breach in cell_breaches(MARK)}
    assert breaches["mark_points", "too_low"] == "0.5"
    assert breaches["mark_points", "too_high"] == "10.5"
    assert breaches["happened_on", "too_low"] == "1989-10-31"
