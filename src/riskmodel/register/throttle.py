"""Failed logins make the next ones wait: by account against guessing, by address against trying many accounts.

A try counts as failed from the moment it is let in until it has passed, so that a hundred at once get no further than
ten in a row. A try that has to wait does not count: who waits is let in at last, also while somebody else tries.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, select, update

from riskmodel.register.accounts import normal_login
from riskmodel.register.database import Act, Database
from riskmodel.register.schema import ACCOUNT, FAILED_LOGIN

Kind = Literal["account", "address"]


@dataclass(frozen=True)
class Patience:
    """How many tries are free, and the longest wait after them; waits double from one second."""

    free_tries: int
    longest_seconds: int

    def wait_seconds(self, tries: int) -> int:
        """Return how long the next try waits after so many failed ones.

        >>> [Patience(5, 900).wait_seconds(tries) for tries in (4, 5, 6, 7, 60)]
        [0, 1, 2, 4, 900]
        """
        beyond = tries - self.free_tries
        return 0 if beyond < 0 else min(1 << min(beyond, 30), self.longest_seconds)


PATIENCE: dict[Kind, Patience] = {
    "account": Patience(free_tries=5, longest_seconds=900),
    # A school comes from one address: its wait stays short, so that one guesser does not lock out all.
    "address": Patience(free_tries=20, longest_seconds=60),
}
FORGOTTEN_AFTER = timedelta(days=1)


class Throttle:
    """The failed logins of one register. ``now`` is an aware moment, ``address`` that of the client."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(self, login: str, address: str, now: datetime) -> int:
        """Let a login be tried, or say how long it has to wait: 0 means go on, else whole seconds.

        Follow an admitted try with :meth:`passed` or :meth:`failed`. Same answers for known and unknown logins.
        """
        with self._database.acting() as act:
            act.connection.execute(delete(FAILED_LOGIN).where(FAILED_LOGIN.c.last_at <= now - FORGOTTEN_AFTER))
            keys = _keys(login, address)
            wait = max(_wait_seconds(act, kind, key, now) for kind, key in keys.items())
            if not wait:
                for kind, key in keys.items():
                    _count(act, kind, key, now)
            return wait

    def passed(self, login: str, address: str) -> None:
        """Take back the count of a try that was admitted and right; the account's failed tries are forgotten."""
        keys = _keys(login, address)
        with self._database.acting() as act:
            act.connection.execute(delete(FAILED_LOGIN).where(_is("account", keys["account"])))
            act.connection.execute(
                update(FAILED_LOGIN)
                .where(_is("address", keys["address"]), FAILED_LOGIN.c.tries > 0)
                .values(tries=FAILED_LOGIN.c.tries - 1)
            )

    def failed(self, login: str, address: str, now: datetime) -> None:
        """Write the audit's ``login_refused`` for a try that was admitted and wrong, without what was typed.

        Its details say whether the login is known, be it closed, and how many seconds the next try has to wait.
        """
        with self._database.acting() as act:
            known = act.connection.scalar(select(ACCOUNT.c.login).where(ACCOUNT.c.login == normal_login(login)))
            wait = max(_wait_seconds(act, kind, key, now) for kind, key in _keys(login, address).items())
            details: dict[str, str | int] = {"is_known": int(known is not None), "seconds": wait}
            if known is not None:
                details["account"] = known
            act.record(None, "login_refused", details=details)


def _keys(login: str, address: str) -> dict[Kind, str]:
    # What is no login is one account: typing rubbish must not be a way around the delay, nor fill the table.
    return {"account": _digest(normal_login(login)), "address": _digest(address)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is(kind: Kind, key: str) -> ColumnElement[bool]:
    return and_(FAILED_LOGIN.c.kind == kind, FAILED_LOGIN.c.key_digest == key)


def _wait_seconds(act: Act, kind: Kind, key: str, now: datetime) -> int:
    row = act.connection.execute(select(FAILED_LOGIN).where(_is(kind, key))).one_or_none()
    if row is None:
        return 0
    last_at: datetime = row.last_at
    until = last_at + timedelta(seconds=PATIENCE[kind].wait_seconds(row.tries))
    return max(0, math.ceil((until - now).total_seconds()))


def _count(act: Act, kind: Kind, key: str, now: datetime) -> None:
    counted = act.connection.execute(
        update(FAILED_LOGIN).where(_is(kind, key)).values(tries=FAILED_LOGIN.c.tries + 1, last_at=now)
    )
    if not counted.rowcount:
        act.connection.execute(FAILED_LOGIN.insert().values(kind=kind, key_digest=key, tries=1, last_at=now))
