"""PostgreSQL restarts under load, politely and not: a moment of refusals, nothing lost or doubled."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.launching import Start
from support.outage import Load, check_once
from support.own_postgres import own
from support.postgres import PostgresServer
from support.trials import Figure, trials

BACK_SECONDS = 5.0

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresServer]:
    """A cluster that nobody else uses."""
    yield from own(PostgresServer)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_costs_a_moment_and_no_write(
    cluster: PostgresServer, start: Start, figure: Figure, mode: str
) -> None:
    server = start(database_url=cluster.create_database())
    load = Load(server)
    rounds = trials(2, 20)
    back: list[float] = []
    away: list[float] = []
    settled: list[float] = []
    try:
        for _ in range(rounds):
            load.write_more(20)
            halted = time.monotonic()
            cluster.halt(mode)
            load.wait("write", refused=True, after=time.monotonic())
            cluster.launch()
            answering = time.monotonic()
            away.append(answering - halted)
            wrote = load.wait("write", refused=False, after=answering)
            read = load.wait("read", refused=False, after=answering)
            back.append(max(wrote, read) - answering)
            settled.append(load.settle(answering) - answering)
    finally:
        load.stop()
    check_once(server, load.made)
    assert max(back) <= BACK_SECONDS
    figure("restarts", f"{rounds} ({mode})")
    figure("creates", f"{len(load.made)} acknowledged, each there once, {load.replayed} answered again")
    figure("503 with Retry-After", load.refusals)
    figure("PostgreSQL was away, longest", f"{max(away):.2f} s")
    figure("refusals, longest without a break", f"{load.longest_outage():.2f} s")
    figure("served again after PostgreSQL was, longest", f"{max(back):.2f} s")
    figure("creates that were cut off, acknowledged after at most", f"{max(settled):.2f} s")
    figure("slowest answer", f"{load.longest_answer:.2f} s")
