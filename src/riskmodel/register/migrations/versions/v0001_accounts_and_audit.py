"""Accounts, grants, sessions, failed logins, and the audit with its empty head."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from riskmodel.register.guards import keep_unchanged

revision = "0001"
down_revision = None

ROLES = (
    "'class_teacher', 'subject_teacher', 'support_staff', 'director', 'municipality', 'state', 'researcher', 'steward'"
)
LARGE_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SCHOOL_ROLES = "'class_teacher', 'director', 'subject_teacher', 'support_staff'"


def _of_length(table: str, column: str, length: int) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length({column}) = {length}", name=op.f(f"ck_{table}_{column}_length"))


def upgrade() -> None:
    """Make the tables."""
    _make_accounts()
    _make_sessions()
    _make_audit()


def _make_accounts() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("shown_name", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("disabled_at", sa.Text),
        sa.CheckConstraint("language IN ('lv', 'en')", name=op.f("ck_account_language")),
        sa.CheckConstraint("length(login) BETWEEN 2 AND 64", name=op.f("ck_account_login")),
        _of_length("account", "created_at", 27),
        _of_length("account", "disabled_at", 27),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_table(
        "role_grant",
        sa.Column("grant_id", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("school_id", sa.Text),
        sa.Column("class_code", sa.Text),
        sa.Column("municipality_code", sa.Text),
        sa.Column("valid_from", sa.Text),
        sa.Column("valid_to", sa.Text),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_role_grant_role")),
        sa.CheckConstraint(f"(role IN ({SCHOOL_ROLES})) = (school_id IS NOT NULL)", name=op.f("ck_role_grant_school")),
        sa.CheckConstraint("(role = 'class_teacher') = (class_code IS NOT NULL)", name=op.f("ck_role_grant_class")),
        sa.CheckConstraint(
            "(role = 'municipality') = (municipality_code IS NOT NULL)", name=op.f("ck_role_grant_municipality")
        ),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_role_grant_days")),
        _of_length("role_grant", "valid_from", 10),
        _of_length("role_grant", "valid_to", 10),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_role_grant")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_role_grant_account_id"), ondelete="CASCADE"
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_role_grant_account_id"), "role_grant", ["account_id"])
    op.create_table(
        "grant_pupil",
        sa.Column("grant_id", sa.Integer, nullable=False),
        sa.Column("pupil_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("grant_id", "pupil_id", name=op.f("pk_grant_pupil")),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["role_grant.grant_id"], name=op.f("fk_grant_pupil_grant_id"), ondelete="CASCADE"
        ),
        sqlite_strict=True,
    )


def _make_sessions() -> None:
    op.create_table(
        "session",
        sa.Column("token_digest", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Text, nullable=False),
        _of_length("session", "token_digest", 64),
        _of_length("session", "opened_at", 27),
        _of_length("session", "seen_at", 27),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_session")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_session_account_id"), ondelete="CASCADE"
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_session_account_id"), "session", ["account_id"])
    op.create_table(
        "failed_login",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key_digest", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("last_at", sa.Text, nullable=False),
        sa.CheckConstraint("kind IN ('account', 'address')", name=op.f("ck_failed_login_kind")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_failed_login_tries")),
        _of_length("failed_login", "key_digest", 64),
        _of_length("failed_login", "last_at", 27),
        sa.PrimaryKeyConstraint("kind", "key_digest", name=op.f("pk_failed_login")),
        sqlite_strict=True,
    )


def _make_audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("number", LARGE_INTEGER, nullable=False, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous_digest", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        _of_length("audit_entry", "at", 27),
        _of_length("audit_entry", "previous_digest", 64),
        _of_length("audit_entry", "digest", 64),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entry")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_audit_entry_actor"), "audit_entry", ["actor"])
    op.create_index(op.f("ix_audit_entry_subject"), "audit_entry", ["subject"])
    head = op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("entry_count", LARGE_INTEGER, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.CheckConstraint("head_id = 1", name=op.f("ck_audit_head_one_row")),
        sa.CheckConstraint("entry_count >= 0", name=op.f("ck_audit_head_entry_count")),
        _of_length("audit_head", "digest", 64),
        sa.PrimaryKeyConstraint("head_id", name=op.f("pk_audit_head")),
        sqlite_strict=True,
    )
    op.bulk_insert(head, [{"head_id": 1, "entry_count": 0, "digest": "0" * 64}])
    keep_unchanged(op.get_bind(), "audit_entry")
