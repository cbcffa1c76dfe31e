"""Imports that cost less: without what a library would only like to have, and without looking for rubbish meanwhile."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Any

OBJECTS = 50_000
"""So many new objects until the collector of cycles looks at them; Python's own number is 700."""


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """Let import statements find ``name`` as if it were not installed, unless it has been imported already.

    For a library that can do without it. To be used before there are threads: another could be importing it for itself.
    """
    modules: dict[str, Any] = sys.modules
    if name in modules:
        yield
        return
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]


@contextlib.contextmanager
def all_to_stay() -> Iterator[None]:
    """Let the collector of cycles look seldom: what is imported stays, and its passes are a sixth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
