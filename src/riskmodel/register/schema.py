"""The declared tables of the register: accounts, grants, sessions, failed logins, places, and the audit.

One text for SQLite and PostgreSQL. Moments are texts of one width in UTC (``2026-11-28T18:05:00.000000Z``), days are ISO
texts, so that both data bases order and compare them alike. The migrations make these tables; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Dialect, ForeignKey, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from riskmodel.register.people import ROLES, ROLES_OF_A_SCHOOL

MOMENT_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
MOMENT_LENGTH, DAY_LENGTH, DIGEST_LENGTH = 27, 10, 64

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def moment_text(at: datetime) -> str:
    """Return an aware moment as the register writes it.

    >>> moment_text(datetime(2026, 11, 28, 18, 5, tzinfo=UTC))
    '2026-11-28T18:05:00.000000Z'
    """
    if at.tzinfo is None:
        raise ValueError("a moment of the register needs a time zone")
    return at.astimezone(UTC).strftime(MOMENT_FORM)


LARGE_INTEGER = BigInteger().with_variant(Integer(), "sqlite")
"""Of 64 bits on both: an ``INTEGER`` of PostgreSQL ends at 2,147,483,647, which the views of ten years may reach."""


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as text in UTC."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Return the text that is kept."""
        return None if value is None else moment_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return the moment that a text means."""
        return None if value is None else datetime.fromisoformat(value)


class Day(TypeDecorator[date]):
    """A day, kept as ISO text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        """Return the text that is kept."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> date | None:
        """Return the day that a text means."""
        return None if value is None else date.fromisoformat(value)


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition that a column holds one of some texts."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def of_length(column: str, length: int) -> CheckConstraint:
    """Return the condition that the texts of a column have one length."""
    return CheckConstraint(f"length({column}) = {length}", f"{column}_length")


ACCOUNT = Table(
    "account",
    METADATA,
    Column("account_id", Integer, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("shown_name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("password_hash", Text),  # none: the person comes by the hub or the proxy
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    CheckConstraint(one_of("language", ["lv", "en"]), "language"),
    CheckConstraint("length(login) BETWEEN 2 AND 64", "login"),
    of_length("created_at", MOMENT_LENGTH),
    of_length("disabled_at", MOMENT_LENGTH),
    sqlite_strict=True,
    sqlite_autoincrement=True,  # the number of a removed account is never given again
)

ROLE_GRANT = Table(
    "role_grant",
    METADATA,
    Column("grant_id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.account_id", ondelete="CASCADE"), nullable=False),
    Column("role", Text, nullable=False),
    Column("school_id", Text),
    Column("class_code", Text),
    Column("municipality_code", Text),
    Column("valid_from", Day),
    Column("valid_to", Day),
    CheckConstraint(one_of("role", ROLES), "role"),
    CheckConstraint(f"({one_of('role', sorted(ROLES_OF_A_SCHOOL))}) = (school_id IS NOT NULL)", "school"),
    CheckConstraint("(role = 'class_teacher') = (class_code IS NOT NULL)", "class"),
    CheckConstraint("(role = 'municipality') = (municipality_code IS NOT NULL)", "municipality"),
    CheckConstraint("valid_from < valid_to", "days"),
    of_length("valid_from", DAY_LENGTH),
    of_length("valid_to", DAY_LENGTH),
    Index(None, "account_id"),
    sqlite_strict=True,
)

GRANT_PUPIL = Table(
    "grant_pupil",
    METADATA,
    Column("grant_id", Integer, ForeignKey("role_grant.grant_id", ondelete="CASCADE"), primary_key=True),
    Column("pupil_id", Text, primary_key=True),
    sqlite_strict=True,
)

SESSION = Table(
    "session",
    METADATA,
    Column("token_digest", Text, primary_key=True),  # the token itself is known to the browser alone
    Column("account_id", Integer, ForeignKey("account.account_id", ondelete="CASCADE"), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    of_length("token_digest", DIGEST_LENGTH),
    of_length("opened_at", MOMENT_LENGTH),
    of_length("seen_at", MOMENT_LENGTH),
    Index(None, "account_id"),
    sqlite_strict=True,
)

FAILED_LOGIN = Table(
    "failed_login",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("key_digest", Text, primary_key=True),  # people type passwords into the wrong field: no text is kept
    Column("tries", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    CheckConstraint(one_of("kind", ["account", "address"]), "kind"),
    CheckConstraint("tries >= 0", "tries"),
    of_length("key_digest", DIGEST_LENGTH),
    of_length("last_at", MOMENT_LENGTH),
    sqlite_strict=True,
)

CAPACITY = Table(
    "capacity",
    METADATA,
    Column("school_id", Text, primary_key=True),
    Column("places", Integer, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", Moment, nullable=False),
    CheckConstraint("places >= 0", "places"),
    of_length("entered_at", MOMENT_LENGTH),
    sqlite_strict=True,
)

AUDIT_ENTRY = Table(
    "audit_entry",
    METADATA,
    Column("number", LARGE_INTEGER, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),  # as it was hashed
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON, as it was hashed
    Column("previous_digest", Text, nullable=False),
    Column("digest", Text, nullable=False),
    of_length("at", MOMENT_LENGTH),
    of_length("previous_digest", DIGEST_LENGTH),
    of_length("digest", DIGEST_LENGTH),
    Index(None, "actor"),
    Index(None, "subject"),
    sqlite_strict=True,
)

AUDIT_HEAD = Table(
    "audit_head",
    METADATA,
    Column("head_id", Integer, primary_key=True, autoincrement=False),
    Column("entry_count", LARGE_INTEGER, nullable=False),
    Column("digest", Text, nullable=False),
    CheckConstraint("head_id = 1", "one_row"),
    CheckConstraint("entry_count >= 0", "entry_count"),
    of_length("digest", DIGEST_LENGTH),
    sqlite_strict=True,
)
"""One row: number and digest of the last entry. Whoever writes an entry holds it, so that entries get one order."""
