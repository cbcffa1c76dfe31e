"""Composed pages as PDF: a headless Chromium reads one file in a folder of its own, and can reach nothing else.

The folder is readable by the portal's user alone (it holds names for a moment) and is removed in every case. The page
holds no script, its own policy forbids all but its inlined style, no name of a host can be resolved, and the browser sees
four variables of the environment. Where there is no Chromium nothing is printed: people print in their own browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from riskmodel.portal.render import BusyError, RenderingError

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FOLDER_PREFIX = "riskmodel-print-"
PRINT_SECONDS = 40.0
PRINTS_AT_ONCE = 2
MOST_WAITING = 8
MOST_BYTES = 30_000_000
TRIES_TO_REMOVE = 40
"""Processes that were killed may still write for a moment; the folder is removed until it stays away."""

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
LINK = re.compile(r"<a\b[^>]*>|</a>")
"""The ends of a link; in our renderer's HTML no attribute holds a bare ``>``."""


class PrintingError(RenderingError):
    """A page could not be printed; the text is the class of what went wrong."""


def find_chromium() -> str | None:
    """Return the path of a Chromium: the one that ``RISKMODEL_CHROMIUM`` names, else one on the path, else None."""
    asked = os.environ.get("RISKMODEL_CHROMIUM")
    found = [shutil.which(name) for name in ([asked] if asked else NAMES)]
    return next((path for path in found if path), None)


def unlinked(html: str) -> str:
    """Return HTML with the words of its links, which lead nowhere on paper and would tell the portal's address.

    >>> unlinked('<p><a class="open" href="/lv/school/101">A &gt; B</a></p>')
    '<p>A &gt; B</p>'
    """
    return LINK.sub("", html)


@dataclass
class Printing:
    """Prints pages, a few at once; ``chromium`` is None where nothing can be printed."""

    chromium: str | None = field(default_factory=find_chromium)
    seconds: float = PRINT_SECONDS

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(PRINTS_AT_ONCE)
        self._asked = 0

    async def pdf(self, html: str) -> bytes:
        """Return a whole page, which names no other file, as PDF.

        Raises
        ------
        BusyError
            When too many pages wait to be printed.
        PrintingError
            When there is no Chromium, it does not come to its end in time, or writes no PDF.
        """
        if self.chromium is None:
            raise PrintingError("NoChromium")
        if self._asked >= MOST_WAITING:
            raise BusyError
        self._asked += 1
        try:
            async with self._slots:
                return await self._printed(self.chromium, unlinked(html))
        finally:
            self._asked -= 1

    async def _printed(self, chromium: str, html: str) -> bytes:
        folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))  # 0700
        try:
            page, target = folder / "page.html", folder / "page.pdf"
            page.write_text(html, "utf-8")
            await self._run(_command(chromium, folder, page, target), folder)
            if not target.is_file() or not 0 < target.stat().st_size <= MOST_BYTES:
                raise PrintingError("NoPdf")
            return target.read_bytes()
        finally:
            await _remove(folder)

    async def _run(self, command: list[str], folder: Path) -> None:
        nothing = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,  # it may hold parts of the page
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            await asyncio.wait_for(process.wait(), self.seconds)
        except TimeoutError:
            raise PrintingError("Timeout") from None
        finally:
            # The group, for what the browser started; it is gone already when all went well.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _command(chromium: str, folder: Path, page: Path, target: Path) -> list[str]:
    # A sandbox cannot be set up by the super-user, e.g. in a container.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    return [chromium, *flags, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", page.as_uri()]


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}


async def _remove(folder: Path) -> None:
    for _ in range(TRIES_TO_REMOVE):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        await asyncio.sleep(0.05)
