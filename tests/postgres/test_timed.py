"""How long PostgreSQL works is put down to the request that it works for (sql/timed)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import bindparam, func, select

from runplane.server.core.clock import SystemClock
from runplane.server.core.pace import BILL, Bill
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.prepared import Prepared
from runplane.server.sql.unit import Unit, Units

SLEEP = Prepared(select(func.pg_sleep(bindparam("seconds"))))
SECONDS = 0.1


@pytest.fixture
def units(postgres_database: Callable[..., str]) -> Iterator[Units]:
    database = Database(postgres_database().replace("+psycopg", ""))
    yield Units(database, Freshness(), SystemClock())
    database.close()


@pytest.fixture
def bill() -> Iterator[Bill]:
    made = Bill()
    token = BILL.set(made)
    yield made
    BILL.reset(token)


def sleep(unit: Unit) -> None:
    unit.one(SLEEP, {"seconds": SECONDS})


def nothing(unit: Unit) -> None:
    unit.one(SLEEP, {"seconds": 0.0})


def test_a_read_counts_what_it_took_beyond_the_quickest(units: Units, bill: Bill) -> None:
    units.read(nothing)
    before = bill.spent
    units.read(sleep)
    assert bill.spent - before > SECONDS * 0.9


def test_the_way_there_and_back_is_not_counted(units: Units, bill: Bill) -> None:
    counted: list[float] = []
    took: list[float] = []
    for _ in range(200):
        began, before = time.perf_counter(), bill.spent
        units.read(nothing)
        took.append(time.perf_counter() - began)
        counted.append(bill.spent - before)
    # a busy machine holds up some of them, so those count that it did not
    assert sorted(counted)[50] < sorted(took)[50] / 4


def test_a_write_counts_nothing_of_its_waiting(units: Units, bill: Bill) -> None:
    units.write(sleep)
    assert bill.spent == 0


def test_without_a_bill_nothing_is_counted(units: Units) -> None:
    units.read(sleep)
    assert BILL.get() is None
