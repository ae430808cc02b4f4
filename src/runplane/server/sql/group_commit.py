"""Small records that need not wait for their own commit: sign-ins, last logins, refusals.

One fsync per token would cap the token call at the disk's speed, so these gather for INTERVAL seconds and
go out in one transaction. Records with the same key merge into one that counts. What is pending when the
process is killed is lost: at most INTERVAL seconds of it, and never a change of state, which is committed
before it is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any

import structlog

from runplane.server.core.errors import DomainError
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.unit import Unit

INTERVAL = 0.1
# While the database takes nothing, the time between two attempts doubles up to this: a full disk waits for a
# person, and every attempt opens the database anew.
_LONGEST_PAUSE = 5.0
_MAX_PENDING = 20_000

# Writes what has gathered under its keys.
Sink = Callable[[Unit, dict[Hashable, Any]], None]


class GroupCommit:
    """Gathers on the event loop's thread, writes on the writer's. Not for use from other threads."""

    def __init__(self, lanes: Lanes, interval: float = INTERVAL) -> None:
        self._lanes = lanes
        self._interval = interval
        self._pause = interval
        self._pending: dict[Sink, dict[Hashable, Any]] = {}
        self._size = 0
        # What the database did not take. It stays apart: newer records of the same key must not replace it.
        self._kept: list[tuple[Sink, Hashable, Any]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[bool] | None = None
        self._log = structlog.get_logger("group_commit")
        # when the first of what waits was put
        self._since: float | None = None
        self.lost = 0

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return self._size + len(self._kept)

    def age(self) -> float:
        """How long the oldest record has waited, in seconds."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def pending(self, sink: Sink) -> dict[Hashable, Any]:
        """What waits for `sink`; look here for a record to merge with before `put`."""
        found = self._pending.get(sink)
        if found is None:
            found = self._pending[sink] = {}
        return found

    def put(self, sink: Sink, key: Hashable, value: Any) -> None:
        """Add or replace the record under `key`. Beyond the memory bound records are counted as lost."""
        bucket = self.pending(sink)
        if key not in bucket:
            if self.waiting >= _MAX_PENDING:
                self.lost += 1
                return
            self._size += 1
        bucket[key] = value
        if self._since is None:
            self._since = time.monotonic()
        self._start_later()

    def _start_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._start)

    def _start(self) -> None:
        if self._flushing is not None and not self._flushing.done():
            # The disk is slower than the interval: gather on, look again soon.
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._start)
            return
        self._timer = None
        self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> bool:
        kept, self._kept = self._kept, []
        if kept and not await self._store(kept):
            # what comes meanwhile goes on merging instead of making a batch of its own at every attempt
            return False
        batch, self._pending, self._size = self._pending, {}, 0
        stored = await self._store(
            [(sink, key, value) for sink, them in batch.items() for key, value in them.items()]
        )
        if stored:
            self._since = time.monotonic() if self._size else None
        return stored

    async def _store(self, records: list[tuple[Sink, Hashable, Any]]) -> bool:
        """Whether the database took them, or never will; otherwise they wait again."""

        def job(unit: Unit) -> None:
            batch: dict[Sink, dict[Hashable, Any]] = {}
            for sink, key, value in records:
                batch.setdefault(sink, {})[key] = value
            for sink, them in batch.items():
                sink(unit, them)

        try:
            await self._lanes.write_soon(job)
        except DomainError as error:
            if self._pause == self._interval:
                self._log.warning("records not stored, will try again", reason=error.message)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            self._kept += records
            self._start_later()
            return False
        except Exception:  # noqa: BLE001 - a background task has nobody above it to tell
            if len(records) > 1:
                # One record that no database takes must not cost the others: halve until it is alone.
                middle = len(records) // 2
                first = await self._store(records[:middle])
                return await self._store(records[middle:]) and first
            self.lost += len(records)
            self._log.exception("record lost")
            return True
        self._pause = self._interval
        return True

    async def drain(self) -> None:
        """Store everything that waits, also what comes in meanwhile; for shutdown and for tests."""
        while self.waiting or (self._flushing is not None and not self._flushing.done()):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._flushing is not None and not self._flushing.done():
                await self._flushing
            elif not await self._flush():
                self._log.error("records could not be stored", records=self.waiting)
                return
