"""Quick reads of PostgreSQL on the event loop (sql/looks)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import psycopg
import pytest
import uvloop
from sqlalchemy import bindparam, func, select, text

from runplane.server.core.clock import SystemClock
from runplane.server.core.errors import NotFound, Unavailable
from runplane.server.core.turns import CURRENT, callers_of
from runplane.server.sql import looks
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Units

T = TypeVar("T")

PID = Prepared(select(func.pg_backend_pid()))
SLEEP = Prepared(select(func.pg_backend_pid(), func.pg_sleep(bindparam("seconds"))))
CALLERS = callers_of(1)
OTHERS = callers_of(2)


@pytest.fixture
def url(postgres_database: Callable[..., str]) -> str:
    return postgres_database().replace("+psycopg", "")


@pytest.fixture
def run(url: str) -> Callable[[Callable[[Lanes], Awaitable[T]]], T]:
    """Runs a test over the lanes of a new loop, of the kind that the server has."""

    def in_loop(test: Callable[[Lanes], Awaitable[T]]) -> T:
        async def main() -> T:
            async with started(url) as lanes:
                return await test(lanes)

        return uvloop.run(main())

    return in_loop


@asynccontextmanager
async def started(url: str) -> AsyncGenerator[Lanes]:
    database = Database(url)
    lanes = Lanes(Units(database, Freshness(), SystemClock()))
    database.watch()
    lanes.start()
    try:
        yield lanes
    finally:
        lanes.close()
        database.close()


def pid(reader: Reader) -> int:
    return int(reader.scalar(PID, {}))


def sleep(reader: Reader, seconds: float = 0.2) -> int:
    return int(reader.scalar(SLEEP, {"seconds": seconds}))


Run = Callable[[Callable[[Lanes], Awaitable[object]]], object]


def test_a_read_that_waits_holds_up_neither_the_loop_nor_other_reads(run: Run) -> None:
    async def test(lanes: Lanes) -> None:
        pids = await asyncio.gather(*(lanes.look(sleep) for _ in range(looks.SESSIONS)))
        assert len(set(pids)) == looks.SESSIONS
        ticks = 0
        reading = asyncio.ensure_future(lanes.look(lambda reader: sleep(reader, 0.5)))
        while not reading.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 10

    run(test)


def test_one_after_another_share_a_session(run: Run) -> None:
    async def test(lanes: Lanes) -> None:
        assert len({await lanes.look(pid) for _ in range(10)}) == 1

    run(test)


def test_a_refusal_of_the_job_is_its_own(run: Run) -> None:
    def refuse(reader: Reader) -> None:
        pid(reader)
        raise NotFound("nothing is here")

    async def test(lanes: Lanes) -> None:
        before = await lanes.look(pid)
        with pytest.raises(NotFound, match="nothing is here"):
            await lanes.look(refuse)
        assert await lanes.look(pid) == before

    run(test)


def test_what_tries_to_write_is_a_mistake_and_no_outage(run: Run) -> None:
    write = Prepared(text("CREATE TABLE not_here (id int)"))

    async def test(lanes: Lanes) -> None:
        unit = await lanes.read(pid)
        with pytest.raises(RuntimeError, match="tried to write"):
            await lanes.look(lambda reader: reader.one(write, {}))
        with pytest.raises(RuntimeError, match="tried to write"):
            await lanes.read(lambda reader: reader.one(write, {}))
        assert await lanes.read(pid) != unit
        assert await lanes.look(pid)

    run(test)


def kill(url: str, number: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT pg_terminate_backend(%s)", [number]).fetchone() == (True,)


def test_a_session_that_ended_while_nobody_used_it_is_left(run: Run, url: str) -> None:
    async def test(lanes: Lanes) -> None:
        unit, before = await lanes.read(pid), await lanes.look(pid)
        opened = lanes.units.database.connections
        await asyncio.to_thread(kill, url, before)
        for _ in range(500):
            await asyncio.sleep(0.01)
            if await lanes.look(pid) != before:
                break
        assert await lanes.look(pid) != before
        # noticed by the loop itself: no other session is suspected, and none is left behind
        assert await lanes.read(pid) == unit
        assert lanes.units.database.connections == opened

    run(test)


def test_a_session_that_ends_in_the_middle_is_no_harm(run: Run, url: str) -> None:
    async def test(lanes: Lanes) -> None:
        before = await lanes.look(pid)
        reading = asyncio.ensure_future(lanes.look(lambda reader: sleep(reader, 1.0)))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(kill, url, before)
        # done again by a thread
        assert await reading != before
        assert await lanes.look(pid) != before
        assert lanes.inside()["read", "callers"] == 0

    run(test)


def test_who_gives_up_in_the_middle_leaves_no_statement_behind(run: Run) -> None:
    async def test(lanes: Lanes) -> None:
        before = await lanes.look(pid)
        many = [asyncio.ensure_future(lanes.look(lambda reader: sleep(reader, 5.0))) for _ in range(20)]
        await asyncio.sleep(0.2)
        for it in many:
            it.cancel()
        assert all(
            isinstance(it, asyncio.CancelledError)
            for it in await asyncio.gather(*many, return_exceptions=True)
        )
        assert lanes.inside()["read", "callers"] == 0
        after = await asyncio.wait_for(asyncio.gather(*(lanes.look(pid) for _ in range(20))), 4)
        assert before not in after

    run(test)


def test_who_gives_up_while_a_session_is_opened_leaves_it_to_others(run: Run) -> None:
    async def test(lanes: Lanes) -> None:
        first = asyncio.ensure_future(lanes.look(pid))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        opened = lanes.units.database.connections
        for _ in range(500):
            await asyncio.sleep(0.01)
            if lanes.units.database.connections > opened:
                break
        await asyncio.sleep(0.05)
        assert await lanes.look(pid)
        assert lanes.units.database.connections == opened + 1

    run(test)


def test_shares_take_turns(run: Run) -> None:
    done: list[str] = []

    async def read(lanes: Lanes, name: str) -> None:
        await lanes.look(lambda reader: sleep(reader, 0.01))
        done.append(name)

    async def test(lanes: Lanes) -> None:
        CURRENT.set(CALLERS)
        crowd = [asyncio.create_task(read(lanes, "crowd")) for _ in range(80)]
        await asyncio.sleep(0)
        CURRENT.set(OTHERS)
        single = [asyncio.create_task(read(lanes, "single")) for _ in range(2)]
        await asyncio.gather(*crowd, *single)
        # behind those that ran, and one of the crowd between
        assert [at for at, name in enumerate(done) if name == "single"][-1] <= 4 * looks.SESSIONS

    run(test)


def test_a_crowd_is_refused_and_others_are_not(run: Run) -> None:
    async def test(lanes: Lanes) -> None:
        CURRENT.set(CALLERS)
        crowd = [asyncio.ensure_future(lanes.look(lambda reader: sleep(reader, 0.002))) for _ in range(600)]
        await asyncio.sleep(0)
        CURRENT.set(OTHERS)
        assert await lanes.look(pid)
        ended = await asyncio.gather(*crowd, return_exceptions=True)
        refused = [it for it in ended if isinstance(it, Unavailable)]
        assert len(refused) == 600 - 384 - looks.SESSIONS
        assert not [it for it in ended if isinstance(it, Exception) and not isinstance(it, Unavailable)]

    run(test)


def test_without_a_server_a_read_says_so(postgres_database: Callable[..., str]) -> None:
    url = postgres_database().replace("+psycopg", "")

    async def main() -> None:
        async with started(url) as lanes:
            assert await lanes.look(pid)
            database = url.rpartition("/")[2]
            with psycopg.connect(url.replace(database, "postgres"), autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
            with pytest.raises(Unavailable):
                await lanes.look(pid)
            with pytest.raises(Unavailable):
                await lanes.look(pid)

    uvloop.run(main())
