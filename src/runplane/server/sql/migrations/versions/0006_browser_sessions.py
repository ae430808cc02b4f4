"""Sessions of people who signed in with a browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the one table."""
    op.create_table(
        "browser_sessions",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("session_id", _TEXT, nullable=False),
        sa.Column("last_active_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_browser_sessions_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_browser_sessions"),
    )
    op.create_index("ix_browser_sessions_session_id", "browser_sessions", ["session_id"], unique=True)
