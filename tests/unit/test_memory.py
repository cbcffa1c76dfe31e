"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import psutil
import pytest

from riskmodel.memory import ARROW_POOL, give_back

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


@pytest.mark.skipif(sys.platform != "linux", reason="builds of Arrow elsewhere have another allocator")
@pytest.mark.parametrize(("chosen", "used"), [(None, "jemalloc"), ("system", "system")])
def test_arrow_keeps_little_in_every_command_unless_told_otherwise(chosen, used) -> None:
    program = (
        "import sys, riskmodel.__main__ as command\n"
        "sys.argv = ['riskmodel', '--version']\n"
        "try: command.main()\n"
        "except SystemExit: pass\n"
        "import pyarrow\n"
        "print(pyarrow.default_memory_pool().backend_name)"
    )
    environment = {name: value for name, value in os.environ.items() if name != ARROW_POOL}
    environment |= {} if chosen is None else {ARROW_POOL: chosen}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.split()[-1], done.stderr) == (used, "")
