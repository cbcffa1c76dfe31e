"""The data base that all parts of a run share in one process: what was delivered is opened once for each that works at once."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from riskmodel.risk.cutoff import keep_versions
from riskmodel.risk.features import SLOW_TABLES
from riskmodel.runs.parts import PartFolder
from riskmodel.sources.history import open_canonical

LARGEST_MEMORY_MB, OF_EACH_FURTHER_MB, AT_ONCE = 200, 100, 2
"""With two parts at once a country of 150,000 pupils stays below; of a larger one the data base keeps what is not at hand in a file, a
tenth slower. Not all that a query holds can go there: each further part that works at once has room of its own."""


class _Database:
    """A data base that all parts of a run share in this process: the versions of slow facts stand there once."""

    def __init__(self, named: object, threads: int, spill: Path) -> None:
        self.named = named
        self.root = duckdb.connect(
            config={"threads": threads, "memory_limit": f"{LARGEST_MEMORY_MB}MB", "temp_directory": str(spill)}
        )
        self.lock, self._lock_of_opened = threading.Lock(), threading.Lock()
        self.has_versions = False
        self.numbers = itertools.count(1)
        self._opened: dict[threading.Thread, duckdb.DuckDBPyConnection] = {}

    def of_this_thread(self, store: Path, delivery_ids: Sequence[str]) -> duckdb.DuckDBPyConnection:
        """Return the connection of this thread: its own, that of a thread which has ended, or a new one."""
        here = threading.current_thread()
        with self._lock_of_opened:
            ended = next((thread for thread in self._opened if not thread.is_alive()), here)
            found = self._opened.pop(here if here in self._opened else ended, None)
        if found is None:
            found = self._open(store, delivery_ids)
        with self._lock_of_opened:
            self._opened[here] = found
        return found

    def _open(self, store: Path, delivery_ids: Sequence[str]) -> duckdb.DuckDBPyConnection:
        """Return a connection with a catalogue of its own, which holds ``canonical.<table>``."""
        connection = self.root.cursor()
        with self._lock_of_opened:  # so that the room only grows
            number = next(self.numbers)
            if number > AT_ONCE:
                largest = LARGEST_MEMORY_MB + OF_EACH_FURTHER_MB * (number - AT_ONCE)
                connection.execute(f"SET GLOBAL memory_limit = '{largest}MB'")
        catalogue = f"part_{number}"
        connection.execute(f"ATTACH ':memory:' AS {catalogue}")
        connection.execute(f"USE {catalogue}")
        open_canonical(connection, store, delivery_ids)
        return connection


_databases: dict[str, _Database] = {}
SHARED = "shared"
_databases_lock = threading.Lock()


def canonical(folder: PartFolder, given: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Return a connection for this thread alone that holds ``canonical.<table>``; the next part of the run has it again.

    ``given`` names ``delivery_ids`` and ``threads``.
    """
    return _database(folder, given).of_this_thread(folder.store, given["delivery_ids"])


def _database(folder: PartFolder, given: Mapping[str, Any]) -> _Database:
    named = (folder.store, given["delivery_ids"], given["threads"])
    with _databases_lock:
        if SHARED not in _databases or _databases[SHARED].named != named:
            _databases[SHARED] = _Database(named, given["threads"], _spill(folder))
        return _databases[SHARED]


def _spill(folder: PartFolder) -> Path:
    """Return a folder of this process alone, beside the parts, with which it is removed, should it be left behind."""
    return folder.path / f"spill-{secrets.token_hex(8)}"


def find_versions(folder: PartFolder, given: Mapping[str, Any]) -> None:
    """Put the versions of slow facts in order, once for all parts of this process."""
    database = _database(folder, given)
    with database.lock:
        if not database.has_versions:
            open_canonical(database.root, folder.store, given["delivery_ids"], SLOW_TABLES)
            with _frugal(database.root):
                keep_versions(database.root, SLOW_TABLES)
            database.has_versions = True


@contextlib.contextmanager
def _frugal(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let the data base give memory back at once, for work that takes far more than what it leaves; elsewhere that costs time."""
    settings = ("allocator_flush_threshold", "allocator_bulk_deallocation_flush_threshold")
    for name in settings:
        connection.execute(f"SET GLOBAL {name} = '1MB'")
    try:
        yield
    finally:
        for name in settings:
            connection.execute(f"RESET GLOBAL {name}")


def close() -> None:
    """Let go of the data base."""
    with _databases_lock:
        _databases.clear()
