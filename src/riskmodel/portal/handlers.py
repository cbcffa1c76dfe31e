"""What every answer of the portal has in common: headers, checks before anything is looked at, problems told in words.

A handler that shows something asks :meth:`PageHandler.allowed` first; it gives the scope without which no fragment can be
had, and writes the audit.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from markupsafe import Markup
from tornado.web import HTTPError, RequestHandler

from riskmodel.messages import LANGUAGES, Language, message
from riskmodel.portal import forms, names, shell
from riskmodel.portal.desk import Desk
from riskmodel.portal.identity import TurnedAwayError, Visitor
from riskmodel.portal.log import note
from riskmodel.portal.policy import RULES, Ask, DeniedError, Scope, Unit, UnknownError, decide
from riskmodel.portal.published import Published
from riskmodel.portal.render import BusyError, Key, RenderingError
from riskmodel.portal.shell import Page
from riskmodel.register.database import Action
from riskmodel.register.people import Person
from riskmodel.views import pages
from riskmodel.views.notebook import in_words

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
TRANSPORT_SECURITY = "max-age=31536000"
SECONDS_BETWEEN_TRIES = "5"
HTML = "text/html; charset=utf-8"
OPEN = "open"
"""The access of what anybody may ask for: the login, files of style, a sign of life, addresses that do not exist."""

LOOKS: Mapping[Unit, Action] = {"school": "page_viewed", "pupil": "pupil_viewed"}
"""What the audit calls a look at a view, by what the view is about."""

Parameters = Callable[[], dict[str, str]]


class TooManyError(Exception):
    """One person has opened too many different pupils in a short time."""


class PortalHandler(RequestHandler):
    """Headers on every answer, a known person where one is needed, no foreign host, no unknown query."""

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD")
    QUERY: frozenset[str] = frozenset()
    """The keys that a query may hold, each once."""
    FIELDS: frozenset[str] = frozenset()
    """The fields that a form may hold beside its token, each once."""

    desk: Desk
    access: str
    language: Language = DEFAULT_LANGUAGE
    visitor: Visitor | None = None

    def initialize(self, desk: Desk, access: str) -> None:
        """Take what all handlers share, and the view that the route's policy names (or ``OPEN``)."""
        self.desk, self.access = desk, access
        desk.under_way.begin()
        if desk.front.is_secure:
            self.set_header("Strict-Transport-Security", TRANSPORT_SECURITY)

    def set_default_headers(self) -> None:
        """Put the security headers on every answer, problems included."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        """Refuse a foreign host, an unknown query, who is not known, and a form that no page of ours sent."""
        self.language = self._language_of_path()
        if _host_of(self.request.host) not in self.desk.front.hosts:
            raise HTTPError(400)
        self.query = self._checked_query()
        if self.access != OPEN:
            self.visitor = await self.desk.door.get_user(self)
            if self.visitor is None:
                self.desk.door.turn_away(self)
                return
        if self.request.method == "POST":
            self._check_form()

    def on_finish(self) -> None:
        """Count the request off: it is answered, also when its reader has gone."""
        self.desk.under_way.end()

    def form_key(self) -> str:
        """Return the secret to which the tokens of this visit's forms are bound; empty when there is none."""
        return self.visitor.key if self.visitor else ""

    async def head(self, *parts: str) -> None:
        """Answer as to GET; the server leaves the content out."""
        answer = self.get(*parts)
        if isawaitable(answer):
            await answer

    def check_xsrf_cookie(self) -> None:
        """Nothing: our own check of forms (:meth:`prepare`) is stricter, and made for every POST."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell a problem in words; never a traceback. What went wrong inside gets a reference number in the log."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status = _status_of(error, status_code)
        if status == 503:
            self.set_header("Retry-After", SECONDS_BETWEEN_TRIES)
        reference = ""
        if status >= 500 and status != 503:
            reference = secrets.token_hex(4)
            kind = str(error) if isinstance(error, RenderingError) else type(error).__name__
            note("error", reference=reference, error=kind)
        self.set_status(status)
        addresses = self.desk.addresses(self.language)
        said = error.words if isinstance(error, TurnedAwayError) else None
        problem = pages.problem(status, self.language, addresses, reference, said)
        self.set_header("Content-Type", HTML)
        self.finish(self.composed(Page(message("Problem")), problem))

    def log_exception(self, *_: object) -> None:
        """Leave it to :meth:`write_error`: a traceback may hold data."""

    def composed(self, page: Page, content: Markup) -> str:
        """Return a whole page in the reader's language."""
        other = self.other_language() if page.here or page.scope else ""
        around = shell.around(self.desk, page, self.language, self.visitor, other)
        title, addresses = page.title_in(self.language), self.desk.addresses(self.language)
        return pages.page(title, content, self.language, addresses, **around)

    def other_language(self) -> str:
        """Return this page's address in the other language."""
        other = next(language for language in LANGUAGES if language != self.language)
        path = self.request.path.removeprefix(f"{self.desk.front.base}{self.language}")
        return f"{self.desk.front.base}{other}{path}"

    def _language_of_path(self) -> Language:
        first = self.request.path.removeprefix(self.desk.front.base).split("/")[0]
        return in_words(first) if first in LANGUAGES else DEFAULT_LANGUAGE

    def _checked_query(self) -> Mapping[str, str]:
        if not self.request.query:
            return {}
        try:
            pairs = parse_qsl(self.request.query, keep_blank_values=True, strict_parsing=True, errors="strict")
        except ValueError:
            raise HTTPError(400) from None
        found = dict(pairs)
        if len(found) < len(pairs) or not set(found) <= self.QUERY:
            raise HTTPError(400)
        return found

    def _check_form(self) -> None:
        headers = self.request.headers
        kind = headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind not in forms.CONTENT_TYPES:
            raise HTTPError(400)
        found = self.request.body_arguments
        if not set(found) <= self.FIELDS | {forms.TOKEN_FIELD} or any(len(values) > 1 for values in found.values()):
            raise HTTPError(400)
        if not forms.is_from_own_page(headers, self.desk.front.origin(self.request.host)):
            raise HTTPError(403)
        given = self.request.headers.get(forms.TOKEN_HEADER) or self.field(forms.TOKEN_FIELD)
        if not forms.is_token(given, self.form_key()):
            raise HTTPError(403)

    def field(self, name: str) -> str:
        """Return a field of the form; empty when it is missing."""
        return self.get_body_argument(name, "", strip=False) or ""


class PageHandler(PortalHandler):
    """What shows something of a run or of the register to a person whom the policy lets see it."""

    @property
    def person(self) -> Person:
        """Who asks."""
        if self.visitor is None:  # cannot be: the route is not open to everybody
            raise HTTPError(403)
        return self.visitor.person

    async def allowed(
        self,
        published: Published,
        *,
        school_id: str | None = None,
        pupil_id: str | None = None,
        municipality_code: str | None = None,
        file_kind: str | None = None,
        plan_code: str | None = None,
    ) -> Scope:
        """Return what the person may see of the route's view, and write the look into the audit where that is due.

        Raises
        ------
        DeniedError, UnknownError
            As :func:`riskmodel.portal.policy.decide`; the try is in the audit then.
        TooManyError
            When this would be one pupil too many.
        """
        ask = Ask(self.access, school_id, pupil_id, municipality_code, file_kind, plan_code)
        try:
            scope = decide(self.person, ask, published, self.desk.today())
        except (DeniedError, UnknownError):
            await self.record("access_denied", ask, published)
            raise
        rule = RULES[ask.view]
        if rule.unit == "pupil" and not self.desk.pace.may_open(self.person.account_id, pupil_id or ""):
            if self.desk.pace.is_first_alarm(self.person.account_id):
                await self.record("mass_reading", ask, published)
            raise TooManyError
        if (rule.is_recorded and rule.unit in LOOKS) or file_kind is not None:
            await self.record("file_exported" if file_kind else LOOKS[rule.unit], ask, published)
        return scope

    async def allowed_pupil(
        self, published: Published, school_id: str, code: str, *, file_kind: str | None = None
    ) -> Scope:
        """As :meth:`allowed`, for the pupil whose short code stands in the address.

        Who has nothing to do with the school is answered before its pupils are looked up.
        """
        try:
            decide(self.person, Ask("school", school_id), published, self.desk.today())
            pupil_id = published.members(school_id)[code].pupil_id
        except (DeniedError, UnknownError, KeyError) as error:
            await self.record("access_denied", Ask(self.access, school_id, code, None, file_kind), published)
            if isinstance(error, KeyError):
                raise UnknownError from None
            raise
        return await self.allowed(published, school_id=school_id, pupil_id=pupil_id, file_kind=file_kind)

    async def record(self, action: Action, ask: Ask, published: Published) -> None:
        """Write one row into the audit; nothing is shown when it cannot be written."""
        unit = f"school:{ask.school_id}" if ask.school_id else ""
        if ask.municipality_code:
            unit = f"municipality:{ask.municipality_code}"
        details: dict[str, str | int] = {"view": ask.view, "run_id": published.run_id, "language": self.language}
        if ask.file_kind:
            details["file_kind"] = ask.file_kind
        if ask.plan_code:
            details["plan"] = ask.plan_code
        subject, person = ask.pupil_id or "", self.person
        await self.desk.in_thread(lambda: self.desk.register.audit.write(person, action, unit, subject, details))

    async def show(self, page: Page, content: Markup) -> None:
        """Answer with a whole page around its content."""
        self.set_header("Content-Type", HTML)
        self.finish(self.composed(page, content))

    async def fragment(self, scope: Scope, parameters: Parameters, published: Published, edition: str = "") -> Markup:
        """Return a view's HTML for a scope, which the view's own renderer has escaped, with names where they belong.

        ``edition`` tells what the HTML depends on beside run, scope and language, e.g. a number that was entered; the page of an
        earlier one is let go.
        """
        key = Key(published.run_id, scope.view, scope.fingerprint, self.language, edition)
        html = Markup(await self.desk.rendering.fragment(key, parameters))  # noqa: S704
        found = self.names_for(scope, published)
        return html if found is None else names.named(html, found)

    def names_for(self, scope: Scope, published: Published) -> Mapping[str, str] | None:
        """Return the names of a scope's pupils by their codes; None for who is not shown names."""
        if not scope.shows_names:
            return None
        members = published.members(scope.unit.split("/")[0]).values()
        of_school = self.desk.names.of(members)
        if scope.pupil_ids is None:
            return of_school
        own = (member.code for member in members if member.pupil_id in scope.pupil_ids)
        return {code: of_school[code] for code in own if code in of_school}

    def handed_over(self, extract: Mapping[str, Any] | None = None, **more: str) -> dict[str, str]:
        """Return the parameters of a view: its extract as JSON, the language, the base path, and what else it declares."""
        given = {"language": self.language, "base": self.desk.front.base, **more}
        if extract is not None:
            given["extract"] = json.dumps(extract, ensure_ascii=True, allow_nan=False)
        return given


def _status_of(error: BaseException | None, status: int) -> int:
    kinds = ((DeniedError, 403), (UnknownError, 404), (TooManyError, 429), (BusyError, 503))
    return next((found for kind, found in kinds if isinstance(error, kind)), status)


def _host_of(header: str) -> str:
    """Return the name in a Host header; empty for one that is not of its form."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
