"""A register in a file of its own, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from riskmodel.register import sqlite
from riskmodel.register.people import Grant, Person
from riskmodel.register.store import Register, open_register, register_file

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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return register_file(tmp_path / "store")


@pytest.fixture
def register(file: Path, clock: Clock) -> Iterator[Register]:
    with open_register(file, may_create=True, clock=clock) as opened:
        yield opened


@pytest.fixture
def director(register: Register) -> Person:
    return register.accounts.add("dace", "Dace Ozola", None, "lv", [Grant("director", "101")], "operator")
