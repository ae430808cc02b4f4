"""Departments and projects on the wire.

Unlimited is null in an answer, except for the GPU quota, which the contract types as a number: -1 there.
What no agent has reported is null or left out, never a zero.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runplane.server.http.operation import Wire
from runplane.server.organization.quotas import ResourcesIn, Units
from runplane.server.organization.scheduling import SchedulingRules
from runplane.server.organization.units.drafts import NodeTypes, Wishes


class UnitIn(Wire):
    """What both kinds take when they are made or changed."""

    resources: list[ResourcesIn]
    description: str | None = None
    scheduling_rules: SchedulingRules | None = None
    default_node_pools: list[str] | None = None
    node_types: NodeTypes | None = None

    def wishes(self) -> Wishes:
        """All but the resources."""
        return Wishes(self.description, self.scheduling_rules, self.default_node_pools, self.node_types)


class DepartmentIn(UnitIn, kw_only=True):
    """A department to make."""

    name: Annotated[str, Meta(examples=["research"])]
    cluster_id: str


class DepartmentUpdate(UnitIn, kw_only=True):
    """Everything of a department that can change. What is left out is cleared."""


class ProjectIn(UnitIn, kw_only=True):
    """A project to make; without `parentId` it belongs to the default department of its cluster."""

    name: Annotated[str, Meta(examples=["team-a"])]
    cluster_id: str
    parent_id: str | None = None
    requested_namespace: str | None = None
    enforce_runai_scheduler: bool | None = True


class ProjectUpdate(UnitIn, kw_only=True):
    """Everything of a project that can change. What is left out is cleared, except two members.

    `parentId` moves the project to another department of its cluster; `enforceRunaiScheduler` stays as it is
    when left out.
    """

    parent_id: str | None = None
    enforce_runai_scheduler: bool | None = None


class ResourcePool(Wire):
    """A node pool that resources refer to."""

    id: str
    name: str


class GpuOut(Wire):
    """GPUs of a node pool; `deserved` -1 is unlimited."""

    deserved: float
    limit: float | None
    over_quota_weight: float | None


class ShareOut(Wire):
    """CPU millicores of a node pool; null is unlimited."""

    deserved: float | None
    limit: float | None
    over_quota_weight: float | None


class MemoryOut(ShareOut, kw_only=True):
    """Memory of a node pool; null is unlimited."""

    units: Units


class ResourcesOut(Wire):
    """What a unit has in one node pool."""

    node_pool: ResourcePool
    gpu: GpuOut
    cpu: ShareOut
    memory: MemoryOut
    priority: str | None


class TotalResources(Wire):
    """Quotas of all node pools; null is unlimited. CPU in millicores, memory in MB."""

    gpu_quota: float | None
    cpu_quota: float | None
    memory_quota: float | None


class Averages(Wire):
    """Averages over a span of time, as agents reported them."""

    average_gpu_allocation: float | UnsetType = UNSET
    average_gpu_utilization: float | UnsetType = UNSET
    average_gpu_memory_utilization: float | None = None


class OvertimeData(Wire):
    """Averages of the last day, week and month; null until agents reported."""

    range24h_data: Averages | None = msgspec.field(name="range24hData")
    range7d_data: Averages | None = msgspec.field(name="range7dData")
    range30d_data: Averages | None = msgspec.field(name="range30dData")


class Amounts(Wire):
    """GPUs, CPU millicores and MB of memory."""

    gpu: float | UnsetType = UNSET
    cpu: float | UnsetType = UNSET
    memory: float | UnsetType = UNSET


class QuotaStatus(Wire):
    """What is used of the quotas, as an agent reported it."""

    allocated: Amounts | UnsetType = UNSET
    allocated_non_preemptible: Amounts | UnsetType = UNSET
    requested: Amounts | UnsetType = UNSET


class PoolQuotaStatus(QuotaStatus, kw_only=True):
    """What is used of the quota in one node pool."""

    node_pool_name: str
    node_pool_id: str


class UnitStatus(Wire):
    """What an agent reported; nothing until then. `simulated` is ours: it marks what no real cluster said."""

    node_pool_quota_statuses: list[PoolQuotaStatus] = msgspec.field(default_factory=list[PoolQuotaStatus])
    quota_status: QuotaStatus | UnsetType = UNSET
    simulated: bool | UnsetType = UNSET


class ProjectStatus(UnitStatus, kw_only=True):
    """How a project fares in its cluster."""

    namespace: str | None
    phase: str
    phase_message: str | None
    last_updated_time: str | None
    additional_status_data: dict[str, Any] | None = None


class Child(Wire):
    """A project of a department."""

    id: str
    name: str


class Parent(Wire):
    """The department of a project."""

    id: str
    name: str


class DeservedOut(Wire):
    """A sum of quotas; null is unlimited."""

    deserved: float | None


class DeservedMemoryOut(DeservedOut, kw_only=True):
    """A sum of memory quotas."""

    units: Units


class AggregatedOut(Wire):
    """What the projects of a department have together in one node pool."""

    node_pool: ResourcePool
    gpu: DeservedOut
    cpu: DeservedOut
    memory: DeservedMemoryOut


class Effective(Wire):
    """What counts for the workloads of a project: its own word, tightened or filled by its department's."""

    scheduling_rules: SchedulingRules
    default_node_pools: list[str] | None
    node_types: NodeTypes


class UnitOut(Wire):
    """What both kinds show."""

    id: str
    name: str
    description: str
    cluster_id: str
    created_at: str
    updated_at: str
    created_by: str
    updated_by: str
    total_resources: TotalResources | None
    resources: list[ResourcesOut]
    scheduling_rules: SchedulingRules | None
    default_node_pools: list[str] | None
    node_types: NodeTypes
    overtime_data: OvertimeData


class DepartmentOut(UnitOut, kw_only=True):
    """A department."""

    children: list[Child] | None
    projects_aggregated_resources: list[AggregatedOut] | UnsetType | None = UNSET
    status: UnitStatus | UnsetType = UNSET


class ProjectOut(UnitOut, kw_only=True):
    """A project."""

    parent_id: str
    parent: Parent
    requested_namespace: str | None
    enforce_runai_scheduler: bool
    effective: Effective
    status: ProjectStatus


class DepartmentsPage(Wire, omit_defaults=True):
    """A page of departments; `next` is the offset of the next one."""

    departments: list[DepartmentOut]
    next: int | None = None


class ProjectsPage(Wire, omit_defaults=True):
    """A page of projects; `next` is the offset of the next one."""

    projects: list[ProjectOut]
    next: int | None = None


class UnitCount(Wire):
    """How many there are."""

    count: int


class StepOut(Wire):
    """One attribute that would change; -1 is unlimited, null is not set."""

    node_pool: ResourcePool
    attribute: str
    before: float | str | None
    after: float | str | None


class ExcessOut(Wire):
    """Where a department's projects would be promised more than it has; `assigned` -1 is unlimited."""

    department: Parent
    node_pool: ResourcePool
    resource: str
    quota: float
    assigned: float


class WhatIfOut(Wire):
    """What a change of resources would do. `allowed` false: the same call without validateOnly is refused."""

    allowed: bool
    changes: list[StepOut]
    over: list[ExcessOut]
    resources: list[ResourcesOut]
