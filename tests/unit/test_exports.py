"""Files for an office: what a spreadsheet reads back is what was written, and never a formula."""

from __future__ import annotations

import csv
import io
from datetime import date

import invented_run
import openpyxl
import pytest

from riskmodel.views import exports, school_exports
from riskmodel.views.exports import ExportTable

TABLE = ExportTable(
    "Izglītojamie",
    ("Klase", "Skaits", "Daļa", "Diena"),
    (("9.a", 12, -0.25, date(2026, 11, 22)), ("=cmd|'/c calc'!A1", None, 0.5, None), ("a;b\nc", 0, 1234.5, None)),
)


def _csv_rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def _sheets(content: bytes):
    return openpyxl.load_workbook(io.BytesIO(content))


def test_a_csv_file_is_what_a_latvian_spreadsheet_opens():
    content = exports.csv_bytes(TABLE, "lv")
    assert content.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in content
    assert _csv_rows(content)[1] == ["9.a", "12", "-0,25", "22.11.2026"]
    assert _csv_rows(content)[3] == ["a;b\nc", "0", "1234,5", "nav datu"]


def test_what_is_not_known_is_said_and_zero_stays_zero():
    rows = _csv_rows(exports.csv_bytes(TABLE, "lv"))
    assert (rows[2][1], rows[3][1]) == ("nav datu", "0")


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "  ="])
def test_a_text_that_begins_like_a_formula_is_marked_as_a_text_in_both_forms(beginning):
    table = ExportTable("T", ("x",), ((f"{beginning}HYPERLINK(1)",),))
    assert _csv_rows(exports.csv_bytes(table, "lv"))[1][0].startswith("'")
    cell = _sheets(exports.xlsx_bytes([table], "lv"))["T"]["A2"]
    assert cell.data_type == "s"
    assert cell.value.startswith("'")


def test_a_spreadsheet_keeps_numbers_and_dates_as_such():
    sheet = _sheets(exports.xlsx_bytes([TABLE], "lv"))["Izglītojamie"]
    assert (sheet["B2"].value, sheet["C2"].value) == (12, -0.25)
    assert sheet["D2"].value.date() == date(2026, 11, 22)
    assert sheet.freeze_panes == "A2"


def test_sheets_of_the_same_name_get_names_of_their_own():
    names = [ExportTable("A/B: [long] " + "x" * 40, ("x",), ()) for _ in range(3)]
    found = _sheets(exports.xlsx_bytes(names, "en")).sheetnames
    assert len({name.casefold() for name in found}) == 3
    assert max(map(len, found)) <= 31


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="every row"):
        ExportTable("T", ("a", "b"), (("only one",),))


def test_the_list_of_a_school_holds_every_pupil_in_order_of_need_and_says_what_the_file_is():
    extract = invented_run.school("101", "Pirmā skola")
    pupils, about = school_exports.school_tables(extract, "lv")
    assert [row[0] for row in pupils.rows] == list(range(1, 31))
    assert [row[1] for row in pupils.rows] == [one["code"] for one in extract["pupils"]]
    assert "Vārds, uzvārds" not in pupils.columns
    facts = dict(about.rows)
    assert facts["Izpilde"] == invented_run.RUN["run_id"]
    assert facts["Lūdzu, ņemiet vērā"] == "Tas ir ieteikums. Lēmumu pieņem cilvēks."
    assert "Pirmā skola" in facts.values()


def test_names_stand_in_a_file_only_where_they_are_given():
    extract = invented_run.school("101", "Pirmā skola", count=3, places=1)
    code = extract["pupils"][0]["code"]
    pupils, _ = school_exports.school_tables(extract, "lv", {code: "=Anna Bērziņa"})
    column = pupils.columns.index("Vārds, uzvārds")
    assert pupils.rows[0][column] == "=Anna Bērziņa"
    assert pupils.rows[1][column] is None
    assert "'=Anna Bērziņa" in exports.csv_bytes(pupils, "lv").decode("utf-8-sig")


def test_a_hidden_group_leaves_no_trace_in_a_file():
    extract = invented_run.school("101", "Pirmā skola")
    for one in extract["pupils"]:
        one["reasons"] = [reason for reason in one["reasons"] if reason["group_code"] != "economic"]
    cut = {**extract, "withheld": ["economic"]}
    text = exports.csv_bytes(school_exports.school_tables(cut, "lv")[0], "lv").decode()
    assert "ekonomisk" not in text.lower()


def test_the_sheet_of_a_pupil_holds_the_numbers_of_its_pictures():
    extract = invented_run.school("101", "Pirmā skola")
    one = extract["pupils"][0]
    reasons, absences, marks, support, _ = school_exports.pupil_tables(extract, one["code"], "lv")
    assert len(reasons.rows) == len(one["reasons"])
    assert [row[1] for row in absences.rows] == one["trend"]["unexcused_lessons"]
    assert [row[1] for row in marks.rows] == one["trend"]["mark_mean_points"]
    assert [row[0] for row in support.rows] == ["Psihologa konsultācija", "Pedagoga konsultācija mācību priekšmetā"]
    assert [row[2] for row in support.rows] == ["turpinās", date(2026, 5, 29)]
    assert b"nav datu" in exports.csv_bytes(absences, "lv")
    with pytest.raises(KeyError):
        school_exports.pupil_tables(extract, "NOBODY", "lv")


def test_a_sheet_tells_no_support_known_from_no_data_about_support():
    for school_id, said in (("101", 0), ("102", 1)):
        extract = invented_run.school(school_id, "Skola")
        code = extract["pupils"][1]["code"]
        support = school_exports.pupil_tables(extract, code, "lv")[3]
        assert len(support.rows) == said
        assert (b"nav datu" in exports.csv_bytes(support, "lv")) == bool(said)
