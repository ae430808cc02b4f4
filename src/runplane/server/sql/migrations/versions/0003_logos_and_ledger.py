"""Logos of tenants, and the ledger of deprecated calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")


def upgrade() -> None:
    """Create every table."""
    _tenant_logos()
    _deprecated_calls()


def _tenant_logos() -> None:
    op.create_table(
        "tenant_logos",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", _TEXT, nullable=False),
        sa.Column("updated_by", _TEXT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_tenant_logos_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenant_logos"),
    )


def _deprecated_calls() -> None:
    op.create_table(
        "deprecated_calls",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("subject_type", _TEXT, nullable=False),
        sa.Column("subject_id", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("user_agent", _TEXT, nullable=False),
        sa.Column("method", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("operation_id", _TEXT, nullable=False),
        sa.Column("successor", _TEXT, nullable=True),
        sa.Column("first_seen", _INSTANT, nullable=False),
        sa.Column("last_seen", _INSTANT, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_deprecated_calls_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deprecated_calls"),
        sa.UniqueConstraint(
            "tenant_id",
            "subject_type",
            "subject_id",
            "operation_id",
            "user_agent",
            name="uq_deprecated_calls_who_and_what",
        ),
    )
    op.create_index(
        "ix_deprecated_calls_tenant_id_last_seen",
        "deprecated_calls",
        ["tenant_id", "last_seen", "id"],
        unique=False,
    )
