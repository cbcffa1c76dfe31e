"""What a school office is likely to send, by the classes of bad input I1 to I80, and how each must end.

A: accepted and brought to the usual form. W: accepted with a warning. Q: the row put aside with file, row, column, rule
and remedy, the good rows kept. R: the file refused whole with one reason. Nothing that is said may hold a name, a
code or any content of a cell.
"""

# ruff: noqa: N802  (the classes of bad input have their numbers with a capital I)

from __future__ import annotations

import gzip
import io
import json
import os
import unicodedata
import zipfile

import pyarrow.parquet as pq
import pytest

from riskmodel.errors import DeliveryError, UsageError
from riskmodel.sources import deliveries
from riskmodel.sources.decoding import Limits

HEADER = "pupil_code;first_name;last_name;birth_month;sex;happened_on"
ROWS = (
    "120190-00013;Zaķija;Šķēle-Kanārija;2010-03-01;f;2020-09-01",
    "130190-00022;Ēriks;Žūriņš-Kanārijs;2010-04-01;m;2020-09-01",
    "140190-00031;Ādolfīna;Ģībele-Kanārija;2010-05-01;f;2020-09-01",
)
"""Invented pupils; the codes are of people born in 1890, so they are nobody's."""
CANARIES = ("Kanārij", "00013", "00022", "00031", "Zaķija", "Ēriks", "Ādolfīna")


def say(text):
    assert not any(canary in str(text) for canary in CANARIES)


def delivery(folder, files, *, facts="", entries=""):
    folder.mkdir(exist_ok=True)
    mapping = f"delivery:\n  delivered_on: 2025-01-31\n  origin: real\n  complete: false\n{facts}{entries}"
    (folder / "mapping.yaml").write_text(mapping, "utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def pupil_text(*rows, header=HEADER):
    return "\n".join((header, *rows)) + "\n"


def told(report):
    whole = json.dumps(report.as_dict(), ensure_ascii=False) + report.in_language("lv") + report.in_language("en")
    assert not any(canary in whole for canary in CANARIES), "a message holds content of a cell"
    return whole


def checked(tmp_path, content, *, table="pupil", limits=None, **given):
    """Return the report of a delivery of one file, after looking that it adds up and tells nothing."""
    files = content if isinstance(content, dict) else {f"{table}.csv": content}
    report = deliveries.check(delivery(tmp_path / "delivery", files, **given), say, limits=limits)
    told(report)
    for account in report.accounts.values():
        assert account.read == account.used + account.quarantined + account.merged
    return report


def account_of(report, table="pupil"):
    account = report.accounts[table]
    return account.read, account.used, account.quarantined, account.merged


def refused(tmp_path, content, *, table="pupil", limits=None, **given):
    """Return the words, in both languages, with which a delivery is refused; nothing of a cell is in them."""
    files = content if isinstance(content, dict) else {f"{table}.csv": content}
    with pytest.raises(DeliveryError) as caught:
        deliveries.check(delivery(tmp_path / "delivery", files, **given), say, limits=limits)
    assert caught.value.exit_code == 3
    whole = caught.value.in_both_languages()
    assert not any(canary in whole for canary in CANARIES), "a message holds content of a cell"
    return whole


def put_aside(report):
    return [(row["row_number"], row["column_name"], row["rule_code"]) for row in report.rejected.to_pylist()]


def warned(report):
    return {notice.rule_code for notice in report.warnings}


# ---- encodings and bytes


def test_I1_utf_8_is_read(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS))
    assert account_of(report) == (3, 3, 0, 0)
    assert "encoding" not in warned(report)


def test_I2_a_byte_order_mark_is_not_part_of_the_first_header(tmp_path):
    assert account_of(checked(tmp_path, b"\xef\xbb\xbf" + pupil_text(*ROWS).encode())) == (3, 3, 0, 0)


def test_I3_windows_1257_is_read_and_the_report_names_it(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS).encode("cp1257"))
    assert account_of(report) == (3, 3, 0, 0)
    assert "WINDOWS-1257" in told(report)


def test_I4_iso_8859_13_is_read_where_it_is_declared_and_its_letters_stay_whole(tmp_path):
    files = WHOLE | {"pupil.csv": pupil_text(*ROWS).encode("iso8859_13")}
    folder = complete(tmp_path, files, entries="files: [{file: pupil.csv, encoding: ISO-8859-13}]\n")
    deliveries.receive(folder, tmp_path / "store", tmp_path / "key", say)
    names = pq.read_table(tmp_path / "store/identity/identity.parquet")["first_name"].to_pylist()
    assert sorted(names) == ["Zaķija", "Ādolfīna", "Ēriks"]


def test_I5_letters_misread_as_western_ones_are_refused(tmp_path):
    spoilt = pupil_text(*ROWS).encode("cp1257").decode("cp1252").encode()
    assert "Latvian letters must be readable" in refused(tmp_path, spoilt)


def test_I5_utf_8_saved_as_western_letters_is_refused(tmp_path):
    spoilt = pupil_text(*ROWS).encode().decode("latin-1").encode()
    assert "Latvian letters must be readable" in refused(tmp_path, spoilt)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_I6_utf_16_is_read_with_its_mark(tmp_path, codec):
    assert account_of(checked(tmp_path, ("\ufeff" + pupil_text(*ROWS)).encode(codec))) == (3, 3, 0, 0)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_I6_utf_16_without_its_mark_is_refused(tmp_path, codec):
    assert "byte order mark" in refused(tmp_path, pupil_text(*ROWS).encode(codec))


def test_I7_two_encodings_in_one_file_are_refused_and_the_first_row_is_named(tmp_path):
    mixed = pupil_text(*ROWS[:1]).encode() + (ROWS[1] + "\n").encode("cp1257")
    assert "row 3" in refused(tmp_path, mixed)


def test_I8_one_invalid_byte_puts_its_row_aside(tmp_path):
    rows = [
        f"{day:02d}0190-0{number:04d};Anna;Bērziņa;2010-03-01;f;2020-09-01" for number in range(70) for day in (1, 2)
    ]
    text = pupil_text(*rows).encode() + b"150190-00040;J\xff;Ozols;2010-03-01;m;2020-09-01\n"
    report = checked(tmp_path, text)
    assert account_of(report)[:3] == (141, 140, 1)
    assert put_aside(report) == [(142, None, "undecodable_row")]


def test_I9_a_nul_byte_puts_its_row_aside(tmp_path):
    report = checked(tmp_path, pupil_text(ROWS[0], ROWS[1].replace("Ēriks", "Ē\0riks"), ROWS[2]))
    assert account_of(report) == (3, 2, 1, 0)
    assert [place[0] for place in put_aside(report)] == [3]


# ---- structure


@pytest.mark.parametrize("separator", [",", "\t", "|", ";"])
def test_I10_the_header_decides_the_separator(tmp_path, separator):
    assert account_of(checked(tmp_path, pupil_text(*ROWS).replace(";", separator))) == (3, 3, 0, 0)


def test_I10_a_separator_that_the_header_does_not_bear_out_is_refused(tmp_path):
    words = refused(tmp_path, pupil_text(*ROWS), entries="files: [{file: pupil.csv, separator: ','}]\n")
    assert "separator" in words


@pytest.mark.parametrize("ends", ["\r\n", "\n", "\r", "mixed"])
def test_I11_every_kind_of_line_end_is_read(tmp_path, ends):
    text = pupil_text(*ROWS)
    text = text.replace("\n", "\r\n", 2) if ends == "mixed" else text.replace("\n", ends)
    assert account_of(checked(tmp_path, text)) == (3, 3, 0, 0)


def test_I12_the_last_row_is_kept_without_a_final_line_end(tmp_path):
    assert account_of(checked(tmp_path, pupil_text(*ROWS).rstrip("\n"))) == (3, 3, 0, 0)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n \r\n"])
def test_I13_an_empty_file_is_refused(tmp_path, content):
    assert "empty" in refused(tmp_path, content)


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_I14_a_header_alone_is_refused(tmp_path, end):
    assert "nothing below it" in refused(tmp_path, HEADER + end)


def test_I15_a_file_without_header_is_refused(tmp_path):
    assert "names of the columns" in refused(tmp_path, "\n".join(ROWS) + "\n")


def test_I16_a_header_that_stands_twice_is_named(tmp_path):
    words = refused(tmp_path, pupil_text(ROWS[0] + ";x", header=HEADER + ";Birth Month"))
    assert "Birth Month" in words


def test_I17_headers_are_found_without_case_blanks_and_diacritics(tmp_path):
    header = "PERSONAS\u00a0KODS; vards ;Uzvārds;DZIMŠANAS DATUMS;Dzimums;Spēkā no"
    report = checked(tmp_path, pupil_text(*ROWS, header=header))
    assert account_of(report) == (3, 3, 0, 0)
    assert "extra_columns" not in warned(report)


def test_I18_the_order_of_columns_does_not_matter(tmp_path):
    turned = [";".join(reversed(line.split(";"))) for line in (HEADER, *ROWS)]
    assert account_of(checked(tmp_path, "\n".join(turned))) == (3, 3, 0, 0)


def test_I19_a_required_column_that_is_missing_is_named(tmp_path):
    assert "happened_on" in refused(tmp_path, pupil_text(*ROWS, header=HEADER.replace("happened_on", "klase")))


def test_I20_an_unknown_column_is_dropped_and_reported(tmp_path):
    report = checked(tmp_path, pupil_text(*(row + ";Kanārija 5" for row in ROWS), header=HEADER + ";Adrese"))
    assert account_of(report) == (3, 3, 0, 0)
    assert "Adrese" in told(report)


def test_I21_a_short_row_is_put_aside(tmp_path):
    report = checked(tmp_path, pupil_text(ROWS[0], ROWS[1].rsplit(";", 1)[0], ROWS[2]))
    assert account_of(report) == (3, 2, 1, 0)
    assert put_aside(report) == [(3, None, "row_too_short")]


def test_I22_a_long_row_is_put_aside(tmp_path):
    report = checked(tmp_path, pupil_text(ROWS[0], ROWS[1] + ";Kanārija", ROWS[2]))
    assert account_of(report) == (3, 2, 1, 0)
    assert put_aside(report) == [(3, None, "row_too_long")]


def test_I22_rows_that_are_all_too_long_are_refused_as_shifted(tmp_path):
    assert "shifted" in refused(tmp_path, pupil_text(*("1;" + row for row in ROWS)))


def test_I23_a_quote_that_nobody_closed_is_refused_with_its_row(tmp_path):
    assert "row 3" in refused(tmp_path, pupil_text(ROWS[0], ROWS[1].replace("Ēriks", '"Ēriks'), ROWS[2]))


def test_I24_quoted_separators_line_breaks_and_quotes_are_text(tmp_path):
    rows = (
        ROWS[0].replace("Zaķija", '"Za;ķ""ij\na"'),
        ROWS[1].replace("Ēriks", "Ē'riks"),
        ROWS[2].replace("2010-05-01", "2010-15-01"),
    )
    report = checked(tmp_path, pupil_text(*rows))
    assert account_of(report) == (3, 2, 1, 0)
    assert put_aside(report) == [(4, "birth_month", "impossible_date")]


def test_I25_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    folder = delivery(tmp_path / "delivery", {"pupil.csv": pupil_text(*ROWS)})
    os.truncate(folder / "pupil.csv", 10**9)
    with pytest.raises(DeliveryError, match=r"at most 0\.5 GB"):
        deliveries.check(folder, say, limits=Limits(max_file_bytes=5 * 10**8))


def test_I26_a_cell_of_a_million_characters_puts_its_row_aside(tmp_path):
    report = checked(tmp_path, pupil_text(ROWS[0], ROWS[1].replace("Ēriks", "a" * 10**6), ROWS[2]))
    assert account_of(report) == (3, 2, 1, 0)
    assert [place[0] for place in put_aside(report)] == [3]


def test_I27_ten_thousand_columns_are_refused(tmp_path):
    header = HEADER + "".join(f";k{number}" for number in range(10_000))
    assert "columns" in refused(tmp_path, pupil_text(ROWS[0] + ";" * 10_000, header=header))


def test_I28_an_archive_that_unpacks_beyond_the_limit_is_refused(tmp_path):
    bomb = gzip.compress(pupil_text(*ROWS).encode() + b"\n" * 10**6)
    assert len(bomb) < 10_000
    assert "when unpacked" in refused(tmp_path, {"pupil.csv.gz": bomb}, limits=Limits(max_file_bytes=100_000))


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04\x14\x00", "xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "xls"),
        (b"<!DOCTYPE html><table>", "HTML"),
        (b"%PDF-1.7", "PDF"),
        (b"PAR1\x15\x04", "Parquet"),
    ],
)
def test_I30_the_real_type_of_a_file_named_csv_is_named(tmp_path, start, kind):
    assert kind in refused(tmp_path, start + b"\n" * 50)


def test_I30_a_workbook_is_refused_and_its_type_is_named(tmp_path):
    assert ".xlsx" in refused(tmp_path, {"pupil.xlsx": b"PK\x03\x04"})


@pytest.mark.parametrize("suffix", [".xlsx", ".xlsm", ".ods"])
@pytest.mark.parametrize("named_csv", [False, True])
def test_I29_a_workbook_is_refused_whole_whatever_its_sheets_hold(tmp_path, suffix, named_csv):
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w") as parts:
        parts.writestr("xl/workbook.xml", '<workbook><workbookPr date1904="1"/><sheet state="hidden"/></workbook>')
        parts.writestr("xl/worksheets/sheet1.xml", f'<c><f>HYPERLINK("{ROWS[0]}")</f></c><mergeCell ref="A1:B2"/>')
    whole = refused(tmp_path, {"pupil.csv" if named_csv else f"pupil{suffix}": workbook.getvalue()})
    assert "save it as CSV UTF-8" in whole


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_I31_what_is_not_a_file_is_refused_and_not_followed(tmp_path, kind):
    folder = delivery(tmp_path / "delivery", {})
    (tmp_path / "elsewhere.csv").write_text(pupil_text(*ROWS), "utf-8")
    if kind == "link":
        (folder / "pupil.csv").symlink_to(tmp_path / "elsewhere.csv")
    elif kind == "pipe":
        os.mkfifo(folder / "pupil.csv")
    else:
        (folder / "pupil.csv").mkdir()
    with pytest.raises(DeliveryError, match="not followed"):
        deliveries.check(folder, say)


def test_I32_a_truncated_archive_gives_no_rows(tmp_path):
    whole = gzip.compress(pupil_text(*ROWS * 50).encode())
    assert "cut off" in refused(tmp_path, {"pupil.csv.gz": whole[:-30]})
    assert account_of(checked(tmp_path, {"pupil.csv.gz": gzip.compress(pupil_text(*ROWS).encode())})) == (3, 3, 0, 0)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    folder = delivery(tmp_path / "delivery", {"pupil.csv": pupil_text(*ROWS)})

    def meddle(_text):
        with (folder / "pupil.csv").open("a", encoding="utf-8") as file:
            file.write(ROWS[0] + "\n")

    with pytest.raises(DeliveryError, match="must not change while it is read"):
        deliveries.check(folder, meddle)


# ---- personal codes


def with_code(code):
    return pupil_text(*ROWS[:2], f"{code};Ādolfīna;Ģībele-Kanārija;2010-05-01;f;2020-09-01")


@pytest.mark.parametrize(
    ("number", "code", "rule"),
    [
        ("I33", "1401900031", "code_lost_figure"),
        ("I35", "1,40190E+10", "code_in_scientific_form"),
        ("I39", "310290-00031", "code_impossible_date"),
        ("I39", "300290-00031", "code_impossible_date"),
        ("I42", "140190-0003", "code_lost_figure"),
        ("I42", "140190-000310", "code_form"),
        ("I42", "14019O-00031", "code_form"),
        ("I42", "140190-0003\uff11", "code_form"),
        ("I42", "140190-0003\u0661", "code_form"),
        ("I43", "000000-00000", "code_placeholder"),
        ("I43", "11111111111", "code_placeholder"),
    ],
)  # fmt: skip
def test_I33_I35_I39_I42_I43_a_code_that_is_none_is_put_aside_with_a_hint(tmp_path, number, code, rule):
    report = checked(tmp_path, with_code(code))
    assert account_of(report) == (3, 2, 1, 0), number
    assert put_aside(report) == [(4, "pupil_code", rule)]


def test_I34_a_code_with_a_decimal_tail_is_used_with_a_warning(tmp_path):
    report = checked(tmp_path, with_code("32512345678.0"))
    assert account_of(report) == (3, 3, 0, 0)
    assert "code_with_decimals" in warned(report)


@pytest.mark.parametrize("code", ["14019000031", "140190-00031", "140190\u201300031", "140190 00031"])
def test_I36_hyphens_dashes_and_blanks_in_a_code_do_not_matter(tmp_path, code):
    report = checked(tmp_path, pupil_text(ROWS[2], ROWS[2].replace("140190-00031", code)))
    assert account_of(report) == (2, 1, 0, 1)


def test_I37_an_old_code_with_its_check_figure_is_used_without_a_word(tmp_path):
    assert "code_check_figure" not in warned(checked(tmp_path, pupil_text("010190-00014;A;B;2010-03-01;f;2020-09-01")))


def test_I38_an_old_code_with_a_wrong_check_figure_is_used_with_a_warning(tmp_path):
    report = checked(tmp_path, pupil_text("010190-00011;A;B;2010-03-01;f;2020-09-01"))
    assert account_of(report) == (1, 1, 0, 0)
    assert "code_check_figure" in warned(report)


@pytest.mark.parametrize("second", "23456789")
def test_I40_a_new_code_is_accepted_by_its_form_alone(tmp_path, second):
    report = checked(tmp_path, with_code(f"3{second}0000-00031"))
    assert account_of(report) == (3, 3, 0, 0)


# ---- pupils that stand twice


def test_I44_equal_rows_are_merged_and_counted(tmp_path):
    assert account_of(checked(tmp_path, pupil_text(*ROWS, ROWS[0]))) == (4, 3, 0, 1)


def test_I45_rows_that_contradict_each_other_are_all_put_aside(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS, ROWS[0].replace(";f;", ";m;")))
    assert account_of(report) == (4, 2, 2, 0)
    assert [place[0] for place in put_aside(report)] == [2, 5]


def test_I46_one_code_with_two_names_is_put_aside_as_twins_or_a_typing_error(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS, ROWS[0].replace("Zaķija", "Kanārija")))
    assert account_of(report) == (4, 2, 2, 0)
    assert "Twins or a typing error?" in told(report)
    assert {place[2] for place in put_aside(report)} == {"one_code_two_names"}


def test_I47_a_changed_code_without_a_link_is_used_with_a_warning(tmp_path):
    report = checked(tmp_path, pupil_text(ROWS[0], ROWS[0].replace("120190-00013", "320000-00014")))
    assert account_of(report) == (2, 2, 0, 0)
    assert "code_changed_without_link" in warned(report)


# ---- texts


@pytest.mark.parametrize(
    "name", ["NA", "Null", "None", "nan", "TRUE", "<script>alert(1)</script>", "=1+1", '"; DROP TABLE pupil; --"', "🙂"]
)
def test_I49_I52_I53_I54_I56_odd_names_are_text(tmp_path, name):
    assert account_of(checked(tmp_path, pupil_text(*ROWS[:2], ROWS[2].replace("Ādolfīna", name)))) == (3, 3, 0, 0)


def test_I50_a_decomposed_name_is_the_same_name(tmp_path):
    report = checked(tmp_path, pupil_text(ROWS[1], unicodedata.normalize("NFD", ROWS[1])))
    assert account_of(report) == (2, 1, 0, 1)


def test_I51_invisible_characters_are_removed_with_a_warning(tmp_path):
    text = "school_id;school_name;school_kind;happened_on\n1;Sko\u200bla\u202e;general;2020-09-01\n"
    report = checked(tmp_path, text, table="school")
    assert account_of(report, "school") == (1, 1, 0, 0)
    assert "invisible_character" in warned(report)


def test_I55_control_characters_put_a_row_aside_and_never_reach_a_message(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS[:2], ROWS[2].replace("Ādolfīna", "\x1b[31mĀ\x07")))
    assert account_of(report) == (3, 2, 1, 0)
    assert put_aside(report) == [(4, "first_name", "control_character")]
    assert "\x1b" not in told(report)


def test_I56_a_name_of_300_characters_puts_its_row_aside(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS[:2], ROWS[2].replace("Ādolfīna", "Ā" * 300)))
    assert put_aside(report) == [(4, "first_name", "name_too_long")]


# ---- numbers, dates and words

AREA = "municipality_code;happened_on;indicator_code;value;unit;published_on"


def area(tmp_path, *values, entries=""):
    rows = [
        f"LV000{number:04d};2024-01-01;gross_wage_eur;{value};eur;2024-02-01" for number, value in enumerate(values)
    ]
    return checked(tmp_path, "\n".join((AREA, *rows)), table="economic_area", entries=entries)


def test_I57_a_decimal_comma_is_read_where_the_mapping_says_so(tmp_path):
    report = area(tmp_path, "5,5", "7", entries="files: [{file: economic_area.csv, decimal_comma: true}]\n")
    assert account_of(report, "economic_area") == (2, 2, 0, 0)


def test_I58_thousands_may_be_set_apart_by_spaces_but_not_by_a_full_stop(tmp_path):
    report = area(
        tmp_path, "1 234,5", "1\u00a0234", "1.234", entries="files: [{file: economic_area.csv, decimal_comma: true}]\n"
    )
    assert account_of(report, "economic_area") == (3, 2, 1, 0)
    assert put_aside(report) == [(4, "value", "ambiguous_number")]


def test_I62_a_number_is_read_in_the_unit_of_the_declaration_and_a_percent_sign_is_not_guessed_away(tmp_path):
    report = area(tmp_path, "0.85", "85", "85 %", "85%")
    assert account_of(report, "economic_area") == (4, 2, 2, 0)
    assert {place[2] for place in put_aside(report)} == {"not_a_decimal"}


def test_I59_infinity_nan_and_exponents_are_put_aside_and_minus_nought_is_nought(tmp_path):
    report = area(tmp_path, "inf", "nan", "1e5", "-0")
    assert account_of(report, "economic_area") == (4, 1, 3, 0)


def test_I60_marks_outside_the_scale_are_put_aside_and_words_are_their_own_codes(tmp_path):
    header = "pupil_code;school_id;subject_code;work_id;happened_on;mark_kind;mark_code;mark_points"
    cells = ["points;0", "points;11", "points;5.5", "points;7", "nv;", "ieskaitīts;", "atbrīvots;"]
    rows = [f"120190-00013;1;matemātika;d{at};2024-10-01;test;{cell}" for at, cell in enumerate(cells)]
    report = checked(tmp_path, "\n".join((header, *rows)), table="mark")
    assert account_of(report, "mark") == (7, 4, 3, 0)
    assert [place[0] for place in put_aside(report)] == [2, 3, 4]


def test_I61_negative_absence_is_put_aside(tmp_path):
    header = "pupil_code;school_id;happened_on;lesson_number;attendance_code;lessons"
    rows = [f"120190-00013;1;2024-10-0{day};0;unexcused;{lessons}" for day, lessons in ((1, 6), (2, -6))]
    report = checked(tmp_path, "\n".join((header, *rows)), table="attendance")
    assert account_of(report, "attendance") == (2, 1, 1, 0)


@pytest.mark.parametrize(
    ("number", "text", "rule"),
    [
        ("I64", "03.04.2010", ""),
        ("I65", "2010-04-03", ""),
        ("I65", "2010. gada 3. aprīlis", "not_a_date"),
        ("I65", "40271", "not_a_date"),
        ("I66", "32.13.2010", "impossible_date"),
        ("I66", "29.02.2011", "impossible_date"),
        ("I70", "2010-04-02T22:30:00Z", ""),
    ],
)
def test_I64_I65_I66_I70_dates_are_read_day_first_by_the_listed_forms_alone(tmp_path, number, text, rule):
    report = checked(tmp_path, pupil_text(*ROWS[:2], ROWS[2].replace("2010-05-01", text)))
    assert put_aside(report) == ([(4, "birth_month", rule)] if rule else []), number


def test_I67_a_description_from_the_future_is_put_aside(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS[:2], ROWS[2].replace("2020-09-01", "2025-02-01")))
    assert put_aside(report) == [(4, "happened_on", "in_future")]


def test_I71_a_day_that_programs_write_for_no_date_is_missing_and_counted(tmp_path):
    report = checked(tmp_path, pupil_text(*ROWS[:2], ROWS[2].replace("2010-05-01", "1900-01-01")))
    assert account_of(report) == (3, 3, 0, 0)
    assert "sentinel_date" in warned(report)


@pytest.mark.parametrize(
    ("word", "ending"), [("jā", "A"), ("Nē", "A"), ("J", "A"), ("N", "A"), ("1", "A"), ("x", "A"), ("varbūt", "Q")]
)
def test_I72_yes_and_no_are_read_by_the_listed_words_alone(tmp_path, word, ending):
    text = pupil_text(f"{ROWS[0]};{word}", header=HEADER + ";speciālās vajadzības")
    assert account_of(checked(tmp_path, text)) == ((1, 1, 0, 0) if ending == "A" else (1, 0, 1, 0))


# ---- tables beside one another

WHOLE = {
    "school.csv": "school_id;school_name;school_kind;happened_on\n1;Skola;general;2020-09-01\n2;Vidusskola;general;2020-09-01\n",
    "pupil.csv": pupil_text(*ROWS),
    "term.csv": "school_year;term_number;happened_on;ends_on\n2024/25;1;2024-09-02;2024-12-20\n",
    "enrolment.csv": "pupil_code;school_id;stage_kind;stage_number;happened_on\n"
    "120190-00013;1;grade;8;2024-09-01\n130190-00022;1;grade;8;2024-09-01\n140190-00031;2;grade;8;2024-09-01\n",
}
STAYS = WHOLE["enrolment.csv"]


def complete(tmp_path, files, day="2025-01-31", name="delivery", entries=""):
    folder = delivery(tmp_path / name, files, entries=entries)
    text = (
        (folder / "mapping.yaml")
        .read_text("utf-8")
        .replace("complete: false", "complete: true")
        .replace("2025-01-31", day)
    )
    (folder / "mapping.yaml").write_text(text, "utf-8")
    return folder


def test_I48_a_pupil_in_two_schools_at_once_is_used_with_a_warning(tmp_path):
    folder = complete(tmp_path, WHOLE | {"enrolment.csv": STAYS + "120190-00013;2;grade;8;2024-11-01\n"})
    report = deliveries.check(folder, say)
    assert account_of(report, "enrolment") == (4, 4, 0, 0)
    assert "two_schools_at_once" in warned(report)


def test_I48_a_pupil_who_moved_is_in_one_school_at_a_time_although_the_first_stay_was_open_once(tmp_path):
    stays = (
        "pupil_code;school_id;stage_kind;stage_number;happened_on;ends_on;exit_class;known_on\n"
        "120190-00013;1;grade;8;2024-09-01;;;2024-09-01\n"
        "120190-00013;1;grade;8;2024-09-01;2024-10-31;transferred;2024-10-31\n"
        "120190-00013;2;grade;8;2024-11-01;;;2024-11-01\n"
    )
    report = deliveries.check(complete(tmp_path, WHOLE | {"enrolment.csv": stays}), say)
    assert account_of(report, "enrolment") == (3, 3, 0, 0)
    assert "two_schools_at_once" not in warned(report)


def test_I68_an_event_before_birth_and_an_impossible_age_are_put_aside(tmp_path):
    young = pupil_text(
        ROWS[0], ROWS[1].replace("2010-04-01", "2021-04-01"), ROWS[2].replace("2010-05-01", "2024-10-01")
    )
    report = deliveries.check(complete(tmp_path, WHOLE | {"pupil.csv": young}), say)
    assert account_of(report, "enrolment") == (3, 1, 2, 0)
    assert {place[2] for place in put_aside(report)} == {"impossible_age", "before_birth"}
    told(report)


def test_I75_a_row_of_an_unknown_school_is_put_aside(tmp_path):
    report = deliveries.check(complete(tmp_path, WHOLE | {"enrolment.csv": STAYS.replace(";2;", ";77;")}), say)
    assert account_of(report, "enrolment") == (3, 2, 1, 0)
    assert put_aside(report) == [(4, "school_id", "unknown_school")]


def test_I77_a_column_without_data_is_named(tmp_path):
    report = checked(tmp_path, pupil_text(*(row.replace(";f;", ";;").replace(";m;", ";;") for row in ROWS)))
    assert account_of(report) == (3, 3, 0, 0)
    assert "empty_column" in warned(report)


def test_I78_last_semester_s_file_again_is_refused(tmp_path):
    store, key = tmp_path / "store", tmp_path / "key"
    deliveries.receive(complete(tmp_path, WHOLE), store, key, say)
    again = complete(tmp_path, WHOLE, day="2025-06-30", name="again")
    with pytest.raises(DeliveryError, match="byte for byte"):
        deliveries.receive(again, store, key, say)
    assert len(list((store / "deliveries").iterdir())) == 1


def test_I79_tables_that_were_not_delivered_are_named_as_missing(tmp_path):
    report = deliveries.check(complete(tmp_path, WHOLE), say)
    missing = {notice.where for notice in report.warnings if notice.rule_code == "table_missing"}
    assert {"attendance", "mark", "economic_area"} <= missing


@pytest.mark.parametrize("header", ["exmatriculated_on", "Atskaitīšanas datums", "dropout"])
def test_I80_a_column_that_tells_the_outcome_is_refused(tmp_path, header):
    words = refused(tmp_path, pupil_text(*(row + ";2024-12-01" for row in ROWS), header=f"{HEADER};{header}"))
    assert "give the answer away" in words
    assert header in words


# ---- the delivery as a whole


def test_a_table_with_a_misspelt_name_is_refused_with_the_nearest_name(tmp_path):
    assert "attendance.csv" in refused(tmp_path, {"atendance.csv": "a;b\n1;2\n"})


def test_a_delivery_without_a_required_table_is_refused_by_its_name(tmp_path):
    files = {name: text for name, text in WHOLE.items() if name != "term.csv"}
    with pytest.raises(DeliveryError, match="no file for: term"):
        deliveries.check(complete(tmp_path, files), say)


def test_a_delivery_without_mapping_is_a_matter_for_the_person_at_the_keyboard(tmp_path):
    (tmp_path / "pupil.csv").write_text(pupil_text(*ROWS), "utf-8")
    with pytest.raises(UsageError, match="mapping"):
        deliveries.check(tmp_path, say)


def test_a_check_leaves_the_delivery_as_it_was(tmp_path):
    folder = complete(tmp_path, WHOLE)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    deliveries.check(folder, say)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
