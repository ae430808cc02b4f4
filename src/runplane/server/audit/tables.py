"""The audit log, one row per change, refusal or sign-in, with its chain; and the ledger of deprecated calls.

No index of the log is unique but its primary key, whose values grow with time: PostgreSQL can then keep the
log in partitions by ranges of `id` (docs/guides/audit.md).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

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
    # of the columns above, under the audit key; NULL in rows that a release without the chain has written
    Column("digest", LargeBinary(32)),
    # in the tenant's chain, from 1; NULL until the row is sealed, REFUSED if it never will be
    Column("position", BigInteger),
    # of the digest and the hash of the position before
    Column("hash", LargeBinary(32)),
    Index("ix_audit_log_tenant_id_timestamp", "tenant_id", "timestamp", "id"),
    Index("ix_audit_log_tenant_id_position", "tenant_id", "position"),
    Index(
        "ix_audit_log_waiting",
        "tenant_id",
        "id",
        sqlite_where=text("position IS NULL"),
        postgresql_where=text("position IS NULL"),
    ),
)

# Both ends of the chain of each tenant: the last position, and the last that retention has deleted.
audit_chains = Table(
    "audit_chains",
    metadata,
    # no foreign key, as in the log: what was recorded outlives its tenant
    Column("tenant_id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("pruned_position", BigInteger, nullable=False),
    Column("pruned_hash", LargeBinary(32), nullable=False),
    # the newest timestamp that retention has deleted; empty before the first time
    Column("pruned_until", InstantText, nullable=False),
    # of all of the row, under the audit key
    Column("mac", LargeBinary(32), nullable=False),
)

# One row: the key of the digests and hashes, sealed with the key-encryption key (audit.sealing.AuditKey).
audit_keys = Table(
    "audit_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", InstantText, nullable=False),
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
