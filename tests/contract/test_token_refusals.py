"""What the token calls refuse: wrong credentials, malformed requests, secrets in addresses, guessing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from sqlalchemy import insert

from runplane.server.core.clock import instant
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import digest, new_secret
from runplane.server.identity.passwords import PasswordHasher
from runplane.server.identity.tables import client_secrets
from support.accounts import (
    APP_TOKEN,
    FORM_ROUTES,
    JSON_ROUTES,
    LOGIN,
    TOKEN,
    V1,
    V2,
    WRONG,
    Machine,
    bend,
    good,
    person,
    service_account,
)
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server


@pytest.fixture(scope="module")
def machine(server: Server) -> Machine:
    return service_account(server)


@pytest.fixture(scope="module")
def anybody(server: Server) -> httpx.Client:
    return server.client()


def test_null_credentials_get_a_sentence_at_v1(anybody: httpx.Client) -> None:
    answer = anybody.post(V1, json={"grantType": "app_token", "AppId": None, "AppSecret": None})
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 400,
        "message": "Send a client id and a client secret.",
        "error": "invalid_request",
        "error_description": "Send a client id and a client secret.",
    }


@pytest.mark.clause("token.errors-v1")
@pytest.mark.parametrize(
    ("route", "body"),
    [
        (V1, {"AppId": "{name}", "AppSecret": WRONG}),
        (V1, {"AppId": "nobody", "AppSecret": WRONG}),
        (APP_TOKEN, {"id": "x", "name": "{name}", "secret": WRONG}),
        (V1, {"grantType": "password", "username": ADMIN_EMAIL, "password": WRONG}),
        (LOGIN, {"email": ADMIN_EMAIL, "password": WRONG}),
        (LOGIN, {"email": "nobody@example.com", "password": WRONG}),
    ],
)
def test_wrong_credentials_at_json_routes_are_a_400(
    anybody: httpx.Client, machine: Machine, route: str, body: dict[str, str]
) -> None:
    answer = anybody.post(route, json={key: text.format(name=machine.name) for key, text in body.items()})
    assert answer.status_code == 400
    refusal = answer.json()
    assert refusal.keys() == {"code", "message", "error", "error_description"}
    assert refusal["message"] == refusal["error_description"]
    assert refusal["error"] == ("invalid_grant" if "password" in body else "invalid_client")
    assert "www-authenticate" not in answer.headers


@pytest.mark.clause("token.errors-v2")
@pytest.mark.parametrize("route", FORM_ROUTES)
def test_wrong_credentials_at_form_routes_are_a_401(
    anybody: httpx.Client, machine: Machine, route: str
) -> None:
    form = {"grant_type": "client_credentials"}
    plain = anybody.post(route, data={**form, "client_id": machine.name, "client_secret": WRONG})
    basic = anybody.post(route, data=form, auth=(machine.name, WRONG))
    for answer in (plain, basic):
        assert answer.status_code == 401
        assert answer.json().keys() == {"error", "error_description"}
        assert answer.json()["error"] == "invalid_client"
    assert "www-authenticate" not in plain.headers
    assert basic.headers["www-authenticate"].startswith("Basic ")
    wrong = {"grant_type": "password", "username": ADMIN_EMAIL, "password": WRONG}
    assert anybody.post(route, data=wrong).status_code == 400
    assert anybody.post(route, data=wrong).json()["error"] == "invalid_grant"


@pytest.mark.clause("token.basic-decoded")
@pytest.mark.parametrize("secret", ["p:ass+word %/&=", "ключ-😀", "100%", "a+b"])
def test_basic_takes_special_characters_form_encoded(
    server: Server, anybody: httpx.Client, machine: Machine, secret: str
) -> None:
    row = {
        "id": new_id(),
        "client_key": machine.id,
        "digest": digest(secret),
        "hint": "",
        "created_at": instant(time.time()),
    }

    def job(unit: Any) -> None:
        unit.execute(insert(client_secrets), row)
        unit.changed(1001)

    server.units.write(job)
    pair = base64.b64encode(f"{quote_plus(machine.name)}:{quote_plus(secret)}".encode()).decode()
    answer = anybody.post(
        V2, data={"grant_type": "client_credentials"}, headers={"authorization": f"Basic {pair}"}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.clause("token.errors-v2")
@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic //79", "Basic AGE6Yg=="]
)
def test_damaged_basic_is_an_invalid_client(anybody: httpx.Client, header: str) -> None:
    form = {"grant_type": "client_credentials"}
    answer = anybody.post(V2, data=form, headers={"authorization": header})
    if header == "Basic":
        # a scheme without credentials is none
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        return
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    # and says so: whoever has the right secret would look for the fault there
    assert "malformed" in answer.text


@pytest.mark.parametrize("half", [{"AppId": "somebody"}, {"AppSecret": WRONG}])
def test_half_of_a_credential_is_no_wrong_credential(anybody: httpx.Client, half: dict[str, str]) -> None:
    answer = anybody.post(V1, json={"grantType": "app_token", **half})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "a client id and a client secret" in answer.text


@pytest.mark.clause("token.one-client-authentication", "token.parameter-once")
@pytest.mark.parametrize("route", FORM_ROUTES)
@pytest.mark.parametrize(
    ("body", "auth", "said"),
    [
        ("grant_type=client_credentials&client_secret={secret}", True, "one way"),
        ("grant_type=client_credentials&client_id=other", True, "differs"),
        ("grant_type=client_credentials&client_id={id}&client_id={id}&client_secret={secret}", False, "once"),
        ("grant_type=client_credentials&grant_type=password", False, "once"),
        ("client_id={id}&client_secret={secret}", False, "grant_type"),
        ("grant_type=&client_id={id}&client_secret={secret}", False, "grant_type"),
        ("grant_type=client_credentials&client_id=%ff&client_secret=x", False, "form"),
        ("", False, "grant_type"),
    ],
)
def test_malformed_forms_are_invalid_requests(
    anybody: httpx.Client, machine: Machine, route: str, body: str, auth: bool, said: str
) -> None:
    answer = anybody.post(
        route,
        content=body.format(id=machine.client_id, secret=machine.secret),
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=(machine.client_id, machine.secret) if auth else None,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    assert said in answer.json()["error_description"]


@pytest.mark.parametrize("route", FORM_ROUTES)
def test_a_form_without_a_body_but_typed_as_json(anybody: httpx.Client, route: str) -> None:
    answer = anybody.post(route, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "form" in answer.json()["error_description"]


@pytest.mark.parametrize("route", JSON_ROUTES)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"AppId":"a","appid":"b","AppSecret":"c"}', 400),
        ('{"AppId":"a","AppId":"b","AppSecret":"c"}', 400),
        ('{"AppId":1,"AppSecret":"c","password":["x"]}', 400),
        ("[]", 400),
        ("{", 400),
        ("{}", 400),
        ("", 400),
        ('{"AppId":"\\ud800","AppSecret":"c","email":"\\u0000"}', 400),
        ('{"password":"' + "x" * 5000 + '"}', 400),
    ],
)
def test_malformed_json_is_a_400(anybody: httpx.Client, route: str, body: str, status: int) -> None:
    answer = anybody.post(route, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["message"]


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_json_must_say_that_it_is_json(anybody: httpx.Client, route: str) -> None:
    answer = anybody.post(route, content='{"AppId":"a"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415


@pytest.mark.parametrize("given", [7, True, ["a"], {"a": "b"}])
def test_what_is_no_text_is_no_credential(anybody: httpx.Client, given: Any) -> None:
    """Only a lifetime may be a number; a name of digits would match an account that is called so."""
    answer = anybody.post(V1, json={"grantType": "app_token", "AppId": given, "AppSecret": WRONG})
    assert (answer.status_code, answer.json()["message"]) == (400, "AppId must be text.")


def test_a_number_given_twice_is_refused_like_a_text(anybody: httpx.Client, machine: Machine) -> None:
    """Which of the two counts is a matter of the parser, and another one may sit in front of this server."""
    fields = f'"grantType":"app_token","AppId":"{machine.name}","AppSecret":"{machine.secret}"'
    for body, status in ((f'{{{fields},"ttl":60}}', 200), (f'{{{fields},"ttl":60,"ttl":3600}}', 400)):
        answer = anybody.post(V1, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text
    lone = anybody.post(V1, content='{"ttl":1,"ttl":2}', headers={"content-type": "application/json"})
    assert "twice" in lone.text


def test_json_encoded_twice_is_read(anybody: httpx.Client, machine: Machine) -> None:
    body = json.dumps({"grantType": "app_token", "AppId": machine.name, "AppSecret": machine.secret})
    assert anybody.post(V1, json=body).status_code == 200


@pytest.mark.clause("token.no-secret-in-address")
@pytest.mark.parametrize("route", [*JSON_ROUTES, *FORM_ROUTES])
@pytest.mark.parametrize("name", ["client_secret", "AppSecret", "password", "refresh_token", "access_token"])
def test_secrets_are_refused_in_the_address(
    anybody: httpx.Client, machine: Machine, route: str, name: str
) -> None:
    assert anybody.post(route, **good(route, machine)).status_code == 200
    answer = anybody.post(route, params={name: "x"}, **good(route, machine))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("grant", ["magic", "x" * 500])
def test_unsupported_grants_say_so(anybody: httpx.Client, grant: str) -> None:
    for answer in (
        anybody.post(V1, json={"grantType": grant, "code": "x", "externalToken": "y"}),
        anybody.post(V2, data={"grant_type": grant, "code": "x"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
        assert len(answer.text) < 600
        # what to use instead, without the long names that only programs send
        told = answer.text.partition("use one of")[2]
        assert "client_credentials" in told
        assert "urn:" not in told


def test_keys_are_looked_for_once_however_many_strangers_ask(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token with a key nobody knows costs its sender nothing, and must not cost a read of the database."""
    server, loads = make_server(), list[Any]()
    realms = server.app.identity.realms
    load, known = realms.load, server.client(server.token(ADMIN_EMAIL, ADMIN_PASSWORD))
    # the poll reads them too, in its own time
    monkeypatch.setattr(realms, "keep_up", lambda *_: None)
    monkeypatch.setattr(realms, "_monotonic", lambda: 0.0)
    monkeypatch.setattr(realms, "load", lambda reader: (loads.append(reader), load(reader)))

    def ask(token: str) -> None:
        answer = server.client(token).get("/api/v1/users")
        assert (answer.status_code, answer.json()["reason"]) == (401, "unknown_key")

    header, rest = known.headers["authorization"].removeprefix("Bearer ").split(".", 1)
    kid = realms.by_tenant(1001).minter.kid.encode()
    other = base64.urlsafe_b64encode(base64.urlsafe_b64decode(header + "==").replace(kid, b"0" * len(kid)))
    strange = f"{other.rstrip(b'=').decode()}.{rest}"
    realms.expect_more()
    assert known.get("/api/v1/users").status_code == 200
    assert loads == []
    for _ in range(3):
        ask(strange)
    assert len(loads) == 1


def test_an_exchange_without_the_others_token_says_what_to_send(anybody: httpx.Client) -> None:
    answer = anybody.post(V1, json={"grantType": "external_token_exchange"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "Send the token of the other issuer" in answer.text


@pytest.mark.parametrize("route", [V1, V2])
def test_a_field_has_a_greatest_length(anybody: httpx.Client, route: str) -> None:
    told = "too long" if route == V1 else "is not acceptable text"
    for length, is_refused in ((4096, False), (4097, True)):
        pair = {"client_id": "x" * length, "client_secret": "y"}
        answer = (
            anybody.post(V1, json={"grantType": "client_credentials", **pair})
            if route == V1
            else anybody.post(V2, data={"grant_type": "client_credentials", **pair})
        )
        assert 400 <= answer.status_code < 500
        assert (told in answer.text) is is_refused, answer.text[:200]


@pytest.mark.clause("token.not-stored", "token.post-only")
@pytest.mark.parametrize("route", [*JSON_ROUTES, *FORM_ROUTES])
def test_token_routes_answer_post_only_and_are_never_stored(
    anybody: httpx.Client, machine: Machine, route: str
) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = anybody.request(method, route)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    given = anybody.post(route, **good(route, machine))
    bad = anybody.post(route, **({"data": {"grant_type": "x"}} if route in FORM_ROUTES else {"json": {}}))
    assert (given.status_code, bad.status_code) == (200, 400)
    for answer in (given, bad):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"


def test_an_unknown_realm_is_a_404_in_the_words_of_oauth(anybody: httpx.Client, machine: Machine) -> None:
    form = {"grant_type": "client_credentials", "client_id": machine.name, "client_secret": machine.secret}
    answer = anybody.post(TOKEN.replace("runai", "nobody"), data=form)
    assert answer.status_code == 404
    assert answer.json().keys() == {"error", "error_description"}


@pytest.mark.clause("token.guesses-throttled")
def test_distinct_wrong_secrets_are_throttled_and_a_repeated_one_is_not(
    make_server: Callable[..., Server],
) -> None:
    server = make_server()
    machine = service_account(server)
    client = server.client()

    def attempt(secret: str) -> httpx.Response:
        return client.post(V1, json={"AppId": machine.name, "AppSecret": secret})

    assert {attempt(WRONG).status_code for _ in range(60)} == {400}
    answers = [attempt(new_secret()) for _ in range(60)]
    assert [it.status_code for it in answers[:40]] == [400] * 40
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].headers["cache-control"] == "no-store"
    # a good secret is not guessed, so it is not slowed down
    assert attempt(machine.secret).status_code == 200
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": new_secret()}
    for route in FORM_ROUTES:
        refused = client.post(route, data=form)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")


@pytest.mark.clause("enumeration.sign-in")
def test_a_locked_account_looks_like_a_wrong_password(make_server: Callable[..., Server]) -> None:
    server = make_server()
    _, email, password = person(server)
    client = server.client()

    def attempt(given: str) -> httpx.Response:
        return client.post(V1, json={"grantType": "password", "username": email, "password": given})

    wrong = [attempt(f"guess-number-{number}") for number in range(10)]
    locked = attempt(password)
    assert {(it.status_code, it.text) for it in [*wrong, locked]} == {(400, locked.text)}
    assert locked.json()["message"] == "The e-mail address or the password is wrong."


@pytest.mark.clause("enumeration.sign-in")
def test_every_reason_costs_the_same_hash_and_gets_the_same_words(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, email, password = person(server)
    bend(server, "users", user_id, enabled=False)
    verify, compared = PasswordHasher.verify, list[bool]()

    def counted(self: PasswordHasher, given: str, stored: str | None) -> bool:
        compared.append(stored is not None)
        return verify(self, given, stored)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    answers = set[tuple[int, str]]()
    for username, secret in (
        (ADMIN_EMAIL, WRONG),
        ("nobody@example.com", WRONG),
        (email, password),
        ("not an address", WRONG),
    ):
        answer = server.client().post(
            V1, json={"grantType": "password", "username": username, "password": secret}
        )
        answers.add((answer.status_code, answer.text))
    assert compared == [True, False, False, False]
    assert len(answers) == 1
