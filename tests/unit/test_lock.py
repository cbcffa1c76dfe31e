"""The lock of a store: dead holders are taken over, live ones never robbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from riskmodel.errors import RunFailedError
from riskmodel.runs.lock import HOLDER_NAME, LOCK_NAME, Holder, boot_id, held_store, started_ticks


def note(store: Path, **changes: object) -> None:
    holder = {"pid": os.getppid(), "boot_id": boot_id(), "started_ticks": started_ticks(os.getppid()), "since": "then"}
    (store / HOLDER_NAME).write_text(json.dumps(holder | changes))


def test_a_held_store_is_refused_to_another_process_which_learns_who_holds_it(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom riskmodel.runs.lock import held_store\n"
        "from riskmodel.errors import RunFailedError\n"
        "try:\n  with held_store(Path(sys.argv[1])): print('held')\nexcept RunFailedError as e: print(e)"
    )
    with held_store(tmp_path):
        said = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True).stdout
    assert f"Process {os.getpid()} holds it since" in said


def test_a_store_is_free_after_the_block_even_when_it_raised(tmp_path: Path) -> None:
    with pytest.raises(KeyError), held_store(tmp_path):
        raise KeyError
    with held_store(tmp_path) as before:
        assert before is None


@pytest.mark.parametrize(
    "stale", [{"pid": 2**22 + 1}, {"started_ticks": 1}, {"boot_id": "another start of the machine"}]
)
def test_a_dead_holder_a_reused_process_number_and_another_boot_are_taken_over(
    tmp_path: Path, stale: dict[str, object]
) -> None:
    note(tmp_path, **stale)
    with held_store(tmp_path) as before:
        assert before is not None
        assert not before.is_alive()


def test_a_live_holder_keeps_the_store_though_its_lock_file_was_deleted(tmp_path: Path) -> None:
    note(tmp_path)
    assert not (tmp_path / LOCK_NAME).exists()
    with pytest.raises(RunFailedError, match=f"Process {os.getppid()} holds it"), held_store(tmp_path):
        pass


def test_a_note_that_cannot_be_read_does_not_block(tmp_path: Path) -> None:
    (tmp_path / HOLDER_NAME).write_text("{half")
    with held_store(tmp_path) as before:
        assert before is None


def test_this_process_is_alive_and_its_parent_another_holder() -> None:
    assert Holder.this_process().is_alive()
    assert started_ticks(os.getpid()) >= started_ticks(os.getppid()) > 0
