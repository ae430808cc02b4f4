"""Input that reached further than it should: into the database, the event loop, a second request."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
HUGE = 10**39


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


@pytest.mark.parametrize("credentials", ["a%00b:secret", "name:se%00cret", "a%ed%a0%80b:secret", "%00:%00"])
def test_escaped_characters_in_basic_credentials(any_server: Server, credentials: str) -> None:
    """Decoded after the check for NUL, they made PostgreSQL refuse the statement: 500."""
    for path in ("token", "token/introspect", "revoke"):
        answer = any_server.client().post(
            f"/auth/realms/runai/protocol/openid-connect/{path}",
            content=b"grant_type=client_credentials&token=x",
            headers={**FORM, **basic(credentials)},
        )
        assert answer.status_code == 401, answer.text
        assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/authorization/access-rules", {"roleId": HUGE}),
        ("POST", "/api/v1/authorization/access-rules", {"roleId": 2**63}),
        ("POST", "/api/v1/authorization/access-rules", {"roleId": -(2**31) - 1}),
        ("DELETE", f"/api/v1/authorization/access-rules/{HUGE}", None),
        ("GET", f"/api/v1/authorization/access-rules/{HUGE}", None),
        ("GET", f"/api/v1/authorization/roles/{HUGE}", None),
        ("GET", f"/api/v2/authorization/roles/{HUGE}", None),
        ("DELETE", f"/api/v2/authorization/roles/{2**31}", None),
        ("GET", f"/api/v1/authorization/access-rules?roleId={HUGE}", None),
        ("GET", f"/api/v1/authorization/access-rules?filterBy=roleId=={2**62}", None),
        ("GET", "/api/v1/users/%F0%9F%92%A9", None),
        ("GET", "/api/v1/audit/log?start=0001-01-01T00:00:00%2B14:00&end=9999-12-31T23:59:59-14:00", None),
    ],
)
def test_numbers_that_no_column_holds(
    any_server: Server, method: str, path: str, body: dict[str, object] | None
) -> None:
    sent = None
    if body is not None:
        rest = {"subjectId": "a@example.com", "subjectType": "user", "scopeType": "tenant", "scopeId": "1001"}
        sent = json.dumps(rest | body).encode()
    answer = any_server.admin.request(method, path, content=sent, headers=JSON)
    assert answer.status_code in (200, 400, 404), answer.text
    assert answer.status_code != 200 or method == "GET"


def test_strangers_cannot_make_the_server_parse_much(server: Server) -> None:
    """A token request is small: a megabyte of brackets stopped the event loop for a quarter of a second."""
    body = b"[" + b"[]," * 340_000 + b"[]]"
    for path in ("/api/v1/token", "/v1/k8s/auth/login"):
        answer = server.client().post(path, content=body, headers=JSON)
        assert answer.status_code == 413, answer.text
    assert server.client().post("/api/v2/token", content=body, headers=FORM).status_code == 413


def test_nothing_is_served_behind_a_refused_request(server: Server) -> None:
    """Two requests in one packet: the first is refused, so the second must not run."""
    made = server.admin.post("/api/v1/service-accounts", json={"name": "behind-a-refusal"}).json()
    token = server.admin.headers["authorization"].encode()
    data = (
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 33_000 + b"\r\n\r\n"
        b"DELETE /api/v1/service-accounts/" + made["id"].encode() + b" HTTP/1.1\r\nhost: x\r\n"
        b"authorization: " + token + b"\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
    assert answer.count(b"HTTP/1.1 ") <= 1
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        assert made["id"] in server.admin.get("/api/v1/service-accounts").text


def test_a_database_that_fails_under_a_read_on_the_loop_is_unavailable(
    make_server: Callable[..., Server],
) -> None:
    """Authentication and credential look-ups read on the event loop too; a disk error there was a 500."""
    server = make_server()
    unseen = server.client(server.token(ADMIN_EMAIL, ADMIN_PASSWORD))
    server.units.write(lambda unit: unit.execute(text("ALTER TABLE clients RENAME TO lost")))
    server.units.write(lambda unit: unit.execute(text("ALTER TABLE sessions RENAME TO lost_too")))
    for answer in (
        unseen.get("/api/v1/authorization/permissions"),
        server.client().post("/api/v1/token", json={"clientId": "x", "clientSecret": "y"}),
    ):
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"] == "1"
