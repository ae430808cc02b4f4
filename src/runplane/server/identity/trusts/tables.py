"""Trusts, and the tokens that were exchanged under one that takes each only once."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)

from runplane.server.sql.schema import InstantText, Text, metadata

trusts = Table(
    "trusts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column(
        "service_account_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("issuer", Text, nullable=False),
    Column("audience", Text, nullable=False),
    # JSON array of conditions
    Column("conditions", Text, nullable=False),
    # a JSON Web Key Set; NULL where the keys are fetched from the issuer
    Column("jwks", Text),
    Column("max_token_seconds", Integer, nullable=False),
    Column("single_use", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    # tokens carry the version they were given under; a change raises it and so ends them
    Column("version", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    UniqueConstraint("tenant_id", "name"),
    Index("ix_trusts_tenant_id_id", "tenant_id", "id"),
    Index("ix_trusts_tenant_id_issuer", "tenant_id", "issuer"),
)

exchanged_tokens = Table(
    "exchanged_tokens",
    metadata,
    # SHA-256 of what tells the token apart (identity.trusts.subject)
    Column("digest", LargeBinary(32), primary_key=True),
    # of the key too: a tenant that pins keys of its own for an issuer must not use up others' tokens
    Column("tenant_id", Integer, ForeignKey("tenants.id"), primary_key=True),
    # seconds since 1970
    Column("expires_at", BigInteger, nullable=False, index=True),
)
