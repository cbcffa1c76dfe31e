"""The stage at which register ids become pseudonyms; after it no table holds a name or a code."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkstemp

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.messages import plural
from riskmodel.sources import identity
from riskmodel.sources.border import Border, Intake, Notice, add_unread, count, reject
from riskmodel.sources.codes import CODES, CODES_AT_ONCE, Code, normalised, normalised_column
from riskmodel.sources.feeds import Feed
from riskmodel.sources.mapping import NAME_COLUMNS, PUPIL_CODE
from riskmodel.sources.projection import Projection
from riskmodel.tables.fields import literal

LINK = ("register_id", "earlier_register_id")


def identify_pupils(
    projections: Sequence[Projection], intake: Intake, border: Border, feeds: Mapping[str, Sequence[Feed]]
) -> None:
    """Make the relation ``register`` (raw text of a register id, its pseudonym, its fault), and note in the intake who is who.

    ``feeds`` are the files of which the different codes are known already.
    """
    free = intake.mapping.delivery.register_ids == "free"
    connection = border.connection
    listed = {id(feed.projection): feed for some in feeds.values() for feed in some}
    codes = CODES.empty_table()
    with_codes = [projection for projection in projections if PUPIL_CODE in projection.columns]
    # Files of which the codes are listed come last: those that another file names need no further look.
    for projection in sorted(with_codes, key=lambda projection: id(projection) in listed):
        feed = listed.get(id(projection))
        every = feed.texts(connection, PUPIL_CODE) if feed else f"SELECT DISTINCT {PUPIL_CODE} FROM ({projection.rows})"
        found = _normalised(connection, every, codes, free=free)
        if feed and found.column("warning").null_count < found.num_rows:
            # A list of a file may hold codes that no row does; of these nothing is said.
            found = _normalised(connection, feed.used_texts(connection, PUPIL_CODE), codes, free=free)
        codes = pa.concat_tables([codes, found])
    codes = codes.combine_chunks()
    entries = _entries(projections, codes, border, free=free)
    codes, entries = _without_erased(codes, entries, border)
    pupils = identity.identify(codes, entries, border.known, border.key)
    intake.pupils = replace(pupils, entries=_aside(pupils.entries, border.scratch))
    connection.register("register", intake.pupils.register)
    _note_codes(codes, intake.pupils.unlinked_changes, intake)


def _aside(rows: pa.Table, scratch: Path) -> pa.Table:
    """Return rows that lie in a file and not in memory until they are asked for: names wait while the large tables are read."""
    descriptor, name = mkstemp(dir=scratch, suffix=".arrow")
    os.close(descriptor)
    with pa.ipc.new_file(name, rows.schema) as file:
        file.write_table(rows)
    return pa.ipc.open_file(pa.memory_map(name)).read_all()


def _without_erased(codes: pa.Table, entries: pa.Table, border: Border) -> tuple[pa.Table, pa.Table]:
    """Return codes of erased pupils at fault, also new ones that a pupil file links to an erased one; no entry of theirs."""
    if border.erased is None:
        return codes, entries
    linked = identity.linking(entries)
    links = [{*pair} for pair in zip(*(linked.column(at).to_pylist() for at in LINK), strict=True)]
    erased = border.erased(code for link in links for code in link)
    for batch in codes.to_batches(CODES_AT_ONCE):
        erased |= border.erased(code for code in batch.column("text").to_pylist() if code)
    size = -1
    while len(erased) != size:
        size = len(erased)
        erased = erased.union(*(link for link in links if link & erased))
    if not erased:
        return codes, entries
    listed = pa.array(list(erased), pa.string())
    is_erased = pc.is_in(codes.column("text"), value_set=listed)
    for name, said in (("text", ""), ("fault", "erased"), ("warning", None)):
        told = pc.if_else(is_erased, pa.scalar(said, pa.string()), codes.column(name))
        codes = codes.set_column(CODES.get_field_index(name), name, told)
    return codes, entries.filter(pc.invert(pc.is_in(entries.column("register_id"), value_set=listed)))


def _normalised(connection: duckdb.DuckDBPyConnection, rows: str, known: pa.Table, *, free: bool) -> pa.Table:
    """Return the register ids among ``rows`` that are not known yet, as ``CODES``."""
    raws = pc.unique(connection.sql(f"SELECT {PUPIL_CODE} FROM ({rows})").to_arrow_table().column(0)).drop_null()
    is_known = pc.is_in(raws, value_set=known.column("raw").combine_chunks())
    return normalised_column(raws.filter(pc.invert(is_known)), free=free)


def _entries(projections: Sequence[Projection], codes: pa.Table, border: Border, *, free: bool) -> pa.Table:
    """Return what the pupil files say of identities; rows with an unusable name or code are left to the check."""
    connection, found = border.connection, list[pa.RecordBatch]()
    connection.register("codes", codes)
    for projection in projections:
        if projection.table != "pupil":
            continue
        wanted = [*NAME_COLUMNS, "happened_on"]
        given = [name if name in projection.columns else f"NULL AS {name}" for name in wanted]
        rows = connection.sql(
            f"SELECT DISTINCT codes.text, {', '.join(wanted)} FROM (SELECT {PUPIL_CODE}, {', '.join(given)} FROM ({projection.rows})) "
            f"JOIN codes ON codes.raw = {PUPIL_CODE} WHERE codes.fault IS NULL AND codes.text <> ''"
        )
        for batch in rows.to_arrow_reader(CODES_AT_ONCE):
            found.append(_entries_of(batch, free=free))
    connection.unregister("codes")
    return pa.Table.from_batches(found, identity.ENTRIES)


def _entries_of(batch: pa.RecordBatch, *, free: bool) -> pa.RecordBatch:
    columns = [column.to_pylist() for column in batch.columns]
    before_of = _earlier_codes(columns[3], free=free)
    lines = []
    for text, first_name, last_name, earlier, described_from in zip(*columns, strict=True):
        before = before_of[earlier]
        if not (identity.name_fault(first_name) or identity.name_fault(last_name) or before.fault):
            names = identity.clean_name(first_name), identity.clean_name(last_name)
            lines.append((text, *names, before.text, described_from or ""))
    told = zip(*lines, strict=True) if lines else [()] * len(identity.ENTRIES)
    return pa.record_batch([pa.array(one, pa.string()) for one in told], schema=identity.ENTRIES)


def _earlier_codes(texts: Iterable[str | None], *, free: bool) -> dict[str | None, Code]:
    """Return what earlier register ids are, by their raw text; an empty one is none."""
    different = dict.fromkeys(texts)
    given = [text for text in different if text and text.strip()]
    return dict.fromkeys(different, Code("")) | dict(zip(given, normalised(given, free=free), strict=True))


def _note_codes(codes: pa.Table, changes: int, intake: Intake) -> None:
    warnings = Counter(codes.column("warning").drop_null().to_pylist())
    with_decimals, wrong_figure = warnings["code_with_decimals"], warnings["code_check_figure"]
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
    others = [notice for notice in intake.notices if notice.rule_code not in texts]
    intake.notices[:] = [*others, *(Notice("pupil", code, text) for code, text in texts.items() if text.count)]


def with_pseudonyms(table: str, projections: Sequence[Projection], intake: Intake, border: Border) -> str:
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
    if found := count(connection, "without_pseudonym"):
        add_unread(intake, table, found)
        reject(connection, table, "SELECT * FROM without_pseudonym")
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
    rows = border.connection.sql(f"SELECT file_name, row_number, {', '.join(wanted)} FROM text_{table}")
    for batch in rows.to_arrow_reader(CODES_AT_ONCE):
        columns = [column.to_pylist() for column in batch.columns]
        before_of = _earlier_codes(columns[4], free=free)
        for file_name, row_number, first_name, last_name, earlier in zip(*columns, strict=True):
            faults = {
                "first_name": identity.name_fault(first_name),
                "last_name": identity.name_fault(last_name),
                "earlier_register_id": before_of[earlier].fault,
            }
            if column := next((name for name, fault in faults.items() if fault), ""):
                place = {"file_name": file_name, "row_number": row_number}
                found.append({**place, "column_name": column, "fault": faults[column]})
    schema = pa.schema(
        [("file_name", pa.string()), ("row_number", pa.int64()), ("column_name", pa.string()), ("fault", pa.string())]
    )
    border.connection.register("name_faults", pa.Table.from_pylist(found, schema=schema))
