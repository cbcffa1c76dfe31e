"""How long somebody waits who opens a page in a browser that was just started.

A page is interactive when a filter works: the class was chosen, and the table has become shorter. The clock runs outside
of the browser, from the order to open the page until the browser says that the table is shorter. It says so by a line of
its console: to ask it again and again would put a script into the page that no reader's browser has, and the page would
wait for it.

What a browser takes for a page with nothing in it (:func:`bare_page`), opened in the same way, is told beside the times of pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from riskmodel.errors import UsageError
from riskmodel.messages import message

PATH_VARIABLE = "RISKMODEL_CHROMIUM"
MOST_SECONDS = 30
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
SAID = "the filter works"
CHOOSE_A_CLASS = """
(() => {
  const attempt = () => {
    const list = document.getElementById("class");
    const filters = document.getElementById("filters");
    const rows = () => [...document.querySelectorAll("#pupils tbody tr")].filter((row) => row.getClientRects().length);
    if (document.readyState === "loading" || !list || !filters || filters.hidden) return requestAnimationFrame(attempt);
    const before = rows().length;
    list.value = list.options[list.options.length - 1].value;
    list.dispatchEvent(new Event("input", { bubbles: true }));
    const after = rows().length;
    if (!list.value || after >= before || !after) {
      list.value = "";
      list.dispatchEvent(new Event("input", { bubbles: true }));
      return requestAnimationFrame(attempt);
    }
    window.interactive = { after: performance.now(), rows: before, left: after };
    console.debug(SAID);
  };
  if (location.protocol !== "about:") attempt();
})();
""".replace("SAID", json.dumps(SAID))
BARE = b"""<!doctype html><html lang="lv"><meta charset="utf-8"><title>bare</title>
<form id="filters"><select id="class"><option value="">all</option><option>9.a</option></select></form>
<table id="pupils"><tbody><tr><td>1</td></tr><tr id="two"><td>2</td></tr></tbody></table>
<script>document.getElementById("filters").oninput = (event) => {
  document.getElementById("two").hidden = Boolean(event.target.value);
};</script></html>
"""
"""The least that the clock can be stopped by."""


@dataclass(frozen=True)
class Waited:
    """Milliseconds until a page was interactive, its rows before and after the filter, and the browser's version.

    ``inside_ms`` is the same by the browser's own clock, from the start of the navigation; ``cpu_ms`` the CPU time of all
    its processes meanwhile, to a hundredth of a second each.
    """

    ms: float
    inside_ms: float
    cpu_ms: float
    rows: int
    left: int
    version: str


def chromium() -> str:
    """Return the path of Chromium.

    Raises
    ------
    UsageError
        When there is none.
    """
    found = os.environ.get(PATH_VARIABLE) or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise UsageError(
            message("Pages are measured in a real browser."),
            found=message("Chromium is not installed."),
            remedy=message("Install it, or name its path in {variable}.", variable=PATH_VARIABLE),
        )
    return found


def playwright() -> ModuleType:
    """Return the library that drives the browser.

    Raises
    ------
    UsageError
        When it is not installed.
    """
    try:
        from playwright import sync_api  # noqa: PLC0415  (a part of the tests' installation, not of the product's)
    except ImportError:
        raise UsageError(
            message("Pages are measured in a real browser."),
            found=message("The library playwright, which drives it, is not installed."),
            remedy=message("Install the project with what its tests need: pip install riskmodel[test]."),
        ) from None
    return sync_api


def open_cold(started: Any, path: str, url: str, cookies: list[dict[str, Any]]) -> Waited:
    """Return how long a page takes in a new browser process, which knows nothing but the session.

    Parameters
    ----------
    started
        A running Playwright.
    path
        Of the browser.
    """
    # A sandbox cannot be set up by the super-user.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    browser = started.chromium.launch(executable_path=path, args=flags)
    try:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies(cookies)
        context.add_init_script(CHOOSE_A_CLASS)
        page = context.new_page()
        page.set_default_timeout(MOST_SECONDS * 1000)
        used, begun = _cpu_ms(path), time.perf_counter()
        with page.expect_console_message(lambda line: line.text == SAID):
            page.goto(url, wait_until="commit")
        taken = time.perf_counter() - begun
        cpu_ms = _cpu_ms(path) - used
        found = page.evaluate("() => window.interactive")
        return Waited(taken * 1000, found["after"], cpu_ms, found["rows"], found["left"], browser.version)
    finally:
        browser.close()


@contextmanager
def bare_page() -> Iterator[str]:
    """Give the address of a page with nothing in it but what the clock is stopped by, served by this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bare)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Bare(BaseHTTPRequestHandler):
    """Answers everything with the bare page."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(BARE)))
        self.end_headers()
        self.wfile.write(BARE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _cpu_ms(path: str) -> float:
    """Return the CPU time that the browser's processes have had so far; it is started by this process or a child of it."""
    total, name = 0.0, Path(path).name
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.name().startswith(name[:4]):
                total += sum(process.cpu_times()[:2])
    return total * 1000
