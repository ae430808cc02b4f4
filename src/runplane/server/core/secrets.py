"""Random secrets: how they are made, stored, compared, shown and kept out of logs.

A generated secret carries 256 bits of entropy, so a plain SHA-256 is what gets stored: stretching it would
cost a slow hash per token call and add nothing against a guesser. The underscore after the prefix is allowed
because a secret never travels in a path, where the official client would turn it into a dash.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import zlib
from typing import Any, Final, final

ACCESS_PREFIX: Final = "rpk"
"""Client secrets of service accounts, applications and access keys."""

REFRESH_PREFIX: Final = "rpr"
"""Refresh tokens."""

SESSION_PREFIX: Final = "rps"
"""Cookies of browsers."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY: Final = 43
"""62^43 > 2^256: the shortest base62 text that holds 32 random bytes."""
_CHECK: Final = 6
"""62^6 > 2^32: holds a CRC-32."""

_PREFIX = re.compile(r"[a-z]{2,8}\Z")
# In an address a letter may precede that belongs to an escape: %3Drpk_…
_ESCAPE = r"(?<=%[0-9A-Fa-f]{2})"
_SECRET = re.compile(
    rf"(?:(?<![0-9A-Za-z])|{_ESCAPE})(rp[a-z])_([0-9A-Za-z]{{{_BODY}}})([0-9A-Za-z]{{{_CHECK}}})(?![0-9A-Za-z])"
)
_TOKEN = re.compile(
    rf"(?:(?<![0-9A-Za-z_-])|{_ESCAPE})eyJ[0-9A-Za-z_-]{{8,}}\.[0-9A-Za-z_-]{{8,}}\.[0-9A-Za-z_-]{{16,}}"
)
_HIDDEN: Final = "[secret]"


def new_secret(prefix: str = ACCESS_PREFIX) -> str:
    """A new secret `<prefix>_<43 random><6 checksum>` in base62: 256 bits from the operating system.

    The checksum lets a leak scanner tell a real secret from a look-alike without asking the server.
    `prefix` is 2 to 8 lower-case letters; ValueError otherwise, which is a mistake in our code.
    """
    if not _PREFIX.match(prefix):
        raise ValueError("a secret's prefix is 2 to 8 lower-case letters")
    body = _base62(int.from_bytes(os.urandom(32)), _BODY)
    return f"{prefix}_{body}{_checksum(prefix, body)}"


def digest(secret: str) -> bytes:
    """The SHA-256 of a secret, 32 bytes: what the database keeps. For random secrets, not for passwords."""
    # A lone surrogate cannot be encoded strictly; it must lead to "wrong secret", not to an exception.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def matches(secret: str, stored: bytes) -> bool:
    """Whether `secret` is the one whose `digest` was stored, in time that does not depend on the answer."""
    return hmac.compare_digest(digest(secret), stored)


def hint(secret: str) -> str:
    """The last 4 characters, for lists. They belong to the checksum, so they tell nothing of the random part
    beyond 24 of the 256 bits."""
    return secret[-4:]


def is_well_formed(secret: str) -> bool:
    """Whether the text is one secret of ours with a right checksum, be it ever issued or not."""
    found = _SECRET.fullmatch(secret)
    return found is not None and _checksum(found[1], found[2]) == found[3]


def looks_like_secret(text: str) -> bool:
    """Whether a secret of ours or a signed token occurs anywhere in `text`. The checksum is not examined: a
    damaged secret is still one that should not be logged."""
    return _SECRET.search(text) is not None or _TOKEN.search(text) is not None


def scrub(text: str) -> str:
    """`text` with every secret and signed token in it replaced, for logs and audit rows."""
    return _TOKEN.sub(_HIDDEN, _SECRET.sub(_HIDDEN, text))


@final
class Secret:
    """A text that does not show itself in `repr`, `str`, `format`, tracebacks, or an encoder without a hook.

    Not a subclass of str on purpose: it could then be joined, formatted or encoded by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Grep for this name to find every place where a secret is used."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    def __str__(self) -> str:
        return _HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self._value.encode("utf-8", "surrogatepass"), other._value.encode("utf-8", "surrogatepass")
        )

    # Hashing would let it become a dict key, and dicts get printed.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        raise TypeError("a Secret cannot be pickled or copied")


def decode_secret(kind: type, value: Any) -> Any:
    """A msgspec `dec_hook`: reads JSON text into a field declared as Secret."""
    if kind is Secret:
        if isinstance(value, str):
            return Secret(value)
        raise ValueError("Expected `str`")
    raise NotImplementedError(kind)


def encode_redacted(value: Any) -> Any:
    """A msgspec `enc_hook` for audit rows and logs: a Secret becomes a fixed word."""
    if isinstance(value, Secret):
        return _HIDDEN
    raise NotImplementedError


def encode_revealed(value: Any) -> Any:
    """A msgspec `enc_hook` for the one reply that shows a secret to its owner."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError


def _base62(number: int, width: int) -> str:
    digits: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _checksum(prefix: str, body: str) -> str:
    return _base62(zlib.crc32(f"{prefix}_{body}".encode()), _CHECK)
