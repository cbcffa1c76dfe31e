"""Processes that are forked for a run: how a test lets them be made, finds them, and waits for what they do."""

from __future__ import annotations

import contextlib
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from riskmodel.runs.forking import ASIDE_NAME

PATIENCE_SECONDS = 60
"""For what takes a second on a machine with nothing else to do."""

ENDLESS_SECONDS = 3600
"""Longer than a test may take: what sleeps so long does not end by itself."""


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)


def waiting_for(path: Path) -> str:
    """Return a statement that is done when something lies at ``path``."""
    return f"import pathlib, time; [time.sleep(0.01) for _ in iter(pathlib.Path({str(path)!r}).exists, True)]"


def asides() -> list[psutil.Process]:
    """Return the processes of this test that work aside at this moment."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() == ASIDE_NAME and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


ALONE = """
import importlib, json, pathlib, sys
sys.path[:0] = json.loads(sys.argv[1])
module, name, *paths = sys.argv[2:]
print(json.dumps(getattr(importlib.import_module(module), name)(*map(pathlib.Path, paths))))
"""


def alone(function: Callable[..., Any], *paths: Path) -> Any:
    """Return what a function of a test module returns in a new process, in which there is no thread beside it.

    Beside another thread nothing is forked, and a library that an earlier test used may have left one. What the function
    returns are values of JSON, and it prints nothing.
    """
    return json.loads(subprocess.run(alone_command(function, *paths), stdout=subprocess.PIPE, check=True).stdout)


def alone_command(function: Callable[..., Any], *paths: Path) -> list[str]:
    """Return the command by which a new process does as :func:`alone` says, and prints what is returned."""
    file = Path(inspect.getfile(function))
    folders = json.dumps([str(file.parent), str(Path(__file__).parent)])
    return [sys.executable, "-c", ALONE, folders, file.stem, function.__name__, *map(str, paths)]
