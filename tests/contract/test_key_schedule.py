"""Keys that rotate by the clock: at most once per period, whichever replica comes first, every tenant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import jwt
import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from runplane.server.core.clock import Instant
from runplane.server.identity import schedule
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.rotation import Rotated, ahead_seconds
from runplane.server.identity.schedule import RotationSchedule
from runplane.server.identity.tables import signing_keys
from support.accounts import other_tenant, service_account
from support.processes import database_settings
from support.server import Server

pytestmark = pytest.mark.detail

MakeServer = Callable[..., Server]
DAY = 86_400
PERIOD = 90 * DAY
WAIT_SECONDS = 30.0


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a new database of each kind."""
    return database_settings(request, request.param)


def kids(server: Server) -> list[tuple[str, int, str]]:
    """(algorithm, tenant, id) of every key, in the order in which they begin to sign."""
    query = select(signing_keys).order_by(signing_keys.c.active_from)
    rows = server.units.read(lambda unit: unit.execute(query).all())
    return [(row.algorithm, row.tenant_id, row.kid) for row in rows]


def others(server: Server) -> frozenset[str]:
    """The keys of the second tenant that the server knows."""
    return server.app.identity.realms.by_tenant(2002).kids


def step(server: Server, period: float = PERIOD) -> list[Rotated]:
    """One look of a schedule on the server's event loop."""
    work = RotationSchedule(server.app.identity, period).step()
    return asyncio.run_coroutine_threadsafe(work, server.app.loop).result(30)


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.slow
def test_the_running_server_rotates_when_it_is_time(make_server: MakeServer) -> None:
    server = make_server(keys_rotate_days="30")
    machine = service_account(server)
    [(_, _, first)] = kids(server)
    server.clock.advance(30 * DAY + 1)
    eventually(lambda: len(kids(server)) == 2)
    second = kids(server)[1][2]
    # published and not signing yet, as with the command
    token = server.client_token(machine.name, machine.secret)
    assert jwt.get_unverified_header(token)["kid"] == first
    server.clock.advance(ahead_seconds(300) + 1)
    eventually(
        lambda: jwt.get_unverified_header(server.client_token(machine.name, machine.secret))["kid"] == second
    )
    (row,) = server.audit(entity_type="signing-key")
    assert (row["subject"], row["action"], row["entity_id"]) == ("runplane", "rotate", second)
    assert server.app.identity.realms.newest_keys()[1001].created_at == row["timestamp"]


def test_every_tenant_once_per_period_with_its_own_algorithm(
    settings: dict[str, str], make_server: MakeServer
) -> None:
    server = make_server(keys_rotate_days="0", tokens_algorithm="EdDSA", **settings)
    other_tenant(server)
    assert step(server) == []
    server.clock.advance(PERIOD - 60)
    assert step(server) == []
    server.clock.advance(120)
    assert sorted((it.tenant, it.algorithm) for it in step(server)) == [
        ("other", "ES256"),
        ("runai", "EdDSA"),
    ]
    assert step(server) == []
    assert len(kids(server)) == 4
    # the period begins with the rotation, which the server knows after its next look
    rotated = {kid for _, _, kid in kids(server)}
    eventually(lambda: server.app.identity.realms.by_tenant(1001).kids | others(server) == rotated)
    server.clock.advance(PERIOD - 3600)
    assert step(server) == []
    server.clock.advance(3600)
    assert len(step(server)) == 2
    # those of the first period have verified nothing for a month
    assert len(kids(server)) == 4


def test_replicas_that_come_at_once_rotate_once(settings: dict[str, str], make_server: MakeServer) -> None:
    first = make_server(keys_rotate_days="0", **settings)
    shared = {"database_url": first.app.settings.database_url}
    kek = str(first.app.settings.keys.key_encryption_key_file)
    second = make_server(keys_rotate_days="0", **shared, keys_key_encryption_key_file=kek)
    for it in (first, second):
        it.clock.advance(PERIOD + 1)
    # each of them knows the old key only
    works = [
        asyncio.run_coroutine_threadsafe(RotationSchedule(it.app.identity, PERIOD).step(), it.app.loop)
        for it in (first, second) * 4
    ]
    done = [rotated for work in works for rotated in work.result(30)]
    assert len(done) == 1
    assert len(kids(first)) == 2


def test_it_can_be_switched_off(make_server: MakeServer) -> None:
    server = make_server(keys_rotate_days="0")
    server.clock.advance(20 * 365 * DAY)
    never = RotationSchedule(server.app.identity, server.app.settings.keys.rotate_days * DAY)
    # it ends by itself instead of looking
    asyncio.run_coroutine_threadsafe(never.run(), server.app.loop).result(10)
    assert len(kids(server)) == 1


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The algorithms of the keys that are made from now on."""
    made: list[str] = []
    generate = SigningKey.generate

    def noted(at: Instant, algorithm: str) -> SigningKey:
        made.append(algorithm)
        return generate(at, algorithm)

    monkeypatch.setattr(SigningKey, "generate", noted)
    return made


def test_looking_makes_no_key_before_it_is_time(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks every second, and a key for RS256 takes as long."""
    server = make_server(keys_rotate_days="0")
    server.clock.advance(PERIOD - 60)
    made = counted(monkeypatch)
    assert (step(server), made) == ([], [])
    server.clock.advance(60)
    assert (len(step(server)), made) == (1, ["ES256"])


@pytest.mark.parametrize("hindrance", ["the last key waits", "the table takes none"])
def test_after_a_failure_it_rests(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch, hindrance: str
) -> None:
    """It would otherwise make a key and wait for the tenant's lock at every look."""
    server = make_server(keys_rotate_days="0")
    if hindrance == "the last key waits":
        server.clock.advance(2)
        [rotated] = step(server, period=1)
        eventually(lambda: rotated.kid in server.app.identity.realms.by_tenant(1001).kids)
    else:
        refusing = "BEFORE INSERT ON signing_keys BEGIN SELECT RAISE(ABORT, 'no more'); END"
        server.units.write(lambda unit: unit.execute(text(f"CREATE TRIGGER closed {refusing}")))
    server.clock.advance(2)
    tried = counted(monkeypatch)
    monkeypatch.setattr(schedule, "LOOK_SECONDS", 0.001)
    # not written out: the trace of an error takes longer than ten tries
    with capture_logs() as told:
        work = RotationSchedule(server.app.identity, period=1).run()
        running = asyncio.run_coroutine_threadsafe(work, server.app.loop)
        eventually(lambda: bool(tried))
        with pytest.raises(TimeoutError):
            running.result(0.5)
        running.cancel()
    assert len(tried) == 1
    assert [it["event"] for it in told] == ["signing key not rotated, will try again"]


def test_another_algorithm_is_published_before_it_signs(make_server: MakeServer) -> None:
    server = make_server()
    machine = service_account(server)
    server.environment["RUNPLANE_TOKENS_ALGORITHM"] = "EdDSA"
    server.restart()

    def algorithm() -> str:
        return jwt.get_unverified_header(server.client_token(machine.name, machine.secret))["alg"]

    certs = server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json()["keys"]
    assert {it["alg"] for it in certs} == {"ES256", "EdDSA"}
    assert algorithm() == "ES256"
    # another start in between changes nothing
    server.restart()
    assert len(kids(server)) == 2
    server.clock.advance(ahead_seconds(300) + 1)
    eventually(lambda: algorithm() == "EdDSA")
