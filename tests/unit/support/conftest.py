"""The small world of support on either engine; on the server it is reached as the portal's own user, whom policies bind.

A test that asks for ``world`` runs twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import own_postgres
import pytest
from supported import Calendar, World, people_of

from riskmodel.register import sqlite
from riskmodel.register.places import Place, register_file
from riskmodel.register.store import open_register


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines when what it asks for stands on one."""
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def place(
    engine_name: str, calendar: Calendar, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch
) -> Iterator[Place]:
    """Give a place where a register stands."""
    store = tmp_path / "store"
    if engine_name == "sqlite":
        monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")  # no test of this folder cuts the power
        open_register(register_file(store), may_create=True, clock=calendar).close()
        yield register_file(store)
        return
    server = request.getfixturevalue("postgres")
    with own_postgres.made_place(server, store, calendar()) as made:
        yield own_postgres.weak_place(server, made, store)


@pytest.fixture
def world(place: Place, calendar: Calendar) -> Iterator[World]:
    """Give the world with its people and places, and nothing done yet."""
    with open_register(place, clock=calendar) as register:
        yield people_of(World(register, calendar))
