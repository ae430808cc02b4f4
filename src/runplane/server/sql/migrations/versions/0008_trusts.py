"""Trusts in tokens of other issuers, and the scope of a session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables, and the column of sessions."""
    _trusts()
    _exchanged_tokens()
    op.add_column("sessions", sa.Column("scope", _TEXT, nullable=False, server_default=""))


def _trusts() -> None:
    op.create_table(
        "trusts",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("service_account_id", _TEXT, nullable=False),
        sa.Column("issuer", _TEXT, nullable=False),
        sa.Column("audience", _TEXT, nullable=False),
        sa.Column("conditions", _TEXT, nullable=False),
        sa.Column("jwks", _TEXT, nullable=True),
        sa.Column("max_token_seconds", sa.Integer(), nullable=False),
        sa.Column("single_use", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_by", _TEXT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_trusts_tenant_id"),
        sa.ForeignKeyConstraint(
            ["service_account_id"], ["clients.id"], name="fk_trusts_service_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_trusts"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_trusts_tenant_id_name"),
    )
    op.create_index("ix_trusts_service_account_id", "trusts", ["service_account_id"], unique=False)
    op.create_index("ix_trusts_tenant_id_id", "trusts", ["tenant_id", "id"], unique=False)
    op.create_index("ix_trusts_tenant_id_issuer", "trusts", ["tenant_id", "issuer"], unique=False)


def _exchanged_tokens() -> None:
    op.create_table(
        "exchanged_tokens",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_exchanged_tokens_tenant_id"),
        sa.PrimaryKeyConstraint("digest", "tenant_id", name="pk_exchanged_tokens"),
    )
    op.create_index("ix_exchanged_tokens_expires_at", "exchanged_tokens", ["expires_at"], unique=False)
