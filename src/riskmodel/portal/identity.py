"""The door: who asks. One base for the three ways to log in; roles and scopes always come from our own register.

A door is a ``jupyter_server`` identity provider. Who is not known by it is nobody: there is no token, no anonymous user,
and an account that the register does not know, or has disabled, does not come in whatever a hub or a proxy says.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_server.auth.identity import IdentityProvider, User
from tornado.web import HTTPError, RequestHandler

from riskmodel.messages import Language, Message, message
from riskmodel.register.people import Person

if TYPE_CHECKING:
    from riskmodel.portal.desk import Desk, Front
    from riskmodel.portal.handlers import PortalHandler


NO_ACCOUNT = message(
    "You are logged in, but no open account of these pages with a task for you has that name. Ask the steward of the register in your institution."
)
"""For doors at which others have asked who comes."""


class TurnedAwayError(HTTPError):
    """Somebody does not come in; a page says why, in ``words``."""

    def __init__(self, status: int, words: Message) -> None:
        super().__init__(status)
        self.words = words


@dataclass
class Visitor(User):
    """Somebody who has come in, as the register knows them.

    Attributes
    ----------
    key
        The secret of this visit, to which the tokens of its forms are bound; it never leaves the server but in the
        visitor's own cookie.
    """

    person: Person = field(kw_only=True)
    key: str = field(kw_only=True, repr=False)

    @classmethod
    def of(cls, person: Person, key: str) -> Visitor:
        """Return the visitor for a person of the register."""
        return cls(person.login, person.shown_name, person=person, key=key)


class Door(IdentityProvider):
    """Says who asks. A subclass finds the person; everything else of the portal is the same for all of them."""

    token = ""
    """No shared secret: a request that carried one would skip the checks of forms."""

    desk: Desk

    def open_for(self, desk: Desk) -> None:
        """Take what all handlers share, before the first request."""
        self.desk = desk

    @abstractmethod
    async def get_user(self, handler: RequestHandler) -> Visitor | None:
        """Return who asks, or None for nobody; never raise for what a request holds."""

    @abstractmethod
    def login_address(self, language: Language) -> str:
        """Return where people are sent who have not come in; ``?next=`` and a path may be added."""

    def turn_away(self, handler: PortalHandler) -> None:
        """Answer somebody whom :meth:`get_user` does not know: readers are sent to the login, and back here afterwards.

        Raises
        ------
        HTTPError
            For anything but a page that a browser wants to show.
        """
        is_reading = handler.request.method in {"GET", "HEAD"}
        if not is_reading or handler.request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            raise HTTPError(401)
        handler.redirect(f"{self.login_address(handler.language)}?next={quote(handler.request.path, safe='/')}")

    @property
    def can_log_out(self) -> bool:
        """Whether the page shows a way out; a proxy may keep that to itself."""
        return True

    async def leave(self, handler: PortalHandler, visitor: Visitor) -> str:
        """End a visit and return the address to go to."""
        return self.login_address(handler.language)

    def own_routes(self) -> list[tuple[str, type[PortalHandler]]]:
        """Return the routes that only this door has, open to everybody: patterns below the base path."""
        return []

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return no route of jupyter_server's own."""
        return []

    async def get_user_token(self, handler: RequestHandler) -> None:
        """Return nobody: there are no tokens."""

    def is_token_authenticated(self, handler: RequestHandler) -> bool:
        """Whether a token was shown: never."""
        return False


def cookie_name(purpose: str, front: Front, port: int) -> str:
    """Return the name of a cookie: bound to the host by the browser under HTTPS, told apart by place under plain HTTP.

    Cookies do not know of ports: two portals on one machine would otherwise overwrite each other's.
    """
    place = hashlib.sha256(front.base.encode()).hexdigest()[:8]
    return f"__Host-riskmodel-{purpose}-{place}" if front.is_secure else f"riskmodel-{purpose}-{port}-{place}"


def cookie_attributes(front: Front) -> dict[str, Any]:
    """Return how our cookies are set: never read by scripts, not sent along from other sites, gone with the browser."""
    # The prefix __Host- demands the path "/".
    path = "/" if front.is_secure else front.base
    return {"httponly": True, "samesite": "Lax", "secure": front.is_secure, "path": path}
