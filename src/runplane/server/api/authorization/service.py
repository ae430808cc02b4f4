"""Roles: looking them up, and what making one asks of its maker.

A role is tenant-wide, so whoever makes or changes one must hold all that it hands out, here and in clusters,
in the whole tenant: it may be assigned anywhere by anybody who holds that much there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runplane.server.api.authorization import store
from runplane.server.api.authorization.model import (
    RoleRow,
    kubernetes_reach,
    path_number,
    predefined,
)
from runplane.server.authz import catalogue
from runplane.server.authz.limits import must_hold
from runplane.server.authz.permission_sets import PERMISSION_SETS, PermissionSet, granted_by, permission_set
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import AlreadyExists, Forbidden, InUse, Invalid, NotFound
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """A custom role somebody asks for. `sets` are (id, name) pairs of which one may be missing."""

    name: str
    description: str
    enabled: bool
    sets: Sequence[tuple[str | None, str | None]]
    kubernetes_role: str | None


def find_role(reader: Reader, tenant_id: int, role_id: int) -> RoleRow | None:
    """The role of an id, None when the tenant has none such."""
    entry = catalogue.by_id(role_id)
    return predefined(entry) if entry else store.select_role(reader, tenant_id, role_id)


def hold_role(unit: Unit, tenant_id: int, role_id: int) -> RoleRow | None:
    """As `find_role`, and a custom one stays as it is until the unit ends."""
    entry = catalogue.by_id(role_id)
    return predefined(entry) if entry else store.hold_role(unit, tenant_id, role_id)


def list_roles(reader: Reader, tenant_id: int) -> list[RoleRow]:
    """Every role: the predefined ones, then the tenant's own, each by id."""
    return [*(predefined(it) for it in catalogue.ROLES), *store.select_roles(reader, tenant_id)]


def get_role(reader: Reader, principal: Principal, role_id: str) -> RoleRow:
    """The role that an id from the address names. Raises NotFound."""
    number = path_number(role_id)
    row = find_role(reader, principal.tenant_id, number) if number is not None else None
    if row is None:
        raise unknown_role(role_id)
    return row


def unknown_role(role_id: object) -> NotFound:
    """The refusal for an id that names no role."""
    return NotFound(
        f"There is no role {str(role_id)[:40]!r}.",
        "GET /api/v1/authorization/roles lists the roles with their ids.",
    )


def get_permission_set(set_id: str) -> PermissionSet:
    """A permission set by id. Raises NotFound."""
    entry = permission_set(set_id)
    if entry is None:
        raise _unknown_set(set_id)
    return entry


def create_role(unit: Unit, principal: Principal, draft: RoleDraft) -> RoleRow:
    """Create a custom role. Raises AlreadyExists, Forbidden, Invalid, NotFound."""
    values = _checked(principal, draft, None)
    role_id = store.insert_role(
        unit, principal.tenant_id, {**values, "created_by": principal.name, "updated_at": unit.now}
    )
    unit.changed(principal.tenant_id)
    return _stored(unit, principal, role_id)


def replace_role(unit: Unit, principal: Principal, role_id: str, draft: RoleDraft) -> RoleRow:
    """Give a custom role another content; what tokens may do follows with the commit.

    Raises as `create_role`. Disabling is how a role is taken from everybody at once.
    """
    current = _own(unit, principal, role_id)
    values = _checked(principal, draft, current)
    store.update_role(unit, principal.tenant_id, current.id, {**values, "updated_at": unit.now})
    unit.changed(principal.tenant_id)
    return _stored(unit, principal, current.id)


def delete_role(unit: Unit, principal: Principal, role_id: str) -> RoleRow:
    """Delete a custom role that no rule names. Raises InUse, Forbidden, NotFound."""
    role = _own(unit, principal, role_id)
    rules = store.count_rules_of_role(unit, principal.tenant_id, role.id)
    if rules:
        raise InUse(
            f"The role {role.name} is in use by {rules} access rule{'s' if rules > 1 else ''}.",
            "Disable the role to take it from everybody at once, then delete its access rules.",
        )
    must_hold(principal, role.reach, principal.tenant_path)
    store.delete_role(unit, principal.tenant_id, role.id)
    unit.changed(principal.tenant_id)
    return role


def _own(unit: Unit, principal: Principal, role_id: str) -> RoleRow:
    number = path_number(role_id)
    row = hold_role(unit, principal.tenant_id, number) if number is not None else None
    if row is None:
        raise unknown_role(role_id)
    if not row.custom:
        raise Forbidden(
            f"The role {row.name} is predefined and cannot be changed or deleted.",
            "Create a custom role with POST /api/v2/authorization/roles instead.",
        )
    return row


def _stored(unit: Unit, principal: Principal, role_id: int) -> RoleRow:
    row = store.select_role(unit, principal.tenant_id, role_id)
    if row is None:
        raise unknown_role(role_id)
    return row


def _checked(principal: Principal, draft: RoleDraft, current: RoleRow | None) -> dict[str, Any]:
    """The columns of a draft that the caller may store in place of `current`."""
    name = draft.name.strip()
    if not name:
        raise Invalid("A role needs a name.")
    if catalogue.by_name(name) is not None:
        raise AlreadyExists("Role", name)
    sets = tuple(dict.fromkeys(_set_id(*it) for it in draft.sets))
    if not sets:
        raise Invalid("A role needs at least one permission set.")
    kubernetes_role = _kubernetes_role(draft.kubernetes_role)
    wanted = granted_by(sets) | kubernetes_reach(kubernetes_role)
    # What the role granted before is taken from everybody who has it, so that must be held as well.
    if current is not None:
        wanted |= current.reach
    must_hold(principal, wanted, principal.tenant_path)
    return {
        "name": name,
        "name_key": name.lower(),
        "description": draft.description,
        "enabled": draft.enabled,
        "permission_sets": json.dumps(sets),
        "kubernetes_role": kubernetes_role,
    }


def _set_id(set_id: str | None, name: str | None) -> str:
    for entry in PERMISSION_SETS:
        if entry.id == (set_id or "").lower() or (set_id is None and entry.name == name):
            return entry.id
    raise _unknown_set(set_id or name or "")


def _unknown_set(given: str) -> NotFound:
    return NotFound(
        f"There is no permission set {given[:60]!r}.",
        "GET /api/v1/authorization/permission-sets lists them.",
    )


def _kubernetes_role(given: str | None) -> str | None:
    if given is None:
        return None
    number = path_number(given)
    if number is None or catalogue.by_id(number) is None:
        raise Invalid(f"kubernetesPermissions.predefinedRole {given[:40]!r} is no predefined role's id.")
    return str(number)
