"""Passwords of people: policy, hash, bounded concurrency, temporary ones (NIST SP 800-63B-4, ASVS 5.0 V6).

There are no composition rules: length and the block-list decide. Hashing is slow by design (about 20 to 30 ms
and 19 MiB each), so it runs in threads of its own behind a queue that refuses instead of growing: a flood of
sign-ins then costs a bounded amount of processor and memory and leaves the rest of the server alone.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from runplane.server.core.errors import Invalid
from runplane.server.core.turns import CURRENT, Bounds, Neighbours, Turns
from runplane.server.identity.blocklist import BlockList, context_words

P = ParamSpec("P")
T = TypeVar("T")

MAX_BYTES: Final = 1024
"""UTF-8 bytes of a normalized password."""

_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_GROUPS: Final = 5
_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class PasswordParameters:
    """Cost of Argon2id. The defaults are the least that OWASP's cheat sheet recommends with one lane."""

    time_cost: int = 2
    memory_kib: int = 19 * 1024
    parallelism: int = 1


class PasswordPolicy:
    """What a new password must be. `min_length` counts characters (code points after normalization)."""

    def __init__(self, min_length: int = 12, blocklist: BlockList | None = None) -> None:
        self._min_length = min_length
        self._blocklist = blocklist or BlockList()

    def check(self, password: str, *, email: str = "", context: Iterable[str] = ()) -> None:
        """Raises Invalid with a sentence that says what to change.

        `context` holds further names, such as the tenant's; they and the parts of the e-mail address count as
        words that everybody tries.
        """
        text = _prepare(password)
        if len(text) < self._min_length:
            raise Invalid(
                f"The password must have at least {self._min_length} characters; this one has {len(text)}."
            )
        if self._blocklist.blocks(text):
            raise Invalid(
                "This password is among those that everybody tries; choose a longer one, "
                "for example four words that do not belong together."
            )
        if self._blocklist.blocks(text, context_words(email, *context)):
            raise Invalid("The password is too close to your e-mail address or organization; choose another.")


class PasswordHasher:
    """Argon2id over the NFKC form. Every method here is slow: call it through a PasswordGate."""

    def __init__(self, parameters: PasswordParameters | None = None) -> None:
        cost = parameters or PasswordParameters()
        self._argon2 = argon2.PasswordHasher(
            time_cost=cost.time_cost,
            memory_cost=cost.memory_kib,
            parallelism=cost.parallelism,
            type=argon2.Type.ID,
        )
        # What an unknown person's password is compared with. Nobody knows the text it was made from.
        self._dummy = self._argon2.hash(secrets.token_bytes(32))

    def hash(self, password: str) -> str:
        """The password as the database keeps it (PHC string). Invalid when it is too long or not text."""
        return self._argon2.hash(_prepare(password).encode())

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` is the one that was hashed.

        With None (no such person, or one without a password) it takes the same time and answers False. A
        password that the policy could never have let in is wrong, not an error, and takes that time too.
        """
        try:
            data = _prepare(password).encode()
        except Invalid:
            stored, data = None, b""
        try:
            return self._argon2.verify(stored or self._dummy, data) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def verify_dummy(self, password: str = "") -> None:
        """Spend the time of one verification, for the paths that have nothing to compare with."""
        self.verify(password, None)

    def needs_rehash(self, stored: str) -> bool:
        """Whether `stored` was made at another cost than today's and should be made anew."""
        return self._argon2.check_needs_rehash(stored)


class PasswordGate:
    """Runs password work in `workers` threads; at most `queue` more pieces of work wait.

    Tenants are served in turn (core.turns), so one that is flooded with sign-ins delays another by one.
    """

    def __init__(self, workers: int = 2, queue: int = 64, neighbours: Neighbours | None = None) -> None:
        room = workers + queue
        self._turns = Turns(
            "password",
            workers,
            each=max(1, workers - 1),
            bounds=Bounds(room, room, room // 16),
            busy="Too many people sign in right now; try again in a second.",
            neighbours=neighbours,
        )

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start `work` and return its future, which `asyncio.wrap_future` makes awaitable.

        Unavailable, with `retry_after`, when the queue is full.
        """
        return self._turns.submit(CURRENT.get(), lambda: work(*args, **kwargs))

    def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` and wait for its result; for callers in a thread of their own. Unavailable as above."""
        return self.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        """Let running work end, drop what waits, stop the threads."""
        self._turns.close(drop=True)


def new_temporary_password() -> str:
    """A password to hand over once: 100 random bits in five groups of four, without look-alike letters."""
    symbols = [secrets.choice(_CROCKFORD) for _ in range(_GROUPS * _GROUP)]
    return "-".join("".join(symbols[at : at + _GROUP]) for at in range(0, len(symbols), _GROUP))


def _prepare(password: str) -> str:
    """The text in NFKC: two keyboards may send one character as different code points."""
    if len(password) > MAX_BYTES:
        raise Invalid(f"The password must have at most {MAX_BYTES} bytes.")
    text = unicodedata.normalize("NFKC", password)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid("The password holds a character that is not valid text.") from None
    if size > MAX_BYTES:
        raise Invalid(f"The password must have at most {MAX_BYTES} bytes; this one has {size}.")
    return text
