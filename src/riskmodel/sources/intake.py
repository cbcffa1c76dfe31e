"""One delivery brought to checked tables in a DuckDB connection, with an account of every row.

The order: structure of the files, columns, register ids to pseudonyms, fields and rows, attended lessons, references.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import duckdb
import pyarrow as pa

from riskmodel.errors import DeliveryError
from riskmodel.messages import Message, Spoken, message, plural
from riskmodel.sources import identity
from riskmodel.sources.decoding import Limits, decode, digest, require_plain_file
from riskmodel.sources.folding import fold_attended
from riskmodel.sources.history import StoredDelivery, rows_of
from riskmodel.sources.mapping import MAPPING_NAME, NAME_COLUMNS, PUPIL_CODE, FileMapping
from riskmodel.sources.mapping import Mapping as DeliveryMapping
from riskmodel.sources.projection import (
    Projection,
    in_one_form,
    known_headers,
    lay_out_file,
    project,
    table_in_name,
)
from riskmodel.sources.reading import Sheet, read_parquet, read_text
from riskmodel.sources.rowfaults import ROW_REASONS
from riskmodel.tables.canonical import CANONICAL, REQUIRED_TABLES
from riskmodel.tables.canonical import table as canonical_table
from riskmodel.tables.checks import Account, check_references, check_table, make_rejected, unusual_ages
from riskmodel.tables.fields import literal

Say = Callable[[Message], None]

TEXT_SUFFIXES, PARQUET_SUFFIX = (".csv", ".csv.gz"), ".parquet"
OTHER_TABLE_SUFFIXES = (
    ".xls",
    ".xlsx",
    ".xlsm",
    ".ods",
    ".tsv",
    ".txt",
    ".json",
    ".xml",
    ".html",
    ".zip",
    ".gz",
    ".7z",
)
SILENT_NAMES = (MAPPING_NAME, "notes.yaml", "README.md", "README.txt")
EARLIER = "earlier delivery"
"""File name of rows that stand in a checked table only while references are looked up."""
MEMORY_LIMIT = "1200MB"


@dataclass(frozen=True)
class Notice:
    """Something that the sender should know of rows or columns that were used, or of what was left out."""

    where: str
    rule_code: str
    text: Spoken


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a delivery as it came."""

    path: Path
    entry: FileMapping
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def tables(self) -> tuple[str, ...]:
        """The canonical tables that the file fills."""
        named = table_in_name(self.name)
        return tuple(dict.fromkeys(mapping.table for mapping in self.entry.tables)) or ((named,) if named else ())


@dataclass
class Intake:
    """A delivery in the connection: ``checked.<table>`` and ``rejected.rejected_row``, and what was found on the way."""

    mapping: DeliveryMapping
    files: tuple[DeliveredFile, ...]
    sheets: list[Sheet] = field(default_factory=list)
    columns: dict[str, set[str]] = field(default_factory=dict)
    """The columns that were delivered, by table."""
    accounts: dict[str, Account] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    entries: list[identity.Entry] = field(default_factory=list)
    pupils: identity.Pupils = field(default_factory=identity.Pupils)


def delivered_files(
    folder: Path, mapping: DeliveryMapping, limits: Limits
) -> tuple[tuple[DeliveredFile, ...], list[Notice]]:
    """Return the files of a delivery with their digests, and notices of files that are not read.

    Raises
    ------
    DeliveryError
        For a file that nobody asked for, of a wrong kind, missing, or not a plain file.
    """
    if not folder.is_dir():
        raise DeliveryError(
            message("A delivery is a folder."),
            found=message("There is no folder of this name."),
            remedy=message("Name the folder that holds the files and mapping.yaml."),
            where=folder.name,
        )
    files, notices = [], []
    for path in sorted(folder.iterdir()):
        name = path.name
        if name.startswith(".") or name in SILENT_NAMES:
            continue
        entry = mapping.entry_for(name)
        is_table = name.endswith((*TEXT_SUFFIXES, PARQUET_SUFFIX))
        if not is_table and not entry.tables and table_in_name(name) is None:
            if not path.is_dir():
                notices.append(Notice(name, "file_not_read", message("The file is not a table and was not read.")))
            continue
        if not is_table:
            if path.is_dir() or not name.endswith(OTHER_TABLE_SUFFIXES):
                continue
            raise _wrong_kind(name)
        if not entry.tables and table_in_name(name) is None:
            raise _unknown_file(name)
        require_plain_file(path, limits)
        files.append(DeliveredFile(path, entry, digest(path)))
    for entry in mapping.files:
        if not any(PurePath(file.name).match(entry.file) for file in files):
            raise DeliveryError(
                message("Every file that mapping.yaml names must be in the delivery."),
                found=message("There is no file {file}.", file=entry.file),
                remedy=message("Add the file, or take its entry out of mapping.yaml."),
                where=MAPPING_NAME,
            )
    return tuple(files), notices


def require_tables(files: Sequence[DeliveredFile], mapping: DeliveryMapping, has_earlier: bool) -> None:
    """Refuse a delivery without a table that every run needs, unless it adds to an earlier one."""
    given = {table for file in files for table in file.tables}
    absent = [table for table in REQUIRED_TABLES if table not in given]
    if not files or (absent and (mapping.delivery.complete or not has_earlier)):
        raise DeliveryError(
            message("A delivery must hold the tables {tables}.", tables=", ".join(REQUIRED_TABLES)),
            found=message("There is no file for: {tables}.", tables=", ".join(absent)),
            remedy=message(
                "Add the files; if this delivery adds to an earlier one, write complete: false under delivery in mapping.yaml."
            ),
            where=MAPPING_NAME,
        )


@dataclass(frozen=True)
class Border:
    """Where a delivery is taken in, and what is known from before."""

    connection: duckdb.DuckDBPyConnection
    scratch: Path
    key: identity.Key
    limits: Limits = field(default_factory=Limits)
    earlier: Sequence[StoredDelivery] = ()
    known_pseudonyms: Mapping[str, str] = field(default_factory=dict)


def work_connection(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to a data base file in the working folder: any size of delivery, bounded memory."""
    connection = duckdb.connect(scratch / "work.duckdb")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    connection.execute(f"SET temp_directory = {literal(str(scratch / 'spill'))}")
    return connection


def take_in(files: Sequence[DeliveredFile], mapping: DeliveryMapping, border: Border, say: Say) -> Intake:
    """Read, project and check every file of a delivery.

    Raises
    ------
    DeliveryError
        When a file as a whole cannot be used, or changed while it was read.
    """
    intake = Intake(mapping, tuple(files))
    make_rejected(border.connection)
    projections = [projection for file in files for projection in _read(file, intake, border, say)]
    _identify(projections, intake, border)
    for table in CANONICAL:
        feeding = [projection for projection in projections if projection.table == table.name]
        if feeding:
            say(message("Checking the table {table}.", table=table.name))
            _check(table.name, feeding, intake, border)
    _look_up_references(intake, border)
    _fold(intake, border)
    _open_finished_stays(intake, border)
    _note(intake, border)
    for file in files:
        if digest(file.path) != file.sha256:
            raise DeliveryError(
                message("A delivery must not change while it is read."),
                found=message("This file did."),
                remedy=message("Wait until the copying has ended and give the command again."),
                where=file.name,
            )
    return intake


def _read(file: DeliveredFile, intake: Intake, border: Border, say: Say) -> list[Projection]:
    say(message("Reading {file}.", file=file.name))
    if file.name.endswith(PARQUET_SUFFIX):
        sheet = read_parquet(border.connection, file.path)
    else:
        expects_latvian = intake.mapping.expects_latvian
        decoded = decode(file.path, file.entry.encoding, border.scratch, border.limits, latvian=expects_latvian)
        known = known_headers(replace_name(file.entry, file.name))
        sheet = read_text(border.connection, decoded, known, file.entry.separator, border.scratch, border.limits)
    intake.sheets.append(sheet)
    if sheet.encoding not in ("utf-8", "parquet"):
        intake.notices.append(
            Notice(file.name, "encoding", message("The file was read as {encoding}.", encoding=sheet.encoding.upper()))
        )
    layout = lay_out_file(file.entry, sheet)
    if layout.extra_headers:
        extra = ", ".join(layout.extra_headers)
        text = message("These columns are not known; they were dropped and not stored: {columns}.", columns=extra)
        intake.notices.append(Notice(file.name, "extra_columns", text))
    for table in file.tables if sheet.faults else ():
        _add_unread(intake, table, len(sheet.faults))
        _reject_structural(border.connection, table, sheet)
    for mapping in layout.tables:
        intake.columns.setdefault(mapping.table, set()).update(mapping.columns)
    formats = (
        file.entry.formats() if sheet.encoding != "parquet" else replace(file.entry.formats(), decimal_comma=False)
    )
    return [project(mapping, sheet, formats) for mapping in layout.tables]


def replace_name(entry: FileMapping, name: str) -> FileMapping:
    """Return the entry of one file of those that a pattern names."""
    return entry.model_copy(update={"file": name})


def _add_unread(intake: Intake, table: str, rows: int) -> None:
    intake.accounts[table] = intake.accounts.get(table, Account(0, 0, 0, 0)).with_unread(rows)


def _reject_structural(connection: duckdb.DuckDBPyConnection, table: str, sheet: Sheet) -> None:
    faults = pa.table(
        {
            "row_number": pa.array([fault.row_number for fault in sheet.faults], pa.int64()),
            "rule_code": pa.array([fault.rule_code for fault in sheet.faults], pa.string()),
        }
    )
    connection.register("structural_faults", faults)
    _reject(
        connection,
        table,
        f"SELECT {literal(sheet.name)} AS file_name, row_number, NULL AS column_name, rule_code FROM structural_faults",
    )
    connection.unregister("structural_faults")


def _reject(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Add ``rows`` (SQL: file_name, row_number, column_name, rule_code) to the rejected rows, with the words of their rules."""
    texts = [
        {"rule_code": code, "reason_lv": reason.in_language("lv"), "reason_en": reason.in_language("en")}
        for code, reason in ROW_REASONS.items()
    ]
    connection.register("row_reasons", pa.Table.from_pylist(texts))
    connection.execute(
        "INSERT INTO rejected.rejected_row SELECT DISTINCT ?, file_name, row_number, column_name, rule_code, reason_lv, reason_en "
        f"FROM ({rows}) JOIN row_reasons USING (rule_code) ORDER BY file_name, row_number",
        [table],
    )
    connection.unregister("row_reasons")


def _identify(projections: Sequence[Projection], intake: Intake, border: Border) -> None:
    """Make the table ``register`` (raw text of a register id, its pseudonym, its fault) and note who is who."""
    free = intake.mapping.delivery.register_ids == "free"
    connection = border.connection
    codes: dict[str, identity.Code] = {}
    for projection in projections:
        if PUPIL_CODE in projection.columns:
            for (raw,) in connection.execute(f"SELECT DISTINCT {PUPIL_CODE} FROM ({projection.rows})").fetchall():
                if raw is not None and raw not in codes:
                    codes[raw] = identity.normalised(raw, free=free)
    intake.entries = [entry for entry in _entries(projections, codes, border, free=free) if entry.register_id]
    sound = {code.text for code in codes.values() if code.text and not code.fault}
    intake.pupils = identity.identify(sound, intake.entries, border.known_pseudonyms, border.key)
    rows = [
        {
            "raw": raw,
            "pupil_id": intake.pupils.pseudonyms.get(code.text) if not code.fault else None,
            "fault": code.fault or None,
            "warning": code.warning or None,
            "pupil_fault": intake.pupils.faults.get(code.text) if not code.fault else None,
        }
        for raw, code in codes.items()
    ]
    schema = pa.schema([(name, pa.string()) for name in ("raw", "pupil_id", "fault", "warning", "pupil_fault")])
    connection.register("register", pa.Table.from_pylist(rows, schema=schema))
    _note_codes(codes, intake)


def _entries(
    projections: Sequence[Projection], codes: Mapping[str, identity.Code], border: Border, *, free: bool
) -> Iterable[identity.Entry]:
    """Yield what the pupil files say of identities; rows with an unusable name or earlier code are left to the check."""
    for projection in projections:
        if projection.table != "pupil":
            continue
        wanted = [PUPIL_CODE, *NAME_COLUMNS, "happened_on"]
        given = [name if name in projection.columns else f"NULL AS {name}" for name in wanted]
        rows = border.connection.execute(f"SELECT DISTINCT {', '.join(given)} FROM ({projection.rows})").fetchall()
        for raw, first_name, last_name, earlier, described_from in rows:
            code = codes.get(raw)
            if code is None or code.fault or identity.name_fault(first_name) or identity.name_fault(last_name):
                continue
            before = identity.normalised(earlier, free=free) if earlier and earlier.strip() else identity.Code("")
            if before.fault:
                continue
            names = identity.clean_name(first_name), identity.clean_name(last_name)
            yield identity.Entry(code.text, *names, before.text, described_from or "")


def _note_codes(codes: Mapping[str, identity.Code], intake: Intake) -> None:
    with_decimals = sum(code.warning == "code_with_decimals" for code in codes.values())
    wrong_figure = sum(code.warning == "code_check_figure" for code in codes.values())
    changes = intake.pupils.unlinked_changes
    texts = {
        "code_with_decimals": plural(
            "{count} personal code ended in .0; its 11 figures were used. Format the column as text before the next export.",
            "{count} personal codes ended in .0; their 11 figures were used. Format the column as text before the next export.",
            with_decimals,
        ),
        "code_check_figure": plural(
            "{count} old personal code has a wrong check figure; it was used. Compare it with the document.",
            "{count} old personal codes have a wrong check figure; they were used. Compare them with the documents.",
            wrong_figure,
        ),
        "code_changed_without_link": plural(
            "{count} pupil with a new personal code has the name of one with an old code. If it is the same pupil, give the old code in the column earlier_register_id.",
            "{count} pupils with a new personal code have the names of pupils with an old code. If they are the same pupils, give the old codes in the column earlier_register_id.",
            changes,
        ),
    }
    intake.notices += [Notice("pupil", code, text) for code, text in texts.items() if text.count]


def _check(table: str, projections: Sequence[Projection], intake: Intake, border: Border) -> None:
    connection = border.connection
    for projection in projections:
        for code, rows in projection.faults:
            name, rule = literal(projection.file_name), literal(code)
            found = f"SELECT {name} AS file_name, row_number, NULL AS column_name, {rule} AS rule_code FROM ({rows})"
            _add_unread(intake, table, _count(connection, f"({found})"))
            _reject(connection, table, found)
    selects, formats = in_one_form(projections)
    connection.execute(
        f"CREATE OR REPLACE VIEW text_{table} AS {' UNION ALL BY NAME '.join(f'({rows})' for rows in selects)}"
    )
    raw = f"text_{table}"
    if any(PUPIL_CODE in projection.columns for projection in projections):
        raw = _with_pseudonyms(table, projections, intake, border)
    facts = intake.mapping.delivery
    account = check_table(
        connection,
        canonical_table(table),
        raw,
        formats,
        delivered_on=facts.delivered_on,
        free_register_ids=facts.register_ids == "free",
    )
    before = intake.accounts.get(table, Account(0, 0, 0, 0))
    intake.accounts[table] = account.with_unread(before.read)
    intake.notices += [Notice(table, found.rule_code, found.text) for found in account.warnings]


def _with_pseudonyms(table: str, projections: Sequence[Projection], intake: Intake, border: Border) -> str:
    """Put aside rows whose register id or names are at fault; return a view of the others with their pseudonym."""
    connection = border.connection
    given = {name for projection in projections for name in projection.columns}
    faults, column = "register.fault", literal(PUPIL_CODE)
    columns = [PUPIL_CODE]
    if table == "pupil":
        faults = "coalesce(register.fault, names.fault, register.pupil_fault)"
        column = (
            f"CASE WHEN register.fault IS NULL AND names.fault IS NOT NULL THEN names.column_name ELSE {column} END"
        )
        _register_name_faults(table, given, intake, border)
        columns += [name for name in NAME_COLUMNS if name in given]
    names = "" if table != "pupil" else "LEFT JOIN name_faults names USING (file_name, row_number)"
    source = f"text_{table} text LEFT JOIN register ON register.raw = text.{PUPIL_CODE} {names}"
    faulty = f"SELECT file_name, row_number, {column} AS column_name, {faults} AS rule_code FROM {source} WHERE {faults} IS NOT NULL"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE without_pseudonym AS {faulty}")
    if found := _count(connection, "without_pseudonym"):
        _add_unread(intake, table, found)
        _reject(connection, table, "SELECT * FROM without_pseudonym")
    dropped = ", ".join(columns)
    connection.execute(
        f"CREATE OR REPLACE VIEW raw_{table} AS SELECT text.* EXCLUDE ({dropped}), register.pupil_id FROM {source} "
        f"WHERE {faults} IS NULL"
    )
    return f"raw_{table}"


def _register_name_faults(table: str, given: set[str], intake: Intake, border: Border) -> None:
    """Make ``name_faults``: rows of the pupil files whose names or earlier register id cannot be used."""
    free = intake.mapping.delivery.register_ids == "free"
    wanted = [name if name in given else f"NULL AS {name}" for name in NAME_COLUMNS]
    found: list[dict[str, object]] = []
    rows = border.connection.execute(f"SELECT file_name, row_number, {', '.join(wanted)} FROM text_{table}").fetchall()
    for file_name, row_number, first_name, last_name, earlier in rows:
        before = identity.normalised(earlier, free=free) if earlier and earlier.strip() else identity.Code("")
        faults = {
            "first_name": identity.name_fault(first_name),
            "last_name": identity.name_fault(last_name),
            "earlier_register_id": before.fault,
        }
        if column := next((name for name, fault in faults.items() if fault), ""):
            place = {"file_name": file_name, "row_number": row_number}
            found.append({**place, "column_name": column, "fault": faults[column]})
    schema = pa.schema(
        [("file_name", pa.string()), ("row_number", pa.int64()), ("column_name", pa.string()), ("fault", pa.string())]
    )
    border.connection.register("name_faults", pa.Table.from_pylist(found, schema=schema))


def _open_finished_stays(intake: Intake, border: Border) -> None:
    """Add what was known of a finished stay on its first day: that it had begun, and nothing of its end.

    A register gives one row per stay with first and last day. The rule of the table for known-on dates says that a
    stay is known on its first day and its end on its last; without the first, no past cohort would know its pupils.
    """
    table = canonical_table("enrolment")
    if table.name not in intake.accounts or table.known in intake.columns[table.name]:
        return
    unknown = {"ends_on": "NULL AS ends_on", "exit_class": "NULL AS exit_class", "known_on": "happened_on AS known_on"}
    columns = ", ".join(unknown.get(name, name) for name in table.column_names)
    opened = (
        f"SELECT {columns}, file_name, row_number FROM checked.enrolment "
        "WHERE ends_on > happened_on AND ends_on IS NOT NULL"
    )
    before = _count(border.connection, "checked.enrolment")
    border.connection.execute(f"INSERT INTO checked.enrolment BY NAME {opened}")
    added = _count(border.connection, "checked.enrolment") - before
    if added:
        text = plural(
            "{count} stay came with its last day; that it had begun counts as known from its first day.",
            "{count} stays came with their last day; that they had begun counts as known from their first day.",
            added,
        )
        intake.notices.append(Notice("enrolment", "stays_opened", text))


def _fold(intake: Intake, border: Border) -> None:
    if "attendance" not in intake.accounts:
        return
    table = canonical_table("attendance")
    _open_no_aliases(border.connection)
    paths = [path for delivery in border.earlier if (path := delivery.table("attendance"))]
    earlier = " UNION ALL ".join(rows_of(table, path) for path in paths) or None
    folded = fold_attended(border.connection, earlier)
    if folded.too_full:
        _reject(
            border.connection,
            "attendance",
            "SELECT file_name, row_number, 'lessons' AS column_name, 'week_too_full' AS rule_code FROM too_full",
        )
    account = intake.accounts["attendance"].put_aside(folded.too_full)
    intake.accounts["attendance"] = replace(
        account, used=account.used - folded.lessons, merged=account.merged + folded.lessons
    )
    if folded.lessons:
        text = plural(
            "{count} attended lesson was counted into its week in lessons_planned and not kept as a row.",
            "{count} attended lessons were counted into their weeks in lessons_planned and not kept as rows.",
            folded.lessons,
        )
        intake.notices.append(Notice("attendance", "attended_lessons_folded", text))


def _open_no_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS pupil_alias (pupil_id VARCHAR, of_pupil_id VARCHAR)")


def _look_up_references(intake: Intake, border: Border) -> None:
    """Put rows aside that name a school or pupil which neither this nor an earlier delivery holds."""
    connection = border.connection
    is_alone = not intake.mapping.delivery.complete and not border.earlier
    _open_no_aliases(connection)
    if intake.pupils.aliases:
        rows = pa.table({"pupil_id": list(intake.pupils.aliases), "of_pupil_id": list(intake.pupils.aliases.values())})
        connection.register("new_alias", rows)
        connection.execute("INSERT INTO pupil_alias SELECT * FROM new_alias")
        connection.unregister("new_alias")
    for name in ("school", "pupil"):
        table = canonical_table(name)
        for delivery in border.earlier:
            if path := delivery.table(name):
                _add_earlier(connection, name, rows_of(table, path))
    for table in CANONICAL:
        if table.name in intake.accounts and not is_alone:
            moved = check_references(connection, table)
            intake.accounts[table.name] = intake.accounts[table.name].put_aside(moved)
    if is_alone:
        text = message(
            "This delivery adds to an earlier one; whether its schools and pupils are known was not looked up."
        )
        intake.notices.append(Notice(MAPPING_NAME, "references_not_checked", text))
    for name in ("school", "pupil"):
        if name in intake.accounts:
            connection.execute(f"DELETE FROM checked.{name} WHERE file_name = {literal(EARLIER)}")
        else:
            connection.execute(f"DROP TABLE IF EXISTS checked.{name}")


def _add_earlier(connection: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    sources = f"SELECT *, {literal(EARLIER)} AS file_name, CAST(0 AS BIGINT) AS row_number FROM ({rows})"
    connection.execute(f"CREATE TABLE IF NOT EXISTS checked.{name} AS {sources} LIMIT 0")
    connection.execute(f"INSERT INTO checked.{name} BY NAME {sources}")


def _note(intake: Intake, border: Border) -> None:
    """Add what the sender should know of the tables as a whole."""
    connection, notices = border.connection, intake.notices
    if "enrolment" in intake.accounts and "pupil" in intake.accounts and "school" in intake.accounts:
        notices += [Notice("enrolment", found.rule_code, found.text) for found in unusual_ages(connection)]
    if "enrolment" in intake.accounts:
        overlapping = _count(
            connection,
            "(SELECT DISTINCT one.pupil_id FROM checked.enrolment one JOIN checked.enrolment other "
            "ON one.pupil_id = other.pupil_id AND one.school_id < other.school_id "
            "AND one.happened_on < coalesce(other.ends_on, DATE '2099-12-31') "
            "AND other.happened_on < coalesce(one.ends_on, DATE '2099-12-31') "
            "AND one.stage_kind <> 'course' AND other.stage_kind <> 'course')",
        )
        if overlapping:
            text = plural(
                "{count} pupil is enrolled in two schools at once; both stays were used.",
                "{count} pupils are enrolled in two schools at once; both stays were used.",
                overlapping,
            )
            notices.append(Notice("enrolment", "two_schools_at_once", text))
    for table in CANONICAL:
        if table.name not in intake.accounts:
            notices.append(
                Notice(table.name, "table_missing", message("The table was not delivered: there are no such data."))
            )
        elif table.known_words is not None and table.known not in intake.columns[table.name]:
            text = message("No known-on date was delivered; the rule is: {rule}.", rule=table.known_words)
            notices.append(Notice(table.name, "known_by_rule", text))


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0])


def _wrong_kind(name: str) -> DeliveryError:
    return DeliveryError(
        message("A table must be delivered as .csv, .csv.gz or .parquet."),
        found=message("This file is of another kind, {suffix}.", suffix=PurePath(name).suffix),
        remedy=message("Open the table in its program and save it as CSV UTF-8."),
        where=name,
    )


def _unknown_file(name: str) -> DeliveryError:
    near = difflib.get_close_matches(name.split(".", maxsplit=1)[0], [table.name for table in CANONICAL], n=1)
    remedy = (
        message("Name it {near}.csv if it is that table, or give it an entry in mapping.yaml.", near=near[0])
        if near
        else message("Give it an entry in mapping.yaml that says what it holds, or take it out of the delivery.")
    )
    return DeliveryError(
        message("Every file must be named for a table or have an entry in mapping.yaml."),
        found=message("This one is not known."),
        remedy=remedy,
        where=name,
    )
