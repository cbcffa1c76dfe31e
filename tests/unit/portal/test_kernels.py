"""Kernels that wait, and what a stop leaves of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from forked import ENDLESS_SECONDS
from jupyter_client.kernelspec import KernelSpec

from riskmodel.portal import kernels
from riskmodel.portal.kernels import KernelPool

ENDLESS = f"import time; time.sleep({ENDLESS_SECONDS}) #"


def _processes_with(text: str) -> list[str]:
    """Return the command lines of this machine's processes that hold a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [line] if text in line else []
    return found


@pytest.fixture
def never_ready(monkeypatch):
    """Kernels that start and say nothing."""

    def silent(_self, _name):
        return KernelSpec(
            argv=[sys.executable, "-c", f"import time; time.sleep({ENDLESS_SECONDS})", "{connection_file}"]
        )

    monkeypatch.setattr(kernels.OneSpec, "get_kernel_spec", silent)
    monkeypatch.setattr(kernels, "can_fork", lambda: False)


def test_a_stop_does_not_wait_for_kernels_that_are_still_starting_and_leaves_none(never_ready):
    async def start_and_stop() -> str:
        pool = KernelPool(2)
        pool.fill()
        while len(_processes_with(str(pool.folder))) < 2:
            await asyncio.sleep(0.01)
        await asyncio.wait_for(pool.close(), kernels.START_SECONDS / 2)
        return str(pool.folder)

    folder = asyncio.run(start_and_stop())
    assert _processes_with(folder) == []
    assert not Path(folder).exists()


@pytest.mark.skipif(not kernels.can_fork(), reason="kernels are started anew on this system")
def test_a_stop_does_not_wait_for_the_process_that_kernels_are_forked_from(monkeypatch):
    monkeypatch.setattr(kernels, "STEM", f"{ENDLESS} {{folder}} {{start}}")

    async def start_and_stop() -> None:
        pool = KernelPool(2)
        pool.fill()
        while not _processes_with(ENDLESS):
            await asyncio.sleep(0.01)
        await asyncio.wait_for(pool.close(), kernels.START_SECONDS / 2)

    # The end of the loop waits for its threads too.
    asyncio.run(start_and_stop())
    assert _processes_with(ENDLESS) == []


def test_a_closed_pool_starts_nothing_any_more():
    async def close_and_fill() -> str:
        pool = KernelPool(2)
        await pool.close()
        pool.fill()
        await asyncio.sleep(0)
        return str(pool.folder)

    assert _processes_with(asyncio.run(close_and_fill())) == []
