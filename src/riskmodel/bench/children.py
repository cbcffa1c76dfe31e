"""What a child process and all its descendants cost: wall time, CPU time, and the most memory they held together."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from riskmodel.errors import RunFailedError
from riskmodel.messages import message

SECONDS_BETWEEN_LOOKS = 0.2
LOOKS = 10
"""One of so many looks at memory asks what processes hold, however little they have grown."""
SINGLE_THREADED: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
"""Libraries start no threads of their own: what runs side by side is what the program decides."""
LINES_OF_ERROR = 20


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and CPU time and megabytes at the peak, of a child with all its descendants.

    Memory is the proportional set size, summed over the processes: a page that several share counts once.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_child(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run ``python`` with ``arguments`` and return what it cost and what it printed.

    Raises
    ------
    RunFailedError
        When the child ends with another code than 0; its last lines are told.
    """
    before, started = _cpu_of_children(), time.perf_counter()
    child = subprocess.Popen(  # noqa: S603  (this interpreter, with arguments of the benchmarks)
        [sys.executable, *arguments],
        env={**os.environ, **SINGLE_THREADED, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = Highest(_Family(child.pid).most_megabytes, SECONDS_BETWEEN_LOOKS)
    output, errors = child.communicate()
    wall = time.perf_counter() - started
    megabytes = peak.stop()
    if child.returncode != 0:
        raise RunFailedError(
            message("A benchmark's child process must end well."),
            found=message("It ended with code {code}.", code=child.returncode),
            remedy=message("Read its last lines: {lines}", lines="\n".join(errors.splitlines()[-LINES_OF_ERROR:])),
            where=" ".join(arguments[:3]),
        )
    return Cost(wall, _cpu_of_children() - before, megabytes, output)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that ``work`` takes in this process, all its threads together."""
    started = time.process_time()
    work()
    return time.process_time() - started


class Highest:
    """Looks at a figure again and again, in a thread of its own, and keeps the largest value."""

    def __init__(self, look: Callable[[], float], seconds_between: float) -> None:
        self._look = look
        self._seconds_between = seconds_between
        self._highest: float = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the largest value that was seen; 0 when there was no time to look."""
        self._is_over.set()
        self._thread.join()
        return self._highest

    def _watch(self) -> None:
        while not self._is_over.wait(self._seconds_between):
            self._highest = max(self._highest, self._look())


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Family:
    """A process with its descendants."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._most = self._shared_out = 0.0
        self._resident: dict[int, float] = {}
        self._since = 0

    def most_megabytes(self) -> float:
        """Return the most that was held at this look or an earlier one.

        To share out the pages the system goes through all of them, and what works meanwhile waits. It is asked when there can
        be more than the most so far, by what processes have grown since it was asked last, and at one look of :data:`LOOKS`.
        """
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return self._most
        resident = {process.pid: _resident_megabytes(process) for process in family}
        grown = sum(max(0.0, now - self._resident.get(pid, 0.0)) for pid, now in resident.items())
        self._since += 1
        if self._shared_out + grown > self._most or self._since == LOOKS:
            self._shared_out, self._resident, self._since = sum(map(_proportional_megabytes, family)), resident, 0
            self._most = max(self._most, self._shared_out)
        return self._most


def _resident_megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def _proportional_megabytes(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(memory, "pss", memory.rss)) / 1e6
