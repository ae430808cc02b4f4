"""People, machine credentials, sessions and keys."""

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

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("email", Text, nullable=False),
    # lower case, what sign-in and rules look up
    Column("email_key", Text, nullable=False),
    Column("is_local", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    Column("last_login", InstantText),
    # JSON array of names from the identity provider; NULL when it sent none
    Column("groups", Text),
    Column("uid", Text),
    Column("gid", Text),
    Column("password_hash", Text),
    # set while the password is a temporary one that must be changed
    Column("password_expires_at", InstantText),
    # tokens carry the epoch they were issued in; raising it ends them all
    Column("epoch", Integer, nullable=False, server_default="0"),
    UniqueConstraint("tenant_id", "email_key"),
    Index("ix_users_tenant_id_id", "tenant_id", "id"),
    Index("ix_users_tenant_id_email", "tenant_id", "email", "id"),
    Index("ix_users_tenant_id_created_at", "tenant_id", "created_at", "id"),
)

# Service accounts (no owner) and access keys (owned by a user). One table behind four API families.
clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("client_id", Text, nullable=False, unique=True),
    # empty for service accounts, so that one unique constraint serves both kinds
    Column("owner_id", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    Column("last_login", InstantText),
    Column("expires_at", InstantText, index=True),
    Column("epoch", Integer, nullable=False, server_default="0"),
    # of a service account: rows of a page where its calls do not say; NULL leaves it to the list
    Column("default_page_size", Integer),
    UniqueConstraint("tenant_id", "kind", "owner_id", "name"),
)

client_secrets = Table(
    "client_secrets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_key", Text, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False, index=True),
    # SHA-256 of 256 random bits: nothing to stretch
    Column("digest", LargeBinary(32), nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("expires_at", InstantText),
    Column("last_used_at", InstantText),
)

# One row per sign-in of a person; refresh tokens and access tokens name it.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # the OAuth client it was opened for: refresh tokens are bound to it
    Column("client_id", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("expires_at", InstantText, nullable=False),
    Column("revoked_at", InstantText),
    # what its tokens are confined to (authz.narrowing); empty for nothing
    Column("scope", Text, nullable=False, server_default=""),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", InstantText, nullable=False),
    Column("expires_at", InstantText, nullable=False),
    Column("used_at", InstantText),
)

# Single access tokens taken back before they expire (RFC 7009).
revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False, index=True),
    Column("algorithm", Text, nullable=False),
    # sealed under the key-encryption key (identity.vault)
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", InstantText, nullable=False),
    # signs from here on; published before
    Column("active_from", InstantText, nullable=False),
    Column("retired_at", InstantText),
)
