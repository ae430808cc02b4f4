"""Codes that wait to be exchanged: of authorization requests, and of devices."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table

from runplane.server.sql.schema import InstantText, Text, metadata

authorization_codes = Table(
    "authorization_codes",
    metadata,
    # SHA-256 of 256 random bits
    Column("digest", LargeBinary(32), primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    # S256 of RFC 7636, in base64url as it arrived
    Column("code_challenge", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # the browser's session in which the person agreed; the code ends with it
    Column("approved_in", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("signed_in_at", InstantText, nullable=False),
    Column("expires_at", InstantText, nullable=False, index=True),
    Column("used_at", InstantText),
    # what its use opened, to be ended should it come back
    Column("session_id", Text),
)

device_logins = Table(
    "device_logins",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("user_code_digest", LargeBinary(32), nullable=False, unique=True),
    Column("client_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    # who asked: shown to the person
    Column("source_ip", Text, nullable=False),
    # the same as it is counted: the address, of IPv6 the network
    Column("source_network", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("expires_at", InstantText, nullable=False, index=True),
    # seconds to wait between two questions
    Column("interval", Integer, nullable=False),
    Column("asked_at", InstantText),
    # NULL until the person decides
    Column("approved", Boolean),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("user_epoch", Integer),
    Column("signed_in_at", InstantText),
    Column("used_at", InstantText),
    Column("session_id", Text),
    Index("ix_device_logins_tenant_id_source_network", "tenant_id", "source_network"),
)
