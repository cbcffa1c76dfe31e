"""A small world of support for each test, with a clock of its own: a copy of one that is made once.

A test that asks for ``world`` runs twice: in a file of SQLite, and on a PostgreSQL server that is reached as the portal's own
user, whom the policies of the tables bind.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TypeAlias

import own_postgres
import pytest
from supported import OTHER_SCHOOL, SCHOOL, Calendar, World, people_of

from riskmodel.register import sqlite
from riskmodel.register.people import Grant, Person
from riskmodel.register.places import Place, register_file
from riskmodel.register.store import open_register

Made: TypeAlias = tuple[Path | own_postgres.Contents, dict[str, Person]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines when what it asks for stands on one."""
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give the folder of a register in a file with the whole world, and its people."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")
        people = _people_in(register_file(folder / "store"), may_create=True)
    return folder, people


@pytest.fixture(scope="session")
def served_world(postgres: own_postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give what stands in a register on a server with the whole world, and its people."""
    store = tmp_path_factory.mktemp("served") / "store"
    with own_postgres.made_place(postgres, store, Calendar()()) as made:
        people = _people_in(own_postgres.weak_place(postgres, made, store))
        return own_postgres.contents_of(made), people


def _people_in(place: Place, *, may_create: bool = False) -> dict[str, Person]:
    """Fill a register with institutions, and people of every role; return the people."""
    calendar = Calendar()
    with open_register(place, may_create=may_create, clock=calendar) as register:
        world = people_of(World(register, calendar))
        world.person("teaching.director", Grant("director", SCHOOL), Grant("class_teacher", SCHOOL, class_code="8.a"))
        world.person("other.psychologist", Grant("support_staff", OTHER_SCHOOL))
        return world.people


@pytest.fixture
def made(engine_name: str, request: pytest.FixtureRequest) -> Made:
    """Give the world that is copied, and its people."""
    return request.getfixturevalue("made_world" if engine_name == "sqlite" else "served_world")


@pytest.fixture
def place(made: Made, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give the place of a copy of the world: a file, or a data base on a server."""
    copied, _ = made
    if isinstance(copied, Path):
        for file in copied.iterdir():
            shutil.copy(file, tmp_path / file.name)
        yield register_file(tmp_path / "store")
        return
    server = request.getfixturevalue("postgres")
    with own_postgres.copied_place(server, tmp_path / "store", copied) as filled:
        yield own_postgres.weak_place(server, filled, tmp_path / "store")


@pytest.fixture
def world(place: Place, made: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give a world whose day is 16 September 2019."""
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")  # no test of this folder cuts the power
    calendar = Calendar()
    _, people = made
    with open_register(place, clock=calendar) as register:
        # Numbers of keys go on where the making of the world ended.
        yield World(register, calendar, dict(people), count(1000))
