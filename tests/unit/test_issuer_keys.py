"""The keys of other issuers: which may verify what, how long they are believed, how often they are had."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from runplane.server.core.errors import Invalid
from runplane.server.identity.trusts.keys import (
    AGAIN_SECONDS,
    FRESH_SECONDS,
    MAX_ISSUERS,
    MAX_KEYS,
    STALE_SECONDS,
    IssuerFailed,
    IssuerKeys,
    KeySet,
    check_pinned,
    fits,
    read_key_set,
)
from support.issuer import SigningKey

ISSUER = "https://ci.example"
METADATA = f"{ISSUER}/.well-known/openid-configuration"
JWKS = f"{ISSUER}/keys"
EC = SigningKey("ec").jwk()
ED = SigningKey("ed", "EdDSA").jwk()


class World:
    """An issuer's pages, a clock, and what was asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self.pages: dict[str, Any] = {METADATA: {"issuer": ISSUER, "jwks_uri": JWKS}, JWKS: {"keys": [EC]}}
        self.keys = IssuerKeys(self._fetch, lambda: self.now)

    async def _fetch(self, address: str) -> bytes:
        self.asked.append(address)
        found = self.pages.get(address)
        if found is None:
            raise IssuerFailed("nobody is there")
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    def of(self, kid: str = "ec", issuer: str = ISSUER) -> KeySet:
        """The keys as a token exchange asks for them."""
        return asyncio.run(self.keys.of(issuer, kid))

    def lookups(self) -> int:
        """How often the keys have been asked for since the last time."""
        count = self.asked.count(JWKS)
        self.asked.clear()
        return count


@pytest.fixture
def world() -> World:
    return World()


def test_keys_are_fetched_once_while_they_are_fresh(world: World) -> None:
    assert [it["kid"] for it in world.of().members] == ["ec"]
    assert world.asked == [METADATA, JWKS]
    world.now = FRESH_SECONDS
    for kid in ("ec", "", "ec"):
        assert world.of(kid).find("ES256", kid) is not None
    assert world.lookups() == 1
    world.now = FRESH_SECONDS + 1
    world.of()
    assert world.lookups() == 1


def test_a_key_of_an_unknown_name_is_looked_for_now_and_then(world: World) -> None:
    world.of()
    world.pages[JWKS] = {"keys": [EC, ED]}
    world.now = AGAIN_SECONDS
    assert not world.of("ed").knows("ed")
    assert world.lookups() == 1
    world.now = AGAIN_SECONDS + 1
    assert world.of("ed").knows("ed")
    assert world.lookups() == 1
    world.now += AGAIN_SECONDS
    assert world.of("none").find("ES256", "none") is None
    assert world.lookups() == 0


def test_an_issuer_that_is_away_is_believed_until_its_keys_are_stale(world: World) -> None:
    world.of()
    del world.pages[METADATA]
    world.now = STALE_SECONDS
    assert world.of().knows("ec")
    world.now = STALE_SECONDS + 1
    with pytest.raises(IssuerFailed, match="nobody is there"):
        world.of()
    world.pages[METADATA] = {"issuer": ISSUER, "jwks_uri": JWKS}
    world.now += AGAIN_SECONDS + 1
    assert world.of().knows("ec")


def test_an_issuer_that_never_answered_is_asked_now_and_then(world: World) -> None:
    del world.pages[JWKS]
    for moment, lookups in ((0.0, 1), (AGAIN_SECONDS, 0), (AGAIN_SECONDS + 1, 1)):
        world.now = moment
        with pytest.raises(IssuerFailed, match="nobody is there"):
            world.of()
        assert world.lookups() == lookups


def test_the_issuer_known_longest_makes_room(world: World) -> None:
    world.of()
    for number in range(MAX_ISSUERS - 1):
        with pytest.raises(IssuerFailed):
            world.of(issuer=f"https://{number}.example")
    world.asked.clear()
    world.of()
    assert world.asked == []
    with pytest.raises(IssuerFailed):
        world.of(issuer="https://one-more.example")
    world.of()
    assert world.lookups() == 1


@pytest.mark.parametrize(
    ("page", "content", "words"),
    [
        (METADATA, {"issuer": "https://other.example", "jwks_uri": JWKS}, "of another issuer"),
        (METADATA, {"issuer": ISSUER}, "names no jwks_uri"),
        (METADATA, {"issuer": ISSUER, "jwks_uri": [JWKS]}, "names no jwks_uri"),
        (METADATA, [ISSUER], "no JSON object"),
        (METADATA, b"{", "no JSON object"),
        (JWKS, {"keys": {"ec": EC}}, "cannot be read"),
        (JWKS, {"keys": [EC] * (MAX_KEYS + 1)}, "cannot be read"),
        (JWKS, [EC], "no JSON object"),
    ],
)
def test_what_is_no_set_of_keys_is_not_believed(world: World, page: str, content: Any, words: str) -> None:
    world.pages[page] = content
    with pytest.raises(IssuerFailed, match=words):
        world.of()


def test_an_issuer_may_end_with_a_slash(world: World) -> None:
    world.pages[METADATA] = {"issuer": f"{ISSUER}/", "jwks_uri": JWKS}
    assert world.of(issuer=f"{ISSUER}/").knows("ec")


def test_what_cannot_verify_is_left_out(world: World) -> None:
    short = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))
    useless = [
        {**EC, "d": "AA"},
        {**EC, "kid": 7},
        {**EC, "x": "AA"},
        {**EC, "use": "enc"},
        {**short, "kid": "short", "key_ops": ["verify"]},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        "text",
    ]
    assert [it["kid"] for it in read_key_set({"keys": [*useless, ED, EC]}).members] == ["ed", "ec"]
    assert len(read_key_set({"keys": [EC] * MAX_KEYS}).members) == MAX_KEYS


@pytest.mark.parametrize(
    ("changes", "algorithm", "expected"),
    [
        ({}, "ES256", True),
        ({}, "RS256", False),
        ({"alg": None}, "ES256", False),
        ({"crv": "P-384"}, "ES256", False),
        ({"use": "enc"}, "ES256", False),
        ({"key_ops": ["verify"]}, "ES256", True),
        ({"key_ops": ["sign"]}, "ES256", False),
        ({"key_ops": "verify"}, "ES256", False),
    ],
)
def test_a_key_serves_what_it_says(changes: dict[str, Any], algorithm: str, expected: bool) -> None:
    assert fits({**EC, **changes}, algorithm) is expected


def test_what_a_key_does_not_say_does_not_keep_it_from_serving() -> None:
    assert fits({name: EC[name] for name in ("kty", "crv", "x", "y")}, "ES256")


def test_without_a_name_only_the_one_key_that_fits_is_found() -> None:
    other = SigningKey("other").jwk()
    assert KeySet([EC, ED]).find("ES256", "") == EC
    assert KeySet([EC, other]).find("ES256", "") is None
    assert KeySet([ED]).find("ES256", "") is None
    assert KeySet([other, EC]).find("ES256", "ec") == EC
    assert KeySet([EC, ED]).find("ES256", "ed") is None


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([], "holds no key"),
        ([{**EC, "d": "AA"}], "private or secret"),
        ([EC, {**EC, "use": "enc"}], "cannot verify"),
        ([{**EC, "note": "x" * 70_000}], "KiB"),
    ],
)
def test_what_cannot_be_pinned_is_refused(keys: list[Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check_pinned({"keys": keys})


def test_public_keys_can_be_pinned() -> None:
    check_pinned({"keys": [EC, ED]})
