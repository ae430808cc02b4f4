"""Connections that come while a server begins to stop: each one that was accepted is answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop

from runplane.server.http.accept import Shares
from runplane.server.http.drain import DrainingServer
from runplane.server.http.server import DeadlineProtocol

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LOOPS = pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def started(listener: socket.socket, copy: socket.socket, shares: Shares | None) -> DrainingServer:
    config = uvicorn.Config(app, http=DeadlineProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    server = DrainingServer(
        config,
        drain_seconds=0,
        listening=lambda _: None,
        stopping=lambda: None,
        let_go=listener.close,
        shares=shares,
    )
    server.lifespan = config.lifespan_class(config)
    await server.startup([copy])
    return server


def read(client: socket.socket) -> bytes:
    """What a client reads until the end."""
    client.settimeout(20)
    found = b""
    while part := client.recv(65_536):
        found += part
    return found


Loop = Callable[[], asyncio.AbstractEventLoop]
Stop = Callable[[DrainingServer], Coroutine[Any, Any, None]]


def answer_to(loop: Loop, shares: Shares | None, stop: Stop) -> bytes:
    """What a client gets whose connection and request have come just before `stop`, after which all ends."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        listener.dup() as copy,
        socket.socket() as client,
    ):

        async def run() -> None:
            server = await started(listener, copy, shares)
            # No turn of the loop follows: the system has the connection, and the server has not seen it.
            client.connect(listener.getsockname())
            client.sendall(REQUEST)
            await stop(server)

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(run())
        return read(client)


@LOOPS
@pytest.mark.parametrize("shared", [False, True])
def test_a_connection_that_waits_for_a_server_that_ends_is_answered(
    tmp_path: Path, loop: Loop, shared: bool
) -> None:
    async def stop(server: DrainingServer) -> None:
        server.leave(replaced=False)
        await server.shutdown()

    found = answer_to(loop, Shares(tmp_path / "connections", 0, 1) if shared else None, stop)
    assert found.startswith(b"HTTP/1.1 204 ")
    assert b"connection: close" in found


@LOOPS
def test_a_connection_that_was_just_accepted_is_answered(tmp_path: Path, loop: Loop) -> None:
    """Its worker is replaced; the others cannot take it, as it is not in the socket any more."""

    async def stop(server: DrainingServer) -> None:
        (acceptor,) = server.servers
        # what the loop calls when the listener can be read; the rest comes in its next turns
        acceptor._wake()
        server.leave(replaced=True)
        await server.shutdown()

    found = answer_to(loop, Shares(tmp_path / "connections", 0, 1), stop)
    assert found.startswith(b"HTTP/1.1 204 ")


@LOOPS
def test_a_connection_that_waits_for_a_worker_that_is_replaced_is_left_to_the_others(
    tmp_path: Path, loop: Loop
) -> None:
    async def stop(server: DrainingServer) -> None:
        server.leave(replaced=True)
        await server.shutdown()

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        listener.dup() as copy,
        socket.socket() as client,
    ):

        async def run() -> None:
            server = await started(listener, copy, Shares(tmp_path / "connections", 0, 1))
            client.connect(listener.getsockname())
            await stop(server)

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(run())
        listener.settimeout(5)
        listener.accept()[0].close()
