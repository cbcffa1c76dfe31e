"""The portal: a Voila application that keeps Voila's executor and renderer, and nothing else of what it would serve.

Its routes are its own (:mod:`riskmodel.portal.handlers`); it reads no configuration from anywhere; it listens on this
machine alone, because it has no login yet; and it opens runs of synthetic and public data only.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import tornado.log
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from voila.app import Voila
from voila.configuration import VoilaConfiguration

from riskmodel.errors import UsageError
from riskmodel.messages import LANGUAGES, message
from riskmodel.portal.handlers import ROUTES, Desk, NotFoundHandler
from riskmodel.portal.kernels import KernelPool
from riskmodel.portal.published import Published, open_current
from riskmodel.portal.render import Rendering
from riskmodel.views.words import ORIGINS, words

DEFAULT_PORT = 8866
READY_KERNELS = 2
MOST_HEADER_BYTES = 16_384
MOST_BODY_BYTES = 1
STOP_SECONDS = 5


class Portal(Voila):
    """Voila with our own routes, our own kernels, and no configuration from outside.

    It is started by :func:`serve` and by nothing else: it cannot be loaded into a Jupyter server.
    """

    def __init__(self, store: Path, say: Callable[[str], None], **given: Any) -> None:
        super().__init__(log_level=logging.WARNING, open_browser=False, **given)
        self.store = store
        self.say = say

    def load_config_file(self, *_: object, **__: object) -> None:
        """Read nothing: Voila would execute a ``voila.py`` that lies in the working directory."""

    def setup_template_dirs(self) -> None:
        """Look nowhere: there is one template, beside this module."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """Set what cannot be overridden by anyone who asks for a page."""
        self.voila_configuration = VoilaConfiguration(
            parent=self,
            allow_template_override="NO",
            allow_theme_override="NO",
            template="index",
            file_allowlist=[],
            show_tracebacks=False,
            strip_sources=True,
            attempt_fix_notebook=False,
        )

    def init_settings(self) -> dict[str, Any]:
        """Return the settings of the server: no remote access, no secrets, no Jupyter services."""
        return {"serve_traceback": False, "debug": False, "autoreload": False, "compress_response": True}

    def init_handlers(self) -> list[Any]:
        """Return our own list of routes, built from nothing."""
        return [(pattern, handler, {"desk": self.desk}) for pattern, handler in ROUTES]

    def start(self) -> None:
        """Serve until the process is told to stop."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        pool = KernelPool(READY_KERNELS)
        rendering = Rendering(pool, self.voila_configuration)
        try:
            self.desk = Desk(self.store, rendering, frozenset({"localhost", "127.0.0.1", "::1", self.ip}))
            published = self.desk.published()
            settings = {
                "default_handler_class": NotFoundHandler,
                "default_handler_args": {"desk": self.desk},
                **self.init_settings(),
            }
            self.app = Application(self.init_handlers(), **settings)
            server, port = self._listen()
            pool.fill()
            self._announce(published, port)
            await stopped.wait()
            server.stop()
            await asyncio.wait_for(server.close_all_connections(), STOP_SECONDS)
        finally:
            await rendering.close()

    def _listen(self) -> tuple[HTTPServer, int]:
        server = HTTPServer(
            self.app,
            max_header_size=MOST_HEADER_BYTES,
            max_body_size=MOST_BODY_BYTES,
            idle_connection_timeout=60,
            body_timeout=10,
        )
        try:
            sockets = bind_sockets(self.port, self.ip)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            raise UsageError(
                message("The portal needs a free port of this machine."),
                found=message("Port {port} is taken, or may not be used.", port=str(self.port)),
                remedy=message("Stop what runs there, or give another one with --port."),
            ) from None
        server.add_sockets(sockets)
        return server, int(sockets[0].getsockname()[1])

    def _announce(self, published: Published, port: int) -> None:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        for language in LANGUAGES:
            text = message(
                "The portal shows run {run} ({origin}) on {address}",
                run=published.run_id,
                origin=words(ORIGINS, published.run["origin"], language),
                address=f"http://{host}:{port}/{language}/",
            )
            self.say(text.in_language(language))


def serve(
    store: Path, host: str = "127.0.0.1", port: int = DEFAULT_PORT, say: Callable[[str], None] = click.echo
) -> None:
    """Serve the current run of a store until the process is told to stop.

    Parameters
    ----------
    store
        The folder that holds the published runs.
    host
        An address of this machine that only this machine reaches.
    port
        A free port; 0 takes any. The address is said through ``say``.

    Raises
    ------
    UsageError
        For an address that others reach, a port in use, a store without a published run, or a run of real data.
    """
    if not is_loopback(host):
        raise UsageError(
            message("Without a login the portal serves this machine only."),
            found=message("This address can be reached by others."),
            remedy=message("Use --host 127.0.0.1."),
            where=host,
        )
    open_current(store)
    tornado.log.access_log.setLevel(logging.ERROR)
    portal = Portal(store, say, ip="127.0.0.1" if host == "localhost" else host, port=port)
    portal.initialize([])
    portal.start()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
