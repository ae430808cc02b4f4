"""Reading nodes and storage classes: they are never written but by reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runplane.server.authz.permissions import CLUSTER, NODES
from runplane.server.authz.principal import Principal
from runplane.server.core.clock import Instant
from runplane.server.core.errors import NotFound
from runplane.server.core.listing import Condition, Operator, Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.access import may_read, readable, visible_cluster
from runplane.server.organization.clusters.model import silent_since
from runplane.server.organization.inventory import store, telemetry
from runplane.server.organization.inventory.model import NODES as LISTING
from runplane.server.organization.inventory.model import NodeRow, StorageClassRow
from runplane.server.sql.prepared import Reader


def list_nodes(
    reader: Reader, principal: Principal, scopes: ScopeSet, page: Page, cluster_id: str | None = None
) -> list[NodeRow]:
    """A page of the nodes that somebody sees who may read nodes in `scopes`. Raises NotFound."""
    if cluster_id is not None:
        cluster_id = visible_cluster(reader, principal, NODES, cluster_id).id
    return store.select_nodes(reader, principal.tenant_id, page, readable(scopes), cluster_id)


def named(page: Page, name: str | None) -> Page:
    """`page` narrowed to the node of a name; None does not narrow it."""
    if name is None:
        return page
    wanted = Condition(LISTING.fields["name"], Operator.EQUAL, name)
    return replace(page, conditions=(*page.conditions, wanted))


def count_nodes(
    reader: Reader, principal: Principal, scopes: ScopeSet, page: Page, cluster_id: str | None = None
) -> int:
    """How many nodes `list_nodes` finds on all pages."""
    if cluster_id is not None:
        cluster_id = visible_cluster(reader, principal, NODES, cluster_id).id
    return store.count_nodes(reader, principal.tenant_id, page, readable(scopes), cluster_id)


def get_node(reader: Reader, principal: Principal, node_id: str) -> NodeRow:
    """One of the nodes that `list_nodes` shows. Raises NotFound."""
    row = store.select_node(reader, principal.tenant_id, node_id.lower())
    if row is None or not may_read(principal, NODES, row.path):
        raise NotFound(f"There is no node {node_id[:60]!r}.")
    return row


def node_telemetry(
    reader: Reader,
    principal: Principal,
    scopes: ScopeSet,
    measure: str,
    groups: Sequence[str],
    *,
    cluster_id: str | None,
    pool: str | None,
    now: Instant,
) -> list[tuple[float, list[tuple[str, str, str]]]]:
    """Sums over the nodes `list_nodes` shows (inventory.telemetry); None does not narrow them.

    No node of a cluster that is disconnected at `now` counts as ready.
    """
    if cluster_id is not None:
        cluster_id = visible_cluster(reader, principal, NODES, cluster_id).id
    nodes = store.select_amounts(reader, principal.tenant_id, readable(scopes), cluster_id)
    since = silent_since(now)
    for it in nodes:
        if (it["last_liveness"] or "") < since:
            # Nobody can say that it still is.
            it["status"] = "Unknown"
    return telemetry.total((it for it in nodes if pool in (None, it["node_pool"])), measure, groups)


def list_storage_classes(
    reader: Reader, principal: Principal, cluster_id: str
) -> tuple[str, list[StorageClassRow]]:
    """A cluster the caller sees, and its storage classes by name. Raises NotFound."""
    cluster = visible_cluster(reader, principal, CLUSTER, cluster_id)
    return cluster.id, store.select_storage_classes(reader, principal.tenant_id, cluster.id)
