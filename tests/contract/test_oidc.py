"""A realm's metadata, keys and introspection, as resource servers and Kubernetes use them."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import jwt
import pytest

from runplane.server.core.clock import instant
from runplane.server.core.ids import new_id
from support.accounts import (
    REALM,
    TOKEN,
    WRONG,
    Machine,
    access_key,
    bend,
    insert_client,
    other_tenant,
    payload,
    person,
    service_account,
    sign_in,
)
from support.server import ADMIN_EMAIL, Server

INTROSPECT = f"{TOKEN}/introspect"
METADATA = f"{REALM}/.well-known/openid-configuration"
CERTS = f"{REALM}/protocol/openid-connect/certs"
INACTIVE = b'{"active":false}'


@pytest.fixture(scope="module")
def machine(server: Server) -> Machine:
    return service_account(server)


def ask(server: Server, machine: Machine, token: str, realm: str = "runai") -> httpx.Response:
    answer = server.client().post(
        INTROSPECT.replace("runai", realm), data={"token": token}, auth=(machine.client_id, machine.secret)
    )
    assert answer.headers["cache-control"] == "no-store"
    return answer


# metadata and keys


@pytest.mark.clause("metadata.issuer")
def test_metadata_names_the_issuer_of_tokens(server: Server, machine: Machine) -> None:
    answer = server.client().get(METADATA)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    issuer = answer.json()["issuer"]
    assert issuer == f"{server.url}{REALM}"
    assert payload(server.client_token(machine.name, machine.secret))["iss"] == issuer
    assert payload(sign_in(server)["id_token"])["iss"] == issuer


@pytest.mark.clause("metadata.not-from-headers")
@pytest.mark.parametrize(
    "header", [{"host": "evil.example"}, {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}]
)
def test_no_header_moves_the_metadata(server: Server, header: dict[str, str]) -> None:
    answer = server.client().get(METADATA, headers=header)
    assert "evil" not in answer.text
    assert answer.content == server.client().get(METADATA).content


@pytest.mark.clause("metadata.true")
def test_every_address_of_the_metadata_answers(server: Server) -> None:
    metadata = server.client().get(METADATA).json()
    addresses = {name: value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    assert addresses.keys() == {
        "authorization_endpoint",
        "device_authorization_endpoint",
        "end_session_endpoint",
        "introspection_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
    }
    by_get = {
        "jwks_uri": 200,
        "authorization_endpoint": 400,
        "end_session_endpoint": 303,
        "userinfo_endpoint": 401,
    }
    for name, address in addresses.items():
        assert address.startswith(f"{metadata['issuer']}/")
        if name in by_get:
            assert httpx.get(address).status_code == by_get[name], name
        else:
            assert httpx.post(address, data={"x": "y"}).status_code in (400, 401), name


@pytest.mark.clause("metadata.true")
def test_every_grant_of_the_metadata_is_supported_and_no_other(server: Server) -> None:
    metadata = server.client().get(METADATA).json()
    standard = "urn:ietf:params:oauth:grant-type:"
    tried = (
        *("client_credentials", "refresh_token", "password", "authorization_code", "implicit"),
        *(standard + it for it in ("device_code", "jwt-bearer", "token-exchange")),
    )
    known = {
        grant
        for grant in tried
        if server.client().post(TOKEN, data={"grant_type": grant}).json()["error"] != "unsupported_grant_type"
    }
    assert known == set(metadata["grant_types_supported"])


def test_rfc8414_the_metadata_says_what_a_browser_sign_in_may_ask_for(server: Server) -> None:
    metadata = server.client().get(METADATA).json()
    assert metadata["response_types_supported"] == ["code"]
    # RFC 8414 2: without this member a client takes it that there is no PKCE
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    # OpenID Connect Discovery 3: true where it is left out
    assert metadata["request_uri_parameter_supported"] is False


@pytest.mark.clause("password-grant.confined")
def test_a_switched_off_password_grant_is_not_announced(make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_password_grant="false")
    assert "password" not in server.client().get(METADATA).json()["grant_types_supported"]
    refused = server.client().post(TOKEN, data={"grant_type": "password", "username": "a", "password": "b"})
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.clause("jwks.public-only")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_published_keys_verify_tokens_and_hold_nothing_private(
    make_server: Callable[..., Server], algorithm: str
) -> None:
    server = make_server(tokens_algorithm=algorithm)
    answer = server.client().get(CERTS)
    assert answer.headers["cache-control"] == "public, max-age=300"
    [key] = answer.json()["keys"]
    assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & key.keys()
    assert (key["alg"], key["use"]) == (algorithm, "sig")
    assert server.client().get(METADATA).json()["id_token_signing_alg_values_supported"] == [algorithm]
    body = sign_in(server)
    assert jwt.get_unverified_header(body["access_token"])["kid"] == key["kid"]
    issuer = f"{server.url}{REALM}"
    public = jwt.PyJWK(key).key
    access = jwt.decode(body["access_token"], public, [algorithm], audience="runai", issuer=issuer)
    identity = jwt.decode(body["id_token"], public, [algorithm], audience="cli", issuer=issuer)
    assert access["sub"] == identity["sub"]
    assert (access["typ"], identity["typ"]) == ("Bearer", "ID")


@pytest.mark.parametrize("path", [METADATA, CERTS])
def test_an_unknown_realm_has_neither_metadata_nor_keys(server: Server, path: str) -> None:
    answer = server.client().get(path.replace("runai", "nobody"))
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


# introspection


def test_an_access_token_of_a_machine(server: Server, machine: Machine) -> None:
    token = server.client_token(machine.name, machine.secret)
    claims = payload(token)
    assert ask(server, machine, token).json() == {
        "active": True,
        "token_type": "Bearer",
        "scope": "",
        "client_id": machine.client_id,
        "username": machine.name,
        "tenant_id": "1001",
        **{name: claims[name] for name in ("sub", "aud", "iss", "exp", "iat", "nbf", "jti")},
    }


def test_tokens_of_a_person(server: Server, machine: Machine) -> None:
    user_id, email, password = person(server)
    body = sign_in(server, email, password)
    access = ask(server, machine, body["access_token"]).json()
    assert (access["active"], access["username"], access["sub"]) == (True, email, user_id)
    assert access["client_id"] == "cli"
    refresh = ask(server, machine, body["refresh_token"]).json()
    assert refresh.keys() == {
        "active", "token_type", "client_id", "username", "sub", "aud", "iss", "exp", "sid", "tenant_id",
    }  # fmt: skip
    assert (refresh["active"], refresh["token_type"]) == (True, "refresh_token")
    # nothing that takes access tokens may take it for one
    assert refresh["aud"] == [access["iss"]]
    assert refresh["sid"] == access["sid"]
    assert 6 * 86400 < refresh["exp"] - time.time() <= 7 * 86400
    assert ask(server, machine, body["id_token"]).content == INACTIVE


@pytest.mark.clause("introspection.inactive")
@pytest.mark.parametrize("token", ["x", "a.b.c", "rpr_unknown", "rpk_unknown", "é€", "a" * 4000])
def test_any_other_text_is_inactive(server: Server, machine: Machine, token: str) -> None:
    answer = ask(server, machine, token)
    assert (answer.status_code, answer.content) == (200, INACTIVE)


@pytest.mark.clause("introspection.inactive")
def test_what_the_api_refuses_is_inactive(server: Server, machine: Machine) -> None:
    user_id, email, password = person(server)
    key = access_key(server.client(server.token(email, password)))
    other = service_account(server)
    body = sign_in(server, email, password)
    tokens = [body["access_token"], body["refresh_token"], server.client_token(key.client_id, key.secret)]
    assert all(ask(server, machine, it).json()["active"] for it in tokens)
    bend(server, "users", user_id, enabled=False)
    assert [ask(server, machine, it).content for it in tokens] == [INACTIVE] * 3
    token = server.client_token(other.name, other.secret)
    assert server.admin.delete(f"/api/v1/service-accounts/{other.id}").status_code == 204
    assert ask(server, machine, token).content == INACTIVE


def test_a_token_is_inactive_from_its_expiry_on(make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_lifetime_seconds="120")
    machine = service_account(server)
    token = server.client_token(machine.name, machine.secret)
    server.clock.advance(110)
    assert ask(server, machine, token).json()["active"]
    # the API would still take it, for the sake of clocks that differ
    server.clock.advance(15)
    assert ask(server, machine, token).content == INACTIVE


def test_any_signed_in_caller_may_ask_with_its_own_token(server: Server, machine: Machine) -> None:
    token = server.client_token(machine.name, machine.secret)
    answer = server.client(token).post(INTROSPECT, data={"token": token})
    assert answer.json()["active"] is True


@pytest.mark.clause("introspection.authenticated")
def test_nobody_asks_anonymously(server: Server, machine: Machine) -> None:
    token = server.client_token(machine.name, machine.secret)
    temporary = server.admin.post("/api/v1/users", json={"email": "introspector@example.com"}).json()
    confined = sign_in(server, "introspector@example.com", temporary["tempPassword"])["access_token"]
    client = server.client()
    for refused in (
        client.post(INTROSPECT, data={"token": token}),
        client.post(INTROSPECT, data={"token": token, "client_id": "cli"}),
        client.post(INTROSPECT, data={"token": token}, auth=("cli", "")),
        client.post(INTROSPECT, data={"token": token}, auth=(machine.name, WRONG)),
        client.post(INTROSPECT, data={"token": token}, headers={"authorization": "Bearer nonsense"}),
    ):
        assert refused.status_code == 401
        assert refused.json()["error"] == "invalid_client"
        assert refused.headers["www-authenticate"].startswith("Basic ")
        assert refused.headers["cache-control"] == "no-store"
    refused = server.client(confined).post(INTROSPECT, data={"token": token})
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    missing = client.post(INTROSPECT, data={"x": "y"}, auth=(machine.name, machine.secret))
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    inside = client.post(INTROSPECT, params={"token": token}, data={}, auth=(machine.name, machine.secret))
    assert inside.status_code == 400


@pytest.mark.clause("introspection.inactive")
def test_realms_do_not_know_each_others_clients_and_tokens(make_server: Callable[..., Server]) -> None:
    server = make_server()
    machine = service_account(server)
    other_tenant(server)
    foreign = Machine(new_id(), machine.name, new_id(), machine.secret)
    now = instant(time.time())
    insert_client(
        server,
        {
            "id": foreign.id,
            "tenant_id": 2002,
            "kind": "service-account",
            "name": foreign.name,
            "client_id": foreign.client_id,
            "enabled": True,
            "created_by": ADMIN_EMAIL,
            "created_at": now,
            "updated_at": now,
        },
        foreign.secret,
    )
    form = {"grant_type": "client_credentials"}
    there = server.client().post(
        TOKEN.replace("runai", "other"), data=form, auth=(foreign.name, foreign.secret)
    )
    assert there.status_code == 200, there.text
    theirs, ours = there.json()["access_token"], server.client_token(machine.name, machine.secret)
    assert payload(theirs)["iss"] == f"{server.url}/auth/realms/other"
    # each realm knows its own
    assert ask(server, machine, ours).json()["active"]
    assert ask(server, foreign, theirs, "other").json()["active"]
    # and neither the other's tokens nor the other's clients
    assert ask(server, machine, theirs).content == INACTIVE
    assert ask(server, foreign, ours, "other").content == INACTIVE
    assert ask(server, machine, theirs, "other").status_code == 401
    assert (
        server.client(ours).post(INTROSPECT.replace("runai", "other"), data={"token": ours}).status_code
        == 401
    )
    people = sign_in(server)
    assert ask(server, foreign, people["refresh_token"], "other").content == INACTIVE
    assert ask(server, machine, people["refresh_token"]).json()["active"]
    keys = [server.client().get(CERTS.replace("runai", it)).json()["keys"] for it in ("runai", "other")]
    assert keys[0] != keys[1]
