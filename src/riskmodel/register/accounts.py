"""Accounts: who may log in, under which login, with which roles. Every change is one act with its audit entry."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from riskmodel.errors import UsageError
from riskmodel.messages import LANGUAGES, Language, Message, message
from riskmodel.register import passwords
from riskmodel.register.actors import printable
from riskmodel.register.database import Act, Database
from riskmodel.register.grants import check_grant, details_of, is_same_seat, read_grants, unit_of, write_grant
from riskmodel.register.people import Grant, Person
from riskmodel.register.schema import ACCOUNT, ROLE_GRANT, SESSION

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
"""ASCII only: two logins that look alike are the same login."""


@dataclass(frozen=True)
class Account:
    """An account as a list shows it: the person, and whether and how that person can log in."""

    person: Person
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_disabled(self) -> bool:
        """Whether nobody can log in with it."""
        return self.disabled_at is not None


class Accounts:
    """The accounts of one register."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        login: str,
        shown_name: str,
        password: str | None,
        language: Language,
        grants: Iterable[Grant],
        by: Person | str,
    ) -> Person:
        """Add an account; without a password its person comes by the hub or the proxy only.

        Raises
        ------
        UsageError
            When the login is taken or is no login, or a grant or the password is not fit.
        """
        login, given = checked_login(login), tuple(grants)
        if language not in LANGUAGES:
            raise ValueError(f"no language of the pages: {language!r}")
        for grant in given:
            check_grant(grant)
        if password is not None:
            passwords.check_password_rules(password, login)
        password_hash = None if password is None else passwords.hash_password(password)
        with self._database.acting() as act:
            if _row(act.connection, ACCOUNT.c.login == login) is not None:
                raise _not_so(message("A login names one account."), message("There is one with this login."))
            made = act.connection.execute(
                ACCOUNT.insert().values(
                    login=login,
                    shown_name=printable(shown_name.strip()) or login,
                    language=language,
                    password_hash=password_hash,
                    created_at=self._database.clock(),
                )
            )
            account_id = int((made.inserted_primary_key or (0,))[0])
            act.record(by, "account_added", details={"account": login, "account_id": account_id})
            for grant in given:
                write_grant(act.connection, account_id, grant)
                act.record(by, "grant_added", unit=unit_of(grant), details={"account": login, **details_of(grant)})
            return _the(act.connection, login).person

    def list(self) -> tuple[Account, ...]:
        """Return all accounts, in the order of their logins."""
        with self._database.reading() as connection:
            return _accounts(connection, connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.login)).all())

    def of_school(self, school_id: str) -> tuple[Account, ...]:
        """Return the accounts that hold a role in a school, on whatever days, in the order of their names."""
        held = select(ROLE_GRANT.c.account_id).where(ROLE_GRANT.c.school_id == school_id)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(ACCOUNT).where(ACCOUNT.c.account_id.in_(held)).order_by(ACCOUNT.c.shown_name, ACCOUNT.c.login)
            ).all()
            return _accounts(connection, rows)

    def find(self, login: str) -> Person | None:
        """Return who has a login; None when it is unknown, disabled, or no login at all."""
        with self._database.reading() as connection:
            return person_where(connection, ACCOUNT.c.login == normal_login(login))

    def check_password(self, login: str, password: str) -> Person | None:
        """Return who logs in, None when login and password are not those of an open account.

        The work is the same in every case. A hash made with older parameters is made anew. Takes about 40 ms and
        waits while two others are at work: call it in a thread.
        """
        login = normal_login(login)
        with self._database.reading() as connection:
            row = _row(connection, ACCOUNT.c.login == login)
        kept = None if row is None else row.password_hash
        if not passwords.is_right(password, kept) or row is None or kept is None:
            return None
        if row.disabled_at is None and passwords.is_outdated(kept):
            self._rehash(login, password, kept)
        return self.find(login)

    def _rehash(self, login: str, password: str, kept: str) -> None:
        password_hash = passwords.hash_password(password)
        with self._database.acting() as act:
            account = _the(act.connection, login)
            changed = act.connection.execute(
                update(ACCOUNT)
                .where(ACCOUNT.c.login == login, ACCOUNT.c.password_hash == kept)
                .values(password_hash=password_hash)
            )
            if changed.rowcount:
                act.record(account.person, "password_rehashed", details={"account": login})

    def set_password(self, login: str, password: str | None, by: Person | str) -> None:
        """Set a password, or take it away (None); open sessions end.

        Raises
        ------
        UsageError
            When the login is unknown or the password is not fit.
        """
        login = normal_login(login)
        if password is not None:
            passwords.check_password_rules(password, login)
        password_hash = None if password is None else passwords.hash_password(password)
        with self._database.acting() as act:
            self._change(act, login, {"password_hash": password_hash})
            act.record(by, "password_set", details={"account": login})

    def disable(self, login: str, by: Person | str) -> None:
        """Let nobody log in with an account any more; open sessions end at once. Disabled already: no change."""
        with self._database.acting() as act:
            if not _the(act.connection, normal_login(login)).is_disabled:
                self._change(act, normal_login(login), {"disabled_at": self._database.clock()})
                act.record(by, "account_disabled", details={"account": normal_login(login)})

    def enable(self, login: str, by: Person | str) -> None:
        """Open an account that was disabled; its password and roles are as before. Open already: no change."""
        with self._database.acting() as act:
            if _the(act.connection, normal_login(login)).is_disabled:
                self._change(act, normal_login(login), {"disabled_at": None})
                act.record(by, "account_enabled", details={"account": normal_login(login)})

    def remove(self, login: str, by: Person | str) -> None:
        """Remove an account with its roles and sessions. The audit keeps what was done with it."""
        with self._database.acting() as act:
            person = _the(act.connection, normal_login(login)).person
            act.connection.execute(delete(ACCOUNT).where(ACCOUNT.c.account_id == person.account_id))
            act.record(by, "account_removed", details={"account": person.login, "account_id": person.account_id})

    def grant(self, login: str, grant: Grant, by: Person | str) -> None:
        """Give a role in a unit. The same role in the same unit is replaced; open sessions end.

        Raises
        ------
        UsageError
            When the login is unknown or the grant is not fit.
        """
        check_grant(grant)
        with self._database.acting() as act:
            account_id = self._change(act, normal_login(login), {})
            _drop_seat(act.connection, account_id, grant)
            write_grant(act.connection, account_id, grant)
            details = {"account": normal_login(login), **details_of(grant)}
            act.record(by, "grant_added", unit=unit_of(grant), details=details)

    def revoke(self, login: str, grant: Grant, by: Person | str) -> None:
        """Take a role in a unit away, on whatever days and for whichever pupils it held; open sessions end.

        Raises
        ------
        UsageError
            When the login is unknown or does not hold the role.
        """
        check_grant(grant)
        with self._database.acting() as act:
            account_id = self._change(act, normal_login(login), {})
            if not _drop_seat(act.connection, account_id, grant):
                raise _not_so(
                    message("Only a role that an account holds can be taken away."),
                    message("It holds no such role in this unit."),
                )
            details = {"account": normal_login(login), **details_of(grant)}
            act.record(by, "grant_revoked", unit=unit_of(grant), details=details)

    @staticmethod
    def _change(act: Act, login: str, values: dict[str, object]) -> int:
        """Change an account that must be there and end its sessions: they were opened by another one, so to speak."""
        account_id = _the(act.connection, login).person.account_id
        if values:
            act.connection.execute(update(ACCOUNT).where(ACCOUNT.c.account_id == account_id).values(**values))
        act.connection.execute(delete(SESSION).where(SESSION.c.account_id == account_id))
        return account_id


def normal_login(text: str) -> str:
    """Return a login as it is kept: without spaces around it, in small letters; nothing when it can be none.

    >>> normal_login(" Liga.Ozola "), normal_login("līga")
    ('liga.ozola', '')
    """
    plain = unicodedata.normalize("NFKC", text.strip()).lower()
    return plain if LOGIN.fullmatch(plain) else ""


def checked_login(text: str) -> str:
    """Return a new login as it is kept.

    Raises
    ------
    UsageError
        When it can be none.
    """
    login = normal_login(text)
    if not login:
        raise _not_so(
            message("A login has 2 to 64 letters a to z, figures or . _ - + @, and begins with a letter or figure."),
            message("The login that was given is not so."),
        )
    return login


def person_where(connection: Connection, condition: ColumnElement[bool]) -> Person | None:
    """Return the person of the one open account that a condition names, with its grants."""
    row = _row(connection, condition)
    return None if row is None or row.disabled_at is not None else _accounts(connection, [row])[0].person


def _row(connection: Connection, condition: ColumnElement[bool]) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(ACCOUNT).where(condition)).one_or_none()


def _the(connection: Connection, login: str) -> Account:
    row = _row(connection, ACCOUNT.c.login == login)
    if row is None:
        raise UsageError(
            message("An account is named by its login."),
            found=message("There is none with this login."),
            remedy=message("See the logins with: riskmodel user list"),
        )
    return _accounts(connection, [row])[0]


def _accounts(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> tuple[Account, ...]:
    grants = read_grants(connection, [row.account_id for row in rows])
    return tuple(
        Account(
            Person(
                row.account_id,
                row.login,
                row.shown_name,
                row.language,
                tuple(grant for _, grant in grants[row.account_id]),
            ),
            row.password_hash is not None,
            row.created_at,
            row.disabled_at,
        )
        for row in rows
    )


def _drop_seat(connection: Connection, account_id: int, wanted: Grant) -> bool:
    numbers = [
        number for number, held in read_grants(connection, [account_id])[account_id] if is_same_seat(held, wanted)
    ]
    connection.execute(delete(ROLE_GRANT).where(ROLE_GRANT.c.grant_id.in_(numbers)))
    return bool(numbers)


def _not_so(must: Message, found: Message) -> UsageError:
    return UsageError(must, found=found, remedy=message("See the accounts with: riskmodel user list"))
