"""What the server alone decides about an object cannot be sent along with it (API3:2023)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from msgspec import inspect

from runplane.server.app import operations_for_inspection
from support.server import Server

# Members that objects show and only the server sets.
POISON: dict[str, Any] = {
    "id": "00000000-0000-7000-8000-00000000dead",
    "uuid": "00000000-0000-7000-8000-00000000dead",
    "tenantId": 4242,
    "clientId": "poisoned-client",
    "createdBy": "poisoned@example.com",
    "updatedBy": "poisoned@example.com",
    "createdAt": "1999-01-01T00:00:00Z",
    "updatedAt": "1999-01-01T00:00:00Z",
    "deletedAt": "1999-01-01T00:00:00Z",
    "lastLogin": "1999-01-01T00:00:00Z",
    "isSystem": True,
    "isDefault": True,
    "custom": False,
    "epoch": 4242,
    "ownerId": "poisoned",
    "roleName": "System administrator",
    "clientSecret": "rpk_poisoned",
    "digest": "poisoned",
}
# operation → members of POISON that say something else there
MEANT = {
    "app_token": {"id"},  # the caller's own credential
    "grant_token": {"clientSecret"},  # the same
    "create_storage_class_configuration": {"tenantId"},  # of the contract; see the test below
}


def members(kind: Any) -> set[str]:
    shape = inspect.type_info(kind) if kind is not None else None
    return {it.encode_name for it in shape.fields} if isinstance(shape, inspect.StructType) else set()


@pytest.mark.clause("authz.mass-assignment")
def test_no_request_declares_what_only_the_server_decides() -> None:
    """Unknown members are not read at all, so what is not declared cannot arrive."""
    found = {it.id: members(it.body) & POISON.keys() for it in operations_for_inspection()}
    assert {name: it for name, it in found.items() if it} == MEANT


CREATED = {
    "/api/v1/service-accounts": lambda: {"name": f"n{uuid4().hex}"},
    "/api/v1/access-keys": lambda: {"name": f"n{uuid4().hex[:12]}"},
    "/api/v1/apps": lambda: {"name": f"n{uuid4().hex}"},
    "/api/v1/users": lambda: {"email": f"n{uuid4().hex}@example.com"},
    "/api/v1/clusters": lambda: {"name": f"n{uuid4().hex[:12]}", "domain": "https://cluster.example"},
    "/api/v2/authorization/roles": lambda: {
        "name": f"n{uuid4().hex}",
        "permissionSets": [{"name": "usersReadAccess"}],
    },
    "/api/v1/authorization/access-rules": lambda: {
        "subjectId": f"n{uuid4().hex}",
        "subjectType": "group",
        "roleId": 3,
        "scopeType": "tenant",
        "scopeId": "1001",
    },
}


@pytest.mark.clause("authz.mass-assignment")
@pytest.mark.parametrize("path", CREATED)
def test_what_a_client_may_not_set_is_not_stored(server: Server, path: str) -> None:
    given = CREATED[path]()
    answer = server.admin.post(path, json={**POISON, **given})
    assert answer.is_success, answer.text
    made = answer.json()
    shown = server.admin.get(path).text
    for name, value in POISON.items():
        assert made.get(name, "absent") != value or name == "custom", name
        assert not isinstance(value, str) or value == "System administrator" or value not in shown, name
