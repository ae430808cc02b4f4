"""What is known of a cluster, a node pool or a node, as readings for their series.

Nodes are as their cluster's agent last said, so that is the instant of the reading. A share of something is
worked out over the nodes of which both parts were reported, in percent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from runplane.server.authz.permissions import DEPARTMENT, PROJECT, READ, permission
from runplane.server.authz.principal import Principal
from runplane.server.core.clock import Instant
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.clusters.store import select_cluster
from runplane.server.organization.inventory import store
from runplane.server.organization.inventory.model import NodeRow
from runplane.server.organization.series import Reading
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS
from runplane.server.organization.units.reported.sums import QUOTA, Measure, Narrowing, sums
from runplane.server.sql.unit import Unit

Amounts = Mapping[str, Any]
Worth = Callable[[Sequence[Amounts]], float | None]


def _sum(*names: str, minus: str | None = None) -> Worth:
    """The sum of one amount, less another, over the nodes of which both are known."""

    def worth(nodes: Sequence[Amounts]) -> float | None:
        needed = (*names, *((minus,) if minus else ()))
        known = [it for it in nodes if all(it[name] is not None for name in needed)]
        if not known:
            return None
        return sum(it[name] for it in known for name in names) - sum(it[minus] for it in known if minus)

    return worth


def _percent(part: str, whole: str) -> Worth:
    def worth(nodes: Sequence[Amounts]) -> float | None:
        known = [it for it in nodes if it[part] is not None and it[whole]]
        if not known:
            return None
        return round(100 * sum(it[part] for it in known) / sum(it[whole] for it in known), 3)

    return worth


def _gpu_nodes(nodes: Sequence[Amounts]) -> float | None:
    return sum(1 for it in nodes if it["gpu_count"])


OF_CLUSTERS: Final[Mapping[str, Worth]] = {
    "TOTAL_GPU_NODES": _gpu_nodes,
    "TOTAL_GPU": _sum("gpu_count"),
    "ALLOCATED_GPU": _sum("allocated_gpus"),
    "UNALLOCATED_GPU": _sum("gpu_count", minus="allocated_gpus"),
    "GPU_MEMORY_UTILIZATION": _percent("used_gpu_memory_bytes", "gpu_memory_bytes"),
    "CPU_UTILIZATION": _percent("used_cpu_cores", "cpu_cores"),
    "CPU_MEMORY_UTILIZATION": _percent("used_cpu_memory_bytes", "cpu_memory_bytes"),
}
"""Metrics of clusters and pools that agents report, and what nodes make of them."""

OF_NODES: Final[Mapping[str, Worth]] = {
    "GPU_MEMORY_USAGE_BYTES": _sum("used_gpu_memory_bytes"),
    "GPU_MEMORY_UTILIZATION": OF_CLUSTERS["GPU_MEMORY_UTILIZATION"],
    "CPU_USAGE_CORES": _sum("used_cpu_cores"),
    "CPU_UTILIZATION": OF_CLUSTERS["CPU_UTILIZATION"],
    "CPU_MEMORY_USAGE_BYTES": _sum("used_cpu_memory_bytes"),
    "CPU_MEMORY_UTILIZATION": OF_CLUSTERS["CPU_MEMORY_UTILIZATION"],
}

_GPU_QUOTA: Final = Measure(QUOTA, "gpu")
_GPU_ALLOCATED: Final = Measure("allocated", "gpu")
_UNITS: Final = {"Project": (PROJECTS, PROJECT), "Department": (DEPARTMENTS, DEPARTMENT)}


def node_readings(unit: Unit, node: NodeRow) -> dict[str, list[Reading]]:
    """The readings of a node by metric."""
    cluster = select_cluster(unit, node.tenant_id, node.cluster_id)
    if cluster is None or cluster.last_liveness is None:
        return {}
    nodes = [it for it in _nodes(unit, cluster) if it["name"] == node.name]
    return _readings(OF_NODES, nodes, cluster.last_liveness, _labels(cluster))


def cluster_readings(
    unit: Unit, principal: Principal, cluster: ClusterRow, *, group: str | None, pool: str | None
) -> dict[str, list[Reading]]:
    """The readings of a cluster by metric, of one node pool if `pool` names one.

    Grouped by project or department they are those the caller may read.
    """
    if group in _UNITS:
        return _by_unit(unit, principal, cluster, group, pool)
    if group not in (None, "Nodepool"):
        # Agents do not tell categories of workloads apart.
        return {}
    found: dict[str, list[Reading]] = {}
    whole = ScopeSet((cluster.path,))
    marks = _labels(cluster)
    by_pool = group is not None
    narrowing = Narrowing(cluster.id, pool_name=pool)
    quotas = sums(
        unit, PROJECTS, cluster.tenant_id, whole, _GPU_QUOTA, ("pool",) if by_pool else (), narrowing
    )
    found["GPU_QUOTA"] = [
        Reading(it.value, unit.now, {"nodepool": it.keys[0][1]} if by_pool else None) for it in quotas
    ]
    if cluster.last_liveness is None:
        return found
    nodes = [it for it in _nodes(unit, cluster) if pool in (None, it["node_pool"])]
    if not by_pool:
        return found | _readings(OF_CLUSTERS, nodes, cluster.last_liveness, marks)
    for name in sorted({it["node_pool"] for it in nodes}):
        inside = [it for it in nodes if it["node_pool"] == name]
        labels = {"nodepool": name, **(marks or {})}
        for metric, values in _readings(OF_CLUSTERS, inside, cluster.last_liveness, labels).items():
            found.setdefault(metric, []).extend(values)
    return found


def _by_unit(
    unit: Unit, principal: Principal, cluster: ClusterRow, group: str, pool: str | None
) -> dict[str, list[Reading]]:
    kind, resource = _UNITS[group]
    scopes = principal.grants.scopes(permission(READ, resource))
    narrowing = Narrowing(cluster.id, pool_name=pool)
    at = {_GPU_QUOTA: unit.now, _GPU_ALLOCATED: cluster.last_liveness}
    found: dict[str, list[Reading]] = {}
    for metric, measure in (("GPU_QUOTA", _GPU_QUOTA), ("ALLOCATED_GPU", _GPU_ALLOCATED)):
        instant = at[measure]
        if instant is None:
            continue
        parts = sums(unit, kind, principal.tenant_id, scopes, measure, ("unit",), narrowing)
        marks = _labels(cluster) if measure is _GPU_ALLOCATED else None
        found[metric] = [
            Reading(it.value, instant, {kind.noun: it.keys[0][1], **(marks or {})}) for it in parts
        ]
    return found


def _nodes(unit: Unit, cluster: ClusterRow) -> list[dict[str, Any]]:
    return store.select_amounts(unit, cluster.tenant_id, ScopeSet((cluster.path,)), cluster.id)


def _readings(
    metrics: Mapping[str, Worth], nodes: Iterable[Amounts], at: Instant, labels: Mapping[str, str] | None
) -> dict[str, list[Reading]]:
    known = list(nodes)
    if not known:
        return {}
    worths = {name: worth(known) for name, worth in metrics.items()}
    return {name: [Reading(value, at, labels)] for name, value in worths.items() if value is not None}


def _labels(cluster: ClusterRow) -> Mapping[str, str] | None:
    return {"simulated": "true"} if cluster.simulated else None
