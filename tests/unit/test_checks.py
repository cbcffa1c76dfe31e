"""The check at the border, cell by cell and row by row. I-numbers are the classes of bad input that are promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pytest

from riskmodel.errors import UsageError
from riskmodel.tables.canonical import CANONICAL, table
from riskmodel.tables.checks import Account, Formats, TableWarning, check_references, check_table, unusual_ages
from riskmodel.tables.fields import code_words, fold, fold_sql, literal

DELIVERED_ON = date(2026, 11, 30)
OFFICE = Formats(decimal_comma=True, date_forms=("%d.%m.%Y", "%Y-%m-%d", "%Y. gada %d. %B"))
PUPIL, OTHER_PUPIL = "a" * 32, "b" * 32

ROWS = {
    "school": {
        "school_id": "1",
        "school_name": "Pilsētas skola",
        "school_kind": "general",
        "happened_on": "2020-09-01",
    },
    "pupil": {"pupil_id": PUPIL, "birth_month": "2010-05-01", "happened_on": "2020-09-01"},
    "enrolment": {
        "pupil_id": PUPIL,
        "school_id": "1",
        "stage_kind": "grade",
        "stage_number": "9",
        "happened_on": "2025-09-01",
    },
    "attendance": {
        "pupil_id": PUPIL,
        "school_id": "1",
        "happened_on": "2026-01-05",
        "lesson_number": "1",
        "subject_code": "Ķīmija",
        "attendance_code": "late",
        "lessons": "1",
    },
    "lessons_planned": {"pupil_id": PUPIL, "school_id": "1", "happened_on": "2026-01-05", "lessons": "30"},
    "mark": {
        "pupil_id": PUPIL,
        "school_id": "1",
        "subject_code": "Ķīmija",
        "work_id": "1",
        "happened_on": "2026-01-05",
        "mark_kind": "test",
        "mark_code": "points",
        "mark_points": "7",
        "weight": "5",
    },
    "term": {"school_year": "2026/27", "term_number": "2", "happened_on": "2027-01-04", "ends_on": "2027-05-31"},
    "support": {"pupil_id": PUPIL, "school_id": "1", "measure_code": "KA-PED", "happened_on": "2026-01-05"},
    "capacity": {
        "school_id": "1",
        "provider_code": "all",
        "happened_on": "2027-01-04",
        "ends_on": "2027-05-31",
        "places": "3",
    },
    "economic_area": {
        "municipality_code": "LV0001000",
        "happened_on": "2026-01-01",
        "indicator_code": "gross_wage_eur",
        "value": "1600",
        "unit": "eur",
        "known_on": "2026-06-01",
    },
}


@dataclass(frozen=True)
class Border:
    """What one check left behind."""

    connection: duckdb.DuckDBPyConnection
    account: Account
    name: str

    def used(self, columns: str = "*") -> list[tuple[object, ...]]:
        return self.connection.execute(f"SELECT {columns} FROM checked.{self.name} ORDER BY row_number").fetchall()

    def reasons(self) -> list[tuple[int, str | None, str]]:
        return self.connection.execute(
            "SELECT row_number, column_name, rule_code FROM rejected.rejected_row ORDER BY ALL"
        ).fetchall()


@pytest.fixture
def connection():
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def _check(connection, name: str, rows: Sequence[dict[str, str | None]], formats: Formats = Formats()) -> Border:  # noqa: B008
    connection.execute("DROP SCHEMA IF EXISTS rejected CASCADE")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    definitions = ", ".join(f"{column} VARCHAR" for column in columns)
    connection.execute(f"CREATE OR REPLACE TABLE raw ({definitions}, file_name VARCHAR, row_number BIGINT)")
    places = ", ".join("?" * (len(columns) + 2))
    for number, row in enumerate(rows, start=2):
        connection.execute(f"INSERT INTO raw VALUES ({places})", [*map(row.get, columns), f"{name}.csv", number])
    account = check_table(connection, table(name), "raw", formats, delivered_on=DELIVERED_ON)
    return Border(connection, account, name)


def _cell(connection, name: str, column: str, texts: Sequence[str | None], formats: Formats = OFFICE) -> list[object]:
    """Check rows that differ in one cell (and belong to different pupils); a value, or the rule that was broken."""
    rows = [
        ROWS[name] | ({"pupil_id": f"{at:032x}"} if "pupil_id" in ROWS[name] else {}) | {column: text}
        for at, text in enumerate(texts)
    ]
    border = _check(connection, name, rows, formats)
    found: dict[int, object] = dict(border.used(f"row_number, {column}"))
    for number, where, code in border.reasons():
        assert where == column
        found[number] = code
    return [found[number] for number in range(2, len(texts) + 2)]


def test_a_sound_row_is_used_with_typed_values_and_its_place(connection):
    border = _check(connection, "attendance", [ROWS["attendance"]])
    assert border.account == Account(read=1, used=1, quarantined=0, merged=0)
    assert border.used() == [
        (PUPIL, "1", date(2026, 1, 5), 1, "Ķīmija", "late", 1, date(2026, 1, 5), "attendance.csv", 2)
    ]


def test_a_table_without_rows_gives_an_empty_account(connection):
    connection.execute("CREATE TABLE raw (school_id VARCHAR, file_name VARCHAR, row_number BIGINT)")
    account = check_table(connection, table("school"), "raw", Formats(), delivered_on=DELIVERED_ON)
    assert account == Account(0, 0, 0, 0)


def test_an_account_that_loses_a_row_cannot_be_made():
    with pytest.raises(ValueError, match="rows read"):
        Account(read=3, used=1, quarantined=1, merged=0)
    assert Account(3, 2, 1, 0).put_aside(1) == Account(3, 1, 2, 0)
    assert Account(3, 2, 1, 0).with_unread(2) == Account(5, 2, 3, 0)


# Dates


def test_i64_a_date_is_read_day_first_and_never_month_first(connection):
    assert _cell(connection, "attendance", "happened_on", ["03.04.2026", "13.04.2026", "04.13.2026"]) == [
        date(2026, 4, 3),
        date(2026, 4, 13),
        "impossible_date",
    ]


def test_i65_listed_forms_are_read_and_others_not(connection):
    texts = ["2026. gada 3. maijs", "2026. gada 3. maijā", "3.5.2026", "03.05.2026.", "2026-05-03"]
    assert _cell(connection, "attendance", "happened_on", texts) == [date(2026, 5, 3)] * 5
    others = ["05/03/2026", "46145", "3. maijs", "20260503", "03.05.26", "2026-5-3-1", "2026. gada 3. mai"]
    assert _cell(connection, "attendance", "happened_on", others) == ["not_a_date"] * len(others)


def test_i65_excel_serials_are_read_only_where_they_are_listed(connection):
    day = date(2026, 5, 3)
    serial = (day - date(1899, 12, 30)).days
    texts = [str(serial), f"{serial}.5"]
    assert _cell(connection, "attendance", "happened_on", texts, Formats(date_forms=("excel",))) == [day, day]
    mac = Formats(date_forms=("excel_1904",))
    assert _cell(connection, "attendance", "happened_on", [str(serial - 1462)], mac) == [day]
    assert _cell(connection, "attendance", "happened_on", [str(serial)], Formats()) == ["not_a_date"]


def test_every_latvian_month_is_known_by_its_name(connection):
    names = "janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris novembris decembris"
    locatives = "janvārī februārī martā aprīlī maijā jūnijā jūlijā augustā septembrī oktobrī novembrī decembrī"
    for months in (names, locatives, names.upper()):
        texts = [f"2025. gada 7. {month}" for month in months.split()]
        assert _cell(connection, "attendance", "happened_on", texts) == [date(2025, at, 7) for at in range(1, 13)]


def test_i66_days_that_the_calendar_lacks_are_put_aside(connection):
    texts = ["32.13.2026", "29.02.2026", "2026-02-29", "2026-00-10", "31.04.2026"]
    assert _cell(connection, "attendance", "happened_on", texts) == ["impossible_date"] * 5
    assert _cell(connection, "attendance", "happened_on", ["29.02.2024"]) == [date(2024, 2, 29)]


def test_i67_a_future_date_is_put_aside_except_in_calendars_and_plans(connection):
    assert _cell(connection, "attendance", "happened_on", ["2026-11-30", "2026-12-01"]) == [DELIVERED_ON, "in_future"]
    for name in ("term", "capacity"):
        border = _check(connection, name, [ROWS[name]])
        assert border.account.used == 1
        assert border.used("known_on") == [(min(DELIVERED_ON, border.used("known_on")[0][0]),)]
    ahead = ROWS["lessons_planned"] | {"happened_on": "2026-12-07"}
    assert _check(connection, "lessons_planned", [ahead]).used("known_on") == [(date(2026, 12, 13),)]


def test_i70_a_time_stamp_with_a_zone_counts_as_the_day_in_riga(connection):
    texts = ["2026-04-03T22:30:00Z", "2026-01-03T22:30Z", "2026-04-03 23:30:00+03", "2026-04-03T23:59:59.5+0300"]
    stamps = [date(2026, 4, 4), date(2026, 1, 4), date(2026, 4, 3), date(2026, 4, 3)]
    assert _cell(connection, "attendance", "happened_on", texts) == stamps
    assert _cell(connection, "attendance", "happened_on", ["2026-04-03 00:00:00", "2026-04-03T23:30"]) == [
        date(2026, 4, 3),
        date(2026, 4, 3),
    ]
    assert _cell(connection, "attendance", "happened_on", ["2026-04-03T25:00:00Z"]) == ["not_a_date"]


def test_i71_days_that_stand_for_no_date_are_missing_and_counted(connection):
    texts = ["1900-01-01", "01.01.1970", "31.12.9999", "0000-00-00", "00.00.0000", ""]
    rows = [ROWS["support"] | {"pupil_id": f"{at:032x}", "ends_on": text} for at, text in enumerate(texts)]
    border = _check(connection, "support", rows, OFFICE)
    assert border.used("ends_on") == [(None,)] * 6
    counted = {(warning.rule_code, warning.column, warning.count) for warning in border.account.warnings}
    assert ("sentinel_date", "ends_on", 5) in counted
    # Where a date is needed a missing one is a fault, whichever way it is written.
    assert _cell(connection, "attendance", "happened_on", ["1900-01-01", ""]) == ["required", "required"]


def test_a_birth_date_is_kept_as_its_month_alone(connection):
    texts = ["17.05.2010", "2010-05-17", "05.2010", "2010-05", ""]
    assert _cell(connection, "pupil", "birth_month", texts) == [date(2010, 5, 1)] * 4 + [None]
    assert _cell(connection, "attendance", "happened_on", ["05.2026"]) == ["not_a_date"]


@pytest.mark.parametrize(
    "forms",
    [
        ("%d.%m.%Y", "%m.%d.%Y"),
        ("excel", "excel_1904"),
        ("%d.%m.%y",),
        ("%d.%m",),
        ("%Y-%m-%dx",),
        ("dd.mm.yyyy",),
        ("%Y%j",),
    ],
)
def test_date_forms_that_could_mean_two_days_or_none_are_refused(forms):
    with pytest.raises(UsageError) as error:
        Formats(date_forms=forms)
    assert "{" not in error.value.in_both_languages()


# Numbers, flags, codes


def test_i57_the_decimal_mark_is_the_declared_one(connection):
    assert _cell(connection, "mark", "weight", ["7,5", "7.5"]) == [7.5, "not_a_decimal"]
    assert _cell(connection, "mark", "weight", ["7,5", "7.5"], Formats()) == ["not_a_decimal", 7.5]


def test_i58_thousands_by_space_are_read_and_by_mark_are_ambiguous(connection):
    row = ROWS["economic_area"]
    texts = ["12 345,5", "12\u00a0345,5", "12\u202f345", "-1 000", "1.234", "1.234,5", "12 34", "1 2345"]
    rows = [row | {"municipality_code": f"LV000100{at}", "value": text} for at, text in enumerate(texts)]
    border = _check(connection, "economic_area", rows, OFFICE)
    assert border.used("value") == [(12345.5,), (12345.5,), (12345,), (-1000,)]
    assert [code for _, _, code in border.reasons()] == ["ambiguous_number"] * 2 + ["not_a_decimal"] * 2
    assert _cell(connection, "attendance", "lessons", ["1.234", "1 000"]) == ["ambiguous_number", "too_high"]


def test_i59_infinite_and_exponent_numbers_are_put_aside_and_minus_zero_is_zero(connection):
    assert (
        _cell(connection, "mark", "weight", ["inf", "nan", "1e5", "-Infinity", "NULL", "0x1"]) == ["not_a_decimal"] * 6
    )
    zeros = _cell(connection, "mark", "weight", ["-0", "−0,0", "0"])
    assert [str(zero) for zero in zeros] == ["0.0", "0.0", "0.0"]


def test_whole_numbers_are_whole(connection):
    texts = ["3", " 3 ", "03", "3,0", "3,5", "3.0", "٣", "1e0", "", "-1", "17"]
    assert _cell(connection, "attendance", "lessons", texts) == [
        3, 3, 3, 3, "not_an_integer", "not_an_integer", "not_an_integer", "not_an_integer", "required", "too_low", "too_high",
    ]  # fmt: skip


def test_i60_numbers_outside_the_scale_are_put_aside_and_words_keep_their_own_codes(connection):
    assert _cell(connection, "mark", "mark_points", ["0", "11", "5,5", "10"]) == [
        "too_low",
        "too_high",
        "mark_not_whole",
        10,
    ]
    wordless = [
        ROWS["mark"] | {"mark_points": "", "work_id": word, "mark_code": word}
        for word in ("n/v", "ieskaitīts", "atbrīvots")
    ]
    assert _check(connection, "mark", wordless).used("mark_code") == [("nv",), ("passed",), ("exempt",)]


def test_i72_listed_words_of_yes_and_no_are_read_and_others_not(connection):
    assert _cell(connection, "pupil", "has_special_needs", ["jā", "JA", "J", "x", "1", "true"]) == [True] * 6
    assert _cell(connection, "pupil", "has_special_needs", ["nē", "Ne", "n", "0", "false"]) == [False] * 5
    assert _cell(connection, "pupil", "has_special_needs", ["varbūt", "-1", "2"]) == ["not_a_flag"] * 3
    own = Formats(true_words=("ir",), false_words=("nav",))
    assert _cell(connection, "pupil", "has_special_needs", ["IR", "nav", "1"], own) == [True, False, "not_a_flag"]


def test_listed_codes_may_be_written_in_words_of_either_language(connection):
    texts = ["late", "LATE", "Nokavēts sākums", "nokavets  sakums", "neattaisnoti kavēts", "missed unexcused"]
    assert _cell(connection, "attendance", "attendance_code", texts) == ["late"] * 4 + ["unexcused"] * 2
    assert _cell(connection, "attendance", "attendance_code", ["kavēts", "0", ""]) == [
        "unknown_code",
        "unknown_code",
        "required",
    ]


def test_codes_of_a_form_are_matched_in_full_and_without_case(connection):
    row = ROWS["school"]
    texts = ["lv", "LV", " lv ", "latviski", "l"]
    rows = [row | {"school_id": str(at), "instruction_language": text} for at, text in enumerate(texts)]
    border = _check(connection, "school", rows)
    assert border.used("instruction_language") == [("lv",)] * 3
    assert [code for _, _, code in border.reasons()] == ["not_in_form"] * 2


@pytest.mark.parametrize("declared", CANONICAL, ids=lambda declared: declared.name)
def test_words_of_a_list_are_compared_alike_in_python_and_in_sql(declared, connection):
    for column in declared.columns:
        for words in column.codes.values():
            for text in (words.lv, words.en):
                assert connection.execute(f"SELECT {fold_sql(literal(text))}").fetchall() == [(fold(text),)]
        assert {fold(code) for code in column.codes} <= set(code_words(column))


# Text


def test_i49_i52_i53_i54_i56_strange_texts_are_texts(connection):
    texts = ["NA", "None", "nan", "TRUE", "<script>alert(1)</script>", "=1+1", "'; DROP TABLE raw; --", "😀", 'a "b"']
    assert _cell(connection, "attendance", "subject_code", texts) == texts


def test_i9_i55_control_characters_are_put_aside_and_line_breaks_are_blanks(connection):
    assert (
        _cell(connection, "attendance", "subject_code", ["a\x00b", "a\x1b[0m", "a\x85", "\x7f"])
        == ["control_character"] * 4
    )
    assert _cell(connection, "attendance", "subject_code", ["a\nb", " a \t b ", "a\u00a0b"]) == ["a b"] * 3


def test_i50_text_is_brought_to_one_form_of_letters(connection):
    assert _cell(connection, "attendance", "subject_code", ["s\u030c", "š"]) == ["š", "š"]


def test_i51_invisible_characters_are_removed_and_counted_and_look_alikes_kept(connection):
    texts = ["a\u200bb", "\u202eab", "аb", "\ufeffab"]
    rows = [ROWS["attendance"] | {"lesson_number": str(at), "subject_code": text} for at, text in enumerate(texts)]
    border = _check(connection, "attendance", rows)
    assert border.used("subject_code") == [("ab",), ("ab",), ("аb",), ("ab",)]
    (warning,) = border.account.warnings
    assert (warning.rule_code, warning.column, warning.count) == ("invisible_character", "subject_code", 3)
    assert "3 rindās" in warning.text.in_language("lv")


def test_i26_i56_text_longer_than_declared_is_put_aside(connection):
    texts = ["š" * 60, "š" * 61, "x" * 61, "x" * 1_000_000]
    assert _cell(connection, "attendance", "subject_code", texts) == ["š" * 60, *["too_long"] * 3]


def test_an_optional_column_that_is_empty_throughout_is_told(connection):
    border = _check(connection, "attendance", [ROWS["attendance"] | {"subject_code": " "}])
    assert [(warning.rule_code, warning.column) for warning in border.account.warnings] == [
        ("empty_column", "subject_code")
    ]


# Rows


def test_a_row_that_breaks_three_rules_is_told_three_times_and_counted_once(connection):
    row = ROWS["attendance"] | {"happened_on": "soon", "lessons": "99", "attendance_code": "?"}
    border = _check(connection, "attendance", [row, ROWS["attendance"]])
    assert border.account == Account(read=2, used=1, quarantined=1, merged=0)
    assert border.reasons() == [
        (2, "attendance_code", "unknown_code"),
        (2, "happened_on", "not_a_date"),
        (2, "lessons", "too_high"),
    ]


def test_a_rejected_row_names_file_and_row_and_what_to_do_but_nothing_of_its_content(connection):
    _check(connection, "attendance", [ROWS["attendance"] | {"lessons": "SLEPENS"}])
    ((name, file, number, column, rule, latvian, english),) = connection.execute(
        "SELECT * FROM rejected.rejected_row"
    ).fetchall()
    assert (name, file, number, column, rule) == ("attendance", "attendance.csv", 2, "lessons", "not_an_integer")
    assert "Kavēto stundu skaits" in latvian
    assert "Correct it" in english
    assert "SLEPENS" not in latvian + english


def test_a_row_rule_is_not_judged_on_a_cell_that_is_faulty_itself(connection):
    row = ROWS["enrolment"] | {"ends_on": "soon", "exit_class": "left"}
    assert _check(connection, "enrolment", [row]).reasons() == [(2, "ends_on", "not_a_date")]


def test_i61_a_negative_absence_is_put_aside(connection):
    assert _cell(connection, "attendance", "lessons", ["-2", "0"]) == ["too_low", "too_low"]


def test_missing_known_on_dates_follow_the_rule_of_the_table(connection):
    stay = ROWS["enrolment"] | {"ends_on": "2026-01-30", "exit_class": "left"}
    border = _check(connection, "enrolment", [stay, stay | {"pupil_id": OTHER_PUPIL, "known_on": "2026-02-15"}])
    assert border.used("known_on") == [(date(2026, 1, 30),), (date(2026, 2, 15),)]


def test_a_table_without_a_known_on_rule_needs_the_date(connection):
    border = _check(connection, "economic_area", [ROWS["economic_area"] | {"known_on": ""}])
    assert border.reasons() == [(2, "known_on", "required")]


def test_work_is_not_missing_before_it_is_due(connection):
    early = ROWS["mark"] | {"mark_code": "nv", "mark_points": "", "known_on": "2026-01-04"}
    assert _check(connection, "mark", [early]).reasons() == [(2, "known_on", "missing_before_due")]


def test_what_a_delivery_asks_for_pupils_depends_on_the_kind_of_register_id(connection):
    told = []
    for free in (False, True):
        _check(connection, "pupil", [ROWS["pupil"]])
        connection.execute("UPDATE raw SET pupil_id = ''")
        check_table(connection, table("pupil"), "raw", Formats(), delivered_on=DELIVERED_ON, free_register_ids=free)
        told += connection.execute("SELECT reason_en FROM rejected.rejected_row").fetchall()
    assert ["11 figures" in english for (english,) in told] == [True, False]


# Rows that stand twice


def test_i44_equal_rows_are_merged_and_the_first_is_kept(connection):
    border = _check(connection, "attendance", [ROWS["attendance"]] * 3)
    assert border.account == Account(read=3, used=1, quarantined=0, merged=2)
    assert border.used("row_number") == [(2,)]


def test_i45_conflicting_rows_are_all_put_aside_with_their_copies(connection):
    row = ROWS["attendance"]
    border = _check(
        connection, "attendance", [row, row, row | {"attendance_code": "excused"}, row | {"lesson_number": "2"}]
    )
    assert border.account == Account(read=4, used=1, quarantined=3, merged=0)
    assert border.reasons() == [(number, None, "conflicting_rows") for number in (2, 3, 4)]


def test_a_later_known_on_date_makes_a_correction_and_not_a_conflict(connection):
    row = ROWS["attendance"] | {"known_on": "2026-01-05"}
    excused = row | {"attendance_code": "excused", "known_on": "2026-01-26"}
    assert _check(connection, "attendance", [row, excused]).account == Account(2, 2, 0, 0)


def test_an_empty_cell_in_a_key_is_a_key_of_its_own(connection):
    everywhere, here = ROWS["term"] | {"school_id": ""}, ROWS["term"] | {"school_id": "1"}
    assert _check(connection, "term", [everywhere, everywhere, here]).account == Account(3, 2, 0, 1)
    conflicting = _check(connection, "term", [everywhere, everywhere | {"ends_on": "2027-06-01"}, here])
    assert conflicting.account == Account(3, 1, 2, 0)


# Other tables


@pytest.fixture
def known(connection):
    """A checked school with one pupil, born in May 2010."""
    for name in ("school", "pupil"):
        _check(connection, name, [ROWS[name]])
    return connection


def test_i75_a_row_of_an_unknown_school_or_pupil_is_put_aside(known):
    rows = [ROWS["attendance"], ROWS["attendance"] | {"school_id": "2"}, ROWS["attendance"] | {"pupil_id": OTHER_PUPIL}]
    border = _check(known, "attendance", rows)
    assert check_references(known, table("attendance")) == 2
    assert border.used("row_number") == [(2,)]
    assert border.reasons() == [(3, "school_id", "unknown_school"), (4, "pupil_id", "unknown_pupil")]


def test_a_row_with_two_unknown_references_is_told_twice_and_counted_once(known):
    border = _check(known, "attendance", [ROWS["attendance"] | {"school_id": "2", "pupil_id": OTHER_PUPIL}])
    assert check_references(known, table("attendance")) == 1
    assert len(border.reasons()) == 2


def test_i61_an_absence_longer_than_its_week_is_put_aside(known):
    week, holiday = (
        ROWS["lessons_planned"] | {"lessons": "4"},
        ROWS["lessons_planned"] | {"happened_on": "2026-01-12", "lessons": "0"},
    )
    corrected = holiday | {"lessons": "30", "known_on": "2026-02-01"}
    _check(known, "lessons_planned", [week, holiday, holiday | {"happened_on": "2026-01-19"}, corrected])
    rows = [
        ROWS["attendance"] | {"attendance_code": code, "happened_on": day, "lessons": lessons}
        for code, day, lessons in (
            ("unexcused", "2026-01-06", "4"),
            ("unexcused", "2026-01-07", "5"),
            ("late", "2026-01-08", "5"),
            ("excused", "2026-01-20", "1"),
            ("excused", "2026-01-13", "6"),  # the week was corrected
            ("excused", "2026-02-03", "6"),  # nothing is known of that week
        )
    ]
    border = _check(known, "attendance", rows)
    assert check_references(known, table("attendance")) == 2
    assert border.reasons() == [(3, "lessons", "more_than_planned"), (5, "lessons", "more_than_planned")]


def test_a_table_that_was_not_delivered_knows_nobody(connection):
    _check(connection, "support", [ROWS["support"]])
    assert check_references(connection, table("support")) == 1


def test_i68_nothing_happens_before_birth(known):
    rows = [ROWS["attendance"] | {"happened_on": day} for day in ("2010-04-30", "2010-05-01")]
    border = _check(known, "attendance", rows)
    assert check_references(known, table("attendance")) == 1
    assert border.reasons() == [(2, "happened_on", "before_birth")]


@pytest.mark.parametrize(
    ("stage_kind", "stage_number", "born", "is_used"),
    [
        ("grade", "1", "2018-09-01", True),  # seven
        ("grade", "1", "2022-09-01", False),  # three
        ("grade", "9", "2014-09-01", False),  # eleven
        ("grade", "9", "1985-09-01", False),  # forty
        ("vet_year", "1", "2012-09-01", False),  # thirteen
        ("vet_year", "1", "2009-09-01", True),  # sixteen
        ("course", "1", "1960-09-01", True),  # a course of a public data set
    ],
)
def test_i68_a_stay_begins_at_an_age_that_its_stage_can_have(connection, stage_kind, stage_number, born, is_used):
    _check(connection, "school", [ROWS["school"]])
    _check(connection, "pupil", [ROWS["pupil"] | {"birth_month": born, "happened_on": "2025-09-01"}])
    stay = ROWS["enrolment"] | {"stage_kind": stage_kind, "stage_number": stage_number}
    border = _check(connection, "enrolment", [stay])
    assert check_references(connection, table("enrolment")) == (0 if is_used else 1)
    assert border.reasons() == ([] if is_used else [(2, "stage_number", "impossible_age")])


def test_i68_adults_of_evening_schools_are_used_and_counted(connection):
    _check(connection, "school", [ROWS["school"] | {"school_kind": "evening"}])
    _check(connection, "pupil", [ROWS["pupil"] | {"birth_month": "1981-03-01"}])
    _check(connection, "enrolment", [ROWS["enrolment"]])
    assert check_references(connection, table("enrolment")) == 0
    assert [(warning.rule_code, warning.count) for warning in unusual_ages(connection)] == [("unusual_age", 1)]
    assert isinstance(unusual_ages(connection)[0], TableWarning)
