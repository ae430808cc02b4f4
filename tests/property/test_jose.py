"""What is minted, read by PyJWT; what is verified, compared with a strict wrapper around PyJWT."""

from __future__ import annotations

import json
import re
import string
import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runplane.server.core.clock import instant
from runplane.server.core.errors import Unauthenticated
from runplane.server.identity import jose
from runplane.server.identity.keyring import SigningKey, verification_keys
from runplane.server.identity.verify import Verifier

ISSUER = "https://runplane.example/auth/realms/runai"
KEYS = [SigningKey.generate(instant(0), name) for name in jose.ALGORITHMS]
PUBLIC = {key.kid: (key.algorithm, key.private.public_key()) for key in KEYS}
VERIFIER = Verifier(ISSUER, verification_keys(KEYS), leeway=30)

# Every code point that JSON text can hold, the awkward ones of base64url more often than by chance.
texts = st.text(
    st.one_of(st.sampled_from('>?~\x7f-_<|\\"/é😀\x00'), st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(texts, values, max_size=6)


def std_decode(segment: str) -> Any:
    """What the official client does with the payload: the standard alphabet, which drops `-` and `_`."""
    return json.loads(b64decode(segment + "=="))


@given(payload=payloads, key=st.sampled_from(KEYS))
@example(payload={"url": "https://x.example/?a=~b>c"}, key=KEYS[0])
@example(payload={"a": "???", "b": "~~~", "c": ">>>", "d": "\x7f\x7f\x7f"}, key=KEYS[0])
def test_a_payload_survives_the_standard_alphabet_and_pyjwt(payload: dict[str, Any], key: SigningKey) -> None:
    token = key.minter().mint(payload)
    segment = token.split(".")[1]
    assert not set("-_") & set(segment)
    assert std_decode(segment) == payload
    algorithm, public = PUBLIC[key.kid]
    # Claims of any kind are minted here; what they mean is not this test's business.
    loose = {f"verify_{name}": False for name in ("exp", "iat", "nbf", "aud", "iss", "sub", "jti")}
    assert jwt.decode(token, public, algorithms=[algorithm], options=loose) == payload


@given(data=st.binary(max_size=70))
def test_base64url_is_the_one_of_the_standard_library(data: bytes) -> None:
    segment = jose.base64url(data)
    assert segment == urlsafe_b64encode(data).rstrip(b"=")
    assert jose.from_base64url(segment) == data


@pytest.mark.clause("jwt.one-spelling")
@given(segment=st.text(string.ascii_letters + string.digits + "-_=+/ ", max_size=12))
def test_a_segment_that_is_accepted_has_no_second_spelling(segment: str) -> None:
    try:
        data = jose.from_base64url(segment.encode())
    except jose.BadEncoding:
        return
    assert urlsafe_b64encode(data).rstrip(b"=").decode() == segment


# --- the verifier against PyJWT ----------------------------------------------------------------------

SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
LAST_SECOND = 253_402_300_799


class Refused(Exception):
    pass


def require(condition: object) -> None:
    if not condition:
        raise Refused


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len({name for name, _ in pairs}) == len(pairs))
    return dict(pairs)


def canonical(segment: str) -> bytes:
    data = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    require(urlsafe_b64encode(data).rstrip(b"=").decode() == segment)
    return data


def wrapper(token: str) -> None:
    """The wrapper of the security notes: PyJWT with everything it lets through examined around it."""
    require(len(token) <= 8192)
    segments = token.split(".")
    require(len(segments) == 3 and all(SEGMENT.fullmatch(segment) for segment in segments))
    raw = [canonical(segment) for segment in segments]
    header = json.loads(raw[0], object_pairs_hook=no_twins)
    require(set(header) <= {"alg", "typ", "kid"} and header.get("typ") == "JWT")
    require(isinstance(header.get("kid"), str) and len(header["kid"]) <= 128 and header["kid"] in PUBLIC)
    algorithm, public = PUBLIC[header["kid"]]
    require(header.get("alg") == algorithm)
    required = ["iss", "aud", "sub", "exp", "iat", "nbf", "jti"]
    claims = jwt.decode(
        token,
        public,
        algorithms=[algorithm],
        audience="runai",
        issuer=ISSUER,
        leeway=30,
        options={"require": required},
    )
    require(claims == json.loads(raw[1], object_pairs_hook=no_twins))
    require(
        all(type(claims[name]) is int and 0 <= claims[name] <= LAST_SECOND for name in ("exp", "iat", "nbf"))
    )
    require(all(type(claims[name]) is str and claims[name] for name in ("sub", "jti")))
    require(claims.get("typ") == "Bearer")


def accepted_by_wrapper(token: str) -> bool:
    try:
        wrapper(token)
    except (Refused, jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError):
        return False
    return True


def accepted_by_us(token: str) -> bool:
    try:
        VERIFIER.verify(token, time.time())
    except Unauthenticated:
        return False
    return True


# Offsets of hours, so that the instant between the two verdicts does not matter.
moments = st.sampled_from([-10_000_000, -7200, 0, 7200]).map(lambda offset: int(time.time()) + offset)
odd_times = st.sampled_from([None, True, "1800000000", 1.8e9, -5, 10**25, [1], {}])
odd_texts = st.sampled_from(
    [None, "", 7, True, [], ["runai"], {}, "runai", ISSUER, ISSUER + "/", "x", "Bearer"]
)
audiences = st.sampled_from(
    ["runai", ["runai"], ["x", "runai"], "x", [], ["x"], 7, None, ["runai", 7], {"runai": 1}]
)
MISSING = object()

changes = st.fixed_dictionaries(
    {},
    optional={
        **{name: moments | odd_times | st.just(MISSING) for name in ("exp", "iat", "nbf")},
        **{name: odd_texts | st.just(MISSING) for name in ("iss", "sub", "jti")},
        "aud": audiences | st.just(MISSING),
        "typ": st.sampled_from(["Bearer", "ID", "bearer", "", 7, None, MISSING]),
        "more": values,
    },
)
header_changes = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from([*jose.ALGORITHMS, "none", "HS256", 7, None, MISSING]),
        "kid": st.sampled_from([*PUBLIC, "", "x" * 129, 7, None, MISSING]),
        "typ": st.sampled_from(["JWT", "jwt", "at+jwt", None, MISSING]),
        "crit": st.just(["exp"]),
        "jku": st.just("http://evil.example"),
    },
)


def base_claims() -> dict[str, Any]:
    now = int(time.time())
    times = {"exp": now + 3600, "iat": now - 60, "nbf": now - 60}
    return {"iss": ISSUER, "sub": "anna", "aud": ["runai"], "jti": "1", "typ": "Bearer", **times}


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**base, **change}.items() if value is not MISSING}


def dumped(value: dict[str, Any], spacing: bool, twin: str | None) -> bytes:
    text = json.dumps(value) if spacing else json.dumps(value, separators=(",", ":"))
    if twin is not None:
        text = "{" + json.dumps(twin) + ":1" + ("," if value else "") + text[1:]
    return text.encode()


@st.composite
def signed_tokens(draw: st.DrawFn) -> str:
    """Tokens with a right signature over whatever they say."""
    key = draw(st.sampled_from(KEYS))
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
    header = merged(header, draw(st.just({}) | header_changes))
    claims = merged(base_claims(), draw(st.just({}) | changes))
    twins = st.none() | st.sampled_from(["exp", "kid", "alg", "extra"])
    parts = [dumped(part, draw(st.booleans()), draw(twins)) for part in (header, claims)]
    signed = b".".join(jose.base64url(part) for part in parts)
    signature = jose.sign_key(key.algorithm, key.private)(signed)
    return (signed + b"." + jose.base64url(signature)).decode()


@st.composite
def damaged_tokens(draw: st.DrawFn) -> str:
    """Tokens that were good, then changed in one place, cut, or lengthened."""
    key = draw(st.sampled_from(KEYS))
    token = key.minter().mint(base_claims())
    at = draw(st.integers(0, len(token)))
    piece = draw(st.text(string.ascii_letters + string.digits + "-_=+/. \n", max_size=3))
    skipped = draw(st.integers(0, 3))
    return token[:at] + piece + token[at + skipped :]


@pytest.mark.clause("jwt.compared")
@given(token=signed_tokens())
def test_a_signed_token_is_accepted_exactly_when_the_wrapper_accepts_it(token: str) -> None:
    assert accepted_by_us(token) == accepted_by_wrapper(token)


@pytest.mark.clause("jwt.compared")
@given(token=damaged_tokens())
def test_a_damaged_token_is_accepted_exactly_when_the_wrapper_accepts_it(token: str) -> None:
    assert accepted_by_us(token) == accepted_by_wrapper(token)


@given(token=st.text(max_size=60) | st.lists(st.text(max_size=20), min_size=3, max_size=3).map(".".join))
def test_text_of_any_kind_is_refused_as_a_domain_error(token: str) -> None:
    assert not accepted_by_us(token)


def test_the_comparison_sees_tokens_of_both_kinds() -> None:
    for key in KEYS:
        token = key.minter().mint(base_claims())
        assert accepted_by_us(token)
        assert accepted_by_wrapper(token)
        assert not accepted_by_wrapper(key.minter().mint(merged(base_claims(), {"exp": MISSING})))
        assert not accepted_by_wrapper(token + "==")
