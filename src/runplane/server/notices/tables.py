"""The table of notices. A row is both the proof that a notice was decided on and the order to deliver it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table

from runplane.server.sql.schema import InstantText, Text, metadata

notices = Table(
    "notices",
    metadata,
    Column("credential_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True),
    # the end that is told of: a credential that is given another end has notices of its own for it
    Column("expires_at", InstantText, primary_key=True),
    Column("days", Integer, primary_key=True, autoincrement=False),
    # one row for each way, so that a mail server that is down does not repeat the webhook's
    Column("channel", Text, primary_key=True),
    Column("attempts", Integer, nullable=False),
    # when to try next; NULL when nothing is left to do
    Column("due_at", InstantText, index=True),
    # proves that a delivery is this process's
    Column("lease", Text),
    Column("sent_at", InstantText),
)
