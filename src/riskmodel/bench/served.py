"""A portal in a process of its own: started, asked for its address, entered, watched from outside, and stopped."""

from __future__ import annotations

import contextlib
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil

from riskmodel.bench.children import LINES_OF_ERROR, Highest
from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.portal.app import READY_KERNELS, Place
from riskmodel.portal.identity import cookie_name
from riskmodel.register.people import Grant
from riskmodel.register.places import register_of
from riskmodel.register.store import open_register
from riskmodel.runs.forking import kernels_of

SERVE = (
    "import sys; from pathlib import Path; from riskmodel.portal.app import Place, serve; "
    "serve(Place(Path(sys.argv[1]), port=0))"
)
LANGUAGE: Literal["lv"] = "lv"
START_SECONDS, STOP_SECONDS, QUIET_SECONDS = 60, 20, 60
QUIET_LOOKS = 5
IDLE_CPU_SECONDS = 0.02
"""Server and kernels wake up now and then although nobody asks for anything."""
SECONDS_BETWEEN_LOOKS = 0.03


@dataclass(frozen=True)
class Served:
    """A running portal."""

    process: psutil.Process
    address: str
    store: Path

    def sessions(self, count: int, school_ids: Iterable[str]) -> list[str]:
        """Return the cookies, as ``name=value``, of so many people who have come in, each of the support staff of all
        these schools: as many grants as nobody has in life."""
        grants = tuple(Grant("support_staff", school_id) for school_id in school_ids)
        front = Place(self.store).front()
        cookies = []
        with open_register(register_of(self.store), may_create=True) as register:
            for number in range(count):
                login = f"reader-{number}-{secrets.token_hex(4)}"
                register.accounts.add(login, login, None, LANGUAGE, grants, by="benchmark")
                person = register.accounts.find(login)
                assert person is not None  # it was just made
                token = register.sessions.open(person, datetime.now(UTC))
                cookies.append(f"{cookie_name('session', front, self.port)}={token}")
        return cookies

    def enter_places(self, school_ids: Iterable[str], places: int) -> None:
        """Let the heads of these schools enter a number of places: their pages are made anew."""
        ids = tuple(school_ids)
        with open_register(register_of(self.store), may_create=True) as register:
            login = f"head-{secrets.token_hex(4)}"
            grants = tuple(Grant("director", school_id) for school_id in ids)
            register.accounts.add(login, login, None, LANGUAGE, grants, by="benchmark")
            head = register.accounts.find(login)
            assert head is not None  # it was just made
            for school_id in ids:
                register.capacity.set(school_id, places, head)

    @property
    def port(self) -> int:
        """The port on this machine."""
        return int(self.address.rsplit(":", 1)[1])

    def kernels(self) -> int:
        """Return how many kernels of the portal are alive: starting, ready, at work or being shut down."""
        return len(kernels_of(self.process.pid))

    def most_kernels(self) -> Highest:
        """Begin to count the kernels again and again; the largest number is had when the counting is stopped."""
        return Highest(self.kernels, SECONDS_BETWEEN_LOOKS)

    def server_mb(self) -> float:
        """Return the memory of the server alone, its kernels not counted: resident, in megabytes."""
        return float(self.process.memory_info().rss) / 1e6

    def open_files(self) -> int:
        """Return how many files and sockets the server holds open."""
        return int(self.process.num_fds())

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the server alone since it started."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def wait_until_quiet(self) -> None:
        """Wait until the idle pool is whole and neither the server nor a kernel had anything to do for a while.

        For a minute at most: a portal that does not come to rest is measured as it is, and its kernels tell it.
        """
        until, before, same = time.monotonic() + QUIET_SECONDS, -1.0, 0
        while same < QUIET_LOOKS and time.monotonic() < until:
            time.sleep(0.25)
            now, is_at_rest = self._work_done()
            is_idle = is_at_rest and now - before <= IDLE_CPU_SECONDS
            same = same + 1 if is_idle and self.kernels() == READY_KERNELS else 0
            before = now

    def _work_done(self) -> tuple[float, bool]:
        """Return the CPU seconds of the server and its kernels, and whether all of them wait (one that is short of a
        core does not)."""
        total, is_at_rest = 0.0, True
        for process in [self.process, *self.process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:2])
                is_at_rest &= process.status() != psutil.STATUS_RUNNING
        return round(total, 2), is_at_rest


@contextmanager
def served(store: Path) -> Iterator[Served]:
    """Give a portal that serves a store, with the pool of its kernels ready.

    Raises
    ------
    RunFailedError
        When it does not start; its last lines are told.
    """
    with tempfile.TemporaryDirectory(prefix="riskmodel-served-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            child = subprocess.Popen(  # noqa: S603  (this interpreter, with a store of the benchmark)
                [sys.executable, "-u", "-c", SERVE, str(store)], stdout=output, stderr=output
            )
        try:
            found = Served(psutil.Process(child.pid), _address(child, log), store)
            found.wait_until_quiet()
            yield found
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _address(child: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        if said := re.search(r"(http://127\.0\.0\.1:\d+)/lv/", log.read_text("utf-8")):
            return said[1]
        time.sleep(0.1)
    raise RunFailedError(
        message("A portal must start before it is measured."),
        found=message("It said no address."),
        remedy=message(
            "Read its last lines: {lines}", lines="\n".join(log.read_text("utf-8").splitlines()[-LINES_OF_ERROR:])
        ),
    )
