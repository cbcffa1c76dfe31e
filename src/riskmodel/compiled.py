"""How loops are compiled: once per machine, and free of Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(loop: Callable[..., Any], **options: Any) -> Any:
    """Return ``loop`` compiled by numba at its first call, kept beside its module (or where NUMBA_CACHE_DIR says).

    Where nothing can be kept, on a disk that may only be read, it is compiled anew in each process.
    """
    try:
        return numba.njit(loop, cache=True, nogil=True, **options)
    except RuntimeError:
        return numba.njit(loop, nogil=True, **options)


def load_compiler() -> None:
    """Let numba read all that it knows of Python and NumPy, as it does before the first loop; forks of this process have it then.

    It is a third of a second, whether a loop is compiled or was kept.
    """
    numba.njit("void()")(_do_nothing)


def _do_nothing() -> None: ...
