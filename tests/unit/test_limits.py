"""Limits of requests: the rate as algebra, and what is kept in memory. Time is a number that tests choose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.errors import Quota, Throttled
from runplane.server.http.limits import WINDOW, Limits, Rate, Standing

SECOND = 1_000_000_000
LIMITS = st.integers(1, 400)
PAUSES = st.lists(st.one_of(st.just(0), st.integers(0, 90 * SECOND)), min_size=1, max_size=300)


def told(standing: Standing | None) -> dict[str, str]:
    assert standing is not None
    return {name.decode(): value.decode() for name, value in standing.headers()}


def remaining(standing: Standing | None) -> int:
    return int(told(standing)["ratelimit-remaining"])


def ask(rate: Rate, now: int, key: str = "it") -> Standing | Throttled:
    """Where the key stands, or the refusal."""
    try:
        return rate.take(key, now)
    except Throttled as error:
        return error


def admitted(rate: Rate, pauses: Sequence[int]) -> list[int]:
    """When requests were let in, of those that came after these pauses."""
    times = [7 + it for it in accumulate(pauses)]
    return [now for now in times if isinstance(ask(rate, now), Standing)]


def quota_of(refusal: Throttled) -> Quota:
    assert refusal.quota is not None
    return refusal.quota


@given(LIMITS, PAUSES)
def test_no_stretch_of_time_has_more_than_the_quota_and_what_came_back(limit: int, pauses: list[int]) -> None:
    rate = Rate("x", limit, "")
    step = WINDOW * SECOND // limit
    times = admitted(rate, pauses)
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= limit + (times[last] - times[first]) // step


@given(LIMITS, PAUSES)
def test_nobody_who_keeps_to_the_rate_is_refused(limit: int, pauses: list[int]) -> None:
    step = WINDOW * SECOND // limit
    assert len(admitted(Rate("x", limit, ""), [step + it for it in pauses])) == len(pauses)


@given(LIMITS, PAUSES)
def test_what_remains_may_be_asked_at_once_and_no_more(limit: int, pauses: list[int]) -> None:
    rate = Rate("x", limit, "")
    now = sum(pauses)
    answers = [ask(rate, at) for at in accumulate(pauses)]
    last = answers[-1]
    left = remaining(last) if isinstance(last, Standing) else quota_of(last).remaining
    for _ in range(left):
        rate.take("it", now)
    with pytest.raises(Throttled):
        rate.take("it", now)


@given(LIMITS, PAUSES)
def test_after_the_reset_the_whole_quota_is_there(limit: int, pauses: list[int]) -> None:
    rate = Rate("x", limit, "")
    last = [ask(rate, at) for at in accumulate(pauses)][-1]
    reset = int(told(last)["ratelimit-reset"]) if isinstance(last, Standing) else quota_of(last).reset
    assert 0 < reset <= WINDOW
    # one request of it is this one
    assert remaining(rate.take("it", sum(pauses) + reset * SECOND)) == limit - 1


@given(LIMITS, st.integers(0, 400), st.integers(0, WINDOW * SECOND))
def test_the_time_to_wait_is_the_least_number_of_seconds(limit: int, more: int, later: int) -> None:
    rate = Rate("x", limit, "")
    for _ in range(limit + more):
        ask(rate, 0)
    refusal = ask(rate, later)
    if isinstance(refusal, Throttled):
        assert refusal.retry_after is not None
        assert 1 <= refusal.retry_after <= WINDOW
        assert isinstance(ask(rate, later + (refusal.retry_after - 1) * SECOND), Throttled)
        rate.take("it", later + refusal.retry_after * SECOND)


def test_an_answer_says_limit_rest_reset_and_policy() -> None:
    rate = Rate("client", 600, "")
    assert told(rate.take("it", 0)) == {
        "ratelimit-limit": "600",
        "ratelimit-remaining": "599",
        "ratelimit-reset": "1",
        "ratelimit-policy": '"client";q=600;w=60',
    }


def test_a_refusal_costs_nothing() -> None:
    rate = Rate("x", 60, "")
    for _ in range(60):
        rate.take("it", 0)
    for _ in range(1000):
        with pytest.raises(Throttled):
            rate.take("it", SECOND - 1)
    assert remaining(rate.take("it", SECOND)) == 0


def test_keys_do_not_share() -> None:
    rate = Rate("x", 1, "")
    rate.take("a", 0)
    rate.take("b", 0)
    with pytest.raises(Throttled):
        rate.take("a", 0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2 * SECOND)), max_size=200))
def test_memory_is_bounded(requests: list[tuple[int, int]]) -> None:
    rate = Rate("x", 5, "", keys=10)
    now = 0
    for key, pause in requests:
        now += pause
        ask(rate, now, str(key))
        assert len(rate) <= 10


def test_who_is_nearest_to_the_limit_is_remembered_longest() -> None:
    rate = Rate("x", 2, "", keys=20)
    for _ in range(2):
        rate.take("loop", 0)
    for number in range(500):
        rate.take(f"passer-by {number}", number)
    with pytest.raises(Throttled):
        rate.take("loop", 501)


def test_those_who_rested_are_forgotten_first() -> None:
    rate = Rate("x", 60, "", keys=10)
    for number in range(10):
        rate.take(str(number), 0)
    rate.take("new", 2 * SECOND)
    assert len(rate) == 1


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def test_zero_is_no_limit() -> None:
    limits = Limits(client=0, source=0, agent=0)
    assert limits.of_source("192.0.2.1", agent=False) is None
    assert limits.of_client("x", agent=False) is None
    assert limits.of_client("x", agent=True) is None


def test_a_network_of_ipv6_is_one_source() -> None:
    limits = Limits(client=1, source=2, agent=1, now=Clock())
    for address in ("2001:db8::1", "2001:db8::2:1"):
        limits.of_source(address, agent=False)
    with pytest.raises(Throttled, match="address"):
        limits.of_source("2001:db8::3", agent=False)
    limits.of_source("2001:db8:0:1::1", agent=False)
    limits.of_source("192.0.2.1", agent=False)
    # a socket file has no address
    assert limits.of_source("", agent=False) is None


def test_agents_and_callers_use_up_nothing_of_each_other() -> None:
    clock = Clock()
    limits = Limits(client=1, source=1, agent=2, now=clock)
    limits.of_source("192.0.2.1", agent=True)
    limits.of_source("192.0.2.1", agent=False)
    limits.of_client("x", agent=False)
    assert remaining(limits.of_client("x", agent=True)) == 1
    with pytest.raises(Throttled, match=r"This client makes more than 1 requests a minute; wait 60 s"):
        limits.of_client("x", agent=False)
    clock.now = WINDOW * SECOND
    limits.of_client("x", agent=False)
