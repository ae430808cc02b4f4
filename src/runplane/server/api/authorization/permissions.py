"""GET /api/v1/authorization/permissions and POST …/permitted-scopes: what the caller may do, and where.

Permitted scopes are the topmost ones: a department stands for every project in it, now and later, so a client
asks whether a scope or one above it is listed. Listing all below would grow with the organization.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from runplane.server.authz.guard import signed_in
from runplane.server.authz.permissions import (
    CRUD,
    Action,
    ResourcePermissions,
    permission,
    present_permissions,
    resource_type,
)
from runplane.server.authz.principal import Principal
from runplane.server.core.scope import SYSTEM_PATH
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operations, Wire

ops = Operations("/api/v1/authorization", tag="Permissions")

_OWN = signed_in("it shows only what the caller itself holds", scoped=True)
_LISTS = ("tenants", "clusters", "departments", "projects")


class PermittedScopesIn(Wire):
    """What is asked about; without `action`, every one."""

    resource_type: str
    action: Literal["create", "read", "update", "delete"] | None = None


class PermittedScopes(Wire):
    """The topmost scopes in which an action is permitted. `tenant` is deprecated; it repeats `tenants`."""

    system: bool
    tenants: list[str]
    clusters: list[str]
    departments: list[str]
    projects: list[str]
    tenant: str | UnsetType = UNSET


class PermittedScopesActions(Wire):
    """Where each action on a resource type is permitted."""

    create: PermittedScopes
    read: PermittedScopes
    update: PermittedScopes
    delete: PermittedScopes


@ops.get("/permissions", allow=_OWN, reply=list[ResourcePermissions], mode=Mode.LOOP)
async def get_permissions(call: Call[Any]) -> list[ResourcePermissions]:
    """Get a summary of your permissions"""
    return present_permissions(call.principal.grants.all())


@ops.post(
    "/permitted-scopes",
    allow=_OWN,
    body=PermittedScopesIn,
    reply=PermittedScopesActions,
    writes=False,
    mode=Mode.LOOP,
)
async def get_permitted_scopes(call: Call[PermittedScopesIn]) -> PermittedScopesActions:
    """Find out in which scopes you may do something"""
    resource = resource_type(call.body.resource_type)
    wanted = CRUD if call.body.action is None else (Action(call.body.action),)
    found = {
        action.value: _permitted(
            call.principal,
            call.principal.grants.scopes(permission(action, resource)).roots
            if action in wanted and action in resource.actions
            else (),
        )
        for action in CRUD
    }
    return PermittedScopesActions(**found)


def _permitted(principal: Principal, roots: tuple[str, ...]) -> PermittedScopes:
    lists: dict[str, list[str]] = {name: [] for name in _LISTS}
    for path in roots:
        # Who holds something everywhere holds it in this tenant, which is all of it that there is here.
        parts = (principal.tenant_path if path == SYSTEM_PATH else path).strip("/").split("/")
        lists[_LISTS[len(parts) - 1]].append(parts[-1][1:] if len(parts) > 2 else parts[-1])
    tenants = lists["tenants"]
    return PermittedScopes(system=SYSTEM_PATH in roots, tenant=tenants[0] if tenants else UNSET, **lists)
