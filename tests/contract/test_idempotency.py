"""Idempotency-Key: one key is one request, done once and answered alike for a day."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from runplane.server.answers.keeper import KEYED_SECONDS, Answers
from runplane.server.answers.tables import kept_answers
from runplane.server.app import operations_for_inspection
from runplane.server.identity.clients import service
from runplane.server.identity.tables import clients
from runplane.server.sql.unit import Unit
from support.server import Server

ACCOUNTS = "/api/v1/service-accounts"
REPORTS = "/api/v1/org-unit/reports"


def name() -> str:
    return f"a{uuid4().hex}"


def post(client: httpx.Client, key: str | bytes, body: Any, path: str = ACCOUNTS) -> httpx.Response:
    return client.post(path, json=body, headers=[(b"idempotency-key", key)])  # type: ignore[list-item]


def accounts(server: Server, wanted: str) -> int:
    query = select(clients.c.id).where(clients.c.name == wanted)
    return len(server.units.read(lambda unit: unit.execute(query).all()))


def stored(server: Server) -> list[Any]:
    return server.units.read(lambda unit: unit.execute(select(kept_answers)).all())


def test_a_repeat_gets_the_first_answer_and_does_nothing(any_server: Server) -> None:
    key, wanted = name(), name()
    first = post(any_server.admin, key, {"name": wanted})
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    for _ in range(2):
        again = post(any_server.admin, key, {"name": wanted})
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["content-type"] == first.headers["content-type"]
    assert accounts(any_server, wanted) == 1
    records = any_server.audit(entity_id=first.json()["id"])
    assert [it["action"] for it in records] == ["create"]


def test_quotes_around_a_key_are_not_part_of_it(any_server: Server) -> None:
    key, body = name(), {"name": name()}
    first = post(any_server.admin, f'"{key}"', body)
    assert post(any_server.admin, key, body).content == first.content


def test_a_restart_between_the_two_changes_nothing(make_server: Any) -> None:
    server = make_server()
    key, body = name(), {"name": name()}
    first = post(server.admin, key, body)
    server.restart()
    again = post(server.admin, key, body)
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize("what", ["body", "query", "operation", "object"])
def test_a_key_is_for_one_request(any_server: Server, what: str) -> None:
    admin, key = any_server.admin, name()
    made = admin.post(ACCOUNTS, json={"name": name()}).json()["id"]
    other = admin.post(ACCOUNTS, json={"name": name()}).json()["id"]
    renew = f"{ACCOUNTS}/{made}/secret"
    requests = {
        "body": ((ACCOUNTS, {"name": name()}), (ACCOUNTS, {"name": name()})),
        "query": ((renew, None), (f"{renew}?overlap=1d", None)),
        "operation": ((ACCOUNTS, {"name": name()}), ("/api/v1/apps", {"name": name()})),
        "object": ((renew, None), (f"{ACCOUNTS}/{other}/secret", None)),
    }
    (path, body), (other_path, other_body) = requests[what]
    first = post(admin, key, body, path)
    assert first.status_code in (200, 201), first.text
    refused = post(admin, key, other_body, other_path)
    assert (refused.status_code, refused.json()["code"]) == (422, 422)
    assert post(admin, key, body, path).content == first.content


def test_keys_of_two_callers_are_two_keys(any_server: Server) -> None:
    key, body = name(), {"name": name()}
    mine = post(any_server.admin, key, body, "/api/v1/access-keys").json()
    theirs = any_server.client(any_server.client_token(mine["clientId"], mine["clientSecret"]))
    # the key speaks for its owner, so this is the same caller with another token
    assert post(theirs, key, body, "/api/v1/access-keys").json() == mine
    made = any_server.admin.post(ACCOUNTS, json={"name": name()}).json()
    scope = {"scopeType": "tenant", "scopeId": "1001"}
    rule = {"subjectId": made["clientId"], "subjectType": "service-account", "roleId": 1, **scope}
    assert any_server.admin.post("/api/v1/authorization/access-rules", json=rule).status_code == 201
    machine = any_server.client(any_server.client_token(made["clientId"], made["clientSecret"]))
    answer = post(machine, key, {"name": name()})
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)


@pytest.mark.parametrize("key", [b"", b'""', b"a" * 256, "schlüssel".encode(), b"two words", b"a\tb"])
def test_a_bad_key_is_refused(any_server: Server, key: bytes) -> None:
    wanted = name()
    answer = post(any_server.admin, key, {"name": wanted})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["message"]
    assert accounts(any_server, wanted) == 0


def test_the_longest_key_is_taken(any_server: Server) -> None:
    assert post(any_server.admin, f"{uuid4().hex:~<255}", {"name": name()}).status_code == 201


def test_two_keys_are_refused(server: Server) -> None:
    twice = [("idempotency-key", "a"), ("idempotency-key", "b")]
    assert server.admin.post(ACCOUNTS, json={"name": name()}, headers=twice).status_code == 400


def test_a_refusal_is_not_kept(any_server: Server) -> None:
    key, wanted = name(), name()
    taken = any_server.admin.post(ACCOUNTS, json={"name": wanted}).json()
    assert post(any_server.admin, key, {"name": wanted}).status_code == 409
    any_server.admin.delete(f"{ACCOUNTS}/{taken['id']}")
    answer = post(any_server.admin, key, {"name": wanted})
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)


def test_whoever_lost_the_permission_gets_no_answer_again(any_server: Server) -> None:
    made = any_server.admin.post(ACCOUNTS, json={"name": name()}).json()
    scope = {"scopeType": "tenant", "scopeId": "1001"}
    rule = {"subjectId": made["clientId"], "subjectType": "service-account", "roleId": 1, **scope}
    rule_id = any_server.admin.post("/api/v1/authorization/access-rules", json=rule).json()["id"]
    machine = any_server.client(any_server.client_token(made["clientId"], made["clientSecret"]))
    key, body = name(), {"name": name()}
    assert post(machine, key, body).status_code == 201
    any_server.admin.delete(f"/api/v1/authorization/access-rules/{rule_id}")
    assert post(machine, key, body).status_code == 403


def test_of_many_at_once_one_does_it(any_server: Server) -> None:
    key, wanted = name(), name()
    client = any_server.admin
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(client, key, {"name": wanted}), range(8)))
    assert {it.status_code for it in answers} <= {201, 409}
    made = {it.content for it in answers if it.status_code == 201}
    assert len(made) == 1
    assert accounts(any_server, wanted) == 1
    assert sum("idempotency-replayed" not in it.headers for it in answers if it.status_code == 201) == 1


def test_while_the_first_runs_its_key_is_taken(any_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 and not a wait: the second cannot know how long it would be."""
    entered, go_on = threading.Event(), threading.Event()
    create = service.create_client

    def slow(*args: Any) -> Any:
        entered.set()
        assert go_on.wait(30)
        return create(*args)

    monkeypatch.setattr(service, "create_client", slow)
    key, body = name(), {"name": name()}
    client = any_server.admin
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, client, key, body)
        assert entered.wait(30)
        refused = post(client, key, body)
        go_on.set()
        assert (refused.status_code, refused.headers["retry-after"]) == (409, "1")
        assert first.result().status_code == 201
    assert post(client, key, body).content == first.result().content


def test_after_a_day_the_key_is_free_and_its_row_gone(make_server: Any) -> None:
    server = make_server()
    key = name()
    assert post(server.admin, key, {"name": name()}).status_code == 201
    server.clock.advance(KEYED_SECONDS - 60)
    server._admin = None
    run_sweep(server)
    assert len(stored(server)) == 1
    server.clock.advance(61)
    assert post(server.admin, key, {"name": name()}).status_code == 201
    assert len(stored(server)) == 1
    server.clock.advance(KEYED_SECONDS + 1)
    run_sweep(server)
    assert stored(server) == []


def run_sweep(server: Server) -> None:
    import asyncio

    answers: Answers = server.app.answers
    asyncio.run_coroutine_threadsafe(answers.sweep_once(), server.app.loop).result(30)


@pytest.mark.clause("secret.shown-once")
def test_no_secret_lies_in_the_clear(any_server: Server) -> None:
    made = post(any_server.admin, name(), {"name": name()}).json()
    rows = stored(any_server)
    text = repr([tuple(row) for row in rows])
    assert rows
    assert made["clientSecret"] not in text
    assert made["clientSecret"][4:20] not in text
    assert made["clientId"] not in text


def test_the_change_and_its_answer_are_one(make_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the answer cannot be stored, nothing is made: a create without its record could happen twice."""
    from runplane.server.answers import store

    server = make_server()
    key, wanted = name(), name()
    fill = store.fill

    def broken(unit: Unit, *args: Any) -> None:
        fill(unit, *args)
        raise KeyError("broken")

    monkeypatch.setattr(store, "fill", broken)
    assert post(server.admin, key, {"name": wanted}).status_code == 500
    assert accounts(server, wanted) == 0
    monkeypatch.setattr(store, "fill", fill)
    answer = post(server.admin, key, {"name": wanted})
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (201, False)


def test_which_operations_take_a_key() -> None:
    """Each POST that changes something does, but what is the same however often it is done."""
    posts = [
        it for it in operations_for_inspection() if it.method == "POST" and it.writes and it.status != 501
    ]
    public = {it.id for it in posts if it.allow.form.name in ("PUBLIC", "AGENT")}
    others = {it.id for it in posts if not it.creates} - public
    assert others == {"logout", "logout_user", "change_user_password", "upload_tenant_logo"}


def test_other_operations_do_not_look_at_it(any_server: Server) -> None:
    headers = {"idempotency-key": ""}
    assert any_server.admin.get(ACCOUNTS, headers=headers).status_code == 200
