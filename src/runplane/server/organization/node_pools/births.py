"""The pool every cluster has from its first second."""

from __future__ import annotations

from typing import Any, Final

from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.node_pools import store
from runplane.server.organization.node_pools.model import MESSAGES, PoolPhase, PoolSpec
from runplane.server.sql.unit import Unit

NAME: Final = "default"


def newborn(unit: Unit, cluster: ClusterRow, name: str, by: str, *, is_default: bool) -> dict[str, Any]:
    """The columns of a new pool beside its specification."""
    return {
        "tenant_id": cluster.tenant_id,
        "cluster_id": cluster.id,
        "path": cluster.path,
        "name": name,
        "is_default": is_default,
        "acceleration_detected": None,
        "phase": PoolPhase.CREATING.value,
        "phase_message": MESSAGES[PoolPhase.CREATING],
        "created_by": by,
        "created_at": unit.now,
        "updated_by": by,
        "updated_at": unit.now,
    }


def create_default_pool(unit: Unit, cluster: ClusterRow, by: str) -> int:
    """Make the pool that holds the nodes which no label claims; returns its number."""
    return store.insert_pool(unit, newborn(unit, cluster, NAME, by, is_default=True), PoolSpec())
