"""Tenants: making one with all that nobody can make from within it, and naming one by host.

A tenant is a realm, a signing key, the root of its scopes and one System administrator; without any of these
nobody could ever enter it, so they are made in one transaction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from runplane.server.authz import tree
from runplane.server.authz.catalogue import SYSTEM_ADMINISTRATOR_ID, by_id, role_permissions
from runplane.server.authz.limits import must_hold
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import insert_access_rule, load_grants
from runplane.server.core.clock import Instant
from runplane.server.core.errors import AlreadyExists, Invalid, NotFound
from runplane.server.core.ids import new_id
from runplane.server.core.scope import SYSTEM_PATH
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.people.service import check_email
from runplane.server.identity.rotation import add_key
from runplane.server.identity.store import (
    insert_tenant,
    insert_user,
    select_tenants,
    select_user_by_email,
)
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.sql.unit import Unit

FIRST_TENANT: Final = 1001
CREATED_BY: Final = "runplane"
NEVER: Final = Instant("9999-12-31T23:59:59.999Z")
"""For a temporary password that must be changed but waits until somebody has come to use it."""

# The name is the first label of the tenant's host, and a letter first tells it from an address.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What a tenant starts with. With `temporary` its administrator must change the password first."""

    name: str
    algorithm: str
    admin_email: str
    password_hash: str = field(repr=False)
    temporary: bool = True


def check_name(name: str) -> None:
    """Refuse a name that no host could have. Raises Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "The name of a tenant becomes part of its host name: up to 63 small letters, digits and hyphens, "
            "starting with a letter and not ending with a hyphen."
        )


def may_create(caller: Principal, name: str, admin_email: str) -> None:
    """Refuse what could never become a tenant, and whoever may not make one. Raises Invalid and Forbidden.

    A new tenant's administrator holds everything in it. Nobody grants more than they hold, so the caller must
    be System administrator of the system; a smaller role there is not enough.
    """
    must_hold(caller, role_permissions(SYSTEM_ADMINISTRATOR_ID), SYSTEM_PATH)
    check_name(name)
    check_email(admin_email)


def create(unit: Unit, kek: KeyEncryptionKey, new: NewTenant) -> int:
    """Make a tenant and return its id. Raises Invalid and AlreadyExists.

    Call it under the migration lock (`sql.migrate.lock`): ids are given out by counting.
    """
    check_name(new.name)
    known = select_tenants(unit)
    if any(name == new.name for _, name in known):
        raise AlreadyExists("Tenant", new.name)
    tenant_id = max((id_ for id_, _ in known), default=FIRST_TENANT - 1) + 1
    insert_tenant(unit, tenant_id, new.name)
    root = tree.add_tenant(unit, tenant_id, new.name)
    add_key(unit, kek, tenant_id, new.name, SigningKey.generate(unit.now, new.algorithm), unit.now)
    _insert_admin(unit, tenant_id, new)
    make_administrator(unit, tenant_id, new.admin_email, root)
    return tenant_id


def make_operator(unit: Unit, tenant_id: int, email: str) -> str:
    """Make a user System administrator of the whole installation; returns the user's id.

    Only the host can make the first one, since nobody inside a tenant holds anything above it.
    Raises NotFound and AlreadyExists.
    """
    user = select_user_by_email(unit, tenant_id, email.strip())
    if user is None:
        raise NotFound(f"There is no user with the e-mail address {email.strip()}.")
    held = load_grants(unit, tenant_id, SubjectKind.USER, user.email_key, ())
    if any(it.role_id == SYSTEM_ADMINISTRATOR_ID and it.path == SYSTEM_PATH for it in held.rules):
        raise AlreadyExists("Operator", user.email)
    make_administrator(unit, tenant_id, user.email, tree.SYSTEM)
    unit.changed(tenant_id)
    return user.id


def _insert_admin(unit: Unit, tenant_id: int, new: NewTenant) -> None:
    user: dict[str, Any] = {
        "id": new_id(),
        "tenant_id": tenant_id,
        "email": new.admin_email,
        "email_key": new.admin_email.lower(),
        "is_local": True,
        "enabled": True,
        "created_by": CREATED_BY,
        "created_at": unit.now,
        "updated_at": unit.now,
        "password_hash": new.password_hash,
        "password_expires_at": NEVER if new.temporary else None,
    }
    insert_user(unit, user)


def make_administrator(unit: Unit, tenant_id: int, email: str, node: tree.Node) -> None:
    """Let a person be System administrator at `node`: the root of a tenant, or that of all tenants."""
    role = by_id(SYSTEM_ADMINISTRATOR_ID)
    insert_access_rule(
        unit,
        {
            "tenant_id": tenant_id,
            "subject_id": email,
            "subject_type": "user",
            "subject_kind": "user",
            "subject_key": email.lower(),
            "role_id": SYSTEM_ADMINISTRATOR_ID,
            "role_name": role.name if role else "",
            "scope_type": node.type,
            "scope_id": node.ref,
            "scope_name": node.name,
            "scope_path": node.path,
            "created_at": unit.now,
            "updated_at": unit.now,
            "created_by": CREATED_BY,
        },
    )
