"""Whether answers arrived, as far as the server's end of a TCP connection can tell.

An answer has arrived when the client's machine has acknowledged its last byte, or closed the connection in
good order after it. It has not when the connection broke, or was closed with bytes still on their way: a
program that ends without reading makes its system send a reset. What lies behind a proxy stays out of sight.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import Callable
from typing import Any, Final

LINE: Final = "runplane.line"
AT_ONCE: Final = "runplane.at_once"
"""Name of the ASGI extension that writes a whole answer: (send, status, headers, body) → whether it did."""
"""The key of a connection in the `extensions` of an ASGI scope."""

_FIRST_LOOK: Final = 0.02
_LAST_LOOK: Final = 1.0
_GIVE_UP: Final = 60.0

Settle = Callable[[bool], None]


class Deliveries:
    """The answers of one connection of which it is not known yet whether they arrived."""

    __slots__ = ("_loop", "_open", "_pause", "_timer", "_transport", "_waited")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: Any) -> None:
        self._loop = loop
        self._transport = transport
        self._open: list[Settle] = []
        self._timer: asyncio.TimerHandle | None = None
        self._pause = _FIRST_LOOK
        self._waited = 0.0

    def add(self, settle: Settle) -> None:
        """An answer was written; `settle` hears of it once."""
        self._open.append(settle)
        if self._timer is not None:
            self._timer.cancel()
        self._pause, self._waited = _FIRST_LOOK, 0.0
        self._timer = self._loop.call_later(self._pause, self._look_again)

    def look(self) -> None:
        """Settle what has been acknowledged."""
        if self._open and bytes_on_their_way(self._transport) == 0:
            self.settle(arrived=True)

    def peer_closed(self) -> None:
        """The client has ended the connection in good order: what it has not taken, it did not want."""
        if self._open:
            self.settle(arrived=bytes_on_their_way(self._transport) == 0)

    def closed(self, *, broken: bool, with_answer: bool) -> None:
        """The connection is over. One that we closed `with_answer` could not be asked later: it counts."""
        if self._open:
            self.settle(arrived=not broken and (with_answer or bytes_on_their_way(self._transport) == 0))

    def settle(self, *, arrived: bool) -> None:
        """Tell those who wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._open = self._open, []
        for it in waiting:
            it(arrived)

    def _look_again(self) -> None:
        self._timer = None
        self.look()
        self._waited += self._pause
        if self._open and self._waited < _GIVE_UP:
            self._pause = min(self._pause * 2, _LAST_LOOK)
            self._timer = self._loop.call_later(self._pause, self._look_again)


def bytes_on_their_way(transport: Any) -> int:
    """Bytes written to a connection and not acknowledged; 0 where the system does not tell."""
    waiting: int = transport.get_write_buffer_size()
    socket = transport.get_extra_info("socket")
    if waiting or socket is None:
        return waiting
    try:
        # SIOCOUTQ by its other name: what lies in the send queue, acknowledged bytes left out (tcp(7))
        found = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except (OSError, ValueError):
        return 0
    return struct.unpack("i", found)[0]
