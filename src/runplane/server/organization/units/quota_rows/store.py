"""SQL of quotas: one row per unit and node pool.

A row that is missing means what a new node pool gives (quotas.FRESH): a unit made in the moment a pool is
added reads like the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    String,
    Table,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
)

from runplane.server.core.scope import ScopeType
from runplane.server.organization.quotas import MEGABYTES, Quota, Quotas, Share, Totals, Units
from runplane.server.organization.units.model import UnitKind
from runplane.server.organization.units.store import update_unit
from runplane.server.organization.units.tables import department_quotas, project_quotas, projects
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_QUOTAS: Final = {ScopeType.DEPARTMENT: department_quotas, ScopeType.PROJECT: project_quotas}


def _word(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'", String())


_QUOTA_COLUMNS = (
    *("gpu_deserved", "gpu_limit", "gpu_weight", "cpu_deserved", "cpu_limit", "cpu_weight"),
    *("memory_deserved", "memory_limit", "memory_weight", "memory_units", "priority"),
)


def _quota_select(table: Table) -> Select[Any]:
    return select(table.c.unit_id, table.c.node_pool_id, *(table.c[name] for name in _QUOTA_COLUMNS))


_SIZES: Final = tuple(sorted(MEGABYTES.items()))
_OWN_QUOTAS: Final = {
    scope: Prepared(_quota_select(table).where(table.c.unit_id == bindparam("id")))
    for scope, table in _QUOTAS.items()
}


def _sums(*, capped: bool) -> Prepared:
    """Per node pool: quota rows, then sum and count of what is not unlimited of each resource."""
    table = project_quotas.c

    def amount(name: str) -> ColumnElement[Any]:
        deserved = table[f"{name}_deserved"]
        return func.coalesce(deserved, table[f"{name}_limit"]) if capped else deserved

    factor = case(
        *(
            (table.memory_units == _word(units), literal_column(repr(size), Float()))
            for units, size in _SIZES
        ),
        else_=literal_column("1.0", Float()),
    )
    amounts = (amount("gpu"), amount("cpu"), amount("memory") * factor)
    columns = [column for it in amounts for column in (func.sum(it), func.count(it))]
    return Prepared(
        select(table.node_pool_id, func.count(), *columns)
        .select_from(project_quotas.join(projects, projects.c.id == table.unit_id))
        .where(projects.c.department_id == bindparam("department_id"), projects.c.id != bindparam("without"))
        .group_by(table.node_pool_id)
    )


_SUMS: Final = {capped: _sums(capped=capped) for capped in (False, True)}
_PROJECTS_IN = Prepared(
    select(func.count())
    .select_from(projects)
    .where(projects.c.department_id == bindparam("department_id"), projects.c.id != bindparam("without"))
)


def _quota(row: Sequence[Any]) -> Quota:
    units: Units | None = row[9]
    return Quota(Share(*row[0:3]), Share(*row[3:6]), Share(*row[6:9]), units or "MB", row[10])


def select_quotas(reader: Reader, kind: UnitKind, unit_id: int) -> dict[int, Quota]:
    """The stored quotas of a unit by node pool."""
    rows = reader.all(_OWN_QUOTAS[kind.scope], {"id": unit_id})
    return {row[1]: _quota(row[2:]) for row in rows}


def select_quotas_of(unit: Unit, kind: UnitKind, ids: Iterable[int]) -> dict[int, dict[int, Quota]]:
    """The stored quotas of several units, by unit and node pool."""
    wanted = sorted(set(ids))
    table = _QUOTAS[kind.scope]
    found: dict[int, dict[int, Quota]] = {it: {} for it in wanted}
    for row in map(tuple, unit.execute(_quota_select(table).where(table.c.unit_id.in_(wanted)))):
        found[row[0]][row[1]] = _quota(row[2:])
    return found


def select_sums(
    reader: Reader, department_id: int, pools: Iterable[int], *, capped: bool, without: int = 0
) -> dict[int, Totals]:
    """What the projects of a department, except the project `without`, have together in each of `pools`.

    With `capped` an unlimited quota under a limit counts as that limit (quotas.promised), else it is
    unlimited (quotas.totals).
    """
    params = {"department_id": department_id, "without": without}
    each = reader.scalar(_PROJECTS_IN, params)
    rows = {row[0]: row[1:] for row in reader.all(_SUMS[capped], params)}
    found: dict[int, Totals] = {}
    for pool in pools:
        # A project without a row has no GPUs there and unlimited CPU and memory.
        stored, gpu, gpus, cpu, cpus, memory, memories = rows.get(pool, (0, None, 0, None, 0, None, 0))
        found[pool] = Totals(
            gpu=float(gpu or 0) if gpus == stored else None,
            cpu=float(cpu or 0) if cpus == each else None,
            megabytes=float(memory or 0) if memories == each else None,
        )
    return found


def replace_quotas(unit: Unit, kind: UnitKind, unit_id: int, quotas: Quotas, sums: Totals) -> None:
    """Store what a unit has in each node pool, and the sums that lists sort and filter by."""
    table = _QUOTAS[kind.scope]
    unit.execute(delete(table).where(table.c.unit_id == unit_id))
    rows = [_quota_values(unit_id, pool, quota) for pool, quota in quotas.items()]
    if rows:
        unit.execute(insert(table), rows)
    totals = {
        "total_gpu_quota": sums.gpu,
        "total_cpu_quota": sums.cpu,
        "total_memory_quota": sums.megabytes,
    }
    update_unit(unit, kind, unit_id, totals)


def _quota_values(unit_id: int, pool: int, quota: Quota) -> dict[str, Any]:
    shares = (quota.gpu, quota.cpu, quota.memory)
    amounts = [value for it in shares for value in (it.deserved, it.limit, it.weight)]
    values = dict(zip(_QUOTA_COLUMNS, [*amounts, quota.units, quota.priority], strict=True))
    return {"unit_id": unit_id, "node_pool_id": pool, **values}
