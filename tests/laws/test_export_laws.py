"""Laws of exported files: whatever is put in, it is read back as it was and never as a formula."""

from __future__ import annotations

import csv
import io

import openpyxl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskmodel.views import exports

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TEXTS = st.text(max_size=40) | st.builds("".join, st.tuples(st.sampled_from(DANGEROUS), st.text(max_size=20)))
CELLS = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 6))
)
ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5)


@given(text=TEXTS)
@example("'\b")
def test_no_text_begins_like_a_formula_and_none_is_lost_but_what_no_file_can_hold(text):
    safe = exports.safe_text(text)
    assert not safe.startswith(DANGEROUS)
    is_marked = len(safe) > len(text)
    assert not is_marked or safe.startswith("'")
    back = safe[is_marked:]
    assert len(back) == len(text)
    assert all(b in (a, "\ufffd") for a, b in zip(text, back, strict=True))


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_a_csv_file_gives_back_every_cell(rows):
    table = exports.ExportTable("t", ("a", "b"), tuple(rows))
    text = exports.csv_bytes(table, "lv").decode("utf-8-sig")
    back = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))[1:]
    assert len(back) == len(rows)
    for row, read in zip(rows, back, strict=True):
        for cell, text in zip(row, read, strict=True):
            if cell is None:
                assert text == "nav datu"
            elif isinstance(cell, bool):
                assert text == ("jā" if cell else "nē")
            elif isinstance(cell, str):
                assert text == exports.safe_text(cell)
            else:
                assert abs(float(text.replace(",", ".")) - cell) < 1e-5
                assert "." not in text


@given(rows=ROWS)
@settings(max_examples=30, deadline=None)
def test_a_spreadsheet_holds_no_formula_and_numbers_as_numbers(rows):
    table = exports.ExportTable("t", ("a", "b"), tuple(rows))
    sheet = openpyxl.load_workbook(io.BytesIO(exports.xlsx_bytes([table], "lv"))).active
    for row, read in zip(rows, sheet.iter_rows(min_row=2), strict=True):
        for cell, found in zip(row, read, strict=True):
            assert found.data_type != "f"
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                assert found.data_type == "n"
                assert abs(found.value - cell) < 1e-5
            elif isinstance(cell, str) and cell:
                assert found.data_type in {"s", "inlineStr"}
