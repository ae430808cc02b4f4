"""What the audit log records: each change once, refusals, sign-ins with their number, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog

from runplane.server import logs
from runplane.server.core.clock import instant
from support.accounts import (
    REALM,
    TOKEN,
    V1,
    V2,
    WRONG,
    Machine,
    access_key,
    person,
    service_account,
    sign_in,
)
from support.server import ADMIN_PASSWORD, Server

LOG = "/api/v1/audit/log"
RULES, ROLES = "/api/v1/authorization/access-rules", "/api/v2/authorization/roles"


def read(server: Server, **params: Any) -> list[dict[str, Any]]:
    """Records of the last hour that match, oldest first."""
    server.flush()
    span = {"start": instant(time.time() - 3600), "end": instant(time.time() + 60)}
    order = {"numberOfSamples": 1000, "sortBy": "timestamp", "sortOrder": "asc"}
    answer = server.admin.get(LOG, params={**span, **order, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()["audit_logs"]


def times(records: list[dict[str, Any]]) -> int:
    """How many events the records stand for."""
    return sum(int(it["metadata"].get("count", "1")) for it in records)


def rule(subject: str, kind: str = "user") -> dict[str, Any]:
    return {
        "subjectId": subject,
        "subjectType": kind,
        "roleId": 1,
        "scopeId": "1001",
        "scopeType": "tenant",
    }


def credentials(client: httpx.Client, family: str) -> list[str]:
    """Make, renew, switch and delete a machine credential; returns the secrets."""
    made = client.post(family, json={"name": f"m-{uuid4().hex}"}).raise_for_status().json()
    renewed = client.post(f"{family}/{made['id']}/secret").raise_for_status().json()
    if family.endswith(("service-accounts", "apps")):
        client.patch(f"{family}/{made['id']}", json={"enabled": False}).raise_for_status()
    client.delete(f"{family}/{made['id']}").raise_for_status()
    return [value for body in (made, renewed) for key, value in body.items() if "ecret" in key]


def everything(client: httpx.Client) -> list[str]:
    """Every kind of change there is by now, as the caller of `client`; returns the secrets it gave."""
    secrets = list[str]()
    for family in ("service-accounts", "apps", "access-keys", "user-applications"):
        secrets += credentials(client, f"/api/v1/{family}")
    email = f"p{uuid4().hex}@example.com"
    user = client.post("/api/v1/users", json={"email": email}).raise_for_status().json()
    reset = client.post(f"/api/v1/users/{user['id']}/password").raise_for_status().json()
    secrets += [user["tempPassword"], reset["tempPassword"]]
    client.post(f"/api/v1/users/{user['id']}/logout").raise_for_status()
    made = client.post(RULES, json=rule(email)).raise_for_status().json()
    client.delete(f"{RULES}/{made['id']}").raise_for_status()
    subjects = [{"subjectId": email, "subjectType": "user"}]
    scopes = [{"scopeId": "1001", "scopeType": "tenant"}]
    body = {"payload": {"roleId": 1, "subjects": subjects, "scopes": scopes}}
    batch = client.post(f"{RULES}/batch-create", json=body).raise_for_status().json()
    ids = [str(it["id"]) for it in batch["succeeded"]]
    assert ids
    client.post(f"{RULES}/batch", json={"ids": ids, "action": "delete"}).raise_for_status()
    permission_set = client.get("/api/v1/authorization/permission-sets").json()[0]
    fields = {"name": f"role-{uuid4().hex}", "description": "d", "permissionSets": [permission_set]}
    role = client.post(ROLES, json=fields).raise_for_status().json()
    client.put(f"{ROLES}/{role['id']}", json={**fields, "enabled": False}).raise_for_status()
    client.delete(f"{ROLES}/{role['id']}").raise_for_status()
    client.delete(f"/api/v1/users/{user['id']}").raise_for_status()
    client.post("/api/v1/logout").raise_for_status()
    return secrets


def administrator(server: Server) -> str:
    """The e-mail address of a new System administrator, with the password of `person`."""
    _, email, password = person(server)
    assert server.admin.post(RULES, json=rule(email)).status_code == 201
    return f"{email} {password}"


@pytest.mark.clause("authz.check-and-act", "log.same-transaction")
def test_each_change_is_recorded_once_and_nothing_else_is(any_server: Server) -> None:
    email, password = administrator(any_server).split()
    client = any_server.client(any_server.token(email, password))
    done = Counter[tuple[str, str, int]]()
    client.event_hooks["response"].append(
        lambda it: done.update([(it.request.method, it.url.path, it.status_code)])
    )
    everything(client)
    changes = Counter({key: count for key, count in done.items() if key[0] != "GET"})
    # what `person` did to have a password of its own
    changes["POST", "/api/v1/me/password", 200] += 1
    assert changes.total() >= 25
    recorded = [it for it in read(any_server, filterBy=f"subject=={email}") if it["action"] != "sign-in"]
    assert Counter((it["http_method"], it["url"], it["http_status_code"]) for it in recorded) == changes
    for it in recorded:
        assert (it["result"], it["subject_type"], it["tenant_id"]) == ("Succeeded", "User", "1001")
        assert it["entity_type"], it
    # batches name what they touched in the metadata; everything else is one object
    assert [it["url"] for it in recorded if not it.get("entity_id") and "/batch" not in it["url"]] == []
    assert {it["action"] for it in recorded} == {"create", "update", "delete", "sign-out", "reset-password"}


def test_a_machine_s_change_is_its_own(server: Server) -> None:
    machine = service_account(server)
    assert server.admin.post(RULES, json=rule(machine.name, "service-account")).status_code == 201
    client = server.client(server.client_token(machine.name, machine.secret))
    assert client.post("/api/v1/users", json={"email": f"p{uuid4().hex}@example.com"}).status_code == 201
    [found] = read(server, filterBy=f"subject=={machine.name},entity_type==user")
    assert (found["subject_type"], found["action"]) == ("App", "create")


@pytest.mark.clause("log.decisions")
def test_refusals_are_recorded_with_what_was_missing(server: Server) -> None:
    _, email, password = person(server)
    client = server.client(server.token(email, password))
    assert client.post("/api/v1/users", json={"email": "x@example.com"}).status_code == 403
    assert client.get(LOG, params={"start": "2020-01-01", "end": "2030-01-01"}).status_code == 403
    # of what only reads, a refusal for other reasons is of no interest
    assert client.get(f"/api/v1/users/{uuid4()}").status_code in (403, 404)
    found = read(server, filterBy=f"subject=={email},result==Failed")
    by_url = {(it["http_method"], it["url"]): it for it in found}
    for key, permission in {
        ("POST", "/api/v1/users"): "users:create",
        ("GET", LOG): "events-history:read",
    }.items():
        assert by_url[key]["http_status_code"] == 403
        assert by_url[key]["metadata"]["permission"] == permission
        assert by_url[key]["metadata"]["decisionId"]


def test_failed_changes_are_recorded(server: Server) -> None:
    name, gone = f"sa-{uuid4().hex}", f"/api/v1/users/{uuid4()}"
    service_account(server, name)
    assert server.admin.post("/api/v1/service-accounts", json={"name": name}).status_code == 409
    assert server.admin.delete(gone).status_code == 404
    assert server.admin.post("/api/v1/users", json={"email": 7}).status_code == 400
    failed = {(it["url"], it["http_status_code"]) for it in read(server, filterBy="result==Failed")}
    assert {("/api/v1/service-accounts", 409), (gone, 404), ("/api/v1/users", 400)} <= failed


def test_nobody_unknown_fills_the_log(server: Server) -> None:
    before = len(read(server))
    for token in (None, "nonsense"):
        assert server.client(token).post("/api/v1/users", json={}).status_code == 401
        assert server.client(token).get(LOG).status_code == 401
    assert len(read(server)) == before


@pytest.mark.clause("log.decisions")
@pytest.mark.parametrize("route", [V2, TOKEN])
def test_sign_ins_are_recorded_good_and_bad(server: Server, route: str) -> None:
    user_id, email, password = person(server)
    machine = service_account(server)
    key = access_key(server.client(server.token(email, password)))
    client = server.client()

    def password_grant(username: str, secret: str) -> None:
        client.post(route, data={"grant_type": "password", "username": username, "password": secret})

    def client_grant(client_id: str, secret: str) -> None:
        client.post(route, data={"grant_type": "client_credentials"}, auth=(client_id, secret))

    stranger = f"nobody-{uuid4().hex}"
    password_grant(email, password)
    password_grant(email, WRONG)
    password_grant(f"{stranger}@example.com", WRONG)
    client_grant(machine.name, machine.secret)
    client_grant(machine.client_id, WRONG)
    client_grant(stranger, WRONG)
    client_grant(key.client_id, key.secret)
    found = read(server, filterBy=f"action==sign-in,url=={route}")
    seen = {
        (it["subject"], it["subject_type"], it["result"], it["entity_type"], it.get("entity_id", ""))
        for it in found
    }
    assert seen >= {
        (email, "User", "Succeeded", "user", user_id),
        (email, "User", "Failed", "user", user_id),
        (f"{stranger}@example.com", "User", "Failed", "user", ""),
        (machine.name, "App", "Succeeded", "service-account", machine.id),
        (machine.client_id, "App", "Failed", "service-account", ""),
        (stranger, "App", "Failed", "service-account", ""),
        (email, "User", "Succeeded", "access-key", key.id),
    }
    assert {it["http_status_code"] for it in found if it["result"] == "Succeeded"} == {200}


def test_bursts_are_counted_not_repeated(server: Server) -> None:
    machine = service_account(server)

    def sign_in_with(secret: str) -> int:
        body = {"AppId": machine.name, "AppSecret": secret}
        return httpx.post(f"{server.url}{V1}", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(sign_in_with, [machine.secret] * 40)) == {200}
        assert set(pool.map(sign_in_with, [WRONG] * 40)) == {400}
    for result in ("Succeeded", "Failed"):
        found = read(server, filterBy=f"subject=={machine.name},result=={result}")
        assert times(found) == 40
        assert len(found) < 40


@contextmanager
def captured_logs() -> Iterator[io.StringIO]:
    """Everything the server logs, as it would be written."""
    stream, root = io.StringIO(), logging.getLogger()
    kept, level = root.handlers[:], root.level
    logs.configure("debug", "json", stream)
    try:
        yield stream
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
        structlog.reset_defaults()


def mistakes(server: Server, machine: Machine, password: str) -> list[str]:
    """What people do to secrets: swap fields, put them in addresses, send damaged ones."""
    client = server.client()
    swapped = {"AppId": machine.secret, "AppSecret": machine.name}
    assert client.post(V1, json=swapped).status_code == 400
    body = {"grantType": "password", "username": machine.secret, "password": password}
    assert client.post(V1, json=body).status_code == 400
    body = {"grantType": "password", "username": password, "password": password}
    assert client.post(V1, json=body).status_code == 400
    form = {"grant_type": "client_credentials", "client_id": machine.secret, "client_secret": machine.secret}
    assert client.post(V2, data=form).status_code == 401
    assert client.post(V1, params={"AppSecret": machine.secret}, json=swapped).status_code == 400
    damaged = machine.secret[:-1] + ("a" if machine.secret[-1] != "a" else "b")
    assert client.post(V1, json={"AppId": machine.name, "AppSecret": damaged}).status_code == 400
    return [damaged]


@pytest.mark.clause("log.no-secrets")
def test_no_secret_is_stored_logged_or_shown(make_server: Callable[..., Server], tmp_path: Path) -> None:
    with captured_logs() as stream:
        server = make_server(log_level="debug")
        email, password = administrator(server).split()
        client = server.client(server.token(email, password))
        machine, key = service_account(server), access_key(client)
        secrets = [password, ADMIN_PASSWORD, machine.secret, key.secret]
        signed_in = sign_in(server, email, password)
        renewed = server.client().post(
            V2, data={"grant_type": "refresh_token", "refresh_token": signed_in["refresh_token"]}
        )
        for body in (signed_in, renewed.json()):
            secrets += [body["access_token"], body["refresh_token"], body["id_token"]]
        for one in (machine, key):
            secrets.append(server.client_token(one.client_id, one.secret))
        secrets += mistakes(server, machine, password)
        secrets += everything(client)
        probe = f"{REALM}/protocol/openid-connect/token/introspect"
        for token in secrets[4:10]:
            server.client().post(probe, data={"token": token}, auth=(machine.name, machine.secret))
        shown = json.dumps(read(server)) + server.client().get("/metrics").text
        server.flush()
        stored = {path.name: path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file()}
        logged = stream.getvalue()
    assert len(set(secrets)) > 20
    assert any(name.endswith("-wal") for name in stored), "the write-ahead log must be among what is read"
    # the search would find them
    assert email in shown
    assert any(email.encode() in content for content in stored.values())
    for secret in secrets:
        # of a signed token, the signature is what makes it one; user names are kept in lower case
        for part in {secret, secret.rpartition(".")[2], secret.lower()}:
            assert part not in shown
            assert part not in logged
            assert [name for name, content in stored.items() if part.encode() in content] == []
