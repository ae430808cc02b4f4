"""Threads that serve tenants in turn: who comes next, how many at once, how much may wait."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.errors import Unavailable
from runplane.server.core.turns import (
    SERVER,
    SHARED_SECONDS,
    Bounds,
    Neighbours,
    Share,
    Turns,
    agents_of,
    callers_of,
)

A, B, C = callers_of(1), callers_of(2), callers_of(3)
AGENTS = agents_of(1)
PATIENCE = 30.0


class Held:
    """Turns whose jobs wait until they are let go, and what has begun, in order."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.neighbours = turns._neighbours
        self.begun: list[Any] = []
        self._changed = threading.Condition()
        self._let_go: set[Any] = set()
        self._free = False
        self.futures: list[Future[Any]] = []

    def add(self, share: Share, name: Any) -> Future[Any]:
        def job() -> Any:
            with self._changed:
                self.begun.append(name)
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: self._free or name in self._let_go, PATIENCE)
            return name

        self.neighbours.met(share)
        made = self.turns.submit(share, job)
        self.futures.append(made)
        return made

    def wait_for(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= count, PATIENCE), self.begun
            return self.begun[:]

    def finish(self, *names: Any) -> None:
        with self._changed:
            self._let_go |= set(names)
            self._changed.notify_all()

    def finish_all(self) -> list[Any]:
        with self._changed:
            self._free = True
            self._changed.notify_all()
        for it in self.futures:
            if not it.cancelled():
                it.result(PATIENCE)
        return self.begun


Make = Callable[..., Held]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Held] = []

    def go(threads: int = 1, each: int = 1, total: int = 512, **options: Any) -> Held:
        bounds = options.pop("bounds", None) or Bounds.of(total)
        made.append(Held(Turns("turns", threads, each, bounds=bounds, busy="full", **options)))
        return made[-1]

    yield go
    for it in made:
        it.finish_all()
        it.turns.close()


def test_one_job_waits_for_one_job_of_a_crowd(make: Make) -> None:
    held = make()
    held.add(A, "a0")
    held.wait_for(1)
    for number in range(1, 100):
        held.add(A, f"a{number}")
    held.add(B, "b")
    begun = held.finish_all()
    assert begun.index("b") <= 2
    assert [it for it in begun if it != "b"] == [f"a{number}" for number in range(100)]


def test_agents_together_are_one_neighbour(make: Make) -> None:
    held = make()
    held.add(SERVER, "first")
    held.wait_for(1)
    for number in range(200):
        held.add(agents_of(number % 50), number)
    for name in ("b1", "b2", "b3"):
        held.add(B, name)
    held.add(SERVER, "server")
    begun = held.finish_all()
    assert [begun.index(name) for name in ("b1", "b2", "b3")] < [4, 7, 10]
    assert begun.index("server") <= 4
    assert begun.index("b3") <= 9


@given(st.lists(st.sampled_from([A, B, C, AGENTS, SERVER]), max_size=60))
def test_everything_is_done_once_and_each_share_in_its_order(shares: list[Share]) -> None:
    held = Held(Turns("turns", 1, 1, bounds=Bounds.of(512), busy="full"))
    held.add(SERVER, (SERVER, -1))
    for number, share in enumerate(shares):
        held.add(share, (share, number))
    begun = held.finish_all()
    held.turns.close()
    assert sorted(begun) == sorted([(SERVER, -1), *((share, at) for at, share in enumerate(shares))])
    for share in set(shares):
        mine = [number for whose, number in begun if whose == share]
        assert mine == sorted(mine)
    assert held.turns._queues == {}


@given(st.lists(st.sampled_from([A, B, C]), min_size=3, max_size=60))
def test_nobody_is_passed_twice_by_a_neighbour(shares: list[Share]) -> None:
    """While two tenants both wait, neither begins two jobs between two of the other."""
    held = Held(Turns("turns", 1, 1, bounds=Bounds.of(512), busy="full"))
    held.add(SERVER, (SERVER, -1))
    held.wait_for(1)
    for number, share in enumerate(shares):
        held.add(share, (share, number))
    begun = [share for share, _ in held.finish_all()[1:]]
    held.turns.close()
    for one in {A, B, C}:
        for other in {A, B, C} - {one}:
            left = {it: shares.count(it) for it in (one, other)}
            streak = 0
            for share in begun:
                if share in left:
                    left[share] -= 1
                    streak = streak + 1 if share == one else 0
                    assert streak <= 1 or left[other] == 0


def test_a_tenant_that_is_alone_has_all_threads_but_one(make: Make) -> None:
    held = make(threads=4, each=1)
    for number in range(10):
        held.add(A, number)
    assert sorted(held.wait_for(3)) == [0, 1, 2]
    held.add(AGENTS, "agent")
    assert held.wait_for(4)[3] == "agent"


def test_one_of_several_tenants_has_its_part(make: Make) -> None:
    clock = [0.0]
    held = make(threads=4, each=1, neighbours=Neighbours(lambda: clock[0]))
    held.add(A, "a0")
    held.add(B, "b0")
    held.wait_for(2)
    for number in range(1, 10):
        held.add(A, f"a{number}")
    held.add(C, "c0")
    assert sorted(held.wait_for(3)) == ["a0", "b0", "c0"]
    # what A has queued stays queued while others keep silent, until their time is over
    clock[0] = SHARED_SECONDS + 1
    held.add(A, "late")
    assert held.wait_for(4)[3] == "a1"


def test_agents_have_a_quarter_of_the_threads(make: Make) -> None:
    held = make(threads=8, each=8)
    for number in range(20):
        held.add(agents_of(number), number)
    held.wait_for(2)
    for number in range(6):
        held.add(A, f"a{number}")
    assert set(held.wait_for(8)[2:]) == {f"a{number}" for number in range(6)}


def test_a_share_and_a_kind_have_bounds_and_newcomers_a_place(make: Make) -> None:
    held = make(bounds=Bounds(total=6, share=4, floor=2))
    held.add(A, "a0")
    held.wait_for(1)
    for number in range(1, 4):
        held.add(A, f"a{number}")
    with pytest.raises(Unavailable, match="full") as caught:
        held.add(A, "too many")
    assert caught.value.retry_after == 1
    for number in range(2):
        held.add(B, f"b{number}")
    with pytest.raises(Unavailable):
        held.add(B, "more than the floor, and all is full")
    for number in range(2):
        held.add(C, f"c{number}")
    with pytest.raises(Unavailable):
        held.add(C, "no")
    # another kind has bounds of its own, and the server none
    held.add(AGENTS, "agent")
    for number in range(20):
        held.add(SERVER, number)
    held.finish_all()
    held.add(A, "again")


def test_what_is_cancelled_frees_its_place(make: Make) -> None:
    held = make(bounds=Bounds(total=2, share=2, floor=0))
    held.add(A, "a0")
    held.wait_for(1)
    waiting = held.add(A, "a1")
    assert waiting.cancel()
    held.add(A, "a2")
    assert held.finish_all() == ["a0", "a2"]
    assert held.turns.inside("callers") == 0


@pytest.mark.parametrize("drop", [False, True])
def test_closing_finishes_what_waits_or_drops_it(make: Make, drop: bool) -> None:
    held = make()
    first = held.add(A, "first")
    held.wait_for(1)
    waiting = [held.add(A, 1), held.add(B, 2)]
    closing = threading.Thread(target=lambda: held.turns.close(drop=drop))
    closing.start()
    if drop:
        for it in waiting:
            with pytest.raises(CancelledError):
                it.result(PATIENCE)
    held.finish("first", 1, 2)
    closing.join(PATIENCE)
    assert first.result(PATIENCE) == "first"
    assert [it.cancelled() for it in waiting] == [drop, drop]
    with pytest.raises(RuntimeError):
        held.turns.submit(A, lambda: None)


def test_what_a_job_raises_reaches_who_waits_for_it(make: Make) -> None:
    turns = make().turns

    def fail() -> None:
        raise KeyError("it")

    with pytest.raises(KeyError):
        turns.submit(A, fail).result(PATIENCE)
    assert turns.submit(A, lambda: 1).result(PATIENCE) == 1


@contextlib.contextmanager
def no_new_threads() -> Iterator[None]:
    """The system really refuses to start one: no machine has room for a stack of that size."""
    before = threading.stack_size(2**46)
    try:
        yield
    finally:
        threading.stack_size(before)


def all_idle(turns: Turns) -> bool:
    """Whether, after a moment, no thread is at work, or counted as if it were."""
    deadline = time.monotonic() + PATIENCE
    while turns._active and time.monotonic() < deadline:
        time.sleep(0.001)
    return turns._active == 0


@pytest.mark.parametrize("share", [A, SERVER])
def test_without_any_thread_a_job_is_refused_and_the_next_one_done(make: Make, share: Share) -> None:
    turns = make(threads=2).turns
    with no_new_threads():
        for _ in range(3):
            with pytest.raises(Unavailable) as refused:
                turns.submit(share, lambda: None)
            assert refused.value.retry_after == 1
            assert turns.inside(share.kind) == 0
            assert turns._queues == {}
    assert turns.submit(share, lambda: "done").result(PATIENCE) == "done"
    assert all_idle(turns)


def test_without_a_thread_more_a_job_waits_for_those_at_work(make: Make) -> None:
    held = make(threads=4, each=3)
    held.add(A, "a")
    held.wait_for(1)
    with no_new_threads():
        for name in ("b", "c", "d"):
            held.add(A, name)
        held.finish("a")
        # the thread at work asks for another one too, and goes on without it
        assert held.wait_for(2) == ["a", "b"]
        held.finish("b")
        assert held.wait_for(3) == ["a", "b", "c"]
    # and no place is lost: as many run side by side as ever did
    for name in ("e", "f"):
        held.add(A, name)
    assert sorted(held.wait_for(5)) == ["a", "b", "c", "d", "e"]
    held.finish_all()
    assert all_idle(held.turns)
    assert held.turns.inside("callers") == 0


def test_threads_that_are_idle_are_used_before_another_is_started(make: Make) -> None:
    turns = make(threads=8, each=8).turns
    for number in range(50):
        assert turns.submit(A, lambda it=number: it).result(PATIENCE) == number
        assert all_idle(turns)
    assert len(turns._started) == 1


def test_a_process_that_closes_nothing_ends_all_the_same() -> None:
    code = (
        "from runplane.server.core.turns import NOBODY, Bounds, Turns; "
        "turns = Turns('turns', 2, 1, bounds=Bounds.of(9), busy='full'); "
        "turns.submit(NOBODY, lambda: print('done')).result()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "done\n"
