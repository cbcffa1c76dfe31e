"""The door of accounts with passwords: a form, a session on the server, a way out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tornado.web import HTTPError, RequestHandler

from riskmodel.messages import Language, Message, message, plural
from riskmodel.portal.desk import Desk
from riskmodel.portal.forms import token_for
from riskmodel.portal.handlers import HTML, PageHandler, PortalHandler
from riskmodel.portal.identity import cookie_attributes
from riskmodel.portal.render import BusyError
from riskmodel.portal.shell import Page
from riskmodel.portal.visits import SessionDoor, onward
from riskmodel.register.people import Person
from riskmodel.views import pages

CHECKS_AT_ONCE = 2
"""A check of a password costs 19 MiB and tens of milliseconds, by design: more at once would be a way to stop the service."""
MOST_WAITING = 60
MOST_CHARACTERS = 1000


class LocalDoor(SessionDoor):
    """Accounts of the register; a cookie names a session that the register keeps."""

    def open_for(self, desk: Desk) -> None:
        """Take what all handlers share."""
        super().open_for(desk)
        self._checks = ThreadPoolExecutor(CHECKS_AT_ONCE, thread_name_prefix="password")
        self._waiting = 0

    def login_address(self, language: Language) -> str:
        """Return the address of the form."""
        return f"{self.desk.front.base}{language}/login"

    def own_routes(self) -> list[tuple[str, type[PortalHandler]]]:
        """Return the form."""
        return [(r"(lv|en)/login", LoginHandler)]

    async def check_password(self, login: str, password: str) -> Person | None:
        """Return whom login and password name; the same work is done for a login that does not exist."""
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            check, loop = self.desk.register.accounts.check_password, asyncio.get_running_loop()
            return await loop.run_in_executor(self._checks, check, login, password)
        finally:
            self._waiting -= 1

    async def enter(self, handler: RequestHandler, person: Person) -> None:
        """Open a new session; the form's own cookie has done its work."""
        await super().enter(handler, person)
        handler.clear_cookie(self.form_cookie(handler), **cookie_attributes(self.desk.front))

    def form_cookie(self, handler: RequestHandler) -> str:
        """Return the name of the cookie to which the login form is bound, as there is no session yet."""
        return self.cookie("form", handler)


class LoginHandler(PortalHandler):
    """The form to log in; it works without script and lets password managers do their work."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST")
    QUERY = frozenset({"next"})
    FIELDS = frozenset({"login", "password", "next"})

    @property
    def door(self) -> LocalDoor:
        """The door that this form belongs to."""
        if not isinstance(self.desk.door, LocalDoor):
            raise HTTPError(404)
        return self.desk.door

    def form_key(self) -> str:
        """Return the secret of the form, which its own cookie holds."""
        return self.get_cookie(self.door.form_cookie(self)) or ""

    async def get(self, _language: str) -> None:
        """Show the form; who has come in already goes on."""
        if await self.door.get_user(self):
            self.redirect(onward(self.desk, self.query.get("next", ""), self.language))
            return
        has_ended = bool(self.door.session_token(self))
        notice = (
            message("Your session has ended. Please log in again; what was saved is not lost.") if has_ended else None
        )
        self._show_form({"next": self.query.get("next", "")}, notice=notice)

    async def post(self, _language: str) -> None:
        """Let in whoever knows the password of an account, not too often."""
        login, password, wanted = self.field("login").strip(), self.field("password"), self.field("next")
        given = {"login": login, "next": wanted}
        faults = _missing(login, password)
        if faults:
            self._show_form(given, faults, status=400)
            return
        desk, address, now = self.desk, self.request.remote_ip or "", self.desk.clock()
        seconds = await desk.in_thread(lambda: desk.register.throttle.admit(login, address, now))
        if seconds:
            self.set_header("Retry-After", str(seconds))
            self._show_form(given, {"password": _wait(seconds)}, status=429)
            return
        person = await self.door.check_password(login, password)
        if person is None:
            await desk.in_thread(lambda: desk.register.throttle.failed(login, address, now))
            self._show_form(given, {"password": message("Login and password do not belong together.")}, status=401)
            return
        await desk.in_thread(lambda: desk.register.throttle.passed(login, address))
        await self.door.enter(self, person)
        self.language = person.language
        self.redirect(onward(self.desk, wanted, self.language), status=303)

    def _show_form(
        self,
        given: Mapping[str, str],
        faults: Mapping[str, Message] | None = None,
        *,
        notice: Message | None = None,
        status: int = 200,
    ) -> None:
        key = self.form_key()
        if not key:
            key = secrets.token_urlsafe(32)
            self.set_cookie(self.door.form_cookie(self), key, **cookie_attributes(self.desk.front))
        told = {name: text.in_language(self.language) for name, text in (faults or {}).items()}
        values: dict[str, Any] = {
            "action": self.door.login_address(self.language),
            "token": token_for(key),
            "login": given.get("login", "")[:MOST_CHARACTERS],
            "next": given.get("next", "")[:MOST_CHARACTERS],
            "faults": {"login": "", "password": ""} | told,
            "notice": notice.in_language(self.language) if notice else "",
        }
        content = pages.render("login.html.j2", self.language, self.desk.addresses(self.language), **values)
        self.set_status(status)
        self.set_header("Content-Type", HTML)
        self.finish(self.composed(Page(message("Log in"), "login"), content))


class LogoutHandler(PageHandler):
    """The way out, by POST with the token of the session: no link of another page can take it."""

    SUPPORTED_METHODS = ("POST",)

    async def post(self, _language: str) -> None:
        """End the visit."""
        if self.visitor is None:
            raise HTTPError(401)
        self.redirect(await self.desk.door.leave(self, self.visitor), status=303)


def _missing(login: str, password: str) -> dict[str, Message]:
    faults = {}
    if not login:
        faults["login"] = message("Please fill in your login.")
    if not password:
        faults["password"] = message("Please fill in your password.")
    return faults


def _wait(seconds: int) -> Message:
    if seconds < 60:
        return plural(
            "Too many tries. Please wait {count} second and try again.",
            "Too many tries. Please wait {count} seconds and try again.",
            seconds,
        )
    return plural(
        "Too many tries. Please wait {count} minute and try again.",
        "Too many tries. Please wait {count} minutes and try again.",
        -int(-seconds // 60),
    )
