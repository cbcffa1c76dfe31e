"""A small world of support for each test, with a clock of its own: a copy of one that is made once.

A test that asks for ``world`` runs twice: in a file of SQLite, and on a PostgreSQL server that is reached as the portal's own
user, whom the policies of the tables bind.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import own_postgres
import pytest
from supported import OTHER_SCHOOL, SCHOOL, Calendar, World, people_of

from riskmodel.register import sqlite
from riskmodel.register.people import Grant, Person
from riskmodel.register.places import Place, register_file
from riskmodel.register.store import Register, open_register


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines when what it asks for stands on one."""
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def whole_world(register: Register, calendar: Calendar) -> World:
    """Return a world with institutions and people of every role."""
    world = people_of(World(register, calendar))
    world.person("teaching.director", Grant("director", SCHOOL), Grant("class_teacher", SCHOOL, class_code="8.a"))
    world.person("other.psychologist", Grant("support_staff", OTHER_SCHOOL))
    return world


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Person]]:
    """Give the folder of a register in a file with the whole world, and its people."""
    folder = tmp_path_factory.mktemp("made")
    calendar = Calendar()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")
        with open_register(register_file(folder / "store"), may_create=True, clock=calendar) as register:
            people = whole_world(register, calendar).people
    return folder, people


@pytest.fixture
def place(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give a place: of a copy of the world in a file, or of a register on a server in which nothing was done."""
    if engine_name == "sqlite":
        folder, _ = request.getfixturevalue("made_world")
        for file in folder.iterdir():
            shutil.copy(file, tmp_path / file.name)
        yield register_file(tmp_path / "store")
        return
    server = request.getfixturevalue("postgres")
    with own_postgres.made_place(server, tmp_path / "store", Calendar()()) as made:
        yield own_postgres.weak_place(server, made, tmp_path / "store")


@pytest.fixture
def world(
    place: Place, engine_name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Give a world whose day is 16 September 2019."""
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")  # no test of this folder cuts the power
    calendar = Calendar()
    with open_register(place, clock=calendar) as register:
        if engine_name == "postgresql":
            yield whole_world(register, calendar)
            return
        _, people = request.getfixturevalue("made_world")
        # Numbers of keys go on where the making of the world ended.
        yield World(register, calendar, dict(people), count(1000))
