"""One run at a time on a store, and who holds it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.register.places import check_not_half_renewed
from riskmodel.runs.durable import write_json
from riskmodel.runs.journal import now

LOCK_NAME = "store.lock"
HOLDER_NAME = "store.lock.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Holder:
    """A process that holds a store, named so that a later process of the same number is not taken for it."""

    pid: int
    boot_id: str
    started_ticks: int
    since: str

    @classmethod
    def this_process(cls) -> Holder:
        """Return the running process as holder."""
        return cls(os.getpid(), boot_id(), started_ticks(os.getpid()), now())

    def is_alive(self) -> bool:
        """Whether the very process is still running: same boot, same number, same start."""
        return self.boot_id == boot_id() and started_ticks(self.pid) == self.started_ticks and self.started_ticks > 0


def boot_id() -> str:
    """Return what names this start of the machine; empty where the system does not say."""
    return BOOT_ID.read_text("ascii").strip() if BOOT_ID.exists() else ""


def started_ticks(pid: int) -> int:
    """Return when the process ``pid`` began, in clock ticks since the boot; 0 when there is none (or a zombie)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return 0
    # The name stands in brackets and may hold spaces: count the fields behind it.
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def read_holder(store: Path) -> Holder | None:
    """Return who holds, or held last, the store; None when nobody did or the note cannot be read."""
    try:
        return Holder(**json.loads((store / HOLDER_NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def held_store(store: Path, *, may_be_half_renewed: bool = False) -> Iterator[Holder | None]:
    """Hold ``store`` while the block runs. Gives the dead holder that it was taken over from, or None.

    The kernel frees the lock of a process that ends in whatever way, so that a dead holder never blocks.
    The note beside it says who holds; it also protects a live holder whose lock file was deleted.

    Raises
    ------
    RunFailedError
        When a live process holds the store; the text says which and since when.
    UsageError
        When renewing its pseudonyms was interrupted, unless ``may_be_half_renewed``.
    """
    if not may_be_half_renewed:
        check_not_half_renewed(store)
    lock = FileLock(store / LOCK_NAME, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _held_by(read_holder(store), store) from None
    try:
        before = read_holder(store)
        if before is not None and before.is_alive() and before.pid != os.getpid():
            raise _held_by(before, store)
        write_json(store / HOLDER_NAME, asdict(Holder.this_process()))
        try:
            yield before
        finally:
            (store / HOLDER_NAME).unlink(missing_ok=True)
    finally:
        lock.release()


def _held_by(holder: Holder | None, store: Path) -> RunFailedError:
    found = (
        message("Process {pid} holds it since {since} (UTC).", pid=holder.pid, since=holder.since)
        if holder
        else message("Another process holds it.")
    )
    return RunFailedError(
        message("Only one run at a time may work on a store."),
        found=found,
        remedy=message("Wait until it has finished, then give the command again."),
        where=str(store),
    )
