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
from runplane.server.core.pace import (
    AGENTS_PERCENT,
    AHEAD_SECONDS,
    BILL,
    CROWD_PERCENT,
    DEBT_SECONDS,
    MAX_ACCOUNTS,
    MOST_INSIDE,
    MOST_WAITING,
    PATIENCE_SECONDS,
    SEQUENCE_PERCENT,
    Bill,
    Pace,
    Paced,
    spend,
)
from runplane.server.core.turns import CURRENT, SHARED_SECONDS, Share, agents_of, callers_of
from runplane.server.settings.limits import LimitSettings

T = TypeVar("T")

A, B = callers_of(1), callers_of(2)
CROWD_PART = CROWD_PERCENT / 100
# what can be used until it is noticed that many ask, because their requests do not meet at first
UNNOTICED = AHEAD_SECONDS / (100 / SEQUENCE_PERCENT - 1)
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

    def begin(self, job: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A request that goes on by itself, on a connection of its own."""

        async def request() -> T:
            return await self.pace.count(job, object())

        return self.create_task(request())

    async def ask(
        self, share: Share, cost: float = 0.0, stranger: bool = False, source: str = "", line: Any = None
    ) -> float:
        """One request, on a connection of its own unless given; returns how long it had to wait."""

        async def serve() -> float:
            self.pace.comes_from(source)
            came = self.at
            await (self.pace.enter_stranger(share) if stranger else self.pace.enter(share))
            waited = self.at - came
            self.compute(cost)
            return waited

        return await self.pace.count(serve(), line or object())

    async def loop_of(self, share: Share, cost: float, until: float, pause: float = 0.0) -> list[float]:
        """Requests one after the other; how long each had to wait."""
        waited: list[float] = []
        line = object()
        while self.at < until:
            waited.append(await self.ask(share, cost, line=line))
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
    room = UNNOTICED + seconds * CROWD_PART * 1.2 + (connections + 1) * max(costs)
    assert used <= room + SLACK
    assert max(waited) == 0


@given(st.floats(0.0001, 0.2))
def test_one_client_that_asks_for_one_thing_after_the_other_is_not_held_up(cost: float) -> None:
    async def scene(it: World) -> int:
        await both_call(it)
        began = it.at
        while it.at < began + 2:
            await it.ask(B)
            # its request and the answer have to travel too
            await it.loop_of(A, cost, it.at + 0.3, pause=cost / 2)
        return it.pace.waits

    assert play(scene) == 0


def test_quick_requests_of_many_connections_are_a_crowd_although_they_never_meet() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        # each is done before the loop sees the next
        loops = [it.loop_of(A, 0.0001, it.at + 5) for _ in range(16)]
        return sum(len(it) for it in await asyncio.gather(*loops)) * 0.0001

    # nothing is used unnoticed
    assert play(scene) <= (5 + AHEAD_SECONDS) * CROWD_PART * 1.25


def test_a_long_read_counts_as_one_in_a_crowd() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        used, began, line = 0.0, it.at, object()

        async def long() -> None:
            await it.pace.enter(A)
            spend(lambda: it.compute(0.002), reading=True)

        while it.at < began + 5:
            await it.pace.count(long(), line)
            used += 0.002
            await asyncio.sleep(0.001)
        return used

    assert play(scene) <= (5 + AHEAD_SECONDS) * CROWD_PART * 1.1


def test_agents_have_half() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        loops = [it.loop_of(agents_of(1), 0.01, it.at + 5.0) for _ in range(10)]
        return sum(len(it) for it in await asyncio.gather(*loops)) * 0.01

    part = AGENTS_PERCENT / 100
    assert 5.0 * part <= play(scene) <= 5.0 * part + UNNOTICED + 0.1


def test_nobody_waits_once_the_neighbour_is_gone() -> None:
    async def scene(it: World) -> list[float]:
        await both_call(it)
        await asyncio.gather(*(it.loop_of(A, 0.01, it.at + 1) for _ in range(5)))
        assert it.pace.waits
        await asyncio.sleep(SHARED_SECONDS)
        found = await asyncio.gather(*(it.loop_of(A, 0.01, it.at + 1) for _ in range(5)))
        return [waited for them in found for waited in them]

    assert max(play(scene)) == 0


@given(st.integers(1, 200), st.floats(0.01, 5.0))
def test_a_burst_of_long_requests_keeps_its_tenant_out_for_seconds_only(many: int, cost: float) -> None:
    async def scene(it: World) -> tuple[list[Any], list[Any]]:
        await both_call(it)

        async def long() -> None:
            # a thread computes, and the loop goes on
            await it.pace.enter(A)
            await asyncio.sleep(cost)
            bill = BILL.get()
            assert bill is not None
            bill.spent += cost

        burst = [it.begin(long()) for _ in range(many)]
        await asyncio.sleep(PATIENCE_SECONDS)
        others = []
        for _ in range(5):
            await it.ask(B)
            began = it.at
            others.append(await asyncio.gather(it.ask(A), return_exceptions=True))
            await asyncio.sleep(max(0.0, began + 1 - it.at))
        return await asyncio.gather(*burst, return_exceptions=True), [it for them in others for it in them]

    burst, others = play(scene)
    assert {type(it) for it in burst} <= {type(None), Paced}
    # what was let in by then has to end, and a second of debt
    longest = DEBT_SECONDS + cost + 0.1
    assert all(it <= longest for it in others if isinstance(it, float))
    if longest < PATIENCE_SECONDS:
        assert Paced not in {type(it) for it in others}


def test_what_is_let_in_before_its_cost_is_known_is_bounded() -> None:
    async def scene(it: World) -> int:
        await both_call(it)
        # cheap ones before, so that the guess is as low as it gets
        await it.loop_of(A, 0.00001, it.at + 0.1, pause=0.001)
        inside = most = 0

        async def long() -> None:
            nonlocal inside, most
            await it.pace.enter(A)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(1)
            inside -= 1

        found = await asyncio.gather(
            *(it.begin(long()) for _ in range(100)),
            return_exceptions=True,
        )
        assert {type(it) for it in found} <= {type(None), Paced}
        return most

    assert play(scene) == MOST_INSIDE


def test_who_waits_is_let_in_as_soon_as_less_was_used_than_reserved() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        account = it.pace._open(A, A)
        account.usual = 0.06

        async def reading(cost: float, seconds: float) -> None:
            await it.pace.enter(A)
            await asyncio.sleep(seconds)
            bill = BILL.get()
            assert bill is not None
            bill.spent += cost

        asked = [reading(0.05, 0.005), reading(0.0001, 0.02)]
        inside = [it.begin(job) for job in asked]
        await asyncio.sleep(0)
        account.paid_at += 0.25
        waited = await it.ask(A, 0.0001)
        await asyncio.gather(*inside)
        return waited

    assert play(scene) < 0.4


def test_those_that_gave_up_do_not_fill_the_line() -> None:
    async def scene(it: World) -> float:
        await both_call(it)

        async def slow() -> None:
            await it.pace.enter(A)
            await asyncio.sleep(9)

        held = [it.begin(slow()) for _ in range(MOST_INSIDE)]
        await asyncio.sleep(0.01)
        gone = [asyncio.ensure_future(it.ask(A)) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0.01)
        for task in gone:
            task.cancel()
        await asyncio.sleep(5)
        await it.ask(B)
        waited = await it.ask(A)
        await asyncio.gather(*held, *gone, return_exceptions=True)
        return waited

    assert 3 < play(scene) < PATIENCE_SECONDS


def test_who_waits_for_something_else_holds_no_place() -> None:
    async def scene(it: World) -> float:
        await both_call(it)

        async def refused() -> None:
            await it.pace.enter(A)
            it.pace.leave()
            await asyncio.sleep(3)

        held = [it.begin(refused()) for _ in range(100)]
        await asyncio.sleep(0.2)
        waited = await it.ask(A)
        await asyncio.gather(*held)
        return waited

    assert play(scene) < 0.5


def test_who_has_proved_it_late_pays_without_waiting() -> None:
    async def scene(it: World) -> tuple[float, float]:
        await both_call(it)

        async def sign_in(source: int) -> None:
            it.pace.comes_from(f"192.0.2.{source}")
            await it.pace.enter_stranger(A)
            it.compute(0.05)
            it.pace.proved(A)

        for number in range(20):
            await it.pace.count(sign_in(number), number)
        assert it.pace.waits == 0
        return await it.ask(A), await it.ask(B)

    mine, neighbours = play(scene)
    assert 0 < mine <= DEBT_SECONDS
    assert neighbours == 0


def test_who_would_wait_too_long_is_refused() -> None:
    async def scene(it: World) -> tuple[list[Any], float, float]:
        await both_call(it)
        began = it.at
        found = await asyncio.gather(*(it.ask(A, 0.05) for _ in range(1000)), return_exceptions=True)
        return found, it.at - began, await it.ask(B)

    found, took, neighbour = play(scene)
    refused = [it for it in found if isinstance(it, Paced)]
    assert len(refused) >= 1000 - MOST_WAITING - MOST_INSIDE - 20
    assert {it.retry_after for it in refused} == {PATIENCE_SECONDS}
    assert all(isinstance(it, (float, Paced)) for it in found)
    assert took <= PATIENCE_SECONDS + 1
    assert neighbour == 0


def test_strangers_use_up_only_what_is_theirs() -> None:
    async def scene(it: World) -> list[float]:
        await both_call(it)
        flood = [it.ask(A, 0.01, stranger=True, source="192.0.2.1") for _ in range(100)]
        await asyncio.gather(*flood, return_exceptions=True)
        assert it.pace.waits
        return [
            await it.ask(A),
            await it.ask(A, stranger=True, source="192.0.2.2"),
            await it.ask(B, stranger=True, source="192.0.2.1"),
        ]

    assert play(scene) == [0, 0, 0]


def test_strangers_do_not_make_others_wait_for_a_neighbour() -> None:
    async def scene(it: World) -> int:
        for _ in range(20):
            await it.ask(A)
            await it.ask(B, stranger=True, source="192.0.2.1")
        return it.pace.neighbours.several

    assert not play(scene)


def test_who_has_proved_to_be_of_a_tenant_pays_with_its_part() -> None:
    async def scene(it: World) -> tuple[float, float]:
        await both_call(it)

        async def token(source: int) -> None:
            it.pace.comes_from(f"192.0.2.{source}")
            await it.pace.enter_stranger(A)
            it.compute(0.0001)
            await it.pace.enter(A)
            it.compute(0.0009)

        async def calls(source: int, until: float) -> None:
            nonlocal done
            while it.at < until:
                await it.pace.count(token(source), source)
                done += 1
                await asyncio.sleep(0)

        done, began = 0, it.at
        await asyncio.gather(*(calls(number, began + 5) for number in range(20)))
        return done * 0.0009, it.at - began

    used, seconds = play(scene)
    assert used <= UNNOTICED + seconds * CROWD_PART * 1.2 + 0.05


def test_a_request_that_is_given_up_while_it_waits_costs_nothing() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        await asyncio.gather(*(it.ask(A, 0.01) for _ in range(MOST_INSIDE)))
        waiting = [asyncio.ensure_future(it.ask(A, 0.01)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert {account.inside for account in it.pace._accounts.values()} == {0}
        return await it.ask(A)

    assert play(scene) <= 0.02 / CROWD_PART


def test_a_request_that_follows_another_on_its_connection_has_a_bill_of_its_own() -> None:
    async def scene(it: World) -> None:
        await both_call(it)
        await it.ask(A)
        first = BILL.get()
        assert first is not None
        await asyncio.sleep(SHARED_SECONDS)
        seen: list[Bill | None] = []

        async def look() -> None:
            seen.append(BILL.get())

        await it.pace.count(look(), object())
        assert seen == [None]

    play(scene)


def test_only_so_many_accounts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "MAX_ACCOUNTS", 100)
    assert MAX_ACCOUNTS > 100

    async def scene(it: World) -> int:
        await both_call(it)
        for number in range(1000):
            await it.ask(A, 0.001, stranger=True, source=f"192.0.{number // 250}.{number % 250}")
        return len(it.pace._accounts)

    assert play(scene) <= 100


def test_an_account_is_kept_while_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "MAX_ACCOUNTS", 3)

    async def scene(it: World) -> bool:
        await both_call(it)

        async def slow() -> None:
            await it.pace.enter(A)
            await asyncio.sleep(5)

        held = it.begin(slow())
        await asyncio.sleep(1)
        account = it.pace._accounts[A]
        for number in range(10):
            await it.ask(B, stranger=True, source=f"192.0.2.{number}")
        await held
        return it.pace._accounts[A] is account

    assert play(scene)


def test_who_had_to_wait_beside_another_is_of_a_crowd_even_when_that_is_gone() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        account = it.pace._open(A, A)
        parts: list[float] = []

        async def note(seconds: float) -> None:
            await it.pace.enter(A)
            bill = BILL.get()
            assert bill is not None
            parts.append(bill.part)
            await asyncio.sleep(seconds)

        first = it.begin(note(0.01))
        await asyncio.sleep(0)
        account.paid_at += 0.5
        await it.pace.count(note(0), object())
        await first
        return parts[-1]

    assert play(scene) == CROWD_PART


def test_the_five_seconds_are_for_all_of_a_request() -> None:
    async def scene(it: World) -> float:
        await both_call(it)
        for key in (("192.0.2.1", A), A):
            # nobody can be let in for four seconds
            it.pace._open(key, A).paid_at += 4

        async def token() -> None:
            it.pace.comes_from("192.0.2.1")
            await it.pace.enter_stranger(A)
            it.pace._accounts[A].paid_at = it.at + 4
            await it.pace.enter(A)

        began = it.at
        with pytest.raises(Paced):
            await it.pace.count(token(), object())
        return it.at - began

    assert play(scene) == pytest.approx(PATIENCE_SECONDS, abs=0.1)


def test_the_setting_and_the_pace_have_one_default() -> None:
    assert LimitSettings().tenant_percent == CROWD_PERCENT


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
        await both_call(it)
        assert await it.pace.count(work("done"), None) == "done"
        with pytest.raises(KeyError):
            await it.pace.count(work(KeyError("it")), None)

        async def counted() -> Any:
            return await it.pace.count(work("late"), None)

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
