"""Two who move one scope at the same moment: the second finds it where the first has put it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from runplane.server.authz import tree
from runplane.server.core.clock import SystemClock
from runplane.server.core.scope import ScopeType
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


def test_moves_of_one_scope_follow_each_other(units: Units) -> None:
    def build(unit: Unit) -> None:
        unit.execute(insert(tenants), {"id": 1, "name": "t", "created_at": unit.now, "version": 0})
        for ref in ("7", "8", "9"):
            tree.add(unit, 1, ScopeType.DEPARTMENT, ref, ref, "/1/c/")
        tree.add(unit, 1, ScopeType.PROJECT, "42", "p", "/1/c/d7/")

    units.write(build)
    moved = threading.Event()

    def first() -> None:
        def job(unit: Unit) -> None:
            tree.move(unit, 1, ScopeType.PROJECT, "42", "/1/c/d8/")
            moved.set()
            # long enough for the second to have read what it is about to change
            threading.Event().wait(0.3)

        units.write(job)

    def second() -> None:
        moved.wait(5)
        units.write(lambda unit: tree.move(unit, 1, ScopeType.PROJECT, "42", "/1/c/d9/"))

    threads = [threading.Thread(target=it) for it in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    node = units.read(lambda unit: tree.find(unit, 1, ScopeType.PROJECT, "42"))
    assert node is not None
    assert node.path == "/1/c/d9/p42/"
