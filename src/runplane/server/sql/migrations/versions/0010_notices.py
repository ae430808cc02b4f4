"""Notices of credentials that are about to expire, and an index for finding these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table and the index."""
    op.create_table(
        "notices",
        sa.Column("credential_id", _TEXT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("channel", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=True),
        sa.Column("lease", _TEXT, nullable=True),
        sa.Column("sent_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["clients.id"], name="fk_notices_credential_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("credential_id", "expires_at", "days", "channel", name="pk_notices"),
    )
    op.create_index("ix_notices_due_at", "notices", ["due_at"], unique=False)
    op.create_index("ix_clients_expires_at", "clients", ["expires_at"], unique=False)
