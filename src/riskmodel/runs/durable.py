"""Files that are whole or not there, their digests, and what a disk's refusal means to the operator."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from riskmodel.digests import digest_of_file, state_of
from riskmodel.errors import RunFailedError
from riskmodel.messages import Message, message

SYNCED_AT_ONCE = 8

DISK_REASONS: dict[int, Message] = {
    errno.ENOSPC: message("The disk is full."),
    errno.EDQUOT: message("The disk quota is used up."),
    errno.EFBIG: message("A file would be larger than the limit of this account."),
    errno.EIO: message("The disk reported a read or write error."),
    errno.EROFS: message("The file system is read-only."),
    errno.EACCES: message("Writing or reading is not allowed there."),
    errno.EPERM: message("Writing or reading is not allowed there."),
    errno.EMFILE: message("Too many files are open."),
    errno.ENFILE: message("Too many files are open."),
    errno.ENOTDIR: message("A file stands where a folder is needed."),
    errno.EEXIST: message("A file stands where a folder is needed."),
}


def write_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` so that a reader, also after a power cut, sees all of it or nothing new."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def is_part(path: Path) -> bool:
    """Whether ``path`` is what a killed :func:`write_file` left behind."""
    return path.name.startswith(".") and path.name.endswith(".part")


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON in the one form that has a digest: sorted keys, two spaces, UTF-8."""
    write_file(path, canonical_json(value))


def canonical_json(value: object) -> bytes:
    """Return ``value`` as JSON text in which equal values have equal bytes.

    >>> canonical_json({"b": 1, "a": "ē"}).decode()
    '{\\n  "a": "ē",\\n  "b": 1\\n}\\n'
    """
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False) + "\n").encode()


def sync_file(path: Path) -> None:
    """Force the file at ``path`` to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(paths: Iterable[Path]) -> None:
    """Force files to the disk, some at once: what a disk is asked for together it does in one go."""
    with ThreadPoolExecutor(SYNCED_AT_ONCE, thread_name_prefix="sync") as pool:
        for _ in pool.map(sync_file, paths):
            pass


def sync_folder(path: Path) -> None:
    """Force the names inside the folder ``path`` to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below ``folder``, in the order of their names."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


class Digests:
    """Digests of files that are asked for again and again: a file is read once for as long as it stays as it was.

    Whether it did is told by its state (see :func:`riskmodel.digests.state_of`).
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], str] = {}

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file in hex."""
        state = state_of(path)
        if state not in self._known:
            self._known[state] = digest_of_file(path)
        return self._known[state]


def digest_of_files(paths: Iterable[Path], root: Path, digest_of_one: Callable[[Path], str] = digest_of_file) -> str:
    """Return one SHA-256 for files: their names below ``root`` and their contents, each read as ``digest_of_one`` does."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(root).as_posix()}\0{digest_of_one(path)}\n".encode())
    return digest.hexdigest()


def digest_of(value: object) -> str:
    """Return the SHA-256 of a JSON value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def disk_failure(error: OSError, store: Path) -> RunFailedError:
    """Return what an operator is told when the disk refused; never more than the error's number and folder."""
    reason = DISK_REASONS.get(error.errno or 0)
    if reason is None:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        reason = message("The disk or the system refused: {name}.", name=name)
    return RunFailedError(
        message("A run must be able to write all of its files."),
        found=reason,
        remedy=message("Nothing was published and the run before stays. Mend this, then give the same command again."),
        where=str(store),
    )
