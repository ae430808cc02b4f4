"""Reads of PostgreSQL that put down how long the server worked: it is a tenant's time, as computing here is.

PostgreSQL does not say what a statement cost. What it took is that, and the way there and back, which is as
long as the quickest statement of the same connection took, and what others held it up for: so only what is
far more than usual for a quick one counts.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from runplane.server.core.pace import BILL

if TYPE_CHECKING:
    from psycopg.abc import PQGen

R = TypeVar("R")


GRACE_SECONDS: Final = 0.0005
"""What a statement may take beyond the quickest before it counts: about what a busy machine makes of one."""


class TimedConnection(psycopg.Connection[Any]):
    """A connection that counts where `counts` is set.

    Not where it writes: most of a COMMIT is waiting for a disk, which takes nothing from anybody.
    """

    counts = False
    _quickest = math.inf

    def rollback(self) -> None:
        """Undo what is open. After reads there is nothing, and the driver would take a lock to find out."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            super().rollback()

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        """Wait for the server, as any connection does."""
        bill = BILL.get() if self.counts else None
        if bill is None:
            return super().wait(gen, interval, timeout)
        began = perf_counter()
        try:
            return super().wait(gen, interval, timeout)
        finally:
            took = perf_counter() - began
            self._quickest = min(self._quickest, took)
            bill.spent += max(0.0, took - self._quickest - GRACE_SECONDS)
