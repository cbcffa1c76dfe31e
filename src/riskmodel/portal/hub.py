"""The door of a JupyterHub: the hub says who comes; what that person may see stands in our register alone.

The hub is asked once, when somebody comes in. From then on a session of the register counts, and no token of the hub is kept:
not in a cookie, not in memory. OpenID Connect, or whatever else people log in with, is the hub's matter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from tornado.web import HTTPError, RequestHandler

from riskmodel.messages import LANGUAGES, Language, Message, message
from riskmodel.portal.handlers import HTML, PortalHandler
from riskmodel.portal.hub_service import HubService
from riskmodel.portal.identity import NO_ACCOUNT, cookie_attributes
from riskmodel.portal.policy import holding
from riskmodel.portal.shell import Page
from riskmodel.portal.visits import SessionDoor, onward
from riskmodel.register.people import Person
from riskmodel.views import pages
from riskmodel.views.notebook import in_words

LOGIN_SECONDS = 600
MOST_ATTEMPTS = 5
"""Logins that one browser may have under way: tabs that are opened again all at once each begin one."""
ID_LETTERS = 8
NOT_CONFIRMED = message("This login was not completed, or took too long. Please go to the start and try again.")
LOGGED_OUT = message("You have logged out of these pages.")


@dataclass(frozen=True)
class Attempt:
    """A login under way. The browser's cookie holds its secret and where it leads; the hub sees what is made of the secret.

    >>> attempt = Attempt("secret", "/lv/")
    >>> Attempt.read(attempt.written()) == attempt, len(attempt.state), Attempt.read("x")
    (True, 64, None)
    """

    secret: str
    wanted: str

    @property
    def state(self) -> str:
        """What the hub sends back with the code: it shows that this browser began the login."""
        return self._made_for(b"state").hex()

    @property
    def verifier(self) -> str:
        """What the code can be exchanged with, and nobody else knows (RFC 7636)."""
        return _base64(self._made_for(b"verifier"))

    @property
    def challenge(self) -> str:
        """The verifier's SHA-256, which the hub is told when the login begins."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())

    def written(self) -> str:
        """Return the cookie's value."""
        return f"{self.secret}.{_base64(self.wanted.encode())}"

    @classmethod
    def read(cls, value: str) -> Attempt | None:
        """Return what a cookie holds; None when it is none of ours."""
        secret, _, wanted = value.partition(".")
        try:
            path = base64.b64decode(wanted + "=" * (-len(wanted) % 4), altchars=b"-_", validate=True).decode()
        except ValueError:
            return None
        return cls(secret, path) if secret and path else None

    def _made_for(self, purpose: bytes) -> bytes:
        return hmac.digest(self.secret.encode(), b"riskmodel login at a hub, version 1: " + purpose, "sha256")


class HubDoor(SessionDoor):
    """People whom a hub names, as far as the register knows them."""

    def __init__(self, service: HubService) -> None:
        super().__init__()
        self.service = service

    def login_address(self, language: Language) -> str:
        """Return where a login begins."""
        return f"{self.desk.front.base}{language}/login"

    def address_after(self, language: Language) -> str:
        """Return the page that says what logging out here did, and what not: the login would let in again at once."""
        return f"{self.desk.front.base}{language}/logged-out"

    def own_routes(self) -> list[tuple[str, type[PortalHandler]]]:
        """Return the begin of a login, where the hub sends people back to, and the page after the end."""
        callback = re.escape(self.service.callback.removeprefix(self.service.base))
        return [
            (r"(lv|en)/login", HubLoginHandler),
            (r"(lv|en)/logged-out", LoggedOutHandler),
            (callback, HubCallbackHandler),
        ]

    async def person_named(self, login: str) -> Person | None:
        """Return the person with a login, who must hold a role today; what looks like a login is none."""
        desk = self.desk
        person = await desk.in_thread(lambda: desk.register.accounts.find(login)) if login.isascii() else None
        if person is not None and holding(person, desk.today()):
            return person
        details: dict[str, str | int] = {"is_known": int(person is not None)}
        if person is not None:
            details["account"] = person.login
        await desk.in_thread(lambda: desk.register.audit.write(None, "login_refused", "", "", details))
        return None

    def attempt_cookie(self, state: str, handler: RequestHandler) -> str:
        """Return the name of the cookie of a login under way; each has its own, for each tab that begins one."""
        return self.cookie(f"hub-{state[:ID_LETTERS]}", handler)

    def attempt_cookies(self, handler: RequestHandler) -> list[str]:
        """Return the names of all such cookies that a browser brought."""
        ours = re.compile(re.escape(self.cookie("hub-ID", handler)).replace("ID", f"[0-9a-f]{{{ID_LETTERS}}}"))
        return [name for name in handler.cookies if ours.fullmatch(name)]


class HubHandler(PortalHandler):
    """What is asked for on the way in and out."""

    @property
    def door(self) -> HubDoor:
        """The door that this page belongs to."""
        if not isinstance(self.desk.door, HubDoor):
            raise HTTPError(404)
        return self.desk.door

    def forget_attempts(self) -> None:
        """Let the browser drop the cookies of logins under way."""
        for name in self.door.attempt_cookies(self):
            self.clear_cookie(name, **cookie_attributes(self.desk.front))

    def tell(self, said: Message, status: int = 200) -> None:
        """Show a page that says something, and how to leave the hub."""
        values = {
            "text": said.in_language(self.language),
            "hub": f"{self.door.service.hub_address}logout",
            "status": status,
        }
        content = pages.render("at_the_hub.html.j2", self.language, self.desk.addresses(self.language), **values)
        self.set_status(status)
        self.set_header("Content-Type", HTML)
        self.finish(self.composed(Page(said if status == 200 else message("Problem")), content))


class HubLoginHandler(HubHandler):
    """The begin of a login: to the hub, with what shows afterwards that this browser began it."""

    QUERY = frozenset({"next"})

    async def get(self, _language: str) -> None:
        """Go to the hub; who has come in already goes on."""
        path = onward(self.desk, self.query.get("next", ""), self.language)
        if await self.door.get_user(self):
            self.redirect(path)
            return
        if len(self.door.attempt_cookies(self)) >= MOST_ATTEMPTS:
            self.forget_attempts()
        attempt = Attempt(secrets.token_urlsafe(32), path)
        attributes = {**cookie_attributes(self.desk.front), "max_age": LOGIN_SECONDS}
        self.set_cookie(self.door.attempt_cookie(attempt.state, self), attempt.written(), **attributes)
        self.redirect(self.door.service.authorization_address(attempt.state, attempt.challenge))


class HubCallbackHandler(HubHandler):
    """Where the hub sends people back to, with a code that names them to us alone."""

    QUERY = frozenset({"code", "state", "error", "error_description"})

    async def get(self) -> None:
        """Let in whom the hub names, if the register knows a task for that person."""
        state = self.query.get("state", "")
        attempt = Attempt.read(self.get_cookie(self.door.attempt_cookie(state, self)) or "")
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
            await self._not_begun_here()
            return
        self.language = self._language_of(attempt.wanted)
        self.forget_attempts()
        login = await self.door.service.login_for(self.query.get("code", ""), attempt.verifier)
        if login is None:
            self.tell(NOT_CONFIRMED, 403)
            return
        person = await self.door.person_named(login)
        if person is None:
            self.tell(NO_ACCOUNT, 403)
            return
        await self.door.enter(self, person)
        self.redirect(onward(self.desk, attempt.wanted, self.language))

    async def _not_begun_here(self) -> None:
        """Send on who has come in meanwhile, by another tab; anybody else was sent here by somebody else, or is late."""
        visitor = await self.door.get_user(self)
        if visitor is None:
            self.tell(NOT_CONFIRMED, 403)
        else:
            self.redirect(self.desk.addresses(visitor.person.language).schools())

    def _language_of(self, path: str) -> Language:
        first = path.removeprefix(self.desk.front.base).split("/")[0]
        return in_words(first) if first in LANGUAGES else self.language


class LoggedOutHandler(HubHandler):
    """The page after the way out."""

    def get(self, _language: str) -> None:
        """Say that our session is over and the hub's is not."""
        self.tell(LOGGED_OUT)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
