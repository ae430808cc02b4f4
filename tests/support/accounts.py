"""Credentials and people for tests of tokens and of the audit log: made through the API, bent by SQL."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import insert, update

from runplane.server.app import open_kek
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import digest
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.store import insert_signing_key, insert_tenant
from runplane.server.identity.tables import client_secrets, clients, users
from runplane.server.sql.unit import Unit
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

TENANT = 1001
REALM = "/auth/realms/runai"
V1, V2, TOKEN = "/api/v1/token", "/api/v2/token", f"{REALM}/protocol/openid-connect/token"
LOGIN, APP_TOKEN = "/v1/k8s/auth/login", "/v1/k8s/auth/oauth/apptoken"
JSON_ROUTES, FORM_ROUTES = (V1, LOGIN, APP_TOKEN), (V2, TOKEN)
# One wrong secret for every test: distinct ones from one address are what the throttle counts.
WRONG = "rpk_wrong"


@dataclass(frozen=True)
class Machine:
    """A client id and a secret."""

    id: str
    name: str
    client_id: str
    secret: str


def service_account(server: Server, name: str = "") -> Machine:
    """A service account without access rules."""
    name = name or f"sa-{uuid4().hex}"
    answer = server.admin.post("/api/v1/service-accounts", json={"name": name})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Machine(made["id"], name, made["clientId"], made["clientSecret"])


def access_key(client: httpx.Client) -> Machine:
    """An access key of whoever `client` is signed in as."""
    answer = client.post("/api/v1/access-keys", json={"name": f"key-{uuid4().hex[:12]}"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return Machine(made["id"], made["name"], made["clientId"], made["clientSecret"])


def person(server: Server) -> tuple[str, str, str]:
    """Id, e-mail address and own password of a new person without access rules."""
    email = f"p{uuid4().hex}@example.com"
    answer = server.admin.post("/api/v1/users", json={"email": email})
    assert answer.status_code == 201, answer.text
    temporary, password = answer.json()["tempPassword"], f"harbor-{uuid4().hex[:12]}"
    changed = server.client(server.token(email, temporary)).post(
        "/api/v1/me/password", json={"currentPassword": temporary, "newPassword": password}
    )
    assert changed.status_code == 200, changed.text
    return answer.json()["id"], email, password


def sign_in(server: Server, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> dict[str, Any]:
    """The answer of the token call for a person: access, refresh and ID token."""
    answer = httpx.post(
        f"{server.url}/api/v2/token",
        data={"grant_type": "password", "username": email, "password": password, "client_id": "cli"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def good(route: str, machine: Machine) -> dict[str, Any]:
    """Keyword arguments of a request that gives a token at `route`."""
    if route in FORM_ROUTES:
        pair = {"client_id": machine.name, "client_secret": machine.secret}
        return {"data": {"grant_type": "client_credentials", **pair}}
    if route == LOGIN:
        return {"json": {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}}
    if route == APP_TOKEN:
        return {"json": {"id": machine.id, "name": machine.name, "secret": machine.secret}}
    return {"json": {"AppId": machine.name, "AppSecret": machine.secret}}


def payload(token: str) -> dict[str, Any]:
    """The claims, read as the official client does: the standard alphabet, padding added."""
    segment = token.split(".")[1]
    assert "-" not in segment
    assert "_" not in segment
    return json.loads(base64.b64decode(segment + "=="))


def accepted(server: Server, token: str) -> bool:
    """Whether the API takes a token, whatever it is allowed."""
    answer = server.client(token).get("/api/v1/authorization/permissions")
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def bend(server: Server, table: str, row_id: str, **values: Any) -> None:
    """Change a row behind the API's back, as another replica would: caches are told."""
    found = {"users": users, "clients": clients, "client_secrets": client_secrets}[table]
    key = found.c.client_key if table == "client_secrets" else found.c.id

    def job(unit: Unit) -> None:
        assert unit.execute(update(found).where(key == row_id).values(**values)).rowcount == 1
        unit.changed(TENANT)

    server.units.write(job)


def other_tenant(server: Server, tenant_id: int = 2002, name: str = "other") -> None:
    """A second tenant with a realm and a signing key, which the server knows at once."""

    def job(unit: Unit) -> None:
        insert_tenant(unit, tenant_id, name)
        key = SigningKey.generate(unit.now)
        insert_signing_key(
            unit,
            {
                "kid": key.kid,
                "tenant_id": tenant_id,
                "algorithm": key.algorithm,
                "sealed": key.seal(open_kek(server.app.settings), name),
                "created_at": unit.now,
                "active_from": unit.now,
            },
        )

    server.units.write(job)
    server.units.read(server.app.identity.realms.load)


def insert_client(server: Server, values: dict[str, Any], secret: str) -> None:
    """A machine credential by SQL, for tenants that no caller of the API is in."""
    kept = {"id": new_id(), "client_key": values["id"], "digest": digest(secret), "hint": ""}

    def job(unit: Unit) -> None:
        unit.execute(insert(clients), values)
        unit.execute(insert(client_secrets), {**kept, "created_at": unit.now})

    server.units.write(job)
