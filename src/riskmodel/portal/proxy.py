"""The door behind a proxy that has logged people in: it names them in one header, and shows a secret in another.

Whoever can reach the port can send headers. So the name counts only with the secret, which the proxy and a file share; each
header stands exactly once, in exactly this spelling; and the portal listens where only this machine can reach it.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from pathlib import Path
from typing import NoReturn

from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError, RequestHandler

from riskmodel.errors import UsageError
from riskmodel.messages import Language, Message, message
from riskmodel.portal.handlers import PortalHandler
from riskmodel.portal.identity import NO_ACCOUNT, Door, TurnedAwayError, Visitor
from riskmodel.portal.policy import holding

USER_HEADER = "X-Riskmodel-User"
SECRET_HEADER = "X-Riskmodel-Secret"  # noqa: S105  (the name of a header)
SECRET = re.compile(rb"[!-~]{32,1000}")
SECRET_MODE = 0o400
MOST_BYTES = 2000
NOT_LOGGED_IN = message(
    "Nobody is logged in. These pages are opened by the address of your institution, which asks who you are."
)


class ProxyDoor(Door):
    """People whom the proxy in front names, as far as the register knows them. Each request is looked at anew."""

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self._secret = secret

    async def get_user(self, handler: RequestHandler) -> Visitor | None:
        """Return whom the proxy names, who must hold a role today."""
        login = named(handler.request.headers, self._secret)
        if login is None:
            return None
        desk = self.desk
        person = await desk.in_thread(lambda: desk.register.accounts.find(login))
        if person is None or not holding(person, desk.today()):
            return None
        key = hmac.digest(self._secret, f"forms of account {person.account_id}".encode(), "sha256").hex()
        return Visitor.of(person, key)

    def turn_away(self, handler: PortalHandler) -> NoReturn:
        """Say that nobody is logged in, or that whoever is has no task here; there is no form of ours to send people to."""
        if named(handler.request.headers, self._secret) is None:
            raise TurnedAwayError(401, NOT_LOGGED_IN)
        raise TurnedAwayError(403, NO_ACCOUNT)

    def login_address(self, language: Language) -> str:
        """Return the start: the proxy asks who comes before it lets anybody there."""
        return f"{self.desk.front.base}{language}/"

    @property
    def can_log_out(self) -> bool:
        """Never here: the login is the proxy's, and so is its end."""
        return False

    async def leave(self, handler: PortalHandler, visitor: Visitor) -> NoReturn:
        """Refuse: there is no session of ours that could end."""
        raise HTTPError(404)


def named(headers: HTTPHeaders, secret: bytes) -> str | None:
    """Return the login that a proxy with the right secret names; None for anything else.

    >>> named(HTTPHeaders({"X-Riskmodel-User": "anna", "X-Riskmodel-Secret": "a" * 32}), b"a" * 32)
    'anna'
    >>> named(HTTPHeaders({"X-Riskmodel-User": "anna"}), b"a" * 32) is None
    True
    """
    for name in {name for name, _ in headers.get_all()}:
        ours = name.replace("_", "-").title()
        if ours in {USER_HEADER, SECRET_HEADER} and ours != name:
            return None
    logins, secrets = headers.get_list(USER_HEADER), headers.get_list(SECRET_HEADER)
    if len(logins) != 1 or len(secrets) != 1:
        return None
    # Compared before the name is looked at: the answer tells nothing about names to who has no secret.
    if not hmac.compare_digest(secrets[0].encode("utf-8", "surrogatepass"), secret):
        return None
    return logins[0] if logins[0] and logins[0].isascii() else None


def read_secret(file: Path | None, store: Path) -> bytes:
    """Return the secret that the proxy shares with the portal.

    Raises
    ------
    UsageError
        When there is no such file, others may read it, it lies in the store, or it holds no fit secret.
    """
    if file is None or not file.is_file():
        found = message("No file was named.") if file is None else message("There is no such file.")
        raise _unfit(message("With --identity proxy, the proxy and the portal share a secret."), found, file)
    if file.resolve().is_relative_to(store.resolve()):
        raise _unfit(
            message("The secret lies outside the store, which is copied and read by others."),
            message("It lies in the store."),
            file,
        )
    with file.open("rb") as opened:
        status = os.fstat(opened.fileno())
        content = opened.read(MOST_BYTES).removesuffix(b"\n")
    if stat.S_IMODE(status.st_mode) != SECRET_MODE or status.st_uid != os.geteuid():
        raise _unfit(
            message("The file of the secret belongs to the portal's user and has mode 0400: only it may read."),
            message("It has mode {mode}, or another owner.", mode=f"{stat.S_IMODE(status.st_mode):04o}"),
            file,
        )
    if not SECRET.fullmatch(content):
        raise _unfit(
            message("The secret is one line of 32 to 1000 letters, digits and signs, without spaces."),
            message("The file holds something else."),
            file,
        )
    return content


def _unfit(must: Message, found: Message, file: Path | None) -> UsageError:
    return UsageError(
        must,
        found=found,
        remedy=message("Make it with: umask 377; openssl rand -hex 32 > FILE and give it with --proxy-secret FILE."),
        where=str(file) if file else "--proxy-secret",
    )
