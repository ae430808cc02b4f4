"""What addresses below /v1/k8s/clusters/{cluster} name: a thing that has to lie in that cluster.

Today's addresses name a unit or a pool alone. Here the cluster stands in front of it, and one of another
cluster is not there: a script that mixed up two clusters must not change the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runplane.server.authz.permissions import ResourceType
from runplane.server.core.errors import NotFound
from runplane.server.core.listing import Condition, Operator, Page
from runplane.server.http.call import Call
from runplane.server.organization.clusters.access import visible_cluster
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.node_pools.model import NODE_POOLS, PoolRow
from runplane.server.organization.node_pools.service import get_pool
from runplane.server.organization.units.access import unknown, visible
from runplane.server.organization.units.model import UnitKind, UnitRow

ByCluster = Callable[[Any], str]


def cluster_of(call: Call[Any], resource: ResourceType, parameter: str = "clusterId") -> ClusterRow:
    """The cluster of the address, to somebody who may read its things of that type. Raises NotFound."""
    return visible_cluster(call.reader, call.principal, resource, call.path[parameter])


def units_of(kind: UnitKind, cluster: ClusterRow) -> Page:
    """The whole list of a cluster's units: the old lists know no pages."""
    return Page(conditions=(Condition(kind.listing.fields["clusterId"], Operator.EQUAL, cluster.id),))


def pools_of(cluster: ClusterRow) -> Page:
    """The whole list of a cluster's node pools."""
    return Page(conditions=(Condition(NODE_POOLS.fields["clusterId"], Operator.EQUAL, cluster.id),))


def pool_of(call: Call[Any]) -> PoolRow:
    """The node pool of the address. Raises NotFound."""
    row = get_pool(call.reader, call.principal, call.path["id"])
    if row.cluster_id != call.path["clusterId"].lower():
        raise NotFound(f"There is no node pool {call.path['id'][:60]!r}.")
    return row


def pool_place(call: Call[Any]) -> str:
    """A scope source: the node pool of the address."""
    return pool_of(call).path


def unit_of(
    call: Call[Any], kind: UnitKind, parameter: str = "id", cluster: str | None = "clusterId"
) -> UnitRow:
    """The unit of the address, in its cluster where the address names one. Raises NotFound."""
    row = visible(call.reader, call.principal, kind, call.path[parameter])
    if cluster is not None and row.cluster_id != call.path[cluster].lower():
        raise unknown(kind, call.path[parameter])
    return row


def unit_place(kind: UnitKind, parameter: str = "id", cluster: str | None = "clusterId") -> ByCluster:
    """A scope source: the unit of the address."""

    def path_of(call: Any) -> str:
        return unit_of(call, kind, parameter, cluster).path

    return path_of
