"""Measures of support as they are told to a page: known by the cut-off date, each once."""

from __future__ import annotations

from datetime import date

import pytest
from laid_out import laid_out

from riskmodel.risk.cutoff import open_cut_off
from riskmodel.runs.trends import known_support
from riskmodel.tables.scores import SUPPORT_KNOWN

CUT_OFF = date(2024, 12, 20)
SEPTEMBER, NOVEMBER, JANUARY = date(2024, 9, 2), date(2024, 11, 4), date(2025, 1, 10)


def told(*rows: tuple[str, str, str, date, date | None, date]) -> list[tuple[object, ...]]:
    """Return the rows of ``support_known`` for rows of pupil, school, measure, first and last day, and known-on date."""
    names = ("pupil_id", "school_id", "measure_code", "happened_on", "ends_on", "known_on")
    connection = laid_out(support=[dict(zip(names, row, strict=True)) for row in rows])
    open_cut_off(connection, CUT_OFF, tables=("support",))
    found = known_support(connection, CUT_OFF)
    assert tuple(found.column_names) == SUPPORT_KNOWN.column_names
    return [tuple(row.values()) for row in found.to_pylist()]


def test_measures_are_told_in_the_order_of_the_pupils_with_first_and_last_day() -> None:
    assert told(
        ("b", "1", "KA-MAT", NOVEMBER, None, NOVEMBER), ("a", "1", "KA-PSI", SEPTEMBER, NOVEMBER, SEPTEMBER)
    ) == [("a", "KA-PSI", SEPTEMBER, NOVEMBER), ("b", "KA-MAT", NOVEMBER, None)]


def test_what_became_known_later_is_not_told() -> None:
    going_on = ("a", "1", "KA-MAT", SEPTEMBER, None, SEPTEMBER)
    ended_later = ("a", "1", "KA-MAT", SEPTEMBER, NOVEMBER, JANUARY)
    known_later = ("a", "1", "KA-PSI", NOVEMBER, None, JANUARY)
    begins_later = ("a", "1", "KA-SOC", JANUARY, None, NOVEMBER)
    assert told(going_on, ended_later, known_later, begins_later) == [("a", "KA-MAT", SEPTEMBER, None)]


def test_an_end_that_was_known_by_then_is_told_also_where_it_lies_ahead() -> None:
    assert told(("a", "1", "KA-MAT", SEPTEMBER, JANUARY, SEPTEMBER)) == [("a", "KA-MAT", SEPTEMBER, JANUARY)]


@pytest.mark.parametrize(("ends_on", "expected"), [(JANUARY, JANUARY), (None, None)])
def test_one_measure_of_two_schools_stands_once_and_lasts_until_both_have_ended(
    ends_on: date | None, expected: date | None
) -> None:
    first = ("a", "1", "KA-MAT", SEPTEMBER, NOVEMBER, SEPTEMBER)
    assert told(first, ("a", "2", "KA-MAT", SEPTEMBER, ends_on, SEPTEMBER)) == [("a", "KA-MAT", SEPTEMBER, expected)]


def test_no_measure_at_all_is_a_table_without_rows() -> None:
    assert told() == []
