"""What an access token is worth: forged ones, subjects that are gone, lifetimes, expiry announced."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runplane.server.core.clock import instant
from runplane.server.core.ids import new_id
from support.accounts import (
    V1,
    V2,
    Machine,
    accepted,
    access_key,
    bend,
    payload,
    person,
    service_account,
    sign_in,
)
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server


@pytest.fixture(scope="module")
def machine(server: Server) -> Machine:
    return service_account(server)


@pytest.fixture(scope="module")
def anybody(server: Server) -> httpx.Client:
    return server.client()


def test_names_of_any_alphabet_leave_the_payload_in_standard_base64(server: Server) -> None:
    user_id, email, password = person(server)
    for offset in range(4):
        groups = ["x" * offset + "~?>~~~???>>>", "Ünïcode-группа-😀", 'quo"te\\']
        bend(server, "users", user_id, groups=json.dumps(groups))
        body = sign_in(server, email, password)
        assert payload(body["access_token"])["groups"] == groups
        assert payload(body["id_token"])["groups"] == groups
        assert accepted(server, body["access_token"])


def forged(server: Server, machine: Machine) -> dict[str, str]:
    """Tokens that look right in all but one thing."""
    real = server.client_token(machine.client_id, machine.secret)
    head, body, signature = real.split(".")
    claims = payload(real)
    realm = server.app.identity.realms.only()
    kid = jwt.get_unverified_header(real)["kid"]
    public = next(iter(realm.verifier._keys.values())).public
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = ec.generate_private_key(ec.SECP256R1())

    def segment(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    def resigned(**changes: Any) -> str:
        kept = {key: value for key, value in {**claims, **changes}.items() if value is not ...}
        return realm.minter.mint(kept)

    def stranger_with(**header: Any) -> str:
        return jwt.encode(claims, stranger, "ES256", headers={"kid": kid, **header})

    hmac_head = segment({"alg": "HS256", "typ": "JWT", "kid": kid})
    mac = hmac.new(pem, f"{hmac_head}.{body}".encode(), hashlib.sha256).digest()
    now = int(time.time())
    people = sign_in(server)
    return {
        "none": f"{segment({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{body}.",
        "none with a signature": f"{segment({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{body}.{signature}",
        "HMAC with the public key": f"{hmac_head}.{body}."
        + base64.urlsafe_b64encode(mac).decode().rstrip("="),
        "another key": stranger_with(),
        "another key, in the header": stranger_with(
            jwk=jwt.algorithms.ECAlgorithm.to_jwk(stranger.public_key(), True)
        ),
        "another key, by address": stranger_with(jku="http://127.0.0.1:9/jwks", x5u="http://127.0.0.1:9/x"),
        "a kid that is a path": stranger_with(kid="../../etc/passwd"),
        "a kid that is SQL": stranger_with(kid="' OR 1=1 --"),
        "a kid without end": stranger_with(kid="k" * 2000),
        "critical": stranger_with(crit=["exp"]),
        "wrong issuer": resigned(iss=claims["iss"] + "x"),
        "wrong audience": resigned(aud=["other"]),
        "no audience": resigned(aud=...),
        "ID class": resigned(typ="ID"),
        "no class": resigned(typ=...),
        "no exp": resigned(exp=...),
        "exp as text": resigned(exp=str(now + 600)),
        "exp as a fraction": resigned(exp=now + 600.5),
        "exp true": resigned(exp=True),
        "exp without end": resigned(exp=10**30),
        "expired": resigned(exp=now - 120, iat=now - 300, nbf=now - 300),
        "iat ahead": resigned(iat=now + 600),
        "nbf ahead": resigned(nbf=now + 600),
        "no jti": resigned(jti=...),
        "no sub": resigned(sub=...),
        "another sub": resigned(sub="admin"),
        "an older epoch": resigned(epoch=7),
        "an unknown client": resigned(client_id="nobody"),
        "a client's name for its id": resigned(client_id=machine.name),
        "an unknown session": resigned(sid=new_id()),
        "padding": real + "==",
        "a fourth segment": real + ".x",
        "an empty signature": f"{head}.{body}.",
        "a changed payload": f"{head}.{segment({**claims, 'sub': 'admin'})}.{signature}",
        "white space": f"{head}. {body}.{signature}",
        "too long": f"{head}.{segment({**claims, 'x': 'y' * 9000})}.{signature}",
        "an ID token": people["id_token"],
        "a refresh token": people["refresh_token"],
        "a client secret": machine.secret,
        "nothing": "x",
    }


@pytest.mark.clause("jwt.algorithm-of-key", "jwt.no-key-from-token")
def test_forged_tokens_are_refused(server: Server, machine: Machine) -> None:
    tokens = forged(server, machine)
    for name, token in tokens.items():
        answer = server.client(token).get("/api/v1/authorization/permissions")
        assert answer.status_code == 401, (name, answer.text)
        assert answer.headers["www-authenticate"].startswith("Bearer "), name
        assert token not in answer.text
        # a second time, when something may be remembered
        assert not accepted(server, token), name
    assert accepted(server, server.client_token(machine.client_id, machine.secret))


def test_a_token_in_the_address_is_refused(server: Server, machine: Machine) -> None:
    token = server.client_token(machine.client_id, machine.secret)
    answer = server.client(token).get("/api/v1/authorization/permissions", params={"access_token": token})
    assert answer.status_code == 400
    assert server.client().get("/api/v1/clusters", params={"access_token": token}).status_code in (400, 401)


def test_a_token_ends_with_its_lifetime(make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_lifetime_seconds="120")
    machine = service_account(server)
    token = server.client_token(machine.client_id, machine.secret)
    assert payload(token)["exp"] - payload(token)["iat"] == 120
    server.clock.advance(100)
    assert accepted(server, token)
    server.clock.advance(90)
    answer = server.client(token).get("/api/v1/authorization/permissions")
    assert (answer.status_code, answer.json()["reason"]) == (401, "expired")


@pytest.mark.clause("subject.checked-each-time")
def test_deleted_and_disabled_service_accounts_are_refused(server: Server) -> None:
    machine = service_account(server)
    path = f"/api/v1/service-accounts/{machine.id}"
    token = server.client_token(machine.client_id, machine.secret)
    assert accepted(server, token)
    assert server.admin.patch(path, json={"enabled": False}).status_code == 200
    assert not accepted(server, token)
    refused = server.client().post(V1, json={"AppId": machine.name, "AppSecret": machine.secret})
    assert refused.status_code == 400
    assert "disabled" in refused.json()["message"]
    assert server.admin.patch(path, json={"enabled": True}).status_code == 200
    token = server.client_token(machine.client_id, machine.secret)
    assert accepted(server, token)
    assert server.admin.delete(path).status_code == 204
    assert not accepted(server, token)
    gone = server.client().post(V1, json={"AppId": machine.name, "AppSecret": machine.secret})
    assert gone.json()["message"] == "The client id or the client secret is wrong."


@pytest.mark.clause("subject.checked-each-time")
def test_whoever_owns_an_access_key_takes_it_along(server: Server) -> None:
    user_id, email, password = person(server)
    mine = server.client(server.token(email, password))
    key = access_key(mine)
    tokens = [server.client_token(key.client_id, key.secret), server.token(email, password)]
    assert all(accepted(server, it) for it in tokens)
    bend(server, "users", user_id, enabled=False)
    assert not any(accepted(server, it) for it in tokens)
    refused = server.client().post(
        V2, data={"grant_type": "client_credentials"}, auth=(key.client_id, key.secret)
    )
    assert refused.status_code == 401
    bend(server, "users", user_id, enabled=True)
    assert server.admin.delete(f"/api/v1/users/{user_id}").status_code == 204
    assert not any(accepted(server, it) for it in tokens)
    refused = server.client().post(
        V2, data={"grant_type": "client_credentials"}, auth=(key.client_id, key.secret)
    )
    assert refused.status_code == 401


@pytest.mark.parametrize(("route", "days", "warned"), [(V1, 13, True), (V2, 13, True), (V2, 15, False)])
def test_a_secret_that_expires_soon_says_so(server: Server, route: str, days: int, warned: bool) -> None:
    machine = service_account(server)
    expires_at = instant(time.time() + days * 86400)
    bend(server, "client_secrets", machine.id, expires_at=expires_at)
    form = {"grant_type": "client_credentials", "client_id": machine.name, "client_secret": machine.secret}
    answer = (
        server.client().post(route, data=form)
        if route == V2
        else server.client().post(route, json={"AppId": machine.name, "AppSecret": machine.secret})
    )
    assert answer.status_code == 200
    assert ("warning" in answer.headers) is warned
    if warned:
        assert answer.headers["warning"].startswith("299 runplane ")
        assert expires_at in answer.headers["warning"]
        assert machine.name in answer.headers["warning"]


def test_an_expired_secret_is_a_wrong_one(server: Server) -> None:
    machine = service_account(server)
    bend(server, "client_secrets", machine.id, expires_at=instant(time.time() - 1))
    answer = server.client().post(V1, json={"AppId": machine.name, "AppSecret": machine.secret})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_a_temporary_password_gives_a_token_for_one_thing(server: Server) -> None:
    email = "temporary@example.com"
    made = server.admin.post("/api/v1/users", json={"email": email}).json()
    body = sign_in(server, email, made["tempPassword"])
    assert body["scope"] == "password-change"
    assert "refresh_token" not in body
    answer = server.client(body["access_token"]).get("/api/v1/authorization/permissions")
    assert answer.status_code == 403
    assert "temporary password" in answer.json()["message"]


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_another_algorithm_is_accepted_and_signs_after_the_next_start(
    make_server: Callable[..., Server], algorithm: str
) -> None:
    server = make_server()
    before = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    server.environment["RUNPLANE_TOKENS_ALGORITHM"] = algorithm
    server.restart()
    # published at that start, it signs ten minutes later
    server.clock.advance(700)
    server.restart()
    after = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    assert [jwt.get_unverified_header(token)["alg"] for token in (before, after)] == ["ES256", algorithm]
    for token in (before, after):
        assert server.client(token).get("/api/v1/users").status_code == 200
    published = server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json()["keys"]
    assert {key["alg"] for key in published} == {"ES256", algorithm}
    key = jwt.PyJWKSet.from_dict({"keys": published})[jwt.get_unverified_header(after)["kid"]]
    claims = jwt.decode(after, key, algorithms=[algorithm], audience="runai", leeway=800)
    assert claims["email"] == ADMIN_EMAIL
    server.restart()
    assert len(server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json()["keys"]) == 2
