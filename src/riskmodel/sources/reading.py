"""From clean text to raw rows: header, separator, rows with their numbers, and rows put aside for their form.

The heavy reading is DuckDB's: it writes the fields, all as text, to a Parquet file in the working folder. It says
no more than that a row is broken, so a file with a broken row is read again, row by row, by a
reader that says which row and why. Row numbers count the rows of the table as a spreadsheet shows them; the header is
row 1, and a line break inside quotes does not begin a row.
"""

# ruff: noqa: S608  (the SQL is put together from quoted paths and numbered columns; no cell enters it)

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.errors import DeliveryError
from riskmodel.messages import message
from riskmodel.sources.decoding import Decoded, Limits
from riskmodel.tables.fields import fold, literal, name_of

SEPARATORS = (";", ",", "\t", "|")
MAX_LINES_IN_QUOTES = 200
"""A quoted cell that runs over more lines than this is taken for a quote that nobody closed."""
ROWS_PER_BATCH = 20_000
ROWS_A_GROUP = 131_072
PLAIN_COPY = {"compression": "none", "write_statistics": False, "store_schema": False}
LONGEST_HEADER_SHOWN = 60


@dataclass(frozen=True)
class RowFault:
    """A row that was put aside before its fields were looked at."""

    row_number: int
    rule_code: str


@dataclass(frozen=True)
class Stored:
    """The Parquet file in which the raw rows lie one after another: the delivered one, or a copy of the text.

    ``names`` are its columns, one per header; ``texts`` is SQL for each of them as text; ``first_row`` is the number of
    its first row.
    """

    path: Path
    names: tuple[str, ...]
    texts: tuple[str, ...]
    first_row: int

    def relation(self) -> str:
        """Return SQL for all rows."""
        file = f"read_parquet({literal(str(self.path))}, file_row_number=true)"
        texts = ", ".join(f"{text} AS c{place}" for place, text in enumerate(self.texts))
        return f"SELECT file_row_number + {self.first_row} AS row_number, {texts} FROM {file}"

    def relation_of_some(self, path: Path, number: str, names: Sequence[str]) -> str:
        """Return SQL for some of the rows, of which these columns were copied to ``path``, and the number of the row."""
        texts = ", ".join(
            f"{text} AS c{place}"
            for place, (name, text) in enumerate(zip(self.names, self.texts, strict=True))
            if name in names
        )
        return f"SELECT {name_of(number)} AS row_number, {texts} FROM read_parquet({literal(str(path))})"


@dataclass
class Sheet:
    """The raw rows of one delivered file.

    ``relation`` is SQL that yields ``row_number`` and one text column ``c0``, ``c1`` … per header.
    ``rows`` counts all data rows of the file, those in ``faults`` included.
    ``stored`` says where they lie, unless some were left out.
    """

    name: str
    headers: tuple[str, ...]
    relation: str
    rows: int
    encoding: str
    faults: list[RowFault] = field(default_factory=list)
    stored: Stored | None = None

    def column_of(self, header: str) -> str | None:
        """Return the raw column under a header (compared without case, spaces and diacritics), or None."""
        wanted = fold(header)
        return next((f"c{place}" for place, name in enumerate(self.headers) if fold(name) == wanted), None)


def read_text(
    connection: duckdb.DuckDBPyConnection,
    decoded: Decoded,
    known: set[str],
    separator: str | None,
    scratch: Path,
    limits: Limits,
) -> Sheet:
    """Return the raw rows of a text file.

    Parameters
    ----------
    known
        Headers, folded, that the reader of this file looks for.
    separator
        The separator that the mapping declares; None: the one on which the header alone decides.
    scratch
        A private folder for the Parquet copy.

    Raises
    ------
    DeliveryError
        When header or structure make the whole file unusable.
    """
    headers, separator = _header(decoded, known, separator, limits)
    copy = scratch / f"{decoded.name}.parquet"
    sheet = Sheet(decoded.name, headers, "", 0, decoded.encoding)
    survey = decoded.survey
    is_plain = not (survey.undecodable_lines or survey.has_blank_lines or survey.has_spaced_quotes)
    if not is_plain or not _read_at_once(connection, decoded, sheet, separator, copy):
        _read_row_by_row(decoded, sheet, separator, copy, limits)
        sheet.relation = f"SELECT * FROM read_parquet({literal(str(copy))})"
    if not sheet.rows:
        raise DeliveryError(
            message("A delivered file must hold a header and rows."),
            found=message("There is a header and nothing below it."),
            remedy=message("Export it again; if there are no such data, leave the file out."),
            where=decoded.name,
        )
    return sheet


def read_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Sheet:
    """Return the raw rows of a Parquet file, every column as text; its first row is row 1."""
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(str(path))})").fetchall()
        ((rows,),) = connection.execute(f"SELECT count(*) FROM read_parquet({literal(str(path))})").fetchall()
    except duckdb.Error:
        raise DeliveryError(
            message("A file named .parquet must be a whole Parquet file."),
            found=message("It cannot be read as one."),
            remedy=message("Write the file again, or deliver the table as CSV UTF-8."),
            where=path.name,
        ) from None
    headers = tuple(row[0] for row in described)
    _require_single_headers(path.name, headers)
    if not rows:
        raise DeliveryError(
            message("A delivered file must hold a header and rows."),
            found=message("There is a header and nothing below it."),
            remedy=message("Export it again; if there are no such data, leave the file out."),
            where=path.name,
        )
    texts = tuple(f"CAST({name_of(header)} AS VARCHAR)" for header in headers)
    stored = Stored(path, headers, texts, first_row=1)
    return Sheet(path.name, headers, stored.relation(), rows, "parquet", stored=stored)


def shown(header: str, place: int) -> str:
    """Return a header as a message may show it: a header that could be a cell's content is named by its place."""
    text = header.strip()
    if not text or len(text) > LONGEST_HEADER_SHOWN or not text.isprintable() or re.search(r"\d{5}", text):
        return f"#{place + 1}"
    return text


def _header(decoded: Decoded, known: set[str], separator: str | None, limits: Limits) -> tuple[tuple[str, ...], str]:
    with decoded.path.open(encoding=decoded.codec, errors="replace", newline="") as file:
        start = file.read(1 << 20)
    by_separator = {mark: _first_record(start, mark) for mark in SEPARATORS}
    matches = {mark: sum(fold(name) in known for name in names) for mark, names in by_separator.items()}
    best = max(matches.values())
    winners = [mark for mark, count in matches.items() if count == best]
    if not best:
        raise DeliveryError(
            message("The first row must hold the names of the columns."),
            found=message("None of the names in it is known."),
            remedy=message("Put a header above the rows, or say in mapping.yaml which column is which."),
            where=decoded.name,
        )
    chosen = separator or winners[0]
    if (separator is not None and matches[separator] < best) or (separator is None and len(winners) > 1 and best > 1):
        raise DeliveryError(
            message("One separator must divide the columns."),
            found=message("The header does not agree with it."),
            remedy=message("Name the separator in mapping.yaml: one of ; , | or tab."),
            where=decoded.name,
        )
    headers = by_separator[chosen]
    if len(headers) > limits.max_columns:
        raise DeliveryError(
            message("A table may have at most {count} columns.", count=limits.max_columns),
            found=message("The header has {count}.", count=len(headers)),
            remedy=message("Deliver a table with one row per fact, as data/README.md describes."),
            where=decoded.name,
        )
    _require_single_headers(decoded.name, headers)
    return headers, chosen


def _require_single_headers(name: str, headers: Sequence[str]) -> None:
    seen: set[str] = set()
    for place, header in enumerate(headers):
        if fold(header) and fold(header) in seen:
            raise DeliveryError(
                message("Every column must have a name of its own."),
                found=message("The name {header} stands twice.", header=shown(header, place)),
                remedy=message("Rename or remove one of the two columns."),
                where=name,
            )
        seen.add(fold(header))


def _first_record(text: str, separator: str) -> tuple[str, ...]:
    lines = re.split("\r\n|\n|\r", text, maxsplit=MAX_LINES_IN_QUOTES)
    record = lines[0]
    for line in lines[1:]:
        if not _is_open(record, separator):
            break
        record += "\n" + line
    fields, _fault = _fields(record, separator)
    return tuple(name.strip().strip("\ufeff") for name in fields)


def _read_at_once(
    connection: duckdb.DuckDBPyConnection, decoded: Decoded, sheet: Sheet, separator: str, copy: Path
) -> bool:
    """Let DuckDB read the file into ``copy``; False when a row of it is broken."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(sheet.headers)))
    rows = connection.sql(
        f"SELECT * FROM read_csv({literal(str(decoded.path))}, delim={literal(separator)}, quote='\"', escape='\"', "
        f"header=false, skip=1, columns={{{columns}}}, auto_detect=false, strict_mode=true)"
    )
    sheet.rows = 0
    try:
        # A copy that is read once or twice needs no packing and no bounds; that of DuckDB takes longer.
        batches = rows.to_arrow_reader(ROWS_A_GROUP)
        with pq.ParquetWriter(copy, batches.schema, **PLAIN_COPY) as writer:
            for batch in batches:
                writer.write_batch(batch)
                sheet.rows += batch.num_rows
    except (duckdb.InvalidInputException, pa.ArrowException):
        sheet.rows = 0
        return False
    names = tuple(f"c{place}" for place in range(len(sheet.headers)))
    sheet.stored = Stored(copy, names, names, first_row=2)
    sheet.relation = sheet.stored.relation()
    return True


def _read_row_by_row(decoded: Decoded, sheet: Sheet, separator: str, copy: Path, limits: Limits) -> None:
    """Read the file into ``copy`` row by row, putting aside each broken row with its number and its fault."""
    width = len(sheet.headers)
    schema = pa.schema([("row_number", pa.int64()), *((f"c{place}", pa.string()) for place in range(width))])
    too_long = 0
    with pq.ParquetWriter(copy, schema, compression="lz4") as writer:
        rows: list[tuple[int, list[str]]] = []
        for number, record, fault in _records(decoded, separator, limits):
            if number == 1:
                continue
            sheet.rows += 1
            fields, broken = ([], fault) if fault else _fields(record, separator)
            while len(fields) > width and not fields[-1]:
                fields.pop()  # separators after the last field name no further column
            if not broken and len(fields) != width:
                broken = "row_too_short" if len(fields) < width else "row_too_long"
                too_long += len(fields) > width
            if not broken and max(map(len, fields)) > limits.max_cell_characters:
                broken = "cell_too_long"
            if broken:
                sheet.faults.append(RowFault(number, broken))
                continue
            rows.append((number, fields))
            if len(rows) == ROWS_PER_BATCH:
                writer.write_batch(_batch(rows, schema))
                rows = []
        if rows:
            writer.write_batch(_batch(rows, schema))
    if too_long and too_long == sheet.rows:
        raise DeliveryError(
            message("Every row must have as many fields as the header."),
            found=message("Every row has more: the columns are shifted against their names."),
            remedy=message("Export the table again; a separator inside a cell needs quotes around the cell."),
            where=decoded.name,
        )


def _batch(rows: Sequence[tuple[int, list[str]]], schema: pa.Schema) -> pa.RecordBatch:
    numbers = pa.array([number for number, _fields in rows], pa.int64())
    columns = zip(*(fields for _number, fields in rows), strict=True)
    return pa.record_batch(
        [numbers, *(pa.array([text or None for text in column], pa.string()) for column in columns)], schema=schema
    )


def _records(decoded: Decoded, separator: str, limits: Limits) -> Iterator[tuple[int, str, str]]:
    """Yield the number, text and fault (or "") of every row that is not blank; lines inside quotes are joined."""
    number, kept, opened_at = 0, "", 0
    lines_in_quotes = 0
    for line, fault in _lines(decoded, limits):
        if opened_at:
            kept += "\n" + line
            lines_in_quotes += 1
            if _is_open(kept, separator) and lines_in_quotes < MAX_LINES_IN_QUOTES and not fault:
                continue
            if _is_open(kept, separator) or fault or _fields(kept, separator)[1] == "broken_quote":
                raise _unterminated(decoded.name, opened_at)
            yield opened_at, kept, ""
            kept, opened_at, lines_in_quotes = "", 0, 0
            continue
        number += 1
        if not line and not fault:
            continue
        if not fault and _is_open(line, separator):
            kept, opened_at = line, number
            continue
        yield number, line, fault
    if opened_at:
        raise _unterminated(decoded.name, opened_at)


def _lines(decoded: Decoded, limits: Limits) -> Iterator[tuple[str, str]]:
    """Yield each line with its fault: invalid bytes, a NUL byte, or a length beyond every table."""
    longest = limits.max_cell_characters * 4
    codec = decoded.codec
    with decoded.path.open("rb") as file:
        while line := file.readline(longest):
            fault = ""
            if len(line) == longest and not line.endswith(b"\n"):
                fault = "cell_too_long"
                while line and not line.endswith(b"\n"):
                    line = file.readline(longest)
                line = b""
            try:
                text = line.decode(codec).rstrip("\r\n").removeprefix("\ufeff")
            except UnicodeDecodeError:
                text, fault = "", "undecodable_row"
            yield text, fault or ("nul_byte" if "\0" in text else "")


def _is_open(record: str, separator: str) -> bool:
    """Return whether a record ends inside quotes, so that the next line belongs to it."""
    return '"' in record and _fields(record, separator)[1] == "open_quote"


def _fields(record: str, separator: str) -> tuple[list[str], str]:
    """Return the fields of a record and its fault: ``open_quote``, ``broken_quote``, ``cell_too_long`` or ""."""
    if '"' not in record:
        return record.split(separator), ""
    try:
        return next(csv.reader([record], delimiter=separator, strict=True), []), ""
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return [], "open_quote"
        return [], "cell_too_long" if "field limit" in str(error) else "broken_quote"


def _unterminated(name: str, row: int) -> DeliveryError:
    return DeliveryError(
        message("Every quotation mark that opens a cell must be closed."),
        found=message("The one that opens in row {row} is not.", row=row),
        remedy=message("Close or remove the quotation mark in this row and save the file again."),
        where=name,
    )
