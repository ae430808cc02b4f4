"""Network topologies on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runplane.server.http.operation import Wire
from runplane.server.organization.node_pools.topologies.model import TopologyRow

Levels = Annotated[list[str], Meta(examples=[["topology.kubernetes.io/zone", "kubernetes.io/hostname"]])]


class TopologyIn(Wire):
    """A topology to make; `levels` are node label keys, the widest first."""

    name: str
    cluster_id: str
    levels: Levels


class TopologyStatusOut(Wire):
    """How a topology is."""

    phase: str


class TopologyOut(Wire):
    """A network topology and the node pools that name it."""

    id: str
    tenant_id: int
    name: str
    cluster_id: str
    levels: list[str]
    created_at: str
    created_by: str
    phase: str
    source: str
    node_pools: list[str]
    # required by the contract, which does not say what is in it
    status: TopologyStatusOut


class TopologiesOut(Wire):
    """Every topology."""

    network_topologies: list[TopologyOut]


class TopologyCountOut(Wire):
    """How many topologies there are."""

    count: int


def present(row: TopologyRow, pools: list[str]) -> TopologyOut:
    """A topology as a reply."""
    return TopologyOut(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        cluster_id=row.cluster_id,
        levels=list(row.levels),
        created_at=row.created_at,
        created_by=row.created_by,
        phase=row.phase,
        source=row.source,
        node_pools=pools,
        status=TopologyStatusOut(phase=row.phase),
    )
