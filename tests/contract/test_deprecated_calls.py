"""Deprecated routes say so on every answer, and the ledger counts who still calls them."""

from __future__ import annotations

from typing import Any

import pytest

from runplane.server.audit.store import add_deprecated_calls, keep_newest_deprecated_calls
from runplane.server.audit.tables import deprecated_calls
from runplane.server.core.ids import new_id
from support.accounts import service_account
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

LEDGER = "/api/v1/administration/deprecated-calls"
SUCCESSOR = '</api/v1/service-accounts>; rel="successor-version"'


def rows(server: Server, **query: Any) -> list[dict[str, Any]]:
    server.flush()
    answer = server.admin.get(LEDGER, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["deprecatedCalls"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/apps", 200), ("GET", "/api/v1/apps/no-such", 404), ("POST", "/api/v1/apps", 400)],
)
def test_a_deprecated_route_says_so(server: Server, method: str, path: str, status: int) -> None:
    for client, wanted in ((server.admin, status), (server.client(), 401)):
        answer = client.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == wanted
        assert answer.headers["deprecation"] == "@1795305600"
        assert answer.headers["link"] == SUCCESSOR


def test_other_routes_say_nothing_of_it(server: Server) -> None:
    answer = server.admin.get("/api/v1/service-accounts")
    assert "deprecation" not in answer.headers
    assert "link" not in answer.headers


def test_the_ledger_counts_calls_per_caller_program_and_route(any_server: Server) -> None:
    server = any_server
    for agent, times in (("old-script/1.0", 3), ("old-script/2.0", 1)):
        for _ in range(times):
            server.admin.get("/api/v1/apps", headers={"user-agent": agent})
    server.admin.get("/api/v1/apps/no-such", headers={"user-agent": "old-script/1.0"})
    server.client().get("/api/v1/apps", headers={"user-agent": "old-script/1.0"})
    server.flush()
    server.admin.get("/api/v1/apps", headers={"user-agent": "old-script/1.0"})
    found = rows(server, search="OLD-script/", sortBy="calls", sortOrder="desc")
    assert [(it["userAgent"], it["operationId"], it["calls"]) for it in found[:1]] == [
        ("old-script/1.0", "get_applications", 4)
    ]
    assert sorted((it["userAgent"], it["operationId"], it["calls"]) for it in found[1:]) == [
        ("old-script/1.0", "get_application_by_id", 1),
        ("old-script/2.0", "get_applications", 1),
    ]
    first = found[0]
    assert (first["subject"], first["subjectType"]) == (ADMIN_EMAIL, "user")
    assert (first["method"], first["path"]) == ("GET", "/api/v1/apps")
    assert first["successor"] == "/api/v1/service-accounts"
    assert first["firstSeen"] <= first["lastSeen"]


def test_the_ledger_knows_who_used_an_old_way_to_sign_in(server: Server) -> None:
    body = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    answer = server.client().post("/v1/k8s/auth/login", json=body, headers={"user-agent": "ancient"})
    assert answer.status_code == 200
    assert answer.headers["link"] == '</api/v2/token>; rel="successor-version"'
    server.client().post(
        "/v1/k8s/auth/login", json={**body, "password": "wrong"}, headers={"user-agent": "ancient"}
    )
    (found,) = rows(server, filterBy="userAgent==ancient")
    assert (found["subject"], found["calls"]) == (ADMIN_EMAIL, 1)


def test_an_agent_that_sends_a_secret_or_rubbish_is_cut_and_cleaned(server: Server) -> None:
    server.admin.get("/api/v1/apps", headers={b"user-agent": b"rubbish\x80\x81" + b"x" * 500})
    (found,) = rows(server, filterBy="userAgent=^rubbish")
    assert found["userAgent"].startswith("rubbish??x")
    assert len(found["userAgent"]) == 200


def test_the_ledger_is_read_by_whom_may_read_the_audit_log(server: Server) -> None:
    server.admin.get("/api/v1/apps")
    server.flush()
    made = service_account(server)
    nobody = server.client(server.client_token(made.client_id, made.secret))
    assert nobody.get(LEDGER).status_code == 403


def test_the_ledger_stays_small(server: Server) -> None:
    def job(unit: Any) -> int:
        for index in range(8):
            row = {
                "id": new_id(),
                "tenant_id": 1001,
                "subject_type": "user",
                "subject_id": "u",
                "subject": "u",
                "user_agent": f"crowd-{index}",
                "method": "GET",
                "path": "/x",
                "operation_id": "x",
                "successor": None,
                "first_seen": unit.now,
                "last_seen": f"2999-01-01T00:00:0{index}.000Z",
                "calls": 1,
            }
            assert add_deprecated_calls(unit, row)
            assert not add_deprecated_calls(unit, {**row, "id": new_id()})
        keep_newest_deprecated_calls(unit, 1001, 3)
        return unit.execute(deprecated_calls.select()).fetchall()

    left = server.units.write(job)
    assert sorted((it.user_agent, it.calls) for it in left) == [(f"crowd-{index}", 2) for index in (5, 6, 7)]
