"""How caches learn that what they hold is out of date.

Each tenant has a version that every change to identities or access raises in its own transaction. A cache
entry carries the stamp that was current before it was loaded and is used only while the stamp stands. In
the process that made the change the stamp moves at commit; other processes see it at their next poll
(every POLL_SECONDS). When polls fail for STALE_SECONDS, nothing is fresh and callers ask the database,
so that a revoked credential is never served from memory by a server that lost its database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import count

from sqlalchemy import select

from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.schema import tenants

POLL_SECONDS = 0.25
STALE_SECONDS = 1.0

_VERSIONS = Prepared(select(tenants.c.id, tenants.c.version))


class Freshness:
    """The stamps of all tenants as this process knows them. Safe to use from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._versions: dict[int, int] = {}
        self._stamps: dict[int, int] = {}
        # two threads that raised one number at once would make one stamp of two changes
        self._next = count(1)
        self._polled_at = float("-inf")

    def stamp(self, tenant_id: int) -> int:
        """The current stamp; read it *before* loading what it will guard."""
        return self._stamps.get(tenant_id, 0)

    def versions(self) -> Mapping[int, int]:
        """The version of every tenant at the last poll, by id."""
        return dict(self._versions)

    def lag(self) -> float:
        """Seconds since the last successful poll; infinite before the first."""
        return self._monotonic() - self._polled_at

    def is_stale(self) -> bool:
        """Whether the last successful poll is too long ago to trust any stamp."""
        return self._monotonic() - self._polled_at > STALE_SECONDS

    def changed(self, tenant_id: int) -> None:
        """Something of this tenant was committed by this process."""
        self._stamps[tenant_id] = next(self._next)

    def poll(self, reader: Reader) -> None:
        """Compare with the database; call it about every POLL_SECONDS."""
        started = self._monotonic()
        for tenant_id, version in reader.all(_VERSIONS, {}):
            if self._versions.get(tenant_id) != version:
                self._versions[tenant_id] = version
                self.changed(tenant_id)
        self._polled_at = started
