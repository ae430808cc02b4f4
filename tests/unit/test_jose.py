from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from runplane.server.core.clock import instant
from runplane.server.identity import jose
from runplane.server.identity.jose import ALGORITHMS
from runplane.server.identity.keyring import SigningKey, jwks, verification_keys
from runplane.server.identity.vault import KeyEncryptionKey, VaultError

NOW = instant(1_800_000_000)
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

keys = pytest.mark.parametrize(
    "key", [SigningKey.generate(NOW, name) for name in ALGORITHMS], ids=list(ALGORITHMS)
)


@pytest.mark.clause("jwks.public-only")
@keys
def test_the_published_key_is_public_and_lets_pyjwt_verify(key: SigningKey) -> None:
    document = jwks([key.verification_key()])
    (published,) = json.loads(json.dumps(document))["keys"]
    assert not published.keys() & PRIVATE_MEMBERS
    assert published["kid"] == key.kid
    assert published["alg"] == key.algorithm
    assert published["use"] == "sig"
    token = key.minter().mint({"sub": "anna"})
    public = jwt.PyJWK(published)
    assert jwt.decode(token, public, algorithms=[key.algorithm]) == {"sub": "anna"}


@keys
def test_the_header_names_algorithm_key_and_type_only(key: SigningKey) -> None:
    token = key.minter().mint({"sub": "anna"})
    assert jwt.get_unverified_header(token) == {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
    assert token.split(".")[0].encode() == jose.header_segment(key.algorithm, key.kid)
    assert key.minter().kid == key.kid


@pytest.mark.clause("jwks.unique-ids")
@keys
def test_the_key_id_is_the_start_of_the_thumbprint_of_rfc_7638(key: SigningKey) -> None:
    published = jose.public_jwk(key.algorithm, key.private.public_key(), key.kid)
    members = {name: published[name] for name in published.keys() - {"kid", "alg", "use"}}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest().startswith(key.kid)
    assert len(key.kid) == 32


def test_the_thumbprint_of_the_example_in_rfc_7638() -> None:
    # The key of section 3.1, written as its modulus; the section gives the thumbprint.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz"
        "s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G"
        "_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(urlsafe_b64decode(modulus + "=="))
    public = rsa.RSAPublicNumbers(65537, number).public_key()
    expected = urlsafe_b64decode("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs=")
    assert jose.key_id("RS256", public) == expected.hex()[:32]


def test_a_key_of_another_kind_is_refused() -> None:
    others = [
        ("ES256", ed25519.Ed25519PrivateKey.generate()),
        ("EdDSA", ec.generate_private_key(ec.SECP256R1())),
        ("ES256", ec.generate_private_key(ec.SECP384R1())),
        ("RS256", ec.generate_private_key(ec.SECP256R1())),
    ]
    for algorithm, private in others:
        with pytest.raises(ValueError, match="not a key for"):
            jose.sign_key(algorithm, private)
        with pytest.raises(ValueError, match="not a key for"):
            jose.private_from_der(algorithm, jose.private_to_der(private))


def test_an_rsa_key_of_1024_bits_is_too_weak() -> None:
    with pytest.raises(ValueError, match="not a key for RS256"):
        jose.sign_key("RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))


@pytest.mark.parametrize("number", [1, 127, 128, 2**255, 2**255 - 1, 2**248 - 1, 2**256 - 1, 255 << 240])
def test_the_two_forms_of_an_ecdsa_signature(number: int) -> None:
    for r, s in ((number, 5), (5, number), (number, number)):
        raw = r.to_bytes(32) + s.to_bytes(32)
        der = encode_dss_signature(r, s)
        assert jose.raw_from_der(der) == raw
        assert jose.der_from_raw(raw) == der
        assert decode_dss_signature(jose.der_from_raw(raw)) == (r, s)


def test_base64url_has_one_spelling() -> None:
    for size in range(9):
        data = bytes(range(250, 250 - size, -1))
        segment = jose.base64url(data)
        assert segment == urlsafe_b64encode(data).rstrip(b"=")
        assert jose.from_base64url(segment) == data


@pytest.mark.parametrize(
    "segment",
    [
        b"YQ==",
        b"YQ=",
        b"YR",
        b"YWJ",
        b"Y",
        b"YQ\n",
        b" YQ",
        b"+/+/",
        b"YW.I",
        b"YQ!",
        b"Y\xc3\xa9",
        b"YQ==YQ",
    ],
)
def test_other_spellings_are_refused(segment: bytes) -> None:
    with pytest.raises(jose.BadEncoding):
        jose.from_base64url(segment)


def test_the_payload_is_ascii_and_escaped() -> None:
    data = jose.ascii_json({"a": 'what? ~ > \x7f é 😀 \\ "', "b~": "plain"})
    assert data.isascii()
    assert not set(b">?~\x7f") & set(data)
    assert b"\\u003f" in data
    assert b"\\ud83d\\ude00" in data
    assert json.loads(data) == {"a": 'what? ~ > \x7f é 😀 \\ "', "b~": "plain"}


@pytest.mark.parametrize("character", [">", "?", "~", "\x7f", "\x80", "\uffff", "\U00010000", "\U0010ffff"])
def test_each_awkward_character_is_escaped_alone(character: str) -> None:
    data = jose.ascii_json({"name": character})
    assert data.startswith(b'{"name":"\\u')
    assert data.isascii()
    assert json.loads(data) == {"name": character}


@keys
def test_a_key_survives_the_vault_and_opens_nowhere_else(key: SigningKey) -> None:
    kek = KeyEncryptionKey(b"k" * 32)
    sealed = key.seal(kek, "runai")
    assert jose.private_to_der(key.private) not in sealed
    row = {"kid": key.kid, "algorithm": key.algorithm, "created_at": NOW, "realm": "runai", "kek": kek}
    again = SigningKey.unseal(sealed, **row)
    assert again.kid == key.kid
    assert jose.private_to_der(again.private) == jose.private_to_der(key.private)
    for change in ({"realm": "other"}, {"kid": "0" * 32}, {"kek": KeyEncryptionKey(b"x" * 32)}):
        with pytest.raises(VaultError):
            SigningKey.unseal(sealed, **{**row, **change})


def test_a_row_that_names_another_algorithm_or_key_is_refused() -> None:
    kek = KeyEncryptionKey(b"k" * 32)
    key, other = SigningKey.generate(NOW), SigningKey.generate(NOW)
    row = {"kid": key.kid, "created_at": NOW, "realm": "runai", "kek": kek}
    for algorithm in ("EdDSA", "HS256"):
        with pytest.raises(VaultError, match=algorithm):
            SigningKey.unseal(key.seal(kek, "runai"), algorithm=algorithm, **row)
    swapped = SigningKey(key.kid, "ES256", other.private, NOW).seal(kek, "runai")
    with pytest.raises(VaultError, match="another key"):
        SigningKey.unseal(swapped, algorithm="ES256", **row)


def test_a_signing_key_shows_its_id_and_nothing_private() -> None:
    key = SigningKey.generate(NOW)
    assert repr(key) == f"SigningKey({key.kid}, ES256)"
    assert list(verification_keys([key])) == [key.kid]
