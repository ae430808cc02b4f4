"""Roles and permission sets on the wire (contract 3; product facts 3.6 for what it leaves out)."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from msgspec import Meta

from runplane.server.api.authorization.model import RoleRow, predefined
from runplane.server.authz import catalogue, permission_sets
from runplane.server.authz.permission_sets import PermissionSet
from runplane.server.authz.permissions import ResourcePermissions, present_permissions
from runplane.server.http.operation import Wire


class KubernetesPermissions(Wire):
    """The predefined role whose rights in clusters a role gives; null for none."""

    predefined_role: str | None


class RoleV1(Wire):
    """A role with everything it permits."""

    id: int
    name: str
    description: str
    custom: bool
    enabled: bool
    effective_enabled: bool
    permissions: list[ResourcePermissions]
    kubernetes_permissions: KubernetesPermissions
    created_by: str
    created_at: str
    updated_at: str
    deleted_at: str | None


class PermissionSetName(Wire):
    """A permission set inside a role."""

    id: str
    name: str


class Role(RoleV1, kw_only=True):
    """A role with the permission sets it is made of; a predefined one lists none."""

    permission_sets: list[PermissionSetName]


class PermissionSetOut(Wire):
    """A permission set with what it permits."""

    id: str
    name: str
    description: str
    permissions: list[ResourcePermissions]


class PermissionSetIn(Wire):
    """A permission set by id, or by name."""

    id: str | None = None
    name: str | None = None


class KubernetesPermissionsIn(Wire):
    """The predefined role whose rights in clusters are to be given."""

    predefined_role: str | None = None


class RoleIn(Wire, kw_only=True):
    """A custom role to store."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    description: Annotated[str, Meta(max_length=1000)] = ""
    enabled: bool | None = True
    permission_sets: list[PermissionSetIn]
    kubernetes_permissions: KubernetesPermissionsIn | None = None


def present_v1(row: RoleRow) -> RoleV1:
    """A role as version 1 shows it."""
    return RoleV1(**_facts(row)) if row.custom else _predefined(row.id)


def present(row: RoleRow) -> Role:
    """A role as version 2 shows it."""
    found = (permission_sets.permission_set(it) for it in row.sets)
    return Role(
        **_facts(row),
        permission_sets=[PermissionSetName(id=it.id, name=it.name) for it in found if it is not None],
    )


def present_set(entry: PermissionSet) -> PermissionSetOut:
    """A permission set."""
    return PermissionSetOut(
        id=entry.id,
        name=entry.name,
        description=entry.description,
        permissions=present_permissions(entry.permissions),
    )


# They never change, and putting one together takes a look at every permission there is.
@lru_cache(maxsize=len(catalogue.ROLES))
def _predefined(role_id: int) -> RoleV1:
    role = catalogue.by_id(role_id)
    if role is None:
        raise ValueError(f"{role_id} is no predefined role")
    return RoleV1(**_facts(predefined(role)))


def _facts(row: RoleRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "custom": row.custom,
        "enabled": row.enabled,
        "effective_enabled": row.enabled,
        "permissions": present_permissions(row.permissions),
        "kubernetes_permissions": KubernetesPermissions(predefined_role=row.kubernetes_role),
        "created_by": row.created_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "deleted_at": None,
    }
