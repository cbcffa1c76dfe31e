"""The register beside a store: where its data base is, and the one way to open it.

Opening looks before it trusts: the file's mode, its pages, its revision. It makes a new data base only when told to,
and never changes an older one (``riskmodel register migrate`` does, after a copy).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register import migrating, sqlite
from riskmodel.register.accounts import Accounts
from riskmodel.register.actors import operator_name
from riskmodel.register.audit import Audit
from riskmodel.register.capacity import Capacity
from riskmodel.register.database import Database
from riskmodel.register.headnote import HeadNote, note_file
from riskmodel.register.sessions import Sessions
from riskmodel.register.throttle import Throttle


def utc_now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(UTC)


def register_file(store: Path) -> Path:
    """Return where the register of a store is: beside it, so that copies and removals of runs do not touch it.

    >>> register_file(Path("/srv/store")).name
    'store.register.sqlite3'
    """
    place = store.absolute()
    return place.with_name(f"{place.name}.register.sqlite3")


class Register:
    """An open register: its doors, each for one matter, for many threads. Close it, or use it in a ``with``."""

    def __init__(self, database: Database, file: Path) -> None:
        self.file = file
        self.database = database
        self.audit = Audit(database)
        self.accounts = Accounts(database)
        self.sessions = Sessions(database)
        self.throttle = Throttle(database)
        self.capacity = Capacity(database)

    def close(self) -> None:
        """Close all connections."""
        self.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_register(file: Path, *, may_create: bool = False, clock: Callable[[], datetime] = utc_now) -> Register:
    """Open the register in ``file``; with ``may_create`` make a new one, of mode 0600, where there is none.

    Raises
    ------
    UsageError
        When there is none, others may read it, it is harmed, or its revision is older or newer than this program's.
    """
    engine = _looked_at(file, may_create=may_create)
    database = Database(engine, HeadNote(note_file(file)), clock)
    try:
        with database.reading() as connection:
            found = migrating.revision_of(connection)
            is_empty = found is None and not migrating.has_tables(connection)
        if is_empty and may_create:
            _fill(database)
        elif is_empty:
            raise _missing(file)
        else:
            _check_revision(found, file)
    except BaseException:
        engine.dispose()
        raise
    return Register(database, file)


def _looked_at(file: Path, *, may_create: bool) -> Engine:
    if not file.exists():
        if not may_create:
            raise _missing(file)
        if not file.parent.is_dir():
            raise UsageError(
                message("The register is made beside a store, in a folder that is there."),
                found=message("There is no such folder."),
                remedy=message("Make the folder, or give the path of the store."),
                where=str(file.parent),
            )
        sqlite.make_private(file)
    sqlite.check_private(file)
    engine = sqlite.make_engine(file)
    try:
        sqlite.check_whole(engine, file)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _fill(database: Database) -> None:
    """Make all tables in one transaction; whoever does the same at the same time finds them made."""
    database.note.begin()
    with database.acting() as act:
        if migrating.revision_of(act.connection) is None:
            migrating.upgrade(act.connection)
            newest = migrating.revisions()[-1]
            act.record(operator_name(), "register_created", details={"revision": newest})


def migrate(file: Path, *, by: str | None = None, clock: Callable[[], datetime] = utc_now) -> Path | None:
    """Bring an older register to this program's revision; return the copy that was made before, None if none was due.

    Raises
    ------
    UsageError
        When there is no register, it is harmed, or its revision is unknown to this program.
    """
    engine = _looked_at(file, may_create=False)
    database = Database(engine, HeadNote(note_file(file)), clock)
    try:
        with database.reading() as connection:
            found = migrating.revision_of(connection)
        if found not in migrating.revisions():
            _check_revision(found, file)
        newest = migrating.revisions()[-1]
        if found == newest:
            return None
        copy = file.with_name(f"{file.name}.before-{newest}")
        if copy.exists():
            raise UsageError(
                message("A copy of the register is made before its tables change."),
                found=message("There is a file of that name already."),
                remedy=message("Look at it, and move it away."),
                where=str(copy),
            )
        sqlite.copy_to(engine, copy)
        with database.acting() as act:
            if migrating.revision_of(act.connection) != newest:
                migrating.upgrade(act.connection)
                details = {"revision_before": str(found), "revision": newest}
                act.record(by or operator_name(), "register_migrated", details=details)
        return copy
    finally:
        engine.dispose()


def _check_revision(found: str | None, file: Path) -> None:
    known = migrating.revisions()
    if found == known[-1]:
        return
    if found in known:
        raise _unfit(
            file,
            message("It has the older revision {found}.", found=found),
            message("Bring it to this program's with: riskmodel register migrate"),
        )
    if found is None:
        raise _unfit(file, message("The data base is not one of a register."), message("Look at what the file is."))
    raise _unfit(
        file,
        message("It has revision {found}, which this program does not know: a newer one made it.", found=found),
        message("Use the newer version of riskmodel."),
    )


def _unfit(file: Path, found: Message, remedy: Message) -> UsageError:
    newest = migrating.revisions()[-1]
    return UsageError(
        message("This program works with a register of revision {newest}.", newest=newest),
        found=found,
        remedy=remedy,
        where=str(file),
    )


def _missing(file: Path) -> UsageError:
    return UsageError(
        message("A store has a register of its accounts beside it."),
        found=message("There is none yet."),
        remedy=message("Make it by adding the first account: riskmodel user add --help"),
        where=str(file),
    )
