"""Who sees a cluster and what belongs to it as a whole: pools, nodes, topologies, storage classes.

A permission to read such things in any part of a cluster shows the cluster's: a researcher of one project
must know the cluster and its pools. To change them takes the permission at the cluster itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runplane.server.authz.permissions import READ, ResourceType, permission
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import Conflict, NotFound
from runplane.server.core.scope import ScopeSet, ScopeType
from runplane.server.organization.clusters import store
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.sql.prepared import Reader


def readable(scopes: ScopeSet) -> ScopeSet:
    """The clusters whose things are seen by somebody who may read such things in `scopes`."""
    return scopes.lifted(ScopeType.CLUSTER)


def may_read(principal: Principal, resource: ResourceType, path: str) -> bool:
    """Whether the caller sees the things of type `resource` of the cluster at `path`."""
    return readable(principal.grants.scopes(permission(READ, resource))).contains(path)


def visible_cluster(
    reader: Reader, principal: Principal, resource: ResourceType, cluster_id: str
) -> ClusterRow:
    """The cluster, to somebody who may read its things of type `resource`. Raises NotFound."""
    row = store.select_cluster(reader, principal.tenant_id, cluster_id.lower())
    if row is None or not may_read(principal, resource, row.path):
        raise unknown_cluster(cluster_id)
    return row


def unknown_cluster(cluster_id: str) -> NotFound:
    """The refusal for a cluster that does not exist, or that the caller cannot see."""
    return NotFound(f"There is no cluster {cluster_id[:60]!r}.")


def must_stay(row: ClusterRow) -> None:
    """Refuse to make something in a cluster that was asked to leave: it would go with it. Raises Conflict."""
    if row.delete_requested_at is not None:
        raise Conflict(
            f"The cluster {row.name} is being removed, so nothing new can be made in it.",
            "Its agent was asked to clean up, and what is in the cluster goes with it.",
        )


def cluster_in_path(resource: ResourceType, parameter: str = "clusterUuid") -> Callable[[Any], str]:
    """A scope source: the cluster that the address names."""

    def path_of(call: Any) -> str:
        return visible_cluster(call.reader, call.principal, resource, call.path[parameter]).path

    return path_of
