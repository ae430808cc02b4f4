"""Rotating keys on the host: published before it signs, a key verifies until its last token has died."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from sqlalchemy import update

from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.keys import rotate_keys
from runplane.server.core.clock import Instant, ManualClock, instant, to_epoch
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.realms import Realm, Realms
from runplane.server.identity.rotation import FORGOTTEN_AFTER, LONGEST_TOKEN, MARGIN, rotate
from runplane.server.identity.tables import signing_keys
from runplane.server.settings import load_settings
from runplane.server.settings.model import known_settings
from support.accounts import accepted, other_tenant, payload, service_account
from support.processes import database_settings
from support.server import Server

pytestmark = pytest.mark.detail

CERTS = "/auth/realms/runai/protocol/openid-connect/certs"
METADATA = "/auth/realms/runai/.well-known/openid-configuration"
AHEAD = 600
WAIT_SECONDS = 30.0
LEEWAY = 30

MakeServer = Callable[..., Server]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def alone(request: pytest.FixtureRequest, make_server: MakeServer) -> Server:
    """A server of one test, on each kind of database."""
    return make_server(**database_settings(request, request.param))


def command(server: Server, **options: Any) -> str:
    """What the command says in the environment of a server, whose caches it cannot reach."""
    lines: list[str] = []
    rotate_keys(load_settings({}, environ=server.environment), lines.append, **options)
    return "\n".join(lines)


def eventually(what: Callable[[], bool]) -> None:
    """Wait until the server has looked at the database, or at the clock, again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def published(server: Server, path: str = CERTS) -> list[str]:
    return [it["kid"] for it in server.client().get(path).json()["keys"]]


def signer(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


def asking(server: Server) -> Callable[[], str]:
    """Call it for a token of a new service account."""
    machine = service_account(server)
    return lambda: server.client_token(machine.name, machine.secret)


def lasting(server: Server, token: str) -> str:
    """The same token by the key that signs now, and as good as without end."""
    realm = server.app.identity.realms.by_name("runai")
    assert realm is not None
    return realm.minter.mint({**payload(token), "exp": int(time.time()) + 40 * 86_400})


@pytest.mark.clause("jwks.published-first")
def test_a_key_is_published_then_signs_then_is_gone(alone: Server) -> None:
    token = asking(alone)
    before = token()
    endless = lasting(alone, before)
    [first] = published(alone)
    began = time.time()
    said = command(alone)
    eventually(lambda: len(published(alone)) == 2)
    [second] = {*published(alone)} - {first}
    assert f"Tenant runai: the new key {second} (ES256) signs from " in said
    assert signer(token()) == first

    alone.clock.advance(AHEAD - 60 - (time.time() - began))
    assert signer(token()) == first, "it signs while others may not know it yet"
    alone.clock.advance(62)
    eventually(lambda: signer(token()) == second)
    assert {*published(alone)} == {first, second}
    assert accepted(alone, before)
    assert accepted(alone, token())

    # as old as the last token of the old key can become
    alone.clock.advance(LONGEST_TOKEN + LEEWAY)
    assert {*published(alone)} == {first, second}
    assert accepted(alone, endless)
    alone.clock.advance(MARGIN)
    eventually(lambda: published(alone) == [second])
    eventually(lambda: not accepted(alone, endless))
    assert accepted(alone, token())


def test_with_now_no_other_key_is_accepted(alone: Server) -> None:
    token = asking(alone)
    # the key that waits for its time may have been stolen with the others
    command(alone)
    eventually(lambda: len(published(alone)) == 2)
    old = token()
    client = alone.client(old)

    def status() -> int:
        return client.get("/api/v1/authorization/permissions").status_code

    assert status() == 200
    said = command(alone, at_once=True)
    assert "No access token or ID token from before is accepted any more." in said
    eventually(lambda: status() == 401)
    assert {status() for _ in range(20)} == {401}
    [only] = published(alone)
    assert signer(token()) == only
    assert accepted(alone, token())
    # the one that waited is in nobody's way
    command(alone)
    eventually(lambda: len(published(alone)) == 2)
    assert only in published(alone)
    alone.restart()
    assert not accepted(alone, old)


def test_with_now_a_server_whose_clock_lags_obeys_too(make_server: MakeServer) -> None:
    server = make_server()
    yesterday = instant(time.time() - 86_400)
    server.units.write(
        lambda unit: unit.execute(update(signing_keys).values(created_at=yesterday, active_from=yesterday))
    )
    server.clock.advance(-3600)
    token = asking(server)
    old = token()
    command(server, at_once=True)
    eventually(lambda: not accepted(server, old))
    [only] = published(server)
    assert signer(token()) == only
    assert accepted(server, token())


def test_a_second_rotation_waits_for_the_first(alone: Server) -> None:
    command(alone)
    with pytest.raises(CommandFailed, match=r"tenant runai signs from .* rotate again after that"):
        command(alone)
    assert alone.units.read(lambda unit: len(unit.execute(signing_keys.select()).all())) == 2
    assert len(alone.audit(entity_type="signing-key")) == 1


def test_the_rotation_is_recorded(alone: Server) -> None:
    [first] = published(alone)
    command(alone)
    eventually(lambda: len(published(alone)) == 2)
    [record] = alone.audit(entity_type="signing-key")
    assert record["action"] == "rotate"
    assert record["subject"] == "runplane admin rotate-keys"
    assert {record["entity_id"], first} == {*published(alone)}


def test_one_tenant_and_another_algorithm(make_server: MakeServer) -> None:
    server = make_server()
    other_tenant(server)
    theirs = CERTS.replace("runai", "other")
    assert "runai" not in command(server, tenant="other", algorithm="EdDSA")
    eventually(lambda: len(published(server, theirs)) == 2)
    assert len(published(server)) == 1
    metadata = server.client().get(METADATA.replace("runai", "other")).json()
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256", "EdDSA"]
    # without a name it is the turn of all, each with the algorithm it has
    said = command(server, at_once=True)
    assert "(EdDSA)" in said
    assert "(ES256)" in said
    eventually(lambda: len(published(server, theirs)) == 1)
    with pytest.raises(CommandFailed, match="no tenant with the name nobody"):
        command(server, tenant="nobody")
    with pytest.raises(CommandFailed, match="one of ES256, RS256, EdDSA"):
        command(server, algorithm="HS256")


def test_a_start_with_another_algorithm_leaves_a_rotation_alone(make_server: MakeServer) -> None:
    server = make_server()
    assert "Set tokens.algorithm to EdDSA too" in command(server, algorithm="EdDSA")
    server.restart()
    assert len(published(server)) == 2
    server.environment["RUNPLANE_TOKENS_ALGORITHM"] = "EdDSA"
    server.restart()
    assert len(published(server)) == 2
    token = asking(server)
    server.clock.advance(AHEAD + 1)
    eventually(lambda: jwt.get_unverified_header(token())["alg"] == "EdDSA")


def test_a_key_that_dies_is_told_and_looked_for_only_when_it_is_time(alone: Server) -> None:
    kek, clock, told = alone.app.identity.kek, ManualClock(), list[int]()
    realms = Realms(kek, "http://runplane.test", clock=clock, lost=told.append)
    versions = {1001: 1}

    def look() -> Realm:
        alone.units.read(lambda unit: realms.keep_up(unit, versions))
        return realms.by_tenant(1001)

    first = look()
    alone.units.write(
        lambda unit: rotate(unit, kek, 1001, "runai", SigningKey.generate(unit.now, "EdDSA"), AHEAD)
    )
    assert look() is first, "nothing says that there is something new"
    versions = {1001: 2}
    second = look()
    assert (second.minter.kid, len(second.kids)) == (first.minter.kid, 2)
    versions = {1001: 3}
    assert look() is second, "what was verified with the same keys is verified again"
    clock.advance(AHEAD + 5)
    assert {look().minter.kid} == second.kids - first.kids
    assert told == []
    clock.advance(LONGEST_TOKEN + MARGIN)
    assert look().kids == second.kids - first.kids
    assert told == [1001]
    assert look() is look()
    assert told == [1001]


def test_keys_of_long_ago_are_forgotten(alone: Server) -> None:
    kek = alone.app.identity.kek

    def turn() -> None:
        key = SigningKey.generate(Instant("2026-01-01T00:00:00.000Z"))
        alone.units.write(lambda unit: rotate(unit, kek, 1001, "runai", key, AHEAD))
        alone.clock.advance(AHEAD + LONGEST_TOKEN + MARGIN + 1)

    def kids() -> set[str]:
        return alone.units.read(lambda unit: {row.kid for row in unit.execute(signing_keys.select())})

    turn()
    turn()
    present = kids()
    assert len(present) == 3
    alone.clock.advance(FORGOTTEN_AFTER)
    turn()
    # what signed until now, and what follows it
    assert len(kids()) == 2
    assert len(kids() - present) == 1


@pytest.mark.clause("jwks.kept-an-hour")
def test_the_time_others_may_keep_the_list_is_a_setting(make_server: MakeServer) -> None:
    server = make_server(keys_kept_seconds="7")
    for path in (CERTS, METADATA):
        assert server.client().get(path).headers["cache-control"] == "public, max-age=7"
    began = time.time()
    said = command(server)
    at = to_epoch(Instant(said.partition("signs from ")[2].split()[0]))
    assert began + 14 - 0.01 <= at <= time.time() + 14


@pytest.mark.clause("jwks.published-first")
def test_the_overlap_is_the_longest_lifetime_there_is() -> None:
    limits = {it.key: it.meta.le for it in known_settings()}
    assert limits["tokens.lifetime_seconds"] == LONGEST_TOKEN
    # two clocks a minute off and the greatest leeway are not all of it
    assert 120 + int(limits["tokens.leeway_seconds"] or 0) < MARGIN
