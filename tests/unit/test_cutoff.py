"""The cut-off shows the newest version known by then, and nothing passes it by."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from laid_out import laid_out

from riskmodel.risk.cutoff import keep_versions, open_cut_off, read_past_the_door, with_pupil_keys
from riskmodel.tables.canonical import CANONICAL

PUPIL = "0" * 32


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


def stay(school_id: str, known_on: date, **more: object) -> dict[str, object]:
    given = {"pupil_id": PUPIL, "happened_on": date(2023, 9, 1), "stage_kind": "grade", "stage_number": 9}
    return {**given, "school_id": school_id, "known_on": known_on, **more}


SEPTEMBER, MAY, JUNE = date(2023, 9, 1), date(2024, 5, 31), date(2024, 6, 14)
STAYS_IN_ORDER = [
    stay("1", SEPTEMBER),
    stay("1", MAY, ends_on=MAY, exit_class="left"),
    stay("1", JUNE, ends_on=MAY, exit_class="completed"),
    stay("2", MAY),
    stay("2", SEPTEMBER, pupil_id="1" * 32),
    stay("2", JUNE, pupil_id="1" * 32, ends_on=JUNE, exit_class="abroad"),
]
OF_ONE_DAY = [stay("1", MAY, exit_class=word, ends_on=MAY) for word in ("unknown", "left", "transferred")]


@pytest.mark.parametrize("described", [None, [], [PUPIL], ["1" * 32], [PUPIL, "1" * 32, "2" * 32]])
@pytest.mark.parametrize(
    "rows",
    [
        STAYS_IN_ORDER,
        STAYS_IN_ORDER[::-1],
        [STAYS_IN_ORDER[place] for place in (0, 3, 1, 4, 2, 5)],
        [*STAYS_IN_ORDER, *OF_ONE_DAY],
        [*OF_ONE_DAY[::-1], *STAYS_IN_ORDER],
        [],
    ],
)
def test_kept_versions_show_on_every_day_what_sorting_them_shows(rows, described):
    """Also of pupils whom the table of pupils does not describe."""
    tables = ("enrolment", "school", *(() if described is None else ("pupil",)))
    pupils = [{"pupil_id": pupil, "happened_on": SEPTEMBER, "known_on": SEPTEMBER} for pupil in described or ()]
    plain, kept = (laid_out(enrolment=rows, pupil=pupils) for _ in range(2))
    keep_versions(kept, tables)
    pupils = "(SELECT number, pupil_id AS text FROM versions.pupil_number) JOIN shown ON number = shown.pupil_id"
    for cut_off in (date(2023, 8, 31), SEPTEMBER, date(2024, 5, 30), MAY, date(2024, 6, 13), JUNE, date(2030, 1, 1)):
        for connection in (plain, kept):
            open_cut_off(connection, cut_off, tables=("enrolment", "school", "term"))
        expected = plain.execute("SELECT * FROM known.enrolment ORDER BY ALL").fetchall()
        found = kept.execute(
            f"WITH shown AS (SELECT * FROM known.enrolment) SELECT shown.* REPLACE (text AS pupil_id) FROM {pupils} ORDER BY ALL"
        ).fetchall()
        assert sorted(map(str, found)) == sorted(map(str, expected))


def test_tables_behind_one_in_which_nobody_is_named_are_kept_as_well():
    connection = laid_out(enrolment=STAYS_IN_ORDER)
    connection.execute("INSERT INTO canonical.enrolment (happened_on, known_on) VALUES ('2023-09-01', '2023-09-01')")
    keep_versions(connection, ("enrolment", "pupil", "support"))
    kept = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'versions' ORDER BY ALL"
    ).fetchall()
    assert kept == [("enrolment",), ("pupil",), ("pupil_number",), ("support",)]


def test_kept_pupils_are_numbers_in_the_order_of_their_pseudonyms():
    connection = laid_out(enrolment=STAYS_IN_ORDER)
    asked = "(SELECT unnest(['2', $1, $2]) AS pupil_id)"
    sql = with_pupil_keys(connection, "given", ("pupil_id",))
    assert sql == "SELECT pupil_id FROM given"
    keep_versions(connection, ("enrolment",))
    connection.execute(f"CREATE TABLE given AS SELECT * FROM {asked}", ["1" * 32, PUPIL])
    assert connection.execute(with_pupil_keys(connection, "given", ("pupil_id",))).fetchall() == [(None,), (2,), (1,)]


def test_a_second_catalogue_of_the_data_base_sees_the_versions_that_the_first_keeps():
    connection = laid_out(enrolment=STAYS_IN_ORDER)
    keep_versions(connection, ("enrolment",))
    other = connection.cursor()
    other.execute("ATTACH ':memory:' AS other")
    other.execute("USE other")
    open_cut_off(connection, MAY, tables=("enrolment",))
    open_cut_off(other, JUNE, tables=("enrolment",))
    count = "SELECT count(*) FROM known.enrolment WHERE exit_class = 'completed'"
    assert [shown.execute(count).fetchone() for shown in (connection, other)] == [(0,), (1,)]
