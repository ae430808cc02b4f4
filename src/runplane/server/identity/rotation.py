"""Rotation of signing keys: a new key is published before it signs, the old one verifies until its last token
has died.

The overlap is the longest lifetime that the settings allow, not the one that is set: the settings may have
been changed since a token was made, and the command that rotates may run without those of the server. The
price is a public key that stays in the list for a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runplane.server.audit.journal import Journal, Note, Origin
from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.errors import InUse
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.store import (
    delete_signing_keys,
    insert_signing_key,
    lock_tenant,
    retire_signing_keys,
    select_signing_keys,
    void_signing_keys,
)
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.sql.prepared import Reader, Row
from runplane.server.sql.unit import Unit

LONGEST_TOKEN: Final = 86_400
"""Seconds: the limit of the setting `tokens.lifetime_seconds`."""
MARGIN: Final = 300
"""Seconds that an old key verifies longer: twice a replica's clock that is a minute off, once the leeway of a
minute, and two minutes for a replica that is slow to see that the next key signs."""
FORGOTTEN_AFTER: Final = 30 * 86_400
"""Seconds after which a key that verifies nothing is deleted."""
_TIMES_KEPT: Final = 2
"""What others have kept is out of date after once the time; the rest is for clocks that differ."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: the new key signs from one instant on, the old ones verify until another."""

    tenant: str
    kid: str
    algorithm: str
    signs_from: Instant
    old_until: Instant


def ahead_seconds(kept_seconds: int) -> int:
    """How long a key is published before it signs, where others may keep the list for `kept_seconds`."""
    return _TIMES_KEPT * kept_seconds


def add_key(
    unit: Unit, kek: KeyEncryptionKey, tenant_id: int, realm: str, key: SigningKey, signs_from: Instant
) -> None:
    """Give a tenant one more key, which signs from an instant on."""
    insert_signing_key(
        unit,
        {
            "kid": key.kid,
            "tenant_id": tenant_id,
            "algorithm": key.algorithm,
            "sealed": key.seal(kek, realm),
            "created_at": unit.now,
            "active_from": signs_from,
        },
    )


def algorithm_of(reader: Reader, tenant_id: int) -> str | None:
    """The algorithm of a tenant's newest key, be it one that does not sign yet; None without any key."""
    return next((row[2] for row in reversed(_lasting(reader, tenant_id))), None)


def rotate_if_old(
    unit: Unit,
    kek: KeyEncryptionKey,
    tenant_id: int,
    realm: str,
    key: SigningKey,
    *,
    ahead: float,
    period: float,
) -> Rotated | None:
    """As `rotate`, but None and no change where the newest key was made less than `period` seconds ago.

    Of replicas that find at once that it is time, one rotates: the others wait for it here and look again.
    """
    lock_tenant(unit, tenant_id)
    made = [row[4] for row in _lasting(unit, tenant_id)]
    if not made or max(made) > instant(to_epoch(unit.now) - period):
        return None
    return rotate(unit, kek, tenant_id, realm, key, ahead)


def record(unit: Unit, journal: Journal, tenant_id: int, rotated: Rotated, *, subject: str, by: str) -> None:
    """Put a rotation into the audit log of its tenant, in the transaction that rotates."""
    facts = {
        "algorithm": rotated.algorithm,
        "signsFrom": rotated.signs_from,
        "oldKeysUntil": rotated.old_until,
        "by": by,
    }
    origin = Origin(tenant_id, subject, "App", "", "", "")
    journal.write(unit, origin, "rotate", 200, Note("signing-key", rotated.kid, metadata=facts))


def rotate(
    unit: Unit, kek: KeyEncryptionKey, tenant_id: int, realm: str, key: SigningKey, ahead: float
) -> Rotated:
    """Let `key` sign after `ahead` seconds and those before it verify until their last token has died.

    Raises InUse while an earlier one still waits for its time: two in turn would shorten the time for which
    the second is published.
    """
    lock_tenant(unit, tenant_id)
    waiting = [row[5] for row in _lasting(unit, tenant_id) if row[5] > unit.now]
    if waiting:
        raise InUse(
            f"The key of the last rotation of tenant {realm} signs from {waiting[-1]} on; rotate again after "
            "that. If a key was stolen, use --now."
        )
    signs_from = instant(to_epoch(unit.now) + ahead)
    until = instant(to_epoch(signs_from) + LONGEST_TOKEN + MARGIN)
    retire_signing_keys(unit, tenant_id, until)
    return _replaced(unit, kek, tenant_id, realm, key, signs_from, until)


def replace(unit: Unit, kek: KeyEncryptionKey, tenant_id: int, realm: str, key: SigningKey) -> Rotated:
    """Let `key` alone sign and verify, from the commit on: for when another was stolen.

    Every access token and ID token of the tenant dies. Sessions and credentials stay; they are not signed.
    """
    lock_tenant(unit, tenant_id)
    void_signing_keys(unit, tenant_id)
    return _replaced(unit, kek, tenant_id, realm, key, unit.now, unit.now)


def _replaced(
    unit: Unit,
    kek: KeyEncryptionKey,
    tenant_id: int,
    realm: str,
    key: SigningKey,
    signs_from: Instant,
    until: Instant,
) -> Rotated:
    delete_signing_keys(unit, tenant_id, instant(to_epoch(unit.now) - FORGOTTEN_AFTER))
    add_key(unit, kek, tenant_id, realm, key, signs_from)
    unit.changed(tenant_id)
    return Rotated(realm, key.kid, key.algorithm, signs_from, until)


def _lasting(reader: Reader, tenant_id: int) -> list[Row]:
    """The keys of a tenant that have no end yet, in the order in which they begin to sign."""
    return [row for row in select_signing_keys(reader) if row[1] == tenant_id and row[6] is None]
