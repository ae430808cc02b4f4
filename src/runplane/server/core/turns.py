"""Worker threads that serve tenants in turn, so that one with a thousand jobs does not hold up one with one.

Whoever wants work done is a *share*: a tenant's callers, or a tenant's agents. Every share has a queue of its
own. A thread that is free takes the next job of the next share, kinds of shares in turn as well, so that 200
agents that come back at once are together no more than one neighbour to those who sign in.

A context variable says whose job it is: what submits work lies many calls below the place where the caller
becomes known, and a default that stands for nobody is safe where a forgotten argument would not be.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeVar

from runplane.server.core.errors import Unavailable

T = TypeVar("T")


# What sort of share: those who call, the agents of clusters, the server's own work, which is never refused.
Kind = Literal["callers", "agents", "server"]
KINDS: Final[tuple[Kind, ...]] = ("callers", "agents", "server")


class Share(NamedTuple):
    """Who waits in one queue. Tenant 0 stands for callers of whom nobody knows yet who they are."""

    kind: Kind
    tenant_id: int = 0


SHARED_SECONDS: Final = 10.0
"""How long threads are kept free for a tenant after it has called."""

_NO_THREAD: Final = "The server gets no thread from its system; try again shortly."

SERVER: Final = Share("server")
NOBODY: Final = Share("callers")
CURRENT: Final[ContextVar[Share]] = ContextVar("runplane_share", default=NOBODY)
"""Whose work the present task does."""


@lru_cache(maxsize=1024)  # every request asks
def callers_of(tenant_id: int) -> Share:
    """The share of those who call, people and programs alike."""
    return Share("callers", tenant_id)


@lru_cache(maxsize=1024)
def agents_of(tenant_id: int) -> Share:
    """The share of a tenant's agents."""
    return Share("agents", tenant_id)


class Neighbours:
    """Whether several tenants call. For any thread: what two of them do at the same instant does no harm."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # the tenant that called last and when, and when any other did
        self._last: Share | None = None
        self._last_at = self._others_at = -math.inf

    def met(self, share: Share) -> bool:
        """Whether several tenants have called within SHARED_SECONDS, now that `share` calls."""
        at = self._now()
        if share.tenant_id and share.kind == "callers":
            if share != self._last:
                self._others_at = self._last_at
                self._last = share
            self._last_at = at
        return at < self._others_at + SHARED_SECONDS

    @property
    def several(self) -> bool:
        """The same while nobody calls."""
        return self._now() < self._others_at + SHARED_SECONDS


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many jobs may be inside, running ones included: of one kind, and of one share of it.

    `floor` of them a share may have even when its kind is at `total`, so those who fill it do not keep others
    out.
    """

    total: int
    share: int
    floor: int

    @classmethod
    def of(cls, total: int) -> Bounds:
        """The usual proportions: three quarters for one share, a sixteenth whatever the others do."""
        return cls(total, max(1, total - total // 4), total // 16)


@dataclass(slots=True)
class _Queue:
    group: _Group
    share: Share
    jobs: deque[tuple[Future[Any], Callable[[], Any]]] = field(
        default_factory=deque[tuple[Future[Any], Callable[[], Any]]]
    )
    inside: int = 0
    running: int = 0
    # how many of its jobs may run
    most: int = 1
    # whether it stands in its group's line
    listed: bool = False


@dataclass(slots=True)
class _Group:
    """The shares of one kind. `line` holds those that have a job and may run one more."""

    most: int
    line: deque[_Queue] = field(default_factory=deque[_Queue])
    inside: int = 0
    running: int = 0

    @property
    def ready(self) -> bool:
        return bool(self.line) and self.running < self.most


class Turns:
    """A pool of threads. `busy` is what a caller reads whose job is refused.

    Its own, not the library's: that one keeps a job that it got no thread for, and counts wrongly ever after.

    Agents have a quarter of the threads at most. A tenant has all but one while no other calls, and `each` of
    them once another has called within SHARED_SECONDS: who comes next finds one free.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        each: int,
        *,
        bounds: Bounds,
        busy: str,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._threads = threads
        self._bounds = bounds
        self._busy = busy
        self._each = each
        self._alone = max(each, threads - 1)
        self._neighbours = neighbours or Neighbours()
        self._name = name
        self._started: list[threading.Thread] = []
        # threads that have nothing to do, each behind a lock that it waits for
        self._idle: list[threading.Lock] = []
        self._lock = threading.Lock()
        self._groups = {kind: _Group(max(1, threads // 4) if kind == "agents" else threads) for kind in KINDS}
        self._order = deque(self._groups.values())
        self._queues: dict[Share, _Queue] = {}
        self._active = 0
        self._closed = False

    def submit(self, share: Share, job: Callable[[], T]) -> Future[T]:
        """Queue `job` behind its share's others.

        Raises Unavailable when too many are inside, or there is no thread at all.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("these threads have been stopped")
            queue = self._queues.get(share) or self._open(share)
            if share.kind != "server":
                self._check_room(queue)
            queue.most = self._most_of(share)
            queue.inside += 1
            queue.group.inside += 1
            queue.jobs.append((future, job))
            self._enlist(queue)
            self._wake()
            if not self._active:
                self._withdraw(queue)
                raise Unavailable(_NO_THREAD, retry_after=1)
        future.add_done_callback(lambda _: self._leave(queue))
        return future

    def inside(self, kind: Kind) -> int:
        """How many jobs of a kind are inside, running ones included."""
        return self._groups[kind].inside

    def close(self, *, drop: bool = False) -> None:
        """Stop the threads when everything is done; with `drop` when what runs is done."""
        with self._lock:
            self._closed = True
            left = [job for queue in self._queues.values() for job in queue.jobs] if drop else []
            idle, self._idle = self._idle, []
        for future, _ in left:
            future.cancel()
        for it in idle:
            it.release()
        for it in self._started:
            it.join()

    def _open(self, share: Share) -> _Queue:
        queue = self._queues[share] = _Queue(self._groups[share.kind], share)
        return queue

    def _most_of(self, share: Share) -> int:
        """How many threads a share may have now. What the server does for itself must not wait for itself."""
        if share.kind == "server":
            return self._threads
        return self._each if self._neighbours.several else self._alone

    def _check_room(self, queue: _Queue) -> None:
        bounds = self._bounds
        full = queue.group.inside >= bounds.total and queue.inside >= bounds.floor
        if full or queue.inside >= bounds.share:
            raise Unavailable(self._busy, retry_after=1)

    def _enlist(self, queue: _Queue) -> None:
        if queue.jobs and not queue.listed and queue.running < queue.most:
            queue.listed = True
            queue.group.line.append(queue)

    def _wake(self) -> None:
        """Have one more thread work, if there is something for it to do, and the system gives one."""
        # after `close` the threads at work finish what is left
        if self._active < self._threads and not self._closed and any(it.ready for it in self._order):
            self._active += 1
            if self._idle:
                self._idle.pop().release()
            else:
                self._start()

    def _start(self) -> None:
        # Like a crash, the end of a process that nobody has closed need not wait for those that are idle.
        thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._started)}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Those at work do what this one would have done. It is tried again with the next job.
            self._active -= 1
        else:
            self._started.append(thread)

    def _withdraw(self, queue: _Queue) -> None:
        """Take back the last job of a queue. No thread is at work, so there is no other."""
        queue.jobs.pop()
        queue.inside -= 1
        queue.group.inside -= 1
        queue.group.line.remove(queue)
        queue.listed = False
        self._forget(queue)

    def _take(self) -> tuple[_Queue, Future[Any], Callable[[], Any]] | None:
        for _ in range(len(self._order)):
            group = self._order[0]
            self._order.rotate(-1)
            if group.ready:
                queue = group.line.popleft()
                queue.listed = False
                future, job = queue.jobs.popleft()
                queue.running += 1
                group.running += 1
                self._enlist(queue)
                return queue, future, job
        return None

    def _serve(self) -> None:
        wait = threading.Lock()
        wait.acquire()
        while self._work(wait):
            wait.acquire()

    def _work(self, wait: threading.Lock) -> bool:
        """Do what there is to do; returns whether there will be more, once `wait` is released."""
        while True:
            with self._lock:
                taken = self._take()
                if taken is None:
                    self._active -= 1
                    if not self._closed:
                        self._idle.append(wait)
                    return not self._closed
                self._wake()
            self._do(*taken)

    def _do(self, queue: _Queue, future: Future[Any], job: Callable[[], Any]) -> None:
        _run(future, job)
        with self._lock:
            queue.running -= 1
            queue.group.running -= 1
            self._enlist(queue)
            self._forget(queue)

    def _leave(self, queue: _Queue) -> None:
        with self._lock:
            queue.inside -= 1
            queue.group.inside -= 1
            self._forget(queue)

    def _forget(self, queue: _Queue) -> None:
        # what was cancelled is no more inside and still in the queue
        idle = not (queue.inside or queue.jobs or queue.running)
        if idle and self._queues.get(queue.share) is queue:
            del self._queues[queue.share]


def _run(future: Future[T], job: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
        future.set_exception(error)
    else:
        future.set_result(result)
