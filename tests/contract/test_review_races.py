"""Two requests at once, two replicas, a spent token: decided by the database, on each kind of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from runplane.server.identity.grants import password as grant
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import Identity
from runplane.server.identity.store import update_user
from runplane.server.identity.tokens import TokenRequest
from support.accounts import accepted, person, service_account, sign_in
from support.server import Server


def at_once(calls: list[Callable[[], httpx.Response]]) -> list[int]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(it.result().status_code for it in [pool.submit(call) for call in calls])


@pytest.mark.clause("authz.check-and-act")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/service-accounts", lambda name: {"name": name}),
        ("/api/v1/access-keys", lambda name: {"name": name}),
        ("/api/v1/users", lambda name: {"email": f"{name}@example.com"}),
    ],
)
def test_one_of_many_gets_the_name(
    any_server: Server, path: str, body: Callable[[str], dict[str, str]]
) -> None:
    sent = body(f"a{uuid4().hex}")
    client = any_server.admin
    found = at_once([lambda: client.post(path, json=sent)] * 6)
    assert found[0] in (201, 200), found
    assert set(found[1:]) == {409}, found


def test_a_refresh_token_is_spent_once(any_server: Server) -> None:
    """Of many at once one wins, and since the others look like thieves the session ends."""
    _, email, password = person(any_server)
    pair = sign_in(any_server, email, password)
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "client_id": "cli"}
    found = at_once([lambda: httpx.post(f"{any_server.url}/api/v2/token", data=form)] * 6)
    assert found.count(200) <= 1, found
    assert set(found) <= {200, 400}, found
    assert not accepted(any_server, pair["access_token"])


def test_revoking_one_token_from_many_sides(any_server: Server) -> None:
    machine = service_account(any_server)
    token = any_server.client_token(machine.client_id, machine.secret)
    form = {"token": token, "client_id": machine.client_id, "client_secret": machine.secret}
    url = f"{any_server.url}/auth/realms/runai/protocol/openid-connect/revoke"
    assert set(at_once([lambda: httpx.post(url, data=form)] * 6)) == {200}
    assert not accepted(any_server, token)


@pytest.fixture
def pair(any_server: Server, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two replicas on one database."""
    settings = any_server.app.settings
    key = settings.keys.key_encryption_key_file
    second = Server(
        tmp_path,
        database_url=settings.database_url,
        keys_key_encryption_key_file=str(key),
        public_url=any_server.url,
    )
    yield any_server, second
    second.stop()


def test_a_revocation_reaches_the_other_replica(pair: tuple[Server, Server]) -> None:
    first, second = pair
    machine = service_account(first)
    token = first.client_token(machine.client_id, machine.secret)
    assert accepted(second, token)
    assert second.client_token(machine.client_id, machine.secret)
    assert first.admin.delete(f"/api/v1/service-accounts/{machine.id}").status_code == 204
    credentials = {"clientId": machine.client_id, "clientSecret": machine.secret}

    def knows() -> bool:
        answer = httpx.post(f"{second.url}/api/v1/token", json=credentials)
        return not accepted(second, token) and answer.status_code == 400

    # How soon is measured in tests/promises, with processes of their own.
    deadline = time.monotonic() + 30
    while not knows():
        assert time.monotonic() < deadline, "the other replica never learned of it"
        time.sleep(0.02)


def test_a_password_changed_while_it_is_checked_opens_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check takes tens of milliseconds; what it proved must still hold when the session is stored."""
    _, email, password = person(server)
    check = grant.check_password

    async def slow(identity: Identity, request: TokenRequest) -> UserRow:
        user = await check(identity, request)
        change = {"password_hash": "another"}
        await identity.lanes.write(lambda unit: update_user(unit, user.id, change))
        return user

    monkeypatch.setattr(grant, "check_password", slow)
    answer = httpx.post(
        f"{server.url}/api/v1/token",
        json={"grantType": "password", "username": email, "password": password},
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_grant"


def test_a_session_that_has_ended_ends_its_tokens(make_server: Callable[..., Server]) -> None:
    alone = make_server(tokens_session_days="1", tokens_lifetime_seconds="86400")
    _, email, password = person(alone)
    alone.clock.advance(-3600)
    pair = sign_in(alone, email, password)
    alone.clock.advance(3600)
    assert accepted(alone, pair["access_token"])
    alone.clock.advance(86400 - 3600 + 5)
    assert not accepted(alone, pair["access_token"])
