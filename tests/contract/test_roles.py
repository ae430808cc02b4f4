"""Roles, version 1: predefined and custom ones in a bare array."""

from __future__ import annotations

import pytest

from runplane.server.authz.catalogue import ROLES as CATALOGUE
from support.access import DEPARTMENT_ADMINISTRATOR, L1, VIEWER, organization, person
from support.server import Server

ROLES = "/api/v1/authorization/roles"
KEYS = {
    "id", "name", "description", "custom", "enabled", "effectiveEnabled", "permissions",
    "kubernetesPermissions", "createdBy", "createdAt", "updatedAt", "deletedAt",
}  # fmt: skip


def test_predefined_roles_are_listed_in_full(any_server: Server) -> None:
    answer = any_server.admin.get(ROLES)
    assert answer.status_code == 200
    roles = answer.json()
    assert [(it["id"], it["name"]) for it in roles] == [(it.id, it.name) for it in CATALOGUE]
    for role in roles:
        assert set(role) == KEYS
        assert (role["custom"], role["enabled"], role["effectiveEnabled"]) == (False, True, True)
        assert role["kubernetesPermissions"] == {"predefinedRole": str(role["id"])}
    administrator = {it["resourceType"]: it for it in roles[0]["permissions"]}
    assert administrator["access_rules"] == {
        "resourceType": "access_rules",
        "displayName": "Access rules",
        "groupId": "iam",
        "actions": ["create", "read", "update", "delete"],
    }
    assert administrator["nodes"]["actions"] == ["read"]


def test_one_role(any_server: Server) -> None:
    listed = any_server.admin.get(ROLES).json()
    for role in (listed[0], listed[-1]):
        assert any_server.admin.get(f"{ROLES}/{role['id']}").json() == role


@pytest.mark.parametrize("role_id", ["2", "999", "viewer", "-1", "2147483648", "1e3"])
def test_ids_of_no_role(server: Server, role_id: str) -> None:
    answer = server.admin.get(f"{ROLES}/{role_id}")
    assert answer.status_code == 404
    assert answer.json()["message"] == f"There is no role '{role_id}'."


def test_roles_are_for_those_who_may_read_them(server: Server) -> None:
    org = organization(server)
    chief = person(server, "roles-chief@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    assert len(chief.get(ROLES).json()) >= len(CATALOGUE)
    for role in (L1, VIEWER):
        other = person(server, f"roles-{role}@example.com", (role, org.ours))
        refused = other.get(ROLES)
        assert refused.status_code == 403
        assert refused.json()["decision"]["permission"] == "roles:read"
    assert server.client().get(ROLES).status_code == 401
