"""From rows of departments and projects to what the API shows of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from runplane.server.organization import scheduling
from runplane.server.organization.quotas import UNLIMITED, Quota, Share, Totals
from runplane.server.organization.units.drafts import NodeTypes, find_pool, rules_of
from runplane.server.organization.units.limits import WhatIf
from runplane.server.organization.units.model import Pool, UnitRow
from runplane.server.organization.units.reported.model import USES, Use, as_members, decoded
from runplane.server.organization.units.service import View
from runplane.server.organization.units.wire import (
    AggregatedOut,
    Amounts,
    Averages,
    Child,
    DepartmentOut,
    DeservedMemoryOut,
    DeservedOut,
    Effective,
    ExcessOut,
    GpuOut,
    MemoryOut,
    OvertimeData,
    Parent,
    PoolQuotaStatus,
    ProjectOut,
    ProjectStatus,
    QuotaStatus,
    ResourcePool,
    ResourcesOut,
    ShareOut,
    StepOut,
    TotalResources,
    UnitStatus,
    WhatIfOut,
)


def present_resources(quotas: Mapping[int, Quota], pools: Sequence[Pool]) -> list[ResourcesOut]:
    """The resources of a unit, one entry per node pool of its cluster."""
    return [_resources(quotas[pool.id], pool) for pool in pools]


def _resources(quota: Quota, pool: Pool) -> ResourcesOut:
    gpu, memory = quota.gpu, quota.memory
    return ResourcesOut(
        node_pool=_pool(pool),
        gpu=GpuOut(
            deserved=UNLIMITED if gpu.deserved is None else gpu.deserved,
            limit=gpu.limit,
            over_quota_weight=gpu.weight,
        ),
        cpu=_share(quota.cpu),
        memory=MemoryOut(
            deserved=memory.deserved, limit=memory.limit, over_quota_weight=memory.weight, units=quota.units
        ),
        priority=quota.priority,
    )


def _pool(pool: Pool) -> ResourcePool:
    return ResourcePool(id=str(pool.id), name=pool.name)


def _share(share: Share) -> ShareOut:
    return ShareOut(deserved=share.deserved, limit=share.limit, over_quota_weight=share.weight)


_NO_TYPES = NodeTypes()


def _node_types(row: UnitRow | None) -> NodeTypes:
    if row is None or row.node_types is None:
        return _NO_TYPES
    return msgspec.json.decode(row.node_types, type=NodeTypes)


def _default_pools(row: UnitRow | None, pools: Sequence[Pool]) -> list[str] | None:
    """Without those that have been deleted since."""
    if row is None or row.default_node_pools is None:
        return None
    given: list[str] = json.loads(row.default_node_pools)
    return [it for it in given if find_pool(it, pools) is not None]


def _overtime(row: UnitRow) -> OvertimeData:
    # averages: three spans for each of allocation, utilization and memory utilization (tables.AVERAGES)
    found: list[Averages | None] = []
    for span in range(3):
        allocation, use, memory = (row.averages[what * 3 + span] for what in range(3))
        if allocation is None and use is None and memory is None:
            found.append(None)
            continue
        found.append(
            Averages(
                average_gpu_allocation=UNSET if allocation is None else allocation,
                average_gpu_utilization=UNSET if use is None else use,
                average_gpu_memory_utilization=memory,
            )
        )
    return OvertimeData(range24h_data=found[0], range7d_data=found[1], range30d_data=found[2])


def _reported(view: View) -> UnitStatus:
    """What an agent said of the unit, in the pools that there still are."""
    reported = decoded(view.row.quota_status)
    known = [it for it in view.pools if it.id in reported.pools]
    if not known:
        return UnitStatus()
    return UnitStatus(
        node_pool_quota_statuses=[
            PoolQuotaStatus(node_pool_id=str(it.id), node_pool_name=it.name, **_use(reported.pools[it.id]))
            for it in known
        ],
        quota_status=QuotaStatus(**_use(reported.total(it.id for it in known))),
        simulated=True if reported.simulated else UNSET,
    )


def _use(use: Use) -> dict[str, Amounts]:
    found = {name: as_members(getattr(use, name)) for name in USES}
    return {name: Amounts(**members) for name, members in found.items() if members}


def _common(view: View) -> dict[str, Any]:
    row = view.row
    return {
        "id": str(row.id),
        "name": row.name,
        "description": row.description,
        "cluster_id": row.cluster_id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
        "total_resources": TotalResources(
            gpu_quota=row.total_gpu_quota,
            cpu_quota=row.total_cpu_quota,
            memory_quota=row.total_memory_quota,
        ),
        "resources": present_resources(view.quotas, view.pools),
        "scheduling_rules": None if row.scheduling_rules is None else rules_of(row),
        "default_node_pools": _default_pools(row, view.pools),
        "node_types": _node_types(row),
        "overtime_data": _overtime(row),
    }


def present_project(view: View) -> ProjectOut:
    """A project."""
    row, parent = view.row, view.parent
    if parent is None:
        raise RuntimeError(f"project {row.id} is shown without its department")
    reported = _reported(view)
    return ProjectOut(
        **_common(view),
        parent_id=str(parent.id),
        parent=Parent(id=str(parent.id), name=parent.name),
        requested_namespace=row.requested_namespace,
        enforce_runai_scheduler=row.enforce_scheduler,
        effective=_effective(row, parent, view.pools),
        status=ProjectStatus(
            namespace=row.namespace,
            phase=row.phase,
            phase_message=row.phase_message,
            last_updated_time=row.phase_updated_at,
            node_pool_quota_statuses=reported.node_pool_quota_statuses,
            quota_status=reported.quota_status,
            simulated=reported.simulated,
        ),
    )


def _effective(row: UnitRow, parent: UnitRow, pools: Sequence[Pool]) -> Effective:
    own, above = _node_types(row), _node_types(parent)
    names = {**(above.names or {}), **(own.names or {})}
    return Effective(
        scheduling_rules=scheduling.effective(rules_of(parent), rules_of(row)),
        default_node_pools=_default_pools(row, pools) or _default_pools(parent, pools),
        node_types=NodeTypes(
            training=own.training or above.training,
            workspace=own.workspace or above.workspace,
            names=names or None,
        ),
    )


def present_department(view: View) -> DepartmentOut:
    """A department that is read by itself."""
    promised = view.promised or {}
    return DepartmentOut(
        **_common(view),
        children=[Child(id=str(number), name=name) for number, name in view.children or ()],
        projects_aggregated_resources=[_aggregated(promised[it.id], it) for it in view.pools],
        status=_reported(view),
    )


def present_listed_department(view: View, verbosity: str) -> DepartmentOut:
    """A department in a list: its state only when `verbose`, no quotas when `meta`."""
    members = _common(view)
    if verbosity == "meta":
        members |= {"total_resources": None, "resources": []}
    status = UNSET
    if verbosity == "verbose":
        reported = _reported(view)
        status = UnitStatus(quota_status=reported.quota_status, simulated=reported.simulated)
    return DepartmentOut(**members, children=None, status=status)


def _aggregated(sums: Totals, pool: Pool) -> AggregatedOut:
    return AggregatedOut(
        node_pool=_pool(pool),
        gpu=DeservedOut(deserved=sums.gpu),
        cpu=DeservedOut(deserved=sums.cpu),
        memory=DeservedMemoryOut(deserved=sums.megabytes, units="MB"),
    )


def present_what_if(found: WhatIf) -> WhatIfOut:
    """The answer to `validateOnly=true`."""
    pools = {it.id: _pool(it) for it in found.pools}
    where = Parent(id=str(found.department.id), name=found.department.name)
    return WhatIfOut(
        allowed=not found.refused,
        changes=[
            StepOut(
                node_pool=pools[it.pool],
                attribute=it.attribute,
                before=_said(it.attribute, it.before),
                after=_said(it.attribute, it.after),
            )
            for it in found.steps
        ],
        over=[
            ExcessOut(
                department=where,
                node_pool=pools[it.pool],
                resource=it.resource,
                quota=it.quota,
                assigned=UNLIMITED if it.assigned is None else it.assigned,
            )
            for it in found.over
        ],
        resources=present_resources(found.after, found.pools),
    )


def _said(attribute: str, value: float | str | None) -> float | str | None:
    unlimited = value is None and attribute.endswith((".deserved", ".limit"))
    return UNLIMITED if unlimited else value
