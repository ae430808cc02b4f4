"""The token of another issuer: read, and held against a trust (RFC 7519, 8693, 8725).

One function decides, for the token call and for the test of a trust alike (`examine`): its checks, in their
order, are what the test shows, and a token is accepted when none of them failed. Nothing in the header is
believed but the name of the key: `jku`, `x5u` and `jwk` would let a token bring its own key along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgspec

from runplane.server.core.errors import Invalid
from runplane.server.http import codec
from runplane.server.identity.jose import BadEncoding, from_base64url
from runplane.server.identity.trusts.keys import ALGORITHMS, KeySet, is_signed_with
from runplane.server.identity.trusts.model import Condition, TrustRow, claim_at, texts

MAX_TOKEN: Final = 16 * 1024
"""Characters of a whole token."""
MAX_KID: Final = 256
LEEWAY: Final = 30.0
"""Seconds by which the issuer's clock may be ahead of ours."""
_MAX_TIME: Final = 253_402_300_799
_MAX_SHOWN: Final = 200


class Check(msgspec.Struct, frozen=True):
    """One thing that must hold of a token. `name` is a claim, or what else was looked at."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """A token that is well formed; nothing in it is known to be true."""

    algorithm: str
    kid: str
    claims: Mapping[str, Any]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def issuer(self) -> str:
        """Who says to have issued it, "" if nobody."""
        found = self.claims.get("iss")
        return found if isinstance(found, str) else ""

    @property
    def expires_at(self) -> int:
        """When it ends, in seconds since 1970; 0 for a token that does not say so properly."""
        return _time(self.claims.get("exp")) or 0

    @property
    def digest(self) -> bytes:
        """What tells it apart from others: issuer and `jti`, or all that was signed.

        Not the whole text: a signature can have two spellings.
        """
        name = self.claims.get("jti")
        told = [self.issuer, name] if isinstance(name, str) and name else [self.signed.decode("ascii")]
        return hashlib.sha256(msgspec.json.encode(told)).digest()


def read_token(text: str) -> SubjectToken:
    """Read a signed JWT. Raises Invalid for anything else, without quoting it."""
    segments = text.strip().encode("ascii", "replace").split(b".")
    if len(text) > MAX_TOKEN or len(segments) != 3 or not all(segments):
        raise Invalid("This is no signed JWT of three parts with a dot between them.")
    try:
        header, payload, signature = (from_base64url(it) for it in segments)
    except BadEncoding:
        raise Invalid("The parts of a JWT are base64url without padding; these are not.") from None
    head, claims = _object(header), _object(payload)
    algorithm, kid = head.get("alg"), head.get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(kid, str) or len(kid) > MAX_KID or "crit" in head:
        raise Invalid("The header of the JWT holds something that is not understood here.")
    return SubjectToken(algorithm[:20], kid, claims, segments[0] + b"." + segments[1], signature)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = codec.strict_json(data)
    except (Invalid, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Invalid("The parts of a JWT are JSON objects; these are not.")
    return cast("dict[str, Any]", found)


def examine(token: SubjectToken, trust: TrustRow, now: float) -> list[Check]:
    """Hold all of a token but its signature against a trust, at `now`."""
    claims = token.claims
    found = [
        _equal("iss", token.issuer == trust.issuer, trust.issuer, claims.get("iss")),
        _audience(trust, claims.get("aud")),
        *_times(claims, now),
    ]
    return found + [_condition(it, claims) for it in trust.conditions]


def check_signature(token: SubjectToken, keys: KeySet) -> Check:
    """Hold the signature of a token against the keys of its issuer."""
    if token.algorithm not in ALGORITHMS:
        known = ", ".join(sorted(ALGORITHMS))
        return Check("signature", passed=False, message=f"It is signed with no algorithm out of {known}.")
    key = keys.find(token.algorithm, token.kid)
    if key is None:
        named = f"named {token.kid[:60]!r}" if token.kid else "that it could be signed with"
        return Check("signature", passed=False, message=f"The issuer has no {token.algorithm} key {named}.")
    if not is_signed_with(key, token.algorithm, token.signed, token.signature):
        return Check("signature", passed=False, message="The signature is not by the key it names.")
    return Check("signature", passed=True, message="It is signed by the issuer.")


def _equal(name: str, passed: bool, expected: str, found: Any) -> Check:
    if passed:
        return Check(name, passed=True, message=f"{name} is as the trust says.")
    return Check(name, passed=False, message=f"{name} must be {expected!r}; the token has {_shown(found)}.")


def _audience(trust: TrustRow, found: Any) -> Check:
    given = [found] if isinstance(found, str) else found
    listed = isinstance(given, list) and trust.audience in given
    return _equal("aud", listed, trust.audience, found)


def _times(claims: Mapping[str, Any], now: float) -> list[Check]:
    ends, begins, issued = (_time(claims.get(name)) for name in ("exp", "nbf", "iat"))
    good_start = begins is not None and begins <= now + LEEWAY
    return [
        # no leeway: what is exchanged never outlives it
        _timed("exp", ends is not None and ends > now, "a time to come, in seconds since 1970", claims),
        _timed("iat", issued is not None and issued <= now + LEEWAY, "a time that has passed", claims),
        _timed("nbf", "nbf" not in claims or good_start, "a time that has passed", claims),
    ]


def _timed(name: str, passed: bool, expected: str, claims: Mapping[str, Any]) -> Check:
    if passed:
        return Check(name, passed=True, message=f"{name} holds.")
    return Check(name, passed=False, message=f"{name} must be {expected}; it is {_shown(claims.get(name))}.")


def _condition(condition: Condition, claims: Mapping[str, Any]) -> Check:
    found = claim_at(claims, condition.claim)
    if condition.holds(found):
        return Check(condition.claim, passed=True, message=f"{condition.claim} meets the condition.")
    verb = "be" if condition.operator == "equals" else "match"
    wanted = " or ".join(repr(it) for it in condition.values)
    said = "; the token does not have it" if not texts(found) else f"; the token has {_shown(found)}"
    return Check(condition.claim, passed=False, message=f"{condition.claim} must {verb} {wanted}{said}.")


def _time(value: Any) -> int | None:
    # `type(...) is int` and not isinstance: True is an int to Python
    return value if type(value) is int and 0 <= value <= _MAX_TIME else None


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:_MAX_SHOWN]
