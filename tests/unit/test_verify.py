from __future__ import annotations

import json
import string
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from runplane.server.core.clock import instant
from runplane.server.core.errors import Unauthenticated
from runplane.server.identity import jose
from runplane.server.identity.keyring import SigningKey, verification_keys
from runplane.server.identity.verify import Claims, VerificationKey, Verifier

NOW = 1_800_000_000
ISSUER = "https://runplane.example/auth/realms/runai"
KEY = SigningKey.generate(instant(NOW))
OTHER = SigningKey.generate(instant(NOW), "EdDSA")
STRANGER = SigningKey.generate(instant(NOW))
VERIFIER = Verifier(ISSUER, verification_keys([KEY, OTHER]))


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good token; a change to None removes the claim."""
    base = {
        "iss": ISSUER,
        "sub": "0195f0a0-7b1c-7d22-8c1e-aabbccddeeff",
        "aud": ["runai"],
        "exp": NOW + 3600,
        "iat": NOW,
        "nbf": NOW,
        "jti": "0195f0a0-7b1c-7d22-8c1e-001122334455",
        "typ": "Bearer",
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def sign(payload: bytes, header: bytes | None = None, key: SigningKey = KEY) -> str:
    """A token of exactly these bytes, with a right signature."""
    head = jose.header_segment(key.algorithm, key.kid) if header is None else jose.base64url(header)
    signed = head + b"." + jose.base64url(payload)
    return (signed + b"." + jose.base64url(jose.sign_key(key.algorithm, key.private)(signed))).decode()


def refusal(token: str, now: float = NOW, verifier: Verifier = VERIFIER) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        verifier.verify(token, now)
    return caught.value


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_good_token_gives_its_claims(key: SigningKey) -> None:
    token = key.minter().mint(
        claims(
            tenant_id="1001", email="zoë@example.org", groups=["ml", "ops?"], client_id="ci", azp="ci",
            epoch=3,
            sid="s1", scope="openid", uid="1000", gid="100", unknown={"extra": [1, None]},
            preferred_username="zoë",
        )
    )  # fmt: skip
    assert VERIFIER.verify(token, NOW) == Claims(
        iss=ISSUER, sub="0195f0a0-7b1c-7d22-8c1e-aabbccddeeff", aud=("runai",), exp=NOW + 3600, iat=NOW,
        nbf=NOW,
        jti="0195f0a0-7b1c-7d22-8c1e-001122334455", typ="Bearer", tenant_id="1001", email="zoë@example.org",
        groups=("ml", "ops?"), client_id="ci", azp="ci", epoch=3, sid="s1", scope="openid", uid="1000",
        gid="100",
        preferred_username="zoë",
    )  # fmt: skip


def test_the_claims_of_a_token_can_be_minted_again() -> None:
    first = VERIFIER.verify(KEY.minter().mint(claims(epoch=7)), NOW)
    token = KEY.minter().mint(first)
    assert VERIFIER.verify(token, NOW) == first
    payload = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    assert payload == claims(epoch=7)


def test_a_single_audience_and_a_numeric_tenant_are_read() -> None:
    read = VERIFIER.verify(KEY.minter().mint(claims(aud="runai", tenant_id=1001)), NOW)
    assert read.aud == ("runai",)
    assert read.tenant_id == "1001"


def test_a_header_spelled_otherwise_is_still_ours() -> None:
    header = json.dumps({"typ": "JWT", "alg": "ES256", "kid": KEY.kid}).encode()
    assert VERIFIER.verify(sign(json.dumps(claims(), indent=1).encode(), header), NOW).iss == ISSUER


@pytest.mark.clause("jwt.claims-required")
@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"])
def test_every_registered_claim_is_required(missing: str) -> None:
    assert refusal(KEY.minter().mint(claims(**{missing: None}))).reason == "malformed"


@pytest.mark.clause("jwt.times")
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [True, str(NOW), float(NOW), -1, 10**30, [NOW], 1e300])
def test_times_are_whole_numbers(name: str, value: Any) -> None:
    assert refusal(sign(json.dumps(claims(**{name: value})).encode())).reason == "malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"sub": ""}, {"sub": 7}, {"jti": ["x"]}, {"jti": "x" * 1025}, {"aud": []}, {"aud": [["runai"]]},
        {"aud": 7},
        {"aud": {"runai": 1}}, {"aud": ["x"] * 513}, {"epoch": True}, {"epoch": -1}, {"epoch": "1"},
        {"groups": [1]},
        {"groups": {"a": 1}}, {"email": 7}, {"tenant_id": True}, {"tenant_id": 1.5}, {"uid": 1000},
        {"typ": 7},
    ],
)  # fmt: skip
def test_claims_of_the_wrong_type_or_size(change: dict[str, Any]) -> None:
    expected = "wrong_audience" if change == {"aud": []} else "malformed"
    assert refusal(KEY.minter().mint(claims(**change))).reason == expected


@pytest.mark.clause("jwt.class")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": ISSUER + "/"}, "wrong_issuer"),
        ({"iss": ISSUER.replace("runai", "other")}, "wrong_issuer"),
        ({"aud": ["account"]}, "wrong_audience"),
        ({"aud": "runai-cli"}, "wrong_audience"),
        ({"typ": "ID"}, "wrong_class"),
        ({"typ": "Refresh"}, "wrong_class"),
        ({"typ": "bearer"}, "wrong_class"),
        ({"typ": None}, "wrong_class"),
    ],
)
def test_a_token_for_another_place_or_use(change: dict[str, Any], reason: str) -> None:
    assert refusal(KEY.minter().mint(claims(**change))).reason == reason


@pytest.mark.clause("jwt.times")
def test_the_clock_with_leeway() -> None:
    token = KEY.minter().mint(claims())
    strict = Verifier(ISSUER, verification_keys([KEY]), leeway=0)
    assert VERIFIER.verify(token, NOW + 3600 + 29.9)
    assert refusal(token, NOW + 3600 + 30).reason == "expired"
    assert refusal(token, NOW + 3600, strict).reason == "expired"
    assert strict.verify(token, NOW + 3599.9)
    assert VERIFIER.verify(token, NOW - 30)
    assert refusal(token, NOW - 30.1).reason == "not_yet_valid"
    for name in ("iat", "nbf"):
        ahead = KEY.minter().mint(claims(**{name: NOW + 31}))
        assert refusal(ahead).reason == "not_yet_valid"
        assert VERIFIER.verify(ahead, NOW + 1)


def test_claims_verified_before_are_only_held_against_the_clock() -> None:
    read = VERIFIER.verify(KEY.minter().mint(claims()), NOW)
    VERIFIER.still_valid(read, NOW + 3600)
    with pytest.raises(Unauthenticated, match="expired"):
        VERIFIER.still_valid(read, NOW + 3630)


@pytest.mark.clause("jwt.times")
@pytest.mark.parametrize("leeway", [-1, 60.5, float("nan")])
def test_the_leeway_is_bounded(leeway: float) -> None:
    with pytest.raises(ValueError, match="0 to 60"):
        Verifier(ISSUER, {}, leeway=leeway)


def test_a_signature_of_another_key_or_over_another_payload() -> None:
    good = KEY.minter().mint(claims())
    header, payload, signature = good.split(".")
    other = KEY.minter().mint(claims(sub="root"))
    assert refusal(f"{header}.{other.split('.')[1]}.{signature}").reason == "bad_signature"
    assert refusal(f"{header}.{payload}.{'A' * 86}").reason == "bad_signature"
    assert refusal(f"{header}.{payload}.{signature[:84]}").reason == "bad_signature"
    forged = STRANGER.minter().mint(claims()).split(".")
    assert refusal(f"{header}.{forged[1]}.{forged[2]}").reason == "bad_signature"


@pytest.mark.clause("jwt.algorithm-of-key")
@pytest.mark.parametrize(
    "change",
    [
        {"kid": STRANGER.kid}, {"kid": ""}, {"kid": "../" + KEY.kid}, {"kid": "' OR 1=1 --"},
        {"alg": "EdDSA"},
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "es256"}, {"alg": None}, {"alg": ["ES256"]},
    ],
)  # fmt: skip
def test_only_our_keys_with_their_own_algorithm(change: dict[str, Any]) -> None:
    header = {"alg": "ES256", "typ": "JWT", "kid": KEY.kid, **change}
    assert refusal(sign(json.dumps(claims()).encode(), json.dumps(header).encode())).reason == "unknown_key"


@pytest.mark.clause("jwt.no-key-from-token", "jwt.unknown-critical")
@pytest.mark.parametrize(
    "change",
    [
        {"crit": ["exp"]}, {"jku": "http://evil.example/keys"}, {"jwk": {}},
        {"x5u": "http://evil.example"}, {"b64": False},
        {"typ": "at+jwt"}, {"typ": "jwt"}, {"typ": None}, {"kid": None}, {"kid": 7}, {"kid": ["x"]},
        {"kid": "k" * 129}, {"kid": "\ud800"},
        {"kid": "k" * 2000},
    ],
)  # fmt: skip
def test_a_header_with_anything_else_is_malformed(change: dict[str, Any]) -> None:
    header = {"alg": "ES256", "typ": "JWT", "kid": KEY.kid, **change}
    assert refusal(sign(json.dumps(claims()).encode(), json.dumps(header).encode())).reason == "malformed"


def doubled(member: str, value: dict[str, Any]) -> bytes:
    """The JSON of `value` with a second, leading `member`."""
    return f'{{"{member}":1,'.encode() + json.dumps(value).encode()[1:]


@pytest.mark.parametrize(
    "payload",
    [
        doubled("sub", claims()),
        doubled("extra", claims(extra=2)),
        json.dumps(claims(deep={"a": 0})).encode().replace(b'"a": 0', b'"a": 0, "a": 1'),
        b"[]", b"1", b"", b"{", b"null", b"\xff", json.dumps(claims()).encode() + b" {}",
        json.dumps(claims(extra=float("nan"))).encode(),
        json.dumps(claims(extra=float("inf"))).encode(),
        json.dumps(claims(extra="\ud800")).encode(),
        b'{"extra":' + b"[" * 3000 + b"]" * 3000 + b"," + json.dumps(claims()).encode()[1:],
        b'{"extra":' + b"9" * 5000 + b"," + json.dumps(claims()).encode()[1:],
    ],
)  # fmt: skip
def test_a_signed_payload_that_is_not_plain_json(payload: bytes) -> None:
    assert refusal(sign(payload)).reason == "malformed"


def test_a_header_with_a_key_twice() -> None:
    header = doubled("kid", {"alg": "ES256", "typ": "JWT", "kid": KEY.kid})
    assert refusal(sign(json.dumps(claims()).encode(), header)).reason == "malformed"


def test_an_ecdsa_signature_has_64_bytes_even_if_the_numbers_are_the_same() -> None:
    for number in range(2000):
        head, payload, signature = KEY.minter().mint(claims(jti=str(number + 1))).split(".")
        raw = urlsafe_b64decode(signature + "==")
        longer = raw[:32] + b"\0" + raw[32:]
        assert refusal(f"{head}.{payload}.{jose.base64url(longer).decode()}").reason == "bad_signature"
        if raw[32] == 0:
            shorter = raw[:32] + raw[33:]
            assert refusal(f"{head}.{payload}.{jose.base64url(shorter).decode()}").reason == "bad_signature"
            return
    pytest.fail("no signature with a leading zero in 2000: the chance of that is 0.04 %")


GOOD = KEY.minter().mint(claims())


@pytest.mark.clause("jwt.one-spelling")
@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "...", "x", GOOD + "=", GOOD + "==", GOOD + ".", "." + GOOD, GOOD + ".e30",
        " " + GOOD, GOOD + "\n",
        GOOD.replace(".", ".=", 1), GOOD.rsplit(".", 1)[0], GOOD.rsplit(".", 1)[0] + ".", GOOD.replace(".",
        "\u2024", 1),
        GOOD[:-2] + "é" + GOOD[-1], GOOD[:-1] + "\ud800", GOOD.split(".")[0] + ".." + GOOD.split(".")[2],
        GOOD + "A" * 9000,
        "A" * 100_000, GOOD.replace(".", "\0.", 1), "e30.e30.e30", "e30", "null.null.null",
    ],
)  # fmt: skip
def test_text_that_is_no_token(token: str) -> None:
    assert refusal(token).reason == "malformed"


@pytest.mark.clause("jwt.one-spelling")
def test_unused_bits_of_the_last_character_are_zero() -> None:
    # 64 bytes leave 4 unused bits in the last character, so 15 other characters decode to the same signature.
    same = [GOOD[:-1] + last for last in string.ascii_letters + string.digits + "-_" if last != GOOD[-1]]
    assert {refusal(token).reason for token in same} <= {"malformed", "bad_signature"}
    spelled = [
        token for token in same if urlsafe_b64decode(token.rsplit(".", 1)[1] + "==") == signature_of(GOOD)
    ]
    assert len(spelled) == 15
    assert {refusal(token).reason for token in spelled} == {"malformed"}


def signature_of(token: str) -> bytes:
    return urlsafe_b64decode(token.rsplit(".", 1)[1] + "==")


@pytest.mark.clause("jwt.one-spelling")
def test_the_size_limit_is_exact() -> None:
    header = json.dumps({"alg": KEY.algorithm, "kid": KEY.kid, "typ": "JWT"}).encode()

    def of(length: int) -> str:
        # with this header and with one a space longer, every length can be had
        for head in (header, header + b" "):
            rest = length - len(sign(b"", head))
            payload = json.dumps(claims(extra="")).encode()
            filled = json.dumps(claims(extra="x" * (rest * 3 // 4 - len(payload)))).encode()
            if len(made := sign(filled, head)) == length:
                return made
        raise AssertionError(f"no token has {length} characters")

    assert VERIFIER.verify(of(8192), NOW)
    assert refusal(of(8193)).reason == "malformed"


def test_the_greatest_claims_are_read_and_the_longest_key_id_is_looked_for() -> None:
    """One character or member more is malformed (above); these are what an issuer may still send."""
    audience = ["runai", *(["x"] * 511)]
    read = VERIFIER.verify(KEY.minter().mint(claims(jti="x" * 1024, email="y" * 1024, aud=audience)), NOW)
    assert (len(read.jti), len(read.email), len(read.aud)) == (1024, 1024, 512)
    header = {"alg": "ES256", "typ": "JWT", "kid": "k" * 128}
    assert refusal(sign(json.dumps(claims()).encode(), json.dumps(header).encode())).reason == "unknown_key"


def test_a_refusal_never_quotes_the_token() -> None:
    secret = "very-secret-name"
    for token in (
        KEY.minter().mint(claims(sub=secret, exp=1)),
        sign(f'{{"{secret}'.encode()),
        secret + ".x.y",
    ):
        error = refusal(token)
        assert secret not in error.message
        assert error.__suppress_context__ or error.__context__ is None
        assert error.challenge_error == "invalid_token"


def test_a_verification_key_must_fit_its_algorithm() -> None:
    with pytest.raises(ValueError, match="not a key for EdDSA"):
        VerificationKey("x", "EdDSA", KEY.private.public_key())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": "Bearer"}, "wrong_class"),
        ({"iss": ISSUER + "x"}, "wrong_issuer"),
        ({"iss": None}, "malformed"),
    ],
)
def test_only_an_id_token_of_this_issuer_says_who_signs_out(changes: dict[str, Any], reason: str) -> None:
    mint = KEY.minter().mint
    assert VERIFIER.identify(mint(claims(typ="ID", exp=NOW - 10_000))).iss == ISSUER
    with pytest.raises(Unauthenticated) as caught:
        VERIFIER.identify(mint(claims(**{"typ": "ID", **changes})))
    assert caught.value.reason == reason
