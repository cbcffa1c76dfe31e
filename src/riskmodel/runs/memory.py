"""Memory that was freed and is still held: libraries keep it for later, and a run has other processes that need it now."""

from __future__ import annotations

import ctypes
import gc

import pyarrow as pa


def give_back() -> None:
    """Hand what Arrow and the C library keep of freed memory back to the system, where these can."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of the GNU library alone
    if trim is not None:
        trim(0)
