"""Limits of requests over the wire: what answers say, who is refused, and how each dialect says it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from runplane.server.core.pace import spend
from runplane.server.core.secrets import new_secret
from runplane.server.http.pipeline import REFUSED_SECONDS
from runplane.server.sql import lanes
from support.accounts import (
    APP_TOKEN,
    FORM_ROUTES,
    JSON_ROUTES,
    LOGIN,
    TOKEN,
    V1,
    V2,
    Machine,
    access_key,
    good,
    service_account,
)
from support.clusters import agent_of, make_cluster
from support.runapy import ApiClient, api, configuration, recorded
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, NO_HINDRANCE, Server

PERMISSIONS = "/api/v1/authorization/permissions"
HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")

Make = Callable[..., Server]


def limited(make_server: Make, **limits: int) -> Server:
    """A server with these limits, in requests a minute, and none that matters otherwise."""
    chosen = {name: int(many) for name, many in NO_HINDRANCE.items()} | limits
    return make_server(**{f"limits_{name}": str(many) for name, many in chosen.items()})


def standing(answer: httpx.Response) -> tuple[str, int, int, str]:
    """Limit, rest, reset and policy that an answer tells, each once."""
    told = [answer.headers.get_list(name) for name in HEADERS]
    assert [len(it) for it in told] == [1, 1, 1, 1], answer.headers
    limit, rest, reset, policy = (it[0] for it in told)
    return limit, int(rest), int(reset), policy


def ask(server: Server, route: str, machine: Machine) -> httpx.Response:
    return httpx.post(server.url + route, **good(route, machine))


def test_the_limit_of_the_settings_is_told_and_counts_down(server: Server) -> None:
    # not the defaults: tests run with the limits of support.server
    limit = NO_HINDRANCE["client_per_minute"]
    first, second = (server.admin.get(PERMISSIONS) for _ in range(2))
    assert standing(first)[0] == limit
    assert standing(first)[3] == f'"client";q={limit};w=60'
    assert standing(second)[1] < int(limit)


def test_who_is_refused_is_slowed_down(make_server: Make) -> None:
    """A loop that does not heed the answer is no faster than one that is let in."""
    server = limited(make_server, client_per_minute=1)
    assert server.admin.get(PERMISSIONS).status_code in (200, 429)
    began = time.monotonic()
    assert server.admin.get(PERMISSIONS).status_code == 429
    assert time.monotonic() - began >= REFUSED_SECONDS


def test_who_waits_for_something_else_holds_no_place_of_its_tenant(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = limited(make_server, client_per_minute=1)
    pace = server.app.stores.lanes.pace
    left: list[None] = []
    monkeypatch.setattr(pace, "leave", lambda: left.append(None))
    # while a password is hashed
    token = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    assert len(left) == 1
    client = server.client(token)
    assert client.get(PERMISSIONS).status_code == 200
    assert len(left) == 1
    # while a refusal is held back
    assert client.get(PERMISSIONS).status_code == 429
    assert len(left) == 2


def test_connections_and_long_reads_are_told_to_who_keeps_the_pace(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server()
    token = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    pace = server.app.stores.lanes.pace
    lines: list[Any] = []
    kinds: list[bool] = []
    count = pace.count

    def noted(request: Any, line: Any) -> Any:
        lines.append(line)
        return count(request, line)

    def told(job: Callable[[], Any], *, reading: bool) -> Any:
        kinds.append(reading)
        return spend(job, reading=reading)

    monkeypatch.setattr(pace, "count", noted)
    monkeypatch.setattr(lanes, "spend", told)
    one, other = server.client(token), server.client(token)
    assert [it.get("/api/v1/users").status_code for it in (one, one, other)] == [200] * 3
    assert lines[0] == lines[1] != lines[2]
    assert kinds
    assert all(kinds)
    kinds.clear()
    assert one.post("/api/v1/access-keys", json={"name": "key"}).status_code == 201
    assert not all(kinds)


def test_every_answer_under_a_limit_tells_it_and_probes_have_none(server: Server) -> None:
    for path, status in (("/api/v1/users/nobody", 404), (PERMISSIONS, 200)):
        answer = server.admin.get(path)
        assert answer.status_code == status
        assert standing(answer)[3].startswith('"client"')
    for path in ("/auth/realms/runai/.well-known/openid-configuration", PERMISSIONS):
        assert standing(httpx.get(server.url + path))[3].startswith('"source"')
    for path in ("/healthz", "/readyz", "/metrics"):
        assert not [it for it in httpx.get(server.url + path).headers if it.startswith("ratelimit")]


@pytest.mark.parametrize("route", [V1, V2, TOKEN, APP_TOKEN])
def test_a_token_call_counts_for_its_client(make_server: Make, route: str) -> None:
    # one more every five seconds: none of them comes back while this runs
    server = limited(make_server, client_per_minute=12)
    machine = service_account(server)
    answers = [ask(server, route, machine) for _ in range(12)]
    assert {it.status_code for it in answers} == {200}
    assert [standing(it)[1] for it in answers][:3] == [11, 10, 9]
    # the token is the same client's
    token = answers[0].json().get("accessToken") or answers[0].json()["access_token"]
    refused = [ask(server, route, machine), server.client(token).get(PERMISSIONS)]
    assert [it.status_code for it in refused] == [429, 429]
    for answer in refused:
        assert 1 <= int(answer.headers["retry-after"]) <= 5
        assert standing(answer)[:2] == ("12", 0)
        assert 55 <= standing(answer)[2] <= 60
        assert answer.headers["cache-control"] == "no-store"
    said = refused[0].json()
    if route in FORM_ROUTES:
        assert said.keys() == {"error", "error_description"}
        sentence = said["error_description"]
    else:
        assert said["code"] == 429
        sentence = said["message"]
    wait = refused[0].headers["retry-after"]
    assert sentence.startswith(f"This client makes more than 12 requests a minute; wait {wait} s")
    assert refused[1].json().keys() == {"code", "message"}
    # others go on
    assert server.admin.get(PERMISSIONS).status_code == 200


def test_an_access_key_counts_for_its_owner(make_server: Make) -> None:
    server = limited(make_server, client_per_minute=10)
    key = access_key(server.admin)
    key = Machine(key.id, key.client_id, key.client_id, key.secret)
    rest = [standing(server.admin.get(PERMISSIONS))[1] for _ in range(3)][-1]
    # one more comes back every six seconds, perhaps just now; a key with a limit of its own has 9
    assert standing(ask(server, V1, key))[1] in (rest - 1, rest)
    assert rest < 9


@pytest.mark.parametrize("route", [*JSON_ROUTES, *FORM_ROUTES])
def test_a_source_is_refused_in_the_dialect_of_the_route(make_server: Make, route: str) -> None:
    server = limited(make_server, source_per_minute=1)
    machine = Machine("x", "x", "x", new_secret())
    answers = [ask(server, V1 if turn == 0 else route, machine) for turn in range(2)]
    assert [it.status_code for it in answers] == [400, 429]
    assert standing(answers[0])[3] == '"source";q=1;w=60'
    assert 59 <= int(answers[1].headers["retry-after"]) <= 60
    said = answers[1].json()
    if route in FORM_ROUTES:
        assert said["error"] == "temporarily_unavailable"
    else:
        assert said["code"] == 429
    assert "wait" in said.get("message", said.get("error_description"))
    assert httpx.get(server.url + "/readyz").status_code == 200


def test_strangers_use_up_nothing_of_a_client_they_know(make_server: Make) -> None:
    server = limited(make_server, client_per_minute=20)
    machine = service_account(server)
    stranger = Machine(machine.id, machine.name, machine.client_id, new_secret())
    assert {ask(server, V1, stranger).status_code for _ in range(40)} == {400}
    assert standing(ask(server, V1, machine))[1] == 19


def test_a_source_is_the_nearest_address_that_no_proxy_of_ours_has(make_server: Make) -> None:
    chosen = {f"limits_{name}": many for name, many in NO_HINDRANCE.items()} | {
        "limits_source_per_minute": "1"
    }
    server = make_server(**chosen, trusted_proxies="127.0.0.1/32")

    def status(forwarded: str) -> int:
        return httpx.get(server.url + PERMISSIONS, headers={"x-forwarded-for": forwarded}).status_code

    assert [status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.2")] == [401, 429, 401]
    # what a client puts before its own address changes nothing
    assert status("198.51.100.7, 192.0.2.1") == 429


def test_an_agent_has_a_limit_of_its_own(make_server: Make) -> None:
    server = limited(make_server, agent_per_minute=2, source_per_minute=60)
    agent = agent_of(server, make_cluster(server, "c")["uuid"])
    path, report = "/internal/agent/v1/heartbeat", {"conditions": []}
    answers = [agent.client.post(path, json=report) for _ in range(3)]
    assert [it.status_code for it in answers] == [200, 200, 429]
    assert standing(answers[0])[3] == '"agent";q=2;w=60'
    assert answers[2].json()["message"].startswith("This agent makes more than 2 requests")
    rest = standing(httpx.get(server.url + PERMISSIONS))[1]
    agent.client.post(path, json=report)
    assert standing(httpx.get(server.url + PERMISSIONS))[1] >= rest - 1


def test_wrong_secrets_say_the_same_with_a_limit_of_their_own(make_server: Make) -> None:
    server = make_server()
    answers = [ask(server, V1, Machine("x", "x", "x", new_secret())) for _ in range(51)]
    assert answers[-1].status_code == 429
    limit, rest, reset, policy = standing(answers[-1])
    assert (limit, rest, policy) == ("50", 0, '"secrets";q=50;w=900')
    assert 0 < int(answers[-1].headers["retry-after"]) <= reset <= 900


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_official_client_waits_as_long_as_it_is_told(make_server: Make) -> None:
    server = limited(make_server, client_per_minute=20)
    machine = service_account(server)
    rule = {"subjectId": machine.name, "subjectType": "service-account", "roleId": 1}
    rule |= {"scopeType": "tenant", "scopeId": "1001"}
    assert server.admin.post("/api/v1/authorization/access-rules", json=rule).status_code == 201
    client: Any = ApiClient(configuration(server, machine.client_id, machine.secret))
    try:
        accounts = api.ServiceAccountsApi(client)
        accounts.get_service_accounts()
        # refused at the beginning of the three seconds that one request takes to come back
        while ask(server, V1, machine).headers.get("retry-after") != "3":
            pass
        started = time.monotonic()
        with recorded(server) as seen:
            found = accounts.get_service_accounts()
        took = time.monotonic() - started
    finally:
        client.close()
    assert found is not None
    # refused once, told to wait two or three seconds, and let in
    assert [it.path for it in seen] == ["/api/v1/service-accounts"] * 2
    assert took >= 1.9


def test_a_person_is_refused_as_a_client_too(make_server: Make) -> None:
    server = limited(make_server, client_per_minute=10)
    answers = [server.admin.get(PERMISSIONS) for _ in range(11)]
    assert [it.status_code for it in answers] == [200] * 10 + [429]
    # signing in again is not what is counted, and the browser shows its pages
    assert ask(server, LOGIN, Machine("", "", "", "")).status_code == 200
