"""GET /api/v1/authorization/roles and one of them: predefined and custom roles, a bare array (contract 3).

An id that is not a number names no role and gets the same 404 as a number that is nobody's.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.authorization import service, wire
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import READ, ROLES
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operations

ops = Operations("/api/v1/authorization/roles", tag="Roles")


@ops.get("", allow=can(READ, ROLES).anywhere(), reply=list[wire.RoleV1], mode=Mode.HOT)
def get_roles_v1(call: Call[Any]) -> list[wire.RoleV1]:
    """List roles"""
    return [wire.present_v1(row) for row in service.list_roles(call.reader, call.principal.tenant_id)]


@ops.get("/{roleIdPath}", allow=can(READ, ROLES).anywhere(), reply=wire.RoleV1, mode=Mode.HOT)
def get_role_v1(call: Call[Any]) -> wire.RoleV1:
    """Get a role"""
    return wire.present_v1(service.get_role(call.reader, call.principal, call.path["roleIdPath"]))
