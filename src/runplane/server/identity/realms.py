"""Realms: a tenant's issuer, its signing key and the keys that verify.

Keys live sealed in the database and open in memory. A token names its key in its header, and the header of
our own mint is known text, so finding the realm of a token is one dictionary lookup.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from runplane.server.core.clock import Instant
from runplane.server.identity.jose import Minter, header_segment
from runplane.server.identity.keyring import SigningKey, jwks, verification_keys
from runplane.server.identity.store import select_signing_keys, select_tenants
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.identity.verify import Verifier
from runplane.server.sql.prepared import Reader

# After an unknown key the database is asked again, at most this often (seconds).
_RELOAD_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Realm:
    """One tenant as an issuer of tokens."""

    tenant_id: int
    name: str
    issuer: str
    minter: Minter
    verifier: Verifier
    jwks: dict[str, Any]
    algorithms: tuple[str, ...]


class Realms:
    """All realms of this installation. Replaced whole on reload, so readers need no lock."""

    def __init__(
        self,
        kek: KeyEncryptionKey,
        public_url: str,
        *,
        leeway: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kek = kek
        self._public_url = public_url.rstrip("/")
        self._leeway = leeway
        self._monotonic = monotonic
        self._loaded_at = float("-inf")
        self._by_name: dict[str, Realm] = {}
        self._by_tenant: dict[int, Realm] = {}
        self._by_header: dict[bytes, Realm] = {}
        # as bytes and only where there are several, so that asking whom a host means costs one look
        self._labels: frozenset[bytes] = frozenset()
        self._seen: frozenset[int] = frozenset()

    def load(self, reader: Reader) -> None:
        """Read tenants and keys. Raises VaultError when a key does not open."""
        by_header: dict[bytes, Realm] = {}
        by_tenant: dict[int, Realm] = {}
        rows = select_signing_keys(reader)
        tenants = select_tenants(reader)
        for tenant_id, name in tenants:
            keys = [self._open(row, name) for row in rows if row[1] == tenant_id]
            if not keys:
                continue
            realm = self._realm(tenant_id, name, keys)
            by_tenant[tenant_id] = realm
            for key in keys:
                by_header[header_segment(key.algorithm, key.kid)] = realm
        self._by_name = {realm.name: realm for realm in by_tenant.values()}
        self._by_tenant, self._by_header = by_tenant, by_header
        self._labels = frozenset(it.encode() for it in self._by_name) if len(by_tenant) > 1 else frozenset()
        self._seen = frozenset(tenant_id for tenant_id, _ in tenants)
        self._loaded_at = self._monotonic()

    def keep_up(self, reader: Reader, tenants: frozenset[int]) -> None:
        """Load again when there are `tenants` that were not there at the last time."""
        if not tenants <= self._seen:
            self.load(reader)

    def expect_more(self) -> None:
        """Let the next unknown host or key load again: this process has just made a tenant."""
        self._loaded_at = float("-inf")

    def reload_due(self) -> bool:
        """Whether an unknown key justifies another look at the database."""
        return self._monotonic() - self._loaded_at > _RELOAD_EVERY

    def by_name(self, name: str) -> Realm | None:
        """The realm of a name."""
        return self._by_name.get(name)

    def for_host(self, host: str) -> Realm | None:
        """The realm whose name is the first label of a Host header, as in acme.example.com."""
        return self._by_name.get(host.partition(":")[0].partition(".")[0].lower())

    def elsewhere(self, host: bytes, name: str) -> bool:
        """Whether a Host header names a tenant, and not the tenant `name`."""
        labels = self._labels
        if not labels:
            return False
        label = host.partition(b":")[0].partition(b".")[0].lower()
        return label in labels and label != name.encode()

    def address_of(self, name: str) -> str:
        """Where the machines of a tenant reach this server: the public address, at the tenant's own host.

        An address whose host names no tenant stands as it is.
        """
        parts = urlsplit(self._public_url)
        label, dot, rest = parts.netloc.partition(".")
        if not dot or label.lower() not in self._by_name:
            return self._public_url
        return urlunsplit(parts._replace(netloc=f"{name}.{rest}"))

    def by_tenant(self, tenant_id: int) -> Realm:
        """The realm of a tenant known to exist."""
        return self._by_tenant[tenant_id]

    def of_token(self, token: bytes) -> Realm | None:
        """The realm whose key a token names, None for a key we do not have."""
        return self._by_header.get(token.split(b".", 1)[0])

    def only(self) -> Realm:
        """The realm where no host names one: of the only tenant, or of the first one made."""
        return self._by_tenant[min(self._by_tenant)]

    def _open(self, row: Any, realm: str) -> SigningKey:
        kid, _tenant, algorithm, sealed, created_at, _active_from, _retired_at = row
        return SigningKey.unseal(
            bytes(sealed),
            kid=kid,
            algorithm=algorithm,
            created_at=Instant(created_at),
            realm=realm,
            kek=self._kek,
        )

    def _realm(self, tenant_id: int, name: str, keys: list[SigningKey]) -> Realm:
        issuer = f"{self._public_url}/auth/realms/{name}"
        verifying = verification_keys(keys)
        return Realm(
            tenant_id=tenant_id,
            name=name,
            issuer=issuer,
            # rows are ordered by the time they become active: the last one signs
            minter=keys[-1].minter(),
            verifier=Verifier(issuer, verifying, leeway=self._leeway),
            jwks=jwks(verifying.values()),
            algorithms=tuple(sorted({key.algorithm for key in keys})),
        )
