"""A real JupyterHub with its proxy, made from the documented configuration, which starts the portal as its service."""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from identity_provider import CLIENT_SECRET
from served_portal import CANARY, END_SECONDS

DOCUMENTED = Path(__file__).parents[2] / "reports" / "design" / "identity" / "jupyterhub_config.py"
OVERRIDES = """
import os, sys
load_subconfig(os.environ["DOCUMENTED"])
port = int(os.environ["FIRST_PORT"])
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 2}"
c.ConfigurableHTTPProxy.command = [os.path.join(os.path.dirname(sys.executable), "configurable-http-proxy")]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret = os.urandom(32)
# The documented authenticator, with a provider of this machine.
settings = c.GenericOAuthenticator
settings.oauth_callback_url = f"http://127.0.0.1:{port}/hub/oauth_callback"
for name in ("authorize_url", "token_url", "userdata_url"):
    setattr(settings, name, settings[name].replace("https://login.example.lv/oauth2", os.environ["PROVIDER"]))
service = c.JupyterHub.services[0]
service["url"] = f"http://127.0.0.1:{port + 3}"
# The documented command, with this test's store and without HTTPS in front.
words = [word for word in service["command"] if word.startswith(("portal", "--identity"))]
service["command"] = [sys.executable, "-m", "riskmodel", *words, "--store", os.environ["STORE"]]
service["environment"] = {"RISKMODEL_CANARY": os.environ["RISKMODEL_CANARY"], "PYTHONUNBUFFERED": "1"}
"""
START_SECONDS = 120
BASE = "/services/portal/"


@dataclass
class Came:
    """What came back, at which address in the end."""

    status: int
    address: str
    body: str
    headers: http.client.HTTPMessage

    @property
    def path(self) -> str:
        return urllib.parse.urlsplit(self.address).path


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@dataclass
class Browser:
    """Follows redirects and keeps cookies by path, as a browser does."""

    address: str
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def ask(
        self, path: str, fields: dict[str, str] | None = None, *, follows: bool = True, headers: dict | None = None
    ) -> Came:
        handlers = [urllib.request.HTTPCookieProcessor(self.jar), *([] if follows else [_NoRedirect()])]
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        sent = {"Sec-Fetch-Site": "same-origin", "Origin": self.address} if data is not None else {}
        request = urllib.request.Request(urllib.parse.urljoin(self.address, path), data, {**sent, **(headers or {})})
        try:
            answer = urllib.request.build_opener(*handlers).open(request, timeout=30)
        except urllib.error.HTTPError as refused:
            answer = refused
        return Came(answer.status, answer.geturl(), answer.read().decode(errors="replace"), answer.headers)

    def log_in(self, name: str, page: str = BASE) -> Came:
        """Ask for a page, tell the provider that comes instead who this is, and return what comes in the end."""
        asked = self.ask(page)
        assert asked.path == "/authorize", asked.address
        return self.ask(f"{asked.address}&who={urllib.parse.quote(name)}")

    def cookie(self, start: str) -> http.cookiejar.Cookie:
        return next(cookie for cookie in self.jar if cookie.name.startswith(start))


@dataclass
class Hub:
    """A running hub."""

    process: subprocess.Popen
    first_port: int
    store: Path
    log: Path
    seen: set[psutil.Process] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.first_port}"

    @property
    def backend(self) -> str:
        """The portal's own port, past the hub's proxy."""
        return f"http://127.0.0.1:{self.first_port + 3}"

    def browser(self) -> Browser:
        return Browser(self.address)

    def members(self) -> dict[int, str]:
        """Return the processes below the hub's: number and command line; they are remembered until the end."""
        found = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found[process.pid] = " ".join(process.cmdline())
                    self.seen.add(process)
        return found

    def portal(self) -> int:
        """Return the number of the portal's process."""
        return next(pid for pid, line in self.members().items() if "--identity=hub" in line)

    def stop(self) -> None:
        """End the hub, and whatever it leaves behind: told to stop while it starts, it forgets its proxy and service."""
        self.members()
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=END_SECONDS)
        for process in self.seen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.kill()
        self.process.wait()


def start(store: Path, folder: Path, provider: str) -> Hub:
    """Start a hub and wait until it sends people who ask for the portal to the provider at ``provider``."""
    first_port = _free_ports(4)
    (folder / "config.py").write_text(OVERRIDES)
    log = folder / "log"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(folder),
        "DOCUMENTED": str(DOCUMENTED),
        "FIRST_PORT": str(first_port),
        "STORE": str(store),
        "PROVIDER": provider,
        "OAUTH_CLIENT_SECRET": CLIENT_SECRET,
        "RISKMODEL_CANARY": CANARY,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    hub = Hub(process, first_port, store, log)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        hub.members()
        with contextlib.suppress(OSError):
            if hub.browser().ask(BASE).path == "/authorize":
                return hub
        time.sleep(0.2)
    hub.stop()
    raise AssertionError(f"the hub did not start: {log.read_text('utf-8')}")


def _free_ports(count: int) -> int:
    """Return the first of so many neighbouring free ports."""
    while True:
        sockets = [socket.socket() for _ in range(count)]
        try:
            sockets[0].bind(("127.0.0.1", 0))
            first = sockets[0].getsockname()[1]
            for offset, one in enumerate(sockets[1:], start=1):
                one.bind(("127.0.0.1", first + offset))
            return first
        except (OSError, OverflowError):
            continue
        finally:
            for one in sockets:
                one.close()
