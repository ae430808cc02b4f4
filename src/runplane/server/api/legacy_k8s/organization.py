"""The organization in the old dialect, in one list: clusters and everything below their addresses."""

from __future__ import annotations

from runplane.server.api.legacy_k8s import clusters, departments, metrics, node_pools, projects
from runplane.server.http.operation import Operation
from runplane.server.identity.service import Identity


def operations(identity: Identity) -> list[Operation]:
    """All of them."""
    return [
        *clusters.operations(identity),
        *metrics.operations(),
        *node_pools.operations(),
        *projects.operations(),
        *departments.operations(),
    ]
