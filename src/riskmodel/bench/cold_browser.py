"""How long somebody waits who opens a page in a browser that was just started.

A page is interactive when a filter works: the class was chosen, and the table has become shorter. The clock runs outside
of the browser, from the order to open the page until the browser says that the table is shorter.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

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
    console.debug("interactive");
  };
  if (location.protocol !== "about:") attempt();
})();
"""


@dataclass(frozen=True)
class Waited:
    """Milliseconds until a page was interactive, its rows before and after the filter, and the browser's version.

    ``inside_ms`` is the same by the browser's own clock, from the start of the navigation.
    """

    ms: float
    inside_ms: float
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
        begun = time.perf_counter()
        page.goto(url, wait_until="commit", timeout=MOST_SECONDS * 1000)
        handle = page.wait_for_function("() => window.interactive", timeout=MOST_SECONDS * 1000)
        taken = time.perf_counter() - begun
        found = handle.json_value()
        return Waited(taken * 1000, found["after"], found["rows"], found["left"], browser.version)
    finally:
        browser.close()
