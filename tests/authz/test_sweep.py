"""Without a token: every address of the server, in its own spelling and in those that confuse routers.

Also what every operation must declare. The list of what is open to everybody is written out here: opening one
more takes a change that somebody reads.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from authz.world import World
from runplane.server.app import operations_for_inspection
from runplane.server.authz.guard import Allow, Form
from runplane.server.http.operation import Audited, NotAudited

OPEN = {
    "POST /api/v1/token",
    "POST /api/v2/token",
    "GET /auth/realms/{realm}/.well-known/openid-configuration",
    "GET /auth/realms/{realm}/protocol/openid-connect/certs",
    "POST /auth/realms/{realm}/protocol/openid-connect/token",
    "POST /auth/realms/{realm}/protocol/openid-connect/token/introspect",
    "POST /auth/realms/{realm}/protocol/openid-connect/revoke",
    "GET /auth/realms/{realm}/protocol/openid-connect/auth",
    "POST /auth/realms/{realm}/protocol/openid-connect/auth",
    "POST /auth/realms/{realm}/protocol/openid-connect/auth/device",
    "GET /auth/realms/{realm}/protocol/openid-connect/logout",
    "POST /auth/realms/{realm}/protocol/openid-connect/logout",
    "POST /v1/k8s/auth/login",
    "POST /v1/k8s/auth/oauth/apptoken",
    "GET /api/v1/session/options",
    "POST /api/v1/session",
    "POST /api/v1/session/password",
    "POST /api/v1/session/token",
    "DELETE /api/v1/session",
    "GET /api/v1/session/authorizations/{requestId}",
    "POST /api/v1/session/authorizations/{requestId}",
    "GET /api/v1/session/devices/{userCode}",
    "POST /api/v1/session/devices/{userCode}",
    "GET /",
    "GET /assets/{asset}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /api/docs",
    "GET /api/docs/swagger.json",
    "GET /api/docs/{asset}",
    "GET /api/redoc-runai.swagger.yaml",
}
# Open to everybody, and then the handler wants the cookie of a browser, its token and its origin.
BY_COOKIE = "/api/v1/session/"
# Questions asked with POST because their parameters do not fit an address, or because a standard wants both.
ASKED_BY_POST = {
    "begin_authorization_with_form",
    "get_user_info_by_post",
    "introspect_token",
    "get_permitted_scopes",
    "explain_permission",
    "test_trust",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")

EVERYTHING = operations_for_inspection()


def route(operation: Any) -> str:
    return f"{operation.method} {operation.path}"


@pytest.mark.clause("authz.public-list")
def test_the_public_operations_are_these_and_no_others() -> None:
    assert {route(it) for it in EVERYTHING if it.allow.form is Form.PUBLIC} == OPEN


@pytest.mark.clause("authz.deny-by-default")
def test_every_operation_says_who_may_call_it() -> None:
    for it in EVERYTHING:
        assert isinstance(it.allow, Allow), it.id
        # A permission, or a sentence on why none is needed.
        assert (it.allow.permission is not None) if it.allow.form is Form.CAN else it.allow.reason, it.id


def test_every_change_is_audited_or_says_why_not() -> None:
    for it in EVERYTHING:
        if it.writes:
            assert isinstance(it.audit, Audited | NotAudited), it.id
            assert not isinstance(it.audit, NotAudited) or it.audit.reason, it.id


def test_methods_tell_whether_an_operation_writes() -> None:
    unbuilt = {it.id for it in EVERYTHING if it.status == 501}
    reading = {it.id for it in EVERYTHING if it.method != "GET" and not it.writes} - unbuilt
    assert reading == ASKED_BY_POST
    assert [it.id for it in EVERYTHING if it.method == "GET" and it.writes] == []


def concrete(path: str) -> str:
    """The path with something in the place of each parameter."""
    return "/".join("runai" if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.clause("authz.public-list", "http.no-trace")
def test_no_method_of_any_address_opens_without_a_token(world: World) -> None:
    open_now = {(it.method, concrete(it.path)) for it in EVERYTHING if it.allow.form is Form.PUBLIC}
    open_now |= {("HEAD", path) for method, path in open_now if method == "GET"}
    gated = {(it.method, concrete(it.path)) for it in EVERYTHING} - open_now
    # A fixed address wins over a parameter that would also fit it, so compare addresses, not patterns.
    for path in sorted({concrete(it.path) for it in EVERYTHING}):
        for method in METHODS:
            if (method, path) in open_now:
                continue
            answer = world.caller.send(method, path)
            wanted = (401,) if (method, path) in gated else (401, 405)
            assert answer.status in wanted, (method, path, answer.status, answer.text[:200])
            if answer.status == 405:
                assert set(answer.headers["allow"].split(", ")) <= set(METHODS)


SPELLINGS = {
    "slash at the end": lambda path: path + "/",
    "double slash in front": lambda path: "/" + path,
    "double slash inside": lambda path: path.replace("/", "//", 2)[1:],
    "dot segment": lambda path: "/." + path,
    "encoded dot segment": lambda path: "/%2e" + path,
    "encoded way up": lambda path: "/x/%2e%2e" + path,
    "encoded slash": lambda path: "/" + path[1:].replace("/", "%2f", 1),
    "other case": lambda path: path.swapcase(),
    "matrix parameter": lambda path: path + ";x=y",
    "encoded null": lambda path: path + "%00",
    "backslash": lambda path: path.replace("/", "\\", 2).replace("\\", "/", 1),
}


@pytest.mark.clause("http.one-spelling")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_other_spelling_of_an_address_opens_it(spelling: str, world: World) -> None:
    """It is not that address: 404, or 401 where the last part is a parameter that takes it for a value.

    An encoded slash is a slash once the server reads the path, so that spelling is the address itself.
    """
    for it in EVERYTHING:
        address = concrete(it.path)
        path = SPELLINGS[spelling](address)
        public = it.allow.form is Form.PUBLIC
        if public and unquote(path) == address:
            continue
        answer = world.caller.send(it.method, path)
        if it.path.startswith(BY_COOKIE) and it.path.endswith("}"):
            assert answer.status in (400, 403, 404, 405), (it.method, path, answer.status)
            continue
        assert answer.status in (401, 404, 405), (it.method, path, answer.status, answer.text[:200])
        assert not (public and answer.status == 401), (it.method, path)
