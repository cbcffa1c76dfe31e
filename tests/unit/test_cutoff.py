"""The cut-off shows the newest version known by then, and nothing passes it by."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
import pytest

from riskmodel.risk.cutoff import open_cut_off, read_past_the_door
from riskmodel.tables.canonical import CANONICAL, table
from riskmodel.tables.relations import lay_out

PUPIL = "0" * 32


def laid_out(**rows: list[dict[str, object]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    lay_out(
        connection,
        {
            name: pa.Table.from_pylist(
                [{column: row.get(column) for column in table(name).column_names} for row in given],
                schema=pa.schema([field.with_nullable(True) for field in table(name).arrow_schema()]),
            )
            for name, given in rows.items()
        },
    )
    return connection


def absence(code: str, known_on: date, day: date = date(2024, 12, 2)) -> dict[str, object]:
    return {
        "pupil_id": PUPIL,
        "school_id": "1",
        "happened_on": day,
        "lesson_number": 3,
        "attendance_code": code,
        "lessons": 1,
        "known_on": known_on,
    }


@pytest.mark.parametrize(
    ("cut_off", "codes"),
    [
        (date(2024, 12, 1), []),
        (date(2024, 12, 2), ["unexcused"]),
        (date(2024, 12, 22), ["unexcused"]),
        (date(2024, 12, 23), ["excused"]),
        (date(2025, 6, 1), ["excused"]),
    ],
)
def test_an_absence_excused_three_weeks_later_was_unexcused_until_then(cut_off, codes):
    connection = laid_out(attendance=[absence("excused", date(2024, 12, 23)), absence("unexcused", date(2024, 12, 2))])
    open_cut_off(connection, cut_off)
    found = connection.execute("SELECT attendance_code FROM known.attendance").fetchall()
    assert [code for (code,) in found] == codes


def test_terms_of_all_schools_are_one_fact_although_their_school_is_empty():
    def term(ends_on: date, known_on: date, school_id: str | None) -> dict[str, object]:
        return {
            "school_year": "2024/25",
            "term_number": 1,
            "school_id": school_id,
            "happened_on": date(2024, 9, 2),
            "ends_on": ends_on,
            "known_on": known_on,
        }

    connection = laid_out(
        term=[
            term(date(2024, 12, 20), date(2024, 8, 1), None),
            term(date(2024, 12, 13), date(2024, 11, 1), None),
            term(date(2024, 12, 6), date(2024, 8, 1), "7"),
        ]
    )
    open_cut_off(connection, date(2024, 12, 1))
    found = connection.execute("SELECT school_id, ends_on FROM known.term ORDER BY ALL").fetchall()
    assert found == [("7", date(2024, 12, 6)), (None, date(2024, 12, 13))]


def test_the_order_of_rows_does_not_decide_between_versions_of_one_day():
    rows = [absence("late", date(2024, 12, 2)), absence("absent", date(2024, 12, 2))]
    shown = []
    for given in (rows, rows[::-1]):
        connection = laid_out(attendance=given)
        open_cut_off(connection, date(2024, 12, 31))
        shown.append(connection.execute("SELECT * FROM known.attendance").fetchall())
    assert shown[0] == shown[1]
    assert len(shown[0]) == 1


def test_two_dates_can_stand_side_by_side():
    connection = laid_out(attendance=[absence("unexcused", date(2024, 12, 2)), absence("excused", date(2024, 12, 23))])
    open_cut_off(connection, date(2024, 12, 20))
    open_cut_off(connection, date(2025, 12, 20), schema="later")
    codes = connection.execute(
        "SELECT before.attendance_code, later.attendance_code FROM known.attendance AS before, later.attendance AS later"
    ).fetchall()
    assert codes == [("unexcused", "excused")]


def test_every_canonical_table_has_its_relation():
    connection = laid_out()
    open_cut_off(connection, date(2024, 12, 20))
    names = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'known'"
    ).fetchall()
    assert {name for (name,) in names} == {declared.name for declared in CANONICAL}


@pytest.mark.parametrize(
    ("sql", "past"),
    [
        ("SELECT * FROM known.mark", set()),
        ("WITH a AS (SELECT * FROM known.mark) SELECT * FROM a", set()),
        ("SELECT * FROM known.mark JOIN member USING (pupil_id)", set()),
        ("SELECT * FROM canonical.mark", {"canonical.mark"}),
        ("WITH a AS (SELECT * FROM known.mark) SELECT * FROM a, (SELECT 1 FROM other)", {"other"}),
        ("SELECT (SELECT max(known_on) FROM canonical.term)", {"canonical.term"}),
        ("SELECT * FROM read_parquet('mark.parquet')", {"read_parquet()"}),
    ],
)
def test_the_guard_names_what_a_query_reads_past_the_cut_off(sql, past):
    assert read_past_the_door(duckdb.connect(), sql, allowed={"member"}) == past


def test_a_table_that_was_not_asked_for_cannot_be_read_from_an_earlier_cut_off():
    connection = laid_out()
    open_cut_off(connection, date(2024, 12, 20))
    open_cut_off(connection, date(2025, 12, 20), tables=("term",))
    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM known.mark")
