"""Tokens of other issuers as they are read and held against a trust: limits to the second and the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runplane.server.core.errors import Invalid
from runplane.server.identity.jose import base64url
from runplane.server.identity.trusts.keys import KeySet
from runplane.server.identity.trusts.model import Condition, TrustRow
from runplane.server.identity.trusts.subject import (
    LEEWAY,
    MAX_KID,
    MAX_TOKEN,
    SubjectToken,
    check_signature,
    examine,
    read_token,
)
from support.issuer import SigningKey

NOW = 1_000_000.0
KEY = SigningKey("k1")
CLAIMS: dict[str, Any] = {
    "iss": "https://ci.example",
    "aud": "https://runplane.example",
    "ref": "refs/heads/main",
    "exp": int(NOW) + 1,
    "iat": int(NOW),
    "nbf": int(NOW),
}


def trust(**changes: Any) -> TrustRow:
    base: dict[str, Any] = {
        "id": "t",
        "tenant_id": 1,
        "name": "ci",
        "service_account_id": "s",
        "issuer": CLAIMS["iss"],
        "audience": CLAIMS["aud"],
        "conditions": (Condition("ref", "equals", ("refs/heads/main",)),),
        "jwks": None,
        "max_token_seconds": 300,
        "single_use": False,
        "enabled": True,
        "version": 1,
        "created_by": "a",
        "created_at": "",
        "updated_by": "a",
        "updated_at": "",
    }
    return TrustRow(**{**base, **changes})


def wrong(**changes: Any) -> list[str]:
    """The names of the checks that claims with these changes do not pass; None takes a claim away."""
    claims = {name: it for name, it in {**CLAIMS, **changes}.items() if it is not None}
    token = SubjectToken("ES256", "k1", claims, b"", b"")
    return [it.name for it in examine(token, trust(), NOW) if not it.passed]


def text_of(header: Any, claims: Any = None, signature: bytes = b"s") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims or {}).encode(), signature)
    return b".".join(base64url(it) for it in parts).decode()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"iss": "https://ci.example/"}, ["iss"]),
        ({"iss": None}, ["iss"]),
        ({"aud": ["x", CLAIMS["aud"]]}, []),
        ({"aud": ["x"]}, ["aud"]),
        ({"aud": {CLAIMS["aud"]: 1}}, ["aud"]),
        ({"aud": None}, ["aud"]),
        ({"exp": int(NOW)}, ["exp"]),
        ({"exp": None}, ["exp"]),
        ({"exp": True}, ["exp"]),
        ({"exp": NOW + 1.5}, ["exp"]),
        ({"exp": 253_402_300_799}, []),
        ({"exp": 253_402_300_800}, ["exp"]),
        ({"iat": int(NOW + LEEWAY)}, []),
        ({"iat": int(NOW + LEEWAY) + 1}, ["iat"]),
        ({"iat": 0}, []),
        ({"iat": -1}, ["iat"]),
        ({"iat": None}, ["iat"]),
        ({"nbf": int(NOW + LEEWAY)}, []),
        ({"nbf": int(NOW + LEEWAY) + 1}, ["nbf"]),
        ({"nbf": "0"}, ["nbf"]),
        ({"nbf": None}, []),
        ({"ref": "refs/heads/other"}, ["ref"]),
        ({"ref": None}, ["ref"]),
    ],
)
def test_each_claim_is_held_to_the_second(changes: dict[str, Any], expected: list[str]) -> None:
    assert wrong(**changes) == expected


def test_a_check_that_fails_shows_what_the_token_has() -> None:
    token = SubjectToken("ES256", "k1", {**CLAIMS, "iss": "other", "ref": "x", "exp": "soon"}, b"", b"")
    told = {it.name: it.message for it in examine(token, trust(), NOW)}
    assert "the token has 'other'" in told["iss"]
    assert "the token has 'x'" in told["ref"]
    assert "it is 'soon'" in told["exp"]
    bare = SubjectToken("ES256", "k1", {}, b"", b"")
    told = {it.name: it.message for it in examine(bare, trust(), NOW)}
    assert "the token has nothing" in told["iss"]
    assert "the token does not have it" in told["ref"]
    assert (bare.issuer, bare.expires_at, token.expires_at) == ("", 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        text_of({"alg": "ES256"}, signature=b""),
        text_of({"alg": "ES256"}) + "=",
        text_of(["ES256"]),
        text_of({"alg": "ES256"}, ["claims"]),
        text_of({}),
        text_of({"alg": 256}),
        text_of({"alg": "ES256", "kid": 1}),
        text_of({"alg": "ES256", "kid": "k" * (MAX_KID + 1)}),
        text_of({"alg": "ES256", "crit": []}),
        text_of({"alg": "ES256"}, {"a": "x" * MAX_TOKEN}),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_token(text)


def test_a_token_is_read() -> None:
    token = read_token(f" {text_of({'alg': 'ES256', 'kid': 'k' * MAX_KID}, CLAIMS)}\n")
    assert (token.algorithm, token.kid, token.claims) == ("ES256", "k" * MAX_KID, CLAIMS)
    assert (token.issuer, token.expires_at, token.signature) == (CLAIMS["iss"], CLAIMS["exp"], b"s")
    filler = "." + "x" * (MAX_TOKEN - len(text_of({"alg": "ES256"}, CLAIMS, b"")))
    longest = text_of({"alg": "ES256"}, CLAIMS, b"").rstrip(".") + filler
    assert len(longest) == MAX_TOKEN
    assert read_token(longest).claims == CLAIMS


def test_tokens_are_told_apart_by_issuer_and_id_or_by_what_was_signed() -> None:
    def digest(claims: dict[str, Any], signed: bytes = b"1") -> bytes:
        return SubjectToken("ES256", "", claims, signed, b"").digest

    assert digest({"iss": "a", "jti": "1"}) == digest({"iss": "a", "jti": "1"}, b"2")
    assert digest({"iss": "a", "jti": "1"}) != digest({"iss": "b", "jti": "1"})
    assert digest({"iss": "a", "jti": "1"}) != digest({"iss": "a", "jti": "2"})
    for unnamed in ({"iss": "a"}, {"iss": "a", "jti": ""}, {"iss": "a", "jti": 1}):
        assert digest(unnamed) == digest(unnamed)
        assert digest(unnamed) != digest(unnamed, b"2")


def test_only_a_signature_of_the_named_key_holds() -> None:
    keys = KeySet([KEY.jwk()])
    good = read_token(KEY.sign(CLAIMS))
    assert check_signature(good, keys).passed
    assert not check_signature(read_token(SigningKey("k1").sign(CLAIMS)), keys).passed
    unknown = check_signature(read_token(KEY.sign(CLAIMS, kid="k2")), keys)
    assert (unknown.passed, "'k2'" in unknown.message) == (False, True)
    unnamed = SubjectToken("ES384", "", CLAIMS, good.signed, good.signature)
    assert "that it could be signed with" in check_signature(unnamed, keys).message
    assert not check_signature(SubjectToken("none", "k1", CLAIMS, good.signed, b""), keys).passed
