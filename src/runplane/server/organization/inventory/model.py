"""Nodes and storage classes as values, and what their lists offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from runplane.server.core.clock import Instant
from runplane.server.core.listing import Envelope, Field, Listing

NODES: Final = Listing(
    "nodes",
    Field("name", search=True),
    Field("status", choices=("Ready", "NotReady", "Unknown")),
    Field("nodePool", search=True),
    Field("gpuType", search=True),
    Field("nvLinkDomainUid"),
    Field("nvLinkCliqueId"),
    Field("clusterUuid"),
    envelope=Envelope("nodes"),
)

CAPACITY: Final = (
    "cpu_cores", "cpu_memory_bytes", "gpu_memory_bytes", "allocated_gpus", "allocated_cpu_cores",
    "allocated_cpu_memory_bytes", "used_cpu_cores", "used_cpu_memory_bytes", "used_gpu_memory_bytes",
    "idle_allocated_gpus",
)  # fmt: skip
"""Columns of amounts, NULL where the agent did not say."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node as last reported, with the name of its pool. `detail` holds conditions and taints."""

    id: str
    tenant_id: int
    cluster_id: str
    path: str
    name: str
    status: str
    node_pool: str
    gpu_type: str | None
    gpu_count: int
    nvlink_domain_uid: str | None
    nvlink_clique_id: str | None
    detail: dict[str, Any]
    created_at: Instant
    updated_at: Instant
    simulated: bool


@dataclass(frozen=True, slots=True)
class StorageClassRow:
    """A storage class as last reported."""

    name: str
    provisioner: str
    allow_volume_expansion: bool
    is_default: bool
