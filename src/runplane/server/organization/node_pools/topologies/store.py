"""SQL of network topologies. Every statement names the tenant or a cluster of it."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.node_pools.tables import network_topologies, node_pools
from runplane.server.organization.node_pools.topologies.model import TOPOLOGIES, TopologyRow
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_TOPOLOGY = network_topologies.c
_COLUMNS = tuple(_TOPOLOGY[name] for name in TopologyRow.__slots__)
_ONE = Prepared(
    select(*_COLUMNS).where(_TOPOLOGY.id == bindparam("id"), _TOPOLOGY.tenant_id == bindparam("tenant_id"))
)
_LEVELS = Prepared(select(_TOPOLOGY.levels).where(_TOPOLOGY.cluster_id == bindparam("cluster_id")))
_USERS = Prepared(
    select(node_pools.c.network_topology_id, node_pools.c.name)
    .where(
        node_pools.c.tenant_id == bindparam("tenant_id"),
        node_pools.c.network_topology_id.is_not(None),
    )
    .order_by(node_pools.c.name, node_pools.c.id)
)
_USERS_OF_ONE = Prepared(
    select(node_pools.c.name)
    .where(node_pools.c.network_topology_id == bindparam("id"))
    .order_by(node_pools.c.name)
)
_LIST: Final = ListQuery(
    TOPOLOGIES,
    select(*_COLUMNS),
    {
        "name": _TOPOLOGY.name,
        "clusterId": _TOPOLOGY.cluster_id,
        "source": _TOPOLOGY.source,
        "phase": _TOPOLOGY.phase,
    },
    _TOPOLOGY.id,
    _TOPOLOGY.path,
)
_OF_TENANT = (_TOPOLOGY.tenant_id == bindparam("tenant_id"),)


def _row(row: Row) -> TopologyRow:
    id_, tenant_id, cluster_id, path, name, levels, *rest = row
    return TopologyRow(id_, tenant_id, cluster_id, path, name, tuple(json.loads(levels)), *rest)


def select_topology(reader: Reader, tenant_id: int, topology_id: str) -> TopologyRow | None:
    """A network topology by id."""
    row = reader.one(_ONE, {"id": topology_id.lower(), "tenant_id": tenant_id})
    return _row(row) if row else None


def select_topologies(reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet) -> list[TopologyRow]:
    """Every topology within `scopes`, oldest first."""
    query, params = _LIST.page(page, scopes=scopes, where=_OF_TENANT, shape_key="tenant")
    return [_row(row) for row in reader.all(query, {**params, "tenant_id": tenant_id})]


def count_topologies(reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet) -> int:
    """How many topologies there are."""
    query, params = _LIST.count(page, scopes=scopes, where=_OF_TENANT, shape_key="tenant")
    return reader.scalar(query, {**params, "tenant_id": tenant_id})


def select_pool_names(reader: Reader, topology_id: str) -> list[str]:
    """The pools that name a topology."""
    return [row[0] for row in reader.all(_USERS_OF_ONE, {"id": topology_id})]


def select_pool_names_of_all(reader: Reader, tenant_id: int) -> dict[str, list[str]]:
    """Topology → the pools that name it, for those that are named."""
    found: dict[str, list[str]] = {}
    for topology_id, name in reader.all(_USERS, {"tenant_id": tenant_id}):
        found.setdefault(topology_id, []).append(name)
    return found


def select_levels(reader: Reader, cluster_id: str) -> list[str]:
    """The node labels that topologies of a cluster consist of."""
    return [key for row in reader.all(_LEVELS, {"cluster_id": cluster_id}) for key in json.loads(row[0])]


def insert_topology(unit: Unit, values: dict[str, Any]) -> None:
    """Store a topology. Raises AlreadyExists for a name its cluster has."""
    try:
        unit.execute(insert(network_topologies), {**values, "levels": json.dumps(values["levels"])})
    except IntegrityError as error:
        raise AlreadyExists("Network topology", values["name"]) from error


def delete_topology(unit: Unit, topology_id: str) -> None:
    """Remove a topology that no pool names."""
    unit.execute(delete(network_topologies).where(_TOPOLOGY.id == topology_id))
