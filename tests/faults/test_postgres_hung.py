"""PostgreSQL does not answer and does not say so: stopped processes, and a network that swallows packets.

Nothing of it ends by itself, neither in the server (its time-outs are frozen with it) nor in TCP (the kernel
goes on acknowledging), so what is tried here is the server's own patience.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from support.hanging import Seen, ask_many, threads_of
from support.launching import Start
from support.outage import wait_until_ready
from support.own_postgres import own
from support.postgres import PostgresServer
from support.processes import ServerProcess
from support.proxy import Proxy
from support.trials import Figure, trials

ANSWER_SECONDS = 15.0
HEALTH_SECONDS = 2.0
"""Of a liveness probe: the issue promises none, and Kubernetes gives up after one second by default."""

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresServer]:
    """A cluster that nobody else uses."""
    yield from own(PostgresServer)


def check(server: ServerProcess, seen: Seen, before: int, figure: Figure) -> None:
    assert seen.statuses == {503}
    assert seen.unmarked == 0
    assert seen.slowest < ANSWER_SECONDS
    assert seen.ready == {503}
    assert seen.slowest_health < HEALTH_SECONDS
    # sixteen lanes' threads and the loop's own helpers may all be there at last; one per request may not
    assert seen.threads <= before + 20
    figure("slowest 503", f"{seen.slowest:.1f} s of 40 requests")
    figure("slowest /healthz meanwhile", f"{seen.slowest_health * 1000:.0f} ms")
    figure("threads before and at most", f"{before} and {seen.threads}")


def test_a_server_whose_processes_are_stopped(cluster: PostgresServer, start: Start, figure: Figure) -> None:
    server = start(database_url=cluster.create_database())
    assert server.admin.get("/api/v1/service-accounts").status_code == 200
    for _ in range(trials(1, 3)):
        before = threads_of(server)
        stopped = cluster.processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            seen = ask_many(server, 40)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        again = time.monotonic()
        wait_until_ready(server)
        assert server.admin.post("/api/v1/service-accounts", json={"name": "after"}).status_code in (201, 409)
        check(server, seen, before, figure)
        figure("ready again", f"{time.monotonic() - again:.2f} s")


def test_a_network_that_swallows_packets(cluster: PostgresServer, start: Start, figure: Figure) -> None:
    proxy = Proxy(cluster.port)
    try:
        url = cluster.create_database().replace(f":{cluster.port}/", f":{proxy.port}/")
        server = start(database_url=url)
        assert server.admin.get("/api/v1/service-accounts").status_code == 200
        for _ in range(trials(1, 3)):
            before = threads_of(server)
            proxy.blackhole()
            seen = ask_many(server, 40)
            again = time.monotonic()
            proxy.restore()
            wait_until_ready(server)
            assert server.admin.post("/api/v1/service-accounts", json={"name": "after"}).status_code in (
                201,
                409,
            )
            check(server, seen, before, figure)
            figure("ready again", f"{time.monotonic() - again:.2f} s")
        # Ending does not wait for a database that does not answer, either.
        proxy.blackhole()
        asked = time.monotonic()
        assert server.terminate(60) == 0
        figure("ended on SIGTERM with the database hanging", f"{time.monotonic() - asked:.1f} s")
    finally:
        proxy.close()
