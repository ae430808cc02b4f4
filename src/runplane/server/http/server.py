"""uvicorn with deadlines: a client that sends or reads too slowly is cut off instead of holding a socket.

Plain uvicorn waits for ever (reference/security 3.3). A timer is armed only when the bytes at hand end
inside a request, or when an answer is not taken, so requests that arrive whole pay nothing.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import struct
import termios
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from runplane.server.http.capacity import make_room
from runplane.server.http.delivery import AT_ONCE, LINE, Deliveries, Settle

HEADER_SECONDS = 10.0
# Longer than the minute after which load balancers and clients let a connection go: who closes first meets no
# request that is on its way.
KEEP_ALIVE_SECONDS = 75
BODY_IDLE_SECONDS = 30.0
BODY_SECONDS = 120.0
ANSWER_SECONDS = 30.0
LINGER_SECONDS = 2.0
MAX_HEADER_BYTES = 32 * 1024
CLOSE = (b"connection", b"close")
"""What a server that stops has among the headers of every answer."""
# Of an answer that waits for its reader this much must go in ANSWER_SECONDS.
_LEAST_TAKEN = 16 * 1024
# What still comes of a body after its answer is read to keep the connection, up to this.
_MOST_DISCARDED = 256 * 1024


class DeadlineProtocol(HttpToolsProtocol):
    """One connection. Headers must be complete within HEADER_SECONDS, a body within BODY_SECONDS.

    A body may pause for BODY_IDLE_SECONDS, and who reads an answer for ANSWER_SECONDS. Beyond
    `max_connections` an idle connection of the process goes for each new one; 0 sets no limit.
    """

    max_connections = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_header = False
        self._in_body = False
        self._header_bytes = 0
        self._received = 0
        self._body_until = 0.0
        self._discarded = 0
        # when it is looked whether the client takes what was written
        self._look: asyncio.TimerHandle | None = None
        # set once the connection was refused: the parser may still hold bytes of it
        self._refused = False
        # nothing that is written now can reach the client
        self._lost = False
        self._ends_with_answer = False
        self._deliveries: Deliveries | None = None
        # what the kernel finds under these names
        self._extensions: Any = {LINE: self, AT_ONCE: self.answer_at_once}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if 0 < self.max_connections < len(self.connections) and not make_room(self._neighbours, self):
            self._refuse(503, "The server has too many connections; try again shortly.")
        else:
            self._arm(HEADER_SECONDS)

    @property
    def _neighbours(self) -> set[Any]:
        return self.connections

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is in work; headers on their way are none yet."""
        # None before the first request, whatever uvicorn declares
        cycle: Any = self.cycle
        return cycle is None or cycle.response_complete

    def give_up(self) -> None:
        """Close at once, without a word."""
        # its end is known only later, and until then it must neither be counted nor chosen again
        self.connections.discard(self)
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._stop_looking()
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

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        # A rest too small to hold up the server may still be one that nobody reads.
        if not self.transport.get_write_buffer_size():
            self._stop_looking()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._look_later()

    def timeout_keep_alive_handler(self) -> None:
        """What uvicorn calls when no next request has come: the answer before it may still be waiting."""
        super().timeout_keep_alive_handler()
        self._look_later()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        was_in_header = self._in_header
        if was_in_header:
            self._header_bytes += len(data)
        # headers that end in these bytes cannot be larger than this
        self._received = self._header_bytes + len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._disarm()
        elif self._refused:
            return
        elif self._in_header:
            if not was_in_header:
                self._header_bytes = len(data)
                self._disarm()
                self._arm(HEADER_SECONDS)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(431, "The request's headers are too large.")
        elif self._in_body:
            self._disarm()
            now = self.loop.time()
            self._body_until = self._body_until or now + BODY_SECONDS
            self._arm(max(0.0, min(BODY_IDLE_SECONDS, self._body_until - now)))
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
        self._body_until = 0.0
        self._discarded = 0
        if self._refused:
            return  # a second request behind a refused one
        if self._received > MAX_HEADER_BYTES and _size(self.headers) > MAX_HEADER_BYTES:
            self._refuse(431, "The request's headers are too large.")
        elif self.parser.get_http_version() not in ("1.1", "1.0"):  # pyright: ignore[reportOptionalMemberAccess]
            self._refuse(400, "Speak HTTP/1.1.")
        elif not _names_a_host(self.headers) and self.parser.get_http_version() == "1.1":  # pyright: ignore[reportOptionalMemberAccess]
            self._refuse(400, "Name the host in a Host header.")  # RFC 9112, 3.2
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > _MOST_DISCARDED:
                self._linger()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if not self._refused:
            super().on_message_complete()

    def finish(self) -> None:
        """Make the answer that is on its way the last of this connection, if that can still be said."""
        # None before the first request, whatever uvicorn declares
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_started:
            cycle.keep_alive = False

    def shutdown(self) -> None:
        """What the server calls when idle connections are to go: close this one after its last answer.

        One on which a request has begun to arrive stays for it: the answer will say that it is the last.
        """
        if not self._in_header and not _has_unread(self.transport):
            super().shutdown()

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
        if self.transport.is_closing():
            return
        if self._refused or (self._in_body and self.cycle.response_started):
            # It has its answer, and what comes is thrown away.
            self.transport.abort()
        else:
            self._refuse(408, "The request did not arrive in time.")

    def answer_at_once(
        self, send: Any, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> bool:
        """Write a whole answer with one call of the transport, as uvicorn would with two messages.

        uvicorn looks at each header by itself, which takes as long as the rest of a small answer. False, and
        nothing done, where its own way has more to do: the client is gone or slow, or asks for the head only.
        """
        cycle = getattr(send, "__self__", None)
        if (
            type(cycle) is not RequestResponseCycle
            or cycle.disconnected
            or cycle.response_started
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        given = [*cycle.default_headers, *headers]
        head = b"".join([part for name, value in given for part in (name, b": ", value, b"\r\n")])
        # A value with a line end would make two headers of one. uvicorn's way refuses it.
        if head.count(b"\n") != len(given) or head.count(b"\r") != len(given) or b"\0" in head:
            return False
        # Nobody waits for the rest of a body that is too large.
        cut = status == 413 and self._in_body and cycle is self.cycle
        if CLOSE in cycle.default_headers:
            cycle.keep_alive, last = False, b"\r\n"
        else:
            last = b"\r\n" if cycle.keep_alive and not cut else b"connection: close\r\n\r\n"
        if cycle.access_log:
            _log_request(cycle, status)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(b"".join((STATUS_LINE[status], head, last, body)))
        cycle.message_event.set()
        if cut:
            self._linger()
        elif not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True

    def _linger(self) -> None:
        """End after an answer that came before its request did.

        To close with bytes unread would have the system send a reset, which can take the answer from a client
        that has not read it. So the client is told that no more comes, and gets a moment to read.
        """
        self._refused = True
        self.transport.write_eof()
        self._disarm()
        self._arm(LINGER_SECONDS)

    def _look_later(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting and self._look is None:
            self._look = self.loop.call_later(ANSWER_SECONDS, self._look_at_answer, waiting)

    def _look_at_answer(self, before: int) -> None:
        self._look = None
        waiting = self.transport.get_write_buffer_size()
        if waiting and before - waiting < _LEAST_TAKEN:
            self.transport.abort()
        else:
            self._look_later()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _refuse(self, status: int, message: str) -> None:
        self._refused = True
        body = json.dumps({"code": status, "message": message}).encode()
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: application/json\r\nx-content-type-options: nosniff\r\n"
            + b"cache-control: no-store\r\nconnection: close\r\ncontent-length: "
            + str(len(body)).encode()
            + b"\r\n\r\n"
            + body
        )
        self.transport.close()
        self._look_later()


def limited(connections: int) -> type[DeadlineProtocol]:
    """The protocol of a process that may have this many connections."""

    class Limited(DeadlineProtocol):
        max_connections = connections

    return Limited


def _log_request(cycle: RequestResponseCycle, status: int) -> None:
    """The line of the request log, as uvicorn writes it."""
    scope = cycle.scope
    cycle.access_logger.info(
        '%s - "%s %s HTTP/%s" %d',
        get_client_addr(scope),
        scope["method"],
        get_path_with_query_string(scope),
        scope["http_version"],
        status,
    )


def _names_a_host(headers: list[tuple[bytes, bytes]]) -> bool:
    for name, _ in headers:  # noqa: SIM110 - a generator for any() costs more than the loop, in every request
        if name == b"host":
            return True
    return False


def _has_unread(transport: asyncio.Transport) -> bool:
    """Whether bytes lie in the socket that the event loop has not come to yet."""
    socket = transport.get_extra_info("socket")
    if transport.is_closing() or socket is None:
        return False
    try:
        found = fcntl.ioctl(socket.fileno(), termios.FIONREAD, b"\0\0\0\0")
    except (OSError, ValueError):
        return False
    return struct.unpack("i", found)[0] > 0


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)
