"""Keys of other issuers: JSON Web Key Sets read strictly, and remembered for a while.

A set is fetched when it is needed and kept for ten minutes. A token that names a key we have not seen makes
us look again, at most every half minute for one issuer: strangers must not be able to make this server ask.
The cryptography is PyJWT's, one algorithm at a time; what is allowed at all is the table below.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, cast

from runplane.server.core.errors import Invalid
from runplane.server.http import codec

# algorithm → key type and curve
ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        **{f"{family}{bits}": ("RSA", "") for family in ("RS", "PS") for bits in (256, 384, 512)},
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "ES512": ("EC", "P-521"),
        "EdDSA": ("OKP", "Ed25519"),
    }
)
MAX_KEYS: Final = 100
MAX_PINNED: Final = 32 * 1024
"""Bytes of a key set in a trust: each exchange reads those of all trusts in its issuer."""
FRESH_SECONDS: Final = 600.0
AGAIN_SECONDS: Final = 30.0
STALE_SECONDS: Final = 3600.0
"""How long keys are used on while their issuer cannot be reached."""
MAX_ISSUERS: Final = 256
_RSA_BITS: Final = 2048
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")

Jwk = Mapping[str, Any]


class IssuerFailed(Exception):
    """The keys of an issuer could not be had. `message` is a sentence that gives away no answer of it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class KeySet:
    """The keys of one issuer that can verify anything."""

    __slots__ = ("members",)

    def __init__(self, members: Sequence[Jwk]) -> None:
        self.members = tuple(members)

    def knows(self, kid: str) -> bool:
        """Whether there is a key of that name."""
        return any(it.get("kid", "") == kid for it in self.members)

    def find(self, algorithm: str, kid: str) -> Jwk | None:
        """The key of that name for an algorithm; without a name, the only key that fits."""
        fitting = [it for it in self.members if fits(it, algorithm)]
        if kid:
            return next((it for it in fitting if it.get("kid") == kid), None)
        return fitting[0] if len(fitting) == 1 else None


def fits(key: Jwk, algorithm: str) -> bool:
    """Whether a key may be used with an algorithm: by its type, and by what it says itself."""
    kind, curve = ALGORITHMS[algorithm]
    operations = key.get("key_ops")
    return (
        key.get("kty") == kind
        and (not curve or key.get("crv") == curve)
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def read_key_set(document: Any) -> KeySet:
    """The usable keys of a JWKS (RFC 7517 section 5); others in it are left out. Raises Invalid."""
    keys = cast("dict[str, Any]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:  # pyright: ignore[reportUnknownArgumentType]
        raise Invalid(f"A key set is an object with up to {MAX_KEYS} keys in the member keys.")
    members = [cast("dict[str, Any]", it) for it in keys if isinstance(it, dict)]  # pyright: ignore[reportUnknownVariableType]
    return KeySet([it for it in members if _is_usable(it)])


def check_pinned(document: Any) -> None:
    """Raise Invalid for a key set that cannot be pinned in a trust: with private keys, or without a usable
    one, or too large."""
    if len(codec.encode(document)) > MAX_PINNED:
        raise Invalid(f"jwks may have at most {MAX_PINNED // 1024} KiB; leave out keys that sign nothing.")
    found = read_key_set(document)
    if any(name in it for it in document["keys"] if isinstance(it, dict) for name in _PRIVATE):
        raise Invalid("jwks holds a private or secret key; send the public ones only, and replace that key.")
    if len(found.members) != len(document["keys"]):
        raise Invalid(
            "jwks holds a key that cannot verify anything here: use RSA (2048 bits), EC or Ed25519."
        )
    if not found.members:
        raise Invalid("jwks holds no key.")


def is_signed_with(key: Jwk, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Whether `signature` is one of `signed` by a key that `fits` the algorithm."""
    entry, public = _opened(key, algorithm)
    return public is not None and entry.verify(signed, public, signature)


def _is_usable(key: Jwk) -> bool:
    if any(name in key for name in _PRIVATE) or not isinstance(key.get("kid", ""), str):
        return False
    return any(fits(key, it) and _opened(key, it)[1] is not None for it in ALGORITHMS)


def _opened(key: Jwk, algorithm: str) -> tuple[Any, Any]:
    # Five megabytes that a server without trusts never needs.
    from jwt.algorithms import get_default_algorithms  # noqa: PLC0415
    from jwt.exceptions import PyJWTError  # noqa: PLC0415

    entry = get_default_algorithms()[algorithm]
    try:
        public = entry.from_jwk(dict(key))
    except (PyJWTError, ValueError, TypeError, KeyError):
        return entry, None
    short = ALGORITHMS[algorithm][0] == "RSA" and public.key_size < _RSA_BITS
    return entry, None if short else public


@dataclass(slots=True)
class _Known:
    keys: KeySet | None = None
    problem: str = ""
    tried_at: float = float("-inf")
    fetched_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuerKeys:
    """Fetches and remembers the keys that issuers publish. Runs on the event loop's thread.

    `fetch` gets the body of an address, or raises IssuerFailed.
    """

    def __init__(
        self, fetch: Callable[[str], Awaitable[bytes]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}

    async def of(self, issuer: str, kid: str) -> KeySet:
        """The keys of an issuer, looked up again for one it had not named `kid`. Raises IssuerFailed."""
        known = self._known.get(issuer)
        if known is None:
            known = self._known[issuer] = _Known()
            if len(self._known) > MAX_ISSUERS:
                del self._known[next(iter(self._known))]
        async with known.lock:
            if self._is_due(known, kid):
                await self._refresh(issuer, known)
            if known.keys is None or self._monotonic() - known.fetched_at > STALE_SECONDS:
                raise IssuerFailed(known.problem)
            return known.keys

    def _is_due(self, known: _Known, kid: str) -> bool:
        now = self._monotonic()
        fresh = now - known.fetched_at <= FRESH_SECONDS
        if fresh and known.keys is not None and (not kid or known.keys.knows(kid)):
            return False
        return now - known.tried_at > AGAIN_SECONDS

    async def _refresh(self, issuer: str, known: _Known) -> None:
        known.tried_at = self._monotonic()
        try:
            known.keys = await self._published(issuer)
            known.fetched_at = self._monotonic()
        except IssuerFailed as error:
            known.problem = error.message

    async def _published(self, issuer: str) -> KeySet:
        """The keys that an issuer publishes (OpenID Connect Discovery 1.0 section 4)."""
        found = await self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise IssuerFailed("The issuer's metadata is of another issuer; compare it with the tokens' iss.")
        address = found.get("jwks_uri")
        if not isinstance(address, str):
            raise IssuerFailed("The issuer's metadata names no jwks_uri.")
        try:
            return read_key_set(await self._document(address))
        except Invalid as error:
            raise IssuerFailed(f"The issuer's keys cannot be read: {error.message}") from error

    async def _document(self, address: str) -> dict[str, Any]:
        body = await self._fetch(address)
        try:
            found = codec.strict_json(body)
        except (Invalid, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise IssuerFailed("The issuer answered something that is no JSON object.")
        return cast("dict[str, Any]", found)
