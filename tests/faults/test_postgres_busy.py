"""PostgreSQL is there and cannot serve: no session left, a table locked, a slow statement, a deadlock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

from support.launching import Start
from support.ledger import ACCOUNTS
from support.outage import PATIENCE, sign_in_status
from support.own_postgres import own
from support.postgres import PostgresServer
from support.processes import ServerProcess, new_user
from support.trials import Figure, trials

SESSIONS = 30
MOST_PER_PROCESS = 21
"""What the guide tells operators to reckon with: reading, writing, and one while the server starts."""

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]

Answers = list[tuple[int, float, bool]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresServer]:
    """A cluster with few sessions, of which none is kept back for superusers, as the tests are."""
    yield from own(
        lambda: PostgresServer(
            max_connections=str(SESSIONS), superuser_reserved_connections="0", max_wal_senders="0"
        )
    )


@pytest.fixture
def url(cluster: PostgresServer) -> str:
    return cluster.create_database()


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


def ask(server: ServerProcess, number: int, method: str = "GET") -> Answers:
    """Status, seconds and whether a 503 says when to come back, of requests sent at once."""
    headers = {"authorization": server.admin.headers["authorization"]}

    def one(turn: int) -> tuple[int, float, bool]:
        body = {"name": f"busy-{time.monotonic_ns()}-{turn}"} if method == "POST" else None
        started = time.monotonic()
        answer = httpx.request(method, server.url + ACCOUNTS, json=body, headers=headers, timeout=PATIENCE)
        return answer.status_code, time.monotonic() - started, "retry-after" in answer.headers

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def take_the_rest(url: str, stack: ExitStack) -> None:
    """Take every session that is left."""
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            stack.enter_context(psycopg.connect(plain(url)))


def sessions_of(url: str) -> int:
    with psycopg.connect(plain(url)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'runplane'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_process_holds_no_more_sessions_than_the_guide_says(url: str, start: Start, figure: Figure) -> None:
    server = start(database_url=url)
    for method in ("GET", "POST"):
        assert {status for status, _, _ in ask(server, 60, method)} <= {200, 201, 503}
    held = sessions_of(url)
    assert held <= MOST_PER_PROCESS
    figure("sessions of one process after 120 requests at once", held)


def test_a_server_goes_on_with_the_sessions_it_has(url: str, start: Start, figure: Figure) -> None:
    server = start(database_url=url)
    assert server.admin.get(ACCOUNTS).status_code == 200
    with ExitStack() as stack:
        take_the_rest(url, stack)
        answers = ask(server, 40) + ask(server, 40, "POST")
        assert sign_in_status(server) == 200
    statuses = [status for status, _, _ in answers]
    assert set(statuses) <= {200, 201, 503}
    assert all(marked for status, _, marked in answers if status == 503)
    # the sessions that it has go on working
    assert statuses.count(503) < len(statuses) / 2
    assert {status for status, _, _ in ask(server, 8)} == {200}
    assert {status for status, _, _ in ask(server, 8, "POST")} == {201}
    figure("answered", f"{len(statuses) - statuses.count(503)} of {len(statuses)}, the others 503")
    figure("slowest answer", f"{max(seconds for _, seconds, _ in answers):.2f} s")


def test_a_server_that_finds_no_session_at_its_start_says_so(url: str, launch: Start, tmp_path: Path) -> None:
    with ExitStack() as stack:
        take_the_rest(url, stack)
        server = launch(tmp_path / "late", database_url=url)
        assert server.process.wait(30) == 1
    assert "too many clients" in server.errors
    assert "Traceback" not in server.errors


def test_a_table_that_somebody_has_locked(url: str, start: Start, figure: Figure) -> None:
    """Writes record themselves in the audit log; reads do not need it."""
    server = start(database_url=url)
    assert server.admin.get(ACCOUNTS).status_code == 200
    with psycopg.connect(plain(url)) as other:
        other.execute("LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(ask, server, 8, "POST")
            reads = [it for _ in range(5) for it in ask(server, 4)]
            assert not writing.done(), "the lock holds nobody up"
            writes = writing.result()
    assert [(status, marked) for status, _, marked in writes] == [(503, True)] * 8
    assert {status for status, _, _ in reads} == {200}
    assert {status for status, _, _ in ask(server, 4, "POST")} == {201}
    figure("slowest write, refused", f"{max(seconds for _, seconds, _ in writes):.1f} s")
    figure("slowest read beside it", f"{max(seconds for _, seconds, _ in reads):.2f} s")


def test_a_statement_that_takes_too_long(url: str, start: Start, figure: Figure) -> None:
    server = start(database_url=url)
    with psycopg.connect(plain(url)) as other:
        other.execute(
            "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
        )
        other.execute(
            "CREATE TRIGGER doze BEFORE INSERT ON clients "
            "FOR EACH ROW WHEN (NEW.name = 'slow') EXECUTE FUNCTION doze()"
        )
    with ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        slow = pool.submit(server.client(bearer(server)).post, ACCOUNTS, json={"name": "slow"})
        others = [it for _ in range(5) for it in ask(server, 2, "POST")]
        assert not slow.done()
        answer = slow.result()
        took = time.monotonic() - started
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert took < 15
    assert {status for status, _, _ in others} == {201}
    figure("slow statement, refused after", f"{took:.1f} s")
    figure("slowest write beside it", f"{max(seconds for _, seconds, _ in others):.2f} s")


def test_a_deadlock_is_resolved_and_nobody_notices(url: str, start: Start, figure: Figure) -> None:
    """The other side waits without looking, so that PostgreSQL always ends the server's transaction."""
    server = start(database_url=url)
    user = new_user(server, "locked@example.com")
    rounds = trials(1, 10)
    for turn in range(rounds):
        with psycopg.connect(plain(url)) as other, ThreadPoolExecutor(1) as pool:
            other.execute("SET deadlock_timeout = '1min'")
            other.execute("UPDATE tenants SET version = version + 1")
            # changes the user, then waits for the tenant's version
            change = pool.submit(server.client(bearer(server)).delete, f"/api/v1/users/{user['id']}")
            wait_for_a_waiter(url)
            other.execute("UPDATE users SET updated_at = updated_at WHERE id = %s", [user["id"]])
            other.commit()
            answer = change.result()
        assert answer.status_code == 204, answer.text
        user = new_user(server, f"locked-{turn}@example.com")
    with psycopg.connect(plain(url)) as other:
        row = other.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    assert row[0] >= rounds, "there was no deadlock"
    figure("deadlocks", f"{row[0]}, each answered with success")


def bearer(server: ServerProcess) -> str:
    return server.admin.headers["authorization"].removeprefix("Bearer ")


def wait_for_a_waiter(url: str) -> None:
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(plain(url), autocommit=True) as connection:
        while connection.execute(query).fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody waits for the lock"
            time.sleep(0.01)
