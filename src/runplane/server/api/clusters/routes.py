"""/api/v1/clusters: clusters, the installation of their agents, and what lies below a cluster's address.

A cluster is seen by whoever may read clusters anywhere in it, so that a researcher of one project can name
it; it is changed by whoever may change it as a whole. Install information shows the agent's secret and so
takes the permission to update.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.clusters import wire
from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import CLUSTER, CREATE, DELETE, NODE_POOLS, NODES, READ, UPDATE
from runplane.server.core.listing import Page
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Audited, Operation, Operations, Reply
from runplane.server.identity.service import Identity
from runplane.server.organization.clusters import service
from runplane.server.organization.clusters.access import cluster_in_path, visible_cluster
from runplane.server.organization.clusters.model import CLUSTERS
from runplane.server.organization.inventory import service as inventory
from runplane.server.organization.inventory.model import NODES as NODE_LISTING
from runplane.server.organization.inventory.readings import cluster_readings
from runplane.server.organization.inventory.wire import NodeCountOut, NodesOut
from runplane.server.organization.inventory.wire import present as present_node
from runplane.server.organization.node_pools.service import get_pool_by_name
from runplane.server.organization.series import MetricsOut, MetricsQuery, series

_ALL = Page(sort=CLUSTERS.default_sort)
_CLUSTER = cluster_in_path(CLUSTER)


def operations(identity: Identity) -> list[Operation]:
    """The operations below /api/v1/clusters."""
    return [*_clusters(identity), *_inside()]


def _clusters(identity: Identity) -> list[Operation]:
    ops = Operations("/api/v1/clusters", tag="Clusters")

    @ops.get("", allow=can(READ, CLUSTER).anywhere(), query=wire.ClustersQuery, reply=list[wire.ClusterOut])
    def get_clusters(call: Call[Any]) -> list[wire.ClusterOut]:
        """List clusters"""
        query: wire.ClustersQuery = call.query
        full = query.full()
        rows = service.list_clusters(
            call.unit, call.principal, call.scopes, _ALL, leaving=query.include_requested_for_delete
        )
        return [wire.present(row, call.unit.now, full=full) for row in rows]

    @ops.post(
        "",
        status=201,
        allow=can(CREATE, CLUSTER).at(own_tenant),
        body=wire.ClusterIn,
        reply=wire.ClusterOut,
        audit=Audited("cluster"),
    )
    def create_cluster(call: Call[wire.ClusterIn]) -> wire.ClusterOut:
        """Create a cluster

        It gets a `default` node pool and a `default` department, and waits for its agent.
        """
        given = call.body
        row = service.create_cluster(
            call.unit,
            call.principal,
            identity.kek,
            name=given.name,
            domain=given.domain,
            version=given.version,
        )
        call.note.target(row.id, row.name)
        return wire.present(row, call.unit.now)

    @ops.get(
        "/{clusterUuid}",
        allow=can(READ, CLUSTER).anywhere(),
        query=wire.ClusterQuery,
        reply=wire.ClusterOut,
        reported=("status", "lastLiveness", "version", "simulated"),
    )
    def get_cluster_by_uuid(call: Call[Any]) -> wire.ClusterOut:
        """Get a cluster"""
        full = call.query.full()
        row = service.get_cluster(call.unit, call.principal, call.path["clusterUuid"])
        return wire.present(row, call.unit.now, full=full)

    @ops.put(
        "/{clusterUuid}",
        id="updateCluster",
        status=204,
        allow=can(UPDATE, CLUSTER).at(_CLUSTER),
        body=wire.ClusterNameIn,
        audit=Audited("cluster"),
    )
    def update_cluster(call: Call[wire.ClusterNameIn]) -> None:
        """Rename a cluster"""
        row = service.rename_cluster(call.unit, call.principal, call.path["clusterUuid"], call.body.name)
        call.note.target(row.id, call.body.name, fields="name", before=row.name)

    @ops.delete(
        "/{clusterUuid}",
        status=202,
        allow=can(DELETE, CLUSTER).at(_CLUSTER),
        query=wire.DeleteQuery,
        reply=wire.LeavingOut,
        may_be_empty=True,
        audit=Audited("cluster"),
    )
    def delete_cluster(call: Call[Any]) -> Reply:
        """Delete a cluster

        202 asks the agent to clean up; the cluster goes when it has. 204 with `force`, and where no agent
        ever spoke: the cluster is gone, with all departments, projects and node pools in it.
        """
        row, gone = service.delete_cluster(
            call.unit, call.principal, call.path["clusterUuid"], force=call.query.force
        )
        call.note.target(row.id, row.name, force=str(call.query.force).lower())
        if gone:
            return Reply(status=204)
        return Reply(
            wire.LeavingOut(code=202, message="The agent of the cluster has been asked to clean up.")
        )

    @ops.get(
        "/{clusterUuid}/cluster-install-info",
        allow=can(UPDATE, CLUSTER).at(_CLUSTER),
        query=wire.InstallQuery,
        reply=wire.InstallOut,
    )
    def get_cluster_install_info_by_uuid(call: Call[Any]) -> wire.InstallOut:
        """Tell how to install the agent of a cluster

        The answer holds the agent's secret. It is the same each time: installing again needs no new one.
        """
        row = service.get_cluster(call.unit, call.principal, call.path["clusterUuid"])
        secret = service.agent_secret(row, identity.kek)
        address = identity.realms.address_of(call.principal.realm)
        return wire.install_info(row, secret, address, identity.chart_repository, call.query)

    return ops.items


def _inside() -> list[Operation]:
    ops = Operations("/api/v1/clusters/{clusterUuid}", tag="Clusters")

    @ops.get(
        "/metrics",
        allow=can(READ, CLUSTER).anywhere(),
        query=wire.ClusterMetricsQuery,
        reply=MetricsOut,
    )
    def get_cluster_metrics(call: Call[Any]) -> Reply:
        """Get series of a cluster

        Quotas as they are now, the rest as the agent last said, if that was in the span; nothing keeps what
        was before.
        """
        query: wire.ClusterMetricsQuery = call.query
        row = service.get_cluster(call.unit, call.principal, call.path["clusterUuid"])
        group = None if query.group_by is None else enum_member(query.group_by, wire.GROUPS, "groupBy")
        pool = query.nodepool_name
        if pool is not None:
            pool = get_pool_by_name(call.unit, call.principal, row.id, pool).name
        known = cluster_readings(call.unit, call.principal, row, group=group, pool=pool)
        return series(call, wire.METRICS, known)

    @ops.get(
        "/nodepools/{nodepoolName}/metrics",
        tag="NodePools",
        allow=can(READ, NODE_POOLS).anywhere(),
        query=MetricsQuery,
        reply=MetricsOut,
    )
    def get_nodepool_metrics(call: Call[Any]) -> Reply:
        """Get series of a node pool

        Quotas as they are now, the rest as the agent last said, if that was in the span.
        """
        names = call.path
        pool = get_pool_by_name(call.unit, call.principal, names["clusterUuid"], names["nodepoolName"])
        row = visible_cluster(call.unit, call.principal, NODE_POOLS, pool.cluster_id)
        known = cluster_readings(call.unit, call.principal, row, group=None, pool=pool.name)
        return series(call, wire.METRICS, known)

    @ops.get(
        "/nodes",
        tag="Nodes",
        allow=can(READ, NODES).anywhere(),
        listing=NODE_LISTING,
        query=wire.NodesQuery,
        reply=NodesOut,
        deprecated=True,
        successor="/api/v1/nodes",
    )
    def get_nodes(call: Call[Any]) -> NodesOut:
        """List the nodes of a cluster"""
        page = inventory.named(call.page, call.query.node_name)
        rows = inventory.list_nodes(call.unit, call.principal, call.scopes, page, call.path["clusterUuid"])
        return NodesOut(nodes=[present_node(row) for row in rows])

    @ops.get(
        "/nodes/count",
        tag="Nodes",
        allow=can(READ, NODES).anywhere(),
        listing=NODE_LISTING,
        reply=NodeCountOut,
    )
    def count_nodes(call: Call[Any]) -> NodeCountOut:
        """Count the nodes of a cluster"""
        cluster_id = call.path["clusterUuid"]
        return NodeCountOut(
            count=inventory.count_nodes(call.unit, call.principal, call.scopes, call.page, cluster_id)
        )

    return ops.items
