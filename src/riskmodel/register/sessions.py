"""Sessions: kept on this side, known to the browser by a random token alone, and dead whenever the account changes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from riskmodel.register.accounts import person_where
from riskmodel.register.database import Database
from riskmodel.register.people import Person
from riskmodel.register.schema import ACCOUNT, SESSION

TOKEN_BYTES = 32
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
NOTED_EVERY = timedelta(minutes=1)
"""How often a session's last use is written: a write for each page would make every reader a writer."""


class Sessions:
    """The open sessions of one register. ``now`` is an aware moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, person: Person, now: datetime) -> str:
        """Open a session for somebody who has just logged in; return its token (43 letters, 256 random bits).

        Writes the audit's ``login``. Sessions that ended by time are removed.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._database.acting() as act:
            ended = or_(SESSION.c.seen_at <= now - IDLE, SESSION.c.opened_at <= now - LONGEST)
            act.connection.execute(delete(SESSION).where(ended))
            act.connection.execute(
                SESSION.insert().values(
                    token_digest=_digest(token), account_id=person.account_id, opened_at=now, seen_at=now
                )
            )
            act.record(person, "login", details={"account_id": person.account_id})
        return token

    def person(self, token: str, now: datetime) -> Person | None:
        """Return whose session a token opens, as the account is now; None when it opens none (any more).

        Ends after 30 minutes without use (noted to the minute, never later) and 8 hours in all.
        """
        digest = _digest(token)
        with self._database.reading() as connection:
            row = connection.execute(select(SESSION).where(SESSION.c.token_digest == digest)).one_or_none()
            if row is None or now - row.seen_at >= IDLE or now - row.opened_at >= LONGEST:
                return None
            person = person_where(connection, ACCOUNT.c.account_id == row.account_id)
        if person is not None and now - row.seen_at >= NOTED_EVERY:
            with self._database.acting() as act:
                newer = (SESSION.c.token_digest == digest, SESSION.c.seen_at < now)
                act.connection.execute(update(SESSION).where(*newer).values(seen_at=now))
        return person

    def close(self, token: str) -> None:
        """End a session; writes the audit's ``logout`` when there was one."""
        digest = _digest(token)
        with self._database.acting() as act:
            account_id = act.connection.scalar(select(SESSION.c.account_id).where(SESSION.c.token_digest == digest))
            if account_id is not None:
                act.connection.execute(delete(SESSION).where(SESSION.c.token_digest == digest))
                who = person_where(act.connection, ACCOUNT.c.account_id == account_id)
                act.record(who, "logout", details={"account_id": int(account_id)})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
