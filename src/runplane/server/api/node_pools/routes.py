"""/api/v1/node-pools: how the nodes of a cluster are divided, and what is unlike between the parts.

A pool is seen by whoever may read pools anywhere in its cluster; it is changed by whoever may change those
of the cluster. PUT sets back what it leaves out, except the label; PATCH leaves it alone.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.node_pools import wire
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, NODE_POOLS, READ, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations
from runplane.server.organization.clusters.access import visible_cluster
from runplane.server.organization.node_pools import service
from runplane.server.organization.node_pools.model import NODE_POOLS as LISTING


def _cluster_in_body(call: Call[wire.PoolIn]) -> str:
    return visible_cluster(call.unit, call.principal, NODE_POOLS, call.body.cluster_id).path


def _pool_in_path(call: Call[Any]) -> str:
    return service.get_pool(call.unit, call.principal, call.path["nodepoolId"]).path


def operations() -> list[Operation]:
    """The operations below /api/v1/node-pools."""
    return [*_collection(), *_one()]


def _collection() -> list[Operation]:
    ops = Operations("/api/v1/node-pools", tag="NodePools")

    @ops.get("", allow=can(READ, NODE_POOLS).anywhere(), listing=LISTING, reply=wire.PoolsOut)
    def get_nodepools(call: Call[Any]) -> wire.PoolsOut:
        """List node pools"""
        found = service.list_pools(call.unit, call.principal, call.scopes, call.page)
        return wire.PoolsOut(nodepools=[wire.present(row, nodes) for row, nodes in found])

    @ops.get("/count", allow=can(READ, NODE_POOLS).anywhere(), listing=LISTING, reply=wire.PoolCountOut)
    def count_nodepools(call: Call[Any]) -> wire.PoolCountOut:
        """Count node pools"""
        return wire.PoolCountOut(count=service.count_pools(call.unit, call.principal, call.scopes, call.page))

    @ops.post(
        "",
        status=201,
        allow=can(CREATE, NODE_POOLS).at(_cluster_in_body),
        body=wire.PoolIn,
        reply=wire.PoolOut,
        audit=Audited("node-pool"),
    )
    def create_nodepool(call: Call[wire.PoolIn]) -> wire.PoolOut:
        """Create a node pool

        It appears in every department and project of the cluster: no GPUs deserved, CPU and memory
        unlimited, over-quota allowed.
        """
        given = call.body
        row = service.create_pool(call.unit, call.principal, given.cluster_id, given.name, given.changes())
        call.note.target(row.id, row.name)
        return wire.present(row, service.node_names(call.unit, row))

    return ops.items


def _one() -> list[Operation]:
    ops = Operations("/api/v1/node-pools/{nodepoolId}", tag="NodePools")

    @ops.get(
        "",
        allow=can(READ, NODE_POOLS).anywhere(),
        reply=wire.PoolOut,
        reported=("status", "phase", "phaseMessage"),
    )
    def get_nodepool(call: Call[Any]) -> wire.PoolOut:
        """Get a node pool"""
        row = service.get_pool(call.unit, call.principal, call.path["nodepoolId"])
        return wire.present(row, service.node_names(call.unit, row))

    @ops.put(
        "",
        allow=can(UPDATE, NODE_POOLS).at(_pool_in_path),
        body=wire.PoolChanges,
        reply=wire.PoolOut,
        audit=Audited("node-pool"),
    )
    def update_nodepool(call: Call[wire.PoolChanges]) -> wire.PoolOut:
        """Replace the specification of a node pool"""
        return _update(call, call.body.changes(), whole=True)

    @ops.patch(
        "",
        allow=can(UPDATE, NODE_POOLS).at(_pool_in_path),
        body=wire.PoolChanges,
        reply=wire.PoolOut,
        audit=Audited("node-pool"),
    )
    def patch_nodepool(call: Call[wire.PoolChanges]) -> wire.PoolOut:
        """Change parts of a node pool

        Two defaults that the official Python client adds to every change are left out (see the guide on
        clusters); any other caller changes just what it sends.
        """
        changes = call.body.meant(call.request.header(b"user-agent"))
        return _update(call, changes, whole=False)

    @ops.delete("", status=204, allow=can(DELETE, NODE_POOLS).at(_pool_in_path), audit=Audited("node-pool"))
    def delete_nodepool(call: Call[Any]) -> None:
        """Delete a node pool

        Its nodes fall to the pools whose labels they carry, else to the default pool; quotas in it go.
        """
        row = service.delete_pool(call.unit, call.principal, call.path["nodepoolId"])
        call.note.target(row.id, row.name)

    return ops.items


def _update(call: Call[wire.PoolChanges], changes: dict[str, Any], *, whole: bool) -> wire.PoolOut:
    before = service.get_pool(call.unit, call.principal, call.path["nodepoolId"])
    row = service.update_pool(call.unit, call.principal, call.path["nodepoolId"], changes, whole=whole)
    call.note.target(row.id, row.name, fields=service.changed_fields(before.spec, row.spec))
    return wire.present(row, service.node_names(call.unit, row))
