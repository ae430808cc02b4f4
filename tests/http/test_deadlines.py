"""Edges of the connection's protocol that need bytes in a certain order."""

from __future__ import annotations

import asyncio
import socket
import time

import uvicorn
from uvicorn.server import ServerState

from runplane.server.http.server import DeadlineProtocol
from support.server import Server


def received(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while chunk := connection.recv(65536):
            answer += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return answer


def test_headers_that_never_end_are_cut_off_at_their_size(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 20_000)
        time.sleep(0.05)
        connection.sendall(b"a" * 20_000)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_the_body_of_a_refused_request_is_dropped(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        head = b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nx: " + b"a" * 33_000
        connection.sendall(head + b"\r\n\r\nabcd")
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_deadline_that_comes_while_closing_says_nothing() -> None:
    """A slow reader keeps a closing connection open; a second answer behind the first would be garbage."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(lambda _scope, _receive, _send: None, http=DeadlineProtocol, log_config=None)
        config.load()
        made = DeadlineProtocol(config=config, server_state=ServerState(), app_state={})
        connected = asyncio.Event()

        def protocol() -> DeadlineProtocol:
            connected.set()
            return made

        listening = await loop.create_server(protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        await connected.wait()
        await asyncio.sleep(0.01)  # connection_made follows
        made.transport.close()
        made._expire()
        found = await reader.read()
        writer.close()
        listening.close()
        return found

    assert asyncio.run(run()) == b""
