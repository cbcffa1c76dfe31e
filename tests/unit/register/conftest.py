"""A register of its own on either engine, with a clock that the test sets.

A test that asks for ``register`` or ``place`` runs twice: in a file of SQLite, and on a PostgreSQL server. One that asks for
``file`` too is about the file, and runs on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import own_postgres
import pytest

from riskmodel.register import sqlite
from riskmodel.register.people import Grant, Person
from riskmodel.register.places import Place, register_file
from riskmodel.register.store import Register, open_register

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **times: float) -> datetime:
        self.now += timedelta(**times)
        return self.now


@pytest.fixture
def true_disk() -> None:
    """Ask for this fixture where the disk is to be waited for, as it is in use."""


@pytest.fixture(autouse=True)
def _hasty_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk at each commit: no test of this folder cuts the power."""
    if "true_disk" not in request.fixturenames:
        monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines when what it asks for stands on one."""
    if "engine_name" in metafunc.fixturenames:
        is_of_files = "file" in metafunc.fixturenames
        metafunc.parametrize("engine_name", ["sqlite"] if is_of_files else ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def file(store: Path) -> Path:
    return register_file(store)


@pytest.fixture
def empty_place(engine_name: str, store: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give a place where no register stands yet."""
    if engine_name == "sqlite":
        yield register_file(store)
        return
    server = request.getfixturevalue("postgres")
    yield own_postgres.place_on(server, server.make_database(), store)


@pytest.fixture
def place(engine_name: str, store: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give a place where a register stands, with one entry in its audit."""
    if engine_name == "sqlite":
        open_register(register_file(store), may_create=True, clock=lambda: START).close()
        yield register_file(store)
        return
    with own_postgres.made_place(request.getfixturevalue("postgres"), store, START) as made:
        yield made


@pytest.fixture
def register(place: Place, clock: Clock) -> Iterator[Register]:
    with open_register(place, clock=clock) as opened:
        yield opened


@pytest.fixture
def director(register: Register) -> Person:
    return register.accounts.add("dace", "Dace Ozola", None, "lv", [Grant("director", "101")], "operator")
