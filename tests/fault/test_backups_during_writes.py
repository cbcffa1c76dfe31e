"""Back-ups taken while threads and another process write: each is put back, is sound, and lacks nothing that was told before it began."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kept_register import opened_register
from supported import Calendar, World, people_of

from riskmodel.register.backups import How, back_up, restore
from riskmodel.register.places import register_file
from riskmodel.register.store import open_register

pytestmark = pytest.mark.fault

WRITER = Path(__file__).with_name("killed_writer.py")
BACK_UPS = 6
THREADS = 3


def support_on(world: World, first: int, told: list[str], stop: threading.Event) -> None:
    """Record stays and consents, on and on; tell each pupil once the call has returned."""
    number = first
    while not stop.is_set():
        pupil = world.enrol(number)
        world.consent(pupil)
        told.append(pupil)
        number += THREADS


def more_than(told: list[str], before: int) -> list[str]:
    """What is told by now, once it is more than before: a busy machine may let the threads wait for the file for seconds."""
    until = time.monotonic() + 120
    while len(told) == before and time.monotonic() < until:
        time.sleep(0.01)
    return list(told)


def test_a_back_up_taken_while_others_write_holds_all_that_was_told_before(tmp_path: Path):
    store, stop = tmp_path / "store", threading.Event()
    with opened_register(store) as register:
        world = people_of(World(register, Calendar()))
        told: list[str] = []
        threads = [
            threading.Thread(target=support_on, args=(world, 1000 + n, told, stop), daemon=True) for n in range(THREADS)
        ]
        with subprocess.Popen([sys.executable, WRITER, store], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for thread in threads:
                thread.start()
            made = []
            viewed: list[int] = []
            pupils: list[str] = []
            for number in range(BACK_UPS):
                viewed += [int(writer.stdout.readline()) for _ in range(5)]
                pupils = more_than(told, len(pupils))
                to = tmp_path / f"back-up{number}.zip"
                back_up(register, to, "Līga")
                made.append((to, set(viewed), pupils))
            stop.set()
            for thread in threads:
                thread.join(30)
            writer.kill()
            writer.stdout.read()
    counts = [len(pupils) for _, _, pupils in made]
    assert counts == sorted(set(counts))  # the threads did write between any two
    for number, (to, entries, pupils) in enumerate(made):
        elsewhere = tmp_path / f"elsewhere{number}"
        restore(to, elsewhere, "Līga", lambda _, __: 0, How())
        with open_register(register_file(elsewhere)) as again:
            assert again.audit.verify().is_sound
            written = again.audit.read(count=100_000)
            assert entries <= {entry.number for entry in written if entry.action == "page_viewed"}
            assert set(pupils) <= {entry.subject for entry in written if entry.action == "consent_recorded"}
            with again.database.reading() as connection:
                kept = set(connection.exec_driver_sql("SELECT pupil_id FROM consent").scalars())
                stays = set(connection.exec_driver_sql("SELECT pupil_id FROM stay").scalars())
                assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert set(pupils) <= kept <= stays
            # Rows and entries are of one moment: every pupil of an entry is there, and nobody else.
            assert kept == {entry.subject for entry in written if entry.action == "consent_recorded"}
