"""GET /api/v1/tenants, an extension to the contract: the tenants a caller belongs to or watches over.

A permission in the tenant shows that tenant only; the same permission for the whole system shows every one.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from runplane.server.authz.guard import can
from runplane.server.authz.permissions import READ, TENANT, permission
from runplane.server.core.scope import SYSTEM_PATH
from runplane.server.http.call import Call
from runplane.server.http.operation import Operation, Operations, Wire
from runplane.server.identity.store import select_tenant_rows


class TenantOut(Wire):
    """A tenant. Its name is that of its realm, and the first label of its host name."""

    id: int
    name: Annotated[str, Meta(examples=["acme"])]
    created_at: str


def operations() -> list[Operation]:
    """The list of tenants."""
    ops = Operations("/api/v1/tenants", tag="Tenant")

    @ops.get("", allow=can(READ, TENANT).anywhere(), reply=list[TenantOut], extension=True)
    def get_tenants(call: Call[Any]) -> list[TenantOut]:
        """List tenants"""
        who = call.principal
        everywhere = who.grants.allows(permission(READ, TENANT), SYSTEM_PATH)
        return [
            TenantOut(id=id_, name=name, created_at=created_at)
            for id_, name, created_at in select_tenant_rows(call.unit)
            if everywhere or id_ == who.tenant_id
        ]

    return ops.items
