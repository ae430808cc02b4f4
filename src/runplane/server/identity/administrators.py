"""The way in stays open: a tenant always keeps one local user who is System administrator of it."""

from __future__ import annotations

from runplane.server.authz.catalogue import SYSTEM_ADMINISTRATOR_ID
from runplane.server.core.errors import InUse
from runplane.server.core.scope import tenant_path
from runplane.server.identity.store import count_administrators, lock_tenant
from runplane.server.sql.unit import Unit


def keep_one_administrator(unit: Unit, tenant_id: int) -> None:
    """Call after taking a user or an access rule away. Raises InUse when nobody would be left.

    The tenant's row is locked before counting, so that two administrators who remove each other at the same
    moment cannot both succeed.
    """
    lock_tenant(unit, tenant_id)
    if not count_administrators(unit, tenant_id, SYSTEM_ADMINISTRATOR_ID, tenant_path(tenant_id)):
        raise InUse(
            "This would remove the last System administrator who can sign in with a password.",
            "Give another local user the role System administrator in the tenant first.",
        )
