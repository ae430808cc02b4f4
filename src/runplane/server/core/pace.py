"""How much of a process' time one tenant may use while others call.

Threads serve tenants in turn (core.turns), but what computes is one: the event loop and Python's lock belong
to everybody. So each request's time is counted, and a tenant that has used more than its part waits before
its next request begins. Nothing is counted, and nobody waits, while a single tenant calls.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from runplane.server.core.addresses import network_of
from runplane.server.core.errors import Unavailable
from runplane.server.core.turns import CURRENT, Neighbours, Share

T = TypeVar("T")

PART: Final = 0.5
"""Seconds of work a second that one of several tenants may cause in one process, request after request."""
CROWD_PERCENT: Final = 12
"""The same, in percent, for requests that come while others of their tenant are not answered."""
AHEAD_SECONDS: Final = 0.1
"""How far ahead of its part one may be that has rested: a page of the console asks for ten things at once."""
PATIENCE_SECONDS: Final = 5.0
"""Who would have to wait longer is refused."""
LONGEST_SECONDS: Final = 0.1
"""What one request counts for at most: a long one must not keep its tenant from everything else."""
MAX_ACCOUNTS: Final = 8192

_FIRST_GUESS: Final = 0.0005
_LEARNING: Final = 0.1
_BUSY: Final = "Your tenant asks for more than its part while others need the server; try again shortly."


@dataclass(slots=True)
class _Account:
    """Whose time it is. At `paid_at` its part makes up for what it has used."""

    paid_at: float
    # what a request costs, in seconds
    usual: float = _FIRST_GUESS
    # requests that are not done
    inside: int = 0


@dataclass(slots=True)
class Bill:
    """What one request has used, in seconds, and whose time that is, once it is known."""

    source: str = ""
    spent: float = 0.0
    reserved: float = 0.0
    account: _Account | None = None
    part: float = 1.0


BILL: Final[ContextVar[Bill | None]] = ContextVar("runplane_bill", default=None)
"""Where time that the present code uses is put down, None while nobody counts. Threads add to it as well."""


class Pace:
    """The accounts of one process. For the event loop's thread."""

    def __init__(self, crowd_percent: int = CROWD_PERCENT, now: Callable[[], float] = time.monotonic) -> None:
        self.neighbours = Neighbours(now)
        self._now = now
        self._crowd_part = crowd_percent / 100
        self._part = max(PART, self._crowd_part)
        self._accounts: dict[Any, _Account] = {}
        # for the metrics: requests that had to wait, and for how long in all
        self.waits = 0
        self.waited_seconds = 0.0

    def count(self, request: Coroutine[Any, Any, T]) -> Counted[T]:
        """`request`, to be awaited, with its time put down to whom it names by `enter`."""
        return Counted(request, self.settle)

    def comes_from(self, address: str) -> None:
        """Say where a request comes from that names nobody."""
        bill = BILL.get()
        if bill is not None:
            bill.source = network_of(address)

    async def enter(self, share: Share, stranger: bool = False) -> None:
        """What the request does from now on it does for `share`; wait until that may have a turn.

        Whoever has yet to prove who it is is a `stranger`, and waits with those of its address only: nobody
        can use up a tenant's part by knowing its name. Raises Unavailable instead of waiting too long.
        """
        CURRENT.set(share)
        if self.neighbours.met(share):
            bill = BILL.get()
            if bill is not None and bill.account is None:
                await self._wait(bill, share, (bill.source, share) if stranger else share)

    def settle(self, bill: Bill) -> None:
        """Put down what a request has used when it is done."""
        account = bill.account
        if account is not None:
            spent = min(bill.spent, LONGEST_SECONDS)
            account.inside -= 1
            account.paid_at += (spent - bill.reserved) / bill.part
            account.usual += (spent - account.usual) * _LEARNING

    async def _wait(self, bill: Bill, share: Share, key: Any) -> None:
        at = self._now()
        account = self._accounts.get(key) or self._open(key, at)
        wait = account.paid_at - AHEAD_SECONDS - at
        if wait > PATIENCE_SECONDS:
            raise Unavailable(_BUSY, retry_after=math.ceil(wait))
        bill.account = account
        # agents of many clusters are a crowd by nature, and each has a limit
        crowd = account.inside and share.kind != "agents"
        bill.part = self._crowd_part if crowd else self._part
        account.inside += 1
        # What it will cost is known at its end; whoever comes meanwhile must not find the account untouched.
        bill.reserved = account.usual
        account.paid_at = max(account.paid_at, at) + bill.reserved / bill.part
        if wait > 0:
            self.waits += 1
            self.waited_seconds += wait
            await asyncio.sleep(wait)

    def _open(self, key: Any, at: float) -> _Account:
        if len(self._accounts) >= MAX_ACCOUNTS:
            self._make_room(at)
        account = self._accounts[key] = _Account(at)
        return account

    def _make_room(self, at: float) -> None:
        """Forget who owes nothing, and if there is none those that have been known longest."""
        for key in [key for key, it in self._accounts.items() if it.paid_at <= at] or [*self._accounts][:64]:
            del self._accounts[key]


class Counted(Generic[T]):
    """A coroutine whose computing is counted, and not its waiting."""

    __slots__ = ("_job", "_settle")

    def __init__(self, job: Coroutine[Any, Any, T], settle: Callable[[Bill], None]) -> None:
        self._job = job
        self._settle = settle

    def __await__(self) -> Generator[Any, Any, T]:
        bill = Bill()
        BILL.set(bill)
        job = self._job
        step: Callable[[Any], Any] = job.send
        given: Any = None
        try:
            while True:
                began = time.thread_time()
                try:
                    awaited = step(given)
                except StopIteration as ended:
                    return ended.value
                finally:
                    bill.spent += time.thread_time() - began
                try:
                    given = yield awaited
                    step = job.send
                except BaseException as error:  # noqa: BLE001 - as `await` does: it is the coroutine's to handle
                    step, given = job.throw, error
        finally:
            self._settle(bill)


def spend(job: Callable[[], T]) -> T:
    """Run `job` in a thread and put its computing down to the request that it is for."""
    bill = BILL.get()
    if bill is None:
        return job()
    began = time.thread_time()
    try:
        return job()
    finally:
        bill.spent += time.thread_time() - began
