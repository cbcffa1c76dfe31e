"""What is PostgreSQL's alone: the engine with its settings, the writers' lock, the look at a server, the copy by pg_dump.

Every other module of the register speaks to both data bases in one text; SQLite's part is the module beside this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register import migrating
from riskmodel.register.database import IS_WRITING
from riskmodel.register.places import ServerPlace
from riskmodel.register.private import make_private
from riskmodel.register.units import LEVEL

OLDEST_VERSION = 14
CONNECT_SECONDS = 10
BUSY_SECONDS = 20
"""How long a writer waits for another one; every transaction of the register lasts milliseconds."""

SETTINGS = {
    # What was answered as done outlives a crash of the server; a stronger setting of the server stays.
    "synchronous_commit": "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
    "ELSE current_setting('synchronous_commit') END",
    "lock_timeout": f"'{BUSY_SECONDS}s'",
    # A writer whose machine went away, or that hangs, gives its lock back.
    "idle_in_transaction_session_timeout": "'60s'",
    # The policies of the tables make questions look dear, and to compile one takes longer than to answer it.
    "jit": "'off'",
    "tcp_keepalives_idle": "'30'",
    "tcp_keepalives_interval": "'10'",
    "tcp_keepalives_count": "'3'",
}
"""Each connection's, as expressions."""

NEEDED_OF_THE_SERVER = {"fsync": "on", "full_page_writes": "on"}

WRITERS_LOCK = int.from_bytes(b"register")
"""Number of the advisory lock, of this data base alone, that a writer holds until its commit."""

DEBIANS_FOLDER = Path("/usr/lib/postgresql")

FACTS = text("""
    SELECT current_setting('server_version_num')::int / 10000 AS version,
           current_setting('server_encoding') AS encoding,
           pg_is_in_recovery() AS is_standby,
           to_jsonb(d) ->> 'datlocprovider' AS provider,
           d.datcollate AS collation_name
    FROM pg_database AS d
    WHERE d.datname = current_database()
""")  # the provider's column came with version 15


def look_at(place: ServerPlace) -> Engine:
    """Return an engine on a data base that was looked at.

    Raises
    ------
    UsageError
        When it cannot be reached, or the server or the data base is not fit for a register.
    """
    if find_spec("psycopg") is None:
        raise _unfit(
            place,
            message("A register on a PostgreSQL server needs the package psycopg."),
            message("It is not installed."),
            message("Install it with: pip install riskmodel[postgresql]"),
        )
    engine = make_engine(place)
    try:
        check_fit(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return engine


def make_engine(place: ServerPlace) -> Engine:
    """Return an engine for threads on the data base, whose transactions read one picture or write one at a time."""
    engine = create_engine(
        place.url,
        connect_args={"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8", "application_name": "riskmodel"},
        hide_parameters=True,
        isolation_level="READ COMMITTED",  # of writers, who look again once they hold the lock; see _begin
        pool_pre_ping=True,  # a server that was started again is no error
        use_native_hstore=False,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    values = ", ".join(f"set_config('{name}', {value}, false)" for name, value in SETTINGS.items())
    connection.autocommit = True
    connection.execute(f"SELECT {values}")
    connection.autocommit = False


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(IS_WRITING):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def check_fit(engine: Engine, place: ServerPlace) -> None:
    """Refuse a server that cannot be reached, or on which a register would not keep its word.

    Raises
    ------
    UsageError
        With what to do. The password is not in its text.
    """
    try:
        with engine.connect() as connection:
            facts = connection.execute(FACTS).one()
            found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in NEEDED_OF_THE_SERVER}
    except DBAPIError as error:
        raise _unfit(
            place,
            message("The server of the register must be reached, and let its user in."),
            message("No connection came about: {words}", words=_words(error, place)),
            message("Start the server, or mend the address; a password may stand in ~/.pgpass."),
        ) from error
    if facts.version < OLDEST_VERSION:
        raise _unfit(
            place,
            message("The register needs PostgreSQL {version} or newer.", version=OLDEST_VERSION),
            message("The server has version {version}.", version=facts.version),
            message("Use a newer server."),
        )
    if facts.is_standby:
        raise _unfit(
            place,
            message("The register needs a server that can be written to."),
            message("This one only repeats what another one writes."),
            message("Give the address of that other server."),
        )
    if facts.encoding != "UTF8" or not _is_in_order_of_bytes(facts.provider, facts.collation_name):
        raise _unfit(
            place,
            message("The data base of the register is one in UTF-8 that orders texts by their bytes, as SQLite does."),
            message(
                "Its encoding is {encoding}, its collation {collation}.",
                encoding=facts.encoding,
                collation=facts.collation_name,
            ),
            message("Make it with: createdb --template template0 --encoding UTF8 --locale C"),
        )
    for name, wanted in NEEDED_OF_THE_SERVER.items():
        if found[name] != wanted:
            raise _unfit(
                place,
                message("What the register says is written must outlive a power cut: {name} is on.", name=name),
                message("On this server it is off."),
                message("Set it in the server's postgresql.conf."),
            )


def _is_in_order_of_bytes(provider: str | None, collation: str) -> bool:
    # "b" is PostgreSQL's own, of version 17, which orders by code points; "i" is ICU, for which the name means nothing.
    return provider == "b" or (provider in {None, "c"} and collation in {"C", "POSIX"})


def check_may_make(connection: Connection, place: ServerPlace) -> None:
    """Refuse to make or change tables as a user who may not.

    Raises
    ------
    UsageError
        With the right that is missing.
    """
    if not connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")):
        raise _unfit(
            place,
            message("Whoever makes the tables of a register may make tables in its data base."),
            message("This user may not."),
            message("Let the user own the data base: ALTER DATABASE … OWNER TO …"),
        )


def copy_to(place: ServerPlace, copy: Path) -> None:
    """Write the data base as it is now into a new private file, also while others write; ``pg_restore`` reads it.

    Raises
    ------
    UsageError
        When pg_dump is not here, or ended with an error; no file is left then.
    """
    program = _program("pg_dump")
    if program is None:
        raise _uncopied(
            copy,
            message("The program pg_dump is not on this machine."),
            message("Install PostgreSQL's programs for clients, of the server's version or newer."),
        )
    password = place.url.password
    # The owner of the tables is bound by their policies too, and pg_dump would refuse to copy a part.
    options = " ".join([os.environ.get("PGOPTIONS", ""), f"-c {LEVEL}=all"]).strip()
    environment = {**os.environ, "PGOPTIONS": options}
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    make_private(copy)
    arguments = [
        "--format=custom",
        "--enable-row-security",
        "--no-password",
        f"--file={copy}",
        f"--dbname={place.address_without_password()}",
    ]
    ended = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        copy.unlink()
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        raise _uncopied(
            copy,
            message("pg_dump ended with an error: {words}", words=_without(last, password)),
            message("Mend what it says; the register is as it was."),
        )


def put_back(place: ServerPlace, copy: Path) -> None:
    """Put a copy into an empty data base, all of it or nothing.

    Raises
    ------
    UsageError
        When something stands in the data base, pg_restore is not here, or it ended with an error.
    """
    must = message("A copy of a register is put into an empty data base of a server.")
    engine = look_at(place)
    try:
        with engine.connect() as connection, connection.begin():
            if migrating.has_tables(connection):
                found = message("Something stands in this one.")
                raise UsageError(must, found=found, remedy=message("Make a new one with createdb."), where=str(place))
    finally:
        engine.dispose()
    program = _program("pg_restore")
    if program is None:
        raise UsageError(
            must,
            found=message("The program pg_restore is not on this machine."),
            remedy=message("Install PostgreSQL's programs for clients, of the server's version or newer."),
            where=str(copy),
        )
    password = place.url.password
    environment = dict(os.environ) if password is None else {**os.environ, "PGPASSWORD": str(password)}
    whole = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
    command = [program, *whole, f"--dbname={place.address_without_password()}", str(copy)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        # Its words may hold rows: only that it failed is told.
        found = message("pg_restore ended with an error.")
        raise UsageError(
            must, found=found, remedy=message("Use a pg_restore of the server's version or newer."), where=str(place)
        )


def _program(name: str) -> str | None:
    """Return the newest of Debian's folders, which can copy from each older server, or that of the path."""
    installed = [file for file in DEBIANS_FOLDER.glob(f"*/bin/{name}") if file.parts[-3].isdecimal()]
    newest = max(installed, key=lambda file: int(file.parts[-3]), default=None)
    return shutil.which(name) if newest is None else str(newest)


def _uncopied(copy: Path, found: Message, remedy: Message) -> UsageError:
    must = message("A copy of the register is made before its tables change.")
    return UsageError(must, found=found, remedy=remedy, where=str(copy))


def _words(error: DBAPIError, place: ServerPlace) -> str:
    """Return what the driver said, in one line."""
    return _without(" ".join(str(error.orig).split()), place.url.password)


def _without(words: str, password: Any) -> str:
    return words.replace(str(password), "***") if password else words


def _unfit(place: ServerPlace, must: Message, found: Message, remedy: Message) -> UsageError:
    return UsageError(must, found=found, remedy=remedy, where=str(place))


def rewrite(engine: Engine, tables: Sequence[str]) -> None:
    """Write tables anew, so that none of their pages keeps what was removed; the server's own log keeps it for its time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        names = ", ".join(engine.dialect.identifier_preparer.quote(name) for name in tables)
        connection.exec_driver_sql(f"VACUUM (FULL) {names}")
