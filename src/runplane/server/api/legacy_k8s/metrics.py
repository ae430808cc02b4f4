"""/v1/k8s/clusters/{clusterUuid}/…/metrics: who a measurement would be of, and no measurements.

The old shape wants quota and allocation side by side, so an entry without a reported allocation would need an
invented one. Until something measures, the lists are empty; the names around them are real.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from runplane.server.api.legacy_k8s.places import cluster_of, unit_of, unit_place, units_of
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CLUSTER, DEPARTMENT, PROJECT, READ
from runplane.server.core.clock import parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.http.call import Call
from runplane.server.http.operation import Operation, Operations, Wire
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.node_pools.service import get_pool_by_name
from runplane.server.organization.series import MAX_SAMPLES
from runplane.server.organization.units import service
from runplane.server.organization.units.access import parent_of_project
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS, UnitRow

_OLD: dict[str, Any] = {"deprecated": True}


class OldMetricsQuery(Wire):
    """A span of time, if what was is wanted too."""

    start: str | None = None
    end: str | None = None
    number_of_samples: int | None = None
    nodepool_name: str | None = None


class OldMeasure(Wire):
    """One resource, as a cluster would report it."""

    quota: float
    allocated: float
    utilization: float | UnsetType = UNSET


class OldMeasures(Wire):
    """All resources together."""

    number_of_pending_workloads: int
    gpu: OldMeasure
    cpu: OldMeasure
    memory: OldMeasure


class OldPoolMeasures(OldMeasures, kw_only=True):
    """Those in one node pool."""

    nodepool_name: str


class OldProjectMeasures(OldPoolMeasures, kw_only=True):
    """Those of one project in one node pool."""

    project_name: str


class OldClusterProjectMeasures(OldProjectMeasures, kw_only=True):
    """Those of one project of a department in one node pool."""

    department_name: str


class OldPastMeasures(OldMeasures, kw_only=True):
    """Those at one time."""

    timestamp: str


class TimeRange(Wire):
    """What was measured in a span of time."""

    resources: list[OldPastMeasures]


class ClusterNames(Wire):
    """Which cluster."""

    cluster_id: str
    cluster_name: str


class DepartmentNames(ClusterNames, kw_only=True):
    """Which department of which cluster."""

    department_id: int
    department_name: str


class ProjectNames(DepartmentNames, kw_only=True):
    """Which project of which department."""

    project_id: int
    project_name: str


class ClusterMeasured(Wire):
    """What is measured of a cluster now."""

    resources: list[OldPoolMeasures]
    project_resources: list[OldClusterProjectMeasures]


class DepartmentMeasured(Wire):
    """What is measured of a department now."""

    resources: list[OldPoolMeasures]
    project_resources: list[OldProjectMeasures]


class ProjectMeasured(Wire):
    """What is measured of a project now. The contract requires the second list and never describes it."""

    resources: list[OldPoolMeasures]
    nodepool_resources: list[OldPoolMeasures]


class ClusterMetrics(Wire):
    """A cluster."""

    metadata: ClusterNames
    current: ClusterMeasured
    time_range: TimeRange | UnsetType = UNSET


class DepartmentMetrics(Wire):
    """A department."""

    metadata: DepartmentNames
    current: DepartmentMeasured
    time_range: TimeRange | UnsetType = UNSET


class ProjectMetrics(Wire):
    """A project."""

    metadata: ProjectNames
    current: ProjectMeasured
    time_range: TimeRange | UnsetType = UNSET


class DepartmentsMetrics(Wire):
    """The departments of a cluster."""

    data: list[DepartmentMetrics]
    time_range: TimeRange | UnsetType = UNSET


class ProjectsMetrics(Wire):
    """The projects of a cluster."""

    data: list[ProjectMetrics]
    time_range: TimeRange | UnsetType = UNSET


def operations() -> list[Operation]:
    """The five of them."""
    return [*_whole(), *_departments(), *_projects()]


def _whole() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{clusterUuid}", tag="Clusters")

    @ops.get(
        "/metrics",
        id="getClusterMetrics",
        allow=can(READ, CLUSTER).anywhere(),
        query=OldMetricsQuery,
        reply=ClusterMetrics,
        successor="/api/v1/clusters",
        **_OLD,
    )
    def get_cluster_metrics(call: Call[Any]) -> ClusterMetrics:
        """Get the metrics of a cluster"""
        cluster = cluster_of(call, CLUSTER, "clusterUuid")
        return ClusterMetrics(
            metadata=ClusterNames(cluster_id=cluster.id, cluster_name=cluster.name),
            current=ClusterMeasured(resources=[], project_resources=[]),
            time_range=_span(call, cluster),
        )

    return ops.items


def _departments() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{clusterUuid}/departments", tag="Departments")
    common: dict[str, Any] = {
        "query": OldMetricsQuery,
        "successor": "/api/v1/org-unit/departments",
        **_OLD,
    }

    @ops.get(
        "/metrics",
        id="getDepartmentsMetrics",
        allow=can(READ, DEPARTMENT).anywhere(),
        reply=DepartmentsMetrics,
        **common,
    )
    def get_departments_metrics(call: Call[Any]) -> DepartmentsMetrics:
        """Get the metrics of a cluster's departments"""
        cluster = cluster_of(call, DEPARTMENT, "clusterUuid")
        page = units_of(DEPARTMENTS, cluster)
        views, _ = service.list_units(call.unit, call.principal, DEPARTMENTS, call.scopes, page)
        return DepartmentsMetrics(
            data=[
                DepartmentMetrics(metadata=_department(cluster, it.row), current=_nothing()) for it in views
            ],
            time_range=_span(call, cluster),
        )

    @ops.get(
        "/{departmentId}/metrics",
        id="getDepartmentMetrics",
        allow=can(READ, DEPARTMENT).at(unit_place(DEPARTMENTS, "departmentId", "clusterUuid")),
        reply=DepartmentMetrics,
        **common,
    )
    def get_department_metrics(call: Call[Any]) -> DepartmentMetrics:
        """Get the metrics of a department"""
        row = unit_of(call, DEPARTMENTS, "departmentId", "clusterUuid")
        cluster = cluster_of(call, DEPARTMENT, "clusterUuid")
        return DepartmentMetrics(
            metadata=_department(cluster, row), current=_nothing(), time_range=_span(call, cluster)
        )

    return ops.items


def _projects() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{clusterUuid}/projects", tag="Projects")
    common: dict[str, Any] = {"query": OldMetricsQuery, "successor": "/api/v1/org-unit/projects", **_OLD}

    @ops.get(
        "/metrics",
        id="getProjectsMetrics",
        allow=can(READ, PROJECT).anywhere(),
        reply=ProjectsMetrics,
        **common,
    )
    def get_projects_metrics(call: Call[Any]) -> ProjectsMetrics:
        """Get the metrics of a cluster's projects"""
        cluster = cluster_of(call, PROJECT, "clusterUuid")
        page = units_of(PROJECTS, cluster)
        views, _ = service.list_units(call.unit, call.principal, PROJECTS, call.scopes, page)
        return ProjectsMetrics(
            data=[
                ProjectMetrics(metadata=_project(cluster, it.row, it.parent), current=_nothing_of_a_project())
                for it in views
            ],
            time_range=_span(call, cluster),
        )

    @ops.get(
        "/{projectId}/metrics",
        id="getProjectMetrics",
        allow=can(READ, PROJECT).at(unit_place(PROJECTS, "projectId", "clusterUuid")),
        reply=ProjectMetrics,
        **common,
    )
    def get_project_metrics(call: Call[Any]) -> ProjectMetrics:
        """Get the metrics of a project"""
        row = unit_of(call, PROJECTS, "projectId", "clusterUuid")
        cluster = cluster_of(call, PROJECT, "clusterUuid")
        parent = parent_of_project(call.unit, call.principal.tenant_id, row)
        return ProjectMetrics(
            metadata=_project(cluster, row, parent),
            current=_nothing_of_a_project(),
            time_range=_span(call, cluster),
        )

    return ops.items


def _nothing() -> DepartmentMeasured:
    return DepartmentMeasured(resources=[], project_resources=[])


def _nothing_of_a_project() -> ProjectMeasured:
    return ProjectMeasured(resources=[], nodepool_resources=[])


def _department(cluster: ClusterRow, row: UnitRow) -> DepartmentNames:
    return DepartmentNames(
        cluster_id=cluster.id, cluster_name=cluster.name, department_id=row.id, department_name=row.name
    )


def _project(cluster: ClusterRow, row: UnitRow, parent: UnitRow | None) -> ProjectNames:
    if parent is None:
        raise RuntimeError(f"project {row.id} is shown without its department")
    return ProjectNames(
        cluster_id=cluster.id,
        cluster_name=cluster.name,
        department_id=parent.id,
        department_name=parent.name,
        project_id=row.id,
        project_name=row.name,
    )


def _span(call: Call[Any], cluster: ClusterRow) -> TimeRange | UnsetType:
    """The answer about a span of time, if one was asked for. Raises Invalid and NotFound for a bad query."""
    query: OldMetricsQuery = call.query
    if query.nodepool_name is not None:
        get_pool_by_name(call.unit, call.principal, cluster.id, query.nodepool_name)
    samples = query.number_of_samples
    if samples is not None and not 0 <= samples <= MAX_SAMPLES:
        raise Invalid(f"numberOfSamples must be 0 to {MAX_SAMPLES}.")
    start = None if query.start is None else parse_instant(query.start, "start")
    end = None if query.end is None else parse_instant(query.end, "end")
    if start is None or end is None:
        return UNSET
    if start > end:
        raise Invalid("start must not be after end.")
    return TimeRange(resources=[])
