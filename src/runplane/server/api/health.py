"""GET /healthz, /readyz and /metrics: what orchestrators and Prometheus ask, outside the contract.

All three are open to everybody. A probe has no token, and the figures name operations and counts but no
tenant, person or object; whoever does not want them read closes the path at the proxy. `/healthz` touches no
database on purpose: restarting a process does not mend a database that is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector

from runplane.server.authz.guard import public
from runplane.server.core.errors import Unavailable
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Reply, Wire

READY_SECONDS: Final = 2.0
"""How long `/readyz` waits for the database before it says no."""


class HealthOut(Wire):
    """That the server answers."""

    status: str


def registry(*collectors: Collector) -> CollectorRegistry:
    """A registry of `collectors` and of what the process itself can tell: memory, CPU time, files, Python."""
    # Not the library's process-wide one: two servers in one process would then share their figures.
    found = CollectorRegistry()
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    GCCollector(registry=found)
    for collector in collectors:
        found.register(collector)
    return found


class Readiness:
    """Asks whether requests can be answered, once at a time.

    A database that hangs would otherwise collect one waiting thread per probe.
    """

    def __init__(self, ready: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._ready = ready
        self._seconds = seconds
        self._running: asyncio.Future[None] | None = None

    async def check(self) -> None:
        """Return when the server can answer. Raises Unavailable, saying why it cannot."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._ready())
            self._running.add_done_callback(_mark_seen)
        done, _ = await asyncio.wait({self._running}, timeout=self._seconds)
        if not done:
            raise Unavailable(
                f"The database has not answered within {self._seconds:g} seconds.", retry_after=1
            )
        self._running.result()


def _mark_seen(answer: asyncio.Future[None]) -> None:
    # asyncio logs a failure that nobody looked at; after the probe gave up, nobody would.
    if not answer.cancelled():
        answer.exception()


def operations(
    ready: Callable[[], Awaitable[None]], metrics: CollectorRegistry, *, seconds: float = READY_SECONDS
) -> list[Operation]:
    """The three operations. `ready` raises Unavailable with the reason while the server cannot work.

    `metrics` is collected on the event loop, where the kernel counts. `seconds` bounds one readiness check.
    """
    ops = Operations("", tag="Health")
    readiness = Readiness(ready, seconds)

    @ops.get(
        "/healthz",
        allow=public("It says no more than that the process runs."),
        mode=Mode.LOOP,
        reply=HealthOut,
        extension=True,
    )
    async def get_healthz(_: Call[Any]) -> HealthOut:
        """Tell whether the process is alive."""
        return HealthOut(status="alive")

    @ops.get(
        "/readyz",
        allow=public("Load balancers have no token; the reason names no object."),
        mode=Mode.LOOP,
        reply=HealthOut,
        extension=True,
    )
    async def get_readyz(_: Call[Any]) -> HealthOut:
        """Tell whether requests can be answered.

        503, with the reason, while the database does not answer or the server is stopping.
        """
        await readiness.check()
        return HealthOut(status="ready")

    @ops.get(
        "/metrics",
        allow=public("The figures name operations and counts, never a tenant, a person or an object."),
        mode=Mode.LOOP,
        reply=bytes,
        extension=True,
    )
    async def get_metrics(_: Call[Any]) -> Reply:
        """Give the server's figures to Prometheus."""
        return Reply(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST.encode("ascii"))

    return ops.items
