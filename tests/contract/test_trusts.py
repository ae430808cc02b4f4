"""Managing trusts, and what this server asks of their issuers."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from runplane.server.identity.trusts import fetch
from runplane.server.identity.trusts.keys import AGAIN_SECONDS, MAX_PINNED
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    SYSTEM_ADMINISTRATOR,
    VIEWER,
    person,
    rule,
    service_account,
    tenant_node,
)
from support.accounts import accepted, bend
from support.issuer import KEYS, METADATA, Issuer, SigningKey, issuer
from support.server import Server
from support.trusts import (
    TRUSTS,
    account,
    body,
    failed,
    tried,
    trust,
    trusted,
    trusting,
)

pytestmark = pytest.mark.detail

__all__ = ["issuer", "trusting"]


def test_pinned_keys_need_no_network(server: Server, issuer: Issuer) -> None:
    # this server may not fetch from the issuer at all
    made = trust(server, issuer, jwks=issuer.jwks())
    asked = len(issuer.asked)
    assert trusted(server, made, issuer.token()).status_code == 200
    assert len(issuer.asked) == asked


def test_an_exchange_counts_for_its_service_account(make_server: Any, issuer: Issuer) -> None:
    server = make_server(limits_client_per_minute="5")
    made = trust(server, issuer, jwks=issuer.jwks())
    codes = [trusted(server, made, issuer.token()).status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2


def test_pinned_keys_are_bounded(server: Server, issuer: Issuer) -> None:
    """Whoever exchanges a token makes this server read the pinned keys of all trusts in its issuer."""
    (key,) = issuer.jwks()["keys"][:1]
    for jwks in ({"keys": [{**key, "note": "x" * MAX_PINNED}]}, {"keys": [key], "note": "x" * MAX_PINNED}):
        answer = server.admin.post(TRUSTS, json=body(issuer, account(server)[0], jwks=jwks))
        assert answer.status_code == 400, answer.text
        assert "KiB" in answer.json()["message"]


def test_an_internal_issuer_is_not_asked_unless_the_operator_allows_it(
    server: Server, issuer: Issuer
) -> None:
    """ASVS 5.0 1.3.6: whoever manages trusts must not reach into the server's own network."""
    made = trust(server, issuer)
    asked = len(issuer.asked)
    assert trusted(server, made, issuer.token()).json()["error"] == "invalid_grant"
    (check,) = [it for it in tried(server, made, issuer.token())["checks"] if it["name"] == "signature"]
    assert "not a public address" in check["message"]
    assert "127.0.0.1" not in check["message"]
    assert len(issuer.asked) == asked


@pytest.mark.clause("jwks.no-storm")
def test_an_issuer_is_not_asked_for_a_token_that_could_not_be_accepted(
    issuer: Issuer, trusting: Server
) -> None:
    """Anybody can send such a token, and this server would be made to call others at their will."""
    made = trust(trusting, issuer)
    trusting.app.identity.issuers._known.clear()
    asked = len(issuer.asked)
    for token in (issuer.token(repository="acme/other"), issuer.token(exp=1), issuer.token(aud="x")):
        assert trusted(trusting, made, token).json()["error"] == "invalid_grant"
    assert len(issuer.asked) == asked
    assert trusted(trusting, made, issuer.token()).status_code == 200
    assert len(issuer.asked) > asked


@pytest.mark.clause("jwks.no-storm")
def test_a_new_key_is_found_and_unknown_ones_are_not_looked_for_again(
    issuer: Issuer, trusting: Server
) -> None:
    """Security 2.3: one refresh for an unknown kid, then none for a while."""
    issuers = trusting.app.identity.issuers
    made = trust(trusting, issuer)
    assert trusted(trusting, made, issuer.token()).status_code == 200
    fresh = SigningKey("k9")
    issuer.keys.append(fresh)
    later, clock = time.monotonic() + AGAIN_SECONDS + 1, issuers._monotonic
    issuers._monotonic = lambda: later
    try:
        assert trusted(trusting, made, fresh.sign(issuer.claims())).status_code == 200
        asked = len(issuer.asked)
        for number in range(5):
            token = SigningKey(f"unknown{number}").sign(issuer.claims())
            assert trusted(trusting, made, token).status_code == 400
        assert len(issuer.asked) == asked
    finally:
        issuers._monotonic = clock
        issuers._known.clear()
        issuer.keys.remove(fresh)


def test_deleting_the_service_account_deletes_its_trusts(trusting: Server, issuer: Issuer) -> None:
    account_id, _ = account(trusting)
    made = trust(trusting, issuer, account_id)
    assert trusting.admin.delete(f"/api/v1/service-accounts/{account_id}").status_code == 204
    assert trusting.admin.get(f"{TRUSTS}/{made['id']}").status_code == 404


def redirecting(handler: Any) -> None:
    handler.send_response(302)
    handler.send_header("location", "https://localhost/elsewhere")
    handler.send_header("content-length", "0")
    handler.end_headers()


def endless(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b" " * 8192)
    except OSError:
        return


@pytest.mark.clause("ssrf.addresses")
def test_an_issuer_that_misbehaves_is_not_believed(trusting: Server, issuer: Issuer) -> None:
    """Security 2.7: no redirects, a cap on size, metadata of the issuer itself, keys over https."""
    cases: dict[str, tuple[str, Any]] = {
        "status 302": (METADATA, redirecting),
        "more than 256 KiB": (METADATA, endless),
        "another issuer": (METADATA, b'{"issuer": "https://other.example", "jwks_uri": "x"}'),
        "no JSON object": (METADATA, b"[]"),
        "no jwks_uri": (METADATA, json.dumps({"issuer": issuer.url}).encode()),
        "not a plain https address": (
            METADATA,
            json.dumps({"issuer": issuer.url, "jwks_uri": "http://localhost/keys"}).encode(),
        ),
        "keys cannot be read": (KEYS, b'{"keys": 5}'),
        "status 404": (METADATA, None),
    }
    made = trust(trusting, issuer)
    keys = trusting.app.identity.issuers
    for sentence, (path, page) in cases.items():
        issuer.pages[path] = page if page is not None else (lambda handler: handler.send_error(404))
        keys._known.clear()
        try:
            (check,) = [
                it for it in tried(trusting, made, issuer.token())["checks"] if it["name"] == "signature"
            ]
            assert not check["passed"]
            assert sentence in check["message"]
        finally:
            issuer.pages.clear()
            keys._known.clear()


def test_a_certificate_nobody_vouches_for_is_refused(issuer: Issuer, make_server: Any) -> None:
    alone = make_server(trusts_internal_issuers="127.0.0.0/8,::1/128")
    made = trust(alone, issuer)
    (check,) = [it for it in tried(alone, made, issuer.token())["checks"] if it["name"] == "signature"]
    assert "certificate" in check["message"]


def test_trusts_are_listed_filtered_counted_and_changed_with_care(trusting: Server, issuer: Issuer) -> None:
    admin, mark = trusting.admin, uuid4().hex
    made = [trust(trusting, issuer, name=f"{mark} {number}", enabled=number < 2) for number in range(3)]
    query = {"filterBy": [f"name=^{mark}", "enabled==true"], "sortBy": "name", "sortOrder": "desc"}
    found = admin.get(TRUSTS, params=query).json()
    assert [it["id"] for it in found["trusts"]] == [made[1]["id"], made[0]["id"]]
    assert admin.get(f"{TRUSTS}/count", params={"search": mark}).json() == {"count": 3}
    page = admin.get(TRUSTS, params={"search": mark, "limit": 2}).json()
    assert (len(page["trusts"]), page["next"]) == (2, 2)
    path = f"{TRUSTS}/{made[0]['id']}"
    shown = admin.get(path)
    again = {**body(issuer, made[0]["serviceAccountId"]), "name": f"{mark} new"}
    changed = admin.put(path, json=again, headers={"if-match": shown.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert admin.put(path, json=again, headers={"if-match": shown.headers["etag"]}).status_code == 412
    twin = admin.post(TRUSTS, json={**again, "name": f"{mark} 1"})
    assert twin.status_code == 409
    assert "already exists" in twin.json()["message"]
    assert admin.put(path, json={**again, "name": f"{mark} 1"}).status_code == 409
    assert admin.get(path).json()["name"] == f"{mark} new"
    assert [it["action"] for it in trusting.audit(entity_id=made[0]["id"], result="Succeeded")] == [
        "create",
        "update",
    ]


GITHUB = "https://token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://issuer.example"},
        {"issuer": "https://user@issuer.example"},
        {"issuer": "https://issuer.example#x"},
        {"conditions": []},
        {"conditions": [{"claim": "sub", "values": []}]},
        {"conditions": [{"claim": "sub", "operator": "matches", "values": ["**"]}]},
        {"conditions": [{"claim": "sub", "operator": "matches", "values": ["a" + "*a" * 11]}]},
        {"conditions": [{"claim": "sub", "operator": "like", "values": ["x"]}]},
        {"conditions": [{"claim": "aud", "values": ["x"]}]},
        {"conditions": [{"claim": "sub", "values": ["x"]}, {"claim": "sub", "values": ["y"]}]},
        {"maxTokenSeconds": 901},
        {"maxTokenSeconds": 59},
        {"name": ""},
        {"name": " x"},
        {"audience": ""},
        {"serviceAccountId": "0198c0de-0000-7000-8000-00000000ffff"},
        {"jwks": {}},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
        # everybody in the world has tokens of these
        {"issuer": GITHUB, "conditions": [{"claim": "ref", "values": ["refs/heads/main"]}]},
        {
            "issuer": GITHUB,
            "conditions": [{"claim": "repository", "operator": "matches", "values": ["*/train"]}],
        },
    ],
)
def test_a_trust_nobody_should_make_is_refused(
    trusting: Server, issuer: Issuer, changes: dict[str, Any]
) -> None:
    owner = account(trusting)[0]
    answer = trusting.admin.post(TRUSTS, json=body(issuer, owner, **changes))
    assert answer.status_code == 400, answer.text


def test_a_private_key_is_not_pinned_and_not_repeated(trusting: Server, issuer: Issuer) -> None:
    secret = "c2VjcmV0c2VjcmV0c2VjcmV0"
    answer = trusting.admin.post(
        TRUSTS,
        json=body(issuer, account(trusting)[0], jwks={"keys": [issuer.key.jwk(), issuer.key.jwk(d=secret)]}),
    )
    assert answer.status_code == 400
    assert "private" in answer.json()["message"]
    assert secret not in answer.text


def test_a_trust_in_a_public_ci_service_names_an_owner(trusting: Server, issuer: Issuer) -> None:
    conditions = [{"claim": "repository", "operator": "matches", "values": ["acme/*"]}]
    made = trust(trusting, issuer, issuer=GITHUB, conditions=conditions)
    assert made["issuer"] == GITHUB


def test_the_audience_is_this_servers_address_unless_another_is_named(
    trusting: Server, issuer: Issuer
) -> None:
    made = trust(trusting, issuer, audience=None)
    assert made["audience"] == trusting.url
    assert trusted(trusting, made, issuer.token(aud=["other", trusting.url])).status_code == 200


def test_who_may_not_manage_service_accounts_sees_no_trust(trusting: Server, issuer: Issuer) -> None:
    made = trust(trusting, issuer)
    viewer = person(trusting, f"viewer-{uuid4().hex}@example.com", (VIEWER, tenant_node()))
    assert viewer.post(f"{TRUSTS}/{made['id']}/test", json={"token": "a.b.c"}).status_code == 403
    assert viewer.delete(f"{TRUSTS}/{made['id']}").status_code == 403
    assert httpx.get(f"{trusting.url}{TRUSTS}").status_code == 401


@pytest.mark.clause("ssrf.addresses")
def test_a_trust_for_somebody_who_may_more_is_not_taken_over(trusting: Server, issuer: Issuer) -> None:
    """Who may manage service accounts and holds less than this one neither deletes its trust nor turns it."""
    above, _ = account(trusting)
    rule(trusting, above, SYSTEM_ADMINISTRATOR, tenant_node(), kind="service-account")
    made = trust(trusting, issuer, above)
    own = service_account(trusting, f"own-{uuid4().hex[:12]}")[0]
    manager = person(
        trusting, f"manager-{uuid4().hex}@example.com", (DEPARTMENT_ADMINISTRATOR, tenant_node())
    )
    assert manager.post(TRUSTS, json=body(issuer, own)).status_code == 201
    turned = manager.put(f"{TRUSTS}/{made['id']}", json=body(issuer, own))
    assert turned.status_code == 403, turned.text
    assert manager.delete(f"{TRUSTS}/{made['id']}").status_code == 403
    assert trusting.admin.get(f"{TRUSTS}/{made['id']}").json()["serviceAccountId"] == above


def test_an_issuer_that_does_not_answer_is_not_waited_for(
    trusting: Server, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 2.7: a time cap on the whole fetch, however slowly the bytes come."""
    monkeypatch.setattr(fetch, "SECONDS", 0.3)
    over = threading.Event()

    def dripping(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    made = trust(trusting, issuer)
    issuer.pages[METADATA] = dripping
    trusting.app.identity.issuers._known.clear()
    try:
        (check,) = [it for it in tried(trusting, made, issuer.token())["checks"] if it["name"] == "signature"]
        assert "did not answer within" in check["message"]
    finally:
        over.set()
        issuer.pages.clear()
        trusting.app.identity.issuers._known.clear()


def test_trying_a_token_looks_at_its_signature_whatever_else_is_wrong(
    trusting: Server, issuer: Issuer
) -> None:
    made = trust(trusting, issuer)
    stranger = SigningKey("k1").sign(issuer.claims(repository="acme/other"))
    assert {"signature", "repository"} <= set(failed(trusting, made, stranger))


def test_trying_a_token_tells_what_else_stands_in_its_way(trusting: Server, issuer: Issuer) -> None:
    account_id, _ = account(trusting)
    made = trust(trusting, issuer, account_id)
    assert failed(trusting, made, issuer.token()) == []
    (path,) = [it["message"] for it in tried(trusting, made, issuer.token(iss="https://x.example"))["checks"]
               if it["name"] == "iss"]  # fmt: skip
    assert "https://x.example" in path
    (lifetime,) = [it["message"] for it in tried(trusting, made, issuer.token(exp="soon"))["checks"]
                   if it["name"] == "exp"]  # fmt: skip
    assert "soon" in lifetime
    bend(trusting, "clients", account_id, enabled=False)
    assert failed(trusting, made, issuer.token()) == ["serviceAccount"]
    bend(trusting, "clients", account_id, enabled=True, expires_at="2020-01-01T00:00:00.000Z")
    assert failed(trusting, made, issuer.token()) == ["serviceAccount"]
    off = trust(trusting, issuer, enabled=False)
    assert failed(trusting, off, issuer.token()) == ["trust"]


def test_a_trust_changed_many_times_still_gives_tokens_that_end_with_each_change(
    trusting: Server, issuer: Issuer
) -> None:
    made = trust(trusting, issuer)
    again = body(issuer, made["serviceAccountId"], name=made["name"])
    tokens: list[str] = []
    for _ in range(3):
        answer = trusting.admin.put(f"{TRUSTS}/{made['id']}", json=again)
        assert answer.status_code == 200, answer.text
        tokens.append(trusted(trusting, made, issuer.token()).json()["access_token"])
        assert [accepted(trusting, it) for it in tokens] == [False] * (len(tokens) - 1) + [True]
