"""Tokens of another issuer become short tokens of a service account, and only those that should."""

from __future__ import annotations

import hmac
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import yaml

from runplane.server.identity.jose import base64url
from runplane.server.identity.throttle import ThrottleLimits
from runplane.server.identity.trusts.store import spend
from support.access import TENANT, second_tenant
from support.accounts import FORM_ROUTES, TOKEN, V1, accepted, bend, payload
from support.issuer import Issuer, SigningKey, issuer
from support.server import Server
from support.trusts import (
    AUDIENCE,
    CONDITIONS,
    EXCHANGE,
    JWT_TYPE,
    TRUSTS,
    account,
    exchange,
    failed,
    tried,
    trust,
    trusted,
    trusting,
)

__all__ = ["issuer", "trusting"]


@pytest.mark.clause("exchange.type-named")
@pytest.mark.parametrize("route", [V1, *FORM_ROUTES])
def test_a_token_of_the_issuer_acts_as_the_service_account(
    trusting: Server, issuer: Issuer, route: str
) -> None:
    account_id, client_id = account(trusting)
    made = trust(trusting, issuer, account_id)
    named = {"clientId": client_id} if route == V1 else {"client_id": client_id}
    answer = exchange(trusting, issuer.token(jti=f"job for {route}"), route, **named)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    token = found["accessToken" if route == V1 else "access_token"]
    claims = payload(token)
    assert (claims["sub"], claims["client_id"]) == (account_id, client_id)
    assert claims["exp"] - claims["iat"] <= 300
    assert "refresh_token" not in found
    assert "refreshToken" not in found
    assert trusting.client(token).get("/api/v1/org-unit/projects").status_code == 200
    if route != V1:
        # RFC 8693 section 2.2.1
        assert found["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
        assert found["token_type"] == "Bearer"
    (row,) = [
        it
        for it in trusting.audit(entity_id=account_id, action="sign-in")
        if json.loads(it["metadata"])["trustId"] == made["id"]
    ]
    told = json.loads(row["metadata"])
    assert (told["jti"], told["sub"], told["issuer"]) == (
        f"job for {route}",
        "repo:acme/train:ref:refs/heads/main",
        issuer.url,
    )


def test_who_waits_for_the_keys_of_another_issuer_holds_no_place_of_its_tenant(
    trusting: Server, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, client_id = account(trusting)
    trust(trusting, issuer, account_id)
    left: list[None] = []
    monkeypatch.setattr(trusting.app.stores.lanes.pace, "leave", lambda: left.append(None))
    assert exchange(trusting, issuer.token(), V1, clientId=client_id).status_code == 200
    assert len(left) == 1


@pytest.mark.clause("exchange.not-longer")
def test_the_token_lives_no_longer_than_the_trust_says(trusting: Server, issuer: Issuer) -> None:
    far = int(time.time()) + 7200
    made = trust(trusting, issuer)
    assert trusted(trusting, made, issuer.token(exp=far)).json()["expires_in"] == 900
    short = trust(trusting, issuer, maxTokenSeconds=60)
    assert trusted(trusting, short, issuer.token(exp=far)).json()["expires_in"] == 60
    assert trusted(trusting, made, issuer.token(exp=far), ttl="30").json()["expires_in"] == 30


@pytest.mark.clause("exchange.not-longer")
def test_the_token_never_outlives_the_one_it_was_given_for(trusting: Server, issuer: Issuer) -> None:
    """RFC 8693 and the brakes of security 2.2."""
    made = trust(trusting, issuer)
    for seconds in (60, 100):
        ends = int(time.time()) + seconds
        answer = trusted(trusting, made, issuer.token(exp=ends))
        assert payload(answer.json()["access_token"])["exp"] <= ends


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("aud", {"aud": "https://other.example"}),
    ("aud", {"aud": None}),
    ("aud", {"aud": {"a": AUDIENCE}}),
    ("exp", {"exp": None}),
    ("exp", {"exp": "soon"}),
    ("exp", {"exp": True}),
    ("exp", {"exp": 1_000_000_000}),
    ("iat", {"iat": None}),
    ("iat", {"iat": 9_000_000_000}),
    ("nbf", {"nbf": 9_000_000_000}),
    ("nbf", {"nbf": "yesterday"}),
    ("repository", {"repository": "acme/train2"}),
    ("repository", {"repository": "ACME/train"}),
    ("repository", {"repository": None}),
    ("ref", {"ref": "refs/heads/feature/x"}),
    ("ref", {"ref": "refs/tags/v1"}),
]


@pytest.mark.clause("exchange.trusted-issuers")
@pytest.mark.parametrize(("name", "changes"), WRONG)
def test_a_claim_that_does_not_fit_is_refused_and_named_to_the_manager_only(
    trusting: Server, issuer: Issuer, name: str, changes: dict[str, Any]
) -> None:
    made = trust(trusting, issuer)
    token = issuer.key.sign(issuer.claims(**changes))
    answer = trusted(trusting, made, token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"] == trusted(trusting, made, "a.b.c").json()["error_description"]
    assert failed(trusting, made, token) == [name]


@pytest.mark.clause("exchange.trusted-issuers")
def test_the_issuer_must_be_the_trusts(trusting: Server, issuer: Issuer) -> None:
    made = trust(trusting, issuer)
    token = issuer.token(iss="https://issuer.example")
    assert trusted(trusting, made, token).json()["error"] == "invalid_grant"
    assert failed(trusting, made, token) == ["iss"]


def test_a_token_that_fits_passes_every_check(trusting: Server, issuer: Issuer) -> None:
    found = tried(trusting, trust(trusting, issuer), issuer.token())
    assert found["accepted"] is True
    names = [it["name"] for it in found["checks"]]
    assert names == [
        "iss", "aud", "exp", "iat", "nbf", "repository", "ref", "signature", "trust", "serviceAccount",
    ]  # fmt: skip


def confused(claims: dict[str, Any], secret: bytes) -> str:
    """What an algorithm confusion would take for signed; the library refuses to make it."""
    parts = ({"alg": "HS256", "kid": "k1", "typ": "JWT"}, claims)
    signed = b".".join(base64url(json.dumps(it).encode()) for it in parts)
    return (signed + b"." + base64url(hmac.digest(secret, signed, "sha256"))).decode()


def forged(issuer: Issuer) -> dict[str, str]:
    """Tokens that look right and were not signed by the issuer (RFC 8725)."""
    claims = issuer.claims()
    stranger = SigningKey("k1")
    public = json.dumps(issuer.key.jwk()).encode()
    head, middle, signature = issuer.token().split(".")
    none = jwt.encode(claims, None, "none", {"kid": "k1"})
    return {
        "none": none,
        "none with a signature": none + signature,
        "HS256 with the public key": confused(claims, public),
        "a stranger's key of the same name": stranger.sign(claims),
        "a key it brings along": stranger.sign(claims, jwk=stranger.jwk(), jku="https://evil.example/keys"),
        "another kid": stranger.sign(claims, kid="k2"),
        "padding": f"{head}.{middle}.{signature}==",
        "a fourth part": f"{head}.{middle}.{signature}.{signature}",
        "no signature": f"{head}.{middle}.",
        "another payload": f"{head}.{issuer.token(ref='refs/heads/evil').split('.')[1]}.{signature}",
        "an unknown critical header": issuer.key.sign(claims, crit=["x"], x=1),
        "another algorithm of the key": SigningKey("k1", "ES384").sign(claims),
        "too long": "x" * 17_000,
    }


FORGED = (
    "none",
    "none with a signature",
    "HS256 with the public key",
    "a stranger's key of the same name",
    "a key it brings along",
    "another kid",
    "padding",
    "a fourth part",
    "no signature",
    "another payload",
    "an unknown critical header",
    "another algorithm of the key",
    "too long",
)


@pytest.mark.clause("exchange.trusted-issuers")
@pytest.mark.parametrize("what", FORGED)
def test_a_token_the_issuer_did_not_sign_is_refused(trusting: Server, issuer: Issuer, what: str) -> None:
    made = trust(trusting, issuer)
    answer = trusted(trusting, made, forged(issuer)[what])
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == ("invalid_request" if what == "too long" else "invalid_grant")


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_every_allowed_algorithm_is_verified(trusting: Server, issuer: Issuer, algorithm: str) -> None:
    key = SigningKey("pinned", algorithm)
    made = trust(trusting, issuer, jwks={"keys": [key.jwk()]})
    assert trusted(trusting, made, key.sign(issuer.claims())).status_code == 200
    assert failed(trusting, made, SigningKey("pinned", algorithm).sign(issuer.claims())) == ["signature"]


def test_each_token_once_where_the_trust_says_so(trusting: Server, issuer: Issuer) -> None:
    made, open_ended = trust(trusting, issuer, singleUse=True), trust(trusting, issuer)
    claims = issuer.claims()
    token, again = issuer.key.sign(claims), issuer.key.sign(claims)
    assert trusted(trusting, open_ended, token).status_code == 200
    assert trusted(trusting, open_ended, token).status_code == 200
    assert trusted(trusting, made, token).status_code == 200
    # ECDSA signs anew each time: the same claims in another text are the same token
    assert again != token
    for spelled in (token, again):
        assert trusted(trusting, made, spelled).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("how", ["delete", "disable", "replace", "account"])
def test_taking_a_trust_back_ends_what_was_given_under_it(trusting: Server, issuer: Issuer, how: str) -> None:
    account_id, _ = account(trusting)
    made = trust(trusting, issuer, account_id)
    token = trusted(trusting, made, issuer.token()).json()["access_token"]
    assert accepted(trusting, token)
    path = f"{TRUSTS}/{made['id']}"
    if how == "delete":
        assert trusting.admin.delete(path).status_code == 204
    elif how == "account":
        bend(trusting, "clients", account_id, enabled=False)
    else:
        changed = {"enabled": False} if how == "disable" else {"conditions": CONDITIONS[:1]}
        same = {name: made[name] for name in ("name", "audience", "issuer", "serviceAccountId")}
        answer = trusting.admin.put(path, json={**same, "conditions": CONDITIONS, **changed})
        assert answer.status_code == 200, answer.text
    assert not accepted(trusting, token)
    status = trusted(trusting, made, issuer.token()).status_code
    assert status == (200 if how == "replace" else 400)


def test_a_token_that_several_accounts_trust_needs_a_name(trusting: Server, issuer: Issuer) -> None:
    mine = {"conditions": [{"claim": "sub", "values": ["two of us"]}]}
    first, _ = (trust(trusting, issuer, **mine) for _ in range(2))
    token = issuer.token(sub="two of us")
    answer = exchange(trusting, token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "client_id" in answer.json()["error_description"]
    found = trusted(trusting, first, token)
    assert payload(found.json()["access_token"])["sub"] == first["serviceAccountId"]


@pytest.mark.clause("exchange.not-more")
def test_a_scope_narrows_what_was_exchanged(trusting: Server, issuer: Issuer) -> None:
    made = trust(trusting, issuer)
    answer = trusted(trusting, made, issuer.token(), scope="cluster:read")
    assert answer.json()["scope"] == "cluster:read"
    client = trusting.client(answer.json()["access_token"])
    assert client.get("/api/v1/clusters").status_code == 200
    assert client.get("/api/v1/org-unit/projects").status_code == 403
    assert trusted(trusting, made, issuer.token(), scope="magic").json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token": ""},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"subject_token_type": ""},
        {"actor_token": "x"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
    ],
)
def test_an_exchange_we_do_not_make_is_an_invalid_request(
    trusting: Server, issuer: Issuer, changes: dict[str, str]
) -> None:
    """RFC 8693 section 2.1 and 2.2.2."""
    answer = exchange(trusting, issuer.token(), TOKEN, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_target_we_are_not_is_refused(trusting: Server, issuer: Issuer) -> None:
    """RFC 8693 section 2.2.2."""
    for name in ("audience", "resource"):
        answer = exchange(trusting, issuer.token(), **{name: "https://elsewhere.example"})
        assert answer.json()["error"] == "invalid_target"


def test_refused_exchanges_are_recorded_with_their_reason(trusting: Server, issuer: Issuer) -> None:
    made = trust(trusting, issuer)
    secret = issuer.token(repository="acme/other")
    trusted(trusting, made, secret)
    (row,) = trusting.audit(entity_id=made["id"], action="sign-in")
    assert (row["result"], row["http_status_code"]) == ("Failed", 400)
    assert json.loads(row["metadata"])["reason"] == "repository does not meet the trust"
    assert secret not in json.dumps(row, default=str)


def test_nested_claims_and_lists_are_reached(trusting: Server, issuer: Issuer) -> None:
    conditions = [
        {"claim": "/kubernetes.io/namespace", "values": ["ml"]},
        {"claim": "teams", "values": ["vision"]},
        {"claim": "protected", "values": ["true"]},
        {"claim": "run", "values": ["7"]},
    ]
    made = trust(trusting, issuer, conditions=conditions)
    fits = {"kubernetes.io": {"namespace": "ml"}, "teams": ["audio", "vision"], "protected": True, "run": 7}
    assert trusted(trusting, made, issuer.token(**fits)).status_code == 200
    for name, value in (("teams", ["audio"]), ("protected", False), ("kubernetes.io", "ml"), ("run", 7.5)):
        assert trusted(trusting, made, issuer.token(**{**fits, name: value})).status_code == 400


def test_of_many_who_exchange_one_token_at_once_one_succeeds(any_server: Server, issuer: Issuer) -> None:
    made = trust(any_server, issuer, singleUse=True, jwks=issuer.jwks())
    token = issuer.token()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: trusted(any_server, made, token), range(10)))
    assert sorted(it.status_code for it in answers) == [200] + [400] * 9


def test_a_token_spent_at_one_tenant_is_not_spent_at_another(any_server: Server) -> None:
    """Else a tenant could pin keys of its own for an issuer it shares, and use up the names of others."""
    here, there = TENANT, second_tenant(any_server, 40_123)
    digest, until = os.urandom(32), int(time.time()) + 600

    def spent(tenant_id: int) -> bool:
        return any_server.units.write(lambda unit: spend(unit, tenant_id, digest, until))

    assert [spent(it) for it in (here, there, here, there)] == [True, True, False, False]


# What runners bring along and this machine may lack; the guide's scripts use it for one member of an object.
JQ = """
jq() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1][1:]])' "$2"; }
"""


@pytest.mark.parametrize("service", ["GitHub Actions", "GitLab CI"])
def test_the_scripts_of_the_guide_get_a_token(
    repository: Path, trusting: Server, issuer: Issuer, tmp_path: Path, service: str
) -> None:
    guide = (repository / "docs" / "guides" / "keyless-ci.md").read_text(encoding="utf-8")
    job = yaml.safe_load(guide.partition(f"## {service}\n")[2].partition("```yaml\n")[2].partition("```")[0])
    if service == "GitHub Actions":
        steps = job["jobs"]["train"]["steps"]
        script = steps[0]["run"] + '\nset -a; . "$GITHUB_ENV"\n' + steps[1]["run"]
    else:
        script = "\n".join(job["train"]["script"])
    mine = f"acme/{uuid4().hex}"
    trust(trusting, issuer, audience=None, conditions=[{"claim": "repository", "values": [mine]}])
    token = issuer.token(aud=trusting.url, repository=mine)
    issuer.pages[f"/job?v=1&audience={trusting.url}"] = json.dumps({"value": token}).encode()
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", JQ + script],
        env={
            **os.environ,
            "URL": trusting.url,
            "CURL_CA_BUNDLE": str(issuer.ca_file),
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/job?v=1",
            "GITHUB_ENV": str(tmp_path / "env"),
            "JOB_TOKEN": token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    issuer.pages.clear()
    assert result.returncode == 0, result.stdout + result.stderr
    assert '"projects"' in result.stdout


@pytest.mark.clause("token.guesses-throttled")
def test_a_source_of_many_wrong_tokens_has_to_wait(trusting: Server, issuer: Issuer) -> None:
    source, many = {"x-forwarded-for": "198.51.100.77"}, ThrottleLimits().per_source
    trust(trusting, issuer)

    def ask(token: str) -> int:
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT_TYPE}
        return httpx.post(trusting.url + TOKEN, data=form, headers=source).status_code

    # one that a job sends again and again counts once
    stale = issuer.token(exp=1)
    assert {ask(stale) for _ in range(many + 1)} == {400}
    wrong = [ask(issuer.token(aud=f"somebody else {number}")) for number in range(many)]
    assert wrong == [400] * (many - 1) + [429]
