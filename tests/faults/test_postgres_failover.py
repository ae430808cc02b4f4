"""The primary dies and its standby takes over: servers follow it, and never go back to the one that was."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.launching import Start
from support.ledger import ACCOUNTS
from support.outage import PATIENCE, Load, check_once
from support.own_postgres import own
from support.postgres import ACCOUNT, PostgresServer
from support.processes import ServerProcess
from support.trials import Figure, trials

BACK_SECONDS = 10.0
WRITERS = 8
"""Units of one process that write at the same time."""
_NAMES = "SELECT name FROM clients WHERE name LIKE 'w%' OR name LIKE 'after%'"

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(1800)]


class Pair:
    """A primary and a standby that has to have every commit before it is answered."""

    def __init__(self) -> None:
        self.first = PostgresServer()
        try:
            self.url = self.first.create_database()
            self.database = self.url.rpartition("/")[2]
            self.second = self.first.standby()
        except BaseException:
            self.first.stop()
            raise
        # Later than the copy, or the standby would wait for a standby of its own once it is primary.
        self.first.rows("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.first.rows("SELECT pg_reload_conf()")
        deadline = time.monotonic() + PATIENCE
        while self.first.rows("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)

    @property
    def both(self) -> str:
        """The address of whichever of the two is the primary, as libpq writes it."""
        hosts = f"127.0.0.1:{self.first.port},127.0.0.1:{self.second.port}"
        return f"postgresql://{ACCOUNT}@{hosts}/{self.database}"

    def stop(self) -> None:
        self.first.stop()
        self.second.stop()


@pytest.fixture
def pair() -> Iterator[Pair]:
    yield from own(Pair)


def settled(server: ServerProcess, name: str) -> int:
    """The status of a create that is repeated while it gets 503, for a minute."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = server.admin.post(ACCOUNTS, json={"name": name})
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer.status_code
        time.sleep(0.05)


@pytest.mark.parametrize("_round", range(trials(1, 5)))
def test_a_failover_loses_nothing_that_was_acknowledged(
    pair: Pair, start: Start, figure: Figure, _round: int
) -> None:
    server = start(database_url=pair.both)
    load = Load(server)
    try:
        load.write_more(20)
        pair.first.halt("immediate")
        died = time.monotonic()
        load.wait("write", refused=True, after=died)
        pair.second.promote()
        promoted = time.monotonic()
        wrote = load.wait("write", refused=False, after=promoted)
        read = load.wait("read", refused=False, after=promoted)
        load.write_more(5)
    finally:
        load.stop()
    check_once(server, load.made)
    back = max(wrote, read) - promoted
    assert back <= BACK_SECONDS
    figure("creates", f"{len(load.made)} acknowledged, each there once, {load.replayed} answered again")
    figure("served again after the promotion", f"{back:.2f} s")
    figure("served again after the death of the primary", f"{back + promoted - died:.2f} s")


def test_a_primary_that_comes_back_from_the_dead_is_not_used(pair: Pair, start: Start) -> None:
    """It is first in the address and takes writes, so libpq alone would go back to it."""
    server = start(database_url=pair.both)
    assert server.admin.post(ACCOUNTS, json={"name": "after-0"}).status_code == 201
    pair.first.halt("immediate")
    pair.second.promote()
    assert settled(server, "after-1") == 201
    # Nobody told it: it comes up as the primary it was.
    pair.first.launch(synchronous_standby_names="")
    pair.second.halt("fast")
    refused = [server.admin.get(ACCOUNTS).status_code for _ in range(10)]
    assert set(refused) == {503}
    assert server.admin.post(ACCOUNTS, json={"name": "after-2"}).status_code == 503
    assert pair.first.rows(_NAMES, pair.database) == [("after-0",)]
    pair.second.launch()
    assert settled(server, "after-3") == 201
    found = [name for (name,) in pair.second.rows(_NAMES, pair.database)]
    assert sorted(found) == ["after-0", "after-1", "after-3"]


def test_a_standby_that_is_away_stops_writing_and_nothing_else(
    pair: Pair, start: Start, figure: Figure
) -> None:
    """With one synchronous standby a COMMIT waits for it, without a time limit of PostgreSQL's own."""
    server = start(database_url=pair.both)
    load = Load(server, writers=4)
    try:
        load.write_more(5)
        pair.second.halt("immediate")
        away = time.monotonic()
        for _ in range(2):
            load.wait("write", refused=True, after=time.monotonic())
            load.wait("read", refused=False, after=time.monotonic())
        # each of them has given up by now, twice, and left nothing behind that holds locks
        waiting = pair.first.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0]
        pair.second.launch()
        back = time.monotonic()
        wrote = load.wait("write", refused=False, after=back)
    finally:
        load.stop()
    check_once(server, load.made)
    assert waiting <= WRITERS
    reads = [it for it in load.answers if it.kind == "read" and away < it.at < back]
    assert not any(it.refused for it in reads)
    figure("refused writes", f"{load.refusals}, the slowest answer after {load.longest_answer:.1f} s")
    figure(
        "reads meanwhile", f"{len(reads)}, the slowest {max(it.seconds for it in reads):.2f} s, none refused"
    )
    figure("sessions left waiting, most", waiting)
    figure("creates", f"{len(load.made)} acknowledged, each there once, {load.replayed} answered again")
    figure("written again after the standby was back", f"{wrote - back:.1f} s")
