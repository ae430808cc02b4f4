"""The default department of a cluster, and the quota rows that pools bring to every unit.

A new pool gives nothing away: no GPUs deserved, CPU and memory unlimited, over-quota allowed.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Table, case, cast, func, insert, literal, null, select, update

from runplane.server.authz import tree
from runplane.server.core.scope import ScopeType, child_path
from runplane.server.organization.units.tables import (
    department_quotas,
    departments,
    project_quotas,
    projects,
)
from runplane.server.sql.unit import Unit

NAME: Final = "default"
_UNITS: Final = ((departments, department_quotas), (projects, project_quotas))
# MB of one unit of each spelling the contract has
_IN_MB: Final = {"Mib": 1.048576, "MB": 1.0, "GB": 1000.0}


def insert_default_department(
    unit: Unit, tenant_id: int, cluster_id: str, cluster_path: str, pool_id: int, by: str
) -> int:
    """Make the department that projects without one belong to, with its scope and quota; returns its id."""
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "cluster_id": cluster_id,
        "name": NAME,
        # unknown before the number is; set below
        "path": "",
        "description": "",
        "total_gpu_quota": 0.0,
        "created_by": by,
        "created_at": unit.now,
        "updated_by": by,
        "updated_at": unit.now,
        "is_default": True,
    }
    made = unit.execute(insert(departments).values(**values).returning(departments.c.id)).scalar_one()
    path = child_path(cluster_path, ScopeType.DEPARTMENT, str(made))
    unit.execute(update(departments).where(departments.c.id == made).values(path=path))
    tree.add(unit, tenant_id, ScopeType.DEPARTMENT, str(made), NAME, cluster_path)
    unit.execute(insert(department_quotas), {"unit_id": made, "node_pool_id": pool_id, **_nothing()})
    return made


def insert_pool_quotas(unit: Unit, cluster_id: str, pool_id: int) -> None:
    """Give every department and project of a cluster its row for a new pool."""
    for table, quotas in _UNITS:
        given = _nothing()
        rows = select(table.c.id, literal(pool_id), *(literal(value) for value in given.values()))
        rows = rows.where(table.c.cluster_id == cluster_id)
        unit.execute(insert(quotas).from_select(["unit_id", "node_pool_id", *given], rows))
    refresh_totals(unit, cluster_id)


def refresh_totals(unit: Unit, cluster_id: str) -> None:
    """Work out again the sums that units of a cluster carry; one pool without limit makes it unlimited."""
    for table, quotas in _UNITS:
        values = {
            "total_gpu_quota": _total(table, quotas, quotas.c.gpu_deserved),
            "total_cpu_quota": _total(table, quotas, quotas.c.cpu_deserved),
            "total_memory_quota": _total(table, quotas, quotas.c.memory_deserved * _megabytes(quotas)),
        }
        unit.execute(update(table).where(table.c.cluster_id == cluster_id).values(values))


def _nothing() -> dict[str, float]:
    return {"gpu_deserved": 0.0}


def _megabytes(quotas: Table) -> ColumnElement[float]:
    return case(_IN_MB, value=quotas.c.memory_units, else_=1.0)


def _total(table: Table, quotas: Table, amount: ColumnElement[Any]) -> ColumnElement[Any]:
    # Without a row there is nothing, which is 0; with a NULL among them there is no limit.
    total = case(
        (func.count() > func.count(amount), cast(null(), Float(53))),
        else_=func.coalesce(func.sum(amount), 0.0),
    )
    return select(total).where(quotas.c.unit_id == table.c.id).scalar_subquery()
