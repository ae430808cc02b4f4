"""What the server's end of a connection knows of an answer, over real TCP and on both event loops."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from runplane.server.http import delivery
from runplane.server.http.delivery import Deliveries, bytes_on_their_way
from runplane.server.http.server import DeadlineProtocol

SMALL = b"x" * 100
# More than both ends together take from a server that is not read from.
LARGE = b"x" * 32 * 1024 * 1024

Client = Callable[[socket.socket, threading.Event], None]

loops = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


class End(asyncio.Protocol):
    """Answers the first byte, and wants to know what became of it; does what DeadlineProtocol does."""

    def __init__(self, answer: bytes, found: asyncio.Future[bool], *, close: bool) -> None:
        self.answer = answer
        self.found = found
        self.close = close
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.deliveries = Deliveries(asyncio.get_running_loop(), transport)

    def data_received(self, _data: bytes) -> None:
        self.transport.write(self.answer)
        if self.close:
            self.transport.close()
        self.deliveries.add(self.found.set_result)

    def eof_received(self) -> None:
        self.deliveries.peer_closed()

    def connection_lost(self, exc: Exception | None) -> None:
        self.deliveries.closed(broken=exc is not None, with_answer=self.close)


def arrived(
    new_loop: Callable[[], asyncio.AbstractEventLoop], answer: bytes, client: Client, *, close: bool = False
) -> bool:
    """What is found out about an answer to a client that does `client` once it has asked."""

    async def run() -> bool:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[bool] = loop.create_future()
        known = threading.Event()
        server = await loop.create_server(lambda: End(answer, found, close=close), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        def talk() -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(b"?")
                client(connection, known)

        talking = asyncio.create_task(asyncio.to_thread(talk))
        result = await asyncio.wait_for(found, 30)
        known.set()
        await talking
        server.close()
        await server.wait_closed()
        return result

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())


def stay(connection: socket.socket, known: threading.Event) -> None:
    connection.recv(len(SMALL))
    assert known.wait(30)


def read_and_close(connection: socket.socket, known: threading.Event) -> None:
    read = 0
    while read < len(SMALL):
        read += len(connection.recv(len(SMALL)))


def reset(connection: socket.socket, known: threading.Event) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def leave_unread(connection: socket.socket, known: threading.Event) -> None:
    connection.recv(1)


def half_close(connection: socket.socket, known: threading.Event) -> None:
    connection.recv(1)
    connection.shutdown(socket.SHUT_WR)
    assert known.wait(30)


@loops
@pytest.mark.parametrize(
    ("answer", "client", "expected"),
    [
        (SMALL, stay, True),
        (SMALL, read_and_close, True),
        (LARGE, reset, False),
        (LARGE, leave_unread, False),
        (LARGE, half_close, False),
    ],
    ids=["stays", "reads and closes", "resets", "leaves with bytes unread", "closes with bytes on their way"],
)
def test_what_became_of_an_answer(new_loop: Any, answer: bytes, client: Client, expected: bool) -> None:
    assert arrived(new_loop, answer, client) is expected


@loops
def test_an_answer_that_ends_the_connection_counts_as_arrived(new_loop: Any) -> None:
    """Once the socket is closed there is nobody to ask."""
    assert arrived(new_loop, SMALL, read_and_close, close=True) is True


class Gone:
    """A transport whose socket is gone, or was never there."""

    def __init__(self, socket: Any, waiting: int = 0) -> None:
        self._socket = socket
        self._waiting = waiting

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def get_extra_info(self, _name: str) -> Any:
        return self._socket


def test_where_nobody_can_be_asked_nothing_is_on_its_way() -> None:
    closed = socket.socket()
    closed.close()
    assert bytes_on_their_way(Gone(closed)) == 0
    assert bytes_on_their_way(Gone(None)) == 0


def test_each_answer_of_a_connection_is_told_of_once() -> None:
    async def run() -> list[tuple[str, bool]]:
        told: list[tuple[str, bool]] = []
        deliveries = Deliveries(asyncio.get_running_loop(), Gone(None))
        deliveries.add(lambda arrived: told.append(("first", arrived)))
        deliveries.add(lambda arrived: told.append(("second", arrived)))
        deliveries.look()
        deliveries.closed(broken=True, with_answer=False)
        deliveries.peer_closed()
        deliveries.add(lambda arrived: told.append(("third", arrived)))
        deliveries.closed(broken=True, with_answer=False)
        deliveries.look()
        return told

    assert asyncio.run(run()) == [("first", True), ("second", True), ("third", False)]


def test_looking_ends_some_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_LOOK", 0.001)
    monkeypatch.setattr(delivery, "_GIVE_UP", 0.002)

    async def run() -> list[bool]:
        told: list[bool] = []
        deliveries = Deliveries(asyncio.get_running_loop(), Gone(None, waiting=1))
        deliveries.add(told.append)
        async with asyncio.timeout(30):
            while deliveries._timer is not None:  # noqa: ASYNC110 - nobody tells when it is over
                await asyncio.sleep(0)
        assert told == [], "nobody knows"
        deliveries.closed(broken=False, with_answer=False)
        return told

    assert asyncio.run(run()) == [False]


@pytest.mark.parametrize("end", ["eof_received", "connection_lost"])
def test_what_is_written_after_the_client_has_left_did_not_arrive(end: str) -> None:
    """uvicorn swallows it; between the end of the stream and the loss of the connection it may not know."""

    async def run() -> list[bool]:
        told: list[bool] = []
        loop = asyncio.get_running_loop()
        config = uvicorn.Config("x:x", log_config=None)
        config.load_app = lambda: None  # type: ignore[method-assign]
        config.load()
        here, there = socket.socketpair()
        made: list[DeadlineProtocol] = []

        def protocol() -> DeadlineProtocol:
            made.append(DeadlineProtocol(config=config, server_state=ServerState(), app_state={}, _loop=loop))
            return made[0]

        transport, _ = await loop.create_connection(protocol, sock=here)
        if end == "eof_received":
            made[0].eof_received()
        else:
            made[0].connection_lost(None)
        made[0].answered(told.append)()
        transport.close()
        there.close()
        await asyncio.sleep(0)
        return told

    assert asyncio.run(run()) == [False]
