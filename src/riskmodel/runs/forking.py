"""Kernels forked from one process that has done their imports: a run pays for an import once, not in every step.

The *stem* is a process of this Python beside the run. Asked for a kernel, it does the imports that the kernel's notebook
will do, forks, and the child becomes the kernel. So a later notebook finds the imports of the earlier ones, and memory that
nobody writes to is there once. What every kernel would find out again it may be asked to find out ahead: which files of the
store are as they were written (:func:`riskmodel.sources.packing.look_through`), what numba knows of Python and NumPy
(:func:`riskmodel.compiled.load_compiler`), words and templates of the papers (:func:`riskmodel.runs.reporting.read_ahead`). Of data
it keeps nothing: it digests files, and knows of each that it is whole. It makes no thread; the few threads that libraries start while they are imported (Arrow's allocator, OpenBLAS) are those that see to
a fork themselves.

Other work beside the run that wants these imports is forked from it too (:meth:`Stem.fork_aside`).

The stem ends when the process that started it does, and what it has forked ends with it. Where a system cannot do this
(:func:`can_fork`), every kernel is started in the ordinary way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from riskmodel.memory import keep_for_good

LARGEST_MESSAGE = 1 << 20
START = "from riskmodel.runs.forking import become_stem; become_stem()"
KERNEL_NAME, ASIDE_NAME = "riskmodel-kernl", "riskmodel-aside"
"""The names that forked kernels, and other work, have in the list of processes; the system keeps fifteen letters."""
SIGNAL_AT_PARENTS_END, NAME_OF_PROCESS = 1, 15
"""``PR_SET_PDEATHSIG`` and ``PR_SET_NAME`` of Linux's ``prctl``."""

OF_EVERY_KERNEL = ("ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell")

SECONDS_TO_END = 5.0
"""A process that is killed has its memory taken from it first: a tenth of a second for a gigabyte."""

GONE = 1
"""The exit code that is told of a kernel that has ended: only the stem, its parent, could know the true one."""


def can_fork() -> bool:
    """Whether this system lets a process watch one that is not its child."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


@dataclass
class ForkedProcess:
    """A kernel's process, as ``subprocess.Popen`` would show it to who started it."""

    pid: int
    stdin: None = None
    stdout: None = None
    stderr: None = None
    returncode: int | None = None
    _watched: int = -1

    def __post_init__(self) -> None:
        """Take hold of the process, so that its number is never taken for another's."""
        try:
            self._watched = os.pidfd_open(self.pid)
        except OSError:  # of no process, or of a thread of another one
            self.returncode = GONE

    def poll(self) -> int | None:
        """Return None while the process lives."""
        if self.returncode is None and select.select([self._watched], [], [], 0)[0]:
            self._ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; ``subprocess.TimeoutExpired`` when it does not come in time."""
        if self.returncode is None:
            if not select.select([self._watched], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            self._ended()
        return GONE

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._watched, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    async def end(self, seconds: float) -> None:
        """Wait for the end, so many seconds at most, and let the loop go on meanwhile."""
        if self.poll() is not None:
            return
        loop, is_over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._watched, is_over.set)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), seconds)
        finally:
            loop.remove_reader(self._watched)

    def _ended(self) -> None:
        os.close(self._watched)
        self.returncode = GONE


@dataclass
class Stem:
    """The stem as its owner holds it; started when first asked, in the environment of that moment.

    ``environment`` are the variables that libraries read while they are imported: a kernel that needs others of them
    cannot come from this stem. ``command`` starts a Python that executes the code behind it.
    """

    environment: Mapping[str, str]
    # Not from the working directory: a file there must not be taken for a library.
    command: tuple[str, ...] = (sys.executable, "-P", "-c", START)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _channel: socket.socket | None = field(default=None, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _is_closed: bool = field(default=False, repr=False)

    def fork(
        self, arguments: list[str], imports: str, environment: Mapping[str, str], folder: str = "."
    ) -> ForkedProcess:
        """Return a new kernel's process.

        Parameters
        ----------
        arguments
            Of the kernel's application, e.g. ``["-f", "kernel.json"]``.
        imports
            Import statements, a line each, that are done before the fork. One that fails is left to the notebook.
        environment
            All variables of the kernel.
        folder
            Its working directory.

        Raises
        ------
        OSError
            When the stem has died and a new one cannot be started, or it was closed.
        """
        asked = {"arguments": arguments, "statements": imports, "environment": dict(environment), "folder": folder}
        with self._one_at_a_time:
            answer = self._ask(json.dumps(asked).encode())
        return ForkedProcess(int(answer))

    def fork_aside(self, statement: str) -> None:
        """Let a process execute ``statement``, which asks for what the stem has imported by then, and end.

        It is heard of no more. It begins when the stem has done what it was asked before, and ends with the stem at the latest.

        Raises
        ------
        OSError
            As :meth:`fork`.
        """
        with self._one_at_a_time:
            self._connected().send(json.dumps({"statements": "", "aside": statement}).encode())

    def warm_up(self, statements: str) -> None:
        """Let the stem execute some statements already, a line each: imports, and calls that are worth as much to every kernel.

        Nobody waits for it, and whether it can is seen when a kernel is needed. A kernel that is asked for meanwhile comes
        when they are done.
        """
        with self._one_at_a_time, contextlib.suppress(OSError):
            self._connected().send(json.dumps({"statements": statements}).encode())

    def close(self) -> None:
        """End the stem and all that came from it, for good: who still waits for a kernel gets none."""
        self._is_closed = True
        self._drop()

    def _drop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._channel = None

    def _ask(self, question: bytes) -> bytes:
        channel = self._connected()
        channel.send(question)
        answer = channel.recv(LARGEST_MESSAGE)
        if not answer:
            self._drop()
            raise ConnectionResetError("the process that kernels are forked from has ended")
        return answer

    def _connected(self) -> socket.socket:
        if self._is_closed:
            raise ConnectionAbortedError("the process that kernels are forked from was closed")
        if self._channel is None or self._process is None or self._process.poll() is not None:
            self._drop()
            self._channel, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_MESSAGE)
            with its:
                self._process = subprocess.Popen(  # noqa: S603
                    self.command,
                    stdin=its.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=dict(self.environment),
                    start_new_session=True,
                )
        return self._channel


class ForkingProvisioner(LocalProvisioner):
    """Gives a kernel manager its kernel from a stem instead of starting a new Python."""

    stem: Stem
    imports: str = ""
    folder: str = "."
    process: Any = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Return the connection of a forked kernel; one without a stem is started by ``cmd``, as it always was."""
        if "-f" not in cmd:
            return await super().launch_kernel(cmd, **options)  # no kernel of ours
        arguments = cmd[cmd.index("-f") :]
        # In a thread: the stem may have to be started, and to do its imports, first. In one that ends then: those of the loop
        # would be there until the process ends, which would wait for them.
        thread = ThreadPoolExecutor(1)
        try:
            self.process = await asyncio.get_running_loop().run_in_executor(
                thread, self.stem.fork, arguments, self.imports, options["env"], self.folder
            )
        except OSError:
            return await super().launch_kernel(cmd, **options)
        finally:
            thread.shutdown(wait=False)
        self.pid = self.process.pid
        self.cwd = Path(self.folder).absolute()
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End the kernel, and wait for that: who asked looks whether it has ended only ten times a second."""
        await super().kill(restart)
        if isinstance(self.process, ForkedProcess):
            await self.process.end(SECONDS_TO_END)


def kernels_of(owner: int) -> list[int]:
    """Return the numbers of the kernels that were forked for the process ``owner``, alive at this moment."""
    return [pid for stem in _children(owner) for pid in _children(stem) if _name(pid) == KERNEL_NAME]


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            found += [int(child) for child in task.read_text("ascii").split()]
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("ascii").strip()
    except OSError:
        return ""


def become_stem() -> None:
    """Serve the process at the other end of the standard input: import, fork, tell a kernel's number, go on."""
    for name in OF_EVERY_KERNEL:
        importlib.import_module(name)
    channel = socket.socket(fileno=os.dup(0))
    # Kernels that ended leave nothing behind but their CPU time, which is then that of the stem.
    signal.signal(signal.SIGCHLD, lambda *_: _collect())
    # A signal that comes just before a wait, or to another thread, does not interrupt it: a byte does.
    bell, ringing = socket.socketpair()
    bell.setblocking(False)
    ringing.setblocking(False)
    signal.set_wakeup_fd(ringing.fileno(), warn_on_full_buffer=False)
    for asked in _questions(channel, bell):
        _execute(asked["statements"])
        if not {"arguments", "aside"} & asked.keys():
            continue
        keep_for_good()
        stem = os.getpid()
        child = os.fork()
        if child == 0:
            end_with(stem)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for its in (channel, bell, ringing):
                its.close()
            if "aside" in asked:
                _work_aside(asked["aside"])
            _become_kernel(asked)
        if "arguments" in asked:
            channel.send(str(child).encode())


def _collect() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _questions(channel: socket.socket, bell: socket.socket) -> Iterator[dict[str, Any]]:
    """Yield what is asked, until nobody can ask any more; signals are seen to while nothing is."""
    while True:
        ready, _, _ = select.select([channel, bell], [], [])
        if bell in ready:
            bell.recv(LARGEST_MESSAGE)
        if channel in ready:
            if not (question := channel.recv(LARGEST_MESSAGE)):
                return
            yield json.loads(question)


def _execute(statements: str) -> None:
    for statement in statements.splitlines():
        # Whatever a statement may raise, it is raised again, where it is told, by the notebook that needs it.
        with contextlib.suppress(Exception):
            exec(statement, {})  # noqa: S102  (imports of a notebook that is about to be executed, and calls of this program)


def end_with(parent: int) -> None:
    """Let the system kill this process when its parent ends, or end now, when that has happened already."""
    ctypes.CDLL(None).prctl(SIGNAL_AT_PARENTS_END, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(GONE)


def _work_aside(statement: str) -> NoReturn:
    ctypes.CDLL(None).prctl(NAME_OF_PROCESS, ASIDE_NAME.encode())
    try:
        _execute(statement)
    finally:
        os._exit(0)


def _become_kernel(asked: Mapping[str, Any]) -> NoReturn:
    ctypes.CDLL(None).prctl(NAME_OF_PROCESS, KERNEL_NAME.encode())
    os.setsid()
    silent = os.open(os.devnull, os.O_RDWR)
    os.dup2(silent, 0)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415

    try:
        # A kernel that believes to have been started from a terminal would print to it.
        IPKernelApp.launch_instance([*asked["arguments"], f"--IPKernelApp.parent_handle={os.getppid()}"])
    finally:
        os._exit(0)
