"""What tells whether a file is what it was: the digest of its content, and the state that the file system keeps of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_of(file: Path | int) -> tuple[int, ...]:
    """Return what the file system changes when it changes a file (by path, or open): number, size, both times of change."""
    found = os.fstat(file) if isinstance(file, int) else file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
