"""Rules of network topologies: made and removed, never edited; one that a pool names stays."""

from __future__ import annotations

from collections.abc import Sequence

from runplane.server.authz.permissions import NETWORK_TOPOLOGIES
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import InUse, NotFound
from runplane.server.core.ids import new_id
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.access import may_read, must_stay, readable, unknown_cluster
from runplane.server.organization.clusters.store import lock_cluster
from runplane.server.organization.node_pools.topologies import store
from runplane.server.organization.node_pools.topologies.model import (
    MANUAL,
    TopologyRow,
    check_levels,
    check_name,
)
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit


def list_topologies(
    reader: Reader, principal: Principal, scopes: ScopeSet, page: Page
) -> list[tuple[TopologyRow, list[str]]]:
    """The topologies that somebody sees who may read them in `scopes`, each with the pools that name it."""
    rows = store.select_topologies(reader, principal.tenant_id, page, readable(scopes))
    pools = store.select_pool_names_of_all(reader, principal.tenant_id) if rows else {}
    return [(row, pools.get(row.id, [])) for row in rows]


def count_topologies(reader: Reader, principal: Principal, scopes: ScopeSet, page: Page) -> int:
    """How many topologies `list_topologies` shows."""
    return store.count_topologies(reader, principal.tenant_id, page, readable(scopes))


def get_topology(reader: Reader, principal: Principal, topology_id: str) -> TopologyRow:
    """One of the topologies that `list_topologies` shows. Raises NotFound."""
    row = store.select_topology(reader, principal.tenant_id, topology_id)
    if row is None or not may_read(principal, NETWORK_TOPOLOGIES, row.path):
        raise NotFound(f"There is no network topology {topology_id[:60]!r}.")
    return row


def pools_of(reader: Reader, row: TopologyRow) -> list[str]:
    """The names of the node pools that name a topology."""
    return store.select_pool_names(reader, row.id)


def create_topology(
    unit: Unit, principal: Principal, cluster_id: str, name: str, levels: Sequence[str]
) -> TopologyRow:
    """Make a topology. Raises Invalid, NotFound and AlreadyExists."""
    cluster = lock_cluster(unit, principal.tenant_id, cluster_id.lower())
    if cluster is None:
        raise unknown_cluster(cluster_id)
    must_stay(cluster)
    row = TopologyRow(
        id=new_id(),
        tenant_id=principal.tenant_id,
        cluster_id=cluster.id,
        path=cluster.path,
        name=check_name(name),
        levels=check_levels(levels),
        # It consists of labels only: nothing has to be set up in the cluster before it means something.
        phase="Ready",
        source=MANUAL,
        created_by=principal.name,
        created_at=unit.now,
    )
    store.insert_topology(unit, {key: getattr(row, key) for key in TopologyRow.__slots__})
    return row


def delete_topology(unit: Unit, principal: Principal, topology_id: str) -> TopologyRow:
    """Remove a topology; returns what it was. Raises NotFound, and InUse while pools name it."""
    row = get_topology(unit, principal, topology_id)
    # So that no pool starts to name it meanwhile.
    lock_cluster(unit, principal.tenant_id, row.cluster_id)
    pools = store.select_pool_names(unit, row.id)
    if pools:
        raise InUse(f"The network topology is used by the node pools {', '.join(pools)}; change them first.")
    store.delete_topology(unit, row.id)
    return row
