"""How much of a process' time one tenant may use while others call.

Threads serve tenants in turn (core.turns), but what computes is one: the event loop and Python's lock belong
to everybody. So each request's time is counted, and where those that a tenant makes side by side have used
more than its part, the next one waits. Nothing is counted, and nobody waits, while a single tenant calls.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from runplane.server.core.addresses import network_of
from runplane.server.core.errors import Unavailable
from runplane.server.core.turns import CURRENT, Neighbours, Share

T = TypeVar("T")

CROWD_PERCENT: Final = 12
"""Of a process' time, what requests may use that one of several tenants makes side by side."""
SEQUENCE_PERCENT: Final = 75
"""The same for requests one after the other, which one client cannot exceed by much."""
AGENTS_PERCENT: Final = 50
"""What a tenant's agents may use side by side: they are a crowd by nature, and each of them has a limit."""
MEETING_SECONDS: Final = 0.0003
"""A request that comes so soon after one of another connection came beside it: nobody connects and asks as
fast, and quick ones are done before the loop sees the next."""
LONG_SECONDS: Final = 0.00075
"""A read in a thread that takes longer counts as if it had company: meanwhile others wait for Python."""
AHEAD_SECONDS: Final = 0.1
"""How far ahead of its part one may be that has rested: a page of the console asks for ten things at once."""
DEBT_SECONDS: Final = 1.0
"""How long what was used too much is remembered: long requests must not keep their tenant's people out."""
MOST_INSIDE: Final = 8
"""Requests of one account served at the same time: what they cost is known only when they are done."""
PATIENCE_SECONDS: Final = 5
"""Who has waited so long is refused."""
MOST_WAITING: Final = 512
MAX_ACCOUNTS: Final = 8192

_FIRST_GUESS: Final = 0.0005
_LEARNING: Final = 0.1


class Paced(Unavailable):
    """The tenant asks for more than its part while others need the server."""

    def __init__(self) -> None:
        super().__init__(
            "Your tenant asks for more than its part while others need the server; try again shortly.",
            retry_after=PATIENCE_SECONDS,
        )


@dataclass(slots=True, eq=False)
class _Account:
    """Whose time it is. At `paid_at` its part makes up for what it has used."""

    paid_at: float
    # of requests that come one after the other, and of those that come side by side
    part: float
    crowd_part: float
    # what a request costs, in seconds
    usual: float = _FIRST_GUESS
    # requests that are being served
    inside: int = 0
    # the connection of the last one that was let in, and when one was done
    line: Any = None
    left_at: float = -math.inf
    waiting: deque[tuple[asyncio.Future[None], Bill]] = field(
        default_factory=deque[tuple["asyncio.Future[None]", "Bill"]]
    )
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Bill:
    """What one request has used, in seconds, and whose time that is, once it is known."""

    # which connection it came on
    line: Any = None
    source: str = ""
    spent: float = 0.0
    # of that, in long reads
    long: float = 0.0
    reserved: float = 0.0
    account: _Account | None = None
    # whether it has yet to be proved who pays
    stranger: bool = False
    # whether others were there when it came
    crowd: bool = False
    # how long it may still wait
    patience: float = PATIENCE_SECONDS
    part: float = 1.0


BILL: Final[ContextVar[Bill | None]] = ContextVar("runplane_bill", default=None)
"""Where time that the present code uses is put down, None while nobody counts. Threads add to it as well."""


class Pace:
    """The accounts of one process. For the event loop's thread."""

    def __init__(self, crowd_percent: int = CROWD_PERCENT, now: Callable[[], float] = time.monotonic) -> None:
        self.neighbours = Neighbours(now)
        self._now = now
        self._part = max(SEQUENCE_PERCENT, crowd_percent) / 100
        self._crowd_part = crowd_percent / 100
        self._agents_part = max(AGENTS_PERCENT, crowd_percent) / 100
        self._accounts: dict[Any, _Account] = {}
        # for the metrics: requests that had to wait, and for how long in all
        self.waits = 0
        self.waited_seconds = 0.0

    def count(self, request: Coroutine[Any, Any, T], line: Any) -> Awaitable[T]:
        """`request`, to be awaited at once, with its time put down to whom it names by `enter`.

        `line` tells its connection from others.
        """
        if self.neighbours.several:
            return Counted(request, Bill(line), self._settle)
        # a request that was sent behind another one inherits that one's context
        BILL.set(None)
        return request

    def comes_from(self, address: str) -> None:
        """Say where a request comes from that names nobody."""
        bill = BILL.get()
        if bill is not None:
            bill.source = network_of(address)

    async def enter(self, share: Share) -> None:
        """What the request does from now on it does for `share`, who has proved it; wait for its turn.

        Raises Paced instead of waiting too long.
        """
        CURRENT.set(share)
        if self.neighbours.met(share):
            bill = BILL.get()
            if bill is not None and (bill.account is None or bill.stranger):
                self._settle(bill)
                await self._wait(bill, share, share)

    async def enter_stranger(self, share: Share) -> None:
        """The same before it is proved who calls.

        Strangers wait with those of their address only, and their call is no sign that the tenant works:
        nobody can use up another's part by knowing its name.
        """
        CURRENT.set(share)
        bill = BILL.get()
        if bill is not None and bill.account is None and self.neighbours.several:
            bill.stranger = True
            await self._wait(bill, share, (bill.source, share))

    def proved(self, share: Share) -> None:
        """A stranger has proved to be of `share`, which pays as well; what it came for is done already."""
        bill = BILL.get()
        if self.neighbours.met(share) and bill is not None and (bill.account is None or bill.stranger):
            spent = bill.spent
            self._settle(bill)
            bill.spent = spent
            self._admit(self._accounts.get(share) or self._open(share, share), bill)

    def leave(self) -> None:
        """The request only waits from now on, for something else than its tenant's turn."""
        bill = BILL.get()
        if bill is not None:
            self._settle(bill)

    async def _wait(self, bill: Bill, share: Share, key: Any) -> None:
        account = self._accounts.get(key) or self._open(key, share)
        # those that gave up must not count
        self._admit_next(account)
        if not account.waiting and self._has_room(account):
            self._admit(account, bill)
            return
        bill.crowd = bool(account.inside or account.waiting)
        if len(account.waiting) >= MOST_WAITING:
            raise Paced
        turn = asyncio.get_running_loop().create_future()
        account.waiting.append((turn, bill))
        began = self._now()
        self._admit_next(account)
        try:
            async with asyncio.timeout(bill.patience):
                await turn
        except TimeoutError as error:
            raise Paced from error
        finally:
            waited = self._now() - began
            bill.patience -= waited
            self.waits += 1
            self.waited_seconds += waited

    def _has_room(self, account: _Account) -> bool:
        return account.inside < MOST_INSIDE and account.paid_at - AHEAD_SECONDS <= self._now()

    def _admit(self, account: _Account, bill: Bill) -> None:
        at = self._now()
        met = bill.line != account.line and at - account.left_at < MEETING_SECONDS
        crowd = met or bill.crowd or account.inside or account.waiting
        bill.account = account
        bill.part = account.crowd_part if crowd else account.part
        account.inside += 1
        account.line = bill.line
        # What it will cost is known at its end; whoever comes meanwhile must not find the account untouched.
        before = max(account.paid_at, at)
        account.paid_at = max(before, min(before + account.usual / bill.part, at + DEBT_SECONDS))
        bill.reserved = (account.paid_at - before) * bill.part

    def _admit_next(self, account: _Account) -> None:
        """Let in those whose turn it is, and come again when it is the next one's."""
        waiting = account.waiting
        while waiting and (waiting[0][0].done() or self._has_room(account)):
            turn, bill = waiting.popleft()
            # else it was given up
            if not turn.done():
                self._admit(account, bill)
                turn.set_result(None)
        if account.timer is not None:
            # what was reserved may have been too much, so the time may be an earlier one by now
            account.timer.cancel()
            account.timer = None
        if waiting and account.inside < MOST_INSIDE:
            wait = account.paid_at - AHEAD_SECONDS - self._now()
            account.timer = asyncio.get_running_loop().call_later(max(wait, 0.0), self._on_time, account)

    def _on_time(self, account: _Account) -> None:
        account.timer = None
        self._admit_next(account)

    def _settle(self, bill: Bill) -> None:
        """Put down what a request has used since it was let in."""
        account, bill.account = bill.account, None
        if account is None:
            return
        at = account.left_at = self._now()
        account.inside -= 1
        account.usual += (bill.spent - account.usual) * _LEARNING
        paid_at = account.paid_at + (bill.spent - bill.long - bill.reserved) / bill.part
        paid_at += bill.long / account.crowd_part
        account.paid_at = min(paid_at, at + DEBT_SECONDS)
        bill.spent, bill.long, bill.stranger, bill.crowd = 0.0, 0.0, False, False
        self._admit_next(account)

    def _open(self, key: Any, share: Share) -> _Account:
        at = self._now()
        if len(self._accounts) >= MAX_ACCOUNTS:
            self._make_room(at)
        crowd_part = self._agents_part if share.kind == "agents" else self._crowd_part
        account = self._accounts[key] = _Account(at, self._part, crowd_part)
        return account

    def _make_room(self, at: float) -> None:
        """Forget who owes nothing; if there is none, addresses that nobody has a request of."""
        unused = [key for key, it in self._accounts.items() if not (it.inside or it.waiting)]
        rested = [key for key in unused if self._accounts[key].paid_at <= at]
        for key in rested or [key for key in unused if not isinstance(key, Share)]:
            del self._accounts[key]


class Counted(Generic[T]):
    """A coroutine whose computing is counted, and not its waiting."""

    __slots__ = ("_bill", "_job", "_settle")

    def __init__(self, job: Coroutine[Any, Any, T], bill: Bill, settle: Callable[[Bill], None]) -> None:
        self._job = job
        self._bill = bill
        self._settle = settle

    def __await__(self) -> Generator[Any, Any, T]:
        bill = self._bill
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


def spend(job: Callable[[], T], *, reading: bool = False) -> T:
    """Run `job` in a thread and put its computing down to the request that it is for."""
    bill = BILL.get()
    if bill is None:
        return job()
    before, began = bill.spent, time.thread_time()
    try:
        return job()
    finally:
        bill.spent += time.thread_time() - began
        # with what a database has taken
        took = bill.spent - before
        if reading and took > LONG_SECONDS:
            bill.long += took
