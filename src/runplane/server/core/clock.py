"""Time. Instants are text: RFC 3339, UTC, milliseconds, fixed width (ADR 0006).

The fixed width makes text order equal to time order in both databases and lets a row reach the wire
without conversion.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType, Protocol

from runplane.server.core.errors import Invalid

Instant = NewType("Instant", str)

_OFFSET_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")


class Clock(Protocol):
    """Wall-clock time; tests replace it."""

    def epoch(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's clock."""

    def epoch(self) -> float:
        return time.time()


class ManualClock:
    """A clock that stands still until told to move: for tests and for the emulator."""

    def __init__(self, start: float | None = None) -> None:
        self._epoch = time.time() if start is None else start

    def epoch(self) -> float:
        return self._epoch

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds` (negative moves back)."""
        self._epoch += seconds


def instant(epoch: float) -> Instant:
    """`epoch` seconds as an instant, cut to milliseconds."""
    seconds, millis = divmod(int(epoch * 1000), 1000)
    return Instant(f"{_second(seconds)}{millis:03d}Z")


# Every request of a second asks for the same text.
@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    whole = time.gmtime(seconds)
    return (
        f"{whole.tm_year:04d}-{whole.tm_mon:02d}-{whole.tm_mday:02d}T"
        f"{whole.tm_hour:02d}:{whole.tm_min:02d}:{whole.tm_sec:02d}."
    )


def now(clock: Clock) -> Instant:
    """The current instant."""
    return instant(clock.epoch())


def to_epoch(value: Instant) -> float:
    """Seconds since 1970 of an instant."""
    return datetime.fromisoformat(value).timestamp()


def parse_instant(text: str, name: str) -> Instant:
    """Read what clients send: `Z`, a numeric offset, or no zone at all (then UTC).

    Raises Invalid, naming the parameter `name`, for anything else. The official client sends
    `isoformat()`, with `+00:00` or naive.
    """
    # "+" arrives as a space when a client forgets to percent-encode it.
    candidate = text.strip().replace(" ", "+") if "T" in text else text.strip()
    candidate = _OFFSET_WITHOUT_COLON.sub(r"\1:\2", candidate)
    try:
        moment = datetime.fromisoformat(candidate)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return Instant(moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z")
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"{name} must be a date and time such as 2026-01-31T09:30:00Z, not {text[:40]!r}."
        ) from error
