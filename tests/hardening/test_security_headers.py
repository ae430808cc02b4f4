"""The headers of every answer, over the whole table of operations: refused, allowed, missing, not built.

tests/authz looks at the same headers of every answer that its matrix gets, among them a success of each
operation; here are the answers before and beside the operations, and a site that is https.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hardening.wire import say
from runplane.server.app import operations_for_inspection
from support.accounts import FORM_ROUTES, JSON_ROUTES, good, service_account
from support.answers import careless
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

# signing out comes last: what follows it is refused at the door
EVERYTHING = sorted(operations_for_inspection(), key=lambda it: it.id == "logout")
ORIGINS = ("https://evil.example", "null")


def address(operation: Any) -> str:
    return "/".join("runai" if it.startswith("{") else it for it in operation.path.split("/"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A site that says it is https, as behind a proxy that ends TLS."""
    running = Server(tmp_path_factory.mktemp("https"), public_url="https://runplane.example")
    yield running
    running.stop()


def faults(server: Server, *, https: bool) -> dict[str, list[str]]:
    """Each operation whose answers lack something: without a token, with one, and by the wrong method."""
    found: dict[str, list[str]] = {}
    nobody, somebody = server.client(), server.client(server.token(ADMIN_EMAIL, ADMIN_PASSWORD))
    for operation in EVERYTHING:
        path = address(operation)
        asked = [
            nobody.request(operation.method, path, headers={"origin": ORIGINS[0]}),
            # a body that fits nothing, so that nothing is changed on the way
            somebody.request(operation.method, path, content=b"[", headers={"content-type": "a/b"})
            if operation.writes
            else somebody.get(path, headers={"accept": "text/html"}),
            nobody.request("PURGE", path),
        ]
        for answer in asked:
            if wrong := careless(answer.headers, https=https):
                found[f"{operation.method} {path} → {answer.status_code}"] = wrong
    return found


@pytest.mark.clause("headers.all", "jwks.kept-an-hour")
@pytest.mark.slow
@pytest.mark.parametrize("https", [False, True])
def test_every_operation_answers_carefully(server: Server, secure: Server, https: bool) -> None:
    assert faults(secure if https else server, https=https) == {}


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/v1/users/", "/assets/x.js", "/%00"])
def test_what_is_nowhere_is_answered_carefully(server: Server, path: str) -> None:
    assert careless(server.client().get(path).headers) == []


def test_what_is_no_request_is_not_guessed_at_either(server: Server) -> None:
    said = say(server, b"junk\r\n\r\n")
    assert said.statuses == [400]
    assert b"x-content-type-options: nosniff" in said.head
    assert b"cache-control: no-store" in said.head


@pytest.mark.clause("headers.all")
def test_a_crash_is_answered_carefully(make_server: Callable[..., Server]) -> None:
    from sqlalchemy import text

    server = make_server()
    server.units.write(lambda unit: unit.execute(text("ALTER TABLE access_rules RENAME TO lost")))
    answer = server.admin.get("/api/v1/authorization/access-rules")
    assert answer.status_code in (500, 503)
    assert careless(answer.headers) == []


@pytest.mark.clause("token.not-stored")
def test_no_answer_of_a_token_route_is_kept(server: Server) -> None:
    """RFC 6749, 5.1: the good ones and the refusals of each dialect, `Pragma` for the oldest caches."""
    machine = service_account(server)
    client = server.client()
    for route in (*JSON_ROUTES, *FORM_ROUTES):
        kind = "data" if route in FORM_ROUTES else "json"
        asked = [good(route, machine), {kind: {"grant_type": "x"}}, {kind: {}}]
        answers = [client.post(route, **it) for it in asked]
        assert client.get(route).headers["cache-control"] == "no-store"
        assert answers[0].status_code == 200, answers[0].text
        assert {it.status_code for it in answers[1:]} <= {400, 401}
        for it in answers:
            assert (it.headers["cache-control"], it.headers["pragma"]) == ("no-store", "no-cache"), route


@pytest.mark.clause("cors.none")
@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_origin_is_let_in(server: Server, origin: str, method: str) -> None:
    """No CORS at all: with a token, without one, and in the question a browser asks before."""
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    for client in (server.client(), server.admin):
        for path in ("/api/v1/users", "/api/v1/token", "/api/v1/session", "/"):
            answer = client.request(method, path, headers=asked)
            assert [it for it in answer.headers if it.startswith("access-control")] == []
            assert origin not in answer.headers.values()


def test_the_check_sees_what_is_missing() -> None:
    good = {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    assert careless(good) == []
    for name in good:
        assert careless({key: value for key, value in good.items() if key != name}) != []
    for more in ("strict-transport-security", "server", "access-control-allow-origin"):
        assert careless({**good, more: "*"}) != []
    assert careless({**good, "cache-control": "public, max-age=86400"}) != []
    assert careless(httpx.Headers(good), https=True) != []
