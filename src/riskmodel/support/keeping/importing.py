"""An export put into a register: looked at as a whole first, then written in one act, all of it or nothing.

What is looked at: the zip and its names, the form and revision, the digest and count of each table, each value's form, each
rule of the tables, each reference, the counters, and that the register holds no support yet. A register that holds the very same is left as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Insert, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register import migrating
from riskmodel.register.database import Act
from riskmodel.register.grants import PUPIL_ID
from riskmodel.register.people import Person
from riskmodel.register.schema import ACCOUNT, Day, Moment
from riskmodel.register.store import Register
from riskmodel.register.tombstones import Tombstones
from riskmodel.register.units import Whole
from riskmodel.support.keeping.erasing import pupils_in_register, remove_rows, rewrite
from riskmodel.support.keeping.exporting import (
    FORM,
    MANIFEST_FILE,
    Account,
    lines_of,
    parts_of_people,
    parts_of_support,
)
from riskmodel.support.keeping.held import PUPIL_COLUMN, as_texts, number_of, support_tables
from riskmodel.support.schema.places import COUNTER

ROWS_AT_ONCE = 5000
MOST_MANIFEST_BYTES, MOST_LINE_BYTES = 1_000_000, 1_000_000
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
NAME_OF_RULE = re.compile(r"\b(?:ck|uq|fk|pk)_\w+|\b[a-z_]+\.[a-z_]+")
"""In what a data base says of a refused row: the rule, or the columns; never a value."""

TEXT_OR_NONE = {str, type(None)}

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Imported:
    """What was written: rows by table; none when the register held the same already.

    Attributes
    ----------
    unknown_logins
        How many logins of the export have no account in this register: nobody is let in by an import.
    erased
        How many pupils were left out because they were erased.
    """

    rows: Mapping[str, int]
    is_identical: bool
    unknown_logins: int
    erased: int = 0

    @property
    def all_rows(self) -> int:
        """How many rows were written."""
        return sum(self.rows.values())


class _RowError(Exception):
    """A value is not of its column's form; the text is the column."""


def import_register(
    register: Register, source: Path, by: Person | str, tombstones: Tombstones | None = None
) -> Imported:
    """Put an export into a register that holds no support yet, in one act with one entry in the audit.

    Pupils who were erased (``tombstones``) are left out.

    Raises
    ------
    UsageError
        With file, table, row and what to do; nothing was written then.
    """
    with _opened(source) as archive:
        told = _Told(archive, source, register)
        told.check_digests()
        with register.database.reading(Whole("register_imported")) as connection:
            is_empty = _is_empty(connection)
            if not is_empty and not _is_same(connection, told):
                raise told.refusal(
                    message("An export is put into a register that holds no support yet."),
                    found=message("This one holds some, and other than the export."),
                    remedy=message("Import into a new store, or restore a back-up."),
                )
            unknown = _unknown_logins(connection, told)
        if not is_empty:
            return Imported({}, is_identical=True, unknown_logins=unknown)
        with register.database.acting(Whole("register_imported")) as act:
            rows, erased = _write_all(act, told, by, tombstones)
        if erased:
            rewrite(register)
        return Imported(rows, is_identical=False, unknown_logins=unknown, erased=erased)


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise _not_an_export(source, message("It cannot be opened as one.")) from error


def _not_an_export(source: Path, found: Message) -> UsageError:
    return UsageError(
        message("What is imported is a whole file of riskmodel register export."),
        found=found,
        remedy=message("Export it again, and bring it here without changing it."),
        where=str(source),
    )


class _Told:
    """What an export says, read as far as it proves to be one."""

    def __init__(self, archive: zipfile.ZipFile, source: Path, register: Register) -> None:
        self.archive, self.source, self.register = archive, source, register
        self.parts = {**parts_of_support(), **parts_of_people()}
        files = {part.file for part in self.parts.values()}
        names = archive.namelist()
        if len(names) != len(set(names)) or set(names) != {MANIFEST_FILE, *files}:
            raise _not_an_export(source, message("Other files stand in it than in an export of this version."))
        self.manifest = self._read_manifest()
        self.tables: dict[str, Mapping[str, Any]] = {**self.manifest["tables"], **self.manifest["people"]}
        for name, part in self.parts.items():
            said = self.tables.get(name)
            if said is None or said.get("file") != part.file or said.get("columns") != list(part.columns):
                raise _not_an_export(source, message("The table {table} has other columns.", table=name))

    def _read_manifest(self) -> dict[str, Any]:
        with self.archive.open(MANIFEST_FILE) as file:
            text = file.read(MOST_MANIFEST_BYTES)
        try:
            manifest: dict[str, Any] = json.loads(text)
            revision, form = manifest["revision"], manifest["form"]
            is_whole = isinstance(manifest["tables"], dict) and isinstance(manifest["people"], dict)
        except (ValueError, KeyError, TypeError):
            raise _not_an_export(self.source, message("Its manifest cannot be read.")) from None
        newest = migrating.revisions()[-1]
        if form != FORM or revision != newest or not is_whole:
            raise self.refusal(
                message(
                    "An export is imported by a program that has the same tables: revision {newest}.", newest=newest
                ),
                found=message(
                    "The export is of the form {form} and of revision {revision}.", form=form, revision=revision
                ),
                remedy=message("Restore a back-up of it, bring that to this revision, and export it anew."),
            )
        return manifest

    def refusal(self, must: Message, *, found: Message, remedy: Message, place: str = "") -> UsageError:
        """Return the refusal of this file."""
        where = f"{self.source}, {place}" if place else str(self.source)
        return UsageError(must, found=found, remedy=remedy, where=where)

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a table."""
        with self.archive.open(self.parts[name].file) as file:
            buffered = io.BufferedReader(file)  # type: ignore[type-var]  # a zip's entry is raw enough for it
            while line := buffered.readline(MOST_LINE_BYTES):
                yield line

    def check_digests(self) -> None:
        """Refuse a file of which a table was changed or cut."""
        for name, said in self.tables.items():
            lines = Account(self.lines(name))
            try:
                for _ in lines:
                    pass
            except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
                raise self._changed(name) from error
            if lines.sha256 != said.get("sha256") or lines.rows != said.get("rows"):
                raise self._changed(name)

    def _changed(self, name: str) -> UsageError:
        return self.refusal(
            message("Each table of an export has the digest and the count of rows that its manifest states."),
            found=message("It was changed or cut on the way."),
            remedy=message("Bring the file here again, or export it anew."),
            place=self.parts[name].file,
        )

    def bad_row(self, name: str, row: int, found: Message) -> UsageError:
        """Return the refusal of one row."""
        return self.refusal(
            message("Each row of an export keeps the rules of its table."),
            found=found,
            remedy=message("Nothing was written. Mend this row where the export was made, and export it anew."),
            place=f"{self.parts[name].file}:{row}",
        )


def _is_empty(connection: Connection) -> bool:
    return all(connection.execute(select(as_texts(one)).limit(1)).first() is None for one in support_tables())


def _is_same(connection: Connection, told: _Told) -> bool:
    return all(
        _digest(lines_of(connection, part)) == told.tables[name]["sha256"] for name, part in parts_of_support().items()
    )


def _digest(lines: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def _unknown_logins(connection: Connection, told: _Told) -> int:
    known = set(connection.scalars(select(ACCOUNT.c.login)))
    return sum(json.loads(line)[0] not in known for line in told.lines("person"))


def _write_all(act: Act, told: _Told, by: Person | str, tombstones: Tombstones | None) -> tuple[dict[str, int], int]:
    if not _is_empty(act.connection):  # somebody was quicker
        raise told.refusal(
            message("An export is put into a register that holds no support yet."),
            found=message("Somebody began to write into it."),
            remedy=message("Import into a new store, or restore a back-up."),
        )
    rows = {one.name: _write_table(act.connection, one, told) for one in support_tables()}
    _check_counters(act.connection, told)
    gone = tombstones.among("pupil_id", pupils_in_register(act.connection)) if tombstones else set()
    if gone:
        for name, count in remove_rows(act.connection, gone).items():
            if name in rows:
                rows[name] -= count
    act.record(
        by, "register_imported", details={"rows": sum(rows.values()), "revision": str(told.manifest["revision"])}
    )
    return rows, len(gone)


def _write_table(connection: Connection, one: Table, told: _Told) -> int:
    plain = as_texts(one)
    statement, read = insert(plain), _reader(one)
    lines, done = told.lines(one.name), 0
    while chunk := list(islice(lines, ROWS_AT_ONCE)):
        rows = []
        for number, line in enumerate(chunk, done + 1):
            try:
                rows.append(read(line))
            except _RowError as error:
                found = message("The column {column} does not hold what it must.", column=error)
                raise told.bad_row(one.name, number, found) from None
        _write_rows(connection, statement, rows, lambda place, found: told.bad_row(one.name, done + place, found))  # noqa: B023  (called at once)
        done += len(chunk)
    return done


def _write_rows(
    connection: Connection, statement: Insert, rows: Sequence[Values], bad_row: Callable[[int, Message], UsageError]
) -> None:
    """Write rows; when the data base refuses them, find the first that it refuses."""
    try:
        with connection.begin_nested():
            _insert(connection, statement, rows)
        return
    except DBAPIError:
        pass
    for place, row in enumerate(rows, 1):
        try:
            with connection.begin_nested():
                _insert(connection, statement, [row])
        except DBAPIError as error:
            raise bad_row(place, _words(error)) from None
    raise RuntimeError("rows that were refused together are each written alone")


def _insert(connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
    """Write rows whose values stand in the order of the columns; straight to a driver that takes them so, in half of the time."""
    if connection.dialect.positional:
        connection.exec_driver_sql(str(statement.compile(dialect=connection.dialect)), list(rows))
        return
    names = statement.table.columns.keys()
    connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _words(error: DBAPIError) -> Message:
    found = NAME_OF_RULE.search(str(error.orig))
    if found is None:
        return message("It names a row that is not there.")
    return message("It breaks a rule of the table: {rule}.", rule=found.group())


def _check_counters(connection: Connection, told: _Told) -> None:
    last = {row.name: row.last for row in connection.execute(select(COUNTER))}
    for one in support_tables():
        key = number_of(one)
        highest = 0 if key is None else connection.scalar(select(func.max(key))) or 0
        if highest > last.get(one.name, 0):
            raise told.refusal(
                message("The counter of a table stands at its last number or beyond: no number is given twice."),
                found=message("That of {table} stands before it.", table=one.name),
                remedy=message("Nothing was written. Export the register anew."),
                place=told.parts[COUNTER.name].file,
            )


# --- the values of a row


def _reader(one: Table) -> Callable[[bytes], Values]:
    """Return a function that makes the values of a row of its line, or says which column is not as it must be."""
    names = [column.name for column in one.columns]
    checks = [(at, check) for at, column in enumerate(one.columns) if (check := _check_of(column)) is not None]
    width = len(names)

    def read(line: bytes) -> Values:
        try:
            values = json.loads(line)
        except ValueError:
            raise _RowError("?") from None
        if type(values) is not list or len(values) != width:
            raise _RowError("?")
        if not set(map(type, values)) <= TEXT_OR_NONE:
            raise _RowError(next(n for n, v in zip(names, values, strict=True) if type(v) not in TEXT_OR_NONE))
        if b"\\u" in line and any(value is not None and not _is_plain(value) for value in values):
            raise _RowError(next(n for n, v in zip(names, values, strict=True) if v is not None and not _is_plain(v)))
        for at, check in checks:
            if values[at] is not None:
                try:
                    values[at] = check(values[at])
                except ValueError:
                    raise _RowError(names[at]) from None
        return tuple(values)

    return read


def _check_of(column: Any) -> Callable[[str], Any] | None:
    if isinstance(column.type, Day):
        return _day
    if isinstance(column.type, Moment):
        return _moment
    if column.type.python_type is int:
        return _number
    return _pseudonym if column.name == PUPIL_COLUMN else None


def _number(text: str) -> int:
    value = int(text)
    if str(value) != text or abs(value) >= 1 << 31:
        raise ValueError
    return value


@lru_cache(1 << 14)
def _day(text: str) -> str:
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError
    return text


def _moment(text: str) -> str:
    if not MOMENT.fullmatch(text):
        raise ValueError
    datetime.fromisoformat(text[:-1])
    return text


def _pseudonym(text: str) -> str:
    if not PUPIL_ID.fullmatch(text):
        raise ValueError
    return text


def _is_plain(text: str) -> bool:
    """Whether both data bases can keep a text."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
