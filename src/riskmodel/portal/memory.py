"""Memory that is free goes back to the system, so that a server that has made many pages is no larger than one that made few.

The C library keeps what was freed: large texts of pages, made and dropped between small things that stay, leave gaps that it
does not give back by itself. Where the C library is another than glibc, nothing is done.
"""

from __future__ import annotations

import ctypes
import gc

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""``M_TRIM_THRESHOLD``, ``M_MMAP_THRESHOLD`` and ``M_ARENA_MAX`` of glibc's ``mallopt``."""
LARGE_BYTES = 131_072
"""What is larger has memory of its own, which goes back when it is freed; glibc would raise this number by itself."""
ARENAS = 2
"""Threads share so many heaps; glibc would make eight for each core."""


def keep_little() -> None:
    """Tell the C library, for the whole life of this process, to keep little of what is freed."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in ((ARENA_MAX, ARENAS), (MMAP_THRESHOLD, LARGE_BYTES), (TRIM_THRESHOLD, LARGE_BYTES)):
            library.mallopt(option, value)


def give_back() -> None:
    """Give what is free now back to the system, and before that what only refers to itself.

    A renderer, its notebook and the page in it do; left to themselves some dozens of them would wait for their collection.
    The portal freezes what it loaded at its start, so that the walk is short.
    """
    gc.collect()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
