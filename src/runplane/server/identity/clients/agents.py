"""The credential of a cluster's agent: one for each cluster, its client id is the cluster's uuid.

It lives and dies with its cluster and shows in no list of service accounts.
"""

from __future__ import annotations

from runplane.server.core.ids import new_id
from runplane.server.core.secrets import digest, hint
from runplane.server.identity.clients import store
from runplane.server.identity.records import ClientKind
from runplane.server.identity.store import select_client_by_identifier
from runplane.server.sql.unit import Unit


def create_agent(unit: Unit, tenant_id: int, cluster_id: str, secret: str, by: str) -> None:
    """Make the credential of a new cluster."""
    key = new_id()
    values = {
        "id": key,
        "tenant_id": tenant_id,
        "kind": ClientKind.CLUSTER.value,
        "name": cluster_id,
        "client_id": cluster_id,
        "owner_id": "",
        "enabled": True,
        "created_by": by,
        "created_at": unit.now,
        "updated_at": unit.now,
    }
    store.insert_client(unit, values)
    store.insert_secret(
        unit,
        {
            "id": new_id(),
            "client_key": key,
            "digest": digest(secret),
            "hint": hint(secret),
            "created_at": unit.now,
        },
    )
    unit.changed(tenant_id)


def delete_agent(unit: Unit, tenant_id: int, cluster_id: str) -> None:
    """Remove the credential; tokens got with it are refused from the commit on."""
    row = select_client_by_identifier(unit, tenant_id, cluster_id)
    if row is not None and row.kind == ClientKind.CLUSTER:
        store.delete_client(unit, tenant_id, row.id)
    unit.changed(tenant_id)
