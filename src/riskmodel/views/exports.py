"""Tables as files for an office: CSV and XLSX of what a person may see, as bytes.

CSV is what a spreadsheet with Latvian settings opens by a double click: UTF-8 with a mark at its beginning, semicolons,
decimal commas, in both languages of the portal. In both forms a text that a spreadsheet would take for a formula gets an
apostrophe before it, and numbers stay numbers. What is not known is said in words, never as zero or an empty cell.

An :class:`ExportTable` holds plain values; any part of the portal may make one and write it here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

from riskmodel.messages import Language, message
from riskmodel.views import numbers

Cell = str | int | float | bool | date | None

BYTE_ORDER_MARK = "\ufeff"
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""With these a cell's text begins a formula in one spreadsheet or another (the last four after it was normalised)."""

LONGEST_CELL = 32_000
"""A spreadsheet's cell holds 32,767 characters; a longer text ends with an ellipsis."""

WIDEST_COLUMN = 60
LONGEST_SHEET_NAME = 31
FORBIDDEN_IN_SHEET_NAMES = frozenset("[]:*?/\\'")


@dataclass(frozen=True)
class ExportTable:
    """One table of a file: a short name, the names of the columns, and rows of as many plain values."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("every row of an exported table must have a value for each column")


def csv_bytes(table: ExportTable, language: Language) -> bytes:
    """Return a table as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([safe_text(name) for name in table.columns])
    for row in table.rows:
        writer.writerow([_csv_cell(cell, language) for cell in row])
    return (BYTE_ORDER_MARK + text.getvalue()).encode()


def xlsx_bytes(tables: Sequence[ExportTable], language: Language) -> bytes:
    """Return tables as the sheets of a spreadsheet, each with its head kept in view; ValueError for no table at all."""
    # The library takes a fifth of a second to load, and only a download needs it.
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415

    if not tables:
        raise ValueError("a spreadsheet needs a table")
    book = Workbook(write_only=True)
    names: list[str] = []
    for table in tables:
        names.append(_sheet_name(table.name, names))
        sheet = book.create_sheet(names[-1])
        sheet.freeze_panes = "A2"
        for place, width in enumerate(_widths(table), 1):
            sheet.column_dimensions[_letters(place)].width = width

        def cell_of(value: Cell, *, is_head: bool = False, on: Any = sheet) -> Any:
            shown = _plain_cell(value, language)
            cell = WriteOnlyCell(on, value=shown)
            if isinstance(shown, str):
                cell.data_type = "s"  # never "f": a text that looks like a formula stays a text
            elif isinstance(shown, date):
                cell.number_format = "DD.MM.YYYY"
            if is_head:
                cell.font = Font(bold=True)
            return cell

        sheet.append([cell_of(name, is_head=True) for name in table.columns])
        for row in table.rows:
            sheet.append([cell_of(cell) for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def safe_text(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, without characters that a file cannot hold.

    >>> safe_text("=1+1"), safe_text("9.a"), safe_text("−0,5")
    ("'=1+1", '9.a', '−0,5')
    """
    kept = "".join(letter if _can_be_written(letter) else "\ufffd" for letter in text)
    if len(kept) > LONGEST_CELL:
        kept = kept[: LONGEST_CELL - 1] + "…"
    is_formula = kept.startswith(FORMULA_BEGINNINGS) or kept.lstrip().startswith(FORMULA_BEGINNINGS)
    return f"'{kept}" if is_formula else kept


def _plain_cell(value: Cell, language: Language) -> str | int | float | date:
    if value is None:
        return numbers.no_data(language)
    if isinstance(value, bool):
        return (message("yes") if value else message("no")).in_language(language)
    if isinstance(value, float) and not isfinite(value):
        return numbers.no_data(language)
    return safe_text(value) if isinstance(value, str) else value


def _csv_cell(value: Cell, language: Language) -> str:
    shown = _plain_cell(value, language)
    if isinstance(shown, float):
        return f"{shown:.10f}".rstrip("0").rstrip(".").replace(".", ",")
    if isinstance(shown, date):
        return shown.strftime("%d.%m.%Y") if language == "lv" else shown.isoformat()
    return str(shown)


def _can_be_written(letter: str) -> bool:
    """Return whether XML and UTF-8 can hold a character: no control character but the usual three, no half of a pair."""
    code = ord(letter)
    return (code >= 0x20 or letter in "\t\n\r") and not 0xD800 <= code <= 0xDFFF and code not in {0xFFFE, 0xFFFF}


def _sheet_name(name: str, taken: Sequence[str]) -> str:
    kept = "".join(letter for letter in name if letter not in FORBIDDEN_IN_SHEET_NAMES and _can_be_written(letter))
    short = kept.strip()[:LONGEST_SHEET_NAME] or "1"
    number = 1
    while short.casefold() in {one.casefold() for one in taken}:
        number += 1
        short = f"{kept.strip()[: LONGEST_SHEET_NAME - 4]} {number}"
    return short


def _widths(table: ExportTable) -> list[int]:
    found = [len(name) for name in table.columns]
    for row in table.rows:
        found = [max(width, len(str(cell))) for width, cell in zip(found, row, strict=True)]
    return [min(width, WIDEST_COLUMN) + 2 for width in found]


def _letters(place: int) -> str:
    """Return a column's letters; 1 is A, 27 is AA."""
    found = ""
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(ord("A") + rest) + found
    return found
