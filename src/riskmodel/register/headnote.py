"""The head of the audit's chain, noted in a file beside the store after each commit.

Entries cut off the end of a chain leave a sound, shorter chain: only a head that is kept elsewhere shows the cut.
The note is one line of one width, written in place with one call, so that a killed process leaves the line before or this one.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from riskmodel.register.chain import START, Head
from riskmodel.register.private import PRIVATE_MODE

LINE = re.compile(r"([0-9]{16}) ([0-9a-f]{64})\n")
LINE_BYTES = 82


class HeadNote:
    """The note at ``path``. It only moves forward, and only along the chain that it knows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        """Make the note of an empty chain, unless there is one: of a new register only."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
        except FileExistsError:
            return
        try:
            os.pwrite(descriptor, _line(START), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> Head | None:
        """Return the head that is noted; None when there is no note or it is not one."""
        with self._held(os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
            return None if descriptor is None else _head(descriptor)

    def advance(self, head: Head, before: Head, digest_of: Callable[[int], str | None]) -> None:
        """Note ``head``, which follows ``before``.

        A note that is further already, that is missing, or that does not lie on the chain (``digest_of`` an entry's
        number) is left as it is: :meth:`riskmodel.register.audit.Audit.verify` tells of it.
        """
        with self._held(os.O_RDWR, fcntl.LOCK_EX) as descriptor:
            noted = None if descriptor is None else _head(descriptor)
            if descriptor is None or noted is None or noted.entry_count >= head.entry_count:
                return
            if noted != before:  # another writer has not noted its entries yet, or was killed before
                known = START.digest if noted.entry_count == 0 else digest_of(noted.entry_count)
                if noted.entry_count >= before.entry_count or known != noted.digest:
                    return
            os.pwrite(descriptor, _line(head), 0)

    @contextmanager
    def _held(self, flags: int, lock: int) -> Iterator[int | None]:
        try:
            descriptor = os.open(self.path, flags)
        except FileNotFoundError:
            yield None
            return
        try:
            fcntl.flock(descriptor, lock)
            yield descriptor
        finally:
            os.close(descriptor)  # frees the lock


def _line(head: Head) -> bytes:
    return f"{head.entry_count:016d} {head.digest}\n".encode("ascii")


def _head(descriptor: int) -> Head | None:
    line = LINE.fullmatch(os.pread(descriptor, LINE_BYTES + 1, 0).decode("ascii", "replace"))
    return Head(int(line[1]), line[2]) if line else None
