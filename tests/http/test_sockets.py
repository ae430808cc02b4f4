"""Clients that stall, and bytes that are not one clear request (reference/security 3.3 and check 35)."""

from __future__ import annotations

import re
import socket
import time

import pytest

from runplane.server.http import server as http_server
from support.server import Server


def talk(server: Server, data: bytes, *, seconds: float = 5.0) -> bytes:
    """Send `data` and read until the server closes or `seconds` pass without a byte."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(data)
        found = b""
        try:
            while chunk := connection.recv(65536):
                found += chunk
        except TimeoutError:
            pass
        return found


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(http_server, "BODY_IDLE_SECONDS", 0.3)


@pytest.mark.clause("http.slow-clients")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"G",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-half: ",
        b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{",
        b'POST /api/v1/token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a"',
    ],
)
def test_a_stalled_request_is_cut_off(server: Server, data: bytes) -> None:
    started = time.monotonic()
    answer = talk(server, data)
    assert time.monotonic() - started < 4
    assert statuses(answer) == [408]


@pytest.mark.clause("http.slow-clients")
@pytest.mark.usefixtures("impatient")
def test_drips_do_not_buy_time(server: Server) -> None:
    """A byte now and then keeps an idle time-out away, not a deadline for the headers."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        answer = b""
        for _ in range(60):
            try:
                connection.sendall(b"x")
                connection.settimeout(0.05)
                answer = connection.recv(65536)
                break
            except TimeoutError:
                continue
        assert statuses(answer) == [408]


@pytest.mark.usefixtures("impatient")
def test_an_idle_kept_connection_is_served_again(server: Server) -> None:
    request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert statuses(connection.recv(65536)) == [200]
            time.sleep(0.35)


@pytest.mark.clause("http.unclear-requests")
@pytest.mark.parametrize(
    "data",
    [
        b"POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0",
        b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
        b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ncontent-length: +4\r\n\r\nabcd",
        b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nfolded: a\r\n b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\nhost: x\n\n",
        b"GET /healthz\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_ambiguous_bytes_are_refused_and_the_connection_closed(server: Server, data: bytes) -> None:
    answer = talk(server, data + b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    assert statuses(answer)[:1] == [400]
    assert len(statuses(answer)) == 1, "a second request was smuggled in"
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    "headers",
    [b"x: " + b"a" * 70_000 + b"\r\n", b"".join(b"x%d: y\r\n" % number for number in range(10_000))],
)
def test_huge_headers(server: Server, headers: bytes) -> None:
    answer = talk(server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + headers + b"\r\n", seconds=3)
    assert statuses(answer)[:1] in ([431], [])


def test_the_server_still_answers(server: Server) -> None:
    assert server.client().get("/healthz").status_code == 200
