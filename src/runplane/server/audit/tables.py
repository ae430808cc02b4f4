"""The audit log, one row per change, refusal or sign-in; and the ledger of deprecated calls."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from runplane.server.sql.schema import InstantText, Text, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, nullable=False),
    Column("timestamp", InstantText, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("source_ip", Text),
    Column("action", Text, nullable=False),
    Column("http_method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("entity_type", Text),
    Column("entity_name", Text),
    Column("entity_id", Text),
    Column("result", Text, nullable=False),
    Column("http_status_code", Integer, nullable=False),
    Column("cluster_name", Text),
    Column("cluster_id", Text),
    Column("request_id", Text, nullable=False),
    # JSON object of at most ten text values
    Column("metadata", Text),
    Index("ix_audit_log_tenant_id_timestamp", "tenant_id", "timestamp", "id"),
)

# One row for each caller, program and route; the callers' names are those of their last call.
deprecated_calls = Table(
    "deprecated_calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("operation_id", Text, nullable=False),
    Column("successor", Text),
    Column("first_seen", InstantText, nullable=False),
    Column("last_seen", InstantText, nullable=False),
    Column("calls", BigInteger, nullable=False),
    UniqueConstraint(
        "tenant_id",
        "subject_type",
        "subject_id",
        "operation_id",
        "user_agent",
        name="uq_deprecated_calls_who_and_what",
    ),
    Index("ix_deprecated_calls_tenant_id_last_seen", "tenant_id", "last_seen", "id"),
)
