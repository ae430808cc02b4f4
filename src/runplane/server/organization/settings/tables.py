"""Settings of a tenant: one row for each that was changed; the defaults are data in the code."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table

from runplane.server.sql.schema import InstantText, Text, metadata

tenant_settings = Table(
    "tenant_settings",
    metadata,
    Column("tenant_id", Integer, ForeignKey("tenants.id"), primary_key=True),
    # which of the two families it belongs to: `tenant` or `security`
    Column("family", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    # JSON
    Column("value", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", InstantText, nullable=False),
)

tenant_logos = Table(
    "tenant_logos",
    metadata,
    Column("tenant_id", Integer, ForeignKey("tenants.id"), primary_key=True, autoincrement=False),
    Column("image", LargeBinary, nullable=False),
    # as the content says, never as the sender does
    Column("media_type", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", InstantText, nullable=False),
)
