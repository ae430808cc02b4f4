"""How sessions with PostgreSQL are opened, shared and given up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from runplane.server.commands.backup import backup
from runplane.server.commands.database import check
from runplane.server.core.clock import SystemClock
from runplane.server.core.errors import Unavailable
from runplane.server.settings import load_settings
from runplane.server.sql.address import Address, parse
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.sessions import PAUSE_SECONDS, Sessions
from runplane.server.sql.unit import Unit, Units
from support.server import Server

PID = text("SELECT pg_backend_pid()")


def pid(unit: Unit) -> int:
    return int(unit.execute(PID).scalar_one())


@pytest.fixture
def url(postgres_database: Callable[..., str]) -> str:
    return postgres_database().replace("+psycopg", "")


@pytest.fixture
def units(url: str) -> Iterator[Units]:
    database = Database(url)
    yield Units(database, Freshness(), SystemClock())
    database.close()


@pytest.fixture
def dead() -> Iterator[int]:
    """A port at which nobody listens and that nobody else gets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def both(url: str, dead: int) -> str:
    """The database behind an address whose first host is gone."""
    return url.replace("127.0.0.1:", f"127.0.0.1:{dead},127.0.0.1:")


def test_a_host_that_is_gone_is_passed_over(both: str, make_server: Callable[..., Server]) -> None:
    server = make_server(database_url=both)
    assert server.admin.get("/api/v1/service-accounts").status_code == 200
    assert server.client().get("/readyz").status_code == 200


def test_the_commands_of_the_host_know_several_hosts(
    both: str, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server(database_url=both)
    loaded = load_settings({}, server.environment)
    said: list[str] = []
    check(loaded, said.append)
    backup(loaded, tmp_path / "backup", said.append)
    assert "The database is sound" in " ".join(said)
    assert (tmp_path / "backup").stat().st_size > 1000


def test_a_server_that_takes_no_writes_is_not_used(url: str, units: Units) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    with pytest.raises(Unavailable):
        units.read(pid)


def test_when_writing_is_refused_readers_are_opened_anew(units: Units) -> None:
    """They would go on reading from what may be a standby by now."""
    before = units.read(pid)
    assert units.read(pid) == before

    def job(unit: Unit) -> None:
        unit.execute(text("SET TRANSACTION READ ONLY"))
        unit.execute(text("CREATE TABLE not_here (id int)"))

    with pytest.raises(Unavailable):
        units.write(job)
    assert units.read(pid) != before


def test_units_that_follow_one_another_share_a_session(units: Units) -> None:
    first = units.read(pid)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(units.read(pid)))
    thread.start()
    thread.join()
    assert found == [first]
    # a unit within a unit has one of its own
    assert units.read(lambda unit: (pid(unit), units.read(pid))[1]) != first


def test_commits_are_on_disk_whatever_the_database_says(url: str, units: Units) -> None:
    for level, expected in (("off", "on"), ("local", "local")):
        with psycopg.connect(url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = {level}'.encode())
        units.database.distrust()
        shown = units.write(lambda unit: unit.execute(text("SHOW synchronous_commit")).scalar_one())
        assert shown == expected


def ask(sessions: Sessions, address: Address) -> None:
    with pytest.raises(psycopg.Error):
        sessions.open(address.parameters)


def test_in_an_outage_one_thread_asks_and_the_others_do_not_wait() -> None:
    """The one that asks is held up by a server that accepts and says nothing."""
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = parse(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d?connect_timeout=2")
        sessions = Sessions(address, lambda: now[0])
        sessions.suspect()
        with pytest.raises(psycopg.OperationalError, match="a moment ago"):
            sessions.open({**address.parameters})
        now[0] += 2 * PAUSE_SECONDS
        asking = threading.Thread(target=ask, args=(sessions, address))
        asking.start()
        # once it is there it has passed the door
        connection, _ = silent.accept()
        with pytest.raises(psycopg.OperationalError, match="a moment ago"):
            sessions.open({**address.parameters})
        assert asking.is_alive()
        connection.close()
        asking.join(30)
        assert not asking.is_alive()


def test_plans_that_a_migration_makes_void_are_made_anew_in_every_session(url: str, units: Units) -> None:
    """Another release changes a column while this one serves with more sessions than it tries again."""
    sessions = 5
    units.write(lambda unit: unit.execute(text("CREATE TABLE probe (number integer)")))

    def look(unit: Unit) -> None:
        unit.raw.execute("SELECT number FROM probe")

    def prepare(unit: Unit, more: int) -> None:
        # the driver prepares what it is given more than five times
        for _ in range(6):
            look(unit)
        if more:
            units.write(lambda another: prepare(another, more - 1))

    # not units that read: the driver forgets its plans when a transaction is rolled back
    units.write(lambda unit: prepare(unit, sessions - 1))
    assert units.database.connections == sessions
    with psycopg.connect(url, autocommit=True) as release:
        release.execute("ALTER TABLE probe ALTER number TYPE bigint")
    units.write(look)
