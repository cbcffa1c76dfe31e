"""Back-ups of a register in use, and putting one back.

A back-up is one private file: a zip of ``about.json`` and the whole data base, copied by its own engine, so that a copy taken
while others write is one moment's picture. It holds everything: password hashes and the audit, and what is forgotten only
later. What was erased since is erased again from what is put back, before anybody reads it (``forget_again``).
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register import migrating, postgresql, sqlite
from riskmodel.register.headnote import HeadNote
from riskmodel.register.people import Person
from riskmodel.register.places import (
    Place,
    ServerPlace,
    is_there,
    keep_address,
    note_file,
    register_file,
    register_of,
    url_file,
)
from riskmodel.register.private import make_private
from riskmodel.register.schema import AUDIT_ENTRY, AUDIT_HEAD, moment_text
from riskmodel.register.store import Register, migrate, open_register, utc_now

FORM = "riskmodel/back-up/1"
ABOUT_FILE = "about.json"
DATA_FILES = {"sqlite": "register.sqlite3", "postgresql": "register.dump"}
"""Under which name the copy of an engine stands in the file."""
BLOCK_BYTES, MOST_ABOUT_BYTES = 1 << 20, 100_000
COMPRESSION_LEVEL = 1
SHOWN_FIGURES = 16
"""Of a digest in the audit: enough to know a file again."""


@dataclass(frozen=True)
class About:
    """What a back-up says of itself.

    Attributes
    ----------
    entries, head
        Number and digest of the audit's last entry before the copy began: all that was acknowledged then is in it.
    key_id
        Of the key of the pseudonyms at that time; empty where the store holds none.
    """

    form: str
    engine: str
    revision: str
    made_at: str
    entries: int
    head: str
    key_id: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Restored:
    """What was put back.

    Attributes
    ----------
    kept
        The register that stood there before, moved aside, or the file with its address; None where there was none.
    erased
        How many pupils were erased again.
    """

    about: About
    entries: int
    kept: Path | None
    erased: int


@dataclass(frozen=True)
class How:
    """How a back-up is put back.

    Attributes
    ----------
    key_id
        Of the key with which the store's pseudonyms are made now; empty where there is none.
    may_replace
        Whether a register that stands there may be moved aside.
    server
        Of a back-up of PostgreSQL: the empty data base into which it is put. The store then follows this address.
    """

    key_id: str = ""
    may_replace: bool = False
    server: ServerPlace | None = None


def back_up(register: Register, to: Path, by: Person | str, *, key_id: str = "") -> About:
    """Write a back-up of an open register into a new private file, also while others write.

    Raises
    ------
    UsageError
        When there is a file of that name already, no folder for it, or the engine has no copy of its own here.
    """
    check_new(to)
    copy, unfinished = (to.with_name(f".{to.name}.{os.getpid()}.{ending}") for ending in ("copy", "part"))
    try:
        with register.database.reading() as connection:
            head = connection.execute(select(AUDIT_HEAD)).one()
            revision = str(migrating.revision_of(connection))
        made_at = moment_text(register.database.clock())
        engine = _copy(register, copy)
        size, sha256 = copy.stat().st_size, _digest_of(copy)
        about = About(FORM, engine, revision, made_at, head.entry_count, head.digest, key_id, size, sha256)
        _pack(copy, unfinished, about)
        register.audit.write(
            by, "register_backed_up", "", details={"count": about.entries, "reference": sha256[:SHOWN_FIGURES]}
        )
        unfinished.rename(to)
    finally:
        for path in (copy, unfinished):
            path.unlink(missing_ok=True)
    return about


def check_new(to: Path) -> None:
    """Refuse to write over a file, or where there is no folder.

    Raises
    ------
    UsageError
        In both cases.
    """
    if os.path.lexists(to):
        raise UsageError(
            message("A file of the register is written anew and never over another one."),
            found=message("There is a file of that name already."),
            remedy=message("Give another name with --to, or move the file away."),
            where=str(to),
        )
    if not to.absolute().parent.is_dir():
        raise UsageError(
            message("A file of the register is written into a folder that is there."),
            found=message("There is no such folder."),
            remedy=message("Make the folder, readable by its owner alone, or give another name with --to."),
            where=str(to),
        )


def _copy(register: Register, copy: Path) -> str:
    """Let the engine copy its data base; return the engine's name."""
    copy.unlink(missing_ok=True)
    if isinstance(register.place, ServerPlace):
        postgresql.copy_to(register.place, copy)
        return "postgresql"
    sqlite.copy_to(register.database.engine, copy)
    return "sqlite"


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(copy: Path, to: Path, about: About) -> None:
    to.unlink(missing_ok=True)
    make_private(to)
    with to.open("r+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
            archive.writestr(ABOUT_FILE, json.dumps(asdict(about), indent=2) + "\n")
            with archive.open(DATA_FILES[about.engine], "w", force_zip64=True) as inside, copy.open("rb") as data:
                _pour(data, inside)
        file.flush()
        os.fsync(file.fileno())


def _pour(source: IO[bytes], to: IO[bytes]) -> str:
    """Copy a stream; return its digest."""
    digest = hashlib.sha256()
    while block := source.read(BLOCK_BYTES):
        digest.update(block)
        to.write(block)
    return digest.hexdigest()


def read_about(source: Path) -> About:
    """Return what a back-up says of itself.

    Raises
    ------
    UsageError
        When the file is none.
    """
    try:
        with zipfile.ZipFile(source) as archive, archive.open(ABOUT_FILE) as file:
            values = json.loads(file.read(MOST_ABOUT_BYTES))
            about = About(**values)
            is_whole = sorted(archive.namelist()) == sorted([ABOUT_FILE, DATA_FILES[about.engine]])
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise _unusable(source, message("It cannot be read as one.")) from error
    if about.form != FORM or not is_whole:
        raise _unusable(source, message("Its form is another one."))
    return about


def restore(
    source: Path,
    store: Path,
    by: Person | str,
    forget_again: Callable[[Register, str], int],
    how: How,
    clock: Callable[[], datetime] = utc_now,
) -> Restored:
    """Make a back-up the register of a store; a living one is moved aside, and only where ``how`` lets it.

    Parameters
    ----------
    forget_again
        Given the register and the moment of its back-up, erases who was erased since; called before anything can read it,
        returns how many.

    Raises
    ------
    UsageError
        When the back-up is changed, cut, of an unknown revision, of another key or engine, or its audit is not sound; when a
        register stands there and may not be replaced, or somebody has it open. The register is as it was then.
    """
    about = read_about(source)
    _check_fits(about, source, store, how)
    data = register_file(store).with_name(f".{store.absolute().name}.register.restoring")
    beside: Place = data if how.server is None else ServerPlace(how.server.url, data)
    _sweep(data, beside)
    try:
        _unpack(source, about, data)
        if isinstance(beside, ServerPlace):
            postgresql.put_back(beside, data)
        HeadNote(note_file(beside)).begin()
        if about.revision != migrating.revisions()[-1]:
            copy = migrate(beside, clock=clock)
            if copy is not None:
                copy.unlink()
        with open_register(beside, clock=clock) as register:
            _check_audit(register, about, source)
            erased = forget_again(register, about.made_at)
            details: dict[str, str | int] = {"count": about.entries, "reference": about.sha256[:SHOWN_FIGURES]}
            entries = register.audit.write(by, "register_restored", "", details=details)
        kept = _put_in_place(beside, store, how, clock())
    finally:
        _sweep(data, beside)
    return Restored(about, entries, kept, erased)


def _check_fits(about: About, source: Path, store: Path, how: How) -> None:
    if about.revision not in migrating.revisions():
        found = message("A newer version of riskmodel made it: revision {revision}.", revision=about.revision)
        raise _unusable(source, found)
    if (about.engine == "postgresql") != (how.server is not None):
        raise UsageError(
            message(
                "A back-up is put back into the data base that made it: SQLite's beside the store, PostgreSQL's with --database."
            ),
            found=message("It was made by {engine}.", engine=about.engine),
            remedy=message(
                "Give --database with the address of an empty data base for PostgreSQL's, and leave it out for SQLite's."
            ),
            where=str(source),
        )
    if about.key_id and how.key_id and about.key_id != how.key_id:
        raise UsageError(
            message("A register names pupils by the same pseudonyms as the deliveries of its store."),
            found=message("The back-up was made before the key of the pseudonyms was renewed."),
            remedy=message(
                "Use a back-up made since: what was written before cannot be joined to the pupils any more."
            ),
            where=str(source),
        )
    living = register_of(store)
    if is_there(living) and not how.may_replace:
        raise UsageError(
            message("A back-up is never put over a living register by accident."),
            found=message("A register stands there."),
            remedy=message("Give --replace: the register that stands there is kept beside, under another name."),
            where=str(living),
        )


def _unpack(source: Path, about: About, to: Path) -> None:
    make_private(to)
    try:
        with (
            zipfile.ZipFile(source) as archive,
            archive.open(DATA_FILES[about.engine]) as inside,
            to.open("r+b") as data,
        ):
            found = _pour(inside, data)
            data.flush()
            os.fsync(data.fileno())
    except (zipfile.BadZipFile, EOFError, ValueError, OSError) as error:
        raise _unusable(source, message("It was changed or cut after it was made.")) from error
    if found != about.sha256 or to.stat().st_size != about.bytes:
        raise _unusable(source, message("It was changed or cut after it was made."))


def _check_audit(register: Register, about: About, source: Path) -> None:
    verdict = register.audit.verify()
    with register.database.reading() as connection:
        wanted = select(AUDIT_ENTRY.c.digest).where(AUDIT_ENTRY.c.number == about.entries)
        digest = connection.scalar(wanted)
    if not verdict.is_sound or (about.entries and digest != about.head):
        raise _unusable(source, message("Its audit is not as it was written."))


def _put_in_place(beside: Place, store: Path, how: How, now: datetime) -> Path | None:
    """Make what was restored the register of a store, and move aside what was; return where that is now.

    A kill in between leaves no register, and the command given again puts it there.
    """
    ending, before = f".before-restore-{now:%Y%m%dT%H%M%SZ}", register_of(store)
    with _hold(beside), _hold(before):
        if isinstance(before, ServerPlace):
            kept = _aside(url_file(store), ending)
            _aside(note_file(before), ending)
        else:
            kept = _aside(before, ending)
            if kept is not None and note_file(before).exists():
                note_file(before).rename(note_file(kept))
            for part in _journals(before):
                _aside(part, ending)
        note_file(beside).rename(note_file(how.server or register_file(store)))
        if isinstance(beside, ServerPlace):
            keep_address(beside, store)
        else:
            beside.rename(register_file(store))
        _sync_folder(store.absolute().parent)
    return kept


def _aside(file: Path, ending: str) -> Path | None:
    if not os.path.lexists(file):
        return None
    kept = file.with_name(file.name + ending)
    check_new(kept)
    return file.rename(kept)


def _journals(file: Path) -> tuple[Path, ...]:
    return tuple(file.with_name(file.name + ending) for ending in ("-wal", "-shm"))


def _hold(place: Place) -> AbstractContextManager[Any]:
    """Keep everybody else out of a file while it is renamed; a data base on a server stays where it is."""
    if isinstance(place, ServerPlace) or not os.path.lexists(place):
        return nullcontext()
    return sqlite.alone(place, may_be_harmed=True)


def _sweep(data: Path, beside: Place) -> None:
    for path in (data, note_file(beside), *_journals(data)):
        path.unlink(missing_ok=True)
    for path in data.parent.glob(f"{data.name}.before-*"):
        path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(source: Path, found: Message) -> UsageError:
    return UsageError(
        message("What is put back is a whole back-up of a register, as riskmodel register back-up made it."),
        found=found,
        remedy=message("Nothing was changed. Use another back-up, and find out what happened to this one."),
        where=str(source),
    )
