"""What a session has besides when a browser holds it: a cookie, and the instant of its last use."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, Table

from runplane.server.sql.schema import InstantText, Text, metadata

browser_sessions = Table(
    "browser_sessions",
    metadata,
    # SHA-256 of the cookie: whoever reads the database cannot become anybody
    Column("digest", LargeBinary(32), primary_key=True),
    Column(
        "session_id",
        Text,
        ForeignKey("sessions.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        unique=True,
    ),
    Column("last_active_at", InstantText, nullable=False),
)
