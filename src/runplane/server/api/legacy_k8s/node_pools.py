"""/v1/k8s/clusters/{clusterId}/node-pools: node pools with numbers for ids and empty answers to changes.

A change touches only what this dialect can say: an old script cannot know a topology, and must not clear it.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET, UnsetType

from runplane.server.api.legacy_k8s.places import cluster_of, pool_of, pool_place, pools_of
from runplane.server.api.node_pools.wire import Placement, PlacementOut, PoolChanges
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, NODE_POOLS, READ, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Wire
from runplane.server.organization.clusters.access import cluster_in_path
from runplane.server.organization.node_pools import service
from runplane.server.organization.node_pools.model import DEFAULT_LABEL, PoolRow

_OLD: dict[str, Any] = {"deprecated": True, "successor": "/api/v1/node-pools"}


class OldPoolLabels(Wire):
    """The label of a pool; what is left out stays."""

    label_key: str | UnsetType = UNSET
    label_value: str | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """As `PoolChanges.changes`."""
        return PoolChanges(label_key=self.label_key, label_value=self.label_value).changes()


class OldPoolUpdate(Wire):
    """What can change of a pool; what is left out stays."""

    label_key: str | UnsetType | None = UNSET
    label_value: str | UnsetType | None = UNSET
    over_provisioning_ratio: int | UnsetType | None = UNSET
    placement_strategy: Placement | UnsetType | None = UNSET

    def changes(self) -> dict[str, Any]:
        """As `PoolChanges.changes`."""
        return PoolChanges(
            label_key=self.label_key,
            label_value=self.label_value,
            over_provisioning_ratio=self.over_provisioning_ratio,
            placement_strategy=self.placement_strategy,
        ).changes()


class OldPoolIn(OldPoolUpdate, kw_only=True):
    """A pool to make. The contract requires no member; one without name and label is refused still."""

    name: str = ""


class OldPoolOut(Wire):
    """A node pool. `nodes` is a JSON text with the names of its nodes."""

    id: int
    name: str
    cluster_id: str
    over_provisioning_ratio: int
    label_key: str
    label_value: str
    placement_strategy: PlacementOut
    created_at: str
    updated_at: str
    status: str
    status_message: str
    nodes: str
    created_by: str
    updated_by: str
    is_default: bool


def present(row: PoolRow, nodes: list[str]) -> OldPoolOut:
    """A pool and the names of its nodes as a reply."""
    spec = row.spec
    key, value = DEFAULT_LABEL if row.is_default else (spec.label_key, spec.label_value)
    return OldPoolOut(
        id=row.id,
        name=row.name,
        cluster_id=row.cluster_id,
        over_provisioning_ratio=spec.over_provisioning_ratio,
        label_key=key,
        label_value=value,
        placement_strategy=PlacementOut(cpu=spec.cpu_placement, gpu=spec.gpu_placement),
        created_at=row.created_at,
        updated_at=row.updated_at,
        status=row.phase,
        status_message=row.phase_message,
        nodes=json.dumps(nodes),
        created_by=row.created_by,
        updated_by=row.updated_by,
        is_default=row.is_default,
    )


def operations() -> list[Operation]:
    """The operations of this dialect."""
    return [*_collection(), *_one()]


def _collection() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{clusterId}/node-pools", tag="NodePools")

    @ops.get("", id="getNodePools", allow=can(READ, NODE_POOLS).anywhere(), reply=list[OldPoolOut], **_OLD)
    def get_node_pools(call: Call[Any]) -> list[OldPoolOut]:
        """List the node pools of a cluster"""
        page = pools_of(cluster_of(call, NODE_POOLS))
        found = service.list_pools(call.unit, call.principal, call.scopes, page)
        return [present(row, nodes) for row, nodes in found]

    @ops.post(
        "",
        id="createNodePool",
        status=201,
        allow=can(CREATE, NODE_POOLS).at(cluster_in_path(NODE_POOLS, "clusterId")),
        body=OldPoolIn,
        audit=Audited("node-pool"),
        **_OLD,
    )
    def create_node_pool(call: Call[OldPoolIn]) -> None:
        """Create a node pool"""
        given = call.body
        row = service.create_pool(
            call.unit, call.principal, call.path["clusterId"], given.name, given.changes()
        )
        call.note.target(str(row.id), row.name)

    return ops.items


def _one() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{clusterId}/node-pools/{id}", tag="NodePools")
    change: dict[str, Any] = {
        "status": 202,
        "allow": can(UPDATE, NODE_POOLS).at(pool_place),
        "audit": Audited("node-pool"),
        **_OLD,
    }

    @ops.put("", id="updateNodePool", body=OldPoolUpdate, **change)
    def update_node_pool(call: Call[OldPoolUpdate]) -> None:
        """Change a node pool"""
        _update(call, call.body.changes())

    @ops.put("/labels", id="updateNodePoolLabels", body=OldPoolLabels, **change)
    def update_node_pool_labels(call: Call[OldPoolLabels]) -> None:
        """Change the label of a node pool"""
        _update(call, call.body.changes())

    @ops.delete(
        "",
        id="deleteNodePool",
        status=202,
        allow=can(DELETE, NODE_POOLS).at(pool_place),
        audit=Audited("node-pool"),
        **_OLD,
    )
    def delete_node_pool(call: Call[Any]) -> None:
        """Delete a node pool"""
        row = service.delete_pool(call.unit, call.principal, call.path["id"])
        call.note.target(str(row.id), row.name)

    return ops.items


def _update(call: Call[Any], changes: dict[str, Any]) -> None:
    before = pool_of(call)
    row = service.update_pool(call.unit, call.principal, call.path["id"], changes, whole=False)
    call.note.target(str(row.id), row.name, fields=service.changed_fields(before.spec, row.spec))
