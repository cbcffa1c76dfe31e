"""Packed tables of a store: worked out once from each Parquet file of daily facts, and kept beside the histories."""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.digests import digest_of_file, state_of
from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.tables.canonical import ATTENDANCE, ENROLMENT, LESSONS_PLANNED, MARK, TERM_RESULT
from riskmodel.tables.facts import store_order
from riskmodel.tables.fields import literal
from riskmodel.tables.packed import ABOUT_FILE, FORM, PUPILS_FILE, ROWS_FILE, DisorderError, TooLargeError, pack
from riskmodel.tables.schema import ARROW_TYPES, Table

PACKED_TABLES = (ATTENDANCE, LESSONS_PLANNED, MARK, TERM_RESULT, ENROLMENT)
"""Tables that compiled loops run through."""

FILES, DIGESTS_FILE = (ROWS_FILE, PUPILS_FILE, ABOUT_FILE), "digests.json"
DIGEST_LENGTH = 16
ROWS_AT_ONCE = 131_072
PACKED_AT_ONCE = 2


def packed_together(folder: Path, files: Iterable[tuple[Table, Path]]) -> dict[Path, Path]:
    """Return the packed table of each Parquet file, made in ``folder`` where it is not there, some side by side.

    A file is packed while ``files`` still yields others.
    """
    with ThreadPoolExecutor(PACKED_AT_ONCE, thread_name_prefix="pack") as pool:
        made: dict[Path, Future[Path]] = {}
        for table, path in files:
            if path not in made:
                made[path] = pool.submit(packed, folder, table, path)
        return {path: packing.result() for path, packing in made.items()}


class NotThereError(Exception):
    """What was asked for would have to be worked out first."""


def packed_already(folder: Path, files: Iterable[tuple[Table, Path]]) -> dict[Path, Path]:
    """Return the packed table of each Parquet file in ``folder``, where nothing may be made.

    Raises
    ------
    NotThereError
        When one is not there and whole.
    """
    found = {path: _place(folder, table, path) for table, path in files}
    if not all(map(is_whole, found.values())):
        raise NotThereError
    return found


def require_whole(made: Path) -> None:
    """Raise RunFailedError when the packed table ``made`` is not there and whole."""
    if not is_whole(made):
        raise RunFailedError(
            message("The packed tables of a store stay as they were made while a run reads them."),
            found=message("One is missing or was changed."),
            remedy=message("Find out who writes there, then give the same command again: it is made anew."),
            where=str(made),
        )


def is_packed(folder: Path, table: Table, path: Path) -> bool:
    """Return whether the packed table of a Parquet file is in ``folder``, whole or not."""
    return _place(folder, table, path).exists()


def look_through(folder: Path) -> None:
    """Find out which packed tables in ``folder`` are whole, for this process and all that are forked from it.

    Only what is new or has changed by the time it is used is read again.
    """
    for made in folder.iterdir() if folder.is_dir() else ():
        is_whole(made)


def packed(folder: Path, table: Table, path: Path) -> Path:
    """Return the packed table made from the Parquet file ``path``; it is made in ``folder`` where it is not there and whole.

    Rows in another order than that of the store are sorted first. Two processes may do so at once: both make the same.
    """
    to = _place(folder, table, path)
    if to.exists():
        if is_whole(to):
            return to
        _put_away(to)
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    unfinished = _beside(to)
    try:
        _pack(table, path, unfinished)
        (unfinished / DIGESTS_FILE).write_text(
            json.dumps({name: digest_of_file(unfinished / name) for name in FILES}), "utf-8"
        )
        for file in unfinished.iterdir():
            file.chmod(0o440)
        _rename(unfinished, to)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return to


def _place(folder: Path, table: Table, path: Path) -> Path:
    declared = [(column.name, column.kind.value, *column.codes) for column in table.columns]
    named = "\n".join([str(FORM), table.name, path.parent.name, path.name, str(path.stat().st_size), str(declared)])
    return folder / f"{table.name}-{hashlib.sha256(named.encode()).hexdigest()[:DIGEST_LENGTH]}"


def is_whole(made: Path) -> bool:
    """Whether every file of a packed table is as it was written. A process reads files again only when the system says that they changed."""
    try:
        return _has_digests(made, tuple(state_of(made / name) for name in (*FILES, DIGESTS_FILE)))
    except FileNotFoundError:
        return False


@lru_cache(maxsize=1024)
def _has_digests(made: Path, _states: tuple[tuple[int, ...], ...]) -> bool:
    try:
        digests = json.loads((made / DIGESTS_FILE).read_text("utf-8"))
    except ValueError:
        return False
    return all(digests.get(name) == digest_of_file(made / name) for name in FILES)


def _put_away(made: Path) -> None:
    away = _beside(made)
    try:
        made.rename(away)
    except FileNotFoundError:  # another process was quicker
        return
    shutil.rmtree(away)


def _beside(to: Path) -> Path:
    return to.with_name(f"{to.name}.{os.getpid()}-{threading.get_ident()}.tmp")


def _pack(table: Table, path: Path, to: Path) -> None:
    is_sorted = is_wide = False
    while True:
        try:
            rows = _sorted_rows(table, path) if is_sorted else _row_groups(table, path)
            return pack(table, rows, to, is_sorted=is_sorted, is_wide=is_wide)
        except DisorderError:
            if is_sorted:
                raise
            is_sorted = True
        except TooLargeError:
            is_wide = True
        shutil.rmtree(to)


def _sorted_rows(table: Table, path: Path) -> Iterator[pa.Table]:
    with duckdb.connect(config={"threads": 1}) as connection:
        names = ", ".join(table.column_names)
        rows = connection.sql(f"SELECT {names} FROM read_parquet({literal(str(path))}) ORDER BY {store_order(table)}")
        for batch in rows.to_arrow_reader(ROWS_AT_ONCE):
            yield pa.Table.from_batches([batch])


def _row_groups(table: Table, path: Path) -> Iterator[pa.Table]:
    texts = [column.name for column in table.columns if ARROW_TYPES[column.kind] == pa.string()]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for number in range(file.metadata.num_row_groups):
            yield file.read_row_group(number, columns=list(table.column_names), use_threads=False)


def _rename(unfinished: Path, to: Path) -> None:
    try:
        unfinished.rename(to)
    except OSError:
        if not to.exists():  # else another process was quicker
            raise
