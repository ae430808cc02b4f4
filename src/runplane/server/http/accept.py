"""Accepting connections beside other processes on one socket, each taking its share.

uvloop accepts all that wait whenever it wakes: of 64 connections opened at once, one of two workers got 63,
and a proxy that keeps its connections would have stayed with that one. Here a worker takes one connection at
a time, and one that has more than another waits a millisecond first, so that the other can take it. It does
not wait longer: a worker that hangs must not keep connections from those that do not.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

_HOLD_BACK_SECONDS: Final = 0.001
_PAUSE_SECONDS: Final = 0.5
_NUMBER: Final = struct.Struct("I")


class Shares:
    """How many connections each of `workers` processes has, kept in a file that all of them map.

    This process is number `slot`. Nothing is locked: a number that is a moment old does no harm.
    """

    def __init__(self, file: Path, slot: int, workers: int) -> None:
        self._slot = slot
        self._others = [it for it in range(workers) if it != slot]
        size = _NUMBER.size * max(workers, slot + 1)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size < size:
                os.truncate(handle, size)
            self._map = mmap.mmap(handle, size)
        finally:
            os.close(handle)

    def is_ahead(self, connections: int) -> bool:
        """Note that this process has `connections`, and say whether another one has fewer."""
        _NUMBER.pack_into(self._map, self._slot * _NUMBER.size, connections)
        return any(_NUMBER.unpack_from(self._map, it * _NUMBER.size)[0] < connections for it in self._others)


class Acceptor:
    """Accepts on a listening socket of the running loop.

    `protocol` makes what handles a connection; `connections` says how many there are in this process.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        shares: Shares,
        connections: Callable[[], int],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._shares = shares
        self._connections = connections
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._loop.add_reader(listener, self._wake)

    def close(self) -> None:
        """Accept nothing more. What waits in the socket is for those who still listen on it."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    def _wake(self) -> None:
        if self._shares.is_ahead(self._connections() + len(self._opening)):
            self._wait(_HOLD_BACK_SECONDS)
        else:
            self._accept()

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._wake)
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            # another process was quicker, or the client has left
            return
        except OSError as error:
            # Out of file descriptors, or of memory: trying at once would only take processor time.
            structlog.get_logger("accept").warning("no connection can be accepted", reason=error.strerror)
            self._wait(_PAUSE_SECONDS)
            return
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()
