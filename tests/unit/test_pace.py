"""A tenant's part of the time: in a loop whose clock moves only when everybody waits, or computes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core import pace as pace_module
from runplane.server.core.errors import Unavailable
from runplane.server.core.pace import (
    AHEAD_SECONDS,
    BILL,
    CROWD_PERCENT,
    LONGEST_SECONDS,
    MAX_ACCOUNTS,
    PART,
    PATIENCE_SECONDS,
    Bill,
    Pace,
    spend,
)
from runplane.server.core.turns import CURRENT, SHARED_SECONDS, Share, agents_of, callers_of

T = TypeVar("T")

A, B = callers_of(1), callers_of(2)
CROWD_PART = CROWD_PERCENT / 100
# what the loop really computes here, and rounding
SLACK = 0.02


class World(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self) -> None:
        self.at = 1000.0
        super().__init__()
        wait = self._selector.select  # type: ignore[attr-defined]

        def select(timeout: float | None) -> Any:
            self.at += timeout or 0.0
            return wait(0)

        self._selector.select = select  # type: ignore[attr-defined]
        self.pace = Pace(now=self.time)

    def time(self) -> float:
        return self.at

    def compute(self, seconds: float) -> None:
        """Let time go by as if the request had used it."""
        self.at += seconds
        bill = BILL.get()
        if bill is not None:
            bill.spent += seconds

    async def ask(self, share: Share, cost: float = 0.0, stranger: bool = False, source: str = "") -> float:
        """One request; returns how long it had to wait."""

        async def serve() -> float:
            self.pace.comes_from(source)
            came = self.at
            await self.pace.enter(share, stranger=stranger)
            waited = self.at - came
            self.compute(cost)
            return waited

        several = self.pace.neighbours.several
        return await (self.pace.count(serve()) if several else serve())

    async def loop_of(self, share: Share, cost: float, until: float, pause: float = 0.0) -> list[float]:
        """Requests one after the other; how long each had to wait."""
        waited: list[float] = []
        while self.at < until:
            waited.append(await self.ask(share, cost))
            await asyncio.sleep(pause)
        return waited


@contextmanager
def world() -> Iterator[World]:
    made = World()
    try:
        yield made
    finally:
        made.close()


def play(scene: Callable[[World], Coroutine[Any, Any, T]]) -> T:
    with world() as made:
        return made.run_until_complete(scene(made))


async def both_call(it: World) -> None:
    for share in (A, B):
        await it.ask(share)


@given(st.integers(1, 20), st.floats(0.0001, 0.05))
def test_a_tenant_that_is_alone_never_waits(connections: int, cost: float) -> None:
    async def scene(it: World) -> int:
        loops = [it.loop_of(A, cost, it.at + 2.0) for _ in range(connections)]
        await asyncio.gather(*loops)
        # its agents and strangers at its door are no neighbours
        await it.ask(agents_of(1))
        await it.ask(A, stranger=True)
        return it.pace.waits

    assert play(scene) == 0


@given(st.integers(4, 20), st.lists(st.floats(0.0001, 0.02), min_size=1, max_size=4))
def test_a_crowd_has_its_part_and_who_keeps_to_its_own_does_not_wait(
    connections: int, costs: list[float]
) -> None:
    async def scene(it: World) -> tuple[float, float, list[float]]:
        await both_call(it)
        began, used = it.at, 0.0

        async def crowd(cost: float, until: float) -> None:
            nonlocal used
            while it.at < until:
                await it.ask(A, cost)
                used += cost
                await asyncio.sleep(0)

        until = began + 5.0
        loops = [crowd(costs[number % len(costs)], until) for number in range(connections)]
        quiet = it.loop_of(B, 0.001, until, pause=0.01)
        *_, waited = await asyncio.gather(*loops, quiet)
        return used, it.at - began, waited

    used, seconds, waited = play(scene)
    # now and then one comes just when all others have been answered
    room = (seconds + AHEAD_SECONDS) * CROWD_PART * 1.2 + (connections + 1) * max(costs)
    assert used <= room + SLACK
    assert max(waited) == 0


@pytest.mark.parametrize("share", [A, agents_of(1)])
def test_request_after_request_has_half_and_agents_have_it_in_any_case(share: Share) -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        began, many = it.at, 1 if share == A else 10
        loops = [it.loop_of(share, 0.01, began + 5.0) for _ in range(many)]
        return sum(len(it) for it in await asyncio.gather(*loops)) * 0.01

    assert play(scene) == pytest.approx(5.0 * PART, abs=AHEAD_SECONDS * PART + 0.12)


def test_nobody_waits_once_the_neighbour_is_gone() -> None:
    async def scene(it: World) -> list[float]:
        await both_call(it)
        await it.loop_of(A, 0.01, it.at + 1)
        assert it.pace.waits
        await asyncio.sleep(SHARED_SECONDS)
        return await it.loop_of(A, 0.01, it.at + 1)

    # the last that it had used while there was one
    first, *later = play(scene)
    assert first < 0.1
    assert max(later) == 0


def test_a_long_request_does_not_shut_its_tenant_out() -> None:
    async def scene(it: World) -> list[float]:
        waited: list[float] = []
        await both_call(it)
        for _ in range(5):
            # side by side, so that the time they take is not made up for meanwhile
            await asyncio.gather(*(it.ask(A, 3.0) for _ in range(3)))
            await it.ask(B)
            waited.append(await it.ask(A))
        return waited

    assert max(play(scene)) <= 3 * LONGEST_SECONDS / CROWD_PART


def test_who_would_wait_too_long_is_refused_and_told_when_to_come_again() -> None:
    async def scene(it: World) -> tuple[list[Any], float]:
        await both_call(it)
        asked = [it.ask(A, 0.05) for _ in range(1000)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        return found, await it.ask(B)

    found, neighbour = play(scene)
    refused = [it for it in found if isinstance(it, Unavailable)]
    assert refused
    assert {it.retry_after for it in refused} == {PATIENCE_SECONDS + 1}
    assert max(it for it in found if isinstance(it, float)) <= PATIENCE_SECONDS
    assert neighbour == 0


def test_strangers_use_up_only_what_is_theirs() -> None:
    async def scene(it: World) -> list[float]:
        await both_call(it)
        flood = [it.ask(A, 0.01, stranger=True, source="192.0.2.1") for _ in range(100)]
        await asyncio.gather(*flood)
        assert it.pace.waits
        return [
            await it.ask(A),
            await it.ask(A, stranger=True, source="192.0.2.2"),
            await it.ask(B, stranger=True, source="192.0.2.1"),
        ]

    assert play(scene) == [0, 0, 0]


def test_a_request_that_is_given_up_while_it_waits_costs_nothing() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        for _ in range(50):
            await it.ask(A, 0.01)
        waiting = [asyncio.ensure_future(it.ask(A, 0.01)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await it.ask(A)

    assert play(scene) <= 0.01 / PART + SLACK


def test_only_so_many_accounts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "MAX_ACCOUNTS", 100)
    assert MAX_ACCOUNTS > 100

    async def scene(it: World) -> int:
        await both_call(it)
        for number in range(1000):
            await it.ask(A, 0.001, stranger=True, source=f"192.0.{number // 250}.{number % 250}")
        return len(it.pace._accounts)

    assert play(scene) <= 100


def test_a_hundred_percent_is_all_there_is() -> None:
    async def scene(it: World) -> int:
        it.pace = Pace(100, now=it.time)
        await both_call(it)
        await asyncio.gather(*(it.loop_of(A, 0.001, it.at + 1) for _ in range(5)))
        return it.pace.waits

    assert play(scene) == 0


def test_what_is_counted_is_awaited_like_any_coroutine() -> None:
    bills: list[Bill | None] = []

    async def work(end: Any) -> Any:
        bills.append(BILL.get())
        try:
            await asyncio.sleep(0)
            CURRENT.get()
            if isinstance(end, BaseException):
                raise end
        except asyncio.CancelledError:
            return "cancelled"
        return await asyncio.wait_for(asyncio.sleep(0, end), 1)

    async def scene(it: World) -> None:
        assert await it.pace.count(work("done")) == "done"
        with pytest.raises(KeyError):
            await it.pace.count(work(KeyError("it")))

        async def counted() -> Any:
            return await it.pace.count(work("late"))

        task = asyncio.ensure_future(counted())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == "cancelled"

    play(scene)
    assert len({id(it) for it in bills}) == 3
    assert all(it is not None and it.spent > 0 for it in bills)


def test_a_thread_puts_down_what_it_computes_and_not_what_it_waits() -> None:
    def job() -> int:
        return sum(range(200_000))

    assert spend(job) == job()
    bill = Bill()
    token = BILL.set(bill)
    try:
        spend(job)
        computed = bill.spent
        with pytest.raises(ZeroDivisionError):
            spend(lambda: 1 // 0)
    finally:
        BILL.reset(token)
    assert 0.0005 < computed < 1
    assert bill.spent > computed
