"""Remembered numbers: counted once while a tenant stays as it is, and never wrong after a change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from runplane.server.authz.tables import scope_nodes
from runplane.server.core.clock import SystemClock
from runplane.server.core.errors import NotFound
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import migrate
from runplane.server.sql.schema import tenants
from runplane.server.sql.tallies import KEPT, Tallies
from runplane.server.sql.unit import Unit, Units


class Counter:
    """A server process, and how often it has really counted."""

    def __init__(self, database_url: str) -> None:
        self.database = Database(database_url)
        migrate(self.database)
        self.units = Units(self.database, Freshness(), SystemClock())
        self.counts = 0

    def add(self, unit: Unit, ref: str) -> None:
        row = {"type": "x", "ref": ref, "tenant_id": 1, "name": ref, "path": f"/1/{ref}/"}
        unit.execute(insert(scope_nodes), row)
        unit.changed(1)

    def count(self, unit: Unit) -> int:
        def really() -> int:
            self.counts += 1
            return unit.execute(select(func.count()).select_from(scope_nodes)).scalar_one()

        return unit.tally(1, "nodes", really)

    def look(self) -> int:
        return self.units.read(self.count)


@pytest.fixture
def servers(database_url: str) -> Iterator[tuple[Counter, Counter]]:
    """Two servers on one database that has a tenant."""
    made = Counter(database_url), Counter(database_url)
    made[0].units.write(
        lambda unit: unit.execute(insert(tenants), {"id": 1, "name": "t", "created_at": unit.now})
    )
    yield made
    for server in made:
        server.database.close()


def test_a_number_is_counted_once_while_nothing_changes(servers: tuple[Counter, Counter]) -> None:
    here, _ = servers
    here.units.write(lambda unit: here.add(unit, "a"))
    assert [here.look() for _ in range(3)] == [1, 1, 1]
    assert here.counts == 1


def test_a_change_by_another_server_is_seen_at_once(servers: tuple[Counter, Counter]) -> None:
    here, there = servers
    assert here.look() == 0
    there.units.write(lambda unit: there.add(unit, "a"))
    assert (here.look(), there.look()) == (1, 1)
    assert here.counts == 2


def test_a_unit_that_changed_something_counts_for_itself(servers: tuple[Counter, Counter]) -> None:
    here, _ = servers

    def cut(unit: Unit) -> None:
        here.add(unit, "a")
        assert here.count(unit) == 1
        raise NotFound("taken back")

    assert here.look() == 0
    with pytest.raises(NotFound):
        here.units.write(cut)
    assert here.look() == 0


def test_tenants_do_not_share_numbers(servers: tuple[Counter, Counter]) -> None:
    here, _ = servers

    def job(unit: Unit) -> tuple[int, int, int]:
        unit.execute(update(tenants).values(version=7))
        unit.execute(insert(tenants), {"id": 2, "name": "u", "created_at": unit.now, "version": 7})
        return tuple(
            unit.tally(tenant, "x", lambda n=number: n) for tenant, number in ((1, 3), (2, 4), (1, 5))
        )  # type: ignore[return-value]

    assert here.units.write(job) == (3, 4, 3)


@given(st.lists(st.tuples(st.integers(0, KEPT + 50), st.integers(0, 3)), max_size=200))
def test_only_the_number_of_the_version_asked_for_is_recalled(steps: list[tuple[int, int]]) -> None:
    tallies = Tallies()
    kept: dict[int, tuple[int, int]] = {}
    for number, (key, version) in enumerate(steps):
        have = kept.get(key)
        assert tallies.recall(key, version) == (have[1] if have and have[0] == version else None)
        tallies.keep(key, version, number)
        kept[key] = (version, number)


def test_old_numbers_make_room() -> None:
    tallies = Tallies()
    for key in range(KEPT):
        tallies.keep(key, 1, key)
    assert tallies.recall(0, 1) == 0
    tallies.keep("new", 1, 1)
    assert (tallies.recall(0, 1), tallies.recall(1, 1), tallies.recall(2, 1)) == (0, None, 2)
