"""Headers that proxies and frameworks obey elsewhere: here they change no name, right or route."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hardening.wire import say
from support.accounts import REALM, payload, person, sign_in
from support.logins import Program
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

EVIL = "evil.example"
# What some proxy, framework or gateway takes for the host, the scheme, the path or the method.
TRICKS: dict[str, dict[str, str]] = {
    "host": {"host": EVIL},
    "forwarded host": {"x-forwarded-host": EVIL, "x-forwarded-proto": "https", "x-forwarded-port": "8443"},
    "forwarded": {"forwarded": f"for=10.0.0.1;host={EVIL};proto=https"},
    "other hosts": {"x-host": EVIL, "x-original-host": EVIL, "x-forwarded-server": EVIL, "x-real-host": EVIL},
    "prefix": {"x-forwarded-prefix": f"//{EVIL}/x", "x-script-name": "/x", "x-forwarded-uri": "/x"},
    "original address": {"x-original-url": "/healthz", "x-rewrite-url": "/healthz", "x-original-uri": "/"},
    "method": {"x-http-method-override": "DELETE", "x-http-method": "DELETE", "x-method-override": "DELETE"},
    "source": {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "true-client-ip": "127.0.0.1"},
    "user": {"x-remote-user": "admin@example.com", "remote-user": "admin@example.com", "x-user": "admin"},
    "scheme": {"x-forwarded-scheme": "https", "x-url-scheme": "https", "front-end-https": "on"},
}
# What is new in each answer anyway.
MOVING = ("date", "content-length", "x-request-id")
# Whether a browser that sees this host keeps cookies: the one thing that an answer says about the host.
NEEDED = re.compile(rb'"secureContextNeeded":(true|false)')


@pytest.fixture(params=TRICKS)
def tricks(request: pytest.FixtureRequest) -> dict[str, str]:
    return TRICKS[request.param]


def same(one: httpx.Response, other: httpx.Response) -> None:
    """Two answers that differ in nothing but the moment they were given."""
    assert one.status_code == other.status_code
    assert NEEDED.sub(b"", one.content) == NEEDED.sub(b"", other.content)
    kept = [{k: v for k, v in it.headers.items() if k not in MOVING} for it in (one, other)]
    assert kept[0] == kept[1]


@pytest.mark.clause("http.host-not-trusted", "metadata.not-from-headers")
@pytest.mark.parametrize(
    "path",
    [
        f"{REALM}/.well-known/openid-configuration",
        "/api/v1/session/options",
        "/api/docs/swagger.json",
        "/api/v1/clusters",
        "/api/v1/users",
        "/api/v1/nothing-here",
    ],
)
def test_answers_are_the_same(server: Server, tricks: dict[str, str], path: str) -> None:
    plain = server.client()
    without = plain.get(path)
    assert EVIL not in without.text
    same(plain.get(path, headers=tricks), without)


def test_a_reader_reads_the_same(server: Server, tricks: dict[str, str]) -> None:
    for path in ("/api/v1/users?limit=1", "/api/v1/authorization/access-rules?limit=1", "/api/v1/me"):
        same(server.admin.get(path, headers=tricks), server.admin.get(path))


@pytest.mark.clause("metadata.not-from-headers")
def test_tokens_name_the_same_issuer(server: Server, tricks: dict[str, str]) -> None:
    body = {"grantType": "password", "username": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    answer = server.client().post("/api/v1/token", json=body, headers=tricks)
    assert payload(answer.json()["accessToken"])["iss"] == payload(sign_in(server)["access_token"])["iss"]


@pytest.mark.clause("http.host-not-trusted")
def test_nobody_becomes_somebody(server: Server, tricks: dict[str, str]) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert server.client().request(method, "/api/v1/users", headers=tricks).status_code in (401, 405)


@pytest.mark.clause("http.host-not-trusted")
def test_a_read_stays_a_read(server: Server, tricks: dict[str, str]) -> None:
    made = server.admin.post("/api/v1/service-accounts", json={"name": f"read-{len(str(tricks))}"}).json()
    path = f"/api/v1/service-accounts/{made['id']}"
    for method in ("GET", "HEAD"):
        assert server.admin.request(method, path, headers=tricks).status_code == 200
    assert server.admin.get(path).status_code == 200
    assert server.admin.delete(path).status_code in (200, 204)


def test_a_login_leads_to_the_configured_address(server: Server, tricks: dict[str, str]) -> None:
    answer = server.client().get(
        f"{REALM}/protocol/openid-connect/auth", params=Program(server).parameters(), headers=tricks
    )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{server.url}/authorize?")


@pytest.mark.clause("http.host-not-trusted")
def test_links_of_pages_stay_where_they_are(server: Server, tricks: dict[str, str]) -> None:
    for name in "ab":
        server.admin.post("/api/v1/users", json={"email": f"{name}-{len(str(tricks))}@example.com"})
    links = [server.admin.get("/api/v1/users?limit=1", headers=it).headers["link"] for it in ({}, tricks)]
    assert links[0] == links[1]
    assert EVIL not in links[1]


@pytest.fixture
def proxied(make_server: Callable[..., Server]) -> Server:
    """A server that trusts a proxy which is not the one that sends."""
    return make_server(trusted_proxies="192.0.2.0/24")


@pytest.mark.clause("http.trusted-proxies")
def test_only_a_trusted_proxy_says_where_a_request_comes_from(proxied: Server) -> None:
    _, email, _ = person(proxied)
    body = {"grantType": "password", "username": email, "password": "wrong-wrong-wrong-wrong"}
    answer = proxied.client().post("/api/v1/token", json=body, headers={"x-forwarded-for": "203.0.113.9"})
    assert answer.status_code == 400
    rows: list[dict[str, Any]] = proxied.audit()
    assert "203.0.113.9" not in str(rows)
    assert "127.0.0.1" in str(rows)


@pytest.mark.clause("bearer.one-credential")
@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_of_two_credentials_neither_counts(server: Server, name: str) -> None:
    good = server.admin.headers["authorization"]
    for pair in ((good, "Bearer forged"), ("Bearer forged", good), (good, good)):
        head = f"authorization: {pair[0]}\r\n{name}: {pair[1]}\r\n"
        said = say(server, f"GET /api/v1/users HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
        assert said.statuses == [400]


def test_headers_of_one_hop_cannot_take_the_credential_away(server: Server) -> None:
    """A client that lists Authorization in Connection asks a proxy to drop it; nobody drops it here."""
    good = server.admin.headers["authorization"]
    head = f"authorization: {good}\r\nconnection: close, authorization\r\n"
    said = say(server, f"GET /api/v1/users?limit=1 HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
    assert said.statuses == [200]
