"""Every dialect of the token call, with every spelling and every kind of credential."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.accounts import (
    APP_TOKEN,
    FORM_ROUTES,
    LOGIN,
    TOKEN,
    V1,
    V2,
    Machine,
    accepted,
    access_key,
    payload,
    service_account,
)
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server


@pytest.fixture(scope="module")
def machine(server: Server) -> Machine:
    return service_account(server)


@pytest.fixture(scope="module")
def anybody(server: Server) -> httpx.Client:
    return server.client()


@st.composite
def spelled(draw: st.DrawFn, words: tuple[str, ...]) -> str:
    """A key in any case, its words run together or joined by `_` or `-`."""
    parts = [
        "".join(draw(st.sampled_from((letter.lower(), letter.upper()))) for letter in word) for word in words
    ]
    return draw(st.sampled_from(("", "_", "-"))).join(parts)


@given(
    grant=st.none()
    | st.tuples(spelled(("grant", "type")), st.sampled_from(("app_token", "client_credentials"))),
    identifier=spelled(("app", "id")) | spelled(("client", "id")),
    secret=spelled(("app", "secret")) | spelled(("client", "secret")),
)
def test_keys_in_every_spelling(
    anybody: httpx.Client,
    machine: Machine,
    grant: tuple[str, str] | None,
    identifier: str,
    secret: str,
) -> None:
    body = {identifier: machine.client_id, secret: machine.secret, **(dict([grant]) if grant else {})}
    answer = anybody.post(V1, json=body)
    assert answer.status_code == 200, (body.keys(), answer.text)
    assert answer.json().keys() == {"accessToken", "expiresIn"}


@pytest.mark.parametrize("named_by", ["name", "client_id"])
@pytest.mark.parametrize(
    "shape",
    [
        {"AppId": "{id}", "AppSecret": "{secret}"},
        {"grantType": "app_token", "AppId": "{id}", "AppSecret": "{secret}"},
        {"grantType": "client_credentials", "clientId": "{id}", "clientSecret": "{secret}"},
    ],
)
def test_the_three_historic_shapes(
    server: Server, anybody: httpx.Client, machine: Machine, shape: dict[str, str], named_by: str
) -> None:
    values = {"id": getattr(machine, named_by), "secret": machine.secret}
    answer = anybody.post(V1, json={key: text.format(**values) for key, text in shape.items()})
    assert answer.status_code == 200, answer.text
    assert answer.json()["expiresIn"] == 3600
    claims = payload(answer.json()["accessToken"])
    assert claims["sub"] == machine.id
    assert claims["client_id"] == claims["azp"] == machine.client_id
    assert claims["tenant_id"] == "1001"
    assert claims["exp"] - claims["iat"] == 3600
    assert accepted(server, answer.json()["accessToken"])


@pytest.mark.clause("token.answer-members")
@pytest.mark.parametrize("kind", ["service account", "access key"])
def test_the_same_credentials_are_good_everywhere(
    server: Server, anybody: httpx.Client, machine: Machine, kind: str
) -> None:
    key = machine if kind == "service account" else access_key(server.admin)
    form = {"grant_type": "client_credentials"}
    both = {"client_id": key.client_id, "client_secret": key.secret}
    answers = {
        "v1": anybody.post(V1, json={"grantType": "client_credentials", **both}),
        "v1 app": anybody.post(V1, json={"AppId": key.client_id, "AppSecret": key.secret}),
        "v2": anybody.post(V2, data={**form, **both}),
        "v2 app": anybody.post(V2, data={"grant_type": "app_token", **both}),
        "v2 basic": anybody.post(V2, data=form, auth=(key.client_id, key.secret)),
        "realm": anybody.post(TOKEN, data={**form, **both}),
        "realm basic": anybody.post(TOKEN, data=form, auth=(key.client_id, key.secret)),
        "oldest": anybody.post(APP_TOKEN, json={"id": key.client_id, "name": key.name, "secret": key.secret}),
    }
    for name, answer in answers.items():
        assert answer.status_code == 200, (name, answer.text)
        body = answer.json()
        token = body.get("accessToken") or body["access_token"]
        assert accepted(server, token), name
        assert (payload(token)["email"] if kind == "access key" else machine.name) in (
            ADMIN_EMAIL,
            machine.name,
        )
    assert answers["v2"].json().keys() == {"access_token", "token_type", "expires_in"}
    assert answers["v2"].json()["token_type"] == "Bearer"


@pytest.mark.parametrize("client_id", ["runplane-cli", "runai", "runai-cli", "cli", None])
def test_people_sign_in_everywhere_through_every_known_client(
    server: Server, anybody: httpx.Client, client_id: str | None
) -> None:
    named = {"client_id": client_id} if client_id else {}
    who = {"username": ADMIN_EMAIL.upper(), "password": ADMIN_PASSWORD}
    for route in FORM_ROUTES:
        # what an old installer sends besides
        more = {"scope": "openid", "response_type": "id_token"}
        answer = anybody.post(route, data={"grant_type": "password", **who, **named, **more})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "id_token"}
        assert payload(body["access_token"])["client_id"] == (client_id or "runai")
        # and API servers of Kubernetes take it, whichever client it is for
        assert set(payload(body["id_token"])["aud"]) == {client_id or "runai", "runai"}
    body = anybody.post(V1, json={"grantType": "password", **who, **named}).json()
    assert body.keys() == {"accessToken", "expiresIn", "refreshToken", "idToken"}
    assert accepted(server, body["accessToken"])


def test_people_do_not_sign_in_through_an_unknown_client(anybody: httpx.Client, machine: Machine) -> None:
    who = {"username": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "client_id": machine.client_id}
    answer = anybody.post(V2, data={"grant_type": "password", **who})
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_the_oldest_login(server: Server, anybody: httpx.Client) -> None:
    answer = anybody.post(LOGIN, json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"tenant_id", "access_token", "token_type", "expires_in"}
    assert (body["tenant_id"], body["token_type"], body["expires_in"]) == (1001, "bearer", 3600)
    assert accepted(server, body["access_token"])


@pytest.mark.parametrize("known_by", ["id and name", "client id", "name"])
def test_the_oldest_application_token(
    server: Server, anybody: httpx.Client, machine: Machine, known_by: str
) -> None:
    named = {
        "id and name": {"id": machine.id, "name": machine.name},
        "client id": {"id": machine.client_id, "name": "whatever"},
        "name": {"id": "", "name": machine.name},
    }[known_by]
    answer = anybody.post(APP_TOKEN, json={**named, "secret": machine.secret})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"access_token", "id_token"}
    assert accepted(server, answer.json()["access_token"])
    identity = payload(answer.json()["id_token"])
    assert (identity["typ"], identity["sub"]) == ("ID", machine.id)
    assert identity["aud"] == [machine.client_id, "runai"]
    assert not accepted(server, answer.json()["id_token"])


def test_a_machine_gets_an_id_token_only_when_it_asks(anybody: httpx.Client, machine: Machine) -> None:
    form = {"grant_type": "client_credentials"}
    answer = anybody.post(
        TOKEN, data={**form, "scope": "profile openid"}, auth=(machine.name, machine.secret)
    )
    assert payload(answer.json()["id_token"])["preferred_username"] == machine.name
    answer = anybody.post(TOKEN, data={**form, "scope": "openidx"}, auth=(machine.name, machine.secret))
    assert "id_token" not in answer.json()
