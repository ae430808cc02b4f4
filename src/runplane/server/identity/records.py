"""Rows of identity as values, shared by the token service, the authenticator and the rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from runplane.server.core.clock import Instant


class ClientKind(StrEnum):
    """The kinds of machine credential. Four API families show the first two; the third is an agent's."""

    SERVICE_ACCOUNT = "service-account"
    ACCESS_KEY = "access-key"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person. `password_expires_at` is set while the password is a temporary one."""

    id: str
    tenant_id: int
    email: str
    email_key: str
    is_local: bool
    enabled: bool
    created_by: str
    created_at: Instant
    updated_at: Instant
    last_login: Instant | None
    groups: tuple[str, ...] | None
    uid: str | None
    gid: str | None
    password_hash: str | None = field(repr=False)
    password_expires_at: Instant | None
    epoch: int


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One live secret of a client: only its digest and a hint are known."""

    id: str
    digest: bytes = field(repr=False)
    hint: str
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A machine credential. `owner_id` is empty for all but access keys.

    `default_page_size` is what a service account's lists have where its calls do not say.
    """

    id: str
    tenant_id: int
    kind: str
    name: str
    client_id: str
    owner_id: str
    enabled: bool
    created_by: str
    created_at: Instant
    updated_at: Instant
    last_login: Instant | None
    expires_at: Instant | None
    epoch: int
    default_page_size: int | None
