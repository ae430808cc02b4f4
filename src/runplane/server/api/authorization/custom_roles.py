"""/api/v2/authorization/roles and permission-sets: custom roles, which contract 2.24 leaves to the console.

The list is a bare array like version 1's: scripts written for 2.24 iterate over it. (Release 3.0 wraps and
pages it; an installation has a few dozen roles at most, so ours is never cut.)
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.authorization import service, wire
from runplane.server.api.authorization.service import RoleDraft
from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permission_sets import PERMISSION_SETS
from runplane.server.authz.permissions import CREATE, DELETE, READ, ROLES, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Mode, Operations

ops = Operations("/api/v2/authorization/roles", tag="Roles")
sets = Operations("/api/v1/authorization/permission-sets", tag="Permissions")

_ROLE = Audited("role")


def _draft(body: wire.RoleIn) -> RoleDraft:
    return RoleDraft(
        name=body.name,
        description=body.description,
        enabled=body.enabled is not False,
        sets=[(it.id, it.name) for it in body.permission_sets],
        kubernetes_role=body.kubernetes_permissions.predefined_role if body.kubernetes_permissions else None,
    )


@ops.get("", allow=can(READ, ROLES).anywhere(), reply=list[wire.Role], mode=Mode.HOT, extension=True)
def get_roles(call: Call[Any]) -> list[wire.Role]:
    """List roles with their permission sets"""
    return [wire.present(row) for row in service.list_roles(call.reader, call.principal.tenant_id)]


@ops.post(
    "",
    status=201,
    allow=can(CREATE, ROLES).at(own_tenant),
    body=wire.RoleIn,
    reply=wire.Role,
    audit=_ROLE,
    extension=True,
)
def create_role(call: Call[wire.RoleIn]) -> wire.Role:
    """Create a custom role"""
    row = service.create_role(call.unit, call.principal, _draft(call.body))
    call.note.target(row.id, row.name)
    return wire.present(row)


@ops.get("/{roleIdPath}", allow=can(READ, ROLES).anywhere(), reply=wire.Role, mode=Mode.HOT, extension=True)
def get_role(call: Call[Any]) -> wire.Role:
    """Get a role with its permission sets"""
    return wire.present(service.get_role(call.reader, call.principal, call.path["roleIdPath"]))


@ops.put(
    "/{roleIdPath}",
    allow=can(UPDATE, ROLES).at(own_tenant),
    body=wire.RoleIn,
    reply=wire.Role,
    audit=_ROLE,
    extension=True,
)
def update_role(call: Call[wire.RoleIn]) -> wire.Role:
    """Replace a custom role"""
    row = service.replace_role(call.unit, call.principal, call.path["roleIdPath"], _draft(call.body))
    call.note.target(row.id, row.name, enabled=row.enabled)
    return wire.present(row)


@ops.delete("/{roleIdPath}", status=204, allow=can(DELETE, ROLES).at(own_tenant), audit=_ROLE, extension=True)
def delete_role(call: Call[Any]) -> None:
    """Delete a custom role that no access rule names"""
    row = service.delete_role(call.unit, call.principal, call.path["roleIdPath"])
    call.note.target(row.id, row.name)


@sets.get(
    "",
    allow=can(READ, ROLES).anywhere(),
    reply=list[wire.PermissionSetOut],
    mode=Mode.LOOP,
    extension=True,
)
async def get_permission_sets(_: Call[Any]) -> list[wire.PermissionSetOut]:
    """List the permission sets that custom roles are made of"""
    return [wire.present_set(it) for it in PERMISSION_SETS]


@sets.get(
    "/{permissionSetId}",
    allow=can(READ, ROLES).anywhere(),
    reply=wire.PermissionSetOut,
    mode=Mode.LOOP,
    extension=True,
)
async def get_permission_set(call: Call[Any]) -> wire.PermissionSetOut:
    """Get a permission set"""
    return wire.present_set(service.get_permission_set(call.path["permissionSetId"]))
