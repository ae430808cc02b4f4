"""/api/v1/network-topologies: the levels of a cluster's network, as node labels; made and removed only."""

from __future__ import annotations

from typing import Any

from runplane.server.api.network_topologies import wire
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, NETWORK_TOPOLOGIES, READ
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations
from runplane.server.organization.clusters.access import visible_cluster
from runplane.server.organization.node_pools.topologies import service
from runplane.server.organization.node_pools.topologies.model import TOPOLOGIES


def _cluster_in_body(call: Call[wire.TopologyIn]) -> str:
    return visible_cluster(call.unit, call.principal, NETWORK_TOPOLOGIES, call.body.cluster_id).path


def _topology_in_path(call: Call[Any]) -> str:
    return service.get_topology(call.unit, call.principal, call.path["networkTopologyId"]).path


def operations() -> list[Operation]:
    """The five operations."""
    ops = Operations("/api/v1/network-topologies", tag="Network Topologies")

    @ops.get("", allow=can(READ, NETWORK_TOPOLOGIES).anywhere(), listing=TOPOLOGIES, reply=wire.TopologiesOut)
    def get_network_topologies(call: Call[Any]) -> wire.TopologiesOut:
        """List network topologies"""
        found = service.list_topologies(call.unit, call.principal, call.scopes, call.page)
        return wire.TopologiesOut(network_topologies=[wire.present(row, pools) for row, pools in found])

    @ops.get(
        "/count",
        allow=can(READ, NETWORK_TOPOLOGIES).anywhere(),
        listing=TOPOLOGIES,
        reply=wire.TopologyCountOut,
    )
    def get_network_topologies_count(call: Call[Any]) -> wire.TopologyCountOut:
        """Count network topologies"""
        return wire.TopologyCountOut(
            count=service.count_topologies(call.unit, call.principal, call.scopes, call.page)
        )

    @ops.post(
        "",
        status=201,
        allow=can(CREATE, NETWORK_TOPOLOGIES).at(_cluster_in_body),
        body=wire.TopologyIn,
        reply=wire.TopologyOut,
        audit=Audited("network-topology"),
    )
    def create_network_topology(call: Call[wire.TopologyIn]) -> wire.TopologyOut:
        """Create a network topology"""
        given = call.body
        row = service.create_topology(call.unit, call.principal, given.cluster_id, given.name, given.levels)
        call.note.target(row.id, row.name)
        return wire.present(row, [])

    @ops.get("/{networkTopologyId}", allow=can(READ, NETWORK_TOPOLOGIES).anywhere(), reply=wire.TopologyOut)
    def get_network_topology_by_id(call: Call[Any]) -> wire.TopologyOut:
        """Get a network topology"""
        row = service.get_topology(call.unit, call.principal, call.path["networkTopologyId"])
        return wire.present(row, service.pools_of(call.unit, row))

    @ops.delete(
        "/{networkTopologyId}",
        status=204,
        allow=can(DELETE, NETWORK_TOPOLOGIES).at(_topology_in_path),
        audit=Audited("network-topology"),
    )
    def delete_network_topology(call: Call[Any]) -> None:
        """Delete a network topology

        409 while a node pool names it.
        """
        row = service.delete_topology(call.unit, call.principal, call.path["networkTopologyId"])
        call.note.target(row.id, row.name)

    return ops.items
