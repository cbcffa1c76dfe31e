"""Processes that were forked for a run, and waiting for what they do."""

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


ALONE = """
import importlib, json, sys
sys.path[:0] = json.loads(sys.argv[1])
module, name, *arguments = sys.argv[2:]
print(json.dumps(getattr(importlib.import_module(module), name)(*arguments)))
"""


def alone(function: Callable[..., Any], *arguments: Path) -> Any:
    """Return what a function of a test module returns in a new process, whose only thread it has.

    Beside another thread nothing is forked, and a library that an earlier test used may have left one.
    """
    path = Path(inspect.getfile(function))
    folders = json.dumps([str(path.parent), str(Path(__file__).parent)])
    command = [sys.executable, "-c", ALONE, folders, path.stem, function.__name__, *map(str, arguments)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
