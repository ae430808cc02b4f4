"""Worker threads for blocking database work: tenants in turn, and a bound on how much may wait.

SQLite has one writer, so writing has one thread there: transactions queue in order instead of fighting for
the file lock. What does not fit into the queue is refused with 503 rather than piling up. Whose work it is
says `core.turns.CURRENT`; nobody has to hand it on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runplane.server.core.pace import Pace, spend
from runplane.server.core.turns import CURRENT, KINDS, SERVER, Bounds, Share, Turns
from runplane.server.sql.prepared import RawReader, Reader
from runplane.server.sql.unit import Unit, Units, as_unavailable

if TYPE_CHECKING:
    from runplane.server.sql.looks import Looks

T = TypeVar("T")

_BOUNDS: Final = Bounds.of(512)
_BUSY: Final = "The server is busy; try again shortly."

# Threads for reading and for writing, and how many of them one of several tenants may have. Reading SQLite is
# mostly Python's work: a second thread of a tenant makes it no faster and all others slower.
_SQLITE: Final = ((4, 1), (1, 1))
_POSTGRES: Final = ((8, 2), (8, 2))

_SWITCH_SECONDS: Final = 0.0002
"""How long a thread may compute while the event loop waits for it. Python's own 5 ms is ten tokens' time."""


class Lanes:
    """Runs units off the event loop: reads and writes in separate threads.

    `pace` is for who hands out the work; here jobs put down what they use (core.pace).
    """

    def __init__(self, units: Units, pace: Pace | None = None) -> None:
        self.units = units
        sqlite = units.database.is_sqlite
        read, write = _SQLITE if sqlite else _POSTGRES
        self.pace = pace or Pace()
        make = partial(Turns, bounds=_BOUNDS, busy=_BUSY, neighbours=self.pace.neighbours)
        self._readers = make("runplane-read", *read)
        self._writers = make("runplane-write", *write)
        # puts a job under a span, where requests are traced
        self.trace: Callable[[str, Callable[[], Any]], Callable[[], Any]] | None = None
        # how the event loop reads itself: SQLite through one connection, PostgreSQL through a few sessions
        self._loop_reader: RawReader | None = None
        self._looks: Looks | None = None

    def start(self) -> None:
        """Have the event loop read itself from now on; call it in the loop's thread.

        Threads take turns at Python more often than by default then, in the whole process.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._loop_reader = self.units.database.loop_reader()
        if self._loop_reader is None:
            from runplane.server.sql.looks import Looks  # noqa: PLC0415 - of PostgreSQL only

            self._looks = Looks(self.units, self.read, _BOUNDS, _BUSY)

    async def read(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a read-only unit. Raises Unavailable when too much waits."""
        return await self._run(self._readers, CURRENT.get(), lambda: self.units.read(job))

    async def look(self, job: Callable[[Reader], T]) -> T:
        """Run a quick read on the event loop. It may have to run again, as in a unit.

        Raises Unavailable when too much waits, or when the database cannot answer.
        """
        if self._loop_reader is not None:
            self._loop_reader.listed.clear()
            try:
                return job(self._loop_reader)
            except self.units.database.errors as error:
                raise as_unavailable(error) from error
        if self._looks is not None:
            return await self._looks.run(CURRENT.get(), job)
        return await self.read(job)

    async def write(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a unit that commits before this returns. Raises Unavailable when too much waits."""
        return await self._run(self._writers, CURRENT.get(), lambda: self.units.write(job))

    def write_soon(self, job: Callable[[Unit], T]) -> asyncio.Future[T]:
        """Queue `job` as the server's own work: it is never refused, and waits for one job of a tenant."""
        return self._run(self._writers, SERVER, lambda: self.units.write(job))

    def _run(self, turns: Turns, share: Share, job: Callable[[], T]) -> asyncio.Future[T]:
        if self.trace is not None:
            job = self.trace("write" if turns is self._writers else "read", job)
        # what the job logs bears the marks of its request
        return asyncio.wrap_future(
            turns.submit(
                share, partial(copy_context().run, partial(spend, job, reading=turns is self._readers))
            )
        )

    def inside(self) -> dict[tuple[str, str], int]:
        """How many jobs are inside, running ones included, by lane (read, write) and kind of share."""
        lanes = {"read": (self._readers, self._looks), "write": (self._writers, None)}
        return {
            (name, kind): sum(it.inside(kind) for it in parts if it is not None)
            for name, parts in lanes.items()
            for kind in KINDS
        }

    def close(self) -> None:
        """Finish what runs and stop the threads."""
        self._readers.close()
        self._writers.close()
