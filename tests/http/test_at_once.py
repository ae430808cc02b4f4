"""Answers that are written with one call: what of them reaches the wire, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from runplane.server.http.delivery import AT_ONCE
from runplane.server.http.server import DeadlineProtocol

Headers = list[tuple[bytes, bytes]]
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class App:
    """Answers as the kernel does: at once where that is done, else with uvicorn's two messages."""

    def __init__(self, *headers: tuple[bytes, bytes], status: int = 200) -> None:
        self.status = status
        self.headers = [*headers, (b"content-length", b"4")]
        self.written: list[bool] = []

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.written.append(scope["extensions"][AT_ONCE](send, self.status, self.headers, b"body"))
        if not self.written[-1]:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": b"body"})


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


def answers(app: App, talk: Talk, *, every: Headers | None = None) -> bytes:
    """What a client of a server of `app` reads; `every` answer of it has these headers."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(app, http=DeadlineProtocol, log_config=None)
        config.load()
        state = ServerState()
        state.default_headers = every or []
        listening = await loop.create_server(
            lambda: DeadlineProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(talk(reader, writer), 20)
        finally:
            writer.close()
            listening.close()

    return asyncio.run(run())


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer to one request."""
    writer.write(REQUEST)
    return await reader.readuntil(b"\r\n\r\n")


async def ask_until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Everything that comes until the server closes, of two requests sent together."""
    writer.write(REQUEST * 2)
    return await reader.read()


def test_an_answer_is_written_at_once() -> None:
    app = App((b"x-name", b"value"))
    head = answers(app, ask)
    assert head == b"HTTP/1.1 200 OK\r\nx-name: value\r\ncontent-length: 4\r\n\r\n"
    assert app.written == [True]


@pytest.mark.parametrize(
    "text",
    [
        b"a\r\nx-second: b",
        b"a\nx-second: b",
        b"a\rx-second: b",
        b"a\0x-second: b",
        b"a\r\n\r\nHTTP/1.1 200 OK\r\nx-second: b",
        b"a\r",
        b"a\n",
    ],
)
@pytest.mark.parametrize("at", ["name", "value"])
def test_a_header_with_a_line_end_never_reaches_the_wire(text: bytes, at: str) -> None:
    app = App((b"x-first", text) if at == "value" else (text, b"x-first"))
    # uvicorn, which has to write it instead, raises, and ends the connection
    assert answers(app, ask_until_the_end) == b""
    assert app.written == [False]


def test_the_last_answer_says_so_once_and_ends_the_connection() -> None:
    """A server that stops has `close` among the headers of every answer (http/drain.py)."""
    app = App()
    found = answers(app, ask_until_the_end, every=[(b"connection", b"close")])
    assert found.count(b"HTTP/1.1 200 ") == 1
    assert found.count(b"connection: close") == 1
    assert app.written == [True]


async def send_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What comes in answer to half of a body, after which the other half is sent all the same."""
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 200000\r\n\r\n"
    writer.write(head + b"a" * 100_000)
    found = await reader.read()
    for _ in range(10):
        writer.write(b"a" * 10_000)
        await writer.drain()
        await asyncio.sleep(0.01)
    return found


def test_who_sends_too_much_on_its_last_request_gets_no_reset() -> None:
    """A reset can take the answer from a client that has not read it yet."""
    found = answers(App(status=413), send_too_much)
    assert found.startswith(b"HTTP/1.1 413 ")
    assert found.count(b"connection: close") == 1
