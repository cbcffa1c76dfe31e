"""The whole support register as one file: a zip of one text per table, and a manifest with digests and counts of rows.

::

    manifest.json      form, revision of the tables, and for each table: file, columns, rows, sha256 of the file
    tables/<name>.jsonl  a row per line, in the order of the key: a JSON list of texts, null for none
    people/person.jsonl, people/role.jsonl   who the logins are, for a reader; an import makes no accounts of them

Numbers, days and moments are the texts that the data base keeps, so that nothing is rounded or guessed. The same register
gives the same bytes: no moment, machine or head of the audit stands in the file. Password hashes, sessions, failed logins and
the audit are not in it; a back-up holds them.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, select

from riskmodel.register import migrating
from riskmodel.register.backups import check_new
from riskmodel.register.people import Person
from riskmodel.register.private import make_private
from riskmodel.register.schema import ACCOUNT, ROLE_GRANT
from riskmodel.register.store import Register
from riskmodel.register.units import Whole
from riskmodel.support.keeping.held import as_texts, support_tables

FORM = "riskmodel/register/1"
MANIFEST_FILE = "manifest.json"
ROWS_AT_ONCE = 5000
COMPRESSION_LEVEL = 1
NO_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can write: a moment of today would make other bytes tomorrow."""


@dataclass(frozen=True)
class Part:
    """One text of the file: what stands in it, and how it is asked for."""

    file: str
    columns: tuple[str, ...]
    wanted: Select[Any]


@dataclass(frozen=True)
class Exported:
    """What was written: rows by table."""

    rows: Mapping[str, int]

    @property
    def all_rows(self) -> int:
        """How many rows of support were written."""
        return sum(self.rows.values())


def table_file(name: str) -> str:
    """Return under which name the rows of a table stand in the file."""
    return f"tables/{name}.jsonl"


def parts_of_support() -> dict[str, Part]:
    """Return the parts that hold support, by the name of their table, each after those that its rows name."""
    found = {}
    for one in support_tables():
        plain = as_texts(one)
        wanted = select(plain).order_by(*(plain.c[key.name] for key in one.primary_key.columns))
        found[one.name] = Part(table_file(one.name), tuple(one.columns.keys()), wanted)
    return found


def parts_of_people() -> dict[str, Part]:
    """Return the parts that say who the logins are."""
    account, grant = as_texts(ACCOUNT), as_texts(ROLE_GRANT)
    columns = ("login", "shown_name", "language")
    person = select(*(account.c[name] for name in columns)).order_by(account.c.login)
    of_role = ("role", "school_id", "class_code", "municipality_code", "valid_from", "valid_to")
    role = (
        select(account.c.login, *(grant.c[name] for name in of_role))
        .join_from(account, grant, account.c.account_id == grant.c.account_id)
        .order_by(account.c.login, grant.c.grant_id)
    )
    return {
        "person": Part("people/person.jsonl", columns, person),
        "role": Part("people/role.jsonl", ("login", *of_role), role),
    }


def lines_of(connection: Connection, part: Part) -> Iterator[bytes]:
    """Yield the rows of a part as lines, in constant memory."""
    with connection.execute(part.wanted.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
        for row in rows:
            texts = [None if value is None else str(value) for value in row]
            yield json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class Account:
    """Counts and digests the lines that pass by."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines, self._digest = lines, hashlib.sha256()
        self.rows = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.rows += 1
            self._digest.update(line)
            yield line

    @property
    def sha256(self) -> str:
        """Digest of the lines so far, in hex."""
        return self._digest.hexdigest()


def export_register(register: Register, to: Path, by: Person | str) -> Exported:
    """Write the support register into a new private file, with an entry in the audit.

    Raises
    ------
    UsageError
        When there is a file of that name already, or no folder for it.
    """
    check_new(to)
    unfinished = to.with_name(f".{to.name}.{os.getpid()}.part")
    unfinished.unlink(missing_ok=True)
    make_private(unfinished)
    try:
        with register.database.reading(Whole("register_exported")) as connection:
            revision = str(migrating.revision_of(connection))
            rows = _write(connection, unfinished, revision)
        exported = Exported(rows)
        register.audit.write(by, "register_exported", "", details={"rows": exported.all_rows, "revision": revision})
        unfinished.rename(to)
    finally:
        unfinished.unlink(missing_ok=True)
    return exported


def _write(connection: Connection, to: Path, revision: str) -> dict[str, int]:
    support, people = parts_of_support(), parts_of_people()
    with to.open("r+b") as file:
        with zipfile.ZipFile(file, "w") as archive:
            told = {name: _write_part(archive, connection, part) for name, part in {**support, **people}.items()}
            manifest = {
                "form": FORM,
                "revision": revision,
                "tables": {name: told[name] for name in support},
                "people": {name: told[name] for name in people},
            }
            text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
            archive.writestr(_entry(MANIFEST_FILE), text.encode(), compresslevel=COMPRESSION_LEVEL)
        file.flush()
        os.fsync(file.fileno())
    return {name: int(told[name]["rows"]) for name in support}


def _write_part(archive: zipfile.ZipFile, connection: Connection, part: Part) -> dict[str, Any]:
    lines = Account(lines_of(connection, part))
    with archive.open(_entry(part.file), "w", force_zip64=True) as file:
        file.writelines(lines)
    return {"file": part.file, "columns": list(part.columns), "rows": lines.rows, "sha256": lines.sha256}


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NO_MOMENT)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
    entry._compresslevel = COMPRESSION_LEVEL  # type: ignore[attr-defined]  # the name of Python before 3.13
    return entry
