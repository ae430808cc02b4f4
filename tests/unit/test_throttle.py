from __future__ import annotations

import sys
import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runplane.server.core.errors import Throttled
from runplane.server.identity.throttle import Throttle, ThrottleLimits

HERE, THERE = "192.0.2.1", "198.51.100.7"


def guess(
    throttle: Throttle, account: str, count: int, now: float, source: str = HERE, start: int = 0
) -> None:
    for number in range(start, start + count):
        throttle.failed(account, source, f"wrong-{number}", now)


def waiting(throttle: Throttle, source: str, now: float) -> int | None:
    """The seconds a source has to wait, None when it may go on."""
    try:
        throttle.admit("somebody else", source, now)
    except Throttled as error:
        return error.retry_after
    return None


@pytest.mark.clause("token.guesses-throttled")
def test_ten_distinct_wrong_secrets_lock_an_account_for_a_minute() -> None:
    throttle = Throttle()
    guess(throttle, "anna", 9, 100)
    assert throttle.admit("anna", HERE, 100)
    guess(throttle, "anna", 1, 100, start=9)
    assert not throttle.admit("anna", HERE, 100)
    assert not throttle.admit("anna", THERE, 159.9)
    assert throttle.admit("ben", HERE, 100)
    assert throttle.admit("anna", HERE, 160)


def test_the_same_wrong_secret_counts_once() -> None:
    throttle = Throttle()
    for attempt in range(500):
        throttle.failed("anna", HERE, "stale secret of a CI job", attempt)
    assert throttle.admit("anna", HERE, 500)
    assert waiting(throttle, HERE, 500) is None


def test_each_lock_lasts_twice_as_long_up_to_a_quarter_of_an_hour() -> None:
    throttle = Throttle()
    now, lasted = 0.0, []
    for turn in range(7):
        guess(throttle, "anna", 10, now, source=f"192.0.2.{turn}", start=turn * 10)
        until = now
        while not throttle.admit("anna", THERE, until):
            until += 30
        lasted.append(until - now)
        now = until
    assert lasted == [60, 120, 240, 480, 900, 900, 900]


def test_a_quiet_quarter_of_an_hour_after_a_lock_forgets_it() -> None:
    throttle = Throttle()
    guess(throttle, "anna", 10, 0)
    guess(throttle, "anna", 10, 60 + 900, source=THERE, start=10)
    assert not throttle.admit("anna", HERE, 1019)
    assert throttle.admit("anna", HERE, 1020)


def test_wrong_secrets_are_forgotten_after_a_quarter_of_an_hour() -> None:
    throttle = Throttle()
    guess(throttle, "anna", 9, 0)
    guess(throttle, "anna", 1, 900, start=9)
    assert throttle.admit("anna", HERE, 900)
    guess(throttle, "anna", 8, 901, start=20)
    assert throttle.admit("anna", HERE, 901)
    guess(throttle, "anna", 1, 902, start=40)
    assert not throttle.admit("anna", HERE, 902)


def test_repeating_a_wrong_secret_does_not_make_it_count_for_longer() -> None:
    throttle = Throttle()
    guess(throttle, "anna", 9, 0)
    for person in range(40):
        throttle.failed(f"person-{person}", HERE, "x", 0)
    guess(throttle, "anna", 9, 800)
    assert waiting(throttle, HERE, 800) is None
    throttle.failed("ben", HERE, "the fiftieth", 850)
    assert waiting(throttle, HERE, 850) == 50
    assert waiting(throttle, HERE, 900) is None
    guess(throttle, "anna", 1, 901, start=9)
    assert throttle.admit("anna", HERE, 901)


def test_success_forgets_the_accounts_wrong_secrets_but_not_the_sources() -> None:
    throttle = Throttle()
    for turn in range(6):
        guess(throttle, "anna", 9, 0, start=turn * 9)
        assert throttle.admit("anna", THERE, 0)
        throttle.succeeded("anna")
    assert waiting(throttle, HERE, 0) == 900


def test_a_lock_is_not_prolonged_by_tries_during_it() -> None:
    throttle = Throttle()
    guess(throttle, "anna", 10, 0)
    guess(throttle, "anna", 30, 30, source=THERE, start=10)
    assert throttle.admit("anna", "203.0.113.5", 60)


def test_the_owner_of_a_random_secret_cannot_be_locked_out() -> None:
    throttle = Throttle()
    for number in range(49):
        throttle.failed("ci-bot", HERE, f"wrong-{number}", 0, lockable=False)
    assert throttle.admit("ci-bot", THERE, 0)
    assert throttle.admit("ci-bot", HERE, 0)
    throttle.failed("ci-bot", HERE, "one more", 0, lockable=False)
    assert waiting(throttle, HERE, 0) == 900
    assert throttle.admit("ci-bot", THERE, 0)


@pytest.mark.clause("token.guesses-throttled")
def test_a_source_that_sprays_one_password_over_many_accounts_is_stopped() -> None:
    throttle = Throttle()
    for number in range(50):
        assert waiting(throttle, HERE, number) is None
        throttle.failed(f"person-{number}", HERE, "Summer2026!", number)
    assert waiting(throttle, HERE, 50) == 850
    assert waiting(throttle, HERE, 899.5) == 1
    assert waiting(throttle, THERE, 50) is None
    # The first of the fifty has expired: one more try is free, then the second is the oldest.
    assert waiting(throttle, HERE, 900) is None
    throttle.failed("person-0", HERE, "Winter2026!", 900)
    assert waiting(throttle, HERE, 900) == 1


def test_the_figures_count_who_has_to_wait_now() -> None:
    throttle = Throttle()
    guess(throttle, "anna", 10, 0)
    guess(throttle, "ben", 10, 30, start=10)
    assert throttle.figures(30) == (2, 0)
    assert throttle.figures(59.9) == (2, 0)
    # a lock that is over at this moment is over
    assert throttle.figures(60) == (1, 0)
    for number in range(29):
        throttle.failed("carl", HERE, f"other-{number}", 60, lockable=False)
    assert throttle.figures(60) == (1, 0)
    throttle.failed("carl", HERE, "the fiftieth", 60, lockable=False)
    assert throttle.figures(60) == (1, 1)
    assert throttle.figures(900) == (0, 0)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:0:1::", "2001:db8:0:0:2::", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("unix:/run/a", "unix:/run/b", False),
    ],
)
def test_what_counts_as_one_source(first: str, second: str, same: bool) -> None:
    throttle = Throttle()
    for number in range(50):
        throttle.failed(f"person-{number}", first, "x", 0)
    assert (waiting(throttle, second, 0) is not None) == same


def test_memory_is_bounded_and_what_is_in_use_stays() -> None:
    throttle = Throttle(ThrottleLimits(accounts=16, sources=8))
    guess(throttle, "anna", 10, 0, source="203.0.113.9")
    for number in range(500):
        throttle.failed("x" * 100 + str(number), f"192.0.2.{number % 250}", "wrong", 1)
        assert not throttle.admit("anna", THERE, 1)
    assert throttle.remembered() == (16, 8)


def test_no_secret_or_account_name_is_kept() -> None:
    throttle = Throttle()
    throttle.failed("anna@example.org", HERE, "hunter2-hunter2", 0)

    def strings(value: object, seen: set[int]) -> list[object]:
        if id(value) in seen:
            return []
        seen.add(id(value))
        if isinstance(value, str | bytes):
            return [value]
        if isinstance(value, dict):
            return [text for pair in value.items() for part in pair for text in strings(part, seen)]
        names = [*getattr(value, "__slots__", ()), *getattr(value, "__dict__", ())]
        return [text for name in names for text in strings(getattr(value, name), seen)]

    kept = strings(throttle, set())
    assert HERE in kept
    assert not [text for text in kept if "hunter2" in str(text) or "anna" in str(text)]


def test_two_processes_do_not_share_their_keyed_hashes() -> None:
    one, two = Throttle(), Throttle()
    assert one._hash("anna", "x") != two._hash("anna", "x")
    assert one._hash("ab", "c") != one._hash("a", "bc")


def test_many_threads_count_exactly() -> None:
    throttle = Throttle()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=guess, args=(throttle, f"person-{number}", 7, 0.0)) for number in range(7)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert waiting(throttle, HERE, 0) is None
    throttle.failed("ben", HERE, "the fiftieth", 0)
    assert waiting(throttle, HERE, 0) == 900


class AgainstModel(RuleBasedStateMachine):
    """The throttle against plain lists that forget nothing and are searched in full each time."""

    limits = ThrottleLimits(window=100, per_account=3, first_lock=10, longest_lock=30, per_source=5)
    accounts = ("anna", "ben")
    sources = ("192.0.2.1", "192.0.2.2")

    def __init__(self) -> None:
        super().__init__()
        self.throttle = Throttle(self.limits)
        self.now = 0.0
        # (key, secret, time of first use), one entry for each use that counted
        self.account_tries: list[tuple[str, str, float]] = []
        self.source_tries: list[tuple[str, tuple[str, str], float]] = []
        # account, start and length of each
        self.locks: list[tuple[str, float, float]] = []

    def fresh(self, log: list, key: str) -> list:
        return [entry for entry in log if entry[0] == key and entry[2] > self.now - self.limits.window]

    def locked(self, account: str) -> bool:
        return any(name == account and self.now < start + length for name, start, length in self.locks)

    @rule(seconds=st.sampled_from([0.5, 3, 10, 29, 60, 99, 100, 131]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        account=st.sampled_from(accounts), source=st.sampled_from(sources), secret=st.sampled_from("abcdef")
    )
    def fail(self, account: str, source: str, secret: str) -> None:
        self.throttle.failed(account, source, secret, self.now)
        pairs = self.fresh(self.source_tries, source)
        if len(pairs) < 5 and (account, secret) not in [pair for _, pair, _ in pairs]:
            self.source_tries.append((source, (account, secret), self.now))
        if self.locked(account):
            return
        if secret not in [known for _, known, _ in self.fresh(self.account_tries, account)]:
            self.account_tries.append((account, secret, self.now))
        if len(self.fresh(self.account_tries, account)) == 3:
            self.lock(account)

    def lock(self, account: str) -> None:
        mine = [lock for lock in self.locks if lock[0] == account]
        length = 10.0
        if mine and self.now < mine[-1][1] + mine[-1][2] + self.limits.window:
            length = min(mine[-1][2] * 2, 30.0)
        self.locks.append((account, self.now, length))
        self.account_tries = [entry for entry in self.account_tries if entry[0] != account]

    @precondition(lambda self: self.now > 0)
    @rule(account=st.sampled_from(accounts))
    def succeed(self, account: str) -> None:
        self.throttle.succeeded(account)
        self.account_tries = [entry for entry in self.account_tries if entry[0] != account]
        self.locks = [lock for lock in self.locks if lock[0] != account]

    @invariant()
    def the_two_agree(self) -> None:
        for source in self.sources:
            pairs = self.fresh(self.source_tries, source)
            for account in self.accounts:
                if len(pairs) >= 5:
                    with pytest.raises(Throttled) as caught:
                        self.throttle.admit(account, source, self.now)
                    left = pairs[0][2] + self.limits.window - self.now
                    assert left <= caught.value.retry_after < max(left + 1, 1.5)
                else:
                    assert self.throttle.admit(account, source, self.now) == (not self.locked(account))


TestAgainstModel = AgainstModel.TestCase
TestAgainstModel.settings = settings(stateful_step_count=40)
