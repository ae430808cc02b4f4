"""SQL of node pools and of which node is in which. Every statement names the tenant or a cluster of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.inventory.tables import nodes
from runplane.server.organization.node_pools.model import (
    ACCELERATION_LABEL,
    NODE_POOLS,
    Claim,
    PoolRow,
    PoolSpec,
)
from runplane.server.organization.node_pools.tables import network_topologies, node_pools
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_POOL = node_pools.c
_SHOWN: list[ColumnElement[Any]] = [
    _POOL.id,
    _POOL.tenant_id,
    _POOL.cluster_id,
    clusters.c.name,
    _POOL.path,
    _POOL.name,
    _POOL.is_default,
    _POOL.label_key,
    _POOL.label_value,
    _POOL.over_provisioning_ratio,
    _POOL.acceleration_label_key,
    _POOL.acceleration_detection,
    _POOL.swap_enabled,
    _POOL.node_level_scheduler_enabled,
    _POOL.swap_sizes,
    _POOL.scheduling,
    _POOL.network_topology_id,
    network_topologies.c.name,
    _POOL.acceleration_detected,
    _POOL.phase,
    _POOL.phase_message,
    _POOL.created_by,
    _POOL.created_at,
    _POOL.updated_by,
    _POOL.updated_at,
]
_ROWS = select(*_SHOWN).select_from(
    node_pools.join(clusters, clusters.c.id == _POOL.cluster_id).outerjoin(
        network_topologies, network_topologies.c.id == _POOL.network_topology_id
    )
)
_ONE = Prepared(_ROWS.where(_POOL.id == bindparam("id"), _POOL.tenant_id == bindparam("tenant_id")))
_BY_NAME = Prepared(
    _ROWS.where(
        _POOL.cluster_id == bindparam("cluster_id"),
        _POOL.tenant_id == bindparam("tenant_id"),
        func.replace(_POOL.name, "_", "-") == bindparam("name"),
    ).order_by(_POOL.id)
)
_CLAIMS = Prepared(
    select(_POOL.id, _POOL.is_default, _POOL.label_key, _POOL.label_value, _POOL.acceleration_label_key)
    .where(_POOL.cluster_id == bindparam("cluster_id"))
    .order_by(_POOL.id)
)
_NODE_NAMES = Prepared(
    select(nodes.c.name).where(nodes.c.node_pool_id == bindparam("id")).order_by(nodes.c.name)
)
_LIST: Final = ListQuery(
    NODE_POOLS,
    _ROWS,
    {
        "name": _POOL.name,
        "clusterId": _POOL.cluster_id,
        "phase": _POOL.phase,
        "createdAt": _POOL.created_at,
        "updatedAt": _POOL.updated_at,
        "networkTopologyName": network_topologies.c.name,
        "gpuNetworkAccelerationDetection": _POOL.acceleration_detection,
        "gpuNetworkAccelerationDetected": _POOL.acceleration_detected,
        "gpuNetworkAccelerationLabelKey": _POOL.acceleration_label_key,
        "swapEnabled": _POOL.swap_enabled,
        "nodeLevelSchedulerEnabled": _POOL.node_level_scheduler_enabled,
    },
    _POOL.id,
    _POOL.path,
)
_OF_TENANT = (_POOL.tenant_id == bindparam("tenant_id"),)


def _pool(row: Row) -> PoolRow:
    (
        id_, tenant_id, cluster_id, cluster_name, path, name, is_default, label_key, label_value, ratio,
        acceleration_key, detection, swap, node_level, sizes, scheduling, topology_id, topology_name,
        detected, phase, phase_message, created_by, created_at, updated_by, updated_at,
    ) = row  # fmt: skip
    spec = PoolSpec(
        label_key, label_value, ratio, acceleration_key, detection, bool(swap), bool(node_level),
        **json.loads(sizes), **json.loads(scheduling), network_topology_id=topology_id,
    )  # fmt: skip
    return PoolRow(
        id_, tenant_id, cluster_id, cluster_name, path, name, bool(is_default), spec, topology_name,
        None if detected is None else bool(detected), phase, phase_message, created_by, created_at,
        updated_by, updated_at,
    )  # fmt: skip


def _values(spec: PoolSpec) -> dict[str, Any]:
    return {
        "label_key": spec.label_key,
        "label_value": spec.label_value,
        "over_provisioning_ratio": spec.over_provisioning_ratio,
        "acceleration_label_key": spec.acceleration_label_key,
        "acceleration_detection": spec.acceleration_detection,
        "swap_enabled": spec.swap_enabled,
        "node_level_scheduler_enabled": spec.node_level_scheduler_enabled,
        "swap_sizes": json.dumps(
            {
                "cpu_swap_memory_size": spec.cpu_swap_memory_size,
                "reserved_gpu_memory": spec.reserved_gpu_memory,
            }
        ),
        "scheduling": json.dumps(
            {
                "cpu_placement": spec.cpu_placement,
                "gpu_placement": spec.gpu_placement,
                "min_guaranteed_runtime": spec.min_guaranteed_runtime,
            }
        ),
        "network_topology_id": spec.network_topology_id,
    }


def select_pool(reader: Reader, tenant_id: int, pool_id: int) -> PoolRow | None:
    """A node pool by number."""
    row = reader.one(_ONE, {"id": pool_id, "tenant_id": tenant_id})
    return _pool(row) if row else None


def select_pool_by_name(reader: Reader, tenant_id: int, cluster_id: str, name: str) -> PoolRow | None:
    """A node pool of a cluster by name, `_` and `-` being one: the official client changes addresses so."""
    params = {"cluster_id": cluster_id, "tenant_id": tenant_id, "name": name.replace("_", "-")}
    found = [_pool(row) for row in reader.all(_BY_NAME, params)]
    return next((it for it in found if it.name == name), found[0] if found else None)


def select_pools(reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet) -> list[PoolRow]:
    """A page of the node pools within `scopes`."""
    query, params = _LIST.page(page, scopes=scopes, where=_OF_TENANT, shape_key="tenant")
    return [_pool(row) for row in reader.all(query, {**params, "tenant_id": tenant_id})]


def count_pools(reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet) -> int:
    """How many node pools there are on all pages."""
    query, params = _LIST.count(page, scopes=scopes, where=_OF_TENANT, shape_key="tenant")
    return reader.scalar(query, {**params, "tenant_id": tenant_id})


def select_node_names(reader: Reader, pool_id: int) -> list[str]:
    """The names of the nodes in a pool."""
    return [row[0] for row in reader.all(_NODE_NAMES, {"id": pool_id})]


def select_node_names_of_many(unit: Unit, pool_ids: Iterable[int]) -> dict[int, list[str]]:
    """Pool → the names of its nodes, in one statement."""
    wanted = list(pool_ids)
    found: dict[int, list[str]] = {pool_id: [] for pool_id in wanted}
    query = select(nodes.c.node_pool_id, nodes.c.name).where(nodes.c.node_pool_id.in_(wanted))
    for row in unit.execute(query.order_by(nodes.c.name)).mappings():
        found[row["node_pool_id"]].append(row["name"])
    return found


def insert_pool(unit: Unit, identity: Mapping[str, Any], spec: PoolSpec) -> int:
    """Store a node pool and return its number. Raises AlreadyExists for a name its cluster has."""
    query = insert(node_pools).values(**identity, **_values(spec)).returning(_POOL.id)
    try:
        return unit.execute(query).scalar_one()
    except IntegrityError as error:
        raise AlreadyExists("Node pool", identity["name"]) from error


def update_pool(unit: Unit, pool_id: int, spec: PoolSpec, by: str) -> None:
    """Give a node pool another specification."""
    values = {**_values(spec), "updated_by": by, "updated_at": unit.now}
    unit.execute(update(node_pools).where(_POOL.id == pool_id).values(**values))


def delete_pool(unit: Unit, pool_id: int) -> None:
    """Remove a node pool, and with it the quotas given in it. No node may be in it any more."""
    unit.execute(delete(node_pools).where(_POOL.id == pool_id))


def select_claims(reader: Reader, cluster_id: str) -> list[Claim]:
    """How the pools of a cluster claim nodes, oldest pool first."""
    return [
        Claim(pool_id, bool(is_default), key, value, acceleration_key or ACCELERATION_LABEL)
        for pool_id, is_default, key, value, acceleration_key in reader.all(
            _CLAIMS, {"cluster_id": cluster_id}
        )
    ]


def select_members(unit: Unit, cluster_id: str) -> list[tuple[str, int, str, dict[str, str]]]:
    """(node, pool, status, labels) of every node of a cluster."""
    query = select(nodes.c.id, nodes.c.node_pool_id, nodes.c.status, nodes.c.labels)
    rows = unit.execute(query.where(nodes.c.cluster_id == cluster_id).order_by(nodes.c.id)).mappings()
    return [(it["id"], it["node_pool_id"], it["status"], json.loads(it["labels"])) for it in rows]


def move_nodes(unit: Unit, moves: Mapping[str, int]) -> None:
    """Put nodes (by id) into other pools."""
    if moves:
        query = update(nodes).where(nodes.c.id == bindparam("node")).values(node_pool_id=bindparam("pool"))
        unit.execute(query, [{"node": node, "pool": pool} for node, pool in sorted(moves.items())])


def update_phase(unit: Unit, pool_id: int, phase: str, message: str, *, detected: bool | None) -> None:
    """Store what the nodes of a pool say about it, if it is news."""
    changed = (_POOL.phase != phase) | (_POOL.acceleration_detected.is_distinct_from(detected))
    unit.execute(
        update(node_pools)
        .where(_POOL.id == pool_id, changed)
        .values(phase=phase, phase_message=message, acceleration_detected=detected)
    )
