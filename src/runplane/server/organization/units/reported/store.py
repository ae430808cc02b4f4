"""SQL of what agents report of units. It lies in the units' own rows, so that showing it costs no query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, or_, select, update

from runplane.server.core.listing import Envelope, Listing, Page
from runplane.server.core.scope import ScopeSet, ScopeType
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.node_pools.tables import node_pools
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS, UnitKind
from runplane.server.organization.units.tables import (
    department_quotas,
    departments,
    project_quotas,
    projects,
)
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

TABLES: Final = {ScopeType.DEPARTMENT: departments, ScopeType.PROJECT: projects}
QUOTAS: Final = {ScopeType.DEPARTMENT: department_quotas, ScopeType.PROJECT: project_quotas}
# Databases bind a limited number of values in one statement.
_AT_ONCE: Final = 500

Stored = tuple[int, str, int, str | None]
"""Number, name, number of the department (its own for a department) and what is stored."""


def select_projects(unit: Unit, cluster_id: str, names: Collection[str]) -> list[Stored]:
    """The projects of a cluster that have something stored or one of `names`."""
    columns = (projects.c.id, projects.c.name, projects.c.department_id, projects.c.quota_status)
    wanted = sorted(names)
    found: dict[int, Stored] = {}
    for start in range(0, max(1, len(wanted)), _AT_ONCE):
        some = projects.c.name.in_(wanted[start : start + _AT_ONCE])
        query = select(*columns).where(
            projects.c.cluster_id == cluster_id, or_(projects.c.quota_status.is_not(None), some)
        )
        found |= {row[0]: (row[0], row[1], row[2], row[3]) for row in map(tuple, unit.execute(query))}
    return [found[number] for number in sorted(found)]


def select_departments(unit: Unit, cluster_id: str) -> list[Stored]:
    """The departments of a cluster."""
    table = departments.c
    query = select(table.id, table.name, table.quota_status).where(table.cluster_id == cluster_id)
    rows = map(tuple, unit.execute(query.order_by(table.id)))
    return [(row[0], row[1], row[0], row[2]) for row in rows]


def update_reported(
    unit: Unit, kind: UnitKind, changes: Sequence[tuple[int, str | None, float | None]]
) -> None:
    """Store what was reported of units: (number, text, GPUs allocated)."""
    if not changes:
        return
    table = TABLES[kind.scope]
    statement = (
        update(table)
        .where(table.c.id == bindparam("unit"))
        .values(quota_status=bindparam("status"), gpu_allocated=bindparam("gpus"))
    )
    unit.execute(statement, [{"unit": it[0], "status": it[1], "gpus": it[2]} for it in changes])


def _places(kind: UnitKind) -> list[ColumnElement[Any]]:
    """Where a unit is: cluster, department, and its own number."""
    table = TABLES[kind.scope].c
    above = projects.c.department_id if kind.scope is ScopeType.PROJECT else departments.c.id
    return [table.cluster_id, above, table.id]


def _every(kind: UnitKind, query: Select[Any]) -> ListQuery:
    """All rows of `query` within scopes: nothing to filter by, nothing left out."""
    table = TABLES[kind.scope].c
    listing = Listing(f"amounts of {kind.nouns}", envelope=Envelope(None), paged=False)
    return ListQuery(listing, query, {}, table.id, table.path, table.tenant_id)


def _quotas(kind: UnitKind) -> ListQuery:
    quotas = QUOTAS[kind.scope].c
    amounts = (quotas.gpu_deserved, quotas.cpu_deserved, quotas.memory_deserved, quotas.memory_units)
    joined = TABLES[kind.scope].join(QUOTAS[kind.scope], quotas.unit_id == TABLES[kind.scope].c.id)
    return _every(kind, select(*_places(kind), quotas.node_pool_id, *amounts).select_from(joined))


def _reports(kind: UnitKind) -> ListQuery:
    table = TABLES[kind.scope].c
    return _every(kind, select(*_places(kind), table.quota_status).where(table.quota_status.is_not(None)))


_QUOTAS: Final = {kind.scope: _quotas(kind) for kind in (DEPARTMENTS, PROJECTS)}
_REPORTS: Final = {kind.scope: _reports(kind) for kind in (DEPARTMENTS, PROJECTS)}
_NAMED: Final = {"cluster": clusters, "pool": node_pools, "department": departments}
_NAMES: Final = {
    what: Prepared(select(table.c.id, table.c.name).where(table.c.tenant_id == bindparam("tenant_id")))
    for what, table in (*_NAMED.items(), ("project", projects))
}


def select_quota_rows(reader: Reader, kind: UnitKind, tenant_id: int, scopes: ScopeSet) -> list[Row]:
    """Cluster, department, number, pool, GPUs, CPU, memory and its unit of each quota in `scopes`."""
    query, params = _QUOTAS[kind.scope].page(Page(), scopes=scopes)
    return list(reader.all(query, {**params, "tenant_id": tenant_id}))


def select_reports(reader: Reader, kind: UnitKind, tenant_id: int, scopes: ScopeSet) -> list[Row]:
    """Cluster, department, number and what is stored of each unit in `scopes` of which something was."""
    query, params = _REPORTS[kind.scope].page(Page(), scopes=scopes)
    return list(reader.all(query, {**params, "tenant_id": tenant_id}))


def select_names(reader: Reader, tenant_id: int, what: str) -> dict[Any, str]:
    """The names of all clusters, pools, departments or projects of a tenant."""
    return {row[0]: row[1] for row in reader.all(_NAMES[what], {"tenant_id": tenant_id})}
