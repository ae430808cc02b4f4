"""What holds for machine credentials whatever family shows them: names, limits, and how secrets succeed.

Pure functions over rows, so that the rule "never more than two live secrets" can be tested for all histories.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from runplane.server.core.clock import Instant, instant, parse_instant, to_epoch
from runplane.server.core.errors import Invalid
from runplane.server.identity.records import ClientKind, SecretRow

MAX_ACCESS_KEYS: Final = 20
"""Access keys of one person."""

MAX_NAME: Final = 253
"""Characters of a name. The contract sets no limit, and an index entry of PostgreSQL holds 2.7 kB."""

MAX_PAGE_SIZE: Final = 1000
"""Rows of a service account's default page: no list that comes in pages gives more, and most give 500."""

NAME_PATTERN: Final = "^[a-z][-_a-z0-9]*[a-z0-9]$"

MAX_OVERLAP: Final = 30 * 86400
"""Seconds for which an old secret may live on beside a new one."""

NOUNS: Final = {
    ClientKind.SERVICE_ACCOUNT: "service account",
    ClientKind.ACCESS_KEY: "access key",
    ClientKind.CLUSTER: "cluster credential",
}

_NAME = re.compile(r"[a-z][-_a-z0-9]*[a-z0-9]")
_OVERLAP = re.compile(r"([0-9]{1,7})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Made:
    """A new credential. This is the only value that carries its secret, and it goes to the caller once."""

    id: str
    name: str
    client_id: str
    created_at: Instant
    secret: str = field(repr=False)


def check_name(name: str) -> str:
    """`name` itself. Raises Invalid for one the contract does not allow."""
    if len(name) > MAX_NAME or _NAME.fullmatch(name) is None:
        raise Invalid(
            "name must be 2 to 253 lower-case letters, digits, '-' or '_', start with a letter and end with "
            "a letter or digit."
        )
    return name


def check_expiry(text: str | None, now: Instant) -> Instant | None:
    """The instant that `expiresAt` names; None stays None. Raises Invalid unless it lies after `now`."""
    if text is None:
        return None
    found = parse_instant(text, "expiresAt")
    if found <= now:
        raise Invalid(f"expiresAt must lie in the future; it is {now} now.")
    return found


def parse_overlap(text: str) -> int:
    """Seconds of `overlap`, such as 30m or 7d; no text means none. Raises Invalid beyond 30 days."""
    if not text:
        return 0
    found = _OVERLAP.fullmatch(text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else -1
    if not 0 <= seconds <= MAX_OVERLAP:
        raise Invalid("overlap must be a number and a unit (s, m, h or d), such as 12h, and at most 30d.")
    return seconds


def is_live(secret: SecretRow, now: Instant) -> bool:
    """Whether a secret still opens anything."""
    return secret.expires_at is None or secret.expires_at > now


def survivor(secrets: Iterable[SecretRow], now: Instant, overlap: int) -> tuple[SecretRow, Instant] | None:
    """The one of a credential's `secrets` that lives on beside a new one, and until when; None if none does.

    It is the current secret, which alone has no end. The order of creation would not do: instants come from
    several clocks. One that a renewal before has given an end goes at once, so that two are the most, and no
    end is ever put off.
    """
    if not overlap:
        return None
    deadline = instant(to_epoch(now) + overlap)
    return next(((it, deadline) for it in secrets if it.expires_at is None), None)
