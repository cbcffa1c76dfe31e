"""Where texts still stand: a search through bytes, also where they are packed, coded or escaped. The proof of an erasure.

Looked for: UTF-8, UTF-16 of both orders, base64 at each of its three offsets, and the escapes of JSON. Looked into: every file as it
lies, the members of zip archives, gzip, the values of Parquet tables, and the values of SQLite data bases.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import mmap
import sqlite3
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SQLITE_HEAD, PARQUET_HEAD, GZIP_HEAD, ZIP_HEAD = b"SQLite format 3\x00", b"PAR1", b"\x1f\x8b", b"PK"
FEWEST_LETTERS = 4
DEEPEST = 3
"""How many containers may lie in one another."""


Bytes = bytes | mmap.mmap


@dataclass(frozen=True, order=True)
class Hit:
    """A text was found: in which file, where in it (empty: in its bytes as they lie), and which text, by its place in the list."""

    path: str
    inside: str
    number: int


def forms_of(text: str) -> frozenset[bytes]:
    """Return the bytes that a text may stand as.

    >>> b"YWJjZGVm" in forms_of("abcdef"), b"\\\\u0113" in forms_of("ēnas")
    (True, False)
    """
    plain = text.encode()
    found = {plain, text.encode("utf-16-le"), text.encode("utf-16-be"), json.dumps(text)[1:-1].encode()}
    for lead in range(3):
        # Letters that depend on what stands before and behind are left out.
        first, last = (lead * 8 + 5) // 6, (lead + len(plain)) * 8 // 6
        found.add(base64.b64encode(b"\0" * lead + plain)[first:last])
    return frozenset(form for form in found if len(form) >= FEWEST_LETTERS)


def search(paths: Iterable[Path], texts: Collection[str], root: Path) -> list[Hit]:
    """Return where texts stand in files; paths are told below ``root``."""
    forms = {number: forms_of(text) for number, text in enumerate(texts)}
    found: set[Hit] = set()
    for path in sorted(set(paths)):
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            with _opened(path) as content:
                for inside, part in _contents(content, path):
                    found |= {Hit(name, inside, number) for number in _numbers(part, forms)}
    return sorted(found)


def files_of(store: Path) -> list[Path]:
    """Return every file of a store, and what stands beside it under its name: register, note, list of the erased, journal, key."""
    place = store.absolute()
    beside = [found for start in ("", ".") for found in place.parent.glob(f"{start}{place.name}.*")]
    inside = [below for folder in (place, *(path for path in beside if path.is_dir())) for below in folder.rglob("*")]
    return [path for path in (*inside, *beside) if path.is_file()]


@contextmanager
def _opened(path: Path) -> Iterator[Bytes]:
    """Give the bytes of a file of any size."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _numbers(content: Bytes, forms: Mapping[int, Collection[bytes]]) -> set[int]:
    return {number for number, some in forms.items() if any(content.find(form) >= 0 for form in some)}


def _contents(content: Bytes, path: Path | None, depth: int = 0) -> Iterator[tuple[str, Bytes]]:
    yield "", content
    if depth >= DEEPEST:
        return
    head = content[: len(SQLITE_HEAD)]
    if head.startswith(GZIP_HEAD):
        yield from _below("gzip", gzip.decompress(content), depth)
    elif head.startswith(PARQUET_HEAD):
        for values in _values_of_parquet(content if path is None else path):
            yield "values", values
    elif head == SQLITE_HEAD and path is not None:
        yield from _values_of_sqlite(path)
    elif head.startswith(ZIP_HEAD):
        with zipfile.ZipFile(io.BytesIO(content) if path is None else path) as archive:
            for name in archive.namelist():
                yield from _below(name, archive.read(name), depth)


def _below(name: str, content: bytes, depth: int) -> Iterator[tuple[str, Bytes]]:
    for inside, part in _contents(content, None, depth + 1):
        yield f"{name}/{inside}" if inside else name, part


def _values_of_parquet(source: Bytes | Path) -> Iterator[bytes]:
    """Yield the different texts and days of each column, a group of rows at a time."""
    with pq.ParquetFile(source if isinstance(source, Path) else io.BytesIO(source)) as file:
        names = [name for name in file.schema_arrow.names if _is_text(file.schema_arrow.field(name).type)]
        for number in range(file.num_row_groups if names else 0):
            rows = file.read_row_group(number, columns=names)
            yield "\n".join(str(value) for name in names for value in rows[name].unique().to_pylist()).encode()


def _is_text(kind: pa.DataType) -> bool:
    return not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _values_of_sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    connection = sqlite3.connect(path)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = connection.execute(f'SELECT * FROM "{name}"')  # noqa: S608  (a name of the data base's own list)
            yield name, "\n".join(str(value) for row in rows for value in row).encode()
    finally:
        connection.close()
