"""GET /healthz and /readyz: what orchestrators ask, outside the contract.

Both are open to everybody, for a probe has no token. `/healthz` touches no database on purpose: restarting a
process does not mend a database that is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec import UNSET, UnsetType

from runplane.server.authz.guard import public
from runplane.server.core.errors import Unavailable
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Wire

READY_SECONDS: Final = 2.0
"""How long `/readyz` waits for the database before it says no."""


class HealthOut(Wire):
    """That the server answers; `message` says what does not work."""

    status: str
    message: str | UnsetType = UNSET


class Readiness:
    """Asks whether requests can be answered, once at a time.

    A database that hangs would otherwise collect one waiting thread per probe.
    """

    def __init__(self, ready: Callable[[], Awaitable[str | None]], seconds: float) -> None:
        self._ready = ready
        self._seconds = seconds
        self._running: asyncio.Future[str | None] | None = None

    async def check(self) -> str | None:
        """Return when the server can answer: what does not work then, or None. Raises Unavailable."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._ready())
            self._running.add_done_callback(_mark_seen)
        done, _ = await asyncio.wait({self._running}, timeout=self._seconds)
        if not done:
            raise Unavailable(
                f"The database has not answered within {self._seconds:g} seconds.", retry_after=1
            )
        return self._running.result()


def _mark_seen(answer: asyncio.Future[str | None]) -> None:
    # asyncio logs a failure that nobody looked at; after the probe gave up, nobody would.
    if not answer.cancelled():
        answer.exception()


def operations(
    ready: Callable[[], Awaitable[str | None]], *, seconds: float = READY_SECONDS
) -> list[Operation]:
    """The two operations. `ready` raises Unavailable with the reason while the server cannot work.

    It returns a sentence while the server can answer but not do everything, for instance store something.

    `seconds` bounds one readiness check.
    """
    ops = Operations("", tag="Health")
    readiness = Readiness(ready, seconds)

    @ops.get(
        "/healthz",
        allow=public("It says no more than that the process runs."),
        mode=Mode.LOOP,
        reply=HealthOut,
        extension=True,
        limited=False,
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
        limited=False,
    )
    async def get_readyz(_: Call[Any]) -> HealthOut:
        """Tell whether requests can be answered.

        503, with the reason, while the database does not answer or the server is stopping. 200 with the
        status `degraded`, and the reason, while it answers and stores nothing: what is there can be read, and
        tokens are issued, so taking the server out of service would make it worse.
        """
        message = await readiness.check()
        return HealthOut(status="ready") if message is None else HealthOut(status="degraded", message=message)

    return ops.items
