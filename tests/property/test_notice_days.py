"""When notices are due, for every life of a credential and every way of looking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.clock import instant
from runplane.server.notices.model import DAY, days_due, pause_after

DAYS = st.lists(st.integers(1, 365), min_size=1, max_size=5, unique=True)
START = 1_700_000_000


@given(days=DAYS, life=st.integers(1, 400 * DAY), looks=st.lists(st.integers(0, 400 * DAY), max_size=30))
def test_each_number_at_most_once_in_order_and_never_after_the_end(
    days: list[int], life: int, looks: list[int]
) -> None:
    made, end = instant(START), instant(START + life)
    told: list[int] = []
    for at in sorted(looks):
        due = days_due(days, made, end, instant(START + at))
        if due is None:
            assert at >= life or all(life - at > it * DAY or life <= it * DAY for it in days)
            continue
        assert life - at <= due * DAY < life
        if due not in told:
            told.append(due)
    assert told == sorted(told, reverse=True)


@given(days=DAYS, life=st.integers(1, 400 * DAY))
def test_who_looks_at_every_threshold_is_told_of_all_that_fit(days: list[int], life: int) -> None:
    made, end = instant(START), instant(START + life)
    found = {days_due(days, made, end, instant(START + life - it * DAY)) for it in days if it * DAY < life}
    assert found == {it for it in days if it * DAY < life}


def test_the_pauses_grow_to_six_hours() -> None:
    pauses = [pause_after(it) for it in range(1, 9)]
    assert pauses[0] == 60
    assert pauses == sorted(pauses)
    assert pauses[-1] == 6 * 3600
