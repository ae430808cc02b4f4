"""Rules of node pools: the default one stays, names and labels are unique, nodes follow labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from runplane.server.authz.permissions import NODE_POOLS
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import AlreadyExists, Invalid, NotFound
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.access import (
    may_read,
    must_stay,
    readable,
    unknown_cluster,
    visible_cluster,
)
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.clusters.store import lock_cluster
from runplane.server.organization.node_pools import store
from runplane.server.organization.node_pools.births import newborn
from runplane.server.organization.node_pools.membership import settle
from runplane.server.organization.node_pools.model import (
    DEFAULT_LABEL,
    PoolRow,
    PoolSpec,
    check_name,
    check_spec,
)
from runplane.server.organization.node_pools.topologies.store import select_topology
from runplane.server.organization.units.defaults.store import insert_pool_quotas, refresh_totals
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

MAX_DIGITS = 18
"""Digits of a number that both databases hold."""

_DEFAULTS = {it.name: it.default for it in fields(PoolSpec)}


def list_pools(
    unit: Unit, principal: Principal, scopes: ScopeSet, page: Page
) -> list[tuple[PoolRow, list[str]]]:
    """A page of the pools that somebody sees who may read pools in `scopes`, each with its nodes' names."""
    rows = store.select_pools(unit, principal.tenant_id, page, readable(scopes))
    names = store.select_node_names_of_many(unit, [row.id for row in rows])
    return [(row, names[row.id]) for row in rows]


def count_pools(reader: Reader, principal: Principal, scopes: ScopeSet, page: Page) -> int:
    """How many pools `list_pools` finds on all pages."""
    return store.count_pools(reader, principal.tenant_id, page, readable(scopes))


def get_pool(reader: Reader, principal: Principal, pool_id: str) -> PoolRow:
    """One of the pools that `list_pools` shows. Raises NotFound."""
    number = int(pool_id) if pool_id.isdecimal() and len(pool_id) <= MAX_DIGITS else 0
    row = store.select_pool(reader, principal.tenant_id, number)
    if row is None or not may_read(principal, NODE_POOLS, row.path):
        raise NotFound(f"There is no node pool {pool_id[:60]!r}.")
    return row


def node_names(reader: Reader, row: PoolRow) -> list[str]:
    """The names of the nodes in a pool."""
    return store.select_node_names(reader, row.id)


def get_pool_by_name(reader: Reader, principal: Principal, cluster_id: str, name: str) -> PoolRow:
    """A pool of a cluster by name. Raises NotFound."""
    cluster = visible_cluster(reader, principal, NODE_POOLS, cluster_id)
    row = store.select_pool_by_name(reader, principal.tenant_id, cluster.id, name)
    if row is None:
        raise NotFound(f"There is no node pool {name[:60]!r} in the cluster.")
    return row


def create_pool(
    unit: Unit, principal: Principal, cluster_id: str, name: str, changes: Mapping[str, Any]
) -> PoolRow:
    """Make a pool and give every department and project of the cluster its row in it.

    `changes` holds members of PoolSpec; None stands for the default. Raises Invalid, NotFound, AlreadyExists.
    """
    cluster = _locked(unit, principal, cluster_id)
    must_stay(cluster)
    check_name(name)
    spec = check_spec(_changed(PoolSpec(), changes), is_default=False)
    _check_topology(unit, cluster, spec)
    _check_label(unit, cluster, spec, None)
    pool_id = store.insert_pool(unit, newborn(unit, cluster, name, principal.name, is_default=False), spec)
    insert_pool_quotas(unit, cluster.id, pool_id)
    settle(unit, cluster)
    return get_pool(unit, principal, str(pool_id))


def update_pool(
    unit: Unit, principal: Principal, pool_id: str, changes: Mapping[str, Any], *, whole: bool
) -> PoolRow:
    """Change a pool. With `whole`, what `changes` leaves out goes back to its default, except the label.

    Raises Invalid, NotFound and AlreadyExists.
    """
    row = get_pool(unit, principal, pool_id)
    cluster = _locked(unit, principal, row.cluster_id)
    # again, now that nobody else can change it
    row = get_pool(unit, principal, pool_id)
    before = PoolSpec() if whole else row.spec
    spec = _changed(before, {**changes, **_label(row, changes)})
    check_spec(spec, is_default=row.is_default)
    _check_topology(unit, cluster, spec)
    _check_label(unit, cluster, spec, row.id)
    store.update_pool(unit, row.id, spec, principal.name)
    settle(unit, cluster)
    return get_pool(unit, principal, pool_id)


def delete_pool(unit: Unit, principal: Principal, pool_id: str) -> PoolRow:
    """Remove a pool with the quotas given in it; its nodes fall to other pools. Returns what it was.

    Raises NotFound, and Invalid for the default pool.
    """
    row = get_pool(unit, principal, pool_id)
    if row.is_default:
        raise Invalid("The default node pool cannot be deleted: it holds the nodes that no label claims.")
    cluster = _locked(unit, principal, row.cluster_id)
    settle(unit, cluster, without=row.id)
    store.delete_pool(unit, row.id)
    refresh_totals(unit, cluster.id)
    return row


def changed_fields(before: PoolSpec, after: PoolSpec) -> str:
    """The members that differ, for the audit log."""
    names = (it.name for it in fields(PoolSpec))
    return ", ".join(name for name in names if getattr(before, name) != getattr(after, name))


def _label(row: PoolRow, changes: Mapping[str, Any]) -> dict[str, str]:
    found = {name: changes.get(name) or getattr(row.spec, name) for name in ("label_key", "label_value")}
    # Who sends back what was shown changes nothing.
    shown = row.is_default and set(found.values()) <= {"", *DEFAULT_LABEL}
    return dict.fromkeys(found, "") if shown else found


def _changed(spec: PoolSpec, changes: Mapping[str, Any]) -> PoolSpec:
    return replace(spec, **{k: _DEFAULTS[k] if value is None else value for k, value in changes.items()})


def _locked(unit: Unit, principal: Principal, cluster_id: str) -> ClusterRow:
    cluster = lock_cluster(unit, principal.tenant_id, cluster_id.lower())
    if cluster is None:
        raise unknown_cluster(cluster_id)
    return cluster


def _check_topology(unit: Unit, cluster: ClusterRow, spec: PoolSpec) -> None:
    if spec.network_topology_id is None:
        return
    found = select_topology(unit, cluster.tenant_id, spec.network_topology_id)
    if found is None or found.cluster_id != cluster.id:
        raise Invalid(f"There is no network topology {spec.network_topology_id[:60]!r} in this cluster.")


def _check_label(unit: Unit, cluster: ClusterRow, spec: PoolSpec, own: int | None) -> None:
    # Two pools with one label would fight for the same nodes.
    for claim in store.select_claims(unit, cluster.id):
        same = (claim.label_key, claim.label_value) == (spec.label_key, spec.label_value)
        if same and claim.pool_id != own and not claim.is_default:
            raise AlreadyExists("A node pool with the label", f"{spec.label_key}={spec.label_value}")
