"""uvicorn with deadlines: a client that stops mid-header or mid-body is cut off instead of holding a socket.

Plain uvicorn waits for ever (reference/security 3.3). A timer is armed only when the bytes at hand end
inside a request, so requests that arrive whole pay nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from runplane.server.http.delivery import LINE, Deliveries, Settle

HEADER_SECONDS = 10.0
BODY_IDLE_SECONDS = 30.0
MAX_HEADER_BYTES = 32 * 1024


class DeadlineProtocol(HttpToolsProtocol):
    """One connection. Headers must be complete within HEADER_SECONDS; a body may pause BODY_IDLE_SECONDS."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_header = False
        self._in_body = False
        self._header_bytes = 0
        self._received = 0
        # set once the connection was refused: the parser may still hold bytes of it
        self._refused = False
        # nothing that is written now can reach the client
        self._lost = False
        self._ends_with_answer = False
        self._deliveries: Deliveries | None = None
        # what the kernel finds under LINE
        self._extensions: Any = {LINE: self}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._lost = True
        if self._deliveries is not None:
            self._deliveries.closed(broken=exc is not None, with_answer=self._ends_with_answer)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        self._lost = True
        if self._deliveries is not None:
            self._deliveries.peer_closed()
        super().eof_received()

    def answered(self, settle: Settle) -> Callable[[], None]:
        """What the kernel calls when it has written an answer whose arrival matters (answers.keeper.Line)."""
        if self._deliveries is None:
            self._deliveries = Deliveries(self.loop, self.transport)
        if self._lost:
            # uvicorn swallows what is written to a connection that is gone
            settle(False)
        else:
            # uvicorn closes a connection that is not kept alive before it returns to the kernel
            self._ends_with_answer = self.transport.is_closing()
            self._deliveries.add(settle)
        return self._deliveries.look

    def data_received(self, data: bytes) -> None:
        was_in_header = self._in_header
        if was_in_header:
            self._header_bytes += len(data)
        # headers that end in these bytes cannot be larger than this
        self._received = self._header_bytes + len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._disarm()
        elif self._in_header:
            if not was_in_header:
                self._header_bytes = len(data)
                self._disarm()
                self._arm(HEADER_SECONDS)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(431, "The request's headers are too large.")
        elif self._in_body:
            self._disarm()
            self._arm(BODY_IDLE_SECONDS)
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        self._in_header = True
        if self._deliveries is not None:
            # A client that goes on has taken what came before.
            self._deliveries.look()
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        self._in_header = False
        self._in_body = True
        if self._refused:
            return  # a second request behind a refused one
        if self._received > MAX_HEADER_BYTES and _size(self.headers) > MAX_HEADER_BYTES:
            self._refuse(431, "The request's headers are too large.")
        elif self.parser.get_http_version() not in ("1.1", "1.0"):  # pyright: ignore[reportOptionalMemberAccess]
            self._refuse(400, "Speak HTTP/1.1.")
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are not HTTP."""
        self._refuse(400, msg)

    def _arm(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refuse(408, "The request did not arrive in time.")

    def _refuse(self, status: int, message: str) -> None:
        self._refused = True
        body = json.dumps({"code": status, "message": message}).encode()
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: application/json\r\nconnection: close\r\ncontent-length: "
            + str(len(body)).encode()
            + b"\r\n\r\n"
            + body
        )
        self.transport.close()


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)
