"""SQL of clusters. Every statement names the tenant."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.model import CLUSTERS, ClusterRow
from runplane.server.organization.clusters.tables import clusters
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_COLUMNS = tuple(clusters.c[name] for name in ClusterRow.__slots__)
_ONE = Prepared(
    select(*_COLUMNS).where(clusters.c.id == bindparam("id"), clusters.c.tenant_id == bindparam("tenant_id"))
)
_LOCK = Prepared(
    select(*_COLUMNS)
    .where(clusters.c.id == bindparam("id"), clusters.c.tenant_id == bindparam("tenant_id"))
    .with_for_update()
)
_LIST: Final = ListQuery(
    CLUSTERS, select(*_COLUMNS), {"createdAt": clusters.c.created_at}, clusters.c.id, clusters.c.path
)
_OF_TENANT = (clusters.c.tenant_id == bindparam("tenant_id"),)
_NOT_LEAVING = (*_OF_TENANT, clusters.c.delete_requested_at.is_(None))


def _row(row: Row) -> ClusterRow:
    values = dict(zip(ClusterRow.__slots__, row, strict=True))
    values["simulated"] = bool(values["simulated"])
    values["agent_secret"] = bytes(values["agent_secret"])
    values["report"] = json.loads(values["report"]) if values["report"] else {}
    return ClusterRow(**values)


def select_cluster(reader: Reader, tenant_id: int, cluster_id: str) -> ClusterRow | None:
    """A cluster by uuid."""
    row = reader.one(_ONE, {"id": cluster_id, "tenant_id": tenant_id})
    return _row(row) if row else None


def lock_cluster(unit: Unit, tenant_id: int, cluster_id: str) -> ClusterRow | None:
    """As `select_cluster`; it can neither change nor go before the unit ends."""
    row = unit.one(_LOCK, {"id": cluster_id, "tenant_id": tenant_id})
    return _row(row) if row else None


def select_clusters(
    reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet, *, leaving: bool
) -> list[ClusterRow]:
    """Every cluster within `scopes`, oldest first; with `leaving` also those whose removal was asked for."""
    where, shape = (_OF_TENANT, "all") if leaving else (_NOT_LEAVING, "staying")
    query, params = _LIST.page(page, scopes=scopes, where=where, shape_key=shape)
    return [_row(row) for row in reader.all(query, {**params, "tenant_id": tenant_id})]


def insert_cluster(unit: Unit, values: dict[str, Any]) -> None:
    """Store a cluster. Raises AlreadyExists when the tenant has one of this name."""
    try:
        unit.execute(insert(clusters), values)
    except IntegrityError as error:
        raise AlreadyExists("Cluster", values["name"]) from error


def update_cluster(unit: Unit, tenant_id: int, cluster_id: str, values: dict[str, Any]) -> None:
    """Change a cluster. Raises AlreadyExists when another one has the new name."""
    query = update(clusters).where(clusters.c.id == cluster_id, clusters.c.tenant_id == tenant_id)
    try:
        unit.execute(query.values(**values))
    except IntegrityError as error:
        raise AlreadyExists("Cluster", values["name"]) from error


def delete_cluster(unit: Unit, tenant_id: int, cluster_id: str) -> None:
    """Remove a cluster with everything that belongs to it."""
    unit.execute(delete(clusters).where(clusters.c.id == cluster_id, clusters.c.tenant_id == tenant_id))
