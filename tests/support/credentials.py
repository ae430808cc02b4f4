"""The four credential families as tests see them, and people and rows that no request can set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import insert, select

from runplane.server.authz.catalogue import by_name
from runplane.server.authz.store import insert_access_rule
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import digest, new_secret
from runplane.server.identity.store import insert_user
from runplane.server.identity.tables import client_secrets, clients
from runplane.server.sql.schema import tenants
from support.server import Server

TENANT = 1001
OTHER_TENANT = 2002
PASSWORD = "copper-lantern-eight-maps"

_OWNED_BY_TENANT = {
    "id", "name", "clientId", "enabled", "createdBy", "createdAt", "updatedAt", "lastLogin", "tenantId",
}  # fmt: skip
_OWNED_BY_USER = {"id", "name", "clientId", "createdAt", "lastLogin"}


@dataclass(frozen=True)
class Face:
    """One family: `made` and `renewed` are the members that carry a secret."""

    segment: str
    made: str
    renewed: str
    personal: bool
    wrapped: bool
    permission: str = ""

    @property
    def path(self) -> str:
        return f"/api/v1/{self.segment}"

    @property
    def item_keys(self) -> set[str]:
        return _OWNED_BY_USER if self.personal else _OWNED_BY_TENANT

    @property
    def created_keys(self) -> set[str]:
        return {"id", "name", "clientId", self.made} | ({"createdAt"} if self.personal else set())

    @property
    def entity(self) -> str:
        return "access-key" if self.personal else "service-account"

    def items(self, answer: httpx.Response) -> list[dict[str, Any]]:
        """What a list holds, out of the exact envelope of this family."""
        assert answer.status_code == 200, answer.text
        body = answer.json()
        if self.wrapped:
            assert list(body) == ["accessKeys"]
            return body["accessKeys"]
        assert isinstance(body, list)
        return body

    def create(self, client: httpx.Client, **body: Any) -> dict[str, Any]:
        """A new object; its secret also under the key `_secret`."""
        answer = client.post(self.path, json={"name": name(), **body})
        assert answer.status_code == 201, answer.text
        return {**answer.json(), "_secret": answer.json()[self.made]}

    def renew(self, client: httpx.Client, key: str, **query: str) -> str:
        """A new secret for an object."""
        answer = client.post(f"{self.path}/{key}/secret", params=query)
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == [self.renewed]
        return answer.json()[self.renewed]

    def get(self, client: httpx.Client, key: str) -> dict[str, Any]:
        answer = client.get(f"{self.path}/{key}")
        assert answer.status_code == 200, answer.text
        return answer.json()


SERVICE_ACCOUNTS = Face("service-accounts", "clientSecret", "clientSecret", False, False, "service-account")
APPS = Face("apps", "secret", "secret", False, False, "apps")
ACCESS_KEYS = Face("access-keys", "clientSecret", "clientSecret", True, True)
USER_APPLICATIONS = Face("user-applications", "secret", "clientSecret", True, False)
FACES = (SERVICE_ACCOUNTS, APPS, ACCESS_KEYS, USER_APPLICATIONS)
TENANTS_OWN = (SERVICE_ACCOUNTS, APPS)
PERSONAL = (ACCESS_KEYS, USER_APPLICATIONS)
TWINS = {
    SERVICE_ACCOUNTS: APPS,
    APPS: SERVICE_ACCOUNTS,
    ACCESS_KEYS: USER_APPLICATIONS,
    USER_APPLICATIONS: ACCESS_KEYS,
}


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    id: str
    email: str
    client: httpx.Client


def name() -> str:
    """A name of its own for each object, so that tests share a server in any order."""
    return f"n{uuid4().hex}"


def person(server: Server, role: str | None = None, path: str = f"/{TENANT}/") -> Person:
    """A new local user who holds `role` at `path`, signed in."""
    user_id = new_id()
    email = f"P{uuid4().hex}@example.com"
    password_hash = server.app.identity.hasher.hash(PASSWORD)

    def job(unit: Any) -> None:
        values = _user_values(unit, user_id, email, TENANT)
        insert_user(unit, {**values, "password_hash": password_hash})

    server.units.write(job)
    if role is not None:
        grant(server, "user", email.lower(), role, path)
    return Person(user_id, email, server.client(server.token(email, PASSWORD)))


def grant(server: Server, kind: str, key: str, role: str, path: str = f"/{TENANT}/") -> int:
    """An access rule for a subject as authorization stores it; returns its id."""
    found = by_name(role)
    assert found is not None

    def job(unit: Any) -> int:
        return insert_access_rule(
            unit,
            {
                "tenant_id": TENANT,
                "subject_id": key,
                "subject_type": kind,
                "subject_kind": kind,
                "subject_key": key,
                "role_id": found.id,
                "role_name": role,
                "scope_type": "tenant",
                "scope_id": str(TENANT),
                "scope_name": "runai",
                "scope_path": path,
                "created_at": unit.now,
                "updated_at": unit.now,
                "created_by": "test",
            },
        )

    return server.units.write(job)


def foreign(server: Server, face: Face) -> tuple[str, str]:
    """An object of another tenant; returns its id and client id."""
    key, client_id, user_id = new_id(), new_id(), new_id()

    def job(unit: Any) -> None:
        if unit.execute(select(tenants.c.id).where(tenants.c.id == OTHER_TENANT)).first() is None:
            row = {"id": OTHER_TENANT, "name": "elsewhere", "created_at": unit.now, "version": 1}
            unit.execute(insert(tenants), row)
        insert_user(unit, _user_values(unit, user_id, f"{user_id}@elsewhere.com", OTHER_TENANT))
        values = {
            "id": key,
            "tenant_id": OTHER_TENANT,
            "kind": face.entity,
            "name": name(),
            "client_id": client_id,
            "owner_id": user_id if face.personal else "",
            "enabled": True,
            "created_by": f"{user_id}@elsewhere.com",
            "created_at": unit.now,
            "updated_at": unit.now,
        }
        unit.execute(insert(clients), values)
        secret = {"id": new_id(), "client_key": key, "digest": digest(new_secret()), "hint": "abcd"}
        unit.execute(insert(client_secrets), {**secret, "created_at": unit.now})

    server.units.write(job)
    return key, client_id


def stored(server: Server, table: Any, **conditions: Any) -> list[dict[str, Any]]:
    """Rows of a table that have these values."""
    wanted = [table.c[column] == value for column, value in conditions.items()]
    query = select(table).where(*wanted)
    return server.units.read(lambda unit: [dict(row._mapping) for row in unit.execute(query)])


def opens(server: Server, client_id: str, secret: str) -> bool:
    """Whether a client id and secret get a token; a refusal must be the one for wrong credentials."""
    body = {"grantType": "client_credentials", "clientId": client_id, "clientSecret": secret}
    answer = httpx.post(f"{server.url}/api/v1/token", json=body)
    if answer.status_code == 200:
        return True
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_client", answer.text
    return False


def acts(server: Server, made: dict[str, Any]) -> httpx.Client:
    """A client that acts with a new token of a credential."""
    return server.client(server.client_token(made["clientId"], made["_secret"]))


def _user_values(unit: Any, user_id: str, email: str, tenant_id: int) -> dict[str, Any]:
    return {
        "id": user_id,
        "tenant_id": tenant_id,
        "email": email,
        "email_key": email.lower(),
        "is_local": True,
        "enabled": True,
        "created_by": "test",
        "created_at": unit.now,
        "updated_at": unit.now,
    }
