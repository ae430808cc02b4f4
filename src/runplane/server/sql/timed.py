"""Reads of PostgreSQL that put down how long the server worked: it is a tenant's time, as computing here is.

PostgreSQL does not say what a statement cost. What it took is that and the way there and back, which is as
long as the quickest statement of the same connection took.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from runplane.server.core.pace import BILL

if TYPE_CHECKING:
    from psycopg.abc import PQGen

R = TypeVar("R")


class TimedConnection(psycopg.Connection[Any]):
    """A connection that counts where `counts` is set.

    Not where it writes: most of a COMMIT is waiting for a disk, which takes nothing from anybody.
    """

    counts = False
    _quickest = math.inf

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
            bill.spent += took - self._quickest
