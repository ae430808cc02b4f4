"""GET and POST /api/v1/tenants, extensions to the contract: the tenants of an installation.

Contract 2.24 knows one action on tenants, reading them. A permission that upstream's roles do not have would
show in every list of roles, so making one asks for `tenant:read` in the whole system, and then, as for every
grant, for all that is handed out: the role System administrator there.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from runplane.server.authz.guard import can, decide, the_system
from runplane.server.authz.permissions import READ, TENANT, permission
from runplane.server.core.clock import Instant
from runplane.server.core.scope import SYSTEM_PATH
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Wire
from runplane.server.identity import tenants
from runplane.server.identity.passwords import new_temporary_password
from runplane.server.identity.service import Identity
from runplane.server.identity.store import select_tenant_rows
from runplane.server.identity.tenants import NewTenant
from runplane.server.sql.migrate import lock


class TenantIn(Wire):
    """A tenant to make. Its name becomes the first label of its host name."""

    name: Annotated[str, Meta(examples=["acme"])]
    admin_email: Annotated[str, Meta(examples=["ada@acme.example"])]


class TenantOut(Wire):
    """A tenant. Its name is that of its realm, and the first label of its host name."""

    id: int
    name: Annotated[str, Meta(examples=["acme"])]
    created_at: str


class TenantCreatedOut(Wire):
    """A new tenant with its administrator's password for the first sign-in, which is shown this once."""

    id: int
    name: Annotated[str, Meta(examples=["acme"])]
    created_at: str
    admin_email: Annotated[str, Meta(examples=["ada@acme.example"])]
    temp_password: str


def operations(identity: Identity) -> list[Operation]:
    """The list of tenants, and making one."""
    ops = Operations("/api/v1/tenants", tag="Tenant")
    _add_list(ops)
    _add_creation(ops, identity)
    return ops.items


def _add_list(ops: Operations) -> None:
    @ops.get("", allow=can(READ, TENANT).anywhere(), reply=list[TenantOut], extension=True)
    def get_tenants(call: Call[Any]) -> list[TenantOut]:
        """List tenants

        A permission in a tenant shows that tenant; the same permission in the whole system shows every one.
        """
        who = call.principal
        everywhere = who.grants.allows(permission(READ, TENANT), SYSTEM_PATH)
        return [
            TenantOut(id=id_, name=name, created_at=created_at)
            for id_, name, created_at in select_tenant_rows(call.unit)
            if everywhere or id_ == who.tenant_id
        ]


def _add_creation(ops: Operations, identity: Identity) -> None:
    async def prepare(call: Call[TenantIn]) -> None:
        # Hashing is slow on purpose: not for somebody who is refused.
        decide(call.operation.allow, call)
        body = call.body
        tenants.may_create(call.principal, body.name, body.admin_email)
        password = new_temporary_password()
        call.prepared = password, await identity.slowly(identity.hasher.hash, password)

    @ops.post(
        "",
        status=201,
        allow=can(READ, TENANT).at(the_system),
        body=TenantIn,
        reply=TenantCreatedOut,
        before=prepare,
        audit=Audited("tenant"),
        extension=True,
    )
    def create_tenant(call: Call[TenantIn]) -> TenantCreatedOut:
        """Create a tenant

        For System administrators of the whole system. The new tenant has a System administrator of its own,
        whose password for the first sign-in the answer shows. The tenant stays closed to whoever made it.
        """
        unit, body = call.unit, call.body
        tenants.may_create(call.principal, body.name, body.admin_email)
        password, digest = call.prepared
        lock(unit.connection)
        new = NewTenant(body.name, identity.rules.algorithm, body.admin_email, digest)
        tenant_id = tenants.create(unit, identity.kek, new)
        unit.after_commit(identity.realms.expect_more)
        call.note.target(tenant_id, body.name, administrator=body.admin_email)
        return TenantCreatedOut(
            id=tenant_id,
            name=body.name,
            created_at=Instant(unit.now),
            admin_email=body.admin_email,
            temp_password=password,
        )
