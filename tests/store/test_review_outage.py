"""Connections that die under a unit: what is safe runs again, and no thread keeps a broken connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.exc import IntegrityError

from runplane.server.core.clock import SystemClock, instant
from runplane.server.core.errors import NotFound, Unavailable
from runplane.server.identity.store import touch
from runplane.server.identity.tables import users
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import lock, migrate
from runplane.server.sql.prepared import Prepared
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit, Units

POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
_TENANT = Prepared(select(tenants.c.name).where(tenants.c.id == bindparam("id")))
_PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def units(database_url: str) -> Iterator[Units]:
    database = Database(database_url)
    migrate(database)
    yield Units(database, Freshness(), SystemClock())
    database.close()


@pytest.fixture
def kill(database_url: str) -> Callable[[int], None]:
    """Ends a backend as a restart of PostgreSQL does, and waits until it is gone."""

    def run(pid: int) -> None:
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    return run


def add(unit: Unit, tenant_id: int) -> None:
    unit.execute(
        insert(tenants), {"id": tenant_id, "name": f"t{tenant_id}", "created_at": unit.now, "version": 0}
    )


def backend(unit: Unit) -> int:
    return unit.execute(_PID).scalar_one()


@POSTGRES
@pytest.mark.parametrize("reading", [True, False])
def test_a_connection_lost_while_idle_costs_nobody_an_answer(
    units: Units, kill: Callable[[int], None], reading: bool
) -> None:
    units.write(lambda unit: add(unit, 1))
    run = units.read if reading else units.write
    kill(run(backend))
    assert run(lambda unit: unit.one(_TENANT, {"id": 1})) == ("t1",)
    kill(run(backend))
    assert run(lambda unit: unit.execute(select(tenants.c.name)).scalar()) == "t1"


@POSTGRES
@pytest.mark.parametrize("reading", [True, False])
def test_a_connection_lost_at_every_attempt_is_unavailable(
    units: Units, kill: Callable[[int], None], reading: bool
) -> None:
    """Also when the driver names the failure more exactly than OperationalError: AdminShutdown."""
    runs: list[int] = []

    def job(unit: Unit) -> None:
        runs.append(backend(unit))
        kill(runs[-1])
        unit.one(_TENANT, {"id": 1})

    with pytest.raises(Unavailable):
        (units.read if reading else units.write)(job)
    assert len(runs) <= 3
    assert (units.read if reading else units.write)(lambda unit: unit.one(_TENANT, {"id": 1})) is None


@POSTGRES
@pytest.mark.parametrize("reading", [True, False])
def test_a_refusal_on_a_dying_connection_does_not_poison_the_thread(
    units: Units, kill: Callable[[int], None], reading: bool
) -> None:
    run = units.read if reading else units.write

    def job(unit: Unit) -> None:
        kill(backend(unit))
        raise NotFound("no")

    with pytest.raises(NotFound):
        run(job)
    assert run(lambda unit: unit.one(_TENANT, {"id": 1})) is None


@POSTGRES
def test_a_connection_lost_at_the_commit_is_not_tried_again(
    units: Units, kill: Callable[[int], None]
) -> None:
    """Nobody knows whether the commit happened: running the job again could do it twice."""
    runs: list[int] = []

    def job(unit: Unit) -> None:
        runs.append(backend(unit))
        add(unit, len(runs))
        kill(runs[-1])

    with pytest.raises(Unavailable):
        units.write(job)
    assert len(runs) == 1


@POSTGRES
def test_a_server_that_became_a_standby_is_unavailable(units: Units) -> None:
    def job(unit: Unit) -> None:
        unit.execute(text("SET TRANSACTION READ ONLY"))
        add(unit, 1)

    with pytest.raises(Unavailable):
        units.write(job)


def test_errors_of_statements_do_not_hold_their_values(units: Units) -> None:
    """They end in the log: a password's hash or a secret's digest must not."""
    units.write(lambda unit: add(unit, 1))

    def job(unit: Unit) -> None:
        values = {"id": 1, "name": "hush-hush", "created_at": unit.now, "version": 0}
        unit.execute(insert(tenants), values)

    with pytest.raises(IntegrityError) as caught:
        units.write(job)
    assert "hush-hush" not in str(caught.value)


@POSTGRES
def test_whoever_waits_for_a_migration_waits_as_long_as_it_takes(units: Units) -> None:
    """Time-outs are for requests: a migration may take longer, and so may waiting for another's."""

    def job(unit: Unit) -> tuple[str, str]:
        lock(unit.connection)
        statement = unit.execute(text("SHOW statement_timeout")).scalar_one()
        return statement, unit.execute(text("SHOW lock_timeout")).scalar_one()

    assert units.write(job) == ("0", "0")
    usual = units.write(lambda unit: unit.execute(text("SHOW lock_timeout")).scalar_one())
    assert usual == "5s"


@POSTGRES
def test_two_replicas_that_note_the_same_uses_do_not_deadlock(units: Units) -> None:
    names = [f"u{number:03d}" for number in range(120)]

    def people(unit: Unit) -> None:
        add(unit, 1)
        for name in names:
            values = {
                "id": name, "tenant_id": 1, "email": name, "email_key": name, "is_local": True,
                "enabled": True, "created_by": "x", "created_at": unit.now, "updated_at": unit.now,
            }  # fmt: skip
            unit.execute(insert(users), values)

    units.write(people)
    runs = [0]
    guard = threading.Lock()

    def note(order: list[str]) -> None:
        def job(unit: Unit) -> None:
            with guard:
                runs[0] += 1
            touch(unit, {}, {}, dict.fromkeys(order, instant(0)))

        for _ in range(15):
            units.write(job)

    threads = [threading.Thread(target=note, args=(order,)) for order in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert runs == [30], "some were run again, after a deadlock"


@POSTGRES
@pytest.mark.parametrize("reading", [True, False])
def test_a_migration_elsewhere_costs_nobody_an_answer(units: Units, database_url: str, reading: bool) -> None:
    """The driver prepares a statement it sees often; a changed column makes the plan void."""
    units.write(lambda unit: add(unit, 1))
    run = units.read if reading else units.write
    for _ in range(8):
        run(lambda unit: unit.one(_TENANT, {"id": 1}))
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER TABLE tenants ALTER COLUMN name TYPE varchar(300)")
    assert run(lambda unit: unit.one(_TENANT, {"id": 1})) == ("t1",)
