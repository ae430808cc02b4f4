from __future__ import annotations

import itertools
import string
import threading
import time
from collections.abc import Iterator

import pytest

from runplane.server.core.errors import Invalid, Unavailable
from runplane.server.identity.blocklist import BlockList, context_words
from runplane.server.identity.passwords import (
    PasswordGate,
    PasswordHasher,
    PasswordParameters,
    PasswordPolicy,
    new_temporary_password,
)

CHEAP = PasswordHasher(PasswordParameters(time_cost=1, memory_kib=64))
BLOCKLIST = BlockList()
POLICY = PasswordPolicy(blocklist=BLOCKLIST)
GOOD = "tundra gopher violin oxide"
WORDS = """
password welcome dragon football sunshine princess michael superman liverpool jennifer chocolate baseball
qwertyuiop admin summer charlie computer starwars monkey shadow master christopher elizabeth barcelona
butterfly nvidia
"""
ENDINGS = "123 1234 12345 123456 ! !! 1! 2024 2025! 1999 01 007 @1 69 321"


# --- hash --------------------------------------------------------------------------------------------


@pytest.mark.clause("password.hash")
def test_the_default_cost_is_the_one_of_the_recommendation() -> None:
    stored = PasswordHasher().hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_right_password_verifies_and_another_does_not() -> None:
    stored = CHEAP.hash(GOOD)
    assert GOOD not in stored
    assert CHEAP.verify(GOOD, stored)
    assert not CHEAP.verify(GOOD + "x", stored)
    assert not CHEAP.verify("", stored)
    assert CHEAP.hash(GOOD) != stored


def test_nobody_has_the_dummy_password() -> None:
    for password in ("", "\0", GOOD, "x" * 2000, "\ud800"):
        assert CHEAP.verify(password, None) is False


def test_even_the_right_dummy_password_opens_nothing() -> None:
    hasher = PasswordHasher(PasswordParameters(time_cost=1, memory_kib=64))
    hasher._dummy = hasher.hash(GOOD)
    assert hasher.verify(GOOD, None) is False
    assert hasher.verify(GOOD, hasher._dummy) is True


@pytest.mark.clause("password.no-truncation")
def test_the_end_of_a_long_password_counts() -> None:
    # bcrypt would have cut both at 72 bytes.
    stored = CHEAP.hash("x" * 1023 + "a")
    assert CHEAP.verify("x" * 1023 + "a", stored)
    assert not CHEAP.verify("x" * 1023 + "b", stored)


@pytest.mark.clause("password.normalized")
def test_two_spellings_of_one_character_are_one_password() -> None:
    stored = CHEAP.hash("caf\u00e9 ofen wolke pfad")
    assert CHEAP.verify("cafe\u0301 ofen wolke pfad", stored)
    assert CHEAP.verify("\uff43af\u00e9 ofen wolke pfad", stored)


def test_what_is_no_password_is_wrong_to_verify_and_invalid_to_hash() -> None:
    stored = CHEAP.hash(GOOD)
    for text in ("x" * 1025, "é" * 513, "\ufdfa" * 200, "abc\ud800abcabcabc"):
        assert not CHEAP.verify(text, stored)
        with pytest.raises(Invalid):
            CHEAP.hash(text)
    assert not CHEAP.verify(GOOD, "not a hash")


def test_another_cost_asks_for_a_new_hash() -> None:
    stored = CHEAP.hash(GOOD)
    assert not CHEAP.needs_rehash(stored)
    assert PasswordHasher(PasswordParameters(time_cost=2, memory_kib=64)).needs_rehash(stored)


@pytest.mark.clause("enumeration.sign-in")
def test_an_unknown_person_costs_as_much_as_a_wrong_password() -> None:
    hasher = PasswordHasher(PasswordParameters(time_cost=3, memory_kib=4096))
    stored = hasher.hash(GOOD)

    def cost(password: str, against: str | None) -> float:
        """Processor seconds of this thread, the least of five: other load cannot lower it."""
        spent: list[float] = []
        for _ in range(5):
            begin = time.thread_time()
            hasher.verify(password, against)
            spent.append(time.thread_time() - begin)
        return min(spent)

    wrong = cost("wrong wrong wrong", stored)
    for unknown in (cost("wrong wrong wrong", None), cost("\ud800", stored), cost("x" * 5000, stored)):
        assert 0.5 * wrong < unknown < 2 * wrong
    begin = time.thread_time()
    hasher.verify_dummy()
    assert time.thread_time() - begin > 0.5 * wrong


# --- policy ------------------------------------------------------------------------------------------


@pytest.mark.clause("password.no-composition")
@pytest.mark.parametrize(
    "password",
    [GOOD, "Kx9#vT2!qLm8", "zwölf zeichen ärger", "高い山の上の青い鳥と赤い", "j" * 3 + "QwVxZ8,.:4rt"],
)
def test_length_is_enough_whatever_the_characters(password: str) -> None:
    POLICY.check(password, email="anna@example.org", context=["Example Labs"])


@pytest.mark.clause("password.length")
def test_short_passwords_are_told_their_length_in_characters() -> None:
    with pytest.raises(Invalid, match="at least 12 characters; this one has 11"):
        POLICY.check("Kx9#vT2!qLm")
    # Eleven characters to a reader, sixteen code points as sent: the normalized form is what is counted.
    with pytest.raises(Invalid, match="this one has 11"):
        POLICY.check("e\u0301" * 5 + "Kx9#vT")
    PasswordPolicy(min_length=8, blocklist=BLOCKLIST).check("Kx9#vT2!")


@pytest.mark.clause("password.length")
def test_long_passwords_are_taken_up_to_1024_bytes() -> None:
    phrase = "".join(itertools.islice(itertools.cycle("Kx9#vT2!qLm8wPz5@RdN7&hJc"), 1024))
    POLICY.check(phrase)
    for text in (phrase + "x", "é" + phrase[:1023]):
        with pytest.raises(Invalid, match="at most 1024 bytes"):
            POLICY.check(text)
    with pytest.raises(Invalid, match="not valid text"):
        POLICY.check("Kx9#vT2!qLm8\udfff")


@pytest.mark.clause("password.blocklist")
@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword", "Password1234", "P@ssw0rd!2024", "123456789012", "qwertyuiop123", "1q2w3e4r5t6y",
        "1qaz2wsx3edc", "aaaaaaaaaaaa", "abcabcabcabc", "iloveyou1234", "Summer2024!!", "adminadmin123",
        "administrator",
        "unbelievable", "correcthorsebatterystaple", "Welcome-2-runai!", "runplane2026", "RunPlane-Admin",
        "qwertzuiop12",
        "31121999password", "nimdanimda12", "!@#$%^&*()12", "............", "zaq12wsxZAQ!", "drowssap-123",
        "letmein letmein",
    ],
)  # fmt: skip
def test_passwords_that_everybody_tries_are_refused(password: str) -> None:
    with pytest.raises(Invalid, match="everybody tries"):
        POLICY.check(password)


@pytest.mark.clause("password.blocklist")
def test_far_more_than_three_thousand_passwords_of_the_allowed_length_are_listed() -> None:
    words = WORDS.split()
    endings = ENDINGS.split()
    forms = [
        str.lower,
        str.title,
        str.upper,
        lambda word: word.replace("a", "@").replace("o", "0"),
        lambda word: word * 2,
    ]
    made = {
        form(word) + joint + end
        for word in words
        for form in forms
        for joint in ("", "-", "_")
        for end in endings
    }
    listed = {password for password in made if len(password) >= 12}
    assert len(listed) > 3000
    assert [password for password in listed if not BLOCKLIST.blocks(password)] == []


@pytest.mark.clause("password.blocklist")
def test_words_of_ones_own_address_and_organization_are_refused() -> None:
    for password in ("jane.doe.acme1", "JaneDoe-Acme-1", "j4ned0e_acmelabs", "acme-labs-2026"):
        POLICY.check(password + "x9Q")
        with pytest.raises(Invalid, match="too close to your e-mail"):
            POLICY.check(password, email="jane.doe@acme.example", context=["Acme Labs"])


def test_the_words_of_an_address() -> None:
    words = context_words("Jane.Doe+gpu@acme-labs.example.com", "ML Team")
    assert {"jane", "doe", "gpu", "acme", "labs", "example", "janedoegpu", "team", "mlteam"} <= set(words)
    assert all(len(word) >= 3 for word in words)
    assert context_words("") == []


def test_the_block_list_is_quick_on_the_longest_password() -> None:
    begin = time.thread_time()
    for password in ("a" * 1024, "password" * 128, "Kx9#vT2!qLm8" * 85, "é" * 512):
        BLOCKLIST.blocks(password, ["jane", "x" * 300])
    assert time.thread_time() - begin < 2


# --- temporary passwords -----------------------------------------------------------------------------


def test_temporary_passwords_are_random_readable_and_allowed() -> None:
    made = {new_temporary_password() for _ in range(300)}
    assert len(made) == 300
    for password in made:
        groups = password.split("-")
        assert [len(group) for group in groups] == [4] * 5
        assert set("".join(groups)) <= set(string.digits + string.ascii_lowercase) - set("ilou")
        POLICY.check(password, email="anna@example.org")
    # 32 symbols in 20 places are 100 bits, if every symbol occurs.
    assert len(set("".join(made)) - {"-"}) == 32


# --- gate --------------------------------------------------------------------------------------------


@pytest.fixture
def gate() -> Iterator[PasswordGate]:
    gate = PasswordGate(workers=1, queue=1)
    yield gate
    gate.close()


@pytest.mark.clause("password.bounded-work")
def test_a_full_gate_refuses_and_recovers(gate: PasswordGate) -> None:
    running, go = threading.Event(), threading.Event()

    def work() -> str:
        running.set()
        assert go.wait(10)
        return threading.current_thread().name

    first = gate.submit(work)
    assert running.wait(10)
    second = gate.submit(work)
    with pytest.raises(Unavailable) as caught:
        gate.submit(work)
    assert caught.value.retry_after == 1
    go.set()
    assert first.result(10).startswith("password")
    assert second.result(10) == first.result()
    assert gate.run(lambda: 7) == 7


@pytest.mark.clause("password.bounded-work")
def test_work_that_fails_or_is_cancelled_frees_its_place(gate: PasswordGate) -> None:
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            gate.run(lambda: 1 // 0)
    running, go = threading.Event(), threading.Event()
    blocked = gate.submit(lambda: running.set() or go.wait(10))
    assert running.wait(10)
    waiting = gate.submit(lambda: None)
    assert waiting.cancel()
    again = gate.submit(lambda: 1)
    go.set()
    assert blocked.result(10)
    assert again.result(10) == 1


def test_arguments_reach_the_work(gate: PasswordGate) -> None:
    assert gate.run(CHEAP.verify, GOOD, stored=CHEAP.hash(GOOD))


def test_a_closed_gate_does_not_keep_the_place() -> None:
    gate = PasswordGate(workers=1, queue=0)
    gate.close()
    for _ in range(3):
        with pytest.raises(RuntimeError):
            gate.submit(lambda: None)
