"""Signing in on a machine without a browser: RFC 8628, clause by clause (reference/security 2.2)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from runplane.server.identity.logins.devices import MAX_WAITING, USER_CODE_LETTERS
from runplane.server.identity.logins.tables import device_logins
from support.accounts import TOKEN, V2, accepted, bend, other_tenant, payload, person
from support.logins import DEVICE, DEVICE_GRANT, SESSION, answer_device, begin_device, browser, poll
from support.server import ADMIN_EMAIL, Server

pytestmark = pytest.mark.detail


@pytest.fixture(scope="module")
def admin(server: Server) -> httpx.Client:
    return browser(server)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()["error"]


def look(person: httpx.Client, code: str) -> httpx.Response:
    return person.get(f"{SESSION}/devices/{code}")


def test_a_person_lets_a_machine_in(any_server: Server) -> None:
    user_id, email, password = person(any_server)
    codes = begin_device(any_server)
    # RFC 8628 3.2
    assert codes.keys() == {
        "device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval",
    }  # fmt: skip
    assert codes["verification_uri"] == f"{any_server.url}/device"
    assert codes["verification_uri_complete"] == f"{any_server.url}/device?user_code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert refusal(poll(any_server, codes)) == (400, "authorization_pending")
    assert answer_device(browser(any_server, email, password), codes).status_code == 204
    body = poll(any_server, codes).json()
    assert payload(body["access_token"])["sub"] == user_id
    assert payload(body["id_token"])["aud"] == ["runplane-cli", "runai"]
    assert accepted(any_server, body["access_token"])
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert any_server.client().post(TOKEN, data=form).status_code == 200


def test_the_newer_token_call_takes_the_grant_too(server: Server, admin: httpx.Client) -> None:
    codes = begin_device(server)
    answer_device(admin, codes)
    form = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"], "client_id": "runplane-cli"}
    assert server.client().post(V2, data=form).status_code == 200


def test_6_1_user_codes_are_easy_to_type_and_unlike(server: Server, admin: httpx.Client) -> None:
    codes = [begin_device(server) for _ in range(5)]
    assert len({it["user_code"] for it in codes}) == 5
    assert not set("AEIOUY01") & set(USER_CODE_LETTERS)
    for it in codes:
        assert re.fullmatch(f"[{USER_CODE_LETTERS}]{{4}}-[{USER_CODE_LETTERS}]{{4}}", it["user_code"])
        answer_device(admin, it, approve=False)
    code = begin_device(server)["user_code"]
    for typed in (code.lower(), code.replace("-", ""), f" {code} ", code.replace("-", "–"), code):
        assert look(admin, typed).status_code == 200, typed
    answer_device(admin, {"user_code": code}, approve=False)


def test_5_4_the_person_sees_who_asks_and_from_where(server: Server, admin: httpx.Client) -> None:
    codes = begin_device(server, "runai-cli", scope="openid users:read")
    shown = look(admin, codes["user_code"])
    assert shown.headers["cache-control"] == "no-store"
    body = shown.json()
    assert (body["clientId"], body["clientName"]) == ("runai-cli", "Run:ai command line")
    assert (body["scopes"], body["sourceAddress"]) == (["users:read"], "127.0.0.1")
    assert body["requestedAt"] < body["expiresAt"]
    assert "device" not in str(body).lower()
    answer_device(admin, codes)
    issued = poll(server, codes, "runai-cli").json()
    assert issued["scope"] == "users:read"
    assert server.client(issued["access_token"]).get("/api/v1/service-accounts").status_code == 403


@pytest.mark.clause("device.answers")
def test_3_5_who_asks_too_often_is_slowed_down(make_server: Callable[..., Server]) -> None:
    server = make_server()
    codes = begin_device(server)
    assert refusal(poll(server, codes)) == (400, "authorization_pending")
    # back, so that a slow machine does not make the questions seldom
    server.clock.advance(-3)
    assert refusal(poll(server, codes)) == (400, "slow_down")
    server.clock.advance(2)
    # five seconds more than before, for this and all later questions
    assert refusal(poll(server, codes)) == (400, "slow_down")
    server.clock.advance(16)
    assert refusal(poll(server, codes)) == (400, "authorization_pending")
    answer_device(browser(server), codes)
    # what is decided is told at once
    assert poll(server, codes).status_code == 200


@pytest.mark.clause("device.answers")
def test_3_5_a_refused_machine_hears_it(server: Server, admin: httpx.Client) -> None:
    codes = begin_device(server)
    assert answer_device(admin, codes, approve=False).status_code == 204
    assert refusal(poll(server, codes)) == (400, "access_denied")
    # and nobody can change their mind afterwards
    assert answer_device(admin, codes).status_code == 404
    assert refusal(poll(server, codes)) == (400, "access_denied")


@pytest.mark.clause("device.answers")
def test_3_5_codes_expire(make_server: Callable[..., Server]) -> None:
    server = make_server()
    waiting, approved = begin_device(server), begin_device(server)
    server.clock.advance(540)
    person = browser(server)
    assert answer_device(person, approved).status_code == 204
    server.clock.advance(61)
    assert refusal(poll(server, waiting)) == (400, "expired_token")
    assert refusal(poll(server, approved)) == (400, "expired_token")
    assert look(person, waiting["user_code"]).status_code == 404
    server.clock.advance(3600)
    begin_device(server)
    assert refusal(poll(server, waiting)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"device_code": "rpd_x"}, "invalid_request"),
        ({"client_id": "runplane-cli"}, "invalid_request"),
        ({"device_code": "rpd_x", "client_id": "runplane-cli"}, "invalid_grant"),
        ({"device_code": "rpd_x", "client_id": "nobody"}, "unauthorized_client"),
    ],
)
def test_questions_without_a_known_code(server: Server, form: dict[str, str], error: str) -> None:
    answer = server.client().post(TOKEN, data={"grant_type": DEVICE_GRANT, **form})
    assert refusal(answer) == (400, error)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"client_id": "nobody"}, "unauthorized_client"),
        ({"client_id": "runplane-cli", "scope": "no:such"}, "invalid_scope"),
    ],
)
def test_3_1_what_cannot_begin(server: Server, form: dict[str, str], error: str) -> None:
    assert refusal(server.client().post(DEVICE, data=form or {"x": "y"})) == (400, error)


@pytest.mark.clause("device.single-use")
def test_a_device_code_is_bound_to_its_client_and_realm(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    codes = begin_device(server)
    answer_device(browser(server), codes)
    assert refusal(poll(server, codes, "cli")) == (400, "invalid_grant")
    form = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"], "client_id": "runplane-cli"}
    elsewhere = server.client().post(TOKEN.replace("runai", "other"), data=form)
    assert refusal(elsewhere) == (400, "invalid_grant")
    assert poll(server, codes).status_code == 200


def test_a_user_code_of_another_tenant_is_unknown(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    answer = server.client().post(DEVICE.replace("runai", "other"), data={"client_id": "cli"})
    assert look(browser(server), answer.json()["user_code"]).status_code == 404


@pytest.mark.clause("device.single-use")
def test_a_device_code_is_good_once_and_its_second_use_ends_the_session(any_server: Server) -> None:
    codes = begin_device(any_server)
    answer_device(browser(any_server), codes)
    body = poll(any_server, codes).json()
    assert accepted(any_server, body["access_token"])
    assert refusal(poll(any_server, codes)) == (400, "invalid_grant")
    assert not accepted(any_server, body["access_token"])


@pytest.mark.clause("device.single-use")
def test_of_ten_who_ask_at_once_one_gets_in(any_server: Server) -> None:
    codes = begin_device(any_server)
    answer_device(browser(any_server), codes)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: poll(any_server, codes), range(10)))
    assert sorted(it.status_code for it in answers) == [200] + [400] * 9
    # the code came back, if only a moment later: nobody can tell which of the ten was the machine
    [let_in] = [it.json()["access_token"] for it in answers if it.status_code == 200]
    assert not accepted(any_server, let_in)


@pytest.mark.postgres
@pytest.mark.clause("device.single-use")
def test_of_two_who_ask_at_one_moment_neither_stays_in(
    postgres_database: Callable[..., str], make_server: Callable[..., Server]
) -> None:
    """Both have found the code unused: who is a moment later must be noticed like who is a minute later."""
    server = make_server(database_url=postgres_database())
    codes = begin_device(server)
    answer_device(browser(server), codes)
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(2) as pool:
        with server.units.database.engine.begin() as holding:
            holding.execute(select(device_logins.c.digest).with_for_update())
            asked = [pool.submit(poll, server, codes) for _ in range(2)]
            deadline = time.monotonic() + 10
            while holding.execute(waiting).scalar() != 2:
                assert time.monotonic() < deadline, "they do not wait for one another"
                time.sleep(0.01)
        answers = [it.result() for it in asked]
    assert sorted(it.status_code for it in answers) == [200, 400]
    [let_in] = [it.json()["access_token"] for it in answers if it.status_code == 200]
    assert not accepted(server, let_in)


def test_of_ten_decisions_at_once_one_counts(any_server: Server) -> None:
    codes = begin_device(any_server)
    people = [browser(any_server) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda it: answer_device(it[1], codes, approve=it[0] % 2 == 0), enumerate(people))
        )
    # the others find nothing that waits, or lose at the last moment
    assert {it.status_code for it in answers} <= {204, 404, 409}
    assert [it.status_code for it in answers].count(204) == 1


@pytest.mark.parametrize("ended", ["signed out everywhere", "disabled", "deleted"])
def test_an_approval_ends_with_the_person(server: Server, ended: str) -> None:
    user_id, email, password = person(server)
    codes = begin_device(server)
    assert answer_device(browser(server, email, password), codes).status_code == 204
    if ended == "signed out everywhere":
        assert server.admin.post(f"/api/v1/users/{user_id}/logout").is_success
    elif ended == "disabled":
        bend(server, "users", user_id, enabled=False)
    else:
        assert server.admin.delete(f"/api/v1/users/{user_id}").status_code == 204
    assert poll(server, codes).json()["error"] in ("access_denied", "invalid_grant")


def test_an_approval_ends_with_the_password(any_server: Server) -> None:
    """Who let a machine in with a stolen session must not keep it once the password was changed."""
    _, email, password = person(any_server)
    codes = begin_device(any_server)
    assert answer_device(browser(any_server, email, password), codes).status_code == 204
    changing = {"currentPassword": password, "newPassword": "orchard-lantern-copper-tide"}
    token = browser(any_server, email, password).post(f"{SESSION}/token", json={}).json()["accessToken"]
    answer = any_server.client(token).post("/api/v1/me/password", json=changing)
    assert answer.is_success, answer.text
    assert refusal(poll(any_server, codes)) == (400, "access_denied")


def test_an_approval_outlives_the_browser_it_was_given_in(server: Server) -> None:
    _, email, password = person(server)
    codes, browsing = begin_device(server), browser(server, email, password)
    answer_device(browsing, codes)
    assert browsing.delete(SESSION).status_code == 204
    assert poll(server, codes).status_code == 200


# 5.1: guessing


@pytest.mark.clause("device.user-codes")
def test_5_1_wrong_user_codes_lock_the_person_who_tries(make_server: Callable[..., Server]) -> None:
    server = make_server()
    _, email, password = person(server)
    guessing, waiting = browser(server, email, password), begin_device(server)
    letters = USER_CODE_LETTERS[:11]
    answers = [look(guessing, f"BBBB-BBB{letter}") for letter in letters]
    assert [it.status_code for it in answers] == [404] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    # the right one does not help now
    assert look(guessing, waiting["user_code"]).status_code == 429
    assert answer_device(guessing, waiting).status_code == 429
    assert look(browser(server), waiting["user_code"]).status_code == 200


@pytest.mark.clause("device.user-codes")
def test_5_1_looking_a_code_up_takes_a_signed_in_person_and_the_console(server: Server) -> None:
    codes = begin_device(server)
    path = f"{SESSION}/devices/{codes['user_code']}"
    assert server.client().get(path).status_code == 403
    assert server.client().get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 401
    assert server.admin.get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 401
    signed_in = browser(server)
    for header, value in (("x-csrf-token", "0"), ("sec-fetch-site", "cross-site")):
        headers = {**signed_in.headers, header: value}
        assert httpx.get(f"{server.url}{path}", headers=headers).status_code == 403
        answer = httpx.post(f"{server.url}{path}", headers=headers, json={"approve": True})
        assert answer.status_code == 403
    assert refusal(poll(server, codes)) == (400, "authorization_pending")


def test_one_address_cannot_fill_the_table(make_server: Callable[..., Server]) -> None:
    server = make_server()
    first = begin_device(server)
    for _ in range(MAX_WAITING - 1):
        begin_device(server)
    refused = server.client().post(DEVICE, data={"client_id": "cli"})
    assert refusal(refused) == (429, "temporarily_unavailable")
    assert refused.headers["retry-after"] == "60"
    answer_device(browser(server), first)
    begin_device(server)


def test_one_network_of_ipv6_is_one_address(make_server: Callable[..., Server]) -> None:
    """Who has one address of a /64 has all of them, and could fill the table from ever new ones."""
    server = make_server(trusted_proxies="127.0.0.1")

    def begin(address: str) -> int:
        headers = {"x-forwarded-for": address}
        return server.client().post(DEVICE, data={"client_id": "cli"}, headers=headers).status_code

    assert {begin(f"2001:db8::{number}:1") for number in range(1, MAX_WAITING + 1)} == {200}
    assert begin("2001:db8::ffff") == 429
    assert begin("2001:db8:0:1::1") == 200


@pytest.mark.clause("secret.digest")
def test_codes_are_stored_hashed_and_kept_out_of_the_audit_log(server: Server) -> None:
    _, email, password = person(server)
    codes = begin_device(server)
    answer_device(browser(server, email, password), codes)
    assert poll(server, codes).status_code == 200
    rows: Any = server.units.read(lambda unit: unit.execute(select(device_logins)).all())
    stored = str(rows)
    short = codes["user_code"].replace("-", "")
    assert not any(text in stored for text in (codes["device_code"], codes["user_code"], short))
    written = server.audit(subject=email)
    assert not any(text in str(written) for text in (codes["device_code"], codes["user_code"], short))
    assert [row["url"] for row in written if row["entity_type"] == "sign-in-request"] == [
        f"{SESSION}/devices"
    ]
    assert any('"with":"device code"' in (row["metadata"] or "") for row in written)


def test_the_person_who_approves_is_the_one_who_is_signed_in(server: Server, admin: httpx.Client) -> None:
    codes = begin_device(server)
    answer_device(admin, codes)
    assert payload(poll(server, codes).json()["access_token"])["email"] == ADMIN_EMAIL
