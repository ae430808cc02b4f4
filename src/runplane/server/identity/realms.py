"""Realms: a tenant's issuer, its signing key and the keys that verify.

Keys live sealed in the database and open in memory. A token names its key in its header, and the header of
our own mint is known text, so finding the realm of a token is one dictionary lookup.

When a key begins to sign and when it dies is in its row. Who keeps the caches fresh looks at the clock, a few
times per second; a token call only takes the minter that is there. The turn is therefore a poll late, which
the overlap of keys allows for (identity.rotation).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from runplane.server.core.clock import Clock, Instant, now
from runplane.server.identity.jose import Minter, header_segment
from runplane.server.identity.keyring import SigningKey, jwks, verification_keys
from runplane.server.identity.store import select_signing_keys, select_tenants
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.identity.verify import Verifier
from runplane.server.sql.prepared import Reader, Row

# After an unknown key the database is asked again, at most this often (seconds).
_RELOAD_EVERY = 5.0
_NEVER = Instant("9999-12-31T23:59:59.999Z")


def _nobody(tenant_id: int) -> None:
    """Nothing is kept that a lost key could make wrong."""


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
    kids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Newest:
    """A tenant's newest key, be it one that does not sign yet."""

    realm: str
    algorithm: str
    created_at: Instant


class Realms:
    """All realms of this installation. Replaced whole on reload, so readers need no lock.

    A realm stays the same object for as long as its keys and its signer do. `lost` is told the tenant when a
    key verifies no longer, after its realm was replaced: what was accepted with the key must be asked again.
    """

    def __init__(
        self,
        kek: KeyEncryptionKey,
        public_url: str,
        *,
        clock: Clock,
        leeway: float = 30.0,
        lost: Callable[[int], None] = _nobody,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kek = kek
        self._clock = clock
        self._lost = lost
        self._public_url = public_url.rstrip("/")
        self._leeway = leeway
        self._monotonic = monotonic
        self._loaded_at = float("-inf")
        self._by_name: dict[str, Realm] = {}
        self._by_tenant: dict[int, Realm] = {}
        self._by_header: dict[bytes, Realm] = {}
        self._newest: Mapping[int, Newest] = {}
        # as bytes and only where there are several, so that asking whom a host means costs one look
        self._labels: frozenset[bytes] = frozenset()
        self._versions: Mapping[int, int] = {}
        # the next instant at which a key begins to sign or dies
        self._due = _NEVER
        self._opened: dict[str, SigningKey] = {}
        # a load that read earlier must not overwrite one that read later
        self._loading = threading.Lock()

    def load(self, reader: Reader) -> None:
        """Read tenants and keys. Raises VaultError when a key does not open."""
        with self._loading:
            rows = select_signing_keys(reader)
            poorer = self._arrange(rows, select_tenants(reader), now(self._clock))
            self._loaded_at = self._monotonic()
        for tenant_id in poorer:
            self._lost(tenant_id)

    def keep_up(self, reader: Reader, versions: Mapping[int, int]) -> None:
        """Load again when a tenant has changed or is new, or when it is some key's time; call it often.

        `versions` are those of all tenants, read before by the same reader.
        """
        if versions != self._versions or now(self._clock) >= self._due:
            self.load(reader)
            self._versions = versions

    def expect_more(self) -> None:
        """Let the next unknown host or key load again: this process has just made a tenant."""
        self._loaded_at = float("-inf")

    def reload_due(self) -> bool:
        """Whether an unknown key justifies another look at the database."""
        return self._monotonic() - self._loaded_at > _RELOAD_EVERY

    def newest_keys(self) -> Mapping[int, Newest]:
        """The newest key of each tenant, by the tenant's id. It is as old as the last rotation."""
        return self._newest

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

    def _arrange(self, rows: list[Row], tenants: list[Row], at: Instant) -> list[int]:
        """Put every key in its place at an instant; returns the tenants that lost one."""
        alive = [row for row in rows if row[6] is None or row[6] > at]
        opened = {row[0]: self._opened.get(row[0]) for row in alive}
        by_tenant: dict[int, Realm] = {}
        by_header: dict[bytes, Realm] = {}
        newest: dict[int, Newest] = {}
        keys: dict[str, SigningKey] = {}
        for tenant_id, name in tenants:
            own = [row for row in alive if row[1] == tenant_id]
            if not own:
                continue
            keys |= {row[0]: opened[row[0]] or self._open(row, name) for row in own}
            realm = self._realm(tenant_id, name, [keys[row[0]] for row in own], _signer(own, at))
            by_tenant[tenant_id] = realm
            lasting = [row for row in own if row[6] is None]
            if lasting:
                newest[tenant_id] = Newest(name, lasting[-1][2], Instant(lasting[-1][4]))
            by_header |= {header_segment(keys[row[0]].algorithm, row[0]): realm for row in own}
        before, self._opened = self._by_tenant, keys
        self._by_name = {realm.name: realm for realm in by_tenant.values()}
        self._by_tenant, self._by_header, self._newest = by_tenant, by_header, newest
        self._labels = frozenset(it.encode() for it in self._by_name) if len(by_tenant) > 1 else frozenset()
        self._due = min((it for row in rows for it in row[5:7] if it is not None and it > at), default=_NEVER)
        return [id_ for id_, realm in by_tenant.items() if id_ in before and before[id_].kids - realm.kids]

    def _open(self, row: Row, realm: str) -> SigningKey:
        kid, _tenant, algorithm, sealed, created_at, _active_from, _retired_at = row
        return SigningKey.unseal(
            bytes(sealed),
            kid=kid,
            algorithm=algorithm,
            created_at=Instant(created_at),
            realm=realm,
            kek=self._kek,
        )

    def _realm(self, tenant_id: int, name: str, keys: list[SigningKey], signer: str) -> Realm:
        kids = frozenset(key.kid for key in keys)
        present = self._by_tenant.get(tenant_id)
        if present is not None and (present.name, present.kids, present.minter.kid) == (name, kids, signer):
            return present
        issuer = f"{self._public_url}/auth/realms/{name}"
        verifying = verification_keys(keys)
        return Realm(
            tenant_id=tenant_id,
            name=name,
            issuer=issuer,
            minter=next(key.minter() for key in keys if key.kid == signer),
            verifier=Verifier(issuer, verifying, leeway=self._leeway),
            jwks=jwks(verifying.values()),
            algorithms=tuple(sorted({key.algorithm for key in keys})),
            kids=kids,
        )


def _signer(rows: list[Row], at: Instant) -> str:
    """The id of the key that signs at an instant: the last one whose time has come.

    `rows` are in the order of that time. On a machine whose clock lags it may have come for none: the first.
    """
    return [row[0] for row in rows if row is rows[0] or row[5] <= at][-1]
