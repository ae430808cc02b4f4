"""Units that name the same key take turns; others do not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from runplane.server.core.clock import SystemClock
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import migrate
from runplane.server.sql.unit import Units


@pytest.mark.parametrize(("second", "waits"), [("one", True), ("two", False)])
def test_units_of_one_key_take_turns(
    postgres_database: Callable[..., str], second: str, *, waits: bool
) -> None:
    database = Database(postgres_database())
    migrate(database)
    units = Units(database, Freshness(), SystemClock())
    holding, entered, leave = threading.Event(), threading.Event(), threading.Event()

    def hold(unit: Any) -> None:
        unit.take_turns("one")
        holding.set()
        assert leave.wait(20)

    def follow(unit: Any) -> None:
        unit.take_turns(second)
        entered.set()

    first = threading.Thread(target=units.write, args=(hold,))
    other = threading.Thread(target=units.write, args=(follow,))
    first.start()
    assert holding.wait(20)
    other.start()
    try:
        assert entered.wait(0.3 if waits else 20) is not waits
    finally:
        leave.set()
        first.join()
        other.join()
    assert entered.is_set()
    database.close()
