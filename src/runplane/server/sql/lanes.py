"""Worker threads for blocking database work, with a bound on how much may wait.

SQLite has one writer, so writing has one thread there: transactions queue in order instead of fighting for
the file lock. What does not fit into the queue is refused with 503 rather than piling up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from runplane.server.core.errors import Unavailable
from runplane.server.sql.prepared import RawReader, Reader
from runplane.server.sql.unit import Unit, Units, as_unavailable

T = TypeVar("T")

_WAITING = 512


class Lanes:
    """Runs units off the event loop: reads and writes in separate threads."""

    def __init__(self, units: Units) -> None:
        self.units = units
        writers = 1 if units.database.is_sqlite else 8
        self._readers = ThreadPoolExecutor(4 if units.database.is_sqlite else 8, "runplane-read")
        self._writers = ThreadPoolExecutor(writers, "runplane-write")
        self._waiting = 0
        # the event loop's own connection, where reading on the loop pays (Database.loop_reader)
        self.loop_reader: RawReader | None = None

    def start(self) -> None:
        """Open the event loop's own connection; call it in the loop's thread."""
        self.loop_reader = self.units.database.loop_reader()

    async def read(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a read-only unit."""
        return await self._run(self._readers, self.units.read, job)

    async def look(self, job: Callable[[Reader], T]) -> T:
        """Run a quick read where it is cheapest: on the event loop, or as `read` where that may wait."""
        if self.loop_reader is None:
            return await self.read(job)
        try:
            return job(self.loop_reader)
        except self.units.database.errors as error:
            raise as_unavailable(error) from error

    async def write(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a unit that commits before this returns."""
        return await self._run(self._writers, self.units.write, job)

    def write_soon(self, job: Callable[[Unit], T]) -> asyncio.Future[T]:
        """Queue `job` behind the writes that wait already, whatever their number."""
        return asyncio.get_running_loop().run_in_executor(self._writers, self.units.write, job)

    async def _run(
        self, executor: ThreadPoolExecutor, how: Callable[[Callable[[Unit], T]], T], job: Callable[[Unit], T]
    ) -> T:
        if self._waiting >= _WAITING:
            raise Unavailable("The server is busy; try again shortly.", retry_after=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, how, job)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish what runs and stop the threads."""
        self._readers.shutdown(wait=True)
        self._writers.shutdown(wait=True)
