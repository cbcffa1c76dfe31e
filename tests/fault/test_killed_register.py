"""A process that writes into a register is killed: what it said is written is there, and the audit tells what it knows."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from riskmodel.register.store import open_register

pytestmark = pytest.mark.fault

WRITER = Path(__file__).with_name("killed_writer.py")
RANDOM_KILLS = int(os.environ.get("RISKMODEL_RANDOM_KILLS", "4"))


def sound_size(file: Path) -> int:
    """Return the number of entries of a sound audit; the next entry makes the note complete again."""
    with open_register(file) as register:
        verdict = register.audit.verify()
        assert verdict.is_sound, verdict
        register.audit.write("after", "audit_read", "")
        after = register.audit.verify()
        assert (after.is_sound, after.not_noted) == (True, 0)
        assert after.head.entry_count == verdict.head.entry_count + 1
        return verdict.head.entry_count


@pytest.mark.parametrize("after", [random.Random(number).randint(1, 60) for number in range(RANDOM_KILLS)])
def test_a_kill_in_the_middle_of_many_writers_loses_nothing_that_was_told(tmp_path: Path, after: int) -> None:
    file = tmp_path / "register.sqlite3"
    with subprocess.Popen([sys.executable, WRITER, file], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(after)]
        writer.kill()
        told += [int(line) for line in writer.stdout.read().splitlines()]
    assert sound_size(file) >= max(told)
    with open_register(file) as register:
        viewed = {entry.number for entry in register.audit.read(count=10_000) if entry.action == "page_viewed"}
        assert set(told) <= viewed
        grants = [account.person.grants for account in register.accounts.list()]
        assert all(len(held) <= 1 for held in grants)  # a grant is replaced whole or not at all


@pytest.mark.parametrize(
    ("moment", "entries", "not_noted"),
    [("before_the_commit", 2, 0), ("before_the_note", 3, 1), ("after_the_note", 3, 0)],
)
def test_a_kill_at_each_step_of_an_entry_leaves_it_whole_or_away_and_says_what_is_not_noted(
    tmp_path: Path, moment: str, entries: int, not_noted: int
) -> None:
    file = tmp_path / "register.sqlite3"
    ended = subprocess.run([sys.executable, WRITER, file, moment], capture_output=True, text=True, check=False)
    assert ended.returncode < 0, ended.stderr
    assert ended.stdout == ""  # nothing was told that is not there
    with open_register(file) as register:
        verdict = register.audit.verify()
    assert (verdict.is_sound, verdict.head.entry_count, verdict.not_noted) == (True, entries, not_noted)
    assert sound_size(file) == entries
