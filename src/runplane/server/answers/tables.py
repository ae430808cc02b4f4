"""The table of kept answers. A row is of use only until its request has been answered for good."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, Table

from runplane.server.sql.schema import InstantText, Text, metadata

kept_answers = Table(
    "kept_answers",
    metadata,
    # SHA-256 of the caller and its Idempotency-Key, or of the token and the whole request
    Column("lookup", LargeBinary(32), primary_key=True),
    # of this very answer: the next one under the same look-up has another
    Column("id", Text, nullable=False),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    # SHA-256 of method, address, query and body
    Column("request", LargeBinary(32), nullable=False),
    # under the key-encryption key: it may hold a secret that is stored nowhere else
    Column("sealed", LargeBinary, nullable=False),
    # the server knows that the answer did not arrive
    Column("lost", Boolean, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("expires_at", InstantText, nullable=False, index=True),
)
