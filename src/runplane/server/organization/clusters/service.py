"""Rules of clusters: how one is made, named, asked to leave and removed.

A cluster never exists without its scope, its agent's credential, a `default` node pool and a `default`
department: all are made in one transaction, and removed in one.
"""

from __future__ import annotations

from typing import Any

from runplane.server.authz import tree
from runplane.server.authz.permissions import CLUSTER
from runplane.server.authz.principal import Principal
from runplane.server.core.ids import new_id
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet, ScopeType
from runplane.server.core.secrets import new_secret
from runplane.server.identity.clients.agents import create_agent, delete_agent
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.organization.clusters import store
from runplane.server.organization.clusters.access import readable, unknown_cluster, visible_cluster
from runplane.server.organization.clusters.model import ClusterRow, check_text
from runplane.server.organization.node_pools.births import create_default_pool
from runplane.server.organization.units.defaults.store import insert_default_department
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

DEFAULT = "default"
"""The name of the pool and of the department that every cluster has."""


def list_clusters(
    reader: Reader, principal: Principal, scopes: ScopeSet, page: Page, *, leaving: bool
) -> list[ClusterRow]:
    """The clusters that somebody sees who may read clusters in `scopes`, oldest first."""
    return store.select_clusters(reader, principal.tenant_id, page, readable(scopes), leaving=leaving)


def get_cluster(reader: Reader, principal: Principal, cluster_id: str) -> ClusterRow:
    """One of the clusters that `list_clusters` shows. Raises NotFound."""
    return visible_cluster(reader, principal, CLUSTER, cluster_id)


def create_cluster(
    unit: Unit,
    principal: Principal,
    kek: KeyEncryptionKey,
    *,
    name: str,
    domain: str | None,
    version: str | None,
) -> ClusterRow:
    """Make a cluster that waits for its agent. Raises Invalid and AlreadyExists."""
    cluster_id, secret = new_id(), new_secret()
    name = check_text(name, "name", required=True) or ""
    node = tree.add(unit, principal.tenant_id, ScopeType.CLUSTER, cluster_id, name, principal.tenant_path)
    row = ClusterRow(
        id=cluster_id,
        tenant_id=principal.tenant_id,
        name=name,
        path=node.path,
        domain=check_text(domain, "domain"),
        version=check_text(version, "version"),
        created_at=unit.now,
        updated_at=unit.now,
        delete_requested_at=None,
        last_liveness=None,
        simulated=False,
        agent_secret=kek.seal(secret.encode(), agent_secret_context(cluster_id)),
        report={},
    )
    values: dict[str, Any] = {key: getattr(row, key) for key in ClusterRow.__slots__}
    store.insert_cluster(unit, {**values, "report": None, "created_by": principal.name})
    create_agent(unit, principal.tenant_id, cluster_id, secret, principal.name)
    pool_id = create_default_pool(unit, row, principal.name)
    insert_default_department(unit, principal.tenant_id, cluster_id, node.path, pool_id, principal.name)
    return row


def agent_secret(row: ClusterRow, kek: KeyEncryptionKey) -> str:
    """The client secret of a cluster's agent. Raises VaultError when another key sealed it."""
    return kek.open(row.agent_secret, agent_secret_context(row.id)).decode()


def rename_cluster(unit: Unit, principal: Principal, cluster_id: str, name: str) -> ClusterRow:
    """Give a cluster another name; returns it as it was before. Raises Invalid, NotFound, AlreadyExists."""
    row = _locked(unit, principal, cluster_id)
    name = check_text(name, "name", required=True) or ""
    store.update_cluster(unit, row.tenant_id, row.id, {"name": name, "updated_at": unit.now})
    tree.rename(unit, row.tenant_id, ScopeType.CLUSTER, row.id, name)
    return row


def delete_cluster(
    unit: Unit, principal: Principal, cluster_id: str, *, force: bool
) -> tuple[ClusterRow, bool]:
    """Remove a cluster, or ask its agent to leave; returns it and whether it is gone already.

    One that never had an agent has nothing to clean up, so it goes at once, as it does with `force`.
    """
    row = _locked(unit, principal, cluster_id)
    if force or row.last_liveness is None:
        remove_cluster(unit, row, principal.name)
        return row, True
    if row.delete_requested_at is None:
        values = {"delete_requested_at": unit.now, "updated_at": unit.now}
        store.update_cluster(unit, row.tenant_id, row.id, values)
    return row, False


def remove_cluster(unit: Unit, row: ClusterRow, by: str) -> None:
    """Take a cluster away with all that is in it; its agent's tokens end, rules in it are marked deleted."""
    tree.remove(unit, row.tenant_id, ScopeType.CLUSTER, row.id, by)
    delete_agent(unit, row.tenant_id, row.id)
    store.delete_cluster(unit, row.tenant_id, row.id)


def _locked(unit: Unit, principal: Principal, cluster_id: str) -> ClusterRow:
    row = store.lock_cluster(unit, principal.tenant_id, cluster_id.lower())
    if row is None:
        raise unknown_cluster(cluster_id)
    return row


def agent_secret_context(cluster_id: str) -> bytes:
    """The place that a sealed agent secret is bound to."""
    return b"agent secret of " + cluster_id.encode()
