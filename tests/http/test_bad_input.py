"""Whatever arrives: a 4xx in the surface's shape, and nothing is stored (reference/security 2.7)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest

from support.server import Server

JSON = {"content-type": "application/json"}
TARGETS = ["/api/v1/service-accounts", "/api/v1/users", "/api/v1/authorization/access-rules"]
BODIES = {
    "deep": b'{"name":' + b"[" * 50_000,
    "digits": b'{"name": ' + b"9" * 5_000 + b"}",
    "nan": b'{"name": NaN}',
    "duplicate": b'{"name": "twice-a", "name": "twice-b"}',
    "nul": b'{"name": "a\\u0000b", "email": "a\\u0000b@example.com"}',
    "surrogate": b'{"name": "a\\ud800", "email": "a\\ud800@example.com"}',
    "not utf-8": b'{"name": "\xff\xfe"}',
    "cut": b'{"name": "ab',
    "list": b"[]",
    "number": b"7",
    "null": b"null",
    "text": b'"text"',
    "empty": b"",
    "wrong types": b'{"name": {"$ne": 1}, "email": ["a"], "subjectId": 7}',
}


@pytest.fixture
def counted(server: Server) -> Iterator[None]:
    """Nothing may be stored while the test runs."""

    def state() -> list[int]:
        users = server.admin.get("/api/v1/users/count").json()["count"]
        rules = server.admin.get("/api/v1/authorization/access-rules/count").json()["count"]
        return [users, rules, len(server.admin.get("/api/v1/service-accounts").json())]

    before = state()
    yield
    assert state() == before


@pytest.mark.clause("json.strict")
@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", BODIES)
def test_bodies(server: Server, target: str, name: str) -> None:
    answer = server.admin.post(target, content=BODIES[name], headers=JSON)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["code"] == 400
    assert body["message"].endswith((".", "?"))


@pytest.mark.clause("csrf.json-only")
@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_content_types(server: Server, kind: str) -> None:
    answer = server.admin.post(TARGETS[0], content=b'{"name": "from-a-form"}', headers={"content-type": kind})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["message"]


@pytest.mark.clause("limits.sizes")
@pytest.mark.usefixtures("counted")
def test_ten_megabytes(server: Server) -> None:
    body = json.dumps({"name": "a" * 10_000_000}).encode()
    answer = server.admin.post(TARGETS[0], content=body, headers=JSON)
    assert answer.status_code == 413


@pytest.mark.usefixtures("counted")
def test_chunks_without_a_declared_length(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(40):
            yield b"a" * 65_536
        yield b'"}'

    answer = server.admin.post(TARGETS[0], content=chunks(), headers=JSON)
    # the connection ends, and says so: the client must not send its next request on it
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")


@pytest.mark.usefixtures("counted")
def test_compressed_bodies_are_not_unpacked(server: Server) -> None:
    bomb = gzip.compress(b'{"name": "' + b"a" * 1_000_000 + b'"}')
    answer = server.admin.post(TARGETS[0], content=bomb, headers={**JSON, "content-encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.clause("token.errors-v1")
@pytest.mark.parametrize("path", ["/api/v1/token", "/v1/k8s/auth/login"])
@pytest.mark.parametrize("name", BODIES)
def test_json_token_routes(server: Server, path: str, name: str) -> None:
    answer = server.client().post(path, content=BODIES[name], headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "body",
    [b"", b"%%%", b"grant_type=%ff", b"grant_type=a&grant_type=b", b"a=b&" * 1000,
     b"grant_type=password&username=%00&password=x", b"grant_type=" + b"x" * 10_000],
)  # fmt: skip
def test_form_token_routes(server: Server, body: bytes) -> None:
    for path in ("/api/v2/token", "/auth/realms/runai/protocol/openid-connect/token"):
        answer = server.client().post(
            path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in (400, 401)
        assert answer.json()["error"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.clause("bearer.header-only")
def test_a_token_in_the_address_is_refused(server: Server) -> None:
    token = server.admin.headers["authorization"].removeprefix("Bearer ")
    answer = server.client().get("/api/v1/users", params={"access_token": token})
    assert answer.status_code == 400
    assert "header" in answer.json()["message"]


@pytest.mark.clause("bearer.one-credential")
def test_two_credentials_at_once_are_refused(server: Server) -> None:
    good = server.admin.headers["authorization"]
    answer = httpx.get(
        f"{server.url}/api/v1/users",
        headers=[("authorization", good), ("authorization", "Bearer forged")],
    )
    assert answer.status_code == 400


@pytest.mark.clause("bearer.challenge")
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic YTpi", "bearer x.y.z", "Bearer a b", "Bearer " + "a" * 9000, "Token x"],
)
def test_broken_credentials(server: Server, header: str) -> None:
    answer = server.client().get("/api/v1/users", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.clause("http.one-spelling")
@pytest.mark.parametrize(
    "path",
    ["/api/v1/users/", "//api/v1/users", "/api/v1/users%2F..%2Ftoken", "/api/v1/%2e%2e/token",
     "/API/V1/USERS", "/api/v1/users/%00", "/api/v1/users/\u00e9", "/api/v1/users/a%0d%0ab",
     "/api/v1/users/" + "a" * 5000],
)  # fmt: skip
def test_odd_paths(server: Server, path: str) -> None:
    answer = server.admin.get(path)
    assert answer.status_code in (404, 431)
    assert answer.json()["code"] == answer.status_code


@pytest.mark.clause("http.no-trace", "token.post-only")
def test_methods(server: Server) -> None:
    answer = server.client().get("/api/v1/token")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    for method in ("OPTIONS", "TRACE", "PUT", "BREW"):
        assert server.client().request(method, "/api/v1/users").status_code in (400, 405)


@pytest.mark.clause("limits.sizes")
@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "limit=-1", "offset=-1", "offset=99999999999999999999",
     "sortBy=nothing", "sortOrder=up", "filterBy=nothing==x", "filterBy=username", "filterBy=",
     "search=%00", "limit=1&limit=2",
     "filterBy=" + "username==a," * 200, "search=" + "a" * 5000],
)  # fmt: skip
def test_list_parameters(server: Server, query: str) -> None:
    answer = server.admin.get(f"/api/v1/users?{query}")
    expected = 200 if query == "filterBy=" else 400
    assert answer.status_code == expected, answer.text
