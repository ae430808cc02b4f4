"""Brakes on guessing: per account and per source (ASVS 5.0 6.3.1, NIST SP 800-63B-4 section 3.2.2).

What counts is *distinct* wrong secrets: the official client sends a wrong secret four times, and a CI job
with a stale one sends it for hours; neither is guessing. A locked account is not told so: the caller
answers as for a wrong secret, after the same work. Everything expires by itself and is kept in this process
only; N replicas therefore allow up to N times as many tries, which 12-character passwords bear.

Random 256-bit secrets cannot be guessed. Locking their account would only give strangers who know a client
id a way to stop it: use `lockable=False` for them. They still count for the source.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections import OrderedDict
from collections.abc import ValuesView
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from runplane.server.core.addresses import network_of
from runplane.server.core.errors import Quota, Throttled

_DIGEST: Final = 8
_MAX_DOUBLINGS: Final = 16
K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """Times in seconds."""

    window: float = 900.0
    """How long a wrong secret counts, from its first use."""
    per_account: int = 10
    """Distinct wrong secrets that lock an account."""
    first_lock: float = 60.0
    """How long the first lock lasts; each further one twice as long as the one before."""
    longest_lock: float = 900.0
    per_source: int = 50
    """Distinct pairs of account and wrong secret after which a source has to wait."""
    accounts: int = 8192
    """Accounts remembered; the one not used for longest is forgotten first."""
    sources: int = 4096
    """Sources remembered, likewise."""


@dataclass(slots=True)
class _Account:
    tries: dict[int, float] = field(default_factory=dict[int, float])
    locks: int = 0
    locked_until: float = -math.inf


class _Recent(Generic[K, T]):
    """A mapping that forgets what was not used for longest."""

    __slots__ = ("_items", "_size")

    def __init__(self, size: int) -> None:
        self._items: OrderedDict[K, T] = OrderedDict()
        self._size = size

    def get(self, key: K) -> T | None:
        item = self._items.get(key)
        if item is not None:
            self._items.move_to_end(key)
        return item

    def put(self, key: K, item: T) -> T:
        self._items[key] = item
        if len(self._items) > self._size:
            self._items.popitem(last=False)
        return item

    def drop(self, key: K) -> None:
        self._items.pop(key, None)

    def values(self) -> ValuesView[T]:
        """All of them."""
        return self._items.values()

    def __len__(self) -> int:
        return len(self._items)


class Throttle:
    """The brakes of one process. Safe to share between threads.

    `now` is in seconds and never decreases (`time.monotonic()`): a step of the wall clock must neither lock
    nor unlock anybody.
    """

    def __init__(self, limits: ThrottleLimits | None = None) -> None:
        self._limits = limits or ThrottleLimits()
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._accounts: _Recent[int, _Account] = _Recent(self._limits.accounts)
        self._sources: _Recent[str, dict[int, float]] = _Recent(self._limits.sources)

    def admit(self, account: str, source: str, now: float) -> bool:
        """Whether the secret may be checked.

        False means that the account is locked: do the same work as for an unknown account and answer the
        same. Throttled, with the seconds to wait, when the source (the peer's address) has tried too much.
        """
        with self._lock:
            self._check_source(network_of(source), now)
            known = self._accounts.get(self._hash(account))
            return known is None or now >= known.locked_until

    def failed(self, account: str, source: str, secret: str, now: float, *, lockable: bool = True) -> None:
        """Record a wrong secret. Only keyed hashes are kept; the key dies with the process."""
        with self._lock:
            self._count_source(network_of(source), self._hash(account, secret), now)
            if lockable:
                self._count_account(self._hash(account), self._hash(account, secret), now)

    def succeeded(self, account: str) -> None:
        """Forget the account's wrong secrets. The source's stay: one good password is no licence to guess."""
        with self._lock:
            self._accounts.drop(self._hash(account))

    def remembered(self) -> tuple[int, int]:
        """How many accounts and sources are in memory, for the metrics."""
        with self._lock:
            return len(self._accounts), len(self._sources)

    def _check_source(self, source: str, now: float) -> None:
        tries = self._sources.get(source)
        if tries is None:
            return
        _expire(tries, now - self._limits.window)
        if not tries:
            self._sources.drop(source)
        elif len(tries) >= self._limits.per_source:
            limits = self._limits
            ends = [math.ceil(first + limits.window - now) for first in tries.values()]
            raise Throttled(
                "Too many wrong credentials came from your address; wait before you try again.",
                retry_after=max(1, ends[0]),
                quota=Quota(
                    "secrets", self._limits.per_source, round(self._limits.window), 0, max(1, ends[-1])
                ),
            )

    def figures(self, now: float) -> tuple[int, int]:
        """How many accounts are locked, and how many sources have to wait."""
        with self._lock:
            locked = sum(now < it.locked_until for it in self._accounts.values())
            waiting = 0
            for tries in self._sources.values():
                _expire(tries, now - self._limits.window)
                waiting += len(tries) >= self._limits.per_source
            return locked, waiting

    def _count_source(self, source: str, mark: int, now: float) -> None:
        tries = self._sources.get(source)
        if tries is None:
            tries = self._sources.put(source, {})
        _expire(tries, now - self._limits.window)
        # Requests that were admitted together may arrive here after the limit; the memory stays bounded.
        if len(tries) < self._limits.per_source:
            tries.setdefault(mark, now)

    def _count_account(self, account: int, mark: int, now: float) -> None:
        limits = self._limits
        known = self._accounts.get(account) or self._accounts.put(account, _Account())
        if now < known.locked_until:
            return
        _expire(known.tries, now - limits.window)
        if known.locks and now >= known.locked_until + limits.window:
            known.locks = 0
        known.tries.setdefault(mark, now)
        if len(known.tries) >= limits.per_account:
            doubled = limits.first_lock * 2 ** min(known.locks, _MAX_DOUBLINGS)
            known.locked_until = now + min(doubled, limits.longest_lock)
            known.locks += 1
            known.tries.clear()

    def _hash(self, *texts: str) -> int:
        # A length before each text, so that no two pairs run together into the same bytes.
        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        data = b"".join(len(part).to_bytes(4) + part for part in parts)
        return int.from_bytes(hashlib.blake2b(data, digest_size=_DIGEST, key=self._key).digest())


def _expire(tries: dict[int, float], before: float) -> None:
    """Drop what is as old as `before` or older."""
    for mark in [mark for mark, first in tries.items() if first <= before]:
        del tries[mark]


def throttled_account(tenant_id: int, email: str) -> str:
    """Under which name wrong passwords of a person count: the same address may exist in two tenants."""
    return f"{tenant_id}/{email.lower()}"
