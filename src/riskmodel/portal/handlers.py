"""The portal's routes, built from nothing: five kinds of page, a fixed list of files, and a sign of life.

There is no route to kernels, contents, files, sockets or anything else of Jupyter. Pages are read only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
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

    async def show(self, title: str, here: str, key: Key, parameters: dict[str, str], run: dict[str, Any]) -> None:
        """Answer with the whole page."""
        fragment = await self.fragment(key, parameters)
        around = {**self.around(), "here": here, "other": self.other_language(), "run": run}
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(pages.page(title, fragment, self.language, pages.Addresses(self.language), **around))

    async def fragment(self, key: Key, parameters: dict[str, str]) -> Markup:
        """Return the view's HTML, which the view's own renderer has escaped."""
        return Markup(await self.desk.rendering.fragment(key, parameters))  # noqa: S704

    def key(self, published: Published, view: str, unit: str = "") -> Key:
        """Return what this page depends on."""
        return Key(published.run_id, view, unit, self.language)


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
        parameters = {"extract": _json(published.index), "language": self.language}
        title = message("Schools").in_language(self.language)
        await self.show(title, "schools", self.key(published, "schools"), parameters, published.run)


class SchoolHandler(PageHandler):
    """One school's page."""

    async def get(self, _language: str, school_id: str) -> None:
        """Show the pupils in order of need."""
        published = self.desk.published()
        extract = published.school(school_id)
        if extract is None:
            raise HTTPError(404)
        title = extract["school"]["school_name"] or school_id
        parameters = {"extract": _json(extract), "language": self.language}
        await self.show(title, "schools", self.key(published, "school", school_id), parameters, published.run)


class PupilHandler(PageHandler):
    """One pupil's page, and the same without the shell for the panel of the school's page."""

    async def get(self, _language: str, school_id: str, code: str, panel: str = "") -> None:
        """Show the reasons, what is not known, and the support that answers them."""
        published = self.desk.published()
        extract = published.school(school_id)
        pupil = next((one for one in extract["pupils"] if one["code"] == code), None) if extract else None
        if extract is None or pupil is None:
            raise HTTPError(404)
        # The kernel is given this pupil and nobody else.
        parameters = {"extract": _json({**extract, "pupils": [pupil]}), "code": code, "language": self.language}
        key = self.key(published, "pupil", f"{school_id}/{code}")
        if panel:
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(str(await self.fragment(key, parameters)))
            return
        title = message("Pupil {code}", code=code).in_language(self.language)
        await self.show(title, "schools", key, parameters, published.run)


class CatalogueHandler(PageHandler):
    """The catalogue of support."""

    async def get(self, _language: str) -> None:
        """Show all measures."""
        published = self.desk.published()
        title = message("Catalogue of support").in_language(self.language)
        key = self.key(published, "catalogue")
        await self.show(title, "catalogue", key, {"language": self.language}, published.run)


class AboutHandler(PageHandler):
    """The page about the model."""

    async def get(self, _language: str) -> None:
        """Show what the model is and how good it has been."""
        published = self.desk.published()
        parameters = {"extract": _json(published.findings), "language": self.language}
        title = message("About the model").in_language(self.language)
        await self.show(title, "about", self.key(published, "about"), parameters, published.run)


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


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _host_of(header: str) -> str:
    """Return the name in a Host header; empty for one that is not of its form."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
