"""A small world of support for each test: a copy of one that is made once, with a clock of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from supported import OTHER_SCHOOL, SCHOOL, Calendar, World, people_of

from riskmodel.register import sqlite
from riskmodel.register.people import Grant, Person
from riskmodel.register.store import open_register


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Person]]]:
    """Give the folder of a register with institutions and people of every role, and the people."""
    folder = tmp_path_factory.mktemp("made")
    calendar = Calendar()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")
        with open_register(folder / "register.sqlite3", may_create=True, clock=calendar) as register:
            world = people_of(World(register, calendar))
            world.person(
                "teaching.director", Grant("director", SCHOOL), Grant("class_teacher", SCHOOL, class_code="8.a")
            )
            world.person("other.psychologist", Grant("support_staff", OTHER_SCHOOL))
        yield folder, world.people


@pytest.fixture
def world(
    made_world: tuple[Path, dict[str, Person]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Give a world whose day is 16 September 2019."""
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")  # no test of this folder cuts the power
    folder, people = made_world
    for file in folder.iterdir():
        shutil.copy(file, tmp_path / file.name)
    calendar = Calendar()
    with open_register(tmp_path / "register.sqlite3", clock=calendar) as register:
        # Numbers of keys go on where the making of the world ended.
        yield World(register, calendar, dict(people), count(1000))
