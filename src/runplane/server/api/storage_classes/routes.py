"""/api/v1/storage-classes and /api/v2/storage-classes: the storage classes of a cluster, from its agent.

The contract has no permission of their own for them: whoever sees the cluster sees them.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.storage_classes import wire
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CLUSTER, READ
from runplane.server.http.call import Call
from runplane.server.http.operation import Operation, Operations
from runplane.server.organization.inventory import service
from runplane.server.organization.inventory.model import StorageClassRow
from runplane.server.organization.inventory.usage.store import select_configurations_of


def operations() -> list[Operation]:
    """Both versions."""
    ops = Operations("", tag="Storage Classes")

    @ops.get(
        "/api/v1/storage-classes",
        id="getStorageClasses",
        allow=can(READ, CLUSTER).anywhere(),
        query=wire.StorageClassesQuery,
        reply=wire.StorageClassesV1,
        refuses=(404,),
    )
    def get_storage_classes(call: Call[Any]) -> wire.StorageClassesV1:
        """List the storage classes of a cluster"""
        cluster_id, rows = _found(call)
        return wire.StorageClassesV1(items=[wire.present_v1(cluster_id, row) for row in rows])

    @ops.get(
        "/api/v2/storage-classes",
        id="getStorageClassesV2",
        allow=can(READ, CLUSTER).anywhere(),
        query=wire.StorageClassesQuery,
        reply=wire.StorageClassesV2,
        refuses=(404,),
    )
    def get_storage_classes_v2(call: Call[Any]) -> wire.StorageClassesV2:
        """List the storage classes of a cluster and how they may be used"""
        cluster_id, rows = _found(call)
        usage = select_configurations_of(call.unit, call.principal.tenant_id, cluster_id)
        return wire.StorageClassesV2(
            items=[wire.present_v2(cluster_id, row, usage.get(row.name)) for row in rows]
        )

    return ops.items


def _found(call: Call[Any]) -> tuple[str, list[StorageClassRow]]:
    query: wire.StorageClassesQuery = call.query
    cluster_id, rows = service.list_storage_classes(call.unit, call.principal, query.cluster_id)
    if query.include_none:
        rows = [*rows, wire.NONE]
    return cluster_id, [row for row in rows if query.name in (None, row.name)]
