"""From view, extract and language to HTML: Voila executes the view notebook in a fresh kernel, and the answer is kept.

The view either comes to its end, which it proves by giving back a word that only this rendering knows, or nothing
of it is shown. What failed is logged by the class of the error alone: texts of errors may hold data.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import secrets
import zlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config
from voila.configuration import VoilaConfiguration
from voila.execute import VoilaExecutor
from voila.notebook_renderer import NotebookRenderer

from riskmodel.memory import give_back
from riskmodel.portal.kernels import Kernel, KernelPool
from riskmodel.settings import notebook_folder
from riskmodel.views.notebook import end_mark

VIEWS = ("schools", "school", "pupil", "notice", "catalogue", "about", "municipality", "state")
"""The notebooks in ``notebooks/views`` that may be executed; no other file is."""

VIEW_SECONDS = 10.0
RENDERINGS_AT_ONCE = 2
MOST_WAITING = 32
WAIT_SECONDS = 20.0
PAGE_BYTES = 4_000_000
CACHE_BYTES = 64_000_000
PAGES_BETWEEN = 8
"""After so many new pages what is free goes back to the system; it takes some milliseconds."""
TEMPLATE_FOLDER = Path(__file__).parent / "template"
LOG = logging.getLogger("riskmodel.portal")


class RenderingError(Exception):
    """A view could not be rendered; the text is the class of what went wrong."""


class BusyError(Exception):
    """Too many pages are being waited for, or one has been waited for too long."""


@dataclass(frozen=True)
class Key:
    """What a fragment depends on: the same key gives the same fragment.

    Of keys that differ in their ``edition`` alone, the newest is asked for from now on, and none before it again.
    """

    run_id: str
    view: str
    unit: str
    language: str
    edition: str = ""


class ViewRenderer(NotebookRenderer):
    """Voila's renderer on a kernel that is ready, stopping at the first trouble and never logging its text."""

    def __init__(self, notebook: nbformat.NotebookNode, kernel: Kernel, configuration: VoilaConfiguration) -> None:
        super().__init__(
            notebook_path="view.ipynb",
            template_paths=[str(TEMPLATE_FOLDER)],
            traitlet_config=Config(),
            voila_configuration=configuration,
            base_url="/",
            page_config={},
        )
        self.view = notebook
        self.kernel = kernel
        self.trouble = ""

    async def load_notebook(self, path: str) -> nbformat.NotebookNode:
        """Return the notebook that was read at start."""
        return self.view

    async def _jinja_kernel_start(self, nb: nbformat.NotebookNode, kernel_id: str, kernel_future: object) -> str:
        # The executor logs cells and answers in full at its lowest level: it gets a log that keeps nothing.
        silent = logging.Logger("view", level=logging.CRITICAL + 1)
        self.executor = VoilaExecutor(
            nb, km=self.kernel.manager, timeout=int(VIEW_SECONDS), show_tracebacks=False, log=silent
        )
        self.executor.kc = self.kernel.client
        self.kernel_started = True
        return kernel_id

    async def _jinja_cell_generator(self, nb: nbformat.NotebookNode, kernel_id: str) -> AsyncGenerator[Any, None]:
        for number, cell in enumerate(nb.cells):
            if cell.cell_type != "code":
                continue
            try:
                await self.executor.async_execute_cell(cell, number, store_history=False)
            except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
                self.trouble = getattr(error, "ename", "") or type(error).__name__
                return
            yield cell

    async def _cleanup_resources(self) -> None:
        """Leave the kernel to the pool that it came from."""


@dataclass
class Rendering:
    """Renders views, each key once, and keeps what it rendered: ``kept_bytes``, packed."""

    pool: KernelPool
    configuration: VoilaConfiguration
    notebooks: dict[str, nbformat.NotebookNode] = field(default_factory=dict)
    kept_bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        folder = notebook_folder() / "views"
        self.notebooks = {view: nbformat.read(folder / f"{view}.ipynb", as_version=4) for view in VIEWS}
        self._kept: OrderedDict[Key, tuple[str, bytes]] = OrderedDict()
        self._made = 0
        self._current: str | None = None
        self._running: dict[Key, asyncio.Task[str]] = {}
        self._slots = asyncio.Semaphore(RENDERINGS_AT_ONCE)

    async def fragment(self, key: Key, parameters: Callable[[], dict[str, str]]) -> str:
        """Return the fragment of a key, rendered at most once.

        Parameters
        ----------
        key
            What the fragment depends on.
        parameters
            Makes the values of the notebook's own parameters, all text, once they are needed; they come from the
            server, never from a request.

        Raises
        ------
        RenderingError
            When the view fails, does not come to its end in time, or grows too large.
        BusyError
            When too many pages are waited for already, or this one's turn did not come in ``WAIT_SECONDS``.
        """
        page = replace(key, edition="")
        edition, packed = self._kept.get(page, ("", b""))
        if packed and edition == key.edition:
            self._kept.move_to_end(page)
            return zlib.decompress(packed).decode()
        if key not in self._running:
            if len(self._running) >= MOST_WAITING:
                raise BusyError
            task = asyncio.create_task(self._render_and_keep(key, parameters))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        # A reader who goes away does not take the page from the others who wait for it.
        return await asyncio.shield(self._running[key])

    def forget(self, current: str | None = None) -> None:
        """Drop everything that is kept; from now on only pages of the run ``current`` are kept, of all for None.

        A page of an earlier run may still be under way or about to be asked for: it is shown to who waits for it, but
        must not stay, because its pupils may be gone.
        """
        self._current = current
        self._kept.clear()
        self.kept_bytes = 0

    async def close(self) -> None:
        """Give up what is being rendered, and shut all kernels down."""
        unfinished = list(self._running.values())
        for task in unfinished:
            task.cancel()
        # Each gives its kernel back on its way out; only then has the pool all that it must shut down.
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self.pool.close()

    async def _render_and_keep(self, key: Key, parameters: Callable[[], dict[str, str]]) -> str:
        try:
            await asyncio.wait_for(self._slots.acquire(), WAIT_SECONDS)
        except TimeoutError:
            raise BusyError from None
        try:
            html = await self._render(key.view, parameters())
        finally:
            self._slots.release()
        content = html.encode()
        if len(content) > PAGE_BYTES:
            raise RenderingError("PageTooLarge")
        if self._current not in {None, key.run_id}:
            return html
        # A page is twenty times smaller so, and as a text with Latvian letters it would take twice its length.
        self._keep(key, zlib.compress(content, level=1))
        self._made += 1
        if self._made % PAGES_BETWEEN == 0:
            give_back()
        return html

    def _keep(self, key: Key, packed: bytes) -> None:
        """Keep a page in the place of its earlier edition, and let go of those that were not asked for for longest."""
        page = replace(key, edition="")
        _, earlier = self._kept.pop(page, ("", b""))
        self._kept[page] = (key.edition, packed)
        self.kept_bytes += len(packed) - len(earlier)
        while self.kept_bytes > CACHE_BYTES:
            _, (_, oldest) = self._kept.popitem(last=False)
            self.kept_bytes -= len(oldest)

    async def _render(self, view: str, parameters: dict[str, str]) -> str:
        nonce = secrets.token_hex(16)
        notebook = with_parameters(self.notebooks[view], {**parameters, "nonce": nonce})
        kernel = await self.pool.take()
        try:
            renderer = ViewRenderer(notebook, kernel, self.configuration)
            await renderer.initialize()
            task = asyncio.create_task(renderer.generate_content_str())
            # Not wait_for: the executor swallows a cancellation, and the page would never come back.
            done, _ = await asyncio.wait({task}, timeout=VIEW_SECONDS)
            if not done:
                await kernel.manager.shutdown_kernel(now=True)
                task.cancel()
                raise RenderingError("Timeout")
            html = (await task).strip()
        finally:
            self.pool.dismiss(kernel)
        if renderer.trouble:
            raise RenderingError(renderer.trouble)
        mark = end_mark(nonce)
        if not html.endswith(mark):
            raise RenderingError("NotToTheEnd")
        return str(html.removesuffix(mark).rstrip())


def with_parameters(notebook: nbformat.NotebookNode, parameters: dict[str, str]) -> nbformat.NotebookNode:
    """Return a copy of a view with a cell of values behind its own parameters cell.

    Each value stands there as a literal of a text, so that nothing in it can be code.

    Raises
    ------
    ValueError
        For a name that the notebook's parameters cell does not declare.
    """
    found = copy.deepcopy(notebook)
    place = next(n for n, cell in enumerate(found.cells) if "parameters" in cell.metadata.get("tags", []))
    declared = {line.split(":")[0].strip() for line in found.cells[place].source.splitlines() if ":" in line}
    if unknown := sorted(set(parameters) - declared):
        raise ValueError(f"the view does not declare {', '.join(unknown)}")
    source = "\n".join(f"{name} = {str(text)!r}" for name, text in parameters.items())
    found.cells.insert(place + 1, nbformat.v4.new_code_cell(source))
    return found
