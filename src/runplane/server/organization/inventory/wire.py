"""Nodes on the wire: two rooms show them, the nodes' own and the cluster's."""

from __future__ import annotations

from typing import Any

from runplane.server.http.operation import Wire
from runplane.server.organization.inventory.model import NodeRow


class NodeConditionOut(Wire):
    """One condition of a node."""

    type: str
    reason: str
    message: str


class NodeTaintOut(Wire):
    """A taint of a node."""

    key: str
    value: str
    effect: str


class GpuInfoOut(Wire):
    """The GPUs of a node."""

    gpu_type: str
    gpu_count: int


class NodeOut(Wire):
    """A node as last reported. `simulated` is ours: it marks one that does not exist."""

    id: str
    name: str
    cluster_uuid: str
    status: str
    conditions: list[NodeConditionOut]
    taints: list[NodeTaintOut]
    node_pool: str
    created_at: str
    updated_at: str
    gpu_info: GpuInfoOut | None
    nv_link_domain_uid: str | None
    nv_link_clique_id: str | None
    simulated: bool


class NodesOut(Wire):
    """A page of nodes."""

    nodes: list[NodeOut]


class NodeCountOut(Wire):
    """How many nodes there are."""

    count: int


def present(row: NodeRow) -> NodeOut:
    """A node as a reply."""
    detail: dict[str, Any] = row.detail
    return NodeOut(
        id=row.id,
        name=row.name,
        cluster_uuid=row.cluster_id,
        status=row.status,
        conditions=[NodeConditionOut(**it) for it in detail["conditions"]],
        taints=[NodeTaintOut(**it) for it in detail["taints"]],
        node_pool=row.node_pool,
        created_at=row.created_at,
        updated_at=row.updated_at,
        gpu_info=GpuInfoOut(gpu_type=row.gpu_type or "", gpu_count=row.gpu_count) if row.gpu_count else None,
        nv_link_domain_uid=row.nvlink_domain_uid,
        nv_link_clique_id=row.nvlink_clique_id,
        simulated=row.simulated,
    )
