"""SQL of what agents report: whole lists come in, differences are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update

from runplane.server.core.listing import Envelope, Listing, Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.inventory.model import CAPACITY, NODES, NodeRow, StorageClassRow
from runplane.server.organization.inventory.tables import nodes, storage_classes
from runplane.server.organization.node_pools.tables import node_pools
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_NODE = nodes.c
_CLASS = storage_classes.c
_SHOWN: list[ColumnElement[Any]] = [
    _NODE.id,
    _NODE.tenant_id,
    _NODE.cluster_id,
    _NODE.path,
    _NODE.name,
    _NODE.status,
    node_pools.c.name,
    _NODE.gpu_type,
    _NODE.gpu_count,
    _NODE.nvlink_domain_uid,
    _NODE.nvlink_clique_id,
    _NODE.detail,
    _NODE.created_at,
    _NODE.updated_at,
    clusters.c.simulated,
]
_FROM = nodes.join(node_pools, node_pools.c.id == _NODE.node_pool_id).join(
    clusters, clusters.c.id == _NODE.cluster_id
)
_ROWS = select(*_SHOWN).select_from(_FROM)
_ONE = Prepared(_ROWS.where(_NODE.id == bindparam("id"), _NODE.tenant_id == bindparam("tenant_id")))
_LIST: Final = ListQuery(
    NODES,
    _ROWS,
    {
        "name": _NODE.name,
        "status": _NODE.status,
        "nodePool": node_pools.c.name,
        "gpuType": _NODE.gpu_type,
        "nvLinkDomainUid": _NODE.nvlink_domain_uid,
        "nvLinkCliqueId": _NODE.nvlink_clique_id,
        "clusterUuid": _NODE.cluster_id,
    },
    _NODE.id,
    _NODE.path,
)
_AMOUNT_NAMES: Final = (
    *("name", "status", "cluster_id", "cluster_name", "last_liveness", "node_pool", "gpu_count"),
    *CAPACITY,
)
_AMOUNT_COLUMNS: list[ColumnElement[Any]] = [
    _NODE.name,
    _NODE.status,
    _NODE.cluster_id,
    clusters.c.name,
    clusters.c.last_liveness,
    node_pools.c.name,
    _NODE.gpu_count,
    *(_NODE[name] for name in CAPACITY),
]
_AMOUNTS: Final = ListQuery(
    Listing("amounts of nodes", envelope=Envelope(None), paged=False),
    select(*_AMOUNT_COLUMNS).select_from(_FROM),
    {},
    _NODE.id,
    _NODE.path,
)
_OF_TENANT = (_NODE.tenant_id == bindparam("tenant_id"),)
_OF_CLUSTER = (*_OF_TENANT, _NODE.cluster_id == bindparam("cluster_id"))
_CLASSES = Prepared(
    select(*(_CLASS[name] for name in StorageClassRow.__slots__))
    .where(_CLASS.tenant_id == bindparam("tenant_id"), _CLASS.cluster_id == bindparam("cluster_id"))
    .order_by(_CLASS.name)
)
# What of a node is compared to see whether a report says something new.
REPORTED: Final = tuple(
    column.name
    for column in nodes.columns
    if column.name not in ("id", "tenant_id", "cluster_id", "path", "node_pool_id", "updated_at")
)


def _node(row: Row) -> NodeRow:
    values = dict(zip(NodeRow.__slots__, row, strict=True))
    values["detail"] = json.loads(values["detail"])
    values["simulated"] = bool(values["simulated"])
    return NodeRow(**values)


def select_node(reader: Reader, tenant_id: int, node_id: str) -> NodeRow | None:
    """A node by id."""
    row = reader.one(_ONE, {"id": node_id, "tenant_id": tenant_id})
    return _node(row) if row else None


def select_nodes(
    reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet, cluster_id: str | None
) -> list[NodeRow]:
    """A page of the nodes within `scopes`, of one cluster unless it is None."""
    where, shape = (_OF_TENANT, "tenant") if cluster_id is None else (_OF_CLUSTER, "cluster")
    query, params = _LIST.page(page, scopes=scopes, where=where, shape_key=shape)
    return [
        _node(row) for row in reader.all(query, {**params, "tenant_id": tenant_id, "cluster_id": cluster_id})
    ]


def count_nodes(reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet, cluster_id: str | None) -> int:
    """How many nodes there are on all pages."""
    where, shape = (_OF_TENANT, "tenant") if cluster_id is None else (_OF_CLUSTER, "cluster")
    query, params = _LIST.count(page, scopes=scopes, where=where, shape_key=shape)
    return reader.scalar(query, {**params, "tenant_id": tenant_id, "cluster_id": cluster_id})


def select_amounts(
    reader: Reader, tenant_id: int, scopes: ScopeSet, cluster_id: str | None
) -> list[dict[str, Any]]:
    """Status, place and amounts of every node within `scopes`, of one cluster unless it is None.

    `last_liveness` is when its cluster was heard last.
    """
    where, shape = (_OF_TENANT, "tenant") if cluster_id is None else (_OF_CLUSTER, "cluster")
    query, params = _AMOUNTS.page(Page(), scopes=scopes, where=where, shape_key=shape)
    rows = reader.all(query, {**params, "tenant_id": tenant_id, "cluster_id": cluster_id})
    return [dict(zip(_AMOUNT_NAMES, row, strict=True)) for row in rows]


def select_reported(unit: Unit, cluster_id: str) -> dict[str, dict[str, Any]]:
    """Name → the stored columns of each node of a cluster."""
    query = select(_NODE.id, *(_NODE[name] for name in REPORTED)).where(_NODE.cluster_id == cluster_id)
    return {row["name"]: dict(row) for row in unit.execute(query).mappings()}


def insert_nodes(unit: Unit, rows: list[dict[str, Any]]) -> None:
    """Store new nodes."""
    if rows:
        unit.execute(insert(nodes), rows)


def update_node(unit: Unit, node_id: str, values: Mapping[str, Any]) -> None:
    """Store what changed of a node."""
    unit.execute(update(nodes).where(_NODE.id == node_id).values(**values, updated_at=unit.now))


def delete_nodes(unit: Unit, ids: Iterable[str]) -> None:
    """Forget nodes."""
    gone = [{"node": node_id} for node_id in ids]
    if gone:
        unit.execute(delete(nodes).where(_NODE.id == bindparam("node")), gone)


def select_storage_classes(reader: Reader, tenant_id: int, cluster_id: str) -> list[StorageClassRow]:
    """The storage classes of a cluster by name."""
    params = {"tenant_id": tenant_id, "cluster_id": cluster_id}
    return [
        StorageClassRow(name, provisioner, bool(expansion), bool(is_default))
        for name, provisioner, expansion, is_default in reader.all(_CLASSES, params)
    ]


def replace_storage_classes(
    unit: Unit, tenant_id: int, cluster_id: str, rows: Iterable[StorageClassRow]
) -> None:
    """Store the whole list of a cluster's storage classes."""
    unit.execute(delete(storage_classes).where(_CLASS.cluster_id == cluster_id))
    values = [
        {
            "cluster_id": cluster_id,
            "name": row.name,
            "tenant_id": tenant_id,
            "provisioner": row.provisioner,
            "allow_volume_expansion": row.allow_volume_expansion,
            "is_default": row.is_default,
        }
        for row in rows
    ]
    if values:
        unit.execute(insert(storage_classes), values)
