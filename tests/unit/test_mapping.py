"""A mapping says which column is which; it is strict, and its errors name the nearest right word."""

from __future__ import annotations

import duckdb
import pytest

from riskmodel.errors import DeliveryError, UsageError
from riskmodel.sources.mapping import FileMapping, headers_of, read_mapping
from riskmodel.sources.projection import in_one_form, known_headers, lay_out_file, project, table_in_name
from riskmodel.sources.reading import Sheet
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.fields import fold

FACTS = "delivery: {delivered_on: 2025-01-31, origin: real}\n"


def mapping(tmp_path, text):
    (tmp_path / "mapping.yaml").write_text(text, "utf-8")
    return read_mapping(tmp_path / "mapping.yaml")


def rows(entry, headers, *cells):
    """Return the rows of every table of a file that has these headers and rows of cells, by table."""
    connection = duckdb.connect()
    columns = ", ".join(f"c{place} VARCHAR" for place in range(len(headers)))
    connection.execute(f"CREATE TABLE sheet (row_number BIGINT, {columns})")
    for number, row in enumerate(cells, start=2):
        connection.execute(f"INSERT INTO sheet VALUES ({', '.join('?' * (len(row) + 1))})", [number, *row])
    sheet = Sheet("x.csv", tuple(headers), "SELECT * FROM sheet", len(cells), "utf-8")
    entry = FileMapping.model_validate({"file": "x.csv", **entry})
    found = {}
    for table in lay_out_file(entry, sheet).tables:
        projection = project(table, sheet, entry.formats())
        result = connection.execute(projection.rows)
        names = [name[0] for name in result.description]
        found[table.table] = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        found[f"{table.table} faults"] = [
            (code, number) for code, sql in projection.faults for (number,) in connection.execute(sql).fetchall()
        ]
    return found


STAY = {"pupil_code": "Kods", "school_id": {"constant": "7"}}
TERM_DAYS = {
    "begins": {"column": "Posms", "values": {"2024-1": "2024-09-02"}},
    "ends": {"column": "Posms", "values": {"2024-1": "2024-09-15"}},
}


def test_no_two_columns_of_a_table_share_a_header():
    for table in CANONICAL:
        seen: dict[str, str] = {}
        for name, headers in headers_of(table.name).items():
            for header in headers:
                assert seen.setdefault(fold(header), name) == name, f"{table.name}: {header}"


@pytest.mark.parametrize(
    ("file", "table"),
    [("mark.csv", "mark"), ("mark-2024.csv.gz", "mark"), ("term_result.csv", "term_result"), ("marks.csv", None)],
)
def test_a_file_is_named_for_its_table(file, table):
    assert table_in_name(file) == table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("delivery: {delivered_on: 2025-01-31, orign: real}", "origin"),
        (FACTS + "files: [{file: a.csv, tables: [{table: marks}]}]", "did you mean 'mark'"),
        (
            FACTS + "files: [{file: a.csv, tables: [{table: mark, columns: {mark_point: x}}]}]",
            "did you mean 'mark_points'",
        ),
        (FACTS + "files: [{file: a.csv, seperator: ';'}]", "nearest one is 'separator'"),
        (FACTS + "files: [{file: a.csv, encoding: windows-1275}]", "did you mean"),
        (FACTS + "files: [{file: ../a.csv}]", "without a path"),
        (
            FACTS + "files: [{file: a.csv, tables: [{table: mark, columns: {weight: {column: x, constant: '1'}}}]}]",
            "give one of",
        ),
        (FACTS + "files: [{file: a.csv, tables: [{table: mark, columns: {weight: {column: '*'}}}]}]", "need unpivot"),
        ("delivery: {delivered_on: soon, origin: real}", "must be a date"),
        ("delivery: {delivered_on: 2025-01-31, origin: true}", "must be one of"),
        ("delivery: {delivered_on: 2025-01-31, delivered_on: 2024-01-31, origin: real}", "not YAML"),
        ("delivery: [", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("a: &a [x, x]\nb: [" + "*a, " * 101 + "]", "too many references"),
        ("#" * 1_000_001, "larger than"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_with_what_would_be_right(tmp_path, text, words):
    with pytest.raises(UsageError) as caught:
        mapping(tmp_path, text)
    assert caught.value.exit_code == 2
    assert words in caught.value.in_language("en")
    assert caught.value.in_language("lv") != caught.value.in_language("en")


def test_dates_and_numbers_in_a_mapping_are_the_words_that_were_written(tmp_path):
    text = (
        FACTS
        + "files: [{file: a.csv, tables: [{table: mark, columns: {happened_on: {constant: 2024-09-01}, weight: {constant: 7}}}]}]"
    )
    columns = mapping(tmp_path, text).files[0].tables[0].columns
    assert columns["happened_on"].constant == "2024-09-01"
    assert columns["weight"].constant == "7"


def test_a_pattern_names_several_files(tmp_path):
    known = mapping(tmp_path, FACTS + "files: [{file: 'klase_*.csv', separator: tab}]")
    assert known.entry_for("klase_5a.csv").separator == "\t"
    assert known.entry_for("mark.csv").separator is None


def test_a_canonical_file_is_read_by_its_headers_in_either_language():
    entry = FileMapping(file="mark.csv")
    assert {fold("mācību priekšmets"), fold("pupil_code"), fold("Personas kods")} <= known_headers(entry)


def test_words_numbers_and_empty_cells_get_their_meaning():
    table = {
        "table": "mark",
        "columns": STAY
        | {
            "subject_code": {"column": "Priekšmets", "empty": "cits", "values": {"MAT": "matemātika"}},
            "work_id": {"constant": "1"},
            "happened_on": "Datums",
            "mark_kind": {"column": "Veids", "values": {"PD": "test"}, "otherwise": "daily"},
            "mark_code": {"column": "Atzīme", "values": {"n/v": "nv"}, "numbers": "points"},
            "mark_points": {"column": "Atzīme", "values": {"n/v": ""}},
        },
    }
    headers = ("Kods", "Priekšmets", "Datums", "Veids", "Atzīme")
    found = rows(
        {"tables": [table]},
        headers,
        ("a", " mat ", "d", "pd", "7"),
        ("b", None, "d", "x", "N/V"),
        ("c", "z", "d", None, "8,0"),
    )
    told = [(row["subject_code"], row["mark_kind"], row["mark_code"], row["mark_points"]) for row in found["mark"]]
    assert told == [("matemātika", "test", "points", "7"), ("cits", "daily", "nv", None), ("z", None, "points", "8,0")]


def test_wide_columns_become_rows_and_empty_ones_do_not():
    table = {
        "table": "term_result",
        "unpivot": {"Matemātika": "matemātika", "Latviešu": "latviešu valoda"},
        "columns": STAY
        | {
            "subject_code": {"label": True},
            "mark_points": {"column": "*"},
            "result_kind": {"constant": "term"},
            "happened_on": {"constant": "2024-12-20"},
        },
    }
    found = rows({"tables": [table]}, ("Kods", "Matemātika", "Latviešu"), ("a", "7", "9"), ("b", " ", "5"))
    told = {(row["row_number"], row["subject_code"], row["mark_points"]) for row in found["term_result"]}
    assert told == {(2, "matemātika", "7"), (2, "latviešu valoda", "9"), (3, "latviešu valoda", "5")}


def test_a_weekly_plan_has_a_row_for_each_monday_of_the_period():
    table = {"table": "lessons_planned", "weekly": TERM_DAYS, "columns": STAY | {"lessons": {"constant": "30"}}}
    found = rows({"tables": [table]}, ("Kods", "Posms"), ("a", "2024-1"), ("b", "2023-1"))
    assert [row["happened_on"] for row in found["lessons_planned"]] == ["2024-09-02", "2024-09-09"]
    assert found["lessons_planned faults"] == [("period_unknown", 3)]


def spread(*cells, per_day=8):
    table = {
        "table": "attendance",
        "unpivot": {"Attaisnoti": "excused", "Neattaisnoti": "unexcused"},
        "spread": TERM_DAYS | {"count": {"column": "*"}, "lessons_per_day": per_day},
        "columns": STAY
        | {
            "attendance_code": {"label": True},
            "lesson_number": {"constant": "0"},
            "known_on": {"constant": "2024-12-20"},
        },
    }
    return rows({"tables": [table]}, ("Kods", "Posms", "Attaisnoti", "Neattaisnoti"), *cells)


def test_counts_of_a_period_are_spread_over_school_days_and_their_sum_stays():
    found = spread(("a", "2024-1", "20", "9"))["attendance"]
    lessons = {
        code: [int(row["lessons"]) for row in found if row["attendance_code"] == code]
        for code in ("excused", "unexcused")
    }
    assert {code: sum(parts) for code, parts in lessons.items()} == {"excused": 20, "unexcused": 9}
    assert max(lessons["excused"]) == 7
    days = [row["happened_on"] for row in found]
    assert len(set(days)) == len(days) == 5
    assert not {"2024-09-07", "2024-09-08", "2024-09-14", "2024-09-15"} & set(days)


def test_a_count_that_is_empty_nought_unreadable_or_too_large_is_no_row():
    found = spread(("a", "2024-1", None, "0"), ("b", "2024-1", "x", "-3"), ("c", "2024-1", "41", "1"))
    assert [row["row_number"] for row in found["attendance"]] == [4]
    assert sorted(found["attendance faults"]) == [
        ("count_too_large", 4),
        ("count_unreadable", 3),
        ("count_unreadable", 3),
    ]


def test_files_with_comma_and_point_are_read_as_one_table():
    connection = duckdb.connect()
    table = {
        "table": "term_result",
        "columns": {
            "mark_points": "m",
            "subject_code": "m",
            "pupil_code": "m",
            "school_id": "m",
            "result_kind": "m",
            "happened_on": "m",
        },
    }
    selects = []
    for comma, text in ((True, "7,5"), (False, "7.5")):
        entry = FileMapping.model_validate({"file": "x.csv", "decimal_comma": comma, "tables": [table]})
        sheet = Sheet("x.csv", ("m",), f"SELECT 2 AS row_number, '{text}' AS c0", 1, "utf-8")
        selects.append(project(entry.tables[0], sheet, entry.formats()))
    texts, formats = in_one_form(selects)
    assert not formats.decimal_comma
    assert [connection.execute(text).fetchdf()["mark_points"][0] for text in texts] == ["7.5", "7.5"]
    assert connection.execute(texts[0]).fetchdf()["subject_code"][0] == "7,5"


def test_a_mapped_header_that_the_file_lacks_is_named_with_the_nearest():
    table = {
        "table": "school",
        "columns": {
            "school_id": "Numurs",
            "school_name": "Nosaukums",
            "school_kind": {"constant": "general"},
            "happened_on": {"constant": "2020-09-01"},
        },
    }
    with pytest.raises(DeliveryError, match="nearest name in the file is Nosaukumi"):
        rows({"tables": [table]}, ("Numurs", "Nosaukumi"), ("1", "x"))


def test_a_mapping_that_leaves_a_required_column_out_is_refused():
    with pytest.raises(DeliveryError, match="does not give: school_name"):
        rows({"tables": [{"table": "school", "columns": {"school_id": "Numurs"}}]}, ("Numurs",), ("1",))


def test_the_outcome_may_not_be_mapped_into_another_table():
    table = {
        "table": "pupil",
        "columns": {"pupil_code": "Kods", "has_special_needs": "Atskaitīts", "happened_on": {"constant": "2020-09-01"}},
    }
    with pytest.raises(DeliveryError, match="give the answer away"):
        rows({"tables": [table]}, ("Kods", "Atskaitīts"), ("a", "1"))
