"""Units of work on both databases: all or nothing, told to caches only once durable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.clock import SystemClock
from runplane.server.core.errors import NotFound, Unavailable
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import migrate
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit, Units


@pytest.fixture
def units(database_url: str) -> Iterator[Units]:
    database = Database(database_url)
    migrate(database)
    yield Units(database, Freshness(), SystemClock())
    database.close()


def add(unit: Unit, tenant_id: int) -> None:
    unit.execute(
        insert(tenants), {"id": tenant_id, "name": f"t{tenant_id}", "created_at": unit.now, "version": 0}
    )


def touch(unit: Unit, tenant_id: int) -> None:
    unit.execute(update(tenants).where(tenants.c.id == tenant_id).values(version=tenants.c.version + 1))


def ids(units: Units) -> list[int]:
    return units.read(lambda unit: list(unit.execute(select(tenants.c.id).order_by(tenants.c.id)).scalars()))


def test_commits(units: Units) -> None:
    units.write(lambda unit: add(unit, 1))
    assert ids(units) == [1]


def test_a_refusal_leaves_nothing(units: Units) -> None:
    def job(unit: Unit) -> None:
        add(unit, 1)
        raise NotFound("no")

    with pytest.raises(NotFound):
        units.write(job)
    assert ids(units) == []


def test_a_broken_constraint_leaves_nothing_and_the_connection_usable(units: Units) -> None:
    units.write(lambda unit: add(unit, 1))

    def job(unit: Unit) -> None:
        add(unit, 2)
        add(unit, 1)

    with pytest.raises(IntegrityError):
        units.write(job)
    units.write(lambda unit: add(unit, 3))
    assert ids(units) == [1, 3]


def test_reads_never_write(units: Units) -> None:
    # a mistake, which PostgreSQL points out
    refused = nullcontext() if units.database.is_sqlite else pytest.raises(RuntimeError, match="to write")
    with refused:
        units.read(lambda unit: add(unit, 1))
    assert ids(units) == []


def test_versions_rise_once_per_unit_and_only_on_commit(units: Units) -> None:
    units.write(lambda unit: add(unit, 1))
    stamp = units.freshness.stamp(1)

    def job(unit: Unit) -> None:
        unit.changed(1)
        unit.changed(1)
        assert units.freshness.stamp(1) == stamp

    units.write(job)
    assert units.freshness.stamp(1) == stamp + 1
    version = units.read(lambda unit: unit.execute(select(tenants.c.version)).scalar())
    assert version == 1

    def refused(unit: Unit) -> None:
        unit.changed(1)
        raise NotFound("no")

    with pytest.raises(NotFound):
        units.write(refused)
    assert units.freshness.stamp(1) == stamp + 1


def test_hooks_run_after_the_commit(units: Units) -> None:
    seen: list[list[int]] = []

    def job(unit: Unit) -> None:
        add(unit, 1)
        unit.after_commit(lambda: seen.append(ids(units)))

    thread = threading.Thread(target=lambda: units.write(job))
    thread.start()
    thread.join()
    assert seen == [[1]]


def test_another_process_sees_a_change_at_its_next_poll(units: Units, database_url: str) -> None:
    units.write(lambda unit: add(unit, 1))
    other = Units(Database(database_url), Freshness(), SystemClock())
    other.read(other.freshness.poll)
    before = other.freshness.stamp(1)
    other.read(other.freshness.poll)
    assert other.freshness.stamp(1) == before
    units.write(lambda unit: unit.changed(1))
    other.read(other.freshness.poll)
    assert other.freshness.stamp(1) != before
    other.database.close()


def test_nothing_is_fresh_before_the_first_poll_or_long_after_one(units: Units) -> None:
    now = [0.0]
    freshness = Freshness(lambda: now[0])
    assert freshness.is_stale()
    units.read(freshness.poll)
    assert not freshness.is_stale()
    now[0] = 1.1
    assert freshness.is_stale()


def test_a_database_that_is_away_is_unavailable(tmp_path_factory: pytest.TempPathFactory) -> None:
    away = Units(Database("postgresql://nobody@127.0.0.1:1/none"), Freshness(), SystemClock())
    with pytest.raises(Unavailable) as refusal:
        away.read(lambda _: None)
    assert refusal.value.retry_after


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_deadlocks_are_run_again(units: Units) -> None:
    """Two units lock two rows in opposite order: PostgreSQL kills one, and it succeeds when run again."""
    units.write(lambda unit: (add(unit, 1), add(unit, 2)))
    barrier = threading.Barrier(2)
    runs = [0, 0]

    def job(number: int, first: int, second: int) -> None:
        def work(unit: Unit) -> None:
            runs[number] += 1
            touch(unit, first)
            if runs[number] == 1:
                barrier.wait(5)
            touch(unit, second)

        units.write(work)

    threads = [threading.Thread(target=job, args=args) for args in ((0, 1, 2), (1, 2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    versions = units.read(lambda unit: list(unit.execute(select(tenants.c.version)).scalars()))
    assert versions == [2, 2]
    assert sorted(runs) == [1, 2]
