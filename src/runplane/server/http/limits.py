"""How many requests a client and a source may make: one number per minute each, counted in this process.

The generic cell rate algorithm keeps one integer per client, the instant at which its quota is whole again.
Who has rested for a minute has all of it at once, which is what a script that begins needs; who goes on for
ever gets a sixtieth of it each second, which is what stops a loop. Integers, because sums of fractions drift.

Each process counts for itself: a table that replicas share would cost every request a trip to the database,
and what is to be stopped is a loop, not the last request above a number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from runplane.server.core.addresses import network_of
from runplane.server.core.errors import Quota, Throttled

Headers = tuple[tuple[bytes, bytes], ...]

WINDOW: Final = 60
"""Seconds that a limit counts for."""
MAX_KEYS: Final = 8192
"""Clients, or sources, remembered at the same time."""
_SECOND: Final = 1_000_000_000


def quota_headers(quota: Quota) -> Headers:
    """What an answer says of a limit.

    The first three are those of draft-ietf-httpapi-ratelimit-headers up to 07, which clients read; the policy
    is in the form of the later drafts, because it says the same in any form.
    """
    return (
        (b"ratelimit-limit", b"%d" % quota.limit),
        (b"ratelimit-remaining", b"%d" % quota.remaining),
        (b"ratelimit-reset", b"%d" % quota.reset),
        (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (quota.name.encode(), quota.limit, quota.window)),
    )


class Rate:
    """One limit: `per_minute` requests for each key. Not for use from several threads."""

    def __init__(self, name: str, per_minute: int, sentence: str, *, keys: int = MAX_KEYS) -> None:
        self._name = name
        self._limit = per_minute
        self._sentence = sentence
        self._size = keys
        # nanoseconds that one request takes from the quota, and all that fit into it
        self._step = WINDOW * _SECOND // per_minute
        self._whole = self._step * per_minute
        # key → when its quota is whole again
        self._whole_at: dict[str, int] = {}
        self._told_limit, *_, self._told_policy = quota_headers(Quota(name, per_minute, WINDOW, 0, 0))

    def take(self, key: str, now: int) -> Standing:
        """Count one request at `now` (nanoseconds that never decrease); returns where the key then stands.

        Raises Throttled, and counts nothing, when the quota is used up.
        """
        known = self._whole_at.get(key)
        if known is None:
            if len(self._whole_at) >= self._size:
                self._make_room(now)
            known = now
        used = (known - now if known > now else 0) + self._step
        if used > self._whole:
            raise self._refusal(used)
        self._whole_at[key] = now + used
        return Standing((self, used))

    def headers(self, used: int) -> Headers:
        """What an answer says when `used` nanoseconds of the quota are in use."""
        requests = -(-used // self._step)
        reset = -(-requests * self._step // _SECOND)
        return (
            self._told_limit,
            (b"ratelimit-remaining", b"%d" % (self._limit - requests)),
            (b"ratelimit-reset", b"%d" % reset),
            self._told_policy,
        )

    def __len__(self) -> int:
        return len(self._whole_at)

    def _refusal(self, used: int) -> Throttled:
        wait = -(-(used - self._whole) // _SECOND)
        reset = -(-(used - self._step) // _SECOND)
        return Throttled(
            self._sentence.format(limit=self._limit, wait=wait),
            retry_after=wait,
            quota=Quota(self._name, self._limit, WINDOW, 0, reset),
        )

    def _make_room(self, now: int) -> None:
        """Forget who has a whole quota, and if that is not a tenth of all, those who are nearest to it."""
        by_use = sorted(self._whole_at, key=self._whole_at.__getitem__)
        rested = sum(1 for key in by_use if self._whole_at[key] <= now)
        for key in by_use[: max(rested, len(by_use) // 10, 1)]:
            del self._whole_at[key]


_CLIENT: Final = (
    "This client makes more than {limit} requests a minute; wait {wait} s, then make fewer: keep tokens until"
    " they end, and look for a loop without a pause."
)
_SOURCE: Final = (
    "More than {limit} requests a minute come from your address; wait {wait} s, then make fewer, or ask the"
    " administrator whether the server knows its proxy."
)
_AGENT: Final = "This agent makes more than {limit} requests a minute; wait {wait} s, and report less often."


def _rate(name: str, per_minute: int, sentence: str) -> Rate | None:
    return Rate(name, per_minute, sentence) if per_minute else None


class Standing(tuple[Rate, int]):
    """Where somebody stands with a limit. Headers are made of it once it is known which limit is told."""

    __slots__ = ()

    def headers(self) -> Headers:
        """What an answer says of it."""
        rate, used = self
        return rate.headers(used)


class Limits:
    """The limits of one process; 0 for none. Agents have their own, so that neither uses up the other's."""

    def __init__(
        self,
        *,
        client: int,
        source: int,
        agent: int,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._now = now
        self._clients = _rate("client", client, _CLIENT)
        self._sources = _rate("source", source, _SOURCE)
        self._agents = _rate("agent", agent, _AGENT)
        self._agents_sources = _rate("source", source, _SOURCE)

    def of_source(self, address: str, *, agent: bool) -> Standing | None:
        """Count a request of an address, before anything is done for it. Raises Throttled."""
        rate = self._agents_sources if agent else self._sources
        return None if rate is None or not address else rate.take(network_of(address), self._now())

    def of_client(self, subject_id: str, *, agent: bool) -> Standing | None:
        """Count a request of a caller who has proved who it is. Raises Throttled."""
        rate = self._agents if agent else self._clients
        return None if rate is None else rate.take(subject_id, self._now())
