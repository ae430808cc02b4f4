"""Clients that hold connections without using them, beside clients that work.

Each kind is opened, good clients are measured beside it, and then it is waited until the server has let the
bad ones go. The bounds on time are those of http/server.py with room for a loaded machine.
"""

from __future__ import annotations

import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from runplane.server.http import server as http_server
from support.launching import Start
from support.ledger import ACCOUNTS
from support.processes import ServerProcess
from support.sockets import (
    connect,
    memory_of,
    need_files,
    sockets_of,
    wait_for_sockets,
    wait_until_closed,
)
from support.trials import FULL, Figure, trials

HALF_A_HEADER = b"POST /api/v1/token HTTP/1.1\r\nHost: runplane.test\r\nX-Half: "
BODY = b"POST /api/v1/token HTTP/1.1\r\nHost: runplane.test\r\nContent-Type: application/json\r\n"
GRACE = 30.0
HEADER_SECONDS = http_server.HEADER_SECONDS if FULL else 4.0
"""Within which a client has to ask for something; the suite has servers that give less."""
GROWTH_KB = 40.0
"""What an open connection may cost the server; measured are 4 to 12."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def measure(server: ServerProcess, requests: int) -> tuple[float, float]:
    """Answer times of a good client that reads one page after the other: median and p99, in ms."""
    token = server.admin.headers["authorization"]
    times: list[float] = []
    with httpx.Client(base_url=server.url, headers={"authorization": token}, timeout=30) as client:
        for _ in range(requests):
            started = time.perf_counter()
            assert client.get(ACCOUNTS).status_code == 200
            times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.99) - 1]


@contextmanager
def crowd(server: ServerProcess, size: int, data: bytes = b"") -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(server, data)) for _ in range(size)]


def report(figure: Figure, name: str, quiet: tuple[float, float], beside: tuple[float, float]) -> None:
    figure(
        f"good reads beside {name}",
        f"p50 {beside[0]:.1f} ms, p99 {beside[1]:.1f} ms (alone {quiet[0]:.1f} and {quiet[1]:.1f})",
    )


@pytest.mark.parametrize(
    ("name", "data", "few", "full"),
    [("half-sent headers", HALF_A_HEADER, 500, 2000), ("idle sockets", b"", 1000, 10_000)],
    ids=["half-sent headers", "idle sockets"],
)
def test_sockets_that_never_ask_anything(
    start: Start, figure: Figure, name: str, data: bytes, few: int, full: int
) -> None:
    size = trials(few, full)
    need_files(size)
    server = start(command=patched(HEADER_SECONDS=HEADER_SECONDS))
    quiet = measure(server, trials(200, 1000))
    memory, open_before = memory_of(server), sockets_of(server)
    with crowd(server, size, data) as bad:
        beside = measure(server, trials(100, 400))
        grown, still = memory_of(server) - memory, sockets_of(server) - open_before
        left, told, _ = wait_until_closed(bad, HEADER_SECONDS + GRACE)
        assert left == 0
        assert told.startswith(b"HTTP/1.1 408 ")
    wait_for_sockets(server, open_before, GRACE)
    assert measure(server, 20)
    assert grown < size * GROWTH_KB / 1024
    report(figure, f"{size} {name} ({still} of them open at its end)", quiet, beside)
    figure(f"memory for {size} {name}", f"{grown:.1f} MB, {grown * 1024 / size:.1f} KB each")


def drip(bad: list[socket.socket], stop: threading.Event, pause: float) -> None:
    while not stop.wait(pause):
        for it in bad:
            with suppress(OSError):
                it.send(b"x")


def test_bodies_that_drip(start: Start, figure: Figure) -> None:
    """A byte now and then keeps every idle time-out away; the whole body has a deadline of its own."""
    size = trials(50, 500)
    command = patched(BODY_SECONDS=trials(4, 120))
    server = start(command=command)
    quiet = measure(server, 100)
    before = sockets_of(server)
    with crowd(server, size, BODY + b"Content-Length: 60000\r\n\r\n{") as bad:
        stop = threading.Event()
        dripping = threading.Thread(target=drip, args=(bad, stop, 0.2))
        dripping.start()
        try:
            beside = measure(server, trials(100, 400))
            took = wait_for_sockets(server, before + 1, trials(4, 120) + GRACE)
        finally:
            stop.set()
            dripping.join()
    report(figure, f"{size} dripping bodies", quiet, beside)
    figure("dripping bodies were cut off", f"{took:.0f} s after the measurement")


def patched(**seconds: float) -> tuple[str, ...]:
    """`runplane serve` with other deadlines: nobody has minutes for each run of the suite."""
    lines = [f"server.{name} = {value}" for name, value in seconds.items()]
    code = "\n".join(
        [
            "import sys",
            "from runplane.server.http import server",
            *lines,
            "sys.argv = ['runplane', 'serve']",
            "from runplane.main import main",
            "main()",
        ]
    )
    return (sys.executable, "-c", code)


@pytest.mark.parametrize("pipelined", [1, 40], ids=["one request", "many requests"])
def test_clients_that_never_read(start: Start, figure: Figure, pipelined: int) -> None:
    """An answer that waits in the server's memory is dropped with its reader, also on a closed connection."""
    size = trials(20, 200)
    # what fits into the buffers of the system is an idle connection to the server, and goes as one
    server = start(command=patched(ANSWER_SECONDS=trials(2, 30), KEEP_ALIVE_SECONDS=5))
    # the largest document there is, several times what the system keeps for a connection
    wanted = b"GET /api/docs/swagger.json HTTP/1.1\r\nHost: runplane.test\r\n\r\n" * pipelined
    probe = server.client().get("/api/docs/swagger.json", headers={"accept-encoding": "identity"})
    assert probe.status_code == 200
    quiet = measure(server, 100)
    before = sockets_of(server)
    memory = memory_of(server)
    with ExitStack() as stack:
        for _ in range(size):
            stack.enter_context(connect(server, wanted, receive_buffer=4096))
        beside = measure(server, trials(100, 400))
        grown = memory_of(server) - memory
        took = wait_for_sockets(server, before, trials(2, 30) * 2 + GRACE)
    report(figure, f"{size} clients that never read ({pipelined} requests each)", quiet, beside)
    figure(f"memory for {size} unread answers", f"{grown:.1f} MB for {len(probe.content) / 1e6:.1f} MB each")
    figure("clients that never read were cut off", f"{took:.0f} s after the measurement")


def test_more_connections_than_allowed(start: Start, figure: Figure) -> None:
    """The limit costs those who idle: whoever comes with a request gets in, and is not thrown out."""
    limit = trials(100, 1000)
    size = limit * 3
    need_files(size)
    server = start(command=patched(HEADER_SECONDS=HEADER_SECONDS), connections=str(limit))
    quiet = measure(server, 100)
    memory = memory_of(server)
    with crowd(server, size) as bad:
        assert sockets_of(server) <= limit + 32
        beside = measure(server, trials(100, 400))
        grown = memory_of(server) - memory
        left, _, _ = wait_until_closed(bad, HEADER_SECONDS + GRACE)
        assert left == 0
    report(figure, f"{size} sockets where {limit} are allowed", quiet, beside)
    figure(f"memory for {size} sockets where {limit} are allowed", f"{grown:.1f} MB")
