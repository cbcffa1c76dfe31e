"""What is SQLite's alone: the engine with its settings, the look at a file, the copy.

Every other module of the register speaks to both data bases in one text; PostgreSQL's part is the module beside this one.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.database import IS_WRITING
from riskmodel.register.private import check_private, make_private

BUSY_SECONDS = 20
"""How long a writer waits for another one; every transaction of the register lasts milliseconds."""

BETWEEN_SECONDS = 0.02
"""Who was refused at once asks again after so long."""

SETTINGS = {
    "journal_mode": "wal",  # readers and the one writer do not wait for one another
    "synchronous": "2",  # FULL: what was answered as done outlives a power cut
    "foreign_keys": "1",  # off by default, and per connection
    "trusted_schema": "0",
    "secure_delete": "1",  # what is removed is written over with zeros
}


def look_at(file: Path, *, may_create: bool) -> Engine:
    """Return an engine on the register's file, which was looked at; with ``may_create`` an empty one is made where none is.

    Raises
    ------
    UsageError
        When there is no folder for it, others may read it, or it is harmed.
    FileNotFoundError
        When there is none and none may be made.
    """
    if not file.exists():
        if not may_create:
            raise FileNotFoundError(file)
        if not file.parent.is_dir():
            raise UsageError(
                message("The register is made beside a store, in a folder that is there."),
                found=message("There is no such folder."),
                remedy=message("Make the folder, or give the path of the store."),
                where=str(file.parent),
            )
        make_private(file)
    check_private(
        file, message("Only its owner may read the data base of the register: it holds accounts and the audit.")
    )
    engine = make_engine(file)
    try:
        check_whole(engine, file)
    except BaseException:
        engine.dispose()
        raise
    return engine


def make_engine(file: Path) -> Engine:
    """Return an engine for threads on the file, each connection with the settings that make SQLite keep its word."""
    engine = create_engine(
        URL.create("sqlite", database=str(file)), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; see _begin
    for name, wanted in SETTINGS.items():
        _set(connection, name, wanted)
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if str(found) != wanted:
            raise UsageError(
                message("The data base of the register needs a local disk and SQLite's setting {name}.", name=name),
                found=message("The setting stays at {value}.", value=found),
                remedy=message("Put the store on a local disk, and the register beside it."),
            )


def _set(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Change a setting; a new file's journal may be changed by another process at this moment, and SQLite then refuses at once."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {name} = {value}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(BETWEEN_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(IS_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def check_whole(engine: Engine, file: Path) -> None:
    """Refuse a file that is no data base of SQLite, or whose pages are harmed.

    Raises
    ------
    UsageError
        With what to do; the file is not changed.
    """
    try:
        with engine.connect() as connection:
            told = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except OperationalError as error:
        raise _unusable(file, message("It cannot be opened, or another process keeps it.")) from error
    except DatabaseError as error:
        raise _unusable(file, message("It is harmed, or is no data base.")) from error
    if told != "ok":
        raise _unusable(file, message("It is harmed, or is no data base."))


def _unusable(file: Path, found: Message) -> UsageError:
    return UsageError(
        message("The register must be a whole data base of SQLite."),
        found=found,
        remedy=message("Keep the file as it is, and put the last copy in its place."),
        where=str(file),
    )


def copy_to(engine: Engine, copy: Path) -> None:
    """Write the data base as it is now into a new private file, also while others write."""
    make_private(copy)
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.close()


@contextmanager
def alone(file: Path, *, may_be_harmed: bool = False) -> Iterator[None]:
    """Keep everybody else out of a data base, and bring its journal into the one file.

    Raises
    ------
    UsageError
        When somebody has it open, or it is harmed; a harmed one is let pass with ``may_be_harmed``.
    """
    connection = sqlite3.connect(file, timeout=1, isolation_level=None)
    try:
        try:
            # In this mode the file itself is locked: whoever has a connection open stands in the way.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise UsageError(
                message("Nobody may have the register open while it is put in another one's place."),
                found=message("Another process has it open."),
                remedy=message("Stop the portal and every command that works with it, then give the command again."),
                where=str(file),
            ) from error
        except sqlite3.DatabaseError as error:
            if not may_be_harmed:
                raise _unusable(file, message("It is harmed, or is no data base.")) from error
        yield
    finally:
        connection.close()


def rewrite(engine: Engine) -> None:
    """Write the whole data base anew, so that no page keeps what was removed, and empty its journal."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
