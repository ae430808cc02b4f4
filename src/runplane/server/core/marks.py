"""What marks everything that one request causes: its id and, where requests are traced, its place in a trace.

A context variable, because log lines are written many calls below the kernel, also on other threads
(`sql.lanes` takes the context along), and by libraries that know of no request.
"""

from __future__ import annotations

import os
import time
from contextvars import ContextVar
from itertools import count
from typing import Any, Final


class RequestIds:
    """Ids of one process' requests: UUIDv7 of the time, a counter, and random bits drawn once.

    A fifth of what a random one costs, which every request pays. They are to be told apart, not unguessable.
    """

    __slots__ = ("_next", "_tail")

    def __init__(self) -> None:
        digits = f"{int.from_bytes(os.urandom(8)) & ~(0x3 << 62) | 0x2 << 62:016x}"
        self._tail = f"{digits[:4]}-{digits[4:]}"
        self._next = count(int.from_bytes(os.urandom(2)))

    def new(self) -> str:
        """The id of one more request."""
        millis = time.time_ns() // 1_000_000
        # 4096 a millisecond before one could come again
        return f"{millis >> 16:08x}-{millis & 0xFFFF:04x}-7{next(self._next) & 0xFFF:03x}-{self._tail}"


class Marks:
    """The marks of one request. `span` is what `http.tracing` keeps for it, None while nothing is traced."""

    __slots__ = ("request_id", "sampled", "span", "span_id", "trace_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        # hexadecimal, as logs and traces show them; empty while nothing is traced
        self.trace_id = ""
        self.span_id = ""
        # whether the trace is kept, by whoever began it or by the sampler here
        self.sampled = False
        self.span: Any = None

    @property
    def traceparent(self) -> str:
        """The header that carries the trace on (W3C Trace Context), empty while nothing is traced."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}" if self.trace_id else ""


CURRENT: Final[ContextVar[Marks | None]] = ContextVar("runplane_request", default=None)
"""The request that the present code works for."""
