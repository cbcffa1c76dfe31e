"""From the columns of a delivered file to the columns of a canonical table, said in SQL.

A projection yields text only: ``file_name``, ``row_number`` and canonical columns. One row of a wide file may become
several rows, which all keep its row number.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from riskmodel.errors import DeliveryError
from riskmodel.messages import Words, message
from riskmodel.sources.mapping import Cell, FileMapping, Spread, TableMapping, Weekly, headers_of, required_columns
from riskmodel.sources.reading import Sheet, shown
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.canonical import table as canonical_table
from riskmodel.tables.fields import ISO_DATE, Formats, fold, literal, value_sql
from riskmodel.tables.schema import Column, Kind

OUTCOME_HEADERS = frozenset(
    map(
        fold,
        ("exit_class", "exit_reason", "atskaitīts", "atskaitīšanas datums", "atskaitīšanas iemesls", "exmatriculated_on",
         "eksmatrikulēts", "eksmatrikulācijas datums", "date_unregistration", "unregistered_on", "final_result", "target",
         "label", "outcome", "dropout", "left_on", "left_early", "pārtraucis mācības"),
    )
)  # fmt: skip
"""Columns that tell the outcome. In any other table than the stays they would give the answer away."""

MAX_PERIOD_DAYS = 400
PERIOD_HOLDS = f"coalesce(last_day - first_day BETWEEN 0 AND {MAX_PERIOD_DAYS}, false)"
OUTER_BLANKS = "' ' || chr(9) || chr(160)"
NUMBER = "[+-]?[0-9]+([.,][0-9]+)?"


@dataclass(frozen=True)
class Projection:
    """How one file fills one table.

    ``rows`` is SQL for the rows, ``faults`` for rows of the file that cannot be laid out: (rule code, SQL that
    yields ``row_number``). ``one_to_one``: each row of the file is one row of the table, and each cell depends on one
    cell of the file.
    """

    table: str
    file_name: str
    columns: tuple[str, ...]
    rows: str
    formats: Formats
    faults: tuple[tuple[str, str], ...] = ()
    mapping: TableMapping | None = None
    sheet: Sheet | None = None

    @property
    def one_to_one(self) -> bool:
        """Return whether row stands for row and cell for cell."""
        mapping = self.mapping
        return mapping is not None and not (mapping.unpivot or mapping.weekly or mapping.spread)

    def only(self, relation: str) -> Projection:
        """Return the projection of some rows of the file, which ``relation`` yields in the form of the sheet's."""
        if self.mapping is None or self.sheet is None:
            raise ValueError("a projection of some rows needs the mapping of the file")
        return project(self.mapping, replace(self.sheet, relation=relation), self.formats)

    def cell(self, name: str) -> tuple[int | None, str]:
        """Return the place of the header on which a column depends (None: on none) and SQL for the column's text."""
        if self.mapping is None or self.sheet is None:
            raise ValueError("a cell of a projection needs the mapping of the file")
        cell = self.mapping.columns[name]
        source = self.sheet.column_of(cell.column) if cell.column is not None else None
        return (int(source[1:]) if source else None), _text(cell, self.sheet)


@dataclass(frozen=True)
class Layout:
    """What one file holds: its tables, the columns that nobody asked for, and whether its header is its own."""

    tables: tuple[TableMapping, ...]
    extra_headers: tuple[str, ...] = ()


def known_headers(entry: FileMapping) -> set[str]:
    """Return the folded headers that are looked for in a file."""
    if entry.tables:
        return {fold(header) for mapping in entry.tables for header in mapping.headers()}
    table = table_in_name(entry.file)
    return {fold(header) for headers in headers_of(table).values() for header in headers} if table else set()


def table_in_name(file_name: str) -> str | None:
    """Return the canonical table that a file is named for: ``mark.csv``, or ``mark-2024.csv`` as one of several."""
    stem = file_name.split(".", maxsplit=1)[0]
    names = [table.name for table in CANONICAL]
    return next((name for name in names if stem == name or stem.startswith(name + "-")), None)


def lay_out_file(entry: FileMapping, sheet: Sheet) -> Layout:
    """Return how the headers of a file fill canonical tables.

    Raises
    ------
    DeliveryError
        For a column that is missing, stands under two headers, or tells the outcome where it must not be known.
    """
    tables = entry.tables or (_by_headers(sheet),)
    for mapping in entry.tables:
        for header in sorted(mapping.headers()):
            if sheet.column_of(header) is None:
                raise _missing(sheet, header)
        given = {*mapping.columns, *_made_columns(mapping)}
        if absent := [name for name in required_columns(mapping.table) if name not in given]:
            raise DeliveryError(
                message("The mapping must give every required column of {table}.", table=mapping.table),
                found=message("It does not give: {columns}.", columns=", ".join(absent)),
                remedy=message(
                    "Add them under columns in mapping.yaml; a constant will do where it is true of all rows."
                ),
                where=sheet.name,
            )
    used = {fold(header) for mapping in tables for header in mapping.headers()}
    extra = tuple(
        shown(header, place)
        for place, header in enumerate(sheet.headers)
        if fold(header) not in used or not fold(header)
    )
    _require_no_outcome(sheet, tables, used)
    return Layout(tables, extra)


def project(mapping: TableMapping, sheet: Sheet, formats: Formats) -> Projection:
    """Return the SQL by which a file fills a table."""
    formats = replace(formats, date_forms=tuple(dict.fromkeys((*formats.date_forms, ISO_DATE))))
    source = f"({sheet.relation})"
    faults: tuple[tuple[str, str], ...] = ()
    if mapping.unpivot:
        source = _unpivoted(source, mapping.unpivot, sheet)
    period = mapping.weekly or mapping.spread
    made: list[str] = []
    if period:
        source = _dated(source, period, sheet, formats)
        if isinstance(period, Spread):
            source = _with_days(source, period, len(mapping.unpivot or ()))
        faults = _period_faults(source, period)
        source, made = _laid_out(source, period)
    columns = [f"{_text(cell, sheet)} AS {name}" for name, cell in mapping.columns.items()]
    rows = f"SELECT {literal(sheet.name)} AS file_name, row_number, {', '.join([*columns, *made])} FROM {source}"
    names = (*mapping.columns, *_made_columns(mapping))
    return Projection(mapping.table, sheet.name, names, rows, formats, faults, mapping, sheet)


def in_one_form(projections: Sequence[Projection]) -> tuple[list[str], Formats]:
    """Return the SQL of projections that fill one table and the formats in which all of them can be read.

    Where some files have a decimal comma and others a point, the comma is turned into a point, column by column.
    """
    commas = {projection.formats.decimal_comma for projection in projections}
    formats = Formats(
        decimal_comma=commas == {True},
        date_forms=_union(projection.formats.date_forms for projection in projections),
        true_words=_union(projection.formats.true_words for projection in projections),
        false_words=_union(projection.formats.false_words for projection in projections),
    )
    return [
        _with_points(projection) if len(commas) > 1 and projection.formats.decimal_comma else projection.rows
        for projection in projections
    ], formats


def _union(words: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for some in words for word in some))


def _with_points(projection: Projection) -> str:
    declared = canonical_table(projection.table)
    numbers = [
        name
        for name in projection.columns
        if name in declared.column_names and declared.column(name).kind in (Kind.DECIMAL, Kind.INTEGER)
    ]
    swapped = ", ".join(f"translate({name}, ',.', '.,') AS {name}" for name in numbers)
    return f"SELECT * REPLACE ({swapped}) FROM ({projection.rows})" if numbers else projection.rows


def _by_headers(sheet: Sheet) -> TableMapping:
    """Return the mapping of a file that has a canonical name and known headers."""
    table = table_in_name(sheet.name) or ""
    columns: dict[str, Cell] = {}
    for name, headers in headers_of(table).items():
        wanted = {fold(header) for header in headers}
        found = [header for header in sheet.headers if fold(header) in wanted]
        exact = [header for header in found if fold(header) == fold(name)]
        if len(found) > 1 and not exact:
            raise DeliveryError(
                message("Every column must have a name of its own."),
                found=message("Two headers mean the column {column}.", column=name),
                remedy=message("Rename or remove one of the two columns."),
                where=sheet.name,
            )
        if found:
            columns[name] = Cell(column=(exact or found)[0])
    if absent := [name for name in required_columns(table) if name not in columns]:
        raise _missing(sheet, absent[0])
    return TableMapping(table=table, columns=columns)


def _missing(sheet: Sheet, header: str) -> DeliveryError:
    near = difflib.get_close_matches(header, [name for name in sheet.headers if fold(name)], n=1, cutoff=0.7)
    if near:
        found = message(
            "The column {column} is missing; the nearest name in the file is {name}.",
            column=header,
            name=shown(near[0], 0),
        )
    else:
        found = message("The column {column} is missing.", column=header)
    return DeliveryError(
        message("The header must hold every required column."),
        found=found,
        remedy=message("Add the column, or say in mapping.yaml which column of the file it is."),
        where=sheet.name,
    )


def _require_no_outcome(sheet: Sheet, tables: Sequence[TableMapping], used: set[str]) -> None:
    stays = any(mapping.table == "enrolment" for mapping in tables)
    asked = {fold(header) for mapping in tables if mapping.table != "enrolment" for header in mapping.headers()}
    for place, header in enumerate(sheet.headers):
        if fold(header) in OUTCOME_HEADERS and (fold(header) in asked or not (stays or fold(header) in used)):
            raise DeliveryError(
                message("Only the table enrolment may tell how a stay ended."),
                found=message(
                    "The column {column} tells it too, and would give the answer away.", column=shown(header, place)
                ),
                remedy=message(
                    "Remove the column from this file, or deliver it as exit_class and ends_on of enrolment."
                ),
                where=sheet.name,
            )


def _made_columns(mapping: TableMapping) -> tuple[str, ...]:
    if mapping.weekly:
        return ("happened_on",)
    return ("happened_on", "lessons") if mapping.spread else ()


def _text(cell: Cell, sheet: Sheet) -> str:
    """Return SQL for the text that a cell of the mapping gives."""
    if cell.constant is not None:
        return literal(cell.constant)
    source = (
        "wide.label" if cell.label else "wide.cell" if cell.column == "*" else str(sheet.column_of(str(cell.column)))
    )
    if not (cell.values or cell.numbers or cell.otherwise or cell.empty):
        return source
    word = f"lower(trim({source}, {OUTER_BLANKS}))"
    cases = [f"WHEN {word} IS NULL OR {word} = '' THEN {_or_null(cell.empty)}"]
    cases += [
        f"WHEN {word} = lower({literal(said.strip())}) THEN {_or_null(meant)}" for said, meant in cell.values.items()
    ]
    if cell.numbers:
        cases.append(f"WHEN regexp_full_match({word}, '{NUMBER}') THEN {literal(cell.numbers)}")
    return f"CASE {' '.join(cases)} ELSE {literal(cell.otherwise) if cell.otherwise is not None else source} END"


def _or_null(word: str | None) -> str:
    return literal(word) if word else "NULL"


def _unpivoted(source: str, columns: dict[str, str], sheet: Sheet) -> str:
    cells = ", ".join(
        f"{{'label': {literal(label)}, 'cell': {sheet.column_of(header)}, 'place': {place}}}"
        for place, (header, label) in enumerate(columns.items())
    )
    rows = f"SELECT *, unnest([{cells}]) AS wide FROM {source}"
    return f"(SELECT * FROM ({rows}) WHERE trim(wide.cell, {OUTER_BLANKS}) <> '')"


def _dated(source: str, period: Weekly | Spread, sheet: Sheet, formats: Formats) -> str:
    """Return the rows with the period (and the count) typed: ``first_day``, ``last_day``, ``counted``."""
    texts = {"begins": period.begins, "ends": period.ends} | (
        {"count": period.count} if isinstance(period, Spread) else {}
    )
    given = ", ".join(f"{_text(cell, sheet)} AS text_{name}" for name, cell in texts.items())
    typed = [
        f"{value_sql(_column('text_begins', Kind.DATE), formats)} AS first_day",
        f"{value_sql(_column('text_ends', Kind.DATE), formats)} AS last_day",
    ]
    if isinstance(period, Spread):
        typed.append(f"{value_sql(_column('text_count', Kind.INTEGER), formats)} AS counted")
    return f"(SELECT *, {', '.join(typed)} FROM (SELECT *, {given} FROM {source}))"


def _column(name: str, kind: Kind) -> Column:
    return Column(name, kind, Words(name, name))


def _with_days(source: str, period: Spread, wide: int) -> str:
    """Return the rows with ``days``, the school days that a count may use, and ``row_count``, how many it needs."""
    series = f"CASE WHEN {PERIOD_HOLDS} THEN CAST(generate_series(first_day, last_day, INTERVAL 1 DAY) AS DATE[]) END"
    days = f"list_filter({series}, lambda day: isodow(day) < 6)"
    if wide > 1:
        days = f"list_filter({days}, lambda day, nth: (nth - 1) % {wide} = wide.place)"
    needed = f"CAST(ceil(counted / {period.lessons_per_day}.0) AS BIGINT)"
    return f"(SELECT *, {days} AS days, {needed} AS row_count FROM {source})"


def _period_faults(source: str, period: Weekly | Spread) -> tuple[tuple[str, str], ...]:
    faults = [("period_unknown", f"SELECT row_number FROM {source} WHERE NOT {PERIOD_HOLDS}")]
    if isinstance(period, Spread):
        uncounted = f"trim(text_count, {OUTER_BLANKS}) <> '' AND coalesce(counted, -1) < 0"
        faults.append(("count_unreadable", f"SELECT row_number FROM {source} WHERE {PERIOD_HOLDS} AND {uncounted}"))
        faults.append(
            ("count_too_large", f"SELECT row_number FROM {source} WHERE {PERIOD_HOLDS} AND row_count > len(days)")
        )
    return tuple(faults)


def _laid_out(source: str, period: Weekly | Spread) -> tuple[str, list[str]]:
    """Return the rows of the period, one per week or per day, and SQL for the columns that they make."""
    if isinstance(period, Weekly):
        weeks = "generate_series(date_trunc('week', first_day), CAST(last_day AS TIMESTAMP), INTERVAL 7 DAY)"
        rows = f"(SELECT *, unnest({weeks}) AS week FROM {source} WHERE {PERIOD_HOLDS})"
        return rows, ["CAST(CAST(week AS DATE) AS VARCHAR) AS happened_on"]
    usable = f"{PERIOD_HOLDS} AND counted > 0 AND row_count <= len(days)"
    rows = f"(SELECT *, unnest(generate_series(0, row_count - 1)) AS step FROM {source} WHERE {usable})"
    day = "days[1 + CAST(floor((step + 0.5) * len(days) / row_count) AS BIGINT)]"
    lessons = "counted // row_count + CAST(step < counted % row_count AS BIGINT)"
    return rows, [f"CAST({day} AS VARCHAR) AS happened_on", f"CAST({lessons} AS VARCHAR) AS lessons"]
