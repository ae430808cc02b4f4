"""What proves a record of the audit log: a digest of its content, and a hash that ties it to the one before.

Both are HMAC-SHA-256 under a key of the installation, not plain hashes: whoever can write to the database but
does not hold the key-encryption key can neither make up a record nor mend a chain that was cut. The key is a
random one, sealed with the key-encryption key, so that changing that one leaves every digest as it is.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from runplane.server.core.clock import Instant

GENESIS: Final = bytes(32)
"""The hash before the first record of a chain."""
REFUSED: Final = -1
"""The position of a row that no server has written."""
_LENGTH: Final = 32
KEY_CONTEXT: Final = b"runplane audit key"
"""What the sealed key is bound to."""

CONTENT: Final = (
    "id", "tenant_id", "timestamp", "subject", "subject_type", "source_ip", "action", "http_method", "url",
    "entity_type", "entity_name", "entity_id", "result", "http_status_code", "cluster_name", "cluster_id",
    "request_id", "metadata",
)  # fmt: skip
"""The columns that a digest covers, in the order in which it does."""

_encode = msgspec.json.Encoder().encode


class Vault(Protocol):
    """Seals the key of the log."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """`plain` encrypted and bound to `context`."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plain text again."""
        ...


class Ends(NamedTuple):
    """Both ends of a tenant's chain: the last record, and the last that retention has deleted."""

    tenant_id: int
    position: int
    hash: bytes
    pruned_position: int
    pruned_hash: bytes
    # the newest timestamp that was deleted; empty for none
    pruned_until: Instant


class AuditKey:
    """The key of the log. Safe to share between threads.

    `adopt_until` says until when rows without a digest count as those of an older release; empty for never.
    It is sealed with the key, so that nobody can open that door again.
    """

    __slots__ = ("_material", "adopt_until")

    def __init__(self, material: bytes, adopt_until: str = "") -> None:
        self._material = material
        self.adopt_until = adopt_until

    def __repr__(self) -> str:
        return "AuditKey()"

    @classmethod
    def generate(cls, adopt_until: str = "") -> AuditKey:
        """A new random key."""
        return cls(secrets.token_bytes(_LENGTH), adopt_until)

    @classmethod
    def opened(cls, vault: Vault, sealed: bytes) -> AuditKey:
        """The key that `seal` gave. Raises what `vault` raises for another key-encryption key."""
        plain = vault.open(sealed, KEY_CONTEXT)
        return cls(plain[:_LENGTH], plain[_LENGTH:].decode("ascii"))

    def seal(self, vault: Vault) -> bytes:
        """The key as it is stored."""
        return vault.seal(self._material + self.adopt_until.encode("ascii"), KEY_CONTEXT)

    def digest(self, row: Mapping[str, Any]) -> bytes:
        """Of the content of a record; columns that `row` lacks count as NULL."""
        # JSON keeps apart what a plain join would not: ("ab", "c") and ("a", "bc"), NULL and ""
        return self._mac(b"record\0" + _encode([row.get(name) for name in CONTENT]))

    def link(self, before: bytes, tenant_id: int, position: int, digest: bytes) -> bytes:
        """The hash of a position: of the one before it and of the record that stands there."""
        return self._mac(b"link\0%d\0%d\0" % (tenant_id, position) + before + digest)

    def mac(self, ends: Ends) -> bytes:
        """What proves the ends of a chain, so that nobody else can shorten it."""
        return self._mac(b"ends\0" + _encode(ends))

    def _mac(self, message: bytes) -> bytes:
        return hmac.digest(self._material, message, "sha256")
