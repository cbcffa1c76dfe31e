"""One notebook, executed by papermill in a kernel of its own, without a trace of any value in its errors.

papermill is given no output path: it overwrites in place, and a kill leaves half a notebook. The executed
notebook comes back in memory, is cleaned, and is written by the runner once it is whole.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import NoSuchKernel, get_kernel_spec

from riskmodel.importing import all_to_stay, without
from riskmodel.runs.durable import canonical_json
from riskmodel.runs.forking import ForkingProvisioner, Stem
from riskmodel.runs.parameters import Plain

ENGINE = "riskmodel"
KERNEL = "python3"
START_SECONDS = 120
LOOK_SECONDS = 0.5
THREAD_NAME = "notebook"
DEAD_KERNEL = "DeadKernelError"
MADE = "made"
"""Tag of the cell of a notebook after which all that its step makes is there, and nothing is written: only looked at."""
ERRNO = re.compile(r"\[Errno (\d+)\]")


@dataclass
class Execution:
    """A notebook at work, and what it came to.

    ``error_kind`` is the class name of what a cell raised ("" when all went well, ``DeadKernelError`` when the
    kernel died); ``error_number`` the system's number where it was an OSError. ``executing`` executes it, and ``work`` is done when it has.
    ``making`` is done as soon as the cell with the tag :data:`MADE` is; in a notebook without one, never. ``seconds``
    are without those that a kernel that was started ahead had to wait.
    """

    executing: Callable[[Execution], None]
    environment: Mapping[str, str]
    stem: Stem | None = None
    notebook: Any = None
    kernel_pid: int = 0
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    error_kind: str = ""
    error_number: int = 0
    is_stopped: bool = False
    _watch: threading.Lock = field(default_factory=threading.Lock)
    work: Future[None] = field(default_factory=Future)
    making: Future[None] = field(default_factory=Future)
    _thread: threading.Thread | None = None
    _may_go_on: threading.Event = field(default_factory=threading.Event)
    _waited_seconds: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the notebook is no longer at work."""
        return self.work.done()

    @property
    def has_made(self) -> bool:
        """Whether all that the step makes is there."""
        return self.making.done()

    def begin(self, *, ahead: bool = False) -> None:
        """Let the notebook be executed in a thread of its own, unless it was stopped already; again: let it go on.

        ``ahead``: only its kernel is started, and the cells wait until this is called again.
        """
        if not ahead:
            self._may_go_on.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._execute, name=THREAD_NAME)
            self._thread.start()

    def _execute(self) -> None:
        began, error = time.monotonic(), None
        try:
            if not self.is_stopped:
                self.executing(self)
        except BaseException as found:  # noqa: BLE001  (it is raised where the result is asked for)
            error = found
        self.seconds = round(time.monotonic() - began - self._waited_seconds, 3)
        if error is None:
            self.work.set_result(None)
        else:
            self.work.set_exception(error)

    def wait_to_go_on(self) -> None:
        """Wait until the cells may be executed; ``RuntimeError`` when they never will be."""
        began = time.monotonic()
        self._may_go_on.wait()
        self._waited_seconds = time.monotonic() - began
        if self.is_stopped:
            raise RuntimeError(DEAD_KERNEL)

    def wait_until_over(self) -> None:
        """Wait for the end of a notebook that was stopped; one that has not begun yet will not begin."""
        if self._thread is not None and self._thread.is_alive():
            wait([self.work])

    def result(self) -> Execution:
        """Wait for the end; raise what kept the notebook from being executed at all."""
        self.work.result()
        return self

    def kernel_started(self, pid: int) -> None:
        """Note the kernel's process; it is killed at once when the run was stopped meanwhile."""
        with self._watch:
            self.kernel_pid = pid
            stopped = self.is_stopped
        if stopped:
            self.stop()

    def cell_executed(self, cell: Any, reply: Mapping[str, Any]) -> None:
        """Measure the kernel, and note when all is made."""
        self.measure()
        if MADE in cell.metadata.get("tags", ()) and reply["content"]["status"] == "ok" and not self.has_made:
            self.making.set_result(None)

    def stop(self) -> None:
        """Kill the kernel; the execution then ends by itself."""
        with self._watch:
            self.is_stopped = True
        self._may_go_on.set()
        if self.kernel_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.kernel_pid, signal.SIGKILL)

    def measure(self) -> None:
        """Note the peak memory of the kernel, in megabytes, and the CPU seconds that it has used."""
        self.peak_mb = max(self.peak_mb, peak_mb(self.kernel_pid))
        self.cpu_seconds = max(self.cpu_seconds, cpu_seconds(self.kernel_pid))


def peak_mb(pid: int) -> float:
    """Return the largest resident size that a process has had, in megabytes; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return round(int(found[1]) / 1024, 1) if found else 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used, all its threads together; 0 where the system does not say."""
    try:
        # Behind the name, which stands in brackets and may hold anything: state, parent, … user and system time.
        used = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def prepare(
    notebook: Path,
    parameters: Mapping[str, Plain],
    environment: Mapping[str, str],
    stem: Stem | None = None,
) -> Execution:
    """Return the execution of ``notebook`` with ``parameters``, which is to be begun; see :func:`wait_for_one`.

    Parameters
    ----------
    notebook
        Path of the notebook, stored without outputs.
    parameters
        Checked against its parameters cell before (see :mod:`riskmodel.runs.parameters`).
    environment
        Variables laid over those of this process, for the kernel.
    stem
        Where the kernel is forked from, made for the same ``environment``; None: it is started anew.
    """
    given, variables = dict(parameters), {**os.environ, **environment}
    return Execution(lambda execution: _papermill(notebook, given, execution), variables, stem)


def wait_for_one(awaited: Collection[Future[None]], look: Callable[[], None]) -> None:
    """Wait until one of these is done: ``work`` or ``making`` of notebooks at work. ``look`` is called every half second
    meanwhile, and at the end.

    They are in threads of their own, so that a signal to this process is acted upon at once.
    """
    while not any(future.done() for future in awaited):
        wait(awaited, LOOK_SECONDS, FIRST_COMPLETED)
        look()
    look()


def stop(executions: Collection[Execution]) -> None:
    """Kill the kernels of notebooks at work, and wait until they are over."""
    for execution in executions:
        execution.stop()
    for execution in executions:
        execution.wait_until_over()


def load_papermill(notebook: Path) -> None:
    """Import what executing ``notebook`` takes, before it is needed and before there are threads.

    And do once what is kept from then on: read the grammar of notebooks, and look where kernels are described.
    """
    # The grammar of addresses in every script, by which jsonschema could judge them, takes a second; notebooks hold none.
    with all_to_stay(), without("rfc3987_syntax"):
        importlib.import_module("papermill.clientwrap")
        importlib.import_module("papermill.iorw").load_notebook_node(str(notebook))
        with contextlib.suppress(NoSuchKernel):  # it is told where the kernel is needed
            get_kernel_spec(KERNEL)


def _papermill(notebook: Path, parameters: dict[str, Plain], execution: Execution) -> None:
    # Imported here: half a second that `riskmodel --help` does not pay.
    import papermill  # noqa: PLC0415
    from papermill.engines import papermill_engines  # noqa: PLC0415

    papermill_engines.register(ENGINE, WatchedEngine)
    try:
        papermill.execute_notebook(
            str(notebook),
            None,
            parameters,
            engine_name=ENGINE,
            kernel_name=KERNEL,
            progress_bar=False,
            execution=execution,
        )
    except papermill.PapermillExecutionError as error:
        # Its text holds the traceback with values: only the class and the system's number go on.
        execution.error_kind = error.ename or "Error"
        number = ERRNO.match(error.evalue or "")
        execution.error_number = int(number[1]) if number else 0
    except RuntimeError:
        # nbclient's DeadKernelError, or its words for a kernel that died or stayed silent while it started.
        execution.error_kind = DEAD_KERNEL


class PromptClient(AsyncKernelClient):
    """Talks to a kernel as soon as it answers."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers on both channels.

        The library would then listen for a fifth of a second until all is silent. What the kernel still says of this
        question belongs to no cell, and is passed over when the cells are executed.

        Raises
        ------
        RuntimeError
            When the kernel died, or did not answer in time.
        """
        until = time.monotonic() + (timeout or START_SECONDS)
        while time.monotonic() < until and await self.is_alive():
            self.kernel_info()
            with contextlib.suppress(queue.Empty):
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)
                return
        raise RuntimeError(DEAD_KERNEL)


class WatchedEngine:
    """papermill's own way to execute, with the kernel's process and memory in view."""

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> str:
        """Return the kernel's name: papermill asks for it."""
        return name or KERNEL

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> str:
        """Return the kernel's language: papermill asks for it."""
        return language or "python"

    @staticmethod
    def execute_notebook(nb: Any, kernel_name: str, execution: Execution, **_: object) -> Any:
        """Execute ``nb`` and leave it in ``execution``, whatever becomes of it."""
        from papermill.clientwrap import PapermillNotebookClient  # noqa: PLC0415
        from papermill.engines import NotebookExecutionManager  # noqa: PLC0415
        from traitlets.config import Config  # noqa: PLC0415

        class Client(PapermillNotebookClient):  # type: ignore[misc]
            """Notes the kernel's process as soon as it is there: it may be killed while it imports."""

            def start_new_kernel(self, **options: Any) -> None:
                if execution.stem is not None:
                    self.km.provisioner = forking = ForkingProvisioner(parent=self.km, kernel_spec=self.km.kernel_spec)
                    forking.stem, forking.imports = execution.stem, imports
                super().start_new_kernel(**options)
                execution.kernel_started(self.km.provisioner.pid)

            def papermill_execute_cells(self) -> None:
                execution.wait_to_go_on()
                super().papermill_execute_cells()

        manager = NotebookExecutionManager(nb, output_path=None, progress_bar=False, log_output=False)
        execution.notebook = manager.nb
        imports = imports_of(cell.source for cell in manager.nb.cells if cell.cell_type == "code")
        with tempfile.TemporaryDirectory(prefix="riskmodel-") as private:
            # Sockets in a folder of this user alone, not ports of this machine that anybody on it can listen to.
            channel = {"transport": "ipc", "ip": f"{private}/ipc", "connection_file": f"{private}/kernel.json"}
            client = Client(
                manager,
                kernel_name=kernel_name,
                startup_timeout=START_SECONDS,
                # What a step made is closed by now; to take a process down in good order is a third of its idle cost.
                shutdown_kernel="immediate",
                extra_arguments=[f"--IPKernelApp.exec_lines=exec({imports!r}, {{}})"],
                config=Config({"KernelManager": {**channel, "client_class": f"{__name__}.{PromptClient.__name__}"}}),
                # "complete" comes when the cell was but sent.
                on_cell_executed=lambda cell, execute_reply, **_: execution.cell_executed(cell, execute_reply),
            )
            manager.notebook_start()
            try:
                # What a kernel says beside its cells may hold values, and would go to the operator's log.
                client.execute(env=execution.environment, stderr=subprocess.DEVNULL)
            finally:
                manager.notebook_complete()
        return manager.nb


_parsing = threading.Lock()
"""Python 3.11 may fail when two threads make trees of code at once ("AST constructor recursion depth mismatch")."""


def imports_in(notebook: Path) -> str:
    """Return the import statements in the file of a notebook, see :func:`imports_of`."""
    # Not by nbformat: what it imports takes longer than all else before a delivery is read.
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return imports_of("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def imports_of(sources: Iterable[str]) -> str:
    """Return the import statements of cells with code, a line each.

    A kernel does them while it starts, so that they count as its start-up and not as work of the first cell. What
    cannot be imported, the cell itself reports when it is reached.
    """
    found: dict[str, None] = {}
    for source in sources:
        # Commands of the shell are no Python: such a cell is left to itself.
        with contextlib.suppress(SyntaxError):
            with _parsing:
                parsed = ast.parse(source)
            for statement in parsed.body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    found[ast.unparse(statement)] = None
    return "\n".join(found)


def cleaned(notebook: Any, failure_text: str) -> bytes:
    """Return the text of ``notebook`` without tracebacks, error texts and standard error.

    ``failure_text`` (kind, place and id of an error) stands where the traceback stood.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        kept = [output for output in cell.outputs if output.output_type != "error"]
        cell.outputs = [output for output in kept if output.output_type != "stream" or output.name != "stderr"]
        if cell.metadata.get("papermill", {}).get("exception"):
            # Plain values: the notebook is on its way to its text.
            told = {"output_type": "error", "ename": "Error", "evalue": "", "traceback": [failure_text]}
            cell.outputs.append(told)
    return canonical_json(notebook)
