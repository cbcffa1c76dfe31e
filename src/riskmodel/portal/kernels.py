"""A few kernels that have started, read what views need, and wait; each renders one page and is then shut down.

No kernel ever holds two scopes, and none holds a name of a person who asks. A kernel's process sees four variables
of the environment, none of the server's, and an empty home of its own. It is forked from a process that has read what all
views read and nothing else (:mod:`riskmodel.runs.forking`): so a kernel costs a fifth of what a new Python would.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

import riskmodel
from riskmodel.runs.forking import START, ForkingProvisioner, Stem, can_fork

LAUNCH = (
    "import sys, runpy; sys.path.insert(0, {folder!r}); runpy.run_module('ipykernel_launcher', run_name='__main__')"
)
"""A kernel has the package that the server has, wherever that lies, although it looks at no variable and no user's files."""
READY = "from riskmodel.views import notebook; notebook.warm_up()"
STEM = "import sys; sys.path.insert(0, {folder!r}); {start}"
START_SECONDS = 60
MOST_ALIVE = 4
REST_SECONDS = 1.0
LOG = logging.getLogger("riskmodel.portal")


class OneSpec(KernelSpecManager):
    """The one kind of kernel there is: this Python, isolated from the environment and from files of a user."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return how a kernel is started, whatever the name."""
        launch = LAUNCH.format(folder=_package_folder())
        return KernelSpec(
            argv=[
                sys.executable,
                "-I",
                "-B",
                "-c",
                launch,
                "-f",
                "{connection_file}",
                "--HistoryManager.enabled=False",
            ],
            language="python",
            display_name="view",
        )


@dataclass
class Kernel:
    """A ready kernel with its client."""

    manager: AsyncKernelManager
    client: AsyncKernelClient


class KernelPool:
    """``size`` ready kernels, and never more than ``MOST_ALIVE`` processes: starting, ready, at work or going.

    A kernel that was taken is replaced when its page has been out for ``REST_SECONDS``, so that the start of the next one
    does not take the cores from the reader who has just got a page; at once, when none is ready any more.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._folder = Path(tempfile.mkdtemp(prefix="riskmodel-"))
        self._ready: list[asyncio.Task[Kernel]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(MOST_ALIVE)
        self._stem = _stem(self._folder) if can_fork() else None
        self._later: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def folder(self) -> Path:
        """The folder of connection files and of the kernels' homes."""
        return self._folder

    def fill(self) -> None:
        """Start kernels until ``size`` are ready or starting."""
        self._later = None
        while len(self._ready) < self._size and not self._is_closed:
            self._ready.append(asyncio.create_task(self._start()))

    async def take(self) -> Kernel:
        """Return a ready kernel; the caller must give it to :meth:`dismiss`, whatever happens."""
        while True:
            if not self._ready:
                self._ready.append(asyncio.create_task(self._start()))
            kernel = await self._ready.pop(0)
            if await kernel.manager.is_alive():
                return kernel
            self.dismiss(kernel)

    def dismiss(self, kernel: Kernel) -> None:
        """Shut a kernel down, without waiting for it, and see to its successor."""
        task = asyncio.create_task(self._shut_down(kernel))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        if not self._ready:
            self.fill()
        elif self._later is None and not self._is_closed:
            self._later = asyncio.get_running_loop().call_later(REST_SECONDS, self.fill)

    async def close(self) -> None:
        """Shut all kernels down, those that are still starting too, and remove their folder."""
        self._is_closed = True
        if self._later:
            self._later.cancel()
        for starting in self._ready:
            starting.cancel()
        for found in await asyncio.gather(*self._ready, return_exceptions=True):
            if isinstance(found, Kernel):
                self.dismiss(found)
        self._ready.clear()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        if self._stem is not None:
            self._stem.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _start(self) -> Kernel:
        await self._places.acquire()
        try:
            return await self._started()
        except BaseException:
            self._places.release()
            raise

    async def _started(self) -> Kernel:
        home = self._folder / uuid4().hex[:12]
        home.mkdir(mode=0o700)
        manager = AsyncKernelManager(
            kernel_spec_manager=OneSpec(),
            transport="ipc",
            connection_file=str(home / "k.json"),
        )
        client: AsyncKernelClient | None = None
        if self._stem is not None:
            manager.provisioner = forking = ForkingProvisioner(parent=manager, kernel_spec=manager.kernel_spec)
            forking.stem, forking.imports, forking.folder = self._stem, READY, str(home)
        try:
            await manager.start_kernel(env=_environment(home), cwd=str(home))
            client = manager.client()
            client.start_channels()
            await client.wait_for_ready(timeout=START_SECONDS)
            answer: Any = await client.execute(READY, store_history=False, reply=True, timeout=START_SECONDS)
            if answer["content"]["status"] != "ok":
                raise RuntimeError(f"a kernel could not get ready: {answer['content'].get('ename')}")
        except BaseException:
            # A stop cancels the start: the process must not outlive it.
            await self._end(manager, client)
            raise
        return Kernel(manager, client)

    async def _shut_down(self, kernel: Kernel) -> None:
        try:
            await self._end(kernel.manager, kernel.client)
        finally:
            self._places.release()

    async def _end(self, manager: AsyncKernelManager, client: AsyncKernelClient | None) -> None:
        if client is not None:
            client.stop_channels()
        await manager.shutdown_kernel(now=True)
        shutil.rmtree(Path(manager.connection_file).parent, ignore_errors=True)


def _stem(folder: Path) -> Stem:
    """Return the process that kernels are forked from, as isolated as they are."""
    code = STEM.format(folder=_package_folder(), start=START)
    return Stem(_environment(folder), (sys.executable, "-I", "-B", "-c", code))


def _package_folder() -> str:
    return str(Path(riskmodel.__file__).absolute().parents[1])


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "IPYTHONDIR": str(home / "ipython"),
    }
