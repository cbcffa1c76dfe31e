"""The stage at which register ids become pseudonyms; after it no table holds a name or a code."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted literals; no cell enters it)

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.messages import plural
from riskmodel.sources import identity
from riskmodel.sources.border import Border, Intake, Notice, add_unread, count, reject
from riskmodel.sources.codes import Code, normalised
from riskmodel.sources.feeds import Feed
from riskmodel.sources.mapping import NAME_COLUMNS, PUPIL_CODE
from riskmodel.sources.projection import Projection
from riskmodel.tables.fields import literal


def identify_pupils(
    projections: Sequence[Projection], intake: Intake, border: Border, feeds: Mapping[str, Sequence[Feed]]
) -> None:
    """Make the table ``register`` (raw text of a register id, its pseudonym, its fault), and note in the intake who is who.

    ``feeds`` are the files of which the different codes are known already.
    """
    free = intake.mapping.delivery.register_ids == "free"
    connection = border.connection
    listed = {id(feed.projection): feed for some in feeds.values() for feed in some}
    codes: dict[str, Code] = {}
    with_codes = [projection for projection in projections if PUPIL_CODE in projection.columns]
    # Files of which the codes are listed come last: those that another file names need no further look.
    for projection in sorted(with_codes, key=lambda projection: id(projection) in listed):
        feed = listed.get(id(projection))
        every = feed.texts(connection, PUPIL_CODE) if feed else f"SELECT DISTINCT {PUPIL_CODE} FROM ({projection.rows})"
        found = _normalised(connection, every, codes, free=free)
        if feed and any(code.warning for code in found.values()):
            # A list of a file may hold codes that no row does; of these nothing is said.
            found = _normalised(connection, feed.used_texts(connection, PUPIL_CODE), codes, free=free)
        codes |= found
    intake.entries = [entry for entry in _entries(projections, codes, border, free=free) if entry.register_id]
    _keep_out_erased(codes, intake, border)
    sound = {code.text for code in codes.values() if code.text and not code.fault}
    known = border.known_among(sound.union(entry.earlier_register_id for entry in intake.entries))
    intake.pupils = identity.identify(sound, intake.entries, known, border.key)
    pseudonyms, faults = intake.pupils.pseudonyms, intake.pupils.faults
    register = {
        "raw": list(codes),
        "pupil_id": [None if code.fault else pseudonyms.get(code.text) for code in codes.values()],
        "fault": [code.fault or None for code in codes.values()],
        "warning": [code.warning or None for code in codes.values()],
        "pupil_fault": [None if code.fault else faults.get(code.text) for code in codes.values()],
    }
    intake.register = pa.table(register, schema=pa.schema([(name, pa.string()) for name in register]))
    connection.register("register", intake.register)
    _note_codes(codes, intake)


def _keep_out_erased(codes: dict[str, Code], intake: Intake, border: Border) -> None:
    """Put the codes of erased pupils at fault, also new ones that a pupil file links to an erased one."""
    links = [{entry.register_id, entry.earlier_register_id} for entry in intake.entries if entry.earlier_register_id]
    erased = border.erased({code.text for code in codes.values() if code.text}.union(*links))
    size = -1
    while len(erased) != size:
        size = len(erased)
        erased = erased.union(*(link for link in links if link & erased))
    for raw, code in codes.items():
        if code.text in erased:
            codes[raw] = Code("", "erased")
    intake.entries = [entry for entry in intake.entries if entry.register_id not in erased]


def _normalised(
    connection: duckdb.DuckDBPyConnection, rows: str, known: Mapping[str, Code], *, free: bool
) -> dict[str, Code]:
    """Return the register ids among ``rows`` that are not known yet, by their raw text."""
    raws = pc.unique(connection.sql(f"SELECT {PUPIL_CODE} FROM ({rows})").to_arrow_table().column(0)).drop_null()
    is_known = pc.is_in(raws, value_set=pa.array(list(known), pa.string()))
    new = raws.filter(pc.invert(is_known)).to_pylist()
    return dict(zip(new, normalised(new, free=free), strict=True))


def _entries(
    projections: Sequence[Projection], codes: Mapping[str, Code], border: Border, *, free: bool
) -> Iterable[identity.Entry]:
    """Yield what the pupil files say of identities; rows with an unusable name or earlier code are left to the check."""
    for projection in projections:
        if projection.table != "pupil":
            continue
        wanted = [PUPIL_CODE, *NAME_COLUMNS, "happened_on"]
        given = [name if name in projection.columns else f"NULL AS {name}" for name in wanted]
        rows = border.connection.execute(f"SELECT DISTINCT {', '.join(given)} FROM ({projection.rows})").fetchall()
        before_of = _earlier_codes((row[3] for row in rows), free=free)
        days = {row[4]: row[4] or "" for row in rows}  # one text for each day, not for each pupil
        for raw, first_name, last_name, earlier, described_from in rows:
            code, before = codes.get(raw), before_of[earlier]
            if code is None or code.fault or identity.name_fault(first_name) or identity.name_fault(last_name):
                continue
            if before.fault:
                continue
            names = identity.clean_name(first_name), identity.clean_name(last_name)
            yield identity.Entry(code.text, *names, before.text, days[described_from])


def _earlier_codes(texts: Iterable[str | None], *, free: bool) -> dict[str | None, Code]:
    """Return what earlier register ids are, by their raw text; an empty one is none."""
    different = dict.fromkeys(texts)
    given = [text for text in different if text and text.strip()]
    return dict.fromkeys(different, Code("")) | dict(zip(given, normalised(given, free=free), strict=True))


def _note_codes(codes: Mapping[str, Code], intake: Intake) -> None:
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
    rows = border.connection.execute(f"SELECT file_name, row_number, {', '.join(wanted)} FROM text_{table}").fetchall()
    before_of = _earlier_codes((row[4] for row in rows), free=free)
    for file_name, row_number, first_name, last_name, earlier in rows:
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
