"""Quick reads of PostgreSQL from the event loop: while the server works on one, the loop does something else.

A thread per read costs more than the read: it takes Python from the event loop and has to be woken, told and
heard (ADR 33). Here a job runs on the loop, in a greenlet, and where it would wait for an answer its task is
suspended. The job is the same plain function that a unit runs in a thread, or SQLite on the loop.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready, Wait
from sqlalchemy.util import await_only, greenlet_spawn

from runplane.server.core.errors import Unavailable
from runplane.server.core.turns import Bounds, Kind, Share
from runplane.server.sql.prepared import RawReader, Reader
from runplane.server.sql.unit import Units, as_unavailable
from runplane.server.sql.watchdog import Session

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")
R = TypeVar("R")

SESSIONS: Final = 4
"""How many of one process read at the same time."""
_NUDGE_SECONDS: Final = 0.25


class LoopConnection(psycopg.Connection[Any]):
    """A connection whose statements suspend the task of their greenlet instead of their thread.

    The loop listens to its socket all the time: the driver's own way is two system calls more for each
    statement. Whoever waits without end is freed by the watchdog, which breaks the line.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _line = -1
    _answer: asyncio.Future[Ready] | None = None

    def listen(self) -> None:
        """From now on belong to the running event loop."""
        self._loop = asyncio.get_running_loop()
        # A descriptor of its own for the socket: libpq closes the other when the line breaks, and its number
        # may be another socket's while the loop still listens.
        self._line = os.dup(self.pgconn.socket)
        self._loop.add_reader(self._line, self._on_ready, Ready.R)

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        """Have the driver wait for the server: as its own connections do, until `listen`."""
        if self._loop is None:
            return super().wait(gen, interval, timeout)
        try:
            wanted = next(gen)
            while True:
                wanted = gen.send(await_only(self._ready(self._loop, wanted)))
        except StopIteration as ended:
            return ended.value
        except OSError as error:
            raise psycopg.OperationalError("the connection was closed") from error

    def nudge(self) -> None:
        """Have the driver look at its socket itself: of a line that was torn the loop says nothing."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Ready.R)

    def close(self) -> None:
        """Close it; the loop listens no more. Only in the loop's thread, once it belongs to one."""
        if self._loop is not None and self._line >= 0:
            self._loop.remove_reader(self._line)
            os.close(self._line)
            self._line = -1
        super().close()

    async def _ready(self, loop: asyncio.AbstractEventLoop, wanted: Wait) -> Ready:
        answer = self._answer = loop.create_future()
        if wanted & Wait.W:
            loop.add_writer(self._line, self._on_ready, Ready.W)
        try:
            return await answer
        finally:
            self._answer = None
            if wanted & Wait.W and self._line >= 0:
                loop.remove_writer(self._line)

    def _on_ready(self, ready: Ready) -> None:
        answer = self._answer
        if answer is None:
            # Nobody has asked: the server ends the session, or says something that nobody wants to know.
            self.close()
        elif not answer.done():
            answer.set_result(ready)


class Elsewhere(Protocol):
    """Reads in another way."""

    async def __call__(self, job: Callable[[Reader], T], /) -> T:
        """What `job` returns."""
        ...


class _Elsewhere(Exception):
    """A worker thread is to do it, which knows how to get a session or to say that there is none."""


class Looks:
    """Reads of one event loop. Shares take turns, as they do at threads (core.turns).

    `elsewhere` does what cannot be done here: where there is no session, or one has died.
    """

    def __init__(self, units: Units, elsewhere: Elsewhere, bounds: Bounds, busy: str) -> None:
        self._units = units
        self._elsewhere = elsewhere
        self._database = units.database
        self._bounds = bounds
        self._busy = busy
        self._running = 0
        # whose jobs wait; each share stands in the line once
        self._line: deque[Share] = deque()
        self._waiting: dict[Share, deque[asyncio.Future[None]]] = {}
        self._inside: dict[Kind, int] = {}
        self._asking: set[LoopConnection] = set()
        self._nudging = False

    def inside(self, kind: Kind) -> int:
        """How many reads of a kind of share are inside, those that wait included."""
        return self._inside.get(kind, 0)

    async def run(self, share: Share, job: Callable[[Reader], T]) -> T:
        """What `job` returns. It must do nothing but read, for it may have to be done again.

        Raises Unavailable when too much waits, or when the database cannot answer.
        """
        self._check_room(share)
        self._inside[share.kind] = self.inside(share.kind) + 1
        try:
            await self._enter(share)
            try:
                return await self._read(await self._session(), job)
            except _Elsewhere:
                pass
            finally:
                self._running -= 1
                self._call_next()
        finally:
            self._inside[share.kind] -= 1
        return await self._elsewhere(job)

    def _check_room(self, share: Share) -> None:
        waiting_now = len(self._waiting.get(share, ()))
        full = self.inside(share.kind) >= self._bounds.total and waiting_now >= self._bounds.floor
        if share.kind != "server" and (full or waiting_now >= self._bounds.share):
            raise Unavailable(self._busy, retry_after=1)

    async def _enter(self, share: Share) -> None:
        if self._running < SESSIONS and not self._line:
            self._running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._waiting.get(share)
        if queue is None:
            queue = self._waiting[share] = deque()
            self._line.append(share)
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # its turn had come, and nobody takes it
            if turn.done() and not turn.cancelled():
                self._running -= 1
                self._call_next()
            raise

    def _call_next(self) -> None:
        while self._line and self._running < SESSIONS:
            share = self._line.popleft()
            queue = self._waiting[share]
            turn = queue.popleft()
            if queue:
                self._line.append(share)
            else:
                del self._waiting[share]
            if not turn.done():
                self._running += 1
                turn.set_result(None)

    async def _session(self) -> Session:
        session = self._database.borrow_on_loop()
        if session is not None:
            return session
        opening = asyncio.get_running_loop().run_in_executor(None, self._database.open_on_loop)
        try:
            session = await asyncio.shield(opening)
        except self._database.errors as error:
            raise _Elsewhere from error
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise
        session.raw.listen()
        return session

    def _keep(self, opening: asyncio.Future[Session]) -> None:
        """Leave to others what nobody waits for any more."""
        if not opening.cancelled() and opening.exception() is None:
            opening.result().raw.listen()
            self._database.give_back_on_loop(opening.result())

    async def _read(self, session: Session, job: Callable[[Reader], T]) -> T:
        session.work = reader = RawReader(session.raw, self._database.dialect)
        self._asking.add(session.raw)
        if not self._nudging:
            self._nudge()
        try:
            result = await greenlet_spawn(job, reader)
        except self._database.errors as error:
            try:
                if self._units.judge(error, session):
                    raise _Elsewhere from error
            finally:
                self._database.drop(session)
            self._units.failures += 1
            raise as_unavailable(error) from error
        except BaseException:
            # the job's own refusal, or the end of its task in the middle of a statement
            if session.raw.pgconn.transaction_status == TransactionStatus.IDLE:
                self._database.give_back_on_loop(session)
            else:
                self._database.drop(session)
            raise
        finally:
            self._asking.discard(session.raw)
        self._database.give_back_on_loop(session)
        return result

    def _nudge(self) -> None:
        """Every quarter of a second, as long as somebody reads."""
        self._nudging = bool(self._asking)
        for connection in self._asking:
            connection.nudge()
        if self._nudging:
            asyncio.get_running_loop().call_later(_NUDGE_SECONDS, self._nudge)
