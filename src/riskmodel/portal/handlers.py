"""The portal's routes, built from nothing: five kinds of page, a fixed list of files, and a sign of life.

There is no route to kernels, contents, files, sockets or anything else of Jupyter. Pages are read only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from inspect import isawaitable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup
from tornado.web import HTTPError, RequestHandler

from riskmodel.messages import LANGUAGES, Language, message
from riskmodel.portal.published import Published, open_current
from riskmodel.portal.render import BusyError, Key, Rendering, RenderingError
from riskmodel.views import pages
from riskmodel.views.notebook import in_words

LOG = logging.getLogger("riskmodel.portal")
DEFAULT_LANGUAGE: Language = "lv"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
STATIC_TYPES = {"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8"}
SECONDS_BETWEEN_TRIES = "5"
Parameters = Callable[[], dict[str, str]]


@dataclass(frozen=True)
class StaticFiles:
    """The files of style and script, read at start, each under a name that changes with its content."""

    by_name: Mapping[str, tuple[str, bytes]]
    names: Mapping[str, str]

    def address(self, file: str) -> str:
        """Return the address of a file."""
        return f"/static/{self.names[file]}"


def static_files() -> StaticFiles:
    """Return the fixed list of files."""
    folder = resources.files("riskmodel.views") / "static"
    by_name, names = {}, {}
    for file, kind in STATIC_TYPES.items():
        content = (folder / file).read_bytes()
        stem, ending = file.rsplit(".", 1)
        names[file] = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        by_name[names[file]] = (kind, content)
    return StaticFiles(by_name, names)


@dataclass
class Desk:
    """What all handlers share: the store, the run that is open, the renderer, the files, the hosts that may be asked."""

    store: Path
    rendering: Rendering
    hosts: frozenset[str]
    static: StaticFiles = field(default_factory=static_files)
    _published: Published | None = None

    def published(self) -> Published:
        """Return the current run; what was kept of another run is dropped."""
        found = open_current(self.store, self._published)
        if found is not self._published:
            self.rendering.forget()
            self._published = found
        return found


class PortalHandler(RequestHandler):
    """Headers on every answer, no query, no foreign host, and problems told in words."""

    SUPPORTED_METHODS = ("GET", "HEAD")
    desk: Desk
    language: Language = DEFAULT_LANGUAGE

    def initialize(self, desk: Desk) -> None:
        """Take what all handlers share."""
        self.desk = desk

    def set_default_headers(self) -> None:
        """Put the security headers on every answer, problems included."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse a foreign host and any query before anything is looked at."""
        first = self.request.path.strip("/").split("/")[0]
        self.language = in_words(first) if first in LANGUAGES else DEFAULT_LANGUAGE
        if _host_of(self.request.host) not in self.desk.hosts:
            raise HTTPError(400)
        if self.request.query:
            raise HTTPError(400)

    async def head(self, *parts: str) -> None:
        """Answer as to GET; the server leaves the content out."""
        answer = self.get(*parts)
        if isawaitable(answer):
            await answer

    def check_xsrf_cookie(self) -> None:
        """Nothing: no route changes anything, and every method but GET and HEAD is refused."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell a problem in words; never a traceback. What went wrong inside gets a reference number in the log."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        reference = ""
        if isinstance(error, BusyError):
            status_code = 503
            self.set_header("Retry-After", SECONDS_BETWEEN_TRIES)
        elif status_code >= 500:
            reference = secrets.token_hex(4)
            LOG.error("%s %s %s", reference, type(error).__name__, error if isinstance(error, RenderingError) else "")
        self.set_status(status_code)
        addresses = pages.Addresses(self.language)
        problem = pages.problem(status_code, self.language, addresses, reference)
        title = message("Problem").in_language(self.language)
        self.finish(pages.page(title, problem, self.language, addresses, **self.around()))

    def log_exception(self, *_: object) -> None:
        """Leave it to :meth:`write_error`: a traceback may hold data."""

    def around(self) -> dict[str, Any]:
        """Return the addresses of style and script for a page's shell."""
        return {"style": self.desk.static.address("portal.css"), "script": self.desk.static.address("portal.js")}

    def other_language(self) -> str:
        """Return this page's address in the other language."""
        other = next(language for language in LANGUAGES if language != self.language)
        return f"/{other}{self.request.path[len(self.language) + 1 :]}"


class PageHandler(PortalHandler):
    """A page around a fragment that a view rendered."""

    async def show(self, title: str, here: str, key: Key, parameters: Parameters, published: Published) -> None:
        """Answer with the whole page; the run is the one that was open when the page was asked for."""
        fragment = await self.fragment(key, parameters)
        around = {**self.around(), "here": here, "other": self.other_language(), "run": published.run}
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(pages.page(title, fragment, self.language, pages.Addresses(self.language), **around))

    async def fragment(self, key: Key, parameters: Parameters) -> Markup:
        """Return the view's HTML, which the view's own renderer has escaped."""
        return Markup(await self.desk.rendering.fragment(key, parameters))  # noqa: S704

    def key(self, published: Published, view: str, unit: str = "") -> Key:
        """Return what this page depends on."""
        return Key(published.run_id, view, unit, self.language)

    def handed_over(self, extract: Mapping[str, Any], **more: str) -> dict[str, str]:
        """Return the parameters of a view: its extract as JSON, the language, and what else it declares."""
        content = json.dumps(extract, ensure_ascii=True, allow_nan=False)
        return {"extract": content, "language": self.language, **more}


class RootHandler(PortalHandler):
    """The way to the list of schools."""

    def get(self) -> None:
        """Go to the first language."""
        self.redirect(f"/{DEFAULT_LANGUAGE}/")


class SchoolsHandler(PageHandler):
    """The list of schools."""

    async def get(self, _language: str) -> None:
        """Show the list."""
        published = self.desk.published()
        title = message("Schools").in_language(self.language)
        await self.show(
            title, "schools", self.key(published, "schools"), lambda: self.handed_over(published.index), published
        )


class SchoolHandler(PageHandler):
    """One school's page."""

    async def get(self, _language: str, school_id: str) -> None:
        """Show the pupils in order of need."""
        published = self.desk.published()
        if school_id not in published.names:
            raise HTTPError(404)

        def parameters() -> dict[str, str]:
            return self.handed_over(published.school(school_id) or {})

        key = self.key(published, "school", school_id)
        await self.show(published.names[school_id], "schools", key, parameters, published)


class PupilHandler(PageHandler):
    """One pupil's page, and the same without the shell for the panel of the school's page."""

    async def get(self, _language: str, school_id: str, code: str, panel: str = "") -> None:
        """Show the reasons, what is not known, and the support that answers them."""
        published = self.desk.published()

        def parameters() -> dict[str, str]:
            extract = published.school(school_id) or {"pupils": []}
            # The kernel is given this pupil and nobody else.
            own = [pupil for pupil in extract["pupils"] if pupil["code"] == code]
            if not own:
                raise HTTPError(404)
            return self.handed_over({**extract, "pupils": own}, code=code)

        key = self.key(published, "pupil", f"{school_id}/{code}")
        if panel:
            fragment = await self.fragment(key, parameters)
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(str(fragment))
            return
        title = message("Pupil {code}", code=code).in_language(self.language)
        await self.show(title, "schools", key, parameters, published)


class CatalogueHandler(PageHandler):
    """The catalogue of support."""

    async def get(self, _language: str) -> None:
        """Show all measures."""
        published = self.desk.published()
        key = self.key(published, "catalogue")
        title = message("Catalogue of support").in_language(self.language)
        await self.show(title, "catalogue", key, lambda: {"language": self.language}, published)


class AboutHandler(PageHandler):
    """The page about the model."""

    async def get(self, _language: str) -> None:
        """Show what the model is and how good it has been."""
        published = self.desk.published()
        title = message("About the model").in_language(self.language)
        await self.show(
            title, "about", self.key(published, "about"), lambda: self.handed_over(published.findings), published
        )


class StaticHandler(PortalHandler):
    """The files of style and script."""

    def get(self, name: str) -> None:
        """Send one file of the fixed list."""
        if name not in self.desk.static.by_name:
            raise HTTPError(404)
        kind, content = self.desk.static.by_name[name]
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(content)


class HealthHandler(PortalHandler):
    """A sign of life for those who watch the service."""

    def get(self) -> None:
        """Say which run is shown."""
        self.finish({"state": "ok", "run_id": self.desk.published().run_id})


class NotFoundHandler(PortalHandler):
    """Every other address."""

    def prepare(self) -> None:
        """Say that there is no such page, after the same checks as everywhere."""
        super().prepare()
        raise HTTPError(404)


ROUTES: tuple[tuple[str, type[PortalHandler]], ...] = (
    (r"/", RootHandler),
    (r"/(lv|en)/", SchoolsHandler),
    (r"/(lv|en)/school/([0-9]{1,10})", SchoolHandler),
    (r"/(lv|en)/school/([0-9]{1,10})/pupil/([0-9A-F]{6,32})", PupilHandler),
    (r"/(lv|en)/school/([0-9]{1,10})/pupil/([0-9A-F]{6,32})/(panel)", PupilHandler),
    (r"/(lv|en)/support", CatalogueHandler),
    (r"/(lv|en)/about", AboutHandler),
    (r"/static/([a-z]{1,20}\.[0-9a-f]{16}\.(?:css|js))", StaticHandler),
    (r"/health", HealthHandler),
)


def _host_of(header: str) -> str:
    """Return the name in a Host header; empty for one that is not of its form."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
