"""The strict verifier of access tokens (RFC 7519, 8725, 9068 section 4).

Written by hand because PyJWT accepts tokens without `exp`, with `exp` as text, with any `typ` and with
padding behind the signature, and takes 1.5 times as long. The order is size, shape, header, signature,
payload: nothing of the payload is read before the signature holds. A property test compares every decision
with a strict wrapper around PyJWT.

Duplicate keys are found by encoding the decoded payload again: for a token of our own mint the bytes are
equal, which costs a fraction of a decoder that watches keys. Only when they differ does that slower one run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from runplane.server.core.errors import Unauthenticated
from runplane.server.identity.jose import (
    ALGORITHMS,
    BadEncoding,
    PublicKey,
    ascii_json,
    from_base64url,
    header_segment,
)

MAX_TOKEN: Final = 8192
"""Bytes of a whole token."""
MAX_LEEWAY: Final = 60.0
"""Seconds; RFC 8725 and ASVS want clock tolerance to be small."""
AUDIENCE: Final = "runai"
CONFINED_AUDIENCE: Final = "runplane-scoped"
"""The audience of an access token that has a scope: who verifies tokens without asking this server, as an API
server of Kubernetes does, knows nothing of scopes and must not take it for a whole one."""
ACCESS: Final = "Bearer"
"""The private claim `typ` of an access token."""
IDENTITY: Final = "ID"
"""The private claim `typ` of an ID token, which is refused as an access token."""

_MAX_KID: Final = 128
_MAX_TEXT: Final = 1024
_MAX_ITEMS: Final = 512
_MAX_TIME: Final = 253_402_300_799
"""9999-12-31T23:59:59Z: anything later cannot be written as an instant."""
_HEADER_KEYS: Final = frozenset(("alg", "typ", "kid"))
_TIMES: Final = ("exp", "iat", "nbf")
_REQUIRED_TEXTS: Final = ("iss", "sub", "jti")
_TEXTS: Final = ("email", "preferred_username", "client_id", "azp", "sid", "scope", "trust", "uid", "gid")

_decode_json: Final = msgspec.json.Decoder().decode


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an access token says. Times are whole seconds since 1970; claims not listed are ignored.

    The same struct is what the token service mints: an empty optional claim is then left out of the token.

    `tenant_id` is text even when the token carries a number. `epoch` counts the subject's revocations: the
    caller refuses a token whose epoch is older than the subject's. `uid` and `gid` are text, as upstream has
    them. `azp` is empty when the token has none; `client_id` then usually names the client. `trust` names the
    trust, and the version of it, by which the token of another issuer was exchanged for this one.
    """

    iss: str
    sub: str
    aud: tuple[str, ...]
    exp: int
    iat: int
    nbf: int
    jti: str
    typ: str
    tenant_id: str = ""
    email: str = ""
    preferred_username: str = ""
    groups: tuple[str, ...] = ()
    client_id: str = ""
    azp: str = ""
    epoch: int = 0
    sid: str = ""
    scope: str = ""
    trust: str = ""
    uid: str = ""
    gid: str = ""


class VerificationKey:
    """The public half of a signing key, ready to check signatures."""

    __slots__ = ("algorithm", "check", "kid", "public")

    def __init__(self, kid: str, algorithm: str, public: PublicKey) -> None:
        entry = ALGORITHMS[algorithm]
        if not entry.fits(public):
            raise ValueError(f"the key is not a key for {algorithm}")
        self.kid = kid
        self.algorithm = algorithm
        self.public = public
        self.check = entry.checker(public)


class Verifier:
    """Verifies the tokens of one issuer. Immutable: a new set of keys is a new Verifier.

    `leeway` in seconds, 0 to 60, is granted on `exp`, `nbf` and `iat`.
    """

    __slots__ = ("_audience", "_by_header", "_issuer", "_keys", "_leeway")

    def __init__(
        self,
        issuer: str,
        keys: Mapping[str, VerificationKey],
        *,
        audience: str = AUDIENCE,
        leeway: float = 30.0,
    ) -> None:
        if not 0 <= leeway <= MAX_LEEWAY:
            raise ValueError(f"leeway is 0 to {MAX_LEEWAY:.0f} seconds")
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._keys = dict(keys)
        # The header of our own mint is known text, so it needs no parsing.
        self._by_header = {header_segment(key.algorithm, kid): key for kid, key in keys.items()}

    def verify(self, token: str, now: float) -> Claims:
        """The claims of a valid access token at `now` (seconds since 1970).

        Raises Unauthenticated; its `reason` is one of malformed, unknown_key, bad_signature, wrong_issuer,
        wrong_audience, wrong_class, expired, not_yet_valid.
        """
        claims = self._signed(token)
        self._check_meaning(claims)
        self.still_valid(claims, now)
        return claims

    def identify(self, token: str) -> Claims:
        """The claims of an ID token of this issuer, be it expired: whom a sign-out is about.

        Raises Unauthenticated with one of the reasons malformed, unknown_key, bad_signature, wrong_issuer,
        wrong_class.
        """
        claims = self._signed(token)
        self._check_issuer(claims)
        if claims.typ != IDENTITY:
            raise Unauthenticated("This is not an ID token; send the one of the reply.", reason="wrong_class")
        return claims

    def _signed(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN or not token.isascii():
            _malformed()
        segments = token.encode("ascii").split(b".", 3)
        if len(segments) != 3 or not all(segments):
            _malformed()
        header, payload, signature = segments
        key = self._by_header.get(header) or self._key_of(header)
        try:
            # Decoding the payload first refuses bad spelling for less than a signature check; it is not read.
            text = from_base64url(payload)
            valid = key.check(from_base64url(signature), header + b"." + payload)
        except BadEncoding:
            _malformed()
        if not valid:
            raise Unauthenticated(
                "The token's signature is not valid; sign in again.", reason="bad_signature"
            )
        return _read_claims(_decode_payload(text))

    def still_valid(self, claims: Claims, now: float) -> None:
        """Check the clock again, for claims verified before: Unauthenticated if expired or not_yet_valid."""
        leeway = self._leeway
        if claims.exp <= now - leeway:
            raise Unauthenticated("The token has expired; ask for a new one.", reason="expired")
        if claims.nbf > now + leeway or claims.iat > now + leeway:
            raise Unauthenticated(
                "The token is not valid yet; check that the clocks of both machines agree.",
                reason="not_yet_valid",
            )

    def _key_of(self, segment: bytes) -> VerificationKey:
        """The key for a header that is not spelled as our mint spells it."""
        try:
            header = _strict_json(from_base64url(segment))
        except BadEncoding:
            _malformed()
        kid = header.get("kid")
        if not header.keys() <= _HEADER_KEYS or header.get("typ") != "JWT":
            _malformed()
        if not isinstance(kid, str) or len(kid) > _MAX_KID:
            _malformed()
        key = self._keys.get(kid)
        # One answer for both: the algorithm is part of the key, so another one names a key not held.
        if key is None or header.get("alg") != key.algorithm:
            raise Unauthenticated(
                "The token is signed with a key that is not in use here.", reason="unknown_key"
            )
        return key

    def _check_issuer(self, claims: Claims) -> None:
        if claims.iss != self._issuer:
            raise Unauthenticated("The token was issued by another server or tenant.", reason="wrong_issuer")

    def _check_meaning(self, claims: Claims) -> None:
        self._check_issuer(claims)
        if self._audience not in claims.aud and not (claims.scope and CONFINED_AUDIENCE in claims.aud):
            raise Unauthenticated("The token is meant for another service.", reason="wrong_audience")
        if claims.typ != ACCESS:
            raise Unauthenticated(
                "This is not an access token; send the access token of the reply.", reason="wrong_class"
            )


def _malformed() -> NoReturn:
    # `from None`: the parser's complaint may quote the token.
    raise Unauthenticated("The token is not well formed; ask for a new one.", reason="malformed") from None


def _decode_payload(data: bytes) -> dict[str, Any]:
    try:
        payload = _decode_json(data)
        if type(payload) is dict and ascii_json(payload) == data:  # pyright: ignore[reportUnknownArgumentType]
            return payload  # pyright: ignore[reportUnknownVariableType]
    except (ValueError, RecursionError):
        _malformed()
    return _strict_json(data)


def _strict_json(data: bytes) -> dict[str, Any]:
    """A JSON object without duplicate keys, NaN or unpaired surrogates, however it is spelled."""
    try:
        # The standard library lets NaN and lone surrogates pass, msgspec lets duplicates pass.
        _decode_json(data)
        value = json.loads(data.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        _malformed()
    if not isinstance(value, dict):
        _malformed()
    return value  # pyright: ignore[reportUnknownVariableType]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _read_claims(payload: dict[str, Any]) -> Claims:
    get = payload.get
    for name in _TIMES:
        value = get(name)
        # `type(...) is int` and not isinstance: True is an int to Python.
        if type(value) is not int or not 0 <= value <= _MAX_TIME:
            _malformed()
    for name in _REQUIRED_TEXTS:
        if not _text(get(name)):
            _malformed()
    return Claims(
        iss=payload["iss"],
        sub=payload["sub"],
        jti=payload["jti"],
        # A token without a class is of no class: it gets past this line and is refused by its meaning.
        typ=_text(get("typ", "")),
        aud=_texts(get("aud")),
        groups=_texts(get("groups", ())),
        exp=payload["exp"],
        iat=payload["iat"],
        nbf=payload["nbf"],
        epoch=_count(get("epoch", 0)),
        tenant_id=_tenant(get("tenant_id", "")),
        **{name: _text(payload[name]) for name in _TEXTS if name in payload},
    )


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > _MAX_TEXT:
        _malformed()
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """One text or a list of texts; RFC 7519 allows both for `aud`."""
    if type(value) is str:
        return (_text(value),)
    if not isinstance(value, list | tuple) or len(value) > _MAX_ITEMS:  # pyright: ignore[reportUnknownArgumentType]
        _malformed()
    return tuple([_text(item) for item in value])  # pyright: ignore[reportUnknownVariableType]


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        _malformed()
    return value


def _tenant(value: Any) -> str:
    return str(_count(value)) if type(value) is int else _text(value)
