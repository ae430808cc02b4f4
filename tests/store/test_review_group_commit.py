"""Records that gather: kept while the database is away, counted once each, and none lost at a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from structlog.testing import capture_logs

from runplane.server.core.clock import SystemClock
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit, Units


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[Lanes]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    made = Lanes(Units(database, Freshness(), SystemClock()))
    yield made
    made.close()
    database.close()


def store(unit: Unit, records: dict[Hashable, Any]) -> None:
    for key, name in records.items():
        values = {"id": key, "name": name, "created_at": unit.now, "version": 0}
        unit.execute(insert(tenants), values)


def picky(unit: Unit, records: dict[Hashable, Any]) -> None:
    if "bad" in records.values():
        raise ValueError("a record that no database takes")
    store(unit, records)


def names(lanes: Lanes) -> list[str]:
    return lanes.units.read(lambda unit: list(unit.execute(select(tenants.c.name)).scalars()))


def rename(lanes: Lanes, old: str, new: str) -> None:
    lanes.units.write(lambda unit: unit.execute(text(f"ALTER TABLE {old} RENAME TO {new}")))


def test_a_database_that_is_away_gets_the_records_later(lanes: Lanes) -> None:
    async def run() -> int:
        group = GroupCommit(lanes, 0.01)
        rename(lanes, "tenants", "away")
        group.put(store, 1, "one")
        await group.drain()
        rename(lanes, "away", "tenants")
        group.put(store, 2, "two")
        await group.drain()
        return group.lost

    assert asyncio.run(run()) == 0
    assert sorted(names(lanes)) == ["one", "two"]


def test_a_record_that_cannot_be_stored_costs_no_other(lanes: Lanes) -> None:
    async def run() -> int:
        group = GroupCommit(lanes, 0.01)
        group.put(store, 1, "one")
        for key, name in ((2, "two"), (3, "bad"), (4, "four"), (5, "bad"), (6, "six")):
            group.put(picky, key, name)
        await group.drain()
        return group.lost

    assert asyncio.run(run()) == 2
    assert sorted(names(lanes)) == ["four", "one", "six", "two"]


def test_records_put_while_a_flush_runs_are_drained_too(lanes: Lanes) -> None:
    async def run() -> None:
        group = GroupCommit(lanes, 0.001)
        for number in range(30):
            group.put(store, number, f"t{number}")
            await asyncio.sleep(0.001)
        await group.drain()

    asyncio.run(run())
    assert len(names(lanes)) == 30


def test_a_drain_stores_what_comes_in_while_it_runs(lanes: Lanes) -> None:
    async def run() -> GroupCommit:
        group = GroupCommit(lanes, 30.0)
        group.put(store, 1, "one")
        draining = asyncio.create_task(group.drain())
        # the first batch is on its way to the writer's thread then
        await asyncio.sleep(0)
        group.put(store, 2, "two")
        await draining
        return group

    with capture_logs() as logged:
        group = asyncio.run(run())
    assert sorted(names(lanes)) == ["one", "two"]
    assert (group.lost, logged) == (0, [])


def test_records_that_had_to_wait_are_not_replaced_by_newer_ones(lanes: Lanes) -> None:
    """Callers count up what is pending; what failed to be stored is pending no more and must count too."""
    counted: list[int] = []

    def count(unit: Unit, records: dict[Hashable, Any]) -> None:
        unit.execute(select(tenants.c.name))
        counted.extend(records.values())

    async def run() -> GroupCommit:
        group = GroupCommit(lanes, 30.0)
        rename(lanes, "tenants", "away")
        group.put(count, "key", 3)
        draining = asyncio.create_task(group.drain())
        await asyncio.sleep(0)
        # while the first one is on its way, and fails
        group.put(count, "key", 4)
        await draining
        assert group.waiting == 2
        rename(lanes, "away", "tenants")
        await group.drain()
        return group

    group = asyncio.run(run())
    assert (sum(counted), group.lost, group.waiting) == (7, 0, 0)
