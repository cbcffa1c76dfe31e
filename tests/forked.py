"""Processes that were forked for a run, and waiting for what they do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import psutil

from riskmodel.runs.forking import ASIDE_NAME

PATIENCE_SECONDS = 60


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)


def asides() -> list[psutil.Process]:
    """Return the processes of this test that work aside at this moment."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() == ASIDE_NAME and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found
