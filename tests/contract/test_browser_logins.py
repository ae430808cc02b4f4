"""Signing in through a browser: authorization code with PKCE, clause by clause.

Names of clauses: RFC 6749 (OAuth 2.0), 7636 (PKCE), 8252 (native apps), 9207 (issuer), 9700 (best practice),
ASVS 5.0 chapter 10, as listed in reference/security 2.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from runplane.server.identity.logins.tables import authorization_codes
from support import access
from support.accounts import REALM, TOKEN, V1, V2, accepted, bend, other_tenant, payload, person
from support.logins import AUTHORIZE, LISTENER, SESSION, Program, browser, decide, query_of
from support.server import ADMIN_EMAIL, Server


@pytest.fixture(scope="module")
def admin(server: Server) -> httpx.Client:
    return browser(server)


@pytest.fixture
def program(server: Server) -> Program:
    return Program(server)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


# the whole way


@pytest.mark.clause("token.answer-members")
@pytest.mark.parametrize("route", [TOKEN, V2])
def test_a_person_signs_a_program_in(any_server: Server, route: str) -> None:
    user_id, email, password = person(any_server)
    program = Program(any_server)
    started = int(time.time())
    target = decide(browser(any_server, email, password), program.request_id())
    assert target.startswith(f"{LISTENER}?")
    answer = program.redeem(query_of(target)["code"], route)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "id_token"}
    access, identity = payload(body["access_token"]), payload(body["id_token"])
    assert (access["sub"], access["email"], access["client_id"]) == (user_id, email, "runplane-cli")
    assert (identity["sub"], identity["nonce"]) == (user_id, program.nonce)
    assert started - 60 < identity["auth_time"] <= identity["iat"]
    assert accepted(any_server, body["access_token"])
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    again = any_server.client().post(TOKEN, data={**form, "client_id": "runplane-cli"})
    assert again.status_code == 200, again.text
    # OpenID Connect Core 12.2: the nonce belongs to the sign-in and not to what follows
    assert "nonce" not in payload(again.json()["id_token"])


@pytest.mark.parametrize("client_id", ["runai", "runai-cli", "runai-cli-sso", "cli"])
def test_the_older_exchange_takes_the_same_code(server: Server, admin: httpx.Client, client_id: str) -> None:
    program = Program(server, client_id, f"{server.url}/oauth-code")
    body = {
        "grantType": "exchange_token",
        "clientID": client_id,
        "code": program.code(admin),
        "redirectUri": program.redirect_uri,
        "codeVerifier": program.verifier,
    }
    answer = server.client().post(V1, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"accessToken", "expiresIn", "refreshToken", "idToken"}
    assert payload(answer.json()["accessToken"])["email"] == ADMIN_EMAIL


def test_the_older_exchange_without_a_verifier_says_what_is_missing(
    server: Server, admin: httpx.Client
) -> None:
    program = Program(server, "runai")
    body = {"grantType": "exchange_token", "clientID": "runai", "redirectUri": program.redirect_uri}
    answer = server.client().post(V1, json={**body, "code": program.code(admin)})
    assert answer.status_code == 400
    assert "codeVerifier" in answer.json()["message"]


@pytest.mark.clause("login.issuer-named")
def test_rfc9207_the_answer_says_who_it_is_from_and_brings_the_state_back(
    program: Program, admin: httpx.Client, server: Server
) -> None:
    found = query_of(decide(admin, program.request_id()))
    assert found.keys() == {"code", "state", "iss"}
    assert found["state"] == program.state
    assert found["iss"] == f"{server.url}{REALM}"
    refused = query_of(decide(admin, program.request_id(), approve=False))
    assert (refused["error"], refused["state"]) == ("access_denied", program.state)
    assert refused["iss"] == found["iss"]


def test_the_program_gets_a_session_of_its_own(server: Server) -> None:
    _, email, password = person(server)
    program, browsing = Program(server), browser(server, email, password)
    body = program.redeem(program.code(browsing)).json()
    assert browsing.delete(SESSION).status_code == 204
    assert accepted(server, body["access_token"])


def test_the_page_shows_who_asks(server: Server, program: Program) -> None:
    path = f"{SESSION}/authorizations/{program.request_id(login_hint='ada@example.com')}"
    shown = server.client().get(path)
    assert shown.status_code == 200
    assert shown.json() == {
        "clientId": "runplane-cli",
        "clientName": "runplane command line",
        "scopes": [],
        "redirectHost": "127.0.0.1:53682",
        "onThisMachine": True,
        "loginHint": "ada@example.com",
    }
    page = Program(server, redirect_uri=f"{server.url}/oauth-code")
    shown = server.client().get(f"{SESSION}/authorizations/{page.request_id()}")
    assert (shown.json()["redirectHost"], shown.json()["onThisMachine"]) == ("", False)


def test_a_scope_confines_what_the_program_gets(server: Server, admin: httpx.Client) -> None:
    program = Program(server)
    request_id = program.request_id(scope="openid users:read")
    shown = server.client().get(f"{SESSION}/authorizations/{request_id}").json()
    assert shown["scopes"] == ["users:read"]
    code = query_of(decide(admin, request_id))["code"]
    wider = program.redeem(code, scope="users:read roles:read")
    assert refusal(wider) == (400, "invalid_scope")
    body = program.redeem(code).json()
    assert body["scope"] == "users:read"
    assert "id_token" not in body
    client = server.client(body["access_token"])
    assert client.get("/api/v1/users").status_code == 200
    assert client.get("/api/v1/service-accounts").status_code == 403


def test_a_place_that_does_not_exist_yet_is_no_part_of_the_scope(server: Server, admin: httpx.Client) -> None:
    """Numbers of projects are given in turn: a session must not get hold of one that is made later."""
    project = access.organization(server).inner.ref
    program = Program(server)
    code = program.code(admin, scope=f"project:{project}")
    for later in ("project:999999999", f"project:{project} department:999999999"):
        assert refusal(program.redeem(code, scope=later)) == (400, "invalid_scope")
    body = program.redeem(code, scope=f"project:{project} project:read").json()
    assert body["scope"] == f"project:{project} project:read"


def test_every_sign_in_and_decision_is_recorded_without_codes(server: Server) -> None:
    _, email, password = person(server)
    program, browsing = Program(server), browser(server, email, password)
    request_id = program.request_id()
    code = query_of(decide(browsing, request_id))["code"]
    decide(browsing, program.request_id(), approve=False)
    assert program.redeem(code).status_code == 200
    rows = server.audit(subject=email)
    decisions = [row for row in rows if row["entity_type"] == "sign-in-request"]
    assert [row["metadata"] for row in decisions] == ['{"decision":"approved"}', '{"decision":"refused"}']
    assert all(row["entity_name"] == "runplane-cli" for row in decisions)
    [entered] = [row for row in rows if row["action"] == "sign-in" and "authorization code" in str(row)]
    assert '"client":"runplane-cli"' in entered["metadata"]
    assert not any(text in str(rows) for text in (code, request_id, program.state, program.verifier))


# the request


@pytest.mark.clause("redirect.exact")
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535",
        "http://127.0.0.1/callback",
        "http://[::1]:8000/",
        "http://localhost:8000",
        "http://localhost:8000/callback",
    ],
)
def test_rfc8252_7_3_a_listener_may_have_any_port(server: Server, uri: str) -> None:
    assert Program(server, redirect_uri=uri).begin().status_code == 303


@pytest.mark.clause("redirect.exact")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:8000@evil.example/callback",
        "http://user@127.0.0.1:8000/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:8000/callback/",
        "http://127.0.0.1:8000/callback/../x",
        "http://127.0.0.1:8000/callback?x=1",
        "http://127.0.0.1:8000/callback#x",
        "http://127.0.0.1:8000/CALLBACK",
        "http://127.0.0.2:8000/callback",
        "https://127.0.0.1:8000/callback",
        "http://0.0.0.0:8000/callback",
        "HTTP://127.0.0.1:8000/callback",
        "http://127.0.0.1:8000\\@evil.example/callback",
        "javascript:alert(1)//http://127.0.0.1/callback",
        "{server}/oauth-code/",
        "{server}/oauth-code?next=https://evil.example",
        "//evil.example",
        "/oauth-code",
    ],
)
def test_rfc9700_2_1_no_other_redirect_uri_is_taken_nor_sent_to(server: Server, uri: str) -> None:
    answer = Program(server, redirect_uri=uri.replace("{server}", server.url)).begin()
    assert refusal(answer) == (400, "invalid_request")
    assert "location" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.clause("redirect.exact", "redirect.not-open")
@pytest.mark.parametrize("client_id", ["", "nobody", "runplane-console", "runplane-CLI"])
def test_an_unknown_client_is_never_sent_on(server: Server, client_id: str) -> None:
    answer = Program(server, client_id).begin()
    assert refusal(answer) == (400, "invalid_request")
    assert "location" not in answer.headers


@pytest.mark.clause("pkce.no-downgrade", "pkce.required")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        # RFC 9700 2.1.1 and RFC 7636 4.4.1: the challenge is required, `plain` is refused
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        # RFC 7636 4.3: left out it means `plain`
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "=" * 43}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "e30"}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"scope": "no:such"}, "invalid_scope"),
        ({"prompt": "none"}, "interaction_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "perhaps"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 2000}, "invalid_request"),
    ],
)
def test_rfc6749_4_1_2_1_other_faults_go_to_the_client(
    program: Program, server: Server, changed: dict[str, str | None], error: str
) -> None:
    answer = program.begin(**changed)
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith(f"{LISTENER}?")
    found = query_of(location)
    assert found["error"] == error, found
    assert (found["state"], found["iss"]) == (program.state, f"{server.url}{REALM}")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.clause("token.parameter-once")
def test_rfc6749_3_1_a_repeated_parameter_is_refused(program: Program, server: Server) -> None:
    twice = [*program.parameters().items(), ("scope", "openid")]
    answer = server.client().get(AUTHORIZE, params=twice)
    assert query_of(answer.headers["location"])["error"] == "invalid_request"
    # of these two nothing may be trusted
    for name in ("client_id", "redirect_uri"):
        twice = [*program.parameters().items(), (name, program.parameters()[name])]
        answer = server.client().get(AUTHORIZE, params=twice)
        assert refusal(answer) == (400, "invalid_request")
        assert "location" not in answer.headers


@pytest.mark.clause("token.unknown-ignored")
def test_rfc6749_3_1_unknown_parameters_are_ignored_and_empty_ones_absent(program: Program) -> None:
    assert program.begin(ui_locales="en", prompt="", max_age="").status_code == 303
    assert "request=" in program.begin(acr_values="1").headers["location"]
    assert query_of(program.begin(code_challenge="").headers["location"])["error"] == "invalid_request"


@pytest.mark.clause("redirect.see-other")
def test_oidc_core_3_1_2_1_the_request_may_be_a_form(program: Program, server: Server) -> None:
    answer = server.client().post(AUTHORIZE, data=program.parameters())
    # RFC 9700 4.12: 303, so that no browser posts the form on
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{server.url}/authorize?request=")


def test_the_page_is_at_the_configured_address_whatever_the_host_header(
    make_server: Callable[..., Server],
) -> None:
    server = make_server(public_url="https://plane.example/base")
    program = Program(server, redirect_uri="https://plane.example/base/oauth-code")
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    answer = server.client().get(AUTHORIZE, params=program.parameters(), headers=headers)
    assert answer.headers["location"].startswith("https://plane.example/base/authorize?request=")


def test_asking_stores_nothing(server: Server) -> None:
    def count() -> int:
        return server.units.read(lambda unit: len(unit.execute(select(authorization_codes)).all()))

    before = count()
    for _ in range(3):
        Program(server).request_id()
    assert count() == before


# the decision


def test_a_damaged_or_foreign_request_is_unknown(program: Program, admin: httpx.Client) -> None:
    sealed = program.request_id()
    changed = sealed[:-1] + ("0" if sealed[-1] != "0" else "1")
    for wrong in (changed, sealed[:-2], "00", "zz", "é", sealed + "00", "a" * 30000):
        path = f"{SESSION}/authorizations/{wrong}"
        assert admin.get(path).status_code == 404
        assert admin.post(path, json={"approve": True}).status_code == 404


def test_a_request_is_bound_to_its_server(program: Program, make_server: Callable[..., Server]) -> None:
    elsewhere = make_server()
    path = f"{SESSION}/authorizations/{program.request_id()}"
    assert elsewhere.client().get(path).status_code == 404


def test_a_request_expires(make_server: Callable[..., Server]) -> None:
    server = make_server()
    person, request_id = browser(server), Program(server).request_id()
    server.clock.advance(1801)
    assert server.client().get(f"{SESSION}/authorizations/{request_id}").status_code == 404
    answer = person.post(f"{SESSION}/authorizations/{request_id}", json={"approve": True})
    assert answer.status_code in (401, 404)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("x-csrf-token", "", 403),
        ("x-csrf-token", "0" * 64, 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("cookie", "", 401),
    ],
)
def test_security_2_7_only_the_console_decides_and_only_for_who_is_signed_in(
    server: Server, program: Program, admin: httpx.Client, header: str, value: str, status: int
) -> None:
    headers = {**admin.headers, header: value}
    path = f"{server.url}{SESSION}/authorizations/{program.request_id()}"
    answer = httpx.post(path, json={"approve": True}, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_bearer_token_decides_nothing(server: Server, program: Program) -> None:
    path = f"{SESSION}/authorizations/{program.request_id()}"
    headers = {"sec-fetch-site": "same-origin"}
    assert server.admin.post(path, json={"approve": True}, headers=headers).status_code == 401


def test_prompt_login_asks_for_a_fresh_sign_in(make_server: Callable[..., Server]) -> None:
    server = make_server()
    program, early = Program(server), browser(server)
    server.clock.advance(100)
    for changed in ({"prompt": "login"}, {"max_age": "50"}):
        request_id = program.request_id(**changed)
        path = f"{SESSION}/authorizations/{request_id}"
        answer = early.post(path, json={"approve": True})
        assert (answer.status_code, answer.json()["reason"]) == (403, "sign-in-again")
        # to refuse one need not sign in again
        assert "error=access_denied" in decide(early, request_id, approve=False)
        assert "code=" in decide(browser(server), request_id)
    assert "code=" in decide(early, program.request_id(max_age="500"))


def test_who_is_signed_in_elsewhere_decides_nothing_here(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    program, person = Program(server), browser(server)
    answer = server.client().get(AUTHORIZE.replace("runai", "other"), params=program.parameters())
    request_id = query_of(answer.headers["location"])["request"]
    refused = person.post(f"{SESSION}/authorizations/{request_id}", json={"approve": True})
    assert refused.status_code == 403
    assert "elsewhere" in refused.json()["message"]


# the exchange


@pytest.mark.clause("code.bound", "pkce.verifier")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        # RFC 6749 4.1.3: bound to the client and to the same redirect URI
        ({"client_id": "cli"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:53683/callback"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"client_id": None}, "invalid_request"),
        ({"client_id": "nobody"}, "unauthorized_client"),
        # RFC 7636 4.6, 4.1
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "w" * 42}, "invalid_request"),
        ({"code_verifier": "w" * 129}, "invalid_request"),
        ({"code_verifier": "é" * 50}, "invalid_request"),
    ],
)
def test_a_code_is_bound_to_all_it_was_asked_with(
    program: Program, admin: httpx.Client, changed: dict[str, str | None], error: str
) -> None:
    code = program.code(admin)
    assert refusal(program.redeem(code, **changed)) == (400, error)
    # and a wrong attempt does not take it from its owner
    assert program.redeem(code).status_code == 200


def test_what_is_no_code_is_refused(program: Program) -> None:
    assert refusal(program.redeem("rpc_unknown")) == (400, "invalid_grant")
    assert refusal(program.redeem("")) == (400, "invalid_request")


@pytest.mark.clause("pkce.no-downgrade")
def test_the_challenge_itself_is_no_verifier(program: Program, admin: httpx.Client) -> None:
    code = program.code(admin)
    assert refusal(program.redeem(code, code_verifier=program.challenge)) == (400, "invalid_grant")


@pytest.mark.clause("token.no-secret-in-address")
@pytest.mark.parametrize("route", [TOKEN, V1, V2])
def test_a_code_in_the_address_is_refused(server: Server, route: str, program: Program) -> None:
    answer = server.client().post(route, params={"code": "x"}, data=program.form("x"))
    assert answer.status_code == 400


@pytest.mark.clause("code.single-use")
def test_rfc6749_4_1_2_a_second_use_ends_what_the_first_gave(any_server: Server) -> None:
    program = Program(any_server)
    code = program.code(browser(any_server))
    body = program.redeem(code).json()
    assert accepted(any_server, body["access_token"])
    assert refusal(program.redeem(code)) == (400, "invalid_grant")
    assert not accepted(any_server, body["access_token"])
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert refusal(any_server.client().post(TOKEN, data=form)) == (400, "invalid_grant")
    [row] = any_server.audit(action="sign-out", entity_id=payload(body["access_token"])["sid"])
    assert "an authorization code came back" in row["metadata"]


@pytest.mark.clause("code.single-use")
def test_asvs_10_4_2_of_ten_who_use_a_code_at_once_one_succeeds(any_server: Server) -> None:
    program = Program(any_server)
    code = program.code(browser(any_server))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: program.redeem(code), range(10)))
    assert sorted(it.status_code for it in answers) == [200] + [400] * 9
    assert {it.json()["error"] for it in answers if it.status_code == 400} == {"invalid_grant"}
    [won] = [it.json() for it in answers if it.status_code == 200]
    # nine others had the code: the session it opened is not to be trusted
    assert not accepted(any_server, won["access_token"])


@pytest.mark.clause("code.short-lived")
def test_asvs_10_4_3_a_code_lives_for_a_minute(make_server: Callable[..., Server]) -> None:
    server = make_server()
    program, person = Program(server), browser(server)
    quick, late = program.code(person), program.code(person)
    server.clock.advance(30)
    assert program.redeem(quick).status_code == 200
    server.clock.advance(31)
    assert refusal(program.redeem(late)) == (400, "invalid_grant")


@pytest.mark.clause("secret.entropy")
def test_rfc6749_10_10_codes_are_long_unlike_and_stored_hashed(server: Server, admin: httpx.Client) -> None:
    program = Program(server)
    codes = {program.code(admin) for _ in range(5)}
    assert len(codes) == 5
    # 43 characters of base62 hold 256 bits
    assert all(len(code.partition("_")[2]) >= 43 for code in codes)
    rows = server.units.read(lambda unit: unit.execute(select(authorization_codes)).all())
    assert not any(code in str(rows) for code in codes)


@pytest.mark.parametrize("ended", ["signed out", "disabled", "password reset", "deleted"])
def test_a_code_ends_with_the_session_it_was_given_in(server: Server, ended: str) -> None:
    user_id, email, password = person(server)
    program, browsing = Program(server), browser(server, email, password)
    code = program.code(browsing)
    if ended == "signed out":
        assert browsing.delete(SESSION).status_code == 204
    elif ended == "disabled":
        bend(server, "users", user_id, enabled=False)
    elif ended == "password reset":
        assert server.admin.post(f"/api/v1/users/{user_id}/password").status_code == 200
    else:
        assert server.admin.delete(f"/api/v1/users/{user_id}").status_code == 204
    assert refusal(program.redeem(code)) == (400, "invalid_grant")


@pytest.mark.clause("code.bound")
def test_a_code_of_one_realm_is_none_at_another(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    program = Program(server)
    code = program.code(browser(server))
    assert refusal(program.redeem(code, TOKEN.replace("runai", "other"))) == (400, "invalid_grant")
    assert program.redeem(code).status_code == 200


def test_old_codes_are_forgotten(make_server: Callable[..., Server]) -> None:
    server = make_server()
    program = Program(server)
    for _ in range(3):
        program.code(browser(server))
    server.clock.advance(60 + 3600 + 1)
    program.code(browser(server))
    stored: Any = server.units.read(lambda unit: len(unit.execute(select(authorization_codes)).all()))
    assert stored == 1
