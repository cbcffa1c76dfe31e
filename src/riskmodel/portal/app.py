"""The portal: a Voila application that keeps Voila's executor and renderer, and nothing else of what it would serve.

Its routes are its own (:mod:`riskmodel.portal.routes`), its door is one of three (:mod:`riskmodel.portal.identity`), and it
reads no configuration from anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import logging
import re
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, GZipContentEncoding
from voila.app import Voila
from voila.configuration import VoilaConfiguration

from riskmodel.errors import UsageError
from riskmodel.memory import keep_little
from riskmodel.messages import LANGUAGES, message
from riskmodel.portal import log
from riskmodel.portal.desk import Desk, Front
from riskmodel.portal.doors import door_of
from riskmodel.portal.handlers import OPEN
from riskmodel.portal.identity import Door
from riskmodel.portal.kernels import KernelPool
from riskmodel.portal.published import open_current
from riskmodel.portal.render import Rendering
from riskmodel.portal.routes import as_rules
from riskmodel.portal.shared_pages import NotFoundHandler
from riskmodel.register.places import register_of
from riskmodel.register.store import Register, open_register
from riskmodel.views.words import ORIGINS, words

Mode = Literal["local", "hub", "proxy"]

DEFAULT_PORT = 8866
READY_KERNELS = 2
MOST_HEADER_BYTES = 16_384
MOST_BODY_BYTES = 64_000
STOP_SECONDS = 10
"""So long may requests under way still take when the portal is told to stop."""
BASE_PATH = re.compile(r"/([A-Za-z0-9_~-][A-Za-z0-9._~-]*/)*")


@dataclass(frozen=True)
class Place:
    """Where and how the portal is served.

    Attributes
    ----------
    store
        The folder that holds the published runs; the register stands beside it.
    identity
        Which door: accounts of the register, a hub, or a proxy.
    host, port
        Where it listens; port 0 takes any free one.
    base
        The path below which it stands.
    public_hosts
        Names by which people reach it, where they differ from ``host``.
    certificate, certificate_key
        Files for HTTPS by the portal itself.
    is_behind_https
        Whether a proxy in front speaks HTTPS with the people.
    proxy_secret
        The file of the secret that a proxy shows, with the identity ``proxy``.
    """

    store: Path
    identity: Mode = "local"
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    base: str = "/"
    public_hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    certificate_key: Path | None = None
    is_behind_https: bool = False
    proxy_secret: Path | None = None

    @property
    def listens_on(self) -> str:
        """The address to listen on."""
        return "127.0.0.1" if self.host == "localhost" else self.host

    def front(self) -> Front:
        """Return how people reach it."""
        own = {"localhost", "127.0.0.1", "::1"} if is_loopback(self.host) else {self.host}
        is_secure = self.certificate is not None or self.is_behind_https
        return Front(frozenset(own | set(self.public_hosts)), self.base, is_secure)


class QuickGzip(GZipContentEncoding):
    """Compression at its quickest: a third of the work for pages a third larger, still an eighth of what they were."""

    GZIP_LEVEL = 1


class Portal(Voila):
    """Voila with our own routes, our own kernels, our own door, and no configuration from outside.

    It is started by :func:`serve` and by nothing else: it cannot be loaded into a Jupyter server.
    """

    def __init__(self, place: Place, register: Register, door: Door, say: Callable[[str], None]) -> None:
        super().__init__(log_level=logging.WARNING, open_browser=False, ip=place.listens_on, port=place.port)
        self.place = place
        self.register = register
        self.door = door
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
        return {
            "serve_traceback": False,
            "debug": False,
            "autoreload": False,
            "transforms": [QuickGzip],
            "log_function": log.note_request,
            "default_handler_class": NotFoundHandler,
            "default_handler_args": {"desk": self.desk, "access": OPEN},
        }

    def init_handlers(self) -> list[Any]:
        """Return our own list of routes, built from nothing."""
        return list(as_rules(self.desk))

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
        self.desk = Desk(self.place.store, rendering, self.register, self.door, self.place.front())
        try:
            self.door.open_for(self.desk)
            self.desk.published()
            self.app = Application(self.init_handlers(), **self.init_settings())
            server, port = self._listen()
            pool.fill()
            # What was loaded lives as long as the process: neither a page nor the stop waits for a walk through it.
            gc.collect()
            gc.freeze()
            self._announce(port)
            log.note("started", run_id=self.desk.published().run_id)
            await stopped.wait()
            server.stop()
            await self.desk.under_way.over(STOP_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.close_all_connections(), 1)
        finally:
            await rendering.close()
            self.desk.close()
            log.note("stopped")

    def _listen(self) -> tuple[HTTPServer, int]:
        server = HTTPServer(
            self.app,
            max_header_size=MOST_HEADER_BYTES,
            max_body_size=MOST_BODY_BYTES,
            idle_connection_timeout=60,
            body_timeout=10,
            ssl_options=_certificates(self.place),
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

    def _announce(self, port: int) -> None:
        place, published = self.place, self.desk.published()
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        scheme = "https" if place.certificate else "http"
        for language in LANGUAGES:
            text = message(
                "The portal shows run {run} ({origin}) on {address}",
                run=published.run_id,
                origin=words(ORIGINS, published.run["origin"], language),
                address=f"{scheme}://{host}:{port}{place.base}{language}/",
            )
            self.say(text.in_language(language))
        if not self.register.accounts.list():
            text = message(
                "Nobody can log in yet. The first account is made by: riskmodel user add LOGIN --role ROLE --store {store}",
                store=str(place.store),
            )
            for language in LANGUAGES:
                self.say(text.in_language(language))


def serve(place: Place, say: Callable[[str], None] = click.echo) -> None:
    """Serve the current run of a store until the process is told to stop.

    Parameters
    ----------
    place
        Where and how.
    say
        Takes what the operator is told, the address among it.

    Raises
    ------
    UsageError
        For an address that others reach without HTTPS, a base path of another form, a port in use, or a store without
        a published run.
    """
    keep_little()
    place, door = door_of(place)
    _check(place)
    open_current(place.store)
    register = open_register(register_of(place.store), may_create=True)
    log.write_to_standard_error()
    portal = Portal(place, register, door, say)
    portal.initialize([])
    portal.start()


def _check(place: Place) -> None:
    is_own_only = is_loopback(place.host)
    if not is_own_only and place.identity == "local" and place.certificate is None:
        raise UsageError(
            message("Passwords and names of pupils cross a network by HTTPS alone."),
            found=message("This address can be reached by others, without HTTPS."),
            remedy=message(
                "Use --host 127.0.0.1, give --certificate and --certificate-key, or put a hub or proxy in front."
            ),
            where=place.host,
        )
    if not is_own_only and place.identity == "proxy":
        raise UsageError(
            message("Behind a proxy, only this machine reaches the portal: whoever reaches it can send headers."),
            found=message("This address can be reached by others."),
            remedy=message("Use --host 127.0.0.1, and let the proxy run on this machine."),
            where=place.host,
        )
    if not BASE_PATH.fullmatch(place.base):
        raise UsageError(
            message("A base path begins and ends with a slash and holds letters, digits, points and hyphens."),
            found=message("It has another form."),
            remedy=message("Give it like this: --base-url /portal/."),
            where="--base-url",
        )


def _certificates(place: Place) -> ssl.SSLContext | None:
    if place.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(place.certificate, place.certificate_key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            message("HTTPS needs a certificate and its key, in PEM form."),
            found=message("They cannot be read, or do not belong together ({kind}).", kind=type(error).__name__),
            remedy=message("Give both files with --certificate and --certificate-key."),
            where=str(place.certificate),
        ) from None
    return context


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
