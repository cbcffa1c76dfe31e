"""Visits kept on this side: a session of the register, named to the browser by a cookie. Two of the three doors keep them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tornado.web import RequestHandler

from riskmodel.messages import Language
from riskmodel.portal.identity import Door, Visitor, cookie_attributes, cookie_name
from riskmodel.register.people import Person

if TYPE_CHECKING:
    from riskmodel.portal.desk import Desk
    from riskmodel.portal.handlers import PortalHandler

OWN_PATH = re.compile(r"(lv|en)(/[A-Za-z0-9_.-]+)*/?")
"""A path below our base to which a login may lead on; nothing in it can name another host."""


class SessionDoor(Door):
    """A door through which somebody comes once; from then on a cookie names the session that the register keeps."""

    async def get_user(self, handler: RequestHandler) -> Visitor | None:
        """Return whose session the cookie names."""
        token = self.session_token(handler)
        if not token:
            return None
        desk = self.desk
        person = await desk.in_thread(lambda: desk.register.sessions.person(token, desk.clock()))
        return None if person is None else Visitor.of(person, token)

    async def enter(self, handler: RequestHandler, person: Person) -> None:
        """Open a new session, whatever the browser brought along, and end the one that it had."""
        desk, old = self.desk, self.session_token(handler)
        if old:
            await desk.in_thread(lambda: desk.register.sessions.close(old))
        token = await desk.in_thread(lambda: desk.register.sessions.open(person, desk.clock()))
        handler.set_cookie(self.session_cookie(handler), token, **cookie_attributes(desk.front))

    async def leave(self, handler: PortalHandler, visitor: Visitor) -> str:
        """Close the session; its cookie is worth nothing from now on."""
        desk = self.desk
        await desk.in_thread(lambda: desk.register.sessions.close(visitor.key))
        handler.clear_cookie(self.session_cookie(handler), **cookie_attributes(desk.front))
        return self.address_after(handler.language)

    def address_after(self, language: Language) -> str:
        """Return where people are sent who have logged out."""
        return self.login_address(language)

    def session_token(self, handler: RequestHandler) -> str:
        """Return what the browser brought as its session; empty for nothing."""
        return handler.get_cookie(self.session_cookie(handler)) or ""

    def session_cookie(self, handler: RequestHandler) -> str:
        """Return the name of the cookie of the session."""
        return self.cookie("session", handler)

    def cookie(self, purpose: str, handler: RequestHandler) -> str:
        """Return the name of a cookie of this portal."""
        return cookie_name(purpose, self.desk.front, _port(handler))


def onward(desk: Desk, path: str, language: Language) -> str:
    """Return where to go after a login: the page that was asked for, if it is one of ours, else the start."""
    base = desk.front.base
    inside = path.removeprefix(base)
    if path.startswith(base) and OWN_PATH.fullmatch(inside) and "//" not in path and ".." not in path:
        return path
    return desk.addresses(language).schools()


def _port(handler: RequestHandler) -> int:
    """Return the port that the request was sent to, by which cookies of two portals on one machine differ."""
    found = handler.request.host.rpartition(":")[2]
    return int(found) if found.isascii() and found.isdigit() else 0
