"""SQL of reports: the reports themselves, and what is known about the resources they are of.

Every statement names the tenant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from runplane.server.core.listing import Condition, Page
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.inventory.tables import nodes
from runplane.server.organization.node_pools.tables import node_pools
from runplane.server.organization.reports.model import MAX_ROWS, REPORTS, ROWS, GroupBy, ReportRow
from runplane.server.organization.reports.tables import reports
from runplane.server.organization.units.tables import departments, projects
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_COLUMNS = tuple(reports.c[name] for name in ReportRow.__slots__)
_JSON: Final = ("filter_by", "scopes")
_OF_TENANT = (reports.c.tenant_id == bindparam("tenant_id"),)
_OF_OWNER = (*_OF_TENANT, reports.c.owner == bindparam("owner"))
_ONE = Prepared(select(*_COLUMNS).where(reports.c.id == bindparam("id"), *_OF_TENANT))
_CONTENT = Prepared(select(reports.c.content).where(reports.c.id == bindparam("id"), *_OF_TENANT))
_LIST: Final = ListQuery(
    REPORTS,
    select(*_COLUMNS),
    {
        "name": reports.c.name,
        "createdAt": reports.c.created_at,
        "createdBy": reports.c.created_by,
        "status": reports.c.status,
    },
    reports.c.id,
)


def _row(row: Row) -> ReportRow:
    values = dict(zip(ReportRow.__slots__, row, strict=True))
    return ReportRow(**{**values, **{name: json.loads(values[name]) for name in _JSON}})


def _narrowing(tenant_id: int, owner: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """How the list is narrowed, and the values for it: to a tenant, or to what an owner asked for in it."""
    if owner is None:
        return {"where": _OF_TENANT, "shape_key": "tenant"}, {"tenant_id": tenant_id}
    return {"where": _OF_OWNER, "shape_key": "owner"}, {"tenant_id": tenant_id, "owner": owner}


def select_reports(reader: Reader, tenant_id: int, owner: str | None, page: Page) -> list[ReportRow]:
    """A page of the reports of a tenant, or of those that `owner` asked for."""
    narrowed, values = _narrowing(tenant_id, owner)
    query, params = _LIST.page(page, **narrowed)
    return [_row(row) for row in reader.all(query, {**params, **values})]


def count_reports(reader: Reader, tenant_id: int, owner: str | None, page: Page) -> int:
    """How many reports all pages together have."""
    narrowed, values = _narrowing(tenant_id, owner)
    query, params = _LIST.count(page, **narrowed)
    return reader.scalar(query, {**params, **values})


def select_report(reader: Reader, tenant_id: int, report_id: str) -> ReportRow | None:
    """A report by id."""
    row = reader.one(_ONE, {"id": report_id, "tenant_id": tenant_id})
    return None if row is None else _row(row)


def select_content(reader: Reader, tenant_id: int, report_id: str) -> str | None:
    """The file of a report, None while there is none."""
    return reader.scalar(_CONTENT, {"id": report_id, "tenant_id": tenant_id})


def insert_report(unit: Unit, row: ReportRow) -> None:
    """Store a report that has no file yet."""
    values = {name: getattr(row, name) for name in ReportRow.__slots__}
    unit.execute(insert(reports), {**values, **{name: json.dumps(values[name]) for name in _JSON}})


def update_report(unit: Unit, tenant_id: int, report_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a report; nothing happens where it has been deleted."""
    mine = update(reports).where(reports.c.id == report_id, reports.c.tenant_id == tenant_id)
    unit.execute(mine.values(status_updated_at=unit.now, **values))


def delete_report(unit: Unit, tenant_id: int, report_id: str) -> None:
    """Remove a report and its file."""
    unit.execute(delete(reports).where(reports.c.id == report_id, reports.c.tenant_id == tenant_id))


_cluster_column = {"clusterId": clusters.c.id}
_department_columns = {**_cluster_column, "departmentName": departments.c.name}
_project_columns = {**_department_columns, "projectName": projects.c.name}
_HEARD_WITHIN = (
    clusters.c.last_liveness >= bindparam("start"),
    clusters.c.last_liveness <= bindparam("end"),
)
_NODE_SUMS = tuple(
    func.sum(column)
    for column in (
        nodes.c.gpu_count,
        nodes.c.allocated_gpus,
        nodes.c.cpu_cores,
        nodes.c.allocated_cpu_cores,
    )
)


def _unit_rows(kind: GroupBy) -> Select[Any]:
    """Units whose use was reported."""
    if kind is GroupBy.DEPARTMENT:
        table, names = departments, (departments.c.name,)
        source = departments.join(clusters, clusters.c.id == departments.c.cluster_id)
    else:
        table, names = projects, (departments.c.name, projects.c.name)
        source = projects.join(clusters, clusters.c.id == projects.c.cluster_id)
        source = source.join(departments, departments.c.id == projects.c.department_id)
    columns = (clusters.c.last_liveness, clusters.c.name, *names)
    return (
        select(*columns, table.c.total_gpu_quota, table.c.gpu_allocated)
        .select_from(source)
        .where(table.c.tenant_id == bindparam("tenant_id"), table.c.gpu_allocated.is_not(None))
    )


def _node_rows(kind: GroupBy) -> Select[Any]:
    """Sums over the nodes that were reported."""
    of_pool = kind is GroupBy.NODE_POOL
    keys = (clusters.c.id, node_pools.c.id) if of_pool else (clusters.c.id,)
    names = (clusters.c.name, node_pools.c.name) if of_pool else (clusters.c.name,)
    return (
        select(clusters.c.last_liveness, *names, *_NODE_SUMS)
        .select_from(
            nodes.join(clusters, clusters.c.id == nodes.c.cluster_id).join(
                node_pools, node_pools.c.id == nodes.c.node_pool_id
            )
        )
        .where(nodes.c.tenant_id == bindparam("tenant_id"))
        .group_by(*keys)
    )


_USAGE: Final = {
    GroupBy.CLUSTER: ListQuery(
        ROWS[GroupBy.CLUSTER], _node_rows(GroupBy.CLUSTER), _cluster_column, clusters.c.id, clusters.c.path
    ),
    GroupBy.NODE_POOL: ListQuery(
        ROWS[GroupBy.NODE_POOL],
        _node_rows(GroupBy.NODE_POOL),
        _cluster_column,
        node_pools.c.id,
        clusters.c.path,
    ),
    GroupBy.DEPARTMENT: ListQuery(
        ROWS[GroupBy.DEPARTMENT],
        _unit_rows(GroupBy.DEPARTMENT),
        _department_columns,
        departments.c.id,
        departments.c.path,
    ),
    GroupBy.PROJECT: ListQuery(
        ROWS[GroupBy.PROJECT],
        _unit_rows(GroupBy.PROJECT),
        _project_columns,
        projects.c.id,
        projects.c.path,
    ),
}


def select_usage(reader: Reader, report: ReportRow, conditions: Sequence[Condition]) -> list[Row]:
    """Rows of `model.COLUMNS`: what clusters that were heard in the report's span of time said last.

    One row more than MAX_ROWS is read at most, so that the caller sees when there are too many.
    """
    page = Page(tuple(conditions), limit=MAX_ROWS + 1)
    query, params = _USAGE[report.groups].page(
        page, scopes=report.covered, where=_HEARD_WITHIN, shape_key="heard"
    )
    bounds = {"tenant_id": report.tenant_id, "start": report.start_at, "end": report.end_at}
    return reader.all(query, {**params, **bounds})
