"""Files beside a store that only their owner may read: the data base of a register, its copies, the address of a server."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message

PRIVATE_MODE = 0o600


def make_private(file: Path) -> bool:
    """Make an empty file that only its owner may read and write; False when there is one already."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    except FileExistsError:
        return False
    os.close(descriptor)
    return True


def check_private(file: Path, must: Message) -> None:
    """Refuse a file that others than its owner may read or write.

    Raises
    ------
    UsageError
        With ``must`` and the mode that was found.
    """
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & ~stat.S_IRWXU:
        raise UsageError(
            must,
            found=message("The mode of the file is {mode}.", mode=f"{mode:04o}"),
            remedy=message("Set it with: chmod 600 {file}", file=file.name),
            where=str(file),
        )
