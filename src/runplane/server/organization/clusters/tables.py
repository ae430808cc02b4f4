"""Clusters. A deleted cluster leaves no row: everything in it goes with it, the audit log keeps the event."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, UniqueConstraint

from runplane.server.sql.schema import InstantText, Text, metadata

clusters = Table(
    "clusters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    # the scope's path, what lists are narrowed by; a cluster never moves
    Column("path", Text, nullable=False),
    Column("domain", Text),
    Column("version", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    # the agent has been asked to clean up; the row goes when it says that it has
    Column("delete_requested_at", InstantText),
    # our clock at the last heartbeat, NULL until an agent spoke
    Column("last_liveness", InstantText),
    Column("simulated", Boolean, nullable=False),
    # the agent's client secret under the key-encryption key: install information shows it again
    Column("agent_secret", LargeBinary, nullable=False),
    # JSON: conditions, operands, platform, config and dependencies as last reported
    Column("report", Text),
    UniqueConstraint("tenant_id", "name"),
    Index("ix_clusters_tenant_id_path", "tenant_id", "path"),
)
