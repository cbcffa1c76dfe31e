"""One delivery brought to checked tables in a DuckDB connection, with an account of every row.

The order: structure of the files, columns, register ids to pseudonyms, fields and rows, references, attended lessons,
finished stays, and what the sender should know of the whole.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import duckdb
import pyarrow as pa

from riskmodel.digests import digest_of_file
from riskmodel.errors import DeliveryError
from riskmodel.messages import Message, message, plural
from riskmodel.sources.abreast import READERS, WEEKS_AND_ABSENCES, Readers
from riskmodel.sources.border import Border, Intake, Notice, add_unread, count, reject
from riskmodel.sources.decoding import decode
from riskmodel.sources.distinct import NotListedError
from riskmodel.sources.feeds import Feed, feeds_of
from riskmodel.sources.folder import PARQUET_SUFFIX, DeliveredFile
from riskmodel.sources.folding import fold_attended
from riskmodel.sources.large import MADE_WEEKS, short_weeks_sql
from riskmodel.sources.mapping import MAPPING_NAME, PUPIL_CODE, FileMapping
from riskmodel.sources.mapping import Mapping as DeliveryMapping
from riskmodel.sources.overlay import rows_of
from riskmodel.sources.projection import (
    Projection,
    in_one_form,
    known_headers,
    lay_out_file,
    project,
)
from riskmodel.sources.pseudonyms import identify_pupils, with_pseudonyms
from riskmodel.sources.reading import Sheet, read_parquet, read_text
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.canonical import table as canonical_table
from riskmodel.tables.checks import Account, check_references, check_table, make_rejected, unusual_ages
from riskmodel.tables.fields import Formats, literal
from riskmodel.tables.relations import column_definitions

Say = Callable[[Message], None]

PARENTS = ("school", "pupil")
"""Tables that stand first, and that the rows of all others name."""
FEWEST_ROWS = 50_000
"""A table of fewer rows goes through the general path alone: to say something of each different cell takes a second."""
EARLIER = "earlier delivery"
"""File name of rows that stand in a checked table only while references are looked up."""


def take_in(files: Sequence[DeliveredFile], mapping: DeliveryMapping, border: Border, say: Say) -> Intake:
    """Read, project and check every file of a delivery.

    Raises
    ------
    DeliveryError
        When a file as a whole cannot be used, or changed while it was read.
    """
    intake = Intake(mapping)
    make_rejected(border.connection)
    projections = [projection for file in files for projection in _read(file, intake, border, say)]
    feeds = _feeds(projections)
    identify_pupils(projections, intake, border, feeds)
    noticed: dict[str, list[Notice]] = {}
    intake.small_rows = _small_rows(projections, feeds)
    with Readers() as readers:
        # The large tables come last: they are read while the small ones are checked.
        for table in sorted(CANONICAL, key=lambda table: table.name in feeds):
            feeding = [projection for projection in projections if projection.table == table.name]
            if table.name not in PARENTS:
                _open_parents(intake, border)
                if table.name in feeds or intake.are_few:
                    readers.begin(feeds, intake, border, is_alone=_is_alone(intake, border))
            if not feeding:
                continue
            say(message("Checking the table {table}.", table=table.name))
            if table.name in feeds:
                _take_large(table.name, readers, feeds, projections, intake, border)
            noticed[table.name] = _check(table.name, feeding, intake, border)
    intake.notices += [notice for table in CANONICAL for notice in noticed.get(table.name, [])]
    with ThreadPoolExecutor(1) as beside:
        looking = beside.submit(_require_unchanged, files)  # their last row has been read
        _look_up_references(intake, border)
        _fold(intake, border)
        _open_finished_stays(intake, border)
        _note(intake, border)
        looking.result()
    return intake


def _small_rows(projections: Sequence[Projection], feeds: Mapping[str, object]) -> int:
    small = (one.sheet for one in projections if one.table not in feeds and one.table not in PARENTS)
    return sum(sheet.rows for sheet in small if sheet)


def _require_unchanged(files: Sequence[DeliveredFile]) -> None:
    for file in files:
        if digest_of_file(file.path) != file.sha256:
            raise DeliveryError(
                message("A delivery must not change while it is read."),
                found=message("This file did."),
                remedy=message("Wait until the copying has ended and give the command again."),
                where=file.name,
            )


def _read(file: DeliveredFile, intake: Intake, border: Border, say: Say) -> list[Projection]:
    say(message("Reading {file}.", file=file.name))
    if file.name.endswith(PARQUET_SUFFIX):
        sheet = read_parquet(border.connection, file.path)
    else:
        expects_latvian = intake.mapping.expects_latvian
        decoded = decode(file.path, file.entry.encoding, border.scratch, border.limits, latvian=expects_latvian)
        known = known_headers(_named(file.entry, file.name))
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
        add_unread(intake, table, len(sheet.faults))
        _reject_structural(border.connection, table, sheet)
    for mapping in layout.tables:
        intake.columns.setdefault(mapping.table, set()).update(mapping.columns)
    formats = (
        file.entry.formats() if sheet.encoding != "parquet" else replace(file.entry.formats(), decimal_comma=False)
    )
    return [project(mapping, sheet, formats) for mapping in layout.tables]


def _named(entry: FileMapping, name: str) -> FileMapping:
    """Return the entry of one file of those that a pattern names."""
    return entry.model_copy(update={"file": name})


def _reject_structural(connection: duckdb.DuckDBPyConnection, table: str, sheet: Sheet) -> None:
    faults = pa.table(
        {
            "row_number": pa.array([fault.row_number for fault in sheet.faults], pa.int64()),
            "rule_code": pa.array([fault.rule_code for fault in sheet.faults], pa.string()),
        }
    )
    connection.register("structural_faults", faults)
    reject(
        connection,
        table,
        f"SELECT {literal(sheet.name)} AS file_name, row_number, NULL AS column_name, rule_code FROM structural_faults",
    )
    connection.unregister("structural_faults")


def _feeds(projections: Sequence[Projection]) -> dict[str, list[Feed]]:
    """Return the files of the large tables that can be read as numbers; absences and planned weeks both, or neither."""
    found: dict[str, list[Feed]] = {}
    with ThreadPoolExecutor(READERS) as pool:
        listed = []
        for names in (WEEKS_AND_ABSENCES, ("mark",), ("term_result",)):
            feeding = {name: [one for one in projections if one.table == name] for name in names}
            rows = sum(one.sheet.rows for some in feeding.values() for one in some if one.sheet)
            wanted = {name: some for name, some in feeding.items() if some} if rows >= FEWEST_ROWS else {}
            listed.append({name: pool.submit(feeds_of, some) for name, some in wanted.items()})
        for group in listed:
            feeds = {name: listing.result() for name, listing in group.items()}
            if all(some is not None for some in feeds.values()):
                found |= {name: some for name, some in feeds.items() if some}
    return found


def _take_large(
    name: str,
    readers: Readers,
    feeds: dict[str, list[Feed]],
    projections: Sequence[Projection],
    intake: Intake,
    border: Border,
) -> None:
    """Take a table as numbers; where its file turned out not to allow it, leave it to the check as a whole."""
    if name in intake.large:
        return
    try:
        intake.large |= readers.read(name)
    except NotListedError:
        for one in [one for one in WEEKS_AND_ABSENCES if one in feeds] if name in WEEKS_AND_ABSENCES else [name]:
            feeds.pop(one)
        identify_pupils(projections, intake, border, feeds)  # a pupil's code may be among what was not listed


def _is_alone(intake: Intake, border: Border) -> bool:
    """Return whether the delivery adds to one that the store does not hold, so that nothing can be looked up."""
    return not intake.mapping.delivery.complete and not border.earlier


def _check(table: str, projections: Sequence[Projection], intake: Intake, border: Border) -> list[Notice]:
    large = intake.large.get(table)
    facts = intake.mapping.delivery
    if large:
        formats = large.coded.formats
        left = [(large.coded.feeds[number], large.coded.left_path(number)) for number in large.left()]
        projections = [feed.some_rows(path) for feed, path in left]
    raw = None
    if projections:
        raw, formats = _raw_rows(table, projections, intake, border)
    account = check_table(
        border.connection,
        canonical_table(table),
        raw,
        formats,
        delivered_on=facts.delivered_on,
        free_register_ids=facts.register_ids == "free",
        apart=large.apart() if large else None,
    )
    before = intake.accounts.get(table, Account(0, 0, 0, 0))
    intake.accounts[table] = account.with_unread(before.read)
    return [Notice(table, found.rule_code, found.text) for found in account.warnings]


def _raw_rows(table: str, projections: Sequence[Projection], intake: Intake, border: Border) -> tuple[str, Formats]:
    """Return the view of the rows that go through the general check, and their formats; put aside those without a pupil."""
    connection = border.connection
    for projection in projections:
        for code, rows in projection.faults:
            name, rule = literal(projection.file_name), literal(code)
            found = f"SELECT {name} AS file_name, row_number, NULL AS column_name, {rule} AS rule_code FROM ({rows})"
            add_unread(intake, table, count(connection, f"({found})"))
            reject(connection, table, found)
    selects, formats = in_one_form(projections)
    connection.execute(
        f"CREATE OR REPLACE VIEW text_{table} AS {' UNION ALL BY NAME '.join(f'({rows})' for rows in selects)}"
    )
    raw = f"text_{table}"
    if any(PUPIL_CODE in projection.columns for projection in projections):
        raw = with_pseudonyms(table, projections, intake, border)
    return raw, formats


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
    before = count(border.connection, "checked.enrolment")
    border.connection.execute(f"INSERT INTO checked.enrolment BY NAME {opened}")
    added = count(border.connection, "checked.enrolment") - before
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
    table, large = canonical_table("attendance"), intake.large.get("attendance")
    paths = [path for delivery in border.earlier if (path := delivery.table("attendance"))]
    earlier = " UNION ALL ".join(rows_of(table, path) for path in paths) or None
    folded = fold_attended(border.connection, earlier, MADE_WEEKS if large else "checked.lessons_planned")
    if folded.too_full:
        reject(
            border.connection,
            "attendance",
            "SELECT file_name, row_number, 'lessons' AS column_name, 'week_too_full' AS rule_code FROM too_full",
        )
    lessons = folded.lessons + (large.folded_lessons if large else 0)
    account = intake.accounts["attendance"].put_aside(folded.too_full)
    intake.accounts["attendance"] = replace(account, used=account.used - lessons, merged=account.merged + lessons)
    if lessons:
        text = plural(
            "{count} attended lesson was counted into its week in lessons_planned and not kept as a row.",
            "{count} attended lessons were counted into their weeks in lessons_planned and not kept as rows.",
            lessons,
        )
        intake.notices.append(Notice("attendance", "attended_lessons_folded", text))


def _open_parents(intake: Intake, border: Border) -> None:
    """Add the pupils and schools of earlier deliveries to those of this one, and the pseudonyms that became one."""
    connection = border.connection
    if "pupil_alias" in {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}:
        return
    connection.execute("CREATE TABLE pupil_alias (pupil_id VARCHAR, of_pupil_id VARCHAR)")
    connection.execute("CREATE SCHEMA IF NOT EXISTS checked")
    if aliases := intake.who.aliases:
        rows = pa.table({"pupil_id": list(aliases), "of_pupil_id": list(aliases.values())})
        connection.register("new_alias", rows)
        connection.execute("INSERT INTO pupil_alias SELECT * FROM new_alias")
        connection.unregister("new_alias")
    for name in PARENTS:
        table = canonical_table(name)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS checked.{name} ({column_definitions(table)}, file_name VARCHAR, row_number BIGINT)"
        )
        for delivery in border.earlier:
            if path := delivery.table(name):
                _add_earlier(connection, name, rows_of(table, path))


def _look_up_references(intake: Intake, border: Border) -> None:
    """Put rows aside that name a school or pupil which neither this nor an earlier delivery holds."""
    connection, large = border.connection, intake.large
    is_alone = _is_alone(intake, border)
    for table in CANONICAL:
        if table.name in intake.accounts and not is_alone:
            # Of a large table only the rows that had to be looked at again are here.
            if table.name in large and not count(connection, f"checked.{table.name}"):
                continue
            planned = large.get("lessons_planned") if table.name == "attendance" else None
            short_weeks = short_weeks_sql(planned, connection) if planned else None
            moved = check_references(connection, table, short_weeks)
            intake.accounts[table.name] = intake.accounts[table.name].put_aside(moved)
    if is_alone:
        text = message(
            "This delivery adds to an earlier one; whether its schools and pupils are known was not looked up."
        )
        intake.notices.append(Notice(MAPPING_NAME, "references_not_checked", text))
    for name in PARENTS:
        if name in intake.accounts:
            connection.execute(f"DELETE FROM checked.{name} WHERE file_name = {literal(EARLIER)}")
        else:
            connection.execute(f"DROP TABLE IF EXISTS checked.{name}")


def _add_earlier(connection: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    sources = f"SELECT *, {literal(EARLIER)} AS file_name, CAST(0 AS BIGINT) AS row_number FROM ({rows})"
    connection.execute(f"INSERT INTO checked.{name} BY NAME {sources}")


def _note(intake: Intake, border: Border) -> None:
    """Add what the sender should know of the tables as a whole."""
    connection, notices = border.connection, intake.notices
    if "enrolment" in intake.accounts and "pupil" in intake.accounts and "school" in intake.accounts:
        notices += [Notice("enrolment", found.rule_code, found.text) for found in unusual_ages(connection)]
    if "enrolment" in intake.accounts:
        overlapping = count(
            connection,
            "(WITH stay AS (SELECT * FROM checked.enrolment QUALIFY row_number() OVER "
            "(PARTITION BY pupil_id, school_id, happened_on ORDER BY known_on DESC) = 1) "
            "SELECT DISTINCT one.pupil_id FROM stay one JOIN stay other "
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
