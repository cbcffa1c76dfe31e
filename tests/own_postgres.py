"""A PostgreSQL server of the tests' own, on a socket in a folder of its own: started when first asked for, gone at the end.

``tests/conftest.py`` gives it as the fixture ``postgres``. Each test gets a data base of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from register_by_hand import by_hand, without_guards
from sqlalchemy import Connection, Table, create_engine, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from riskmodel.register import migrating, postgresql
from riskmodel.register.actors import operator_name
from riskmodel.register.chain import START
from riskmodel.register.database import Database
from riskmodel.register.headnote import HeadNote
from riskmodel.register.places import ServerPlace, note_file, server_place
from riskmodel.register.schema import AUDIT_HEAD, METADATA
from riskmodel.register.store import open_register

SUPERUSER = "postgres"
"""Of the server, and of the system where the tests run as root: PostgreSQL does not run as root."""

PORTAL = "portal"
"""A user of the server with the rights that the page of the design gives to a portal's own, and no more."""

DESIGN = Path(__file__).parents[1] / "reports" / "design" / "register.md"

GUARDED = "guarded"
"""A user of the server who needs a password."""

SECONDS_TO_START = 60
HASTY = {"fsync": "off", "full_page_writes": "off"}
TRUE = {"fsync": "on", "full_page_writes": "on"}


def programs() -> Path | None:
    """Return the folder of PostgreSQL's newest programs; None when it is not installed."""
    folders = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdecimal()]
    newest = max(folders, key=lambda folder: int(folder.parent.name), default=None)
    found = newest / "initdb" if newest else shutil.which("initdb")
    return Path(found).resolve().parent if found and Path(found).exists() else None


class Server:
    """One server: ``start``, ``kill`` it as a crash would, and start it again."""

    def __init__(self, folder: Path, bin_folder: Path, settings: dict[str, str]) -> None:
        self.folder, self._bin, self._settings = folder, bin_folder, settings
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self.at_rest: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam(SUPERUSER)
            os.chown(folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync", f"--username={SUPERUSER}")
        access = folder / "data" / "pg_hba.conf"
        access.write_text(f"local all {GUARDED} scram-sha-256\nlocal all all trust\n", "utf-8")

    def _command(self, program: str, *arguments: str) -> list[str]:
        as_user = [f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups"] if os.geteuid() == 0 else []
        # Dies with the tests, also when they are killed.
        return [
            "setpriv",
            *as_user,
            "--pdeathsig=QUIT",
            str(self._bin / program),
            "-D",
            f"{self.folder}/data",
            *arguments,
        ]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(self._command(program, *arguments), cwd=self.folder, capture_output=True, check=True)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = {"listen_addresses": "", "shared_buffers": "16MB", "max_connections": "60", **self._settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-k", str(self.folder), *options), cwd=self.folder, stdout=log, stderr=log
            )
        until = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                self.do("SELECT 1")
            except OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text("utf-8", "replace")) from None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End the server at once, as ``pg_ctl stop -m immediate`` does: the next start mends from the log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def address(self, database: str, user: str = SUPERUSER) -> str:
        """Return the address of a data base, without a password."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def do(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own, as somebody who may do everything."""
        engine = create_engine(
            server_place(self.address(database), self.folder).url, isolation_level="AUTOCOMMIT", use_native_hstore=False
        )
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    def make_database(self, options: str = "") -> str:
        """Make a data base, as the cluster makes them unless ``options`` say otherwise; return its name."""
        name = f"of_test_{next(self._numbers)}"
        self.do(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        return name


@contextmanager
def serving(settings: dict[str, str]) -> Iterator[Server]:
    """Give a server that runs.

    Where PostgreSQL is not installed the test is skipped; not so where CI is set.
    """
    bin_folder = programs()
    if bin_folder is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL must be installed where CI is set")
        pytest.skip("PostgreSQL is not installed: bash .ci/system database")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 letters
    try:
        server = Server(folder, bin_folder, settings)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


def place_on(server: Server, database: str, store: Path) -> ServerPlace:
    """Return the place of a store's register in a data base of the server."""
    return server_place(server.address(database), store)


def rights_of(user: str) -> list[str]:
    """Return the statements that the page of the design gives."""
    page = DESIGN.read_text("utf-8")
    return [line.replace(" TO portal;", f" TO {user}") for line in page.splitlines() if line.startswith("GRANT ")]


def weak_place(server: Server, place: ServerPlace, store: Path) -> ServerPlace:
    """Return a place as the portal's own user reaches it: bound by the policies of the tables, and owner of none."""
    name = place.url.database
    try:
        server.do(f"CREATE USER {PORTAL}")
    except ProgrammingError as error:
        if "already exists" not in str(error):
            raise
    server.do(*rights_of(PORTAL), database=name)
    return server_place(server.address(name, PORTAL), store)


@contextmanager
def made_place(server: Server, store: Path, at: datetime) -> Iterator[ServerPlace]:
    """Give a place beside a store where a register stands that was made at ``at``, with nothing in it but that."""
    with _some_place(server, store) as place:
        with _emptied(place) as connection:
            connection.execute(AUDIT_HEAD.insert().values(head_id=1, entry_count=0, digest=START.digest))
        _tell_of_making(place, at)
        yield place


@dataclass(frozen=True)
class Contents:
    """What stands in a register on a server: the rows of each table, where its sequences are, and the head that is noted."""

    rows: Mapping[Table, Sequence[Mapping[str, Any]]]
    sequences: Mapping[str, tuple[int, bool]]
    note: bytes


def contents_of(place: ServerPlace) -> Contents:
    """Return what stands in a register, to be put into others; ``place`` is as it was made, not one whose policies hide rows."""
    with by_hand(place) as connection:
        rows = {table: connection.execute(select(table)).mappings().all() for table in METADATA.sorted_tables}
        sequences = {
            name: connection.exec_driver_sql(f"SELECT last_value, is_called FROM {name}").one()
            for name in connection.dialect.get_sequence_names(connection)
        }
    return Contents(rows, sequences, note_file(place).read_bytes())


@contextmanager
def copied_place(server: Server, store: Path, contents: Contents) -> Iterator[ServerPlace]:
    """Give a place beside a store where a register with these contents stands."""
    with _some_place(server, store) as place:
        with _emptied(place) as connection:
            for table, rows in contents.rows.items():
                if rows:
                    connection.execute(table.insert(), rows)
            for name, (last, is_called) in contents.sequences.items():
                connection.exec_driver_sql("SELECT setval(%s, %s, %s)", (name, last, is_called))
        note_file(place).write_bytes(contents.note)
        yield place


@contextmanager
def _some_place(server: Server, store: Path) -> Iterator[ServerPlace]:
    """Give the place of a register that holds what some test left in it.

    To make a data base takes ten times as long as to empty one: they are used again, so leave their tables as they are.
    """
    name = server.at_rest.pop() if server.at_rest else server.make_database()
    place = place_on(server, name, store)
    with by_hand(place) as connection:
        is_new = not connection.dialect.has_table(connection, AUDIT_HEAD.name)
    if is_new:
        open_register(place, may_create=True).close()
    try:
        yield place
    finally:
        server.at_rest.append(name)


@contextmanager
def _emptied(place: ServerPlace) -> Iterator[Connection]:
    """Give a connection to a register in whose tables nothing stands, and whose guards are away until it is given back.

    The head that is noted beside it is that of an empty chain.
    """
    note_file(place).unlink(missing_ok=True)
    HeadNote(note_file(place)).begin()
    with by_hand(place) as connection:
        without_guards(connection)
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
        for sequence in connection.dialect.get_sequence_names(connection):
            connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} RESTART")
        yield connection


def _tell_of_making(place: ServerPlace, at: datetime) -> None:
    database = Database(postgresql.make_engine(place), HeadNote(note_file(place)), lambda: at)
    with database.acting() as act:
        act.record(operator_name(), "register_created", details={"revision": migrating.revisions()[-1]})
    database.engine.dispose()
