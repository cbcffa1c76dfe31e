"""Work in a process of its own: what it returns, says and raises comes back, and it never outlives who waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from riskmodel.messages import Message
from riskmodel.runs.apart import in_own_process
from riskmodel.runs.forking import can_fork

forks = pytest.mark.skipif(not can_fork(), reason="this system cannot watch a process that is not its child")

HEAD = """
import os, signal, sys, threading, time
from pathlib import Path
from riskmodel.errors import DeliveryError, RiskmodelError
from riskmodel.messages import message
from riskmodel.runs.apart import in_own_process
from riskmodel.runs.runner import _stopped_by_signals

here = Path(sys.argv[1])

def say(text):
    print("said:", text.in_language("lv"), flush=True)

def tried(work):
    try:
        print("returned:", in_own_process(work, say, here))
    except RiskmodelError as error:
        print(f"{type(error).__name__}: {error.in_language('en')}")
"""


def begun(folder: Path, code: str) -> subprocess.Popen[str]:
    script = HEAD + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True)


def printed(folder: Path, code: str) -> list[str]:
    with begun(folder, code) as process:
        said, _ = process.communicate(timeout=60)
    return said.splitlines()


@forks
def test_what_is_returned_and_said_comes_from_another_process(tmp_path: Path) -> None:
    code = """
    def work(tell):
        tell(message("Reading {file}.", file="mark.csv"))
        return os.getpid()

    meanwhile = []
    found = in_own_process(work, say, here, lambda: meanwhile.append(1))
    print(found != os.getpid(), meanwhile)
    """
    assert printed(tmp_path, code) == ["said: Lasa datni mark.csv.", "True [1]"]


@forks
def test_an_error_of_the_house_comes_as_it_is_and_of_any_other_its_kind_and_place_alone(tmp_path: Path) -> None:
    code = """
    def refuse(tell):
        raise DeliveryError(message("Reading {file}.", file="x"), found=message("Reading {file}.", file="y"),
                            remedy=message("Reading {file}.", file="z"), where="mark.csv")

    def stumble(tell):
        raise ValueError("Anna Bērziņa 010101-12345")

    def fill(tell):
        raise OSError(28, "No space left on device", "Anna Bērziņa")

    def die(tell):
        os.kill(os.getpid(), signal.SIGKILL)

    for work in (refuse, stumble, fill, die):
        tried(work)
    """
    refused, stumbled, full, died = printed(tmp_path, code)
    assert refused == "DeliveryError: mark.csv: Reading x. Reading y. Reading z."
    assert "Receiving stopped: ValueError at" in stumbled
    assert full.startswith(f"RunFailedError: {tmp_path}: A run must be able to write")
    assert "It died without a word" in died
    assert not any("Bērziņa" in line for line in (refused, stumbled, full, died))


WAITING = """
def wait(tell):
    (here / "pid").write_text(str(os.getpid()))
    tell(message("Reading {file}.", file="mark.csv"))
    try:
        time.sleep(60)
    finally:
        (here / "cleaned").touch()

try:
    with _stopped_by_signals():
        in_own_process(wait, say, here)
except RiskmodelError as error:
    print(type(error).__name__)
"""


@forks
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_who_waits_for_it_in_good_order_where_there_is_time(
    tmp_path: Path, number: signal.Signals
) -> None:
    with begun(tmp_path, WAITING) as process:
        assert process.stdout is not None
        process.stdout.readline()
        worker = psutil.Process(int((tmp_path / "pid").read_text()))
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    worker.wait(60)
    was_told = number == signal.SIGTERM
    assert said.splitlines() == (["RunInterruptedError"] if was_told else [])
    assert (tmp_path / "cleaned").exists() is was_told


def test_beside_other_threads_the_work_is_done_here(tmp_path: Path) -> None:
    """A fork would inherit their locks, and nobody would open them."""
    is_over, said = threading.Event(), list[Message]()
    other = threading.Thread(target=is_over.wait)
    other.start()
    try:
        assert in_own_process(lambda tell: tell(Message("x")) or os.getpid(), said.append, tmp_path) == os.getpid()
    finally:
        is_over.set()
        other.join()
    assert said == [Message("x")]


@forks
def test_a_process_that_will_not_end_is_killed(tmp_path: Path) -> None:
    code = """
    from riskmodel.runs import apart
    apart.SECONDS_TO_END = 0.2

    def stay(tell):
        (here / "pid").write_text(str(os.getpid()))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell(message("Reading {file}.", file="mark.csv"))
        time.sleep(60)

    def stop_at_once(text):
        raise KeyboardInterrupt

    try:
        in_own_process(stay, stop_at_once, here)
    except KeyboardInterrupt:
        print("interrupted")
    """
    began = time.monotonic()
    assert printed(tmp_path, code) == ["interrupted"]
    assert time.monotonic() - began < 30
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
