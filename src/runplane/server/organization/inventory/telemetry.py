"""Sums over the nodes of a tenant as last reported.

An amount that not a single node of a group reported is left out: a zero would be an invented number. What
some reported is the sum of those. `FREE_GPUS` and `FULLY_FREE_GPU_NODES` come from what is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

Amounts = Mapping[str, Any]


def _column(name: str) -> Callable[[Amounts], float | None]:
    return lambda node: node[name]


def _ready(node: Amounts) -> bool:
    return node["status"] == "Ready"


def _free(node: Amounts) -> float | None:
    return None if node["allocated_gpus"] is None else max(0.0, node["gpu_count"] - node["allocated_gpus"])


def _fully_free(node: Amounts) -> float | None:
    if node["allocated_gpus"] is None:
        return None
    return 1 if node["gpu_count"] and node["allocated_gpus"] == 0 else 0


MEASURES: Final[Mapping[str, Callable[[Amounts], float | None]]] = {
    "READY_GPU_NODES": lambda node: 1 if node["gpu_count"] and _ready(node) else 0,
    "READY_GPUS": lambda node: node["gpu_count"] if _ready(node) else 0,
    "TOTAL_GPU_NODES": lambda node: 1 if node["gpu_count"] else 0,
    "TOTAL_GPUS": _column("gpu_count"),
    "IDLE_ALLOCATED_GPUS": _column("idle_allocated_gpus"),
    "FREE_GPUS": _free,
    "ALLOCATED_GPUS": _column("allocated_gpus"),
    "TOTAL_CPU_CORES": _column("cpu_cores"),
    "USED_CPU_CORES": _column("used_cpu_cores"),
    "ALLOCATED_CPU_CORES": _column("allocated_cpu_cores"),
    "TOTAL_GPU_MEMORY_BYTES": _column("gpu_memory_bytes"),
    "USED_GPU_MEMORY_BYTES": _column("used_gpu_memory_bytes"),
    "TOTAL_CPU_MEMORY_BYTES": _column("cpu_memory_bytes"),
    "USED_CPU_MEMORY_BYTES": _column("used_cpu_memory_bytes"),
    "ALLOCATED_CPU_MEMORY_BYTES": _column("allocated_cpu_memory_bytes"),
    "FULLY_FREE_GPU_NODES": _fully_free,
}
"""Type of the contract → what one node adds to it, None where it was not reported."""

GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "ClusterId": ("cluster_id", "cluster_name"),
    "Nodepool": ("node_pool", "node_pool"),
    "Node": ("name", "name"),
}
"""Name of the contract → where a node has the value and the name of the group."""


def total(
    nodes: Iterable[Amounts], measure: str, groups: Sequence[str]
) -> list[tuple[float, list[tuple[str, str, str]]]]:
    """The sum for each group, in the order of the groups' values: (sum, (key, value, name) of each group)."""
    add = MEASURES[measure]
    sums: dict[tuple[tuple[str, str, str], ...], float] = {}
    for node in nodes:
        value = add(node)
        if value is not None:
            key = tuple((name, node[GROUPS[name][0]], node[GROUPS[name][1]]) for name in groups)
            sums[key] = sums.get(key, 0) + value
    return [(value, list(key)) for key, value in sorted(sums.items())]
