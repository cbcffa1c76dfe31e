"""A portal in a process of its own: started, asked for its address, watched from outside, and stopped."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.portal.app import READY_KERNELS

SERVE = "import sys; from pathlib import Path; from riskmodel.portal.app import serve; serve(Path(sys.argv[1]), port=0)"
START_SECONDS, STOP_SECONDS, QUIET_SECONDS = 60, 20, 30
SECONDS_BETWEEN_LOOKS = 0.03
LINES_OF_ERROR = 20


@dataclass(frozen=True)
class Served:
    """A running portal."""

    process: psutil.Process
    address: str

    @property
    def port(self) -> int:
        """The port on this machine."""
        return int(self.address.rsplit(":", 1)[1])

    def kernels(self) -> int:
        """Return how many kernels of the portal are alive: starting, ready, at work or being shut down."""
        return sum(_is_kernel(process) for process in self.process.children(recursive=True))

    def server_mb(self) -> float:
        """Return the memory of the server alone, its kernels not counted: resident, in megabytes."""
        return float(self.process.memory_info().rss) / 1e6

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the server alone since it started."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def wait_until_quiet(self) -> None:
        """Wait until the kernels of the idle pool are ready and the server and they have nothing to do."""
        until, before = time.monotonic() + QUIET_SECONDS, -1.0
        while time.monotonic() < until:
            now = self._cpu_of_all()
            if self.kernels() == READY_KERNELS and now == before:
                return
            before = now
            time.sleep(0.3)

    def _cpu_of_all(self) -> float:
        total = 0.0
        for process in [self.process, *self.process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:2])
        return round(total, 1)


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
            found = Served(psutil.Process(child.pid), _address(child, log))
            found.wait_until_quiet()
            yield found
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


class MostKernels:
    """Counts the kernels of a portal again and again, and keeps the largest number."""

    def __init__(self, portal: Served) -> None:
        self._portal = portal
        self._most = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Return the largest number that was seen."""
        self._is_over.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._is_over.wait(SECONDS_BETWEEN_LOOKS):
            self._most = max(self._most, self._portal.kernels())


def _is_kernel(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and "ipykernel_launcher" in process.cmdline()
    except psutil.Error:
        return False


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
