"""A real portal on a free port, and a real headless Chromium that can reach nothing but this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import invented_run
import pytest

SERVE = "import sys; from pathlib import Path; from riskmodel.portal.app import serve; serve(Path(sys.argv[1]), port=0)"
START_SECONDS = 60
CANARY = "canary-4711-secret"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@dataclass
class Served:
    """A running portal."""

    process: subprocess.Popen
    address: str
    store: Path
    log: Path

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def kernels(self) -> int:
        """Count the kernel processes below the portal's process."""
        children = Path(f"/proc/{self.process.pid}/task")
        pids = [pid for task in children.iterdir() for pid in (task / "children").read_text().split()]
        return sum(b"ipykernel_launcher" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def start(store: Path, log: Path) -> Served:
    """Start a portal in a process of its own and wait until it says its address."""
    environment = {**os.environ, "RISKMODEL_CANARY": CANARY, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(store)], stdout=output, stderr=output, env=environment
        )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        said = re.search(r"(http://127\.0\.0\.1:\d+)/lv/", log.read_text("utf-8"))
        if said:
            return Served(process, said[1], store, log)
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the portal did not start: {log.read_text('utf-8')}")


@pytest.fixture(scope="session")
def portal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portal")
    invented_run.publish(folder / "store")
    served = start(folder / "store", folder / "log")
    yield served
    served.process.terminate()
    served.process.wait(timeout=20)


@pytest.fixture(scope="session")
def chromium():
    path = os.environ.get("RISKMODEL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        if os.environ.get("CI"):
            pytest.fail("Chromium must be installed where CI is set")
        pytest.skip("Chromium is not installed; RISKMODEL_CHROMIUM may name it")
    playwright = pytest.importorskip("playwright.sync_api")
    # A sandbox cannot be set up by the super-user.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


class Visit:
    """A page with what went wrong while it was used."""

    def __init__(self, browser, address: str, width: int, height: int = 900) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.trouble: list[str] = []
        self.address = address
        self.page.on("console", lambda line: line.type in {"error", "warning"} and self.trouble.append(line.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.trouble.append("dialog"), dialog.dismiss()))
        self.page.on("request", self._requested)

    def _requested(self, request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.trouble.append(f"foreign request: {request.url}")

    def to(self, path: str):
        self.page.goto(self.address + path, wait_until="load")
        return self.page


@pytest.fixture
def visit(chromium, portal):
    """Open pages of the portal; the test fails afterwards on any console error, dialog or foreign request."""
    opened = []

    def open_at(path: str, width: int = 1280):
        one = Visit(chromium, portal.address, width)
        opened.append(one)
        return one.to(path)

    yield open_at
    trouble = [line for one in opened for line in one.trouble]
    for one in opened:
        one.context.close()
    assert trouble == []
