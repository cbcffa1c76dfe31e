"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes

import psutil
import pytest

from riskmodel.memory import give_back

MEGABYTE = 1_000_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not the GNU library")
def test_freed_memory_below_a_block_that_is_in_use_goes_back_to_the_system() -> None:
    blocks = [bytearray(b"x" * 100_000) for _ in range(1000)]
    in_use = bytearray(b"y" * 100_000)
    del blocks
    before = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss < before - 50 * MEGABYTE
    assert len(in_use) == 100_000
