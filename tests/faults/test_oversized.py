"""Things that are too large: refused early with a 4xx, without taking the memory they would need."""

from __future__ import annotations

import gzip
import select
import socket
import time
from contextlib import suppress

import pytest

from support.launching import Start
from support.ledger import ACCOUNTS
from support.processes import ServerProcess
from support.sockets import connect, memory_of
from support.trials import Figure, trials

MEGABYTE = 1024 * 1024
GROWTH_MB = 20.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def head(server: ServerProcess, *more: str) -> bytes:
    lines = [f"POST {ACCOUNTS} HTTP/1.1", "Host: runplane.test", "Content-Type: application/json"]
    lines += [f"Authorization: {server.admin.headers['authorization']}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def send_until_answered(connection: socket.socket, piece: bytes, size: int) -> tuple[int, bytes]:
    """Send `piece` over and over, up to `size` bytes, until there is an answer: what was sent, and it."""
    sent = 0
    with suppress(BrokenPipeError, ConnectionResetError):
        while sent < size and not select.select([connection], [], [], 0)[0]:
            connection.sendall(piece)
            sent += len(piece)
    answer = b""
    with suppress(ConnectionResetError):
        answer = connection.recv(65536)
    return sent, answer


def stream_all(connection: socket.socket, piece: bytes, size: int) -> int:
    """Send `piece` over and over whatever the server says; returns how much it took before it hung up."""
    sent = 0
    with suppress(OSError):
        while sent < size:
            connection.sendall(piece)
            sent += len(piece)
    return sent


def test_a_body_of_a_gigabyte_in_chunks(start: Start, figure: Figure) -> None:
    server = start()
    begin = head(server, "Transfer-Encoding: chunked")
    piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    memory = memory_of(server)
    with connect(server, begin) as connection:
        sent, answer = send_until_answered(connection, piece, 1024 * MEGABYTE)
        assert answer.startswith(b"HTTP/1.1 413 ")
        # what the system keeps for both ends of a connection is on top
        assert sent < 32 * MEGABYTE
        grown = memory_of(server) - memory
        assert grown < GROWTH_MB
    figure("sent before the answer", f"{sent / MEGABYTE:.1f} MB of 1024")
    figure("memory of the server grew by", f"{grown:.1f} MB")


def test_a_client_that_sends_on_after_the_refusal_is_cut_off(start: Start, figure: Figure) -> None:
    server = start()
    piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    memory = memory_of(server)
    started = time.monotonic()
    with connect(server, head(server, "Transfer-Encoding: chunked")) as connection:
        size = trials(1024, 16 * 1024) * MEGABYTE
        taken = stream_all(connection, piece, size)
    took = time.monotonic() - started
    grown = memory_of(server) - memory
    assert grown < GROWTH_MB
    assert server.client().get("/healthz").status_code == 200
    figure("taken of an endless body", f"{taken / MEGABYTE:.0f} MB in {took:.1f} s; memory {grown:+.1f} MB")


def test_a_declared_gigabyte_is_refused_before_it_is_sent(start: Start) -> None:
    server = start()
    with connect(server, head(server, f"Content-Length: {1024 * MEGABYTE}")) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_small_rest_of_a_refused_body_does_not_cost_the_connection(start: Start) -> None:
    """A client that sends its whole request before it reads gets its answer, and may go on."""
    server = start()
    rest = b"a" * 100_000
    begin = head(server, f"Content-Length: {len(rest)}").replace(b"Bearer ", b"Bearer x")
    with connect(server, begin) as connection:
        # both parts of it: the head may come alone
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 401 ")
        connection.sendall(rest + b"GET /healthz HTTP/1.1\r\nHost: runplane.test\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_compressed_body_is_not_unpacked(start: Start) -> None:
    server = start()
    bomb = gzip.compress(b'{"name": "' + b"a" * (200 * MEGABYTE) + b'"}')
    memory = memory_of(server)
    begin = head(server, "Content-Encoding: gzip", f"Content-Length: {len(bomb)}")
    with connect(server, begin + bomb[:1000]) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 415 ")
    assert memory_of(server) - memory < GROWTH_MB


def test_json_that_is_too_deep(start: Start) -> None:
    server = start()
    body = b'{"name":' + b"[" * 500_000
    memory = memory_of(server)
    begin = head(server, f"Content-Length: {len(body)}")
    with connect(server, begin + body) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert memory_of(server) - memory < GROWTH_MB


@pytest.mark.parametrize(
    "lines",
    [b"X: " + b"a" * 65536 + b"\r\n", b"".join(b"X%d: y\r\n" % number for number in range(10_000))],
    ids=["a line of 64 KiB", "10,000 headers"],
)
def test_headers(start: Start, lines: bytes) -> None:
    server = start()
    for _ in range(trials(5, 200)):
        with connect(server) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: runplane.test\r\n" + lines + b"\r\n")
            answer = b""
            with suppress(ConnectionResetError):
                answer = connection.recv(65536)
            # a reset may overtake the answer where the rest was never read
            assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""
    assert server.client().get("/healthz").status_code == 200
