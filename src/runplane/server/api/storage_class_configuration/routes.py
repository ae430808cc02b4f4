"""/api/v1/storage-class-configuration: how the storage classes of clusters may be used.

Seen by whoever may read configurations anywhere in the cluster, changed by whoever may change them there.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from runplane.server.api.storage_class_configuration import wire
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, READ, STORAGE_CLASS_CONFIGURATION, UPDATE
from runplane.server.core.errors import NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations
from runplane.server.organization.clusters.access import visible_cluster
from runplane.server.organization.inventory.usage import service
from runplane.server.organization.inventory.usage.model import CONFIGURATIONS
from runplane.server.organization.inventory.usage.wire import stored

_RESOURCE = STORAGE_CLASS_CONFIGURATION


def _cluster_in_body(call: Call[wire.ConfigurationIn]) -> str:
    return visible_cluster(call.unit, call.principal, _RESOURCE, call.body.scope_id).path


def _own(call: Call[Any], tenant_id: int | None) -> None:
    if tenant_id not in (None, call.principal.tenant_id):
        raise NotFound(f"There is no tenant {tenant_id}.")


def _one_in_path(call: Call[Any]) -> str:
    _own(call, call.query.tenant_id)
    return service.get_configuration(call.unit, call.principal, call.path["id"]).path


def operations() -> list[Operation]:
    """The six operations."""
    return [*_collection(), *_one()]


def _collection() -> list[Operation]:
    ops = Operations("/api/v1/storage-class-configuration", tag="Storage Class Configuration")

    @ops.get("", allow=can(READ, _RESOURCE).anywhere(), listing=CONFIGURATIONS, reply=wire.ConfigurationsOut)
    def list_storage_class_configuration(call: Call[Any]) -> wire.ConfigurationsOut:
        """List storage class configurations"""
        rows, following = service.list_configurations(call.unit, call.principal, call.scopes, call.page)
        return wire.ConfigurationsOut(
            storage_class_configurations=[wire.present(row) for row in rows],
            next=UNSET if following is None else following,
        )

    @ops.post(
        "",
        status=201,
        allow=can(CREATE, _RESOURCE).at(_cluster_in_body),
        body=wire.ConfigurationIn,
        reply=wire.ConfigurationOut,
        audit=Audited("storage-class-configuration"),
    )
    def create_storage_class_configuration(call: Call[wire.ConfigurationIn]) -> wire.ConfigurationOut:
        """Create a storage class configuration"""
        given = call.body
        _own(call, given.tenant_id)
        row = service.create_configuration(
            call.unit,
            call.principal,
            given.scope_id,
            given.name,
            stored(given.permissions),
            stored(given.customization),
        )
        call.note.target(row.id, row.name)
        return wire.present(row)

    return ops.items


def _one() -> list[Operation]:
    ops = Operations("/api/v1/storage-class-configuration/{id}", tag="Storage Class Configuration")
    audit = Audited("storage-class-configuration")

    @ops.get(
        "",
        allow=can(READ, _RESOURCE).anywhere(),
        query=wire.TenantQuery,
        reply=wire.ConfigurationOut,
    )
    def get_storage_class_configuration_by_id(call: Call[Any]) -> wire.ConfigurationOut:
        """Get a storage class configuration"""
        _own(call, call.query.tenant_id)
        return wire.present(service.get_configuration(call.unit, call.principal, call.path["id"]))

    @ops.put(
        "",
        allow=can(UPDATE, _RESOURCE).at(_one_in_path),
        query=wire.TenantQuery,
        body=wire.ConfigurationReplaceIn,
        reply=wire.ConfigurationOut,
        audit=audit,
    )
    def update_storage_class_configuration_by_id(
        call: Call[wire.ConfigurationReplaceIn],
    ) -> wire.ConfigurationOut:
        """Replace a storage class configuration"""
        row = service.replace_configuration(
            call.unit,
            call.principal,
            call.path["id"],
            stored(call.body.permissions),
            stored(call.body.customization),
        )
        call.note.target(row.id, row.name, fields="permissions, customization")
        return wire.present(row)

    @ops.patch(
        "",
        allow=can(UPDATE, _RESOURCE).at(_one_in_path),
        query=wire.TenantQuery,
        body=wire.ConfigurationChangesIn,
        reply=wire.ConfigurationOut,
        audit=audit,
    )
    def patch_storage_class_configuration_by_id(
        call: Call[wire.ConfigurationChangesIn],
    ) -> wire.ConfigurationOut:
        """Change parts of a storage class configuration

        Objects are merged, attributes by their key; `attributesToRemove` names those that go.
        """
        changes = call.body.changes()
        row = service.update_configuration(call.unit, call.principal, call.path["id"], changes)
        call.note.target(row.id, row.name, fields=", ".join(changes))
        return wire.present(row)

    @ops.delete(
        "",
        status=204,
        allow=can(DELETE, _RESOURCE).at(_one_in_path),
        query=wire.TenantQuery,
        audit=audit,
    )
    def delete_storage_class_configuration_by_id(call: Call[Any]) -> None:
        """Delete a storage class configuration"""
        row = service.delete_configuration(call.unit, call.principal, call.path["id"])
        call.note.target(row.id, row.name)

    return ops.items
