"""The one way to open the register of a store, on either engine.

Opening looks before it trusts: at the file's mode and pages, or the server and its data base, and at the revision. It makes
a new register only when told to, and never changes an older one (``riskmodel register migrate`` does, after a copy).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register import migrating, postgresql, sqlite
from riskmodel.register.accounts import Accounts
from riskmodel.register.actors import operator_name
from riskmodel.register.audit import Audit
from riskmodel.register.capacity import Capacity
from riskmodel.register.database import Database
from riskmodel.register.headnote import HeadNote
from riskmodel.register.places import (
    Place,
    ServerPlace,
    copy_file,
    has_one_already,
    keep_address,
    note_file,
    register_file,
    url_file,
)
from riskmodel.register.sessions import Sessions
from riskmodel.register.throttle import Throttle


def utc_now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(UTC)


class Register:
    """An open register: its doors, each for one matter, for many threads. Close it, or use it in a ``with``."""

    def __init__(self, database: Database, place: Place) -> None:
        self.place, self.database = place, database
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


def open_register(place: Place, *, may_create: bool = False, clock: Callable[[], datetime] = utc_now) -> Register:
    """Open the register at a place (:func:`riskmodel.register.places.register_of`).

    With ``may_create`` make a new one where there is none: a file of mode 0600, or the tables in an empty data base.

    Raises
    ------
    UsageError
        When there is none, others may read it, it is harmed, its server is not fit or out of reach, or its revision is
        older or newer than this program's.
    """
    engine = _looked_at(place, may_create=may_create)
    database = Database(engine, HeadNote(note_file(place)), clock)
    try:
        with database.reading() as connection:
            found = migrating.revision_of(connection)
            is_empty = found is None and not migrating.has_tables(connection)
        if is_empty and may_create:
            _fill(database, place)
        elif is_empty:
            raise _missing(place)
        else:
            _check_revision(found, place)
    except BaseException:
        engine.dispose()
        raise
    return Register(database, place)


def put_on_server(place: ServerPlace, store: Path) -> int:
    """Make the register of a store on a server, or join the one that stands there; return the entries of its audit.

    Then its address is kept in the store's private file, and :func:`riskmodel.register.places.register_of` finds it.
    A note of the audit's head is begun here when there is none: each machine keeps its own.

    Raises
    ------
    UsageError
        When the store has a register already, or for the reasons of :func:`open_register`.
    """
    for file in (register_file(store), url_file(store)):
        if os.path.lexists(file):
            raise has_one_already(file)
    with open_register(place, may_create=True) as register:
        register.database.note.begin()
        size = register.audit.size()
    keep_address(place, store)
    return size


def _looked_at(place: Place, *, may_create: bool) -> Engine:
    if isinstance(place, ServerPlace):
        return postgresql.look_at(place)
    try:
        return sqlite.look_at(place, may_create=may_create)
    except FileNotFoundError:
        raise _missing(place) from None


def _fill(database: Database, place: Place) -> None:
    """Make all tables in one transaction; whoever does the same at the same time finds them made."""
    database.note.begin()
    with database.acting() as act:
        if migrating.revision_of(act.connection) is None:
            _grow(act.connection, place)
            newest = migrating.revisions()[-1]
            act.record(operator_name(), "register_created", details={"revision": newest})


def _grow(connection: Connection, place: Place) -> None:
    if isinstance(place, ServerPlace):
        postgresql.check_may_make(connection, place)
    migrating.upgrade(connection)


def migrate(place: Place, *, by: str | None = None, clock: Callable[[], datetime] = utc_now) -> Path | None:
    """Bring an older register to this program's revision; return the copy that was made before, None if none was due.

    Raises
    ------
    UsageError
        When there is no register, it is harmed, or its revision is unknown to this program.
    """
    engine = _looked_at(place, may_create=False)
    database = Database(engine, HeadNote(note_file(place)), clock)
    try:
        with database.reading() as connection:
            found = migrating.revision_of(connection)
        if found not in migrating.revisions():
            _check_revision(found, place)
        newest = migrating.revisions()[-1]
        if found == newest:
            return None
        copy = copy_file(place, newest)
        if copy.exists():
            raise UsageError(
                message("A copy of the register is made before its tables change."),
                found=message("There is a file of that name already."),
                remedy=message("Look at it, and move it away."),
                where=str(copy),
            )
        if isinstance(place, ServerPlace):
            postgresql.copy_to(place, copy)
        else:
            sqlite.copy_to(engine, copy)
        with database.acting() as act:
            if migrating.revision_of(act.connection) != newest:
                _grow(act.connection, place)
                details = {"revision_before": str(found), "revision": newest}
                act.record(by or operator_name(), "register_migrated", details=details)
        return copy
    finally:
        engine.dispose()


def _check_revision(found: str | None, place: Place) -> None:
    known = migrating.revisions()
    if found == known[-1]:
        return
    if found in known:
        raise _unfit(
            place,
            message("It has the older revision {found}.", found=found),
            message("Bring it to this program's with: riskmodel register migrate"),
        )
    if found is None:
        raise _unfit(place, message("The data base is not one of a register."), message("Look at what stands there."))
    raise _unfit(
        place,
        message("It has revision {found}, which this program does not know: a newer one made it.", found=found),
        message("Use the newer version of riskmodel."),
    )


def _unfit(place: Place, found: Message, remedy: Message) -> UsageError:
    newest = migrating.revisions()[-1]
    return UsageError(
        message("This program works with a register of revision {newest}.", newest=newest),
        found=found,
        remedy=remedy,
        where=str(place),
    )


def _missing(place: Place) -> UsageError:
    return UsageError(
        message("A store has a register of its accounts beside it."),
        found=message("There is none yet."),
        remedy=message("Make it by adding the first account: riskmodel user add --help"),
        where=str(place),
    )
