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
from riskmodel.register import migrating, sqlite
from riskmodel.register.headnote import HeadNote, note_file
from riskmodel.register.people import Person
from riskmodel.register.schema import AUDIT_ENTRY, AUDIT_HEAD, moment_text
from riskmodel.register.sqlite import make_private
from riskmodel.register.store import Register, migrate, open_register, utc_now

FORM = "riskmodel/back-up/1"
ABOUT_FILE = "about.json"
DATA_FILES = {"sqlite": "register.sqlite3"}
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
        The register that stood there before, moved aside; None where there was none.
    erased
        How many pupils were erased again.
    """

    about: About
    entries: int
    kept: Path | None
    erased: int


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
    engine = register.database.engine
    if engine.dialect.name not in DATA_FILES:
        raise UsageError(
            message("A back-up is copied by the data base itself."),
            found=message("This version cannot copy one of the engine {engine}.", engine=engine.dialect.name),
            remedy=message("Use the data base's own programs, e.g. pg_dump, and keep the copy as private as the register."),
        )
    copy.unlink(missing_ok=True)
    sqlite.copy_to(engine, copy)
    return engine.dialect.name


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
    file: Path,
    by: Person | str,
    forget_again: Callable[[Register], int],
    *,
    key_id: str = "",
    may_replace: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Restored:
    """Put a back-up in the place of a register; a living one only with ``may_replace``, and then it is kept beside.

    Parameters
    ----------
    forget_again
        Erases from the register what was erased since the back-up; called before anything can read it, returns how many.
    key_id
        Of the key with which the store's pseudonyms are made now; empty where there is none.

    Raises
    ------
    UsageError
        When the back-up is changed, cut, of an unknown revision, of another key, or its audit is not sound; when a register
        stands there and may not be replaced, or somebody has it open. Nothing was changed then.
    """
    about = read_about(source)
    _check_fits(about, source, file, key_id, may_replace=may_replace)
    beside = file.with_name(f".{file.name}.restoring")
    _sweep(beside)
    try:
        _unpack(source, about, beside)
        HeadNote(note_file(beside)).begin()
        if about.revision != migrating.revisions()[-1]:
            copy = migrate(beside, clock=clock)
            if copy is not None:
                copy.unlink()
        with open_register(beside, clock=clock) as register:
            _check_audit(register, about, source)
            erased = forget_again(register)
            details: dict[str, str | int] = {"count": about.entries, "reference": about.sha256[:SHOWN_FIGURES]}
            entries = register.audit.write(by, "register_restored", "", details=details)
        with sqlite.alone(beside):
            pass  # one file, without a journal beside it
        kept = _put_in_place(beside, file, clock())
    finally:
        _sweep(beside)
    return Restored(about, entries, kept, erased)


def _check_fits(about: About, source: Path, file: Path, key_id: str, *, may_replace: bool) -> None:
    known = migrating.revisions()
    if about.revision not in known:
        raise _unusable(source, message("A newer version of riskmodel made it: revision {revision}.", revision=about.revision))
    if about.key_id and key_id and about.key_id != key_id:
        raise UsageError(
            message("A register names pupils by the same pseudonyms as the deliveries of its store."),
            found=message("The back-up was made before the key of the pseudonyms was renewed."),
            remedy=message("Use a back-up made since: what was written before cannot be joined to the pupils any more."),
            where=str(source),
        )
    if os.path.lexists(file) and not may_replace:
        raise UsageError(
            message("A back-up is never put over a living register by accident."),
            found=message("A register stands there."),
            remedy=message("Give --replace: the register that stands there is kept beside, under another name."),
            where=str(file),
        )


def _unpack(source: Path, about: About, to: Path) -> None:
    make_private(to)
    try:
        with zipfile.ZipFile(source) as archive, archive.open(DATA_FILES[about.engine]) as inside, to.open("r+b") as data:
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


def _put_in_place(beside: Path, file: Path, now: datetime) -> Path | None:
    """Rename what was restored to the register's name, the one that stands there to another; return that name."""
    kept = None
    with _hold(file):
        if os.path.lexists(file):
            kept = file.with_name(f"{file.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
            check_new(kept)
        # A kill in between leaves no register, and the command given again puts it there.
        for ending in ("-wal", "-shm"):
            part = file.with_name(file.name + ending)
            if kept is not None and part.exists():
                part.rename(kept.with_name(kept.name + ending))
            part.unlink(missing_ok=True)
        for of in (note_file, Path):
            if kept is not None and os.path.lexists(of(file)):
                of(file).rename(of(kept))
            of(beside).rename(of(file))
        _sync_folder(file.parent)
    return kept


def _hold(file: Path) -> AbstractContextManager[Any]:
    if not os.path.lexists(file):
        return nullcontext()
    return sqlite.alone(file, may_be_harmed=True)


def _sweep(beside: Path) -> None:
    for path in (beside, note_file(beside), *(beside.with_name(beside.name + ending) for ending in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)
    for path in beside.parent.glob(f"{beside.name}.before-*"):
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
