"""SQL of departments and projects.

Lists read one table: names of departments and states of clusters are sub-selects, so that no join stands
between an order and its index.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet, ScopeType
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.node_pools.tables import node_pools
from runplane.server.organization.units.model import (
    CREATING,
    DEPARTMENTS,
    PROJECTS,
    READY,
    UNKNOWN,
    Pool,
    UnitKind,
    UnitRow,
)
from runplane.server.organization.units.tables import (
    AVERAGES,
    departments,
    projects,
)
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_TABLES: Final = {ScopeType.DEPARTMENT: departments, ScopeType.PROJECT: projects}

_COMMON = (
    *("id", "cluster_id", "name", "path", "description", "scheduling_rules", "default_node_pools"),
    *("node_types", "total_gpu_quota", "total_cpu_quota", "total_memory_quota", "quota_status"),
    *("created_by", "created_at", "updated_by", "updated_at"),
)
_ONLY_PROJECTS = (
    *("department_id", "requested_namespace", "namespace", "enforce_scheduler"),
    *("phase_message", "phase_updated_at"),
)


def _word(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'", String())


def _phase() -> ColumnElement[str]:
    """What an agent said about the project, else what the cluster's silence or speech lets one conclude."""
    heard = select(clusters.c.last_liveness).where(clusters.c.id == projects.c.cluster_id).scalar_subquery()
    return case(
        (projects.c.phase != _word(CREATING), projects.c.phase),
        (or_(heard.is_(None), heard < projects.c.created_at), _word(CREATING)),
        (heard < bindparam("silent_since", type_=String()), _word(UNKNOWN)),
        else_=_word(READY),
    )


_PHASE = _phase()
_PARENT_NAME = (
    select(departments.c.name).where(departments.c.id == projects.c.department_id).scalar_subquery()
)


def _select(kind: UnitKind) -> Select[Any]:
    table = _TABLES[kind.scope]
    columns = [table.c[name] for name in (*_COMMON, *AVERAGES)]
    if kind is DEPARTMENTS:
        return select(*columns, table.c.is_default)
    return select(*columns, _PHASE.label("shown_phase"), *(table.c[name] for name in _ONLY_PROJECTS))


def _row(kind: UnitKind, row: Row) -> UnitRow:
    count = len(_COMMON)
    values = dict(zip(_COMMON, row[:count], strict=True))
    averages = tuple(row[count : count + len(AVERAGES)])
    rest = row[count + len(AVERAGES) :]
    if kind is DEPARTMENTS:
        return UnitRow(**values, averages=averages, is_default=bool(rest[0]))
    more = dict(zip(("phase", *_ONLY_PROJECTS), rest, strict=True))
    more["enforce_scheduler"] = bool(more["enforce_scheduler"])
    return UnitRow(**values, averages=averages, **more)


def _list_columns(table: Table) -> dict[str, ColumnElement[Any]]:
    averages = {
        f"avg{what}{span}": table.c[f"avg_{column}_{span}"]
        for what, column in (
            ("GpuAllocation", "gpu_allocation"),
            ("GpuUtilization", "gpu_utilization"),
            ("GpuMemoryUtilization", "gpu_memory_utilization"),
        )
        for span in ("24h", "7d", "30d")
    }
    return {
        "name": table.c.name,
        "clusterId": table.c.cluster_id,
        "totalGpuQuota": table.c.total_gpu_quota,
        "gpuAllocated": table.c.gpu_allocated,
        "createdAt": table.c.created_at,
        **averages,
    }


def _list(kind: UnitKind) -> ListQuery:
    table = _TABLES[kind.scope]
    columns = _list_columns(table)
    if kind is PROJECTS:
        columns |= {
            "departmentId": projects.c.department_id,
            "parentId": projects.c.department_id,
            "parentName": _PARENT_NAME,
            "phase": _PHASE,
        }
    return ListQuery(kind.listing, _select(kind), columns, table.c.id, table.c.path, table.c.tenant_id)


_LISTS: Final = {kind.scope: _list(kind) for kind in (DEPARTMENTS, PROJECTS)}


def _one(kind: UnitKind, *, hold: bool = False) -> Prepared:
    table = _TABLES[kind.scope]
    query = _select(kind).where(table.c.id == bindparam("id"), table.c.tenant_id == bindparam("tenant_id"))
    # Weaker than what a new project takes on its department: creating some at once must not deadlock.
    return Prepared(query.with_for_update(of=table, key_share=True) if hold else query)


_ONE: Final = {kind.scope: _one(kind) for kind in (DEPARTMENTS, PROJECTS)}
_HELD: Final = {kind.scope: _one(kind, hold=True) for kind in (DEPARTMENTS, PROJECTS)}
_DEFAULT_DEPARTMENT = Prepared(
    _select(DEPARTMENTS).where(
        departments.c.cluster_id == bindparam("cluster_id"),
        departments.c.tenant_id == bindparam("tenant_id"),
        departments.c.is_default.is_(True),
    )
)
_POOLS = Prepared(
    select(node_pools.c.id, node_pools.c.name, node_pools.c.is_default)
    .where(node_pools.c.cluster_id == bindparam("cluster_id"))
    .order_by(node_pools.c.id)
)
_CHILDREN = Prepared(
    select(projects.c.id, projects.c.name, projects.c.path)
    .where(projects.c.department_id == bindparam("department_id"))
    .order_by(projects.c.id)
)


def select_unit(
    reader: Reader, kind: UnitKind, tenant_id: int, unit_id: int, silent_since: str
) -> UnitRow | None:
    """A unit; a cluster that spoke before `silent_since` only counts as silent."""
    params = {"id": unit_id, "tenant_id": tenant_id, "silent_since": silent_since}
    row = reader.one(_ONE[kind.scope], params)
    return None if row is None else _row(kind, row)


def hold_unit(unit: Unit, kind: UnitKind, tenant_id: int, unit_id: int, silent_since: str) -> UnitRow | None:
    """As `select_unit`, and nobody else changes it before this unit of work ends."""
    params = {"id": unit_id, "tenant_id": tenant_id, "silent_since": silent_since}
    row = unit.one(_HELD[kind.scope], params)
    return None if row is None else _row(kind, row)


def select_default_department(reader: Reader, tenant_id: int, cluster_id: str) -> UnitRow | None:
    """The department of a cluster that takes projects which name none."""
    row = reader.one(_DEFAULT_DEPARTMENT, {"tenant_id": tenant_id, "cluster_id": cluster_id})
    return None if row is None else _row(DEPARTMENTS, row)


def select_units(
    unit: Unit, kind: UnitKind, tenant_id: int, page: Page, scopes: ScopeSet | None, silent_since: str
) -> list[UnitRow]:
    """A page of the units inside `scopes` (None: of the tenant) and the first of the next page."""
    listed = _LISTS[kind.scope]
    small = listed.is_small(unit, tenant_id, scopes)
    query, params = listed.page(page, scopes=scopes, small=small, peek=True)
    values = {**params, "tenant_id": tenant_id, "silent_since": silent_since}
    return [_row(kind, row) for row in unit.all(query, values)]


def count_units(
    unit: Unit, kind: UnitKind, tenant_id: int, page: Page, scopes: ScopeSet | None, silent_since: str
) -> int:
    """How many units all pages together have."""
    listed = _LISTS[kind.scope]
    small = listed.is_small(unit, tenant_id, scopes)
    query, params = listed.count(page, scopes=scopes, small=small)
    values = {**params, "tenant_id": tenant_id, "silent_since": silent_since}
    if scopes is not None or not page.is_everything:
        return unit.scalar(query, values)
    # Every new or deleted unit changes the tree of scopes.
    return unit.tally(tenant_id, kind.scope, lambda: unit.scalar(query, values))


def select_departments(unit: Unit, ids: Iterable[int]) -> dict[int, UnitRow]:
    """Departments by number: the parents of a page of projects."""
    query = _select(DEPARTMENTS).where(departments.c.id.in_(sorted(set(ids))))
    rows = [_row(DEPARTMENTS, tuple(row)) for row in unit.execute(query)]
    return {row.id: row for row in rows}


def select_pools(reader: Reader, cluster_id: str) -> list[Pool]:
    """The node pools of a cluster, oldest first."""
    return [Pool(row[0], row[1], bool(row[2])) for row in reader.all(_POOLS, {"cluster_id": cluster_id})]


def select_pools_of(unit: Unit, cluster_ids: Iterable[str]) -> dict[str, list[Pool]]:
    """The node pools of several clusters."""
    wanted = sorted(set(cluster_ids))
    columns = node_pools.c
    query = select(columns.cluster_id, columns.id, columns.name, columns.is_default).where(
        columns.cluster_id.in_(wanted)
    )
    found: dict[str, list[Pool]] = {it: [] for it in wanted}
    for row in map(tuple, unit.execute(query.order_by(columns.id))):
        found[row[0]].append(Pool(row[1], row[2], bool(row[3])))
    return found


def select_children(reader: Reader, department_id: int) -> list[tuple[int, str, str]]:
    """Number, name and path of the projects of a department."""
    return [(row[0], row[1], row[2]) for row in reader.all(_CHILDREN, {"department_id": department_id})]


def insert_unit(unit: Unit, kind: UnitKind, values: dict[str, Any]) -> int:
    """Store a unit and return its number; its path is set by `set_path`. Raises AlreadyExists."""
    table = _TABLES[kind.scope]
    try:
        with unit.connection.begin_nested():
            return unit.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
    except IntegrityError as error:
        if "namespace" in str(error.orig):
            raise AlreadyExists("A project with the namespace", values["namespace"]) from error
        raise AlreadyExists(kind.noun.capitalize(), values["name"]) from error


def update_unit(unit: Unit, kind: UnitKind, unit_id: int, values: dict[str, Any]) -> None:
    """Change columns of a unit."""
    table = _TABLES[kind.scope]
    unit.execute(update(table).where(table.c.id == unit_id).values(**values))


def delete_unit(unit: Unit, kind: UnitKind, unit_id: int) -> None:
    """Take a unit away; its projects and quotas go with it."""
    table = _TABLES[kind.scope]
    unit.execute(delete(table).where(table.c.id == unit_id))
