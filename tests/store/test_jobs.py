"""The table of jobs on each database: leases, retries, and what a killed process leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, select

from runplane.server.core.clock import ManualClock
from runplane.server.jobs.model import LEASE_SECONDS, MAX_ATTEMPTS, RETRY_SECONDS, Job, JobKind
from runplane.server.jobs.store import delete_job, insert_job, lease_job
from runplane.server.jobs.tables import jobs
from runplane.server.jobs.worker import Worker
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit, Units

KIND = "count"


class Table:
    """A database with a table of jobs, and a worker whose work is to be told."""

    def __init__(self, database: Database) -> None:
        self.clock = ManualClock(1_700_000_000)
        self.units = Units(database, Freshness(), self.clock)
        self.lanes = Lanes(self.units)
        self.seen: list[tuple[str, Any]] = []
        self.work: Callable[[Unit, Job], Any] = lambda _, job: job.payload
        kind = JobKind(
            KIND,
            begin=lambda _, job: self.seen.append(("begin", job.attempts)),
            work=self._work,
            finish=lambda _unit, _job, result: self.seen.append(("finish", result)),
            give_up=lambda _, job: self.seen.append(("give up", job.attempts)),
        )
        self.worker = Worker(self.lanes, self.clock, [kind])

    def _work(self, unit: Unit, job: Job) -> Any:
        return self.work(unit, job)

    def add(self, number: int = 1, kind: str = KIND) -> None:
        self.units.write(lambda unit: insert_job(unit, 1, kind, {"number": number}))

    def step(self) -> bool:
        return asyncio.run(self.worker.step())

    def lease(self) -> Job | None:
        return self.units.write(lambda unit: lease_job(unit, [KIND]))

    def left(self) -> int:
        return len(self.units.read(lambda unit: unit.execute(select(jobs.c.id)).all()))


@pytest.fixture
def table(database_url: str) -> Iterator[Table]:
    database = Database(database_url)
    migrate(database)
    made = Table(database)
    values = {"id": 1, "name": "one", "created_at": "2026-01-01T00:00:00.000Z"}
    made.units.write(lambda unit: unit.execute(insert(tenants), values))
    yield made
    made.lanes.close()
    database.close()


def test_jobs_are_done_once_in_the_order_they_came(table: Table) -> None:
    for number in (1, 2):
        table.add(number)
        table.clock.advance(1)
    assert [table.step() for _ in range(3)] == [True, True, False]
    assert [it for what, it in table.seen if what == "finish"] == [{"number": 1}, {"number": 2}]
    assert table.left() == 0


def test_a_job_of_an_unknown_kind_waits_for_a_process_that_knows_it(table: Table) -> None:
    table.add(kind="of a newer release")
    assert not table.step()
    assert (table.seen, table.left()) == ([], 1)


def test_a_leased_job_is_nobody_elses_until_the_lease_runs_out(table: Table) -> None:
    table.add()
    first = table.lease()
    assert first is not None
    assert table.lease() is None
    table.clock.advance(LEASE_SECONDS - 1)
    assert table.lease() is None
    table.clock.advance(1)
    second = table.lease()
    assert second is not None
    assert (second.id, second.attempts) == (first.id, 2)
    assert not table.units.write(lambda unit: delete_job(unit, first)), "its lease was lost"
    assert table.units.write(lambda unit: delete_job(unit, second))


def test_who_looks_at_the_same_moment_takes_another_job(table: Table) -> None:
    for number in range(20):
        table.add(number)

    def take_all(_: int) -> list[str]:
        return [job.id for job in iter(table.lease, None)]

    with ThreadPoolExecutor(4) as processes:
        taken = [it for found in processes.map(take_all, range(4)) for it in found]
    assert len(taken) == len(set(taken)) == 20


def test_who_is_too_slow_stores_nothing(table: Table) -> None:
    def slow(_: Unit, job: Job) -> Any:
        if job.attempts == 1:
            table.clock.advance(LEASE_SECONDS)
            assert table.lease() is not None
        return job.attempts

    table.work = slow
    table.add()
    assert table.step()
    assert table.seen == [("begin", 1)]
    assert table.left() == 1


def test_a_failure_is_tried_again_later_and_in_the_end_given_up(table: Table) -> None:
    def fail(_: Unit, job: Job) -> Any:
        raise ValueError("no")

    table.work = fail
    table.add()
    for attempt in range(MAX_ATTEMPTS):
        assert table.step()
        assert not table.step(), "not at once"
        table.clock.advance(RETRY_SECONDS * 2**attempt)
    assert not table.step()
    assert table.seen == [("begin", 1), ("begin", 2), ("begin", 3), ("give up", 3)]
    assert table.left() == 0


def test_a_job_that_kills_its_process_is_given_up(table: Table) -> None:
    table.add()
    for _ in range(MAX_ATTEMPTS):
        assert table.lease() is not None
        table.clock.advance(LEASE_SECONDS)
    assert not table.step()
    assert table.seen == [("give up", MAX_ATTEMPTS + 1)]
    assert table.left() == 0


def test_a_finish_that_fails_leaves_the_job(table: Table) -> None:
    table.add()
    bad = {"number": 2}

    def finish(_: Unit, job: Job, result: Any) -> None:
        raise ValueError(str(result))

    def ignore(_: Unit, job: Job) -> None:
        pass

    kind = JobKind(KIND, begin=ignore, work=lambda *_: bad, finish=finish, give_up=ignore)
    worker = Worker(table.lanes, table.clock, [kind])
    with pytest.raises(ValueError, match="number"):
        asyncio.run(worker.step())
    assert table.left() == 1
    table.clock.advance(LEASE_SECONDS)
    assert table.step()
    assert table.seen == [("begin", 2), ("finish", {"number": 1})]


def test_a_worker_stops_when_told_and_finishes_what_it_works_on(table: Table) -> None:
    def work(_: Unit, job: Job) -> Any:
        table.worker.stop()
        return job.payload

    table.work = work
    table.add(1)
    # of the same moment either may come first
    table.clock.advance(1)
    table.add(2)
    asyncio.run(asyncio.wait_for(table.worker.run(), 20))
    assert table.seen == [("begin", 1), ("finish", {"number": 1})]
    assert table.left() == 1
