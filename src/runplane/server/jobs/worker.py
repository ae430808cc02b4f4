"""The worker of this process: takes due jobs off the table, one at a time, on the server's event loop.

There is no queue in memory, so nothing is lost with a process: a job that was begun and not finished is due
again when its lease runs out. Looking at the table twice a second costs one indexed read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

import structlog

from runplane.server.core.clock import Clock, instant, now, to_epoch
from runplane.server.core.errors import Unavailable
from runplane.server.jobs import store
from runplane.server.jobs.model import MAX_ATTEMPTS, RETRY_SECONDS, Job, JobKind
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.unit import Unit

POLL_SECONDS: Final = 0.5


class Worker:
    """Does jobs of the given kinds between `run` and `stop`."""

    def __init__(self, lanes: Lanes, clock: Clock, kinds: Iterable[JobKind]) -> None:
        self._lanes = lanes
        self._clock = clock
        self._kinds = {kind.name: kind for kind in kinds}
        self._stopping = asyncio.Event()
        self._log = structlog.get_logger("jobs")

    async def run(self) -> None:
        """Work until `stop`; a job that is being worked on is finished first."""
        while not self._stopping.is_set():
            busy = False
            try:
                busy = await self.step()
            except Unavailable as error:
                self._log.warning("no jobs while the database cannot answer", reason=error.message)
            except Exception:  # noqa: BLE001 - a background task has nobody above it to tell
                self._log.exception("a job could not be taken or put away")
            if not busy:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), POLL_SECONDS)

    def stop(self) -> None:
        """Begin no further job."""
        self._stopping.set()

    async def step(self) -> bool:
        """Do one due job; says whether there was one."""
        at = now(self._clock)
        if not await self._lanes.look(lambda reader: store.has_due(reader, at)):
            return False
        job = await self._lanes.write(self._take)
        if job is None:
            return False
        kind = self._kinds[job.kind]
        try:
            result = await self._lanes.read(lambda unit: kind.work(unit, job))
        except Exception:  # noqa: BLE001 - what a job can fail of is not known here; it is tried again
            self._log.exception("job failed", job=job.id, kind=job.kind, attempt=job.attempts)
            await self._lanes.write(lambda unit: self._put_back(unit, job))
            return True
        await self._lanes.write(lambda unit: self._finish(unit, job, result))
        return True

    def _take(self, unit: Unit) -> Job | None:
        job = store.lease_job(unit, self._kinds)
        if job is None:
            return None
        if job.attempts > MAX_ATTEMPTS:
            # Its process was killed each time, perhaps by the job itself: it must not go round for ever.
            self._give_up(unit, job)
            return None
        self._kinds[job.kind].begin(unit, job)
        return job

    def _finish(self, unit: Unit, job: Job, result: Any) -> None:
        if store.delete_job(unit, job):
            self._kinds[job.kind].finish(unit, job, result)

    def _put_back(self, unit: Unit, job: Job) -> None:
        if job.attempts >= MAX_ATTEMPTS:
            self._give_up(unit, job)
            return
        pause = RETRY_SECONDS * 2 ** (job.attempts - 1)
        store.postpone_job(unit, job, instant(to_epoch(unit.now) + pause))

    def _give_up(self, unit: Unit, job: Job) -> None:
        if store.delete_job(unit, job):
            self._log.error("job given up", job=job.id, kind=job.kind)
            self._kinds[job.kind].give_up(unit, job)
