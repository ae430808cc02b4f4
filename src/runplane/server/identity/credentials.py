"""Machine credentials as the token call needs them: one cached look-up by client id or name.

Entries stand while the tenant's stamp does, so a new secret, a disabled account or a deleted key counts
from the next token call on. Unknown identifiers are not remembered: guesses must not fill memory.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from runplane.server.core.clock import Clock, Instant, instant
from runplane.server.identity.records import ClientKind, ClientRow, SecretRow, UserRow
from runplane.server.identity.store import (
    select_client_by_identifier,
    select_secrets,
    select_user,
    touch,
)
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_MAX_CREDENTIALS = 10_000

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Credential:
    """A service account, or an access key with its owner, and the secrets stored for it."""

    client: ClientRow
    owner: UserRow | None
    secrets: tuple[SecretRow, ...]

    def secret_for(self, given: str, at: Instant) -> SecretRow | None:
        """The stored secret that `given` is, None if it is none of them or has expired by `at`."""
        digest = sha256(given.encode("utf-8", "surrogatepass")).digest()
        found: SecretRow | None = None
        for secret in self.secrets:
            if hmac.compare_digest(digest, secret.digest):
                found = secret
        if found is not None and found.expires_at is not None and found.expires_at <= at:
            return None
        return found

    @property
    def subject_id(self) -> str:
        """Who calls with a token of this credential: `Principal.id`."""
        if self.owner is not None:
            return self.owner.id
        return self.client.client_id if self.client.kind == ClientKind.CLUSTER else self.client.id

    @property
    def subject(self) -> tuple[str, str]:
        """Name and type for the audit log: an access key acts as its owner."""
        return (self.client.name, "App") if self.owner is None else (self.owner.email, "User")


class CredentialBook:
    """Looks credentials up. Runs on the event loop's thread."""

    def __init__(self, lanes: Lanes, freshness: Freshness, clock: Clock) -> None:
        self._lanes = lanes
        self._freshness = freshness
        self._clock = clock
        self._known: dict[tuple[int, str], tuple[int, Credential]] = {}

    async def find(self, tenant_id: int, identifier: str) -> Credential | None:
        """The credential of a client id, or of a service account's name."""
        known = self._known.get((tenant_id, identifier))
        stamp = self._freshness.stamp(tenant_id)
        if known is not None and known[0] == stamp and not self._freshness.is_stale():
            return known[1]
        found = await self.read(lambda reader: load_credential(reader, tenant_id, identifier))
        if found is None:
            self._known.pop((tenant_id, identifier), None)
            return None
        if len(self._known) >= _MAX_CREDENTIALS:
            self._known.clear()
        self._known[tenant_id, identifier] = (stamp, found)
        return found

    async def read(self, job: Callable[[Reader], V]) -> V:
        """Run a read where it is cheapest: here on SQLite, in a worker thread otherwise."""
        return await self._lanes.look(job)

    def now(self) -> Instant:
        """The current instant."""
        return instant(self._clock.epoch())


def load_credential(reader: Reader, tenant_id: int, identifier: str) -> Credential | None:
    """Read a credential. An access key whose owner is gone is no credential."""
    client = select_client_by_identifier(reader, tenant_id, identifier)
    if client is None:
        return None
    owner = None
    if client.kind == ClientKind.ACCESS_KEY:
        owner = select_user(reader, tenant_id, client.owner_id)
        if owner is None:
            return None
    return Credential(client, owner, tuple(select_secrets(reader, client.id)))


def store_uses(unit: Unit, records: dict[Hashable, Any]) -> None:
    """A group-commit sink: (client id, secret id, owner id or "") → instant of the last use."""
    touched: dict[str, dict[str, str]] = {"client": {}, "secret": {}, "user": {}}
    for key, at in records.items():
        client_key, secret_id, owner_id = key  # type: ignore[misc]  # the key this sink is used with
        touched["client"][client_key] = at
        touched["secret"][secret_id] = at
        if owner_id:
            touched["user"][owner_id] = at
    touch(unit, touched["client"], touched["secret"], touched["user"])
