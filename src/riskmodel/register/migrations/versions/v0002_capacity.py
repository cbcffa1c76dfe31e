"""The places for support that a director enters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "capacity",
        sa.Column("school_id", sa.Text, nullable=False),
        sa.Column("places", sa.Integer, nullable=False),
        sa.Column("entered_by", sa.Text, nullable=False),
        sa.Column("entered_at", sa.Text, nullable=False),
        sa.CheckConstraint("places >= 0", name=op.f("ck_capacity_places")),
        sa.CheckConstraint("length(entered_at) = 27", name=op.f("ck_capacity_entered_at_length")),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_capacity")),
        sqlite_strict=True,
    )
