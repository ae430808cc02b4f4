"""The table of jobs. A job that is done has no row."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from runplane.server.sql.schema import InstantText, Text, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("kind", Text, nullable=False),
    # JSON object
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # from then on whoever comes first may take it: when it was made, a lease runs out, or a pause is over
    Column("due_at", InstantText, nullable=False),
    # of the process that works on it
    Column("lease", Text),
    Column("created_at", InstantText, nullable=False),
    Index("ix_jobs_due_at", "due_at", "id"),
)
