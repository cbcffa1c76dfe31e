"""A process that writes into a register is killed, or its server is: what was told is there, and nothing is half there."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import own_postgres
import pytest

from riskmodel.register.places import Place, keep_address, register_of
from riskmodel.register.store import open_register

pytestmark = pytest.mark.fault

WRITER = Path(__file__).with_name("killed_writer.py")
RANDOM_KILLS = int(os.environ.get("RISKMODEL_RANDOM_KILLS", "4"))
AFTER = [random.Random(number).randint(1, 60) for number in range(RANDOM_KILLS)]


@pytest.fixture(scope="module")
def true_server() -> Iterator[own_postgres.Server]:
    """Give a server of this module's own that waits for its disk, as one in use does."""
    with own_postgres.serving(own_postgres.TRUE) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a store whose register is to be made in a file, or on a server."""
    if request.param == "postgresql":
        server = request.getfixturevalue("true_server")
        keep_address(own_postgres.place_on(server, server.make_database(), tmp_path / "store"), tmp_path / "store")
    return tmp_path / "store"


def sound_size(place: Place) -> int:
    """Return the number of entries of a sound audit; the next entry makes the note complete again."""
    with open_register(place) as register:
        verdict = register.audit.verify()
        assert verdict.is_sound, verdict
        register.audit.write("after", "audit_read", "")
        after = register.audit.verify()
        assert (after.is_sound, after.not_noted) == (True, 0)
        assert after.head.entry_count == verdict.head.entry_count + 1
        return verdict.head.entry_count


def check_nothing_is_lost(place: Place, told: list[int]) -> None:
    """Look for each entry of which its writer was told, and for acts that are half there."""
    assert sound_size(place) >= max(told)
    with open_register(place) as register:
        entries = register.audit.read(count=10_000)
        assert set(told) <= {entry.number for entry in entries if entry.action == "page_viewed"}
        grants = [account.person.grants for account in register.accounts.list()]
        assert all(len(held) <= 1 for held in grants)  # a grant is replaced whole or not at all
        has_grant = {entry.actor for entry in entries if entry.action == "grant_added"}
        assert sum(map(len, grants)) == len(has_grant)


@pytest.mark.parametrize("after", AFTER)
def test_a_kill_in_the_middle_of_many_writers_loses_nothing_that_was_told(store: Path, after: int) -> None:
    with subprocess.Popen([sys.executable, WRITER, store], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(after)]
        writer.kill()
        told += [int(line) for line in writer.stdout.read().splitlines()]
    check_nothing_is_lost(register_of(store), told)


@pytest.mark.parametrize(
    ("moment", "entries", "not_noted"),
    [("before_the_commit", 2, 0), ("before_the_note", 3, 1), ("after_the_note", 3, 0)],
)
def test_a_kill_at_each_step_of_an_entry_leaves_it_whole_or_away_and_says_what_is_not_noted(
    store: Path, moment: str, entries: int, not_noted: int
) -> None:
    ended = subprocess.run([sys.executable, WRITER, store, moment], capture_output=True, text=True, check=False)
    assert ended.returncode < 0, ended.stderr
    assert ended.stdout == ""  # nothing was told that is not there
    with open_register(register_of(store)) as register:
        verdict = register.audit.verify()
    assert (verdict.is_sound, verdict.head.entry_count, verdict.not_noted) == (True, entries, not_noted)
    assert sound_size(register_of(store)) == entries


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("after", AFTER)
def test_a_server_killed_in_the_middle_of_many_writers_loses_nothing_that_was_told(
    store: Path, after: int, true_server: own_postgres.Server
) -> None:
    with subprocess.Popen(
        [sys.executable, WRITER, store], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(after)]
        true_server.kill()
        told += [int(line) for line in writer.stdout.read().splitlines()]
    assert writer.returncode == 0  # each of its threads ended with an error; none was told of an entry after that
    true_server.start()
    check_nothing_is_lost(register_of(store), told)
