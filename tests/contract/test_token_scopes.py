"""Down-scoped tokens: a token may do less than its subject, in every dialect, and never more."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from runplane.server.authz import tree
from runplane.server.core.scope import ScopeType
from runplane.server.sql.unit import Unit
from support import access
from support.access import EDITOR, PASSWORD, SYSTEM_ADMINISTRATOR, VIEWER, Organization, tenant_node
from support.accounts import (
    FORM_ROUTES,
    LOGIN,
    REALM,
    TENANT,
    TOKEN,
    V1,
    V2,
    Machine,
    accepted,
    access_key,
    payload,
    service_account,
)
from support.clusters import make_cluster, secret_of
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

INTROSPECT = f"{TOKEN}/introspect"
KEYS = "/api/v1/access-keys"


@pytest.fixture(scope="module")
def machine(server: Server) -> Machine:
    """A service account that holds everything."""
    made = service_account(server)
    access.rule(server, made.id, SYSTEM_ADMINISTRATOR, tenant_node(), kind="service-account")
    return made


@pytest.fixture(scope="module")
def places(server: Server) -> Organization:
    return access.organization(server)


def ask(server: Server, route: str, who: Machine | str, **more: Any) -> httpx.Response:
    """A token call for a machine or, by e-mail address, a person."""
    if isinstance(who, Machine):
        form = {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.secret}
    else:
        password = ADMIN_PASSWORD if who == ADMIN_EMAIL else PASSWORD
        form = {"grant_type": "password", "username": who, "password": password}
    if route in FORM_ROUTES:
        return httpx.post(server.url + route, data={**form, **more})
    return httpx.post(server.url + route, json={**form, **more})


def given(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found.get("access_token") or found["accessToken"]


def scoped(server: Server, who: Machine | str, scope: str) -> httpx.Client:
    """A client with a token of that scope."""
    return server.client(given(ask(server, V2, who, scope=scope)))


@pytest.mark.parametrize("route", [V1, *FORM_ROUTES])
def test_every_dialect_gives_scoped_tokens(server: Server, machine: Machine, route: str) -> None:
    key = access_key(server.admin)
    for who in (machine, key, ADMIN_EMAIL):
        answer = ask(server, route, who, scope="workloads:read openid  cluster:read workloads:read")
        claims = payload(given(answer))
        assert answer.json()["scope"] == claims["scope"] == "cluster:read workloads:read"
        client = server.client(given(answer))
        assert client.get("/api/v1/clusters").status_code == 200
        assert client.get("/api/v1/users").status_code == 403


@pytest.mark.parametrize("who", ["machine", "person"])
def test_a_scoped_token_is_nothing_to_a_cluster(server: Server, machine: Machine, who: str) -> None:
    """API servers of Kubernetes verify tokens by themselves, and know nothing of scopes."""
    subject = machine if who == "machine" else ADMIN_EMAIL
    answer = ask(server, V2, subject, scope="openid cluster:read")
    assert "id_token" not in answer.json()
    keys = jwt.PyJWKClient(f"{server.url}{REALM}/protocol/openid-connect/certs")
    token = given(answer)
    public = keys.get_signing_key_from_jwt(token).key
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, public, ["ES256"], audience="runai")
    whole = given(ask(server, V2, subject, scope="openid"))
    assert jwt.decode(whole, public, ["ES256"], audience="runai")["sub"] == payload(token)["sub"]


def test_the_words_of_openid_connect_confine_nothing(server: Server) -> None:
    words = "openid email profile offline_access groups"
    answer = ask(server, V2, ADMIN_EMAIL, scope=words)
    assert "id_token" in answer.json()
    assert "scope" not in payload(given(answer))
    assert server.client(given(answer)).get("/api/v1/users").status_code == 200


ASKED = [
    ("project:{inner}", {"project:read": {"inner"}, "users:read": {"inner"}}),
    ("department:{ours} project:read", {"project:read": {"ours", "inner", "other"}, "users:read": set()}),
    ("cluster:{cluster} *:read", {"users:read": {"cluster", "ours", "inner"}, "project:delete": set()}),
    ("project:*", {"project:delete": {"tenant", "far"}, "users:read": set()}),
    ("project:{inner} project:{far}", {"project:read": {"inner", "far"}, "users:read": {"inner", "far"}}),
    ("tenant:1001", {"users:read": {"tenant"}}),
]


@pytest.mark.parametrize(("scope", "expected"), ASKED)
def test_a_token_holds_what_the_scope_leaves_of_its_subject(
    server: Server, machine: Machine, places: Organization, scope: str, expected: dict[str, set[str]]
) -> None:
    nodes = {
        "tenant": tenant_node(),
        **{it: getattr(places, it) for it in ("cluster", "ours", "inner", "other", "far")},
    }
    text = scope.format(**{name: node.ref for name, node in nodes.items()})
    client = scoped(server, machine, text)
    for permission, holders in expected.items():
        for name, node in nodes.items():
            resource, _, action = permission.partition(":")
            question = {"action": action, "resourceType": resource}
            at = {"scopeType": node.type, "scopeId": node.ref}
            answer = client.post("/api/v1/authorization/explain", json={**question, **at})
            # what the token sees nothing of does not exist for it
            allowed = answer.status_code == 200 and answer.json()["allowed"]
            below = {
                "tenant": set(nodes),
                "cluster": {"ours", "inner", "other", "far"},
                "ours": {"inner", "other"},
            }
            reach = holders | {it for holder in holders for it in below.get(holder, set())}
            assert allowed is (name in reach), (permission, name, answer.text)


def test_a_scope_gives_nothing_its_subject_lacks(server: Server, places: Organization) -> None:
    email = f"v{uuid4().hex}@example.com"
    access.person(server, email, (VIEWER, places.inner))
    client = scoped(server, email, "project:delete users:create project:read")
    held = client.get("/api/v1/authorization/permissions").json()
    assert json.dumps(held).count("resourceType") == 1, held
    assert client.delete(f"/api/v1/org-unit/projects/{places.inner.ref}").status_code == 403


def test_a_refusal_says_that_the_scope_is_the_reason(server: Server) -> None:
    machine = service_account(server)
    access.rule(server, machine.id, SYSTEM_ADMINISTRATOR, tenant_node(), kind="service-account")
    client = scoped(server, machine, "cluster:read")
    answer = client.get("/api/v1/users")
    assert answer.status_code == 403
    assert "confined to the scope cluster:read" in answer.json()["message"]
    decision = answer.json()["decision"]["id"]
    server.flush()
    told = client.get(f"/api/v1/authorization/decisions/{decision}").json()
    assert (told["allowed"], told["subject"]) == (False, machine.name)
    assert told["subjectType"] == "service-account"
    assert "confined to the scope cluster:read" in told["message"]
    rows = server.audit(subject=machine.name, http_status_code=403, url="/api/v1/users")
    assert {json.loads(it["metadata"])["tokenScope"] for it in rows} == {"cluster:read"}


def test_the_audit_log_shows_the_scope_of_sign_ins_and_changes(server: Server) -> None:
    who = service_account(server)
    access.rule(server, who.id, SYSTEM_ADMINISTRATOR, tenant_node(), kind="service-account")
    client = scoped(server, who, "service-account:create")
    ask(server, V2, who)
    made = client.post("/api/v1/service-accounts", json={"name": f"sa-{uuid4().hex}"})
    assert made.status_code == 201, made.text
    sign_ins = [json.loads(it["metadata"] or "{}") for it in server.audit(entity_id=who.id, action="sign-in")]
    assert sorted(it.get("tokenScope", "") for it in sign_ins) == ["", "service-account:create"]
    (row,) = server.audit(entity_id=made.json()["id"])
    assert json.loads(row["metadata"])["tokenScope"] == "service-account:create"


BAD = ["magic", "workloads", "project:x", "workloads:fly", "*:*", "project:424242424", "department:7777777"]


@pytest.mark.parametrize("scope", BAD)
@pytest.mark.parametrize("route", [V1, *FORM_ROUTES])
def test_a_bad_scope_is_told(server: Server, machine: Machine, route: str, scope: str) -> None:
    """RFC 6749 section 5.2: invalid_scope, as a 400."""
    for who in (machine, ADMIN_EMAIL):
        answer = ask(server, route, who, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_place_one_cannot_see_looks_like_none(server: Server, places: Organization) -> None:
    email = f"v{uuid4().hex}@example.com"
    access.person(server, email, (VIEWER, places.inner))
    sentences = [
        ask(server, V2, email, scope=f"project:{number}").json()["error_description"].replace(number, "N")
        for number in (places.far.ref, "424242424")
    ]
    assert sentences[0] == sentences[1]
    assert ask(server, V2, email, scope=f"cluster:{places.cluster.ref}").status_code == 200


@pytest.mark.parametrize("path", [KEYS, "/api/v1/me/password", "/api/v1/user-applications"])
def test_a_scoped_token_makes_no_credential_of_its_subject(
    server: Server, machine: Machine, path: str
) -> None:
    """What asks for no permission cannot be cut down to one: an access key would have no scope at all."""
    key = access_key(server.admin)
    for who in (ADMIN_EMAIL, key):
        client = scoped(server, who, "access-keys:create access-keys:read")
        bodies = {
            "name": f"key-{uuid4().hex[:12]}",
            "currentPassword": ADMIN_PASSWORD,
            "newPassword": "x" * 20,
        }
        answer = client.post(path, json=bodies)
        assert answer.status_code == 403, answer.text
        assert "scope" in answer.json()["message"]


@pytest.mark.clause("authz.no-outranking")
def test_a_scoped_token_gains_nothing_by_managing_others(server: Server, machine: Machine) -> None:
    """ADR 13 holds for what the token may do, not for what its subject may."""
    client = scoped(
        server, machine, "service-account:update service-account:read access_rules:create users:read"
    )
    strong = service_account(server)
    access.rule(server, strong.id, EDITOR, tenant_node(), kind="service-account")
    assert client.post(f"/api/v1/service-accounts/{strong.id}/secret").status_code == 403
    rule = access.body(strong.id, SYSTEM_ADMINISTRATOR, tenant_node(), "service-account")
    assert client.post(access.RULES, json=rule).status_code == 403
    weak = service_account(server)
    assert client.post(f"/api/v1/service-accounts/{weak.id}/secret").status_code == 200


def refresh(server: Server, token: str, **more: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    return httpx.post(server.url + V2, data=form)


@pytest.mark.clause("refresh.scope-shrinks")
def test_refreshing_keeps_the_scope_and_may_shrink_it(server: Server, places: Organization) -> None:
    """RFC 6749 section 6."""
    first = ask(server, V2, ADMIN_EMAIL, scope=f"department:{places.ours.ref} project:* cluster:read").json()
    kept = f"department:{places.ours.ref} cluster:read project:*"
    again = refresh(server, first["refresh_token"]).json()
    assert payload(again["access_token"])["scope"] == again["scope"] == kept
    assert "id_token" not in again
    inner = f"project:{places.inner.ref}"
    smaller = refresh(server, again["refresh_token"], scope=f"{inner} project:read")
    assert payload(given(smaller))["scope"] == f"{inner} project:read"
    # what is left open is taken from the session, and the session keeps its own scope
    partly = refresh(server, smaller.json()["refresh_token"], scope="project:read")
    assert payload(given(partly))["scope"] == f"department:{places.ours.ref} project:read"
    back = refresh(server, partly.json()["refresh_token"])
    assert payload(given(back))["scope"] == kept


@pytest.mark.clause("refresh.scope-shrinks")
def test_refreshing_never_widens(server: Server, places: Organization) -> None:
    first = ask(server, V2, ADMIN_EMAIL, scope=f"department:{places.ours.ref} project:read").json()
    for wider in (
        "project:update", "*:read", "project:*", f"cluster:{places.cluster.ref}",
        f"department:{places.theirs.ref}", f"project:{places.far.ref} project:read", "tenant:1001",
    ):  # fmt: skip
        answer = refresh(server, first["refresh_token"], scope=wider)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope"), wider
    # none of these spent the token, and asking for what there is asks for nothing wider
    again = refresh(server, first["refresh_token"], scope=f"department:{places.ours.ref} project:read")
    assert (again.status_code, again.json().get("scope")) == (200, first["scope"])
    whole = ask(server, V2, ADMIN_EMAIL).json()
    assert "scope" in refresh(server, whole["refresh_token"], scope="project:read").json()


def test_a_place_is_followed_when_it_moves_and_lost_when_it_goes(server: Server, machine: Machine) -> None:
    made = access.organization(server)
    token = given(ask(server, V2, machine, scope=f"project:{made.inner.ref}"))
    client = server.client(token)

    def sees(node: tree.Node) -> bool:
        question = {
            "action": "read",
            "resourceType": "workloads",
            "scopeType": node.type,
            "scopeId": node.ref,
        }
        answer = client.post("/api/v1/authorization/explain", json=question)
        return answer.status_code == 200 and answer.json()["allowed"]

    assert sees(made.inner)
    assert not sees(made.other)

    def move(unit: Unit) -> None:
        tree.move(unit, TENANT, ScopeType.PROJECT, made.inner.ref, made.theirs.path)

    server.units.write(move)
    assert sees(made.inner)
    assert not sees(made.far)

    def remove(unit: Unit) -> None:
        tree.remove(unit, TENANT, ScopeType.PROJECT, made.inner.ref, "test")

    server.units.write(remove)
    assert not sees(made.inner)
    assert client.get("/api/v1/users").status_code == 403
    assert client.get("/api/v1/authorization/permissions").json() == []


@pytest.mark.parametrize("name", ["ttl", "expires_in"])
@pytest.mark.parametrize("route", [V1, *FORM_ROUTES])
def test_a_lifetime_only_shortens(server: Server, machine: Machine, route: str, name: str) -> None:
    for who in (machine, ADMIN_EMAIL):
        short = payload(given(ask(server, route, who, **{name: 90 if route == V1 else "90"})))
        assert short["exp"] - short["iat"] == 90
        long = payload(given(ask(server, route, who, **{name: "999999"})))
        assert long["exp"] - long["iat"] == 3600


@pytest.mark.parametrize("ttl", ["0", "-1", "1.5", "soon", "٣", "9" * 30])
def test_a_lifetime_is_a_whole_number_of_seconds(server: Server, machine: Machine, ttl: str) -> None:
    for route in (V1, V2):
        answer = ask(server, route, machine, ttl=ttl)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert ask(server, V2, machine, ttl="60", expires_in="61").status_code == 400


def test_introspection_shows_the_scope(server: Server, machine: Machine) -> None:
    """RFC 7662 section 2.2."""
    token = given(ask(server, V2, machine, scope="cluster:read"))
    asker = {"client_id": machine.client_id, "client_secret": machine.secret}
    found = httpx.post(server.url + INTROSPECT, data={"token": token, **asker}).json()
    assert (found["active"], found["scope"]) == (True, "cluster:read")
    refresh_token = ask(server, V2, ADMIN_EMAIL, scope="*:read").json()["refresh_token"]
    found = httpx.post(server.url + INTROSPECT, data={"token": refresh_token, **asker}).json()
    assert (found["active"], found["scope"]) == (True, "*:read")


def test_the_agent_of_a_cluster_takes_no_scope(server: Server) -> None:
    made = make_cluster(server, f"c-{uuid4().hex[:8]}")
    client_id, secret = made["uuid"], secret_of(server, made["uuid"])
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = httpx.post(server.url + V2, data={**form, "scope": "cluster:read"})
    assert answer.json()["error"] == "invalid_scope"
    assert httpx.post(server.url + V2, data=form).status_code == 200


def test_a_temporary_password_still_only_changes_the_password(server: Server) -> None:
    email = f"t{uuid4().hex}@example.com"
    password = server.admin.post("/api/v1/users", json={"email": email}).json()["tempPassword"]
    form = {"grant_type": "password", "username": email, "password": password, "scope": "*:read", "ttl": "60"}
    answer = httpx.post(server.url + V2, data=form)
    claims = payload(given(answer))
    assert (claims["scope"], claims["exp"] - claims["iat"]) == ("password-change", 60)
    assert server.client(given(answer)).get("/api/v1/users").status_code == 403


def test_the_oldest_login_takes_a_scope_too(server: Server) -> None:
    members = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "scope": "cluster:read", "ttl": 120}
    answer = httpx.post(server.url + LOGIN, json=members)
    assert payload(given(answer))["scope"] == "cluster:read"
    assert answer.json()["expires_in"] == 120


def test_a_person_signs_out_with_a_scoped_token(server: Server) -> None:
    token = given(ask(server, V2, ADMIN_EMAIL, scope="cluster:read"))
    assert server.client(token).post("/api/v1/logout").status_code == 200
    assert not accepted(server, token)


def test_a_scope_that_another_release_knew_gives_nothing(server: Server, machine: Machine) -> None:
    real = server.client_token(machine.client_id, machine.secret)
    minter = server.app.identity.realms.only().minter
    token = minter.mint({**payload(real), "scope": "rockets:launch"})
    answer = server.client(token).get("/api/v1/org-unit/projects")
    assert answer.status_code == 401
    assert "ask for a new token" in answer.json()["message"]
    same = minter.mint({**payload(real), "scope": payload(real).get("scope", "")})
    assert server.client(same).get("/api/v1/org-unit/projects").status_code == 200
