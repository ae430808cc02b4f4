"""Every kind of revocation: something that works, what ends it, and the refusal that has to follow."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any
from uuid import uuid4

import httpx

from runplane.protocol.agent import HEARTBEAT_PATH
from runplane.server.authz.permission_sets import PERMISSION_SETS
from support.issuer import SigningKey
from support.processes import NEW_PASSWORD, ServerProcess, new_rule, new_user

USERS = "/api/v1/users"
ACCOUNTS = "/api/v1/service-accounts"
RULES = "/api/v1/authorization/access-rules"
ROLES = "/api/v2/authorization/roles"
KEYS = "/api/v1/access-keys"
CLUSTERS = "/api/v1/clusters"
TRUSTS = "/api/v1/trusts"
REVOKE = "/auth/realms/runai/protocol/openid-connect/revoke"
PERSONS_CLIENT = "runai"


@dataclass(frozen=True)
class Case:
    """Something that works, what ends it, and the status of the refusal."""

    ask: Callable[[ServerProcess], int]
    revoke: Callable[[], httpx.Response]
    refusal: int


def ask_with(token: str) -> Callable[[ServerProcess], int]:
    """Asks a server for what Editors may read, over one connection per server."""
    clients: dict[str, httpx.Client] = {}

    def ask(server: ServerProcess) -> int:
        client = clients.get(server.url)
        if client is None:
            client = clients[server.url] = server.client(token)
        return client.get(USERS, params={"limit": 1}).status_code

    return ask


def ask_for_token(body: dict[str, str]) -> Callable[[ServerProcess], int]:
    """Asks a server for a token, from an address of its own: wrong secrets of many kinds pause an address."""
    source = {"x-forwarded-for": str(IPv4Address(0x0A000000 + random.getrandbits(24)))}
    return lambda server: server.client().post("/api/v1/token", json=body, headers=source).status_code


def account(a: ServerProcess) -> dict[str, Any]:
    """A service account that is an Editor; its rule's id under `rule`."""
    answer = a.admin.post(ACCOUNTS, json={"name": f"r{uuid4().hex}"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return {**made, "rule": new_rule(a, made["clientId"], "service-account")}


def account_token(a: ServerProcess, made: dict[str, Any]) -> str:
    return a.client_token(made["clientId"], made["clientSecret"])


def secret_of(made: dict[str, Any]) -> dict[str, str]:
    client = {"clientId": made["clientId"], "clientSecret": made["clientSecret"]}
    return {"grantType": "client_credentials", **client}


def user(a: ServerProcess) -> dict[str, Any]:
    """A user who is an Editor, signed in; tokens under `tokens`."""
    email = f"r{uuid4().hex}@example.com"
    made: dict[str, Any] = dict(new_user(a, email))
    return {**made, "rule": new_rule(a, email, "user"), "tokens": a.sign_in(email, NEW_PASSWORD)}


def key_of(a: ServerProcess, person: dict[str, Any]) -> dict[str, Any]:
    """An access key of a user."""
    answer = a.client(person["tokens"]["accessToken"]).post(KEYS, json={"name": f"r{uuid4().hex}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def deleted_account(a: ServerProcess) -> Case:
    made = account(a)
    return Case(
        ask_with(account_token(a, made)), lambda: a.admin.delete(f"{ACCOUNTS}/{made['id']}"), refusal=401
    )


def disabled_account(a: ServerProcess) -> Case:
    made = account(a)
    return Case(
        ask_with(account_token(a, made)),
        lambda: a.admin.patch(f"{ACCOUNTS}/{made['id']}", json={"enabled": False}),
        refusal=401,
    )


def secret_of_deleted_account(a: ServerProcess) -> Case:
    made = account(a)
    return Case(
        ask_for_token(secret_of(made)), lambda: a.admin.delete(f"{ACCOUNTS}/{made['id']}"), refusal=400
    )


def replaced_secret(a: ServerProcess) -> Case:
    made = account(a)
    return Case(
        ask_for_token(secret_of(made)), lambda: a.admin.post(f"{ACCOUNTS}/{made['id']}/secret"), refusal=400
    )


def removed_rule_of_account(a: ServerProcess) -> Case:
    made = account(a)
    return Case(
        ask_with(account_token(a, made)), lambda: a.admin.delete(f"{RULES}/{made['rule']}"), refusal=403
    )


def removed_rule_of_user(a: ServerProcess) -> Case:
    made = user(a)
    return Case(
        ask_with(made["tokens"]["accessToken"]),
        lambda: a.admin.delete(f"{RULES}/{made['rule']}"),
        refusal=403,
    )


def deleted_user(a: ServerProcess) -> Case:
    made = user(a)
    return Case(
        ask_with(made["tokens"]["accessToken"]),
        lambda: a.admin.delete(f"{USERS}/{made['id']}"),
        refusal=401,
    )


def access_key_of_deleted_user(a: ServerProcess) -> Case:
    made = user(a)
    key = key_of(a, made)
    return Case(ask_with(account_token(a, key)), lambda: a.admin.delete(f"{USERS}/{made['id']}"), refusal=401)


def deleted_access_key(a: ServerProcess) -> Case:
    key = key_of(a, user(a))
    return Case(
        ask_with(account_token(a, key)),
        lambda: a.admin.delete(f"/api/v1/administration/access-keys/{key['id']}"),
        refusal=401,
    )


def logged_out_user(a: ServerProcess) -> Case:
    made = user(a)
    return Case(
        ask_with(made["tokens"]["accessToken"]),
        lambda: a.admin.post(f"{USERS}/{made['id']}/logout"),
        refusal=401,
    )


def reset_password(a: ServerProcess) -> Case:
    made = user(a)
    return Case(
        ask_with(made["tokens"]["accessToken"]),
        lambda: a.admin.post(f"{USERS}/{made['id']}/password"),
        refusal=401,
    )


def own_logout(a: ServerProcess) -> Case:
    token = user(a)["tokens"]["accessToken"]
    return Case(ask_with(token), lambda: a.client(token).post("/api/v1/logout"), refusal=401)


def revoked_access_token(a: ServerProcess) -> Case:
    made = account(a)
    token = account_token(a, made)
    form = {"token": token, "client_id": made["clientId"], "client_secret": made["clientSecret"]}
    return Case(ask_with(token), lambda: a.client().post(REVOKE, data=form), refusal=401)


def revoked_refresh_token(a: ServerProcess) -> Case:
    tokens = user(a)["tokens"]
    form = {"token": tokens["refreshToken"], "client_id": PERSONS_CLIENT}
    return Case(ask_with(tokens["accessToken"]), lambda: a.client().post(REVOKE, data=form), refusal=401)


def deleted_access_key_by_its_owner(a: ServerProcess) -> Case:
    person = user(a)
    key = key_of(a, person)
    owner = a.client(person["tokens"]["accessToken"])
    return Case(ask_with(account_token(a, key)), lambda: owner.delete(f"{KEYS}/{key['id']}"), refusal=401)


def replaced_secret_of_access_key(a: ServerProcess) -> Case:
    person = user(a)
    key = key_of(a, person)
    owner = a.client(person["tokens"]["accessToken"])
    return Case(ask_for_token(secret_of(key)), lambda: owner.post(f"{KEYS}/{key['id']}/secret"), refusal=400)


def role_with_less(a: ServerProcess) -> Case:
    """A role loses the permission that the question takes."""
    role = {"name": f"r{uuid4().hex}", "permissionSets": [permission_set("usersReadAccess")]}
    answer = a.admin.post(ROLES, json=role)
    assert answer.status_code == 201, answer.text
    made = answer.json()["id"]
    person = a.admin.post(ACCOUNTS, json={"name": f"r{uuid4().hex}"}).json()
    new_rule(a, person["clientId"], "service-account", made)
    less = {**role, "permissionSets": [permission_set("clustersReadAccess")]}
    return Case(
        ask_with(account_token(a, person)), lambda: a.admin.put(f"{ROLES}/{made}", json=less), refusal=403
    )


def permission_set(name: str) -> dict[str, str]:
    (found,) = [it for it in PERMISSION_SETS if it.name == name]
    return {"id": found.id, "name": name}


def deleted_trust(a: ServerProcess) -> Case:
    """A token that was got for one of another issuer ends with the trust in that issuer."""
    key, person = SigningKey("k1"), account(a)
    claims = {"iss": "https://ci.example.org", "aud": "runplane", "sub": "job", "repository": "acme/train"}
    trust = {
        "name": f"r{uuid4().hex}",
        "serviceAccountId": person["id"],
        "issuer": claims["iss"],
        "audience": claims["aud"],
        "jwks": {"keys": [key.jwk()]},
        "conditions": [{"claim": "repository", "operator": "equals", "values": ["acme/train"]}],
    }
    answer = a.admin.post(TRUSTS, json=trust)
    assert answer.status_code == 201, answer.text
    now = int(time.time())
    token = key.sign({**claims, "iat": now, "exp": now + 300, "jti": uuid4().hex})
    body = {"grantType": "external_token_exchange", "externalToken": token, "clientId": person["clientId"]}
    made = a.client().post("/api/v1/token", json=body)
    assert made.status_code == 200, made.text
    return Case(
        ask_with(made.json()["accessToken"]),
        lambda: a.admin.delete(f"{TRUSTS}/{answer.json()['id']}"),
        refusal=401,
    )


def deleted_cluster(a: ServerProcess) -> Case:
    """The agent of a cluster that is gone."""
    answer = a.admin.post(CLUSTERS, json={"name": f"r{uuid4().hex[:20]}"})
    assert answer.status_code == 201, answer.text
    made = answer.json()["uuid"]
    told = a.admin.get(f"{CLUSTERS}/{made}/cluster-install-info", params={"version": "2.24"}).json()
    token = a.client_token(made, told["clientSecret"])

    def ask(server: ServerProcess) -> int:
        return server.client(token).post(HEARTBEAT_PATH, json={}).status_code

    return Case(ask, lambda: a.admin.delete(f"{CLUSTERS}/{made}", params={"force": "true"}), refusal=401)


CASES = (
    deleted_account,
    disabled_account,
    secret_of_deleted_account,
    replaced_secret,
    removed_rule_of_account,
    removed_rule_of_user,
    deleted_user,
    access_key_of_deleted_user,
    deleted_access_key,
    logged_out_user,
    reset_password,
    own_logout,
    revoked_access_token,
    revoked_refresh_token,
    deleted_access_key_by_its_owner,
    replaced_secret_of_access_key,
    role_with_less,
    deleted_trust,
    deleted_cluster,
)
