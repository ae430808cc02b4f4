"""Authorization codes and device codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")


def upgrade() -> None:
    """Create both tables."""
    _authorization_codes()
    _device_logins()


def _authorization_codes() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("client_id", _TEXT, nullable=False),
        sa.Column("redirect_uri", _TEXT, nullable=False),
        sa.Column("code_challenge", _TEXT, nullable=False),
        sa.Column("nonce", _TEXT, nullable=False),
        sa.Column("scope", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("approved_in", _TEXT, nullable=False),
        sa.Column("signed_in_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("used_at", _INSTANT, nullable=True),
        sa.Column("session_id", _TEXT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_authorization_codes_tenant_id"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_authorization_codes_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["approved_in"], ["sessions.id"], name="fk_authorization_codes_approved_in", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_authorization_codes"),
    )
    for column in ("user_id", "approved_in", "expires_at"):
        op.create_index(f"ix_authorization_codes_{column}", "authorization_codes", [column], unique=False)


def _device_logins() -> None:
    op.create_table(
        "device_logins",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("user_code_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("client_id", _TEXT, nullable=False),
        sa.Column("scope", _TEXT, nullable=False),
        sa.Column("source_ip", _TEXT, nullable=False),
        sa.Column("source_network", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("asked_at", _INSTANT, nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("user_id", _TEXT, nullable=True),
        sa.Column("user_epoch", sa.Integer(), nullable=True),
        sa.Column("signed_in_at", _INSTANT, nullable=True),
        sa.Column("used_at", _INSTANT, nullable=True),
        sa.Column("session_id", _TEXT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_device_logins_tenant_id"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_device_logins_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_device_logins"),
        sa.UniqueConstraint("user_code_digest", name="uq_device_logins_user_code_digest"),
    )
    for column in ("user_id", "expires_at"):
        op.create_index(f"ix_device_logins_{column}", "device_logins", [column], unique=False)
    op.create_index(
        "ix_device_logins_tenant_id_source_network",
        "device_logins",
        ["tenant_id", "source_network"],
        unique=False,
    )
