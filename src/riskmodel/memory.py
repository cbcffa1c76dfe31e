"""Memory that is free goes back to the system: libraries keep it for later, and other processes need it now.

The C library keeps what was freed: large texts and tables, made and dropped between small things that stay, leave gaps that it
does not give back by itself, and each thread gets a heap of its own. Where the C library is another than glibc, nothing is done.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""``M_TRIM_THRESHOLD``, ``M_MMAP_THRESHOLD`` and ``M_ARENA_MAX`` of glibc's ``mallopt``."""
LARGE_BYTES = 131_072
"""What is larger has memory of its own, which goes back when it is freed; glibc would raise this number by itself."""
ARENAS = 2
"""Threads share so many heaps; glibc would make eight for each core, and each would keep what its thread freed."""


ARROW_POOL = "ARROW_DEFAULT_MEMORY_POOL"
"""The variable by which Arrow is told, before it is loaded, whose allocator it shall use."""


def arrow_environment() -> dict[str, str]:
    """Return the variable that makes Arrow keep its tables with jemalloc, unless another choice was made.

    Tables that one thread makes and another drops stay with Arrow's usual allocator for long: receiving the country held 140 MB
    more, for the same CPU time. Builds of Arrow for Linux have jemalloc.
    """
    return {ARROW_POOL: os.environ.get(ARROW_POOL, "jemalloc")} if sys.platform == "linux" else {}


def share_heaps() -> None:
    """Let all threads of this process share :data:`ARENAS` heaps; to be called before there are threads."""
    _set((ARENA_MAX, ARENAS))


def keep_little() -> None:
    """Tell the C library, for the whole life of this process, to keep little of what is freed."""
    _set((ARENA_MAX, ARENAS), (MMAP_THRESHOLD, LARGE_BYTES), (TRIM_THRESHOLD, LARGE_BYTES))


def keep_for_good() -> None:
    """Tell the collector of cycles that what is there now stays: it looks at it no more.

    A pass over what the libraries have made of themselves costs a tenth of a second each time, and in a fork also a copy of
    every page of it, since the collector writes into each object.
    """
    gc.freeze()


def give_back() -> None:
    """Give what is free now back to the system, and before that what only refers to itself.

    Of the libraries that keep memory of their own Arrow is asked, where this process has loaded it.
    """
    gc.collect()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def _set(*options: tuple[int, int]) -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in options:
            library.mallopt(option, value)
