"""A TCP proxy whose line can be cut, or go dead without a word, as networks do.

It runs an event loop in a thread of its own. `blackhole` accepts connections and passes nothing: no answer
comes, and no error either. `cut` resets what is open and refuses what comes.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any

_CHUNK = 65_536


class Proxy:
    """Passes on what comes to `port` of the loopback interface, to `target` there."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._lines: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread.start()
        self._flowing: asyncio.Event
        self._refusing = False
        self._server: asyncio.Server
        self._do(self._begin())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def blackhole(self) -> None:
        """From now on nothing passes in either direction, and nothing is said."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def cut(self) -> None:
        """Reset every connection, and close new ones at once."""
        self._do(self._cut())

    def restore(self, target: int | None = None) -> None:
        """Pass everything on again, to another target if one is given."""
        self._do(self._restore(target))

    def close(self) -> None:
        """End every connection and the thread."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _begin(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _cut(self) -> None:
        self._refusing = True
        for line in list(self._lines):
            line.transport.abort()

    async def _restore(self, target: int | None) -> None:
        self._target = target or self._target
        self._refusing = False
        self._flowing.set()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        self._flowing.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._lines.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._lines.discard(writer)
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            return
        await self._flowing.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        for line in (writer, back):
            line.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines.add(back)
        ways = [asyncio.ensure_future(it) for it in (self._pass(reader, back), self._pass(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._lines.discard(back)
            back.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(_CHUNK):
            await self._flowing.wait()
            sink.write(chunk)
            await sink.drain()
