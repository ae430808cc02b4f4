"""What a notice is, and when one is due. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from runplane.server.core.clock import Instant, to_epoch

DAY: Final = 86_400
LEASE_SECONDS: Final = 120
"""How long a process may take for one delivery before another takes it for dead."""
MAX_ATTEMPTS: Final = 8
"""How often a delivery is begun, those included whose process was killed: within eighteen hours."""
_FIRST_PAUSE: Final = 60
_LONGEST_PAUSE: Final = 6 * 3600


@dataclass(frozen=True, slots=True)
class Key:
    """Which notice: of a credential and its end, for a number of days before, by a channel."""

    credential_id: str
    expires_at: Instant
    days: int
    channel: str

    @property
    def delivery_id(self) -> str:
        """The same for each attempt, so that a receiver can tell a repeat. 32 hexadecimal digits."""
        text = f"{self.credential_id}\0{self.expires_at}\0{self.days}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery that is this process's for LEASE_SECONDS. `attempts` counts this one."""

    key: Key
    attempts: int
    lease: str


@dataclass(frozen=True, slots=True)
class Expiring:
    """A credential that has an end. `owner` is the e-mail address of an access key's person."""

    id: str
    tenant_id: int
    tenant: str
    kind: str
    name: str
    client_id: str
    owner: str
    created_by: str
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told. `at` is when, `left` the seconds that remain."""

    id: str
    credential: Expiring
    days: int
    at: Instant
    left: float
    sample: bool = False


def days_due(days: Iterable[int], created_at: Instant, expires_at: Instant, now: Instant) -> int | None:
    """The number of days whose notice is due now, the smallest that has been reached; None before any.

    A number that is longer than the credential's whole life is left out: who makes a key for an hour knows
    that it ends.
    """
    end = to_epoch(expires_at)
    left, life = end - to_epoch(now), end - to_epoch(created_at)
    if left <= 0:
        return None
    return min((it for it in days if left <= it * DAY < life), default=None)


def pause_after(attempts: int) -> int:
    """Seconds until the next attempt after this many: a minute, four, sixteen … six hours at most."""
    return min(_FIRST_PAUSE * 4 ** (attempts - 1), _LONGEST_PAUSE)
