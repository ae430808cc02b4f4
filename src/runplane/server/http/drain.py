"""Stopping without cutting anybody off: uvicorn's server with another way to end.

uvicorn closes idle connections at once, and a client that sends its next request at that moment reads an end
of file where it expects an answer. Here every answer says `Connection: close` from the signal on, and what is
idle is closed only after IDLE_SECONDS, so a client that is busy never meets a connection that just went.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from runplane.server.http.accept import Acceptor, Shares
from runplane.server.http.server import CLOSE

IDLE_SECONDS: Final = 1.0
"""How long a connection without a request stays open after the last new one was accepted."""
STOP_SECONDS: Final = 8.0
"""How long requests get to finish; with what follows, within the ten seconds that `docker stop` waits."""
_LOOK_SECONDS: Final = 0.05


class DrainingServer(uvicorn.Server):
    """uvicorn that says when it listens, and that drains before it ends.

    `drain_seconds` is how long requests and connections are accepted after a signal, for load balancers that
    have to notice first. `stopping` is called when that time begins, `let_go` when it is over: clients
    are to be refused then, which takes that nobody holds the sockets. `shares` is
    there if other processes accept on the same sockets.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        drain_seconds: float,
        listening: Callable[[DrainingServer], None],
        stopping: Callable[[], None],
        let_go: Callable[[], None],
        shares: Shares | None = None,
    ) -> None:
        super().__init__(config)
        self.replaced = False
        """Whether it ends because another process accepts on the same sockets."""
        self._drain_seconds = drain_seconds
        self._listening = listening
        self._stopping = stopping
        self._let_go = let_go
        self._shares = shares

    def leave(self, *, replaced: bool) -> None:
        """End as after a signal; if `replaced`, without waiting for load balancers to notice."""
        self.replaced = replaced
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        if self._shares is None:
            await super().startup(sockets=sockets)
        else:
            await self._start_sharing(sockets or [], self._shares)
        self._listening(self)

    async def _start_sharing(self, sockets: list[socket.socket], shares: Shares) -> None:
        """What uvicorn's `startup` does, with acceptors that leave some to the others."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        make: Any = self.config.http_protocol_class
        state = self.server_state

        def protocol() -> asyncio.Protocol:
            return make(config=self.config, server_state=state, app_state=self.lifespan.state)

        acceptors: Any = [Acceptor(it, protocol, shares, lambda: len(state.connections)) for it in sockets]
        self.servers = acceptors
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals ask the server to stop, and it ends with 0.

        uvicorn would have the process die of the signal once it has stopped, and whoever runs it would read
        that as a failure.
        """
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the clients go, finish what runs, and end; in drain_seconds and ten more at most."""
        loop = asyncio.get_running_loop()
        await self._say_close()
        if not self.replaced:
            self._stopping()
            # at least what waits in the sockets, whose clients are connected as far as they know
            await self._accept_on(loop.time() + max(self._drain_seconds, _LOOK_SECONDS))
        for server in self.servers:
            server.close()
        for it in sockets or []:
            it.close()
        if not self.replaced:
            self._let_go()
        deadline = loop.time() + STOP_SECONDS
        # what was accepted a moment ago is counted as a connection in the next turns of the loop only
        await asyncio.sleep(_LOOK_SECONDS)
        await self._wait_until_empty(loop.time() + IDLE_SECONDS)
        for connection in self._connections():
            connection.shutdown()
        await self._wait_until_empty(deadline)
        for task in self.server_state.tasks:
            task.cancel()
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _say_close(self) -> None:
        """From now on no answer invites to another request on its connection."""
        # uvicorn reads a `close` among its default headers as one of the application: no check per request
        self.config.encoded_headers.append(CLOSE)
        await self.on_tick(0)
        for connection in self._connections():
            connection.finish()

    async def _accept_on(self, until: float) -> None:
        """Go on as if nothing were, apart from what answers say."""
        loop = asyncio.get_running_loop()
        while loop.time() < until and not self.force_exit:
            # keeps the Date header right
            await self.on_tick(0)
            await asyncio.sleep(min(1.0, max(0.0, until - loop.time())))

    async def _wait_until_empty(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        state = self.server_state
        # uvicorn keeps sets, and no event tells that they are empty
        while (state.connections or state.tasks) and not self.force_exit and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)

    def _connections(self) -> list[Any]:
        return list(self.server_state.connections)
