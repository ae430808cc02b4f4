"""Reports and their files."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from runplane.server.sql.schema import InstantText, Text, metadata

reports = Table(
    "reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    # kind and key of the subject that asked for it, as access rules name subjects
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("start_at", InstantText, nullable=False),
    Column("end_at", InstantText, nullable=False),
    Column("group_by", Text),
    # JSON arrays: terms of filterBy; the scopes it is of, as they were when it was asked for
    Column("filter_by", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("status_updated_at", InstantText, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    # the CSV file, once it is ready
    Column("content", Text),
    Index("ix_reports_tenant_id_id", "tenant_id", "id"),
    Index("ix_reports_tenant_id_owner", "tenant_id", "owner", "id"),
)
