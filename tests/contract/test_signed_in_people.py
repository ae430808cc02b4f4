"""What programs ask about whom they signed in, how they sign out, and what Kubernetes relies on."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import jwt
import pytest
import yaml

from runplane.protocol.cluster_authentication import ClusterAuthentication
from support.accounts import (
    REALM,
    TOKEN,
    accepted,
    access_key,
    bend,
    other_tenant,
    payload,
    person,
    service_account,
    sign_in,
)
from support.logins import LISTENER, LOGOUT, SESSION, USERINFO, Program, browser
from support.server import ADMIN_EMAIL, Server

pytestmark = pytest.mark.detail

METADATA = f"{REALM}/.well-known/openid-configuration"
CLUSTERS = "/api/v1/cluster-authentication"


def renewed(person: httpx.Client) -> int:
    """The status of asking for the browser's next access token: 401 once its session is over."""
    return person.post(f"{SESSION}/token", json={"active": False}).status_code


# userinfo


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_oidc_core_5_3_a_token_tells_whom_it_speaks_for(server: Server, method: str) -> None:
    user_id, email, password = person(server)
    bend(server, "users", user_id, groups='["team-a","staff"]')
    body = sign_in(server, email, password)
    answer = server.client(body["access_token"]).request(method, USERINFO)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "sub": user_id,
        "preferred_username": email,
        "tenant_id": "1001",
        "email": email,
        "groups": ["team-a", "staff"],
    }
    # 5.3.2: the same subject as the ID token's
    assert payload(body["id_token"])["sub"] == user_id


def test_machines_have_no_address(server: Server) -> None:
    machine = service_account(server)
    token = server.client_token(machine.name, machine.secret)
    body = server.client(token).get(USERINFO).json()
    assert body == {"sub": machine.id, "preferred_username": machine.name, "tenant_id": "1001"}
    _, email, password = person(server)
    key = access_key(server.client(server.token(email, password)))
    owned = server.client(server.client_token(key.client_id, key.secret)).get(USERINFO).json()
    assert owned["email"] == email


@pytest.mark.clause("bearer.challenge")
def test_rfc6750_3_userinfo_refuses_as_a_resource_server(server: Server) -> None:
    nobody = server.client().get(USERINFO)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"] == 'Bearer realm="runplane"'
    wrong = server.client(sign_in(server)["id_token"]).get(USERINFO)
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_userinfo_of_another_realm_refuses(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    answer = server.admin.get(USERINFO.replace("runai", "other"))
    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong_issuer")


# sign-out


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_signs_out_with_the_id_token(any_server: Server, method: str) -> None:
    program, person = Program(any_server), browser(any_server)
    body = program.redeem(program.code(person)).json()
    given = {"id_token_hint": body["id_token"], "post_logout_redirect_uri": LISTENER, "state": "s&1"}
    where = {"params": given} if method == "GET" else {"data": given}
    answer = any_server.client().request(method, LOGOUT, **where)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{LISTENER}?state=s%261"
    assert not accepted(any_server, body["access_token"])
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert any_server.client().post(TOKEN, data=form).status_code == 400
    # it was not this browser that asked
    assert renewed(person) == 200
    [row] = any_server.audit(action="sign-out", entity_id=payload(body["id_token"])["sid"])
    assert row["result"] == "Succeeded"


def test_the_browser_that_asks_is_signed_out_too(server: Server) -> None:
    _, email, password = person(server)
    program, browsing = Program(server), browser(server, email, password)
    body = program.redeem(program.code(browsing)).json()
    answer = browsing.get(LOGOUT, params={"id_token_hint": body["id_token"]})
    assert answer.headers["location"] == f"{server.url}/sign-in"
    cleared = answer.headers.get_list("set-cookie")
    assert len(cleared) == 2
    assert all("Max-Age=0" in line for line in cleared)
    assert renewed(browsing) == 401


def test_somebody_elses_browser_stays_signed_in(server: Server) -> None:
    _, email, password = person(server)
    body = sign_in(server, email, password)
    admin = browser(server)
    answer = admin.get(LOGOUT, params={"id_token_hint": body["id_token"]})
    assert "set-cookie" not in answer.headers
    assert not accepted(server, body["access_token"])
    assert renewed(admin) == 200


def test_people_sign_out_late(make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_lifetime_seconds="120")
    body = sign_in(server)
    server.clock.advance(600)
    answer = server.client().get(LOGOUT, params={"id_token_hint": body["id_token"]})
    assert answer.status_code == 303
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert server.client().post(TOKEN, data=form).status_code == 400


def test_without_proof_a_page_asks_and_nothing_ends(server: Server) -> None:
    admin = browser(server)
    for given in ({}, {"client_id": "runplane-cli", "post_logout_redirect_uri": "https://evil.example"}):
        answer = admin.get(LOGOUT, params=given)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"{server.url}/sign-out"
    # what the older command line opens
    answer = admin.get(LOGOUT, params={"redirect_uri": "https://evil.example"})
    assert answer.headers["location"] == f"{server.url}/sign-out"
    assert renewed(admin) == 200


@pytest.mark.clause("redirect.not-open")
@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "http://127.0.0.1:8000/other",
        "{server}.evil.example/",
        "{server}/sign-in?next=//evil.example",
        "javascript:alert(1)",
    ],
)
def test_rfc9700_4_11_sign_out_is_no_open_redirector(server: Server, wanted: str) -> None:
    body = sign_in(server)
    given = {
        "id_token_hint": body["id_token"],
        "post_logout_redirect_uri": wanted.replace("{server}", server.url),
    }
    answer = server.client().get(LOGOUT, params=given)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "location" not in answer.headers
    assert accepted(server, body["access_token"])


def test_only_an_id_token_of_this_realm_is_proof(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    body = sign_in(server)
    forged = jwt.encode(payload(body["id_token"]), "secret-secret-secret-secret-secret", "HS256")
    for hint in (body["access_token"], forged, "a.b.c", body["refresh_token"]):
        answer = server.client().get(LOGOUT, params={"id_token_hint": hint})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), hint
    foreign = server.client().get(
        LOGOUT.replace("runai", "other"), params={"id_token_hint": body["id_token"]}
    )
    assert foreign.status_code == 400
    claimed = {"id_token_hint": body["id_token"], "client_id": "runplane-cli"}
    assert server.client().get(LOGOUT, params=claimed).status_code == 400
    assert accepted(server, body["access_token"])


def test_a_repeated_parameter_is_refused(server: Server) -> None:
    answer = server.client().get(f"{LOGOUT}?state=1&state=2")
    assert answer.status_code == 400


# Kubernetes


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_tokens_are_what_an_api_server_is_told_to_expect(
    make_server: Callable[..., Server], algorithm: str
) -> None:
    server = make_server(tokens_algorithm=algorithm)
    program, machine = Program(server), service_account(server)
    body = program.redeem(program.code(browser(server))).json()
    told = server.admin.get(CLUSTERS).json()
    flags = dict(it.removeprefix("--").split("=", 1) for it in told["flags"])
    assert flags["oidc-signing-algs"] == algorithm == told["algorithms"][0]
    issuer = flags["oidc-issuer-url"]
    # as an API server does: discovery under the issuer, then the keys it names
    metadata = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == issuer
    [key] = httpx.get(metadata["jwks_uri"]).json()["keys"]
    machines = server.client().post(
        TOKEN,
        data={"grant_type": "client_credentials", "scope": "openid"},
        auth=(machine.client_id, machine.secret),
    )
    tokens = [body["id_token"], body["access_token"], machines.json()["id_token"]]
    for token in tokens:
        claims = jwt.decode(
            token, jwt.PyJWK(key).key, [algorithm], audience=flags["oidc-client-id"], issuer=issuer
        )
        assert claims["sub"]
    assert payload(body["id_token"])[flags["oidc-username-claim"]] == ADMIN_EMAIL
    assert "email" not in payload(tokens[2])


@pytest.mark.clause("jwt.class")
def test_an_id_token_with_that_audience_is_still_no_access_token(server: Server) -> None:
    body = sign_in(server)
    assert "runai" in payload(body["id_token"])["aud"]
    answer = server.client(body["id_token"]).get("/api/v1/users")
    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong_class")


def test_the_file_says_the_same_as_the_flags(server: Server) -> None:
    told = server.admin.get(CLUSTERS, params={"usernameClaim": "sub", "apiVersion": "v1beta1"}).json()
    file = yaml.safe_load(told["configuration"])
    assert file["apiVersion"] == "apiserver.config.k8s.io/v1beta1"
    assert file["kind"] == "AuthenticationConfiguration"
    [entry] = file["jwt"]
    assert entry["issuer"] == {"url": f"{server.url}{REALM}", "audiences": ["runai"]}
    assert entry["claimMappings"] == {
        "username": {"claim": "sub", "prefix": ""},
        "groups": {"claim": "groups", "prefix": ""},
    }
    assert "--oidc-username-claim=sub" in told["flags"]
    assert len(entry["userValidationRules"]) == 2
    # this server is at http, which no API server takes
    assert any("https" in sentence for sentence in told["warnings"])


def test_what_api_servers_cannot_verify_is_said() -> None:
    good = ClusterAuthentication("https://plane.example/auth/realms/runai", ("ES256",))
    assert good.warnings() == []
    [sentence] = ClusterAuthentication(good.issuer, ("ES256", "EdDSA")).warnings()
    assert "EdDSA" in sentence
    assert "ES256," not in sentence


def test_certificates_go_into_the_file_and_their_place_into_the_flags() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    found = ClusterAuthentication(
        "https://plane.example/auth/realms/runai", ("ES256",), ca_file="/etc/ca.crt", ca_certificate=text
    )
    file = yaml.safe_load(found.configuration())
    assert file["jwt"][0]["issuer"]["certificateAuthority"] == text
    assert found.flags()[-1] == "--oidc-ca-file=/etc/ca.crt"


def test_who_is_not_signed_in_is_not_told(server: Server) -> None:
    assert server.client().get(CLUSTERS).status_code == 401
    assert server.admin.get(CLUSTERS, params={"usernameClaim": "name"}).status_code == 400
