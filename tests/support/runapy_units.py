"""Departments and projects called through the official client, by operationId (see runapy_calls)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from support.runapy import Scene, api, fresh, models

Call = Callable[[Scene, Callable[[str], Any]], Any]

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def _cluster(scene: Scene) -> str:
    return scene.post("/api/v1/clusters", {"name": fresh("cluster")})["uuid"]


def _unit(scene: Scene, kind: str) -> str:
    body = {"name": fresh(kind), "clusterId": _cluster(scene), "resources": []}
    return scene.post(f"/api/v1/org-unit/{kind}s", body)["id"]


def _projects(clients: Any) -> Any:
    return api.ProjectsApi(clients("machine"))


def _departments(clients: Any) -> Any:
    return api.DepartmentsApi(clients("machine"))


def _reports(clients: Any) -> Any:
    return api.ReportsApi(clients("machine"))


def _report(scene: Scene) -> str:
    body = {"name": fresh("report"), "start": START.isoformat(), "end": END.isoformat()}
    return scene.post("/api/v1/org-unit/reports", body)["id"]


def _resources() -> list[Any]:
    """As the client builds them: with every nullable member sent as null."""
    gpu = models.NonNullResource(deserved=1.5, limit=-1, overQuotaWeight=None)
    return [models.ResourcesNullable(nodePool=None, gpu=gpu, cpu=None, memory=None, priority="Normal")]


UNIT_CALLS: dict[str, Call] = {
    "get_priorities": lambda _, clients: api.OrgUnitApi(clients("machine")).get_priorities(),
    # Reports
    "list_reports": lambda _, clients: _reports(clients).list_reports(
        filter_by=["status!=Failed"], sort_by=models.ReportFilterAndSortFields.CREATEDAT, sort_order="desc"
    ),
    "count_reports": lambda _, clients: _reports(clients).count_reports(search="report"),
    "are_reports_available": lambda _, clients: _reports(clients).are_reports_available(),
    "create_report": lambda _, clients: _reports(clients).create_report(
        models.ReportRequestFields(
            name=fresh("report"),
            start=START,
            end=END,
            groupBy=models.ReportGroupByOptions.CLUSTER,
            filterBy=["clusterId==0198c0de-0000-7000-8000-00000000ffff"],
        )
    ),
    "get_report_by_id": lambda scene, clients: _reports(clients).get_report_by_id(_report(scene)),
    "delete_report_by_id": lambda scene, clients: _reports(clients).delete_report_by_id(_report(scene)),
    # Projects
    "get_projects": lambda scene, clients: _projects(clients).get_projects(
        filter_by=[f"clusterId=={_cluster(scene)}", "name=@a"],
        sort_by=models.ProjectFilterSortFields.NAME,
        sort_order="desc",
        limit=5,
        search="a",
    ),
    "count_projects": lambda _, clients: _projects(clients).count_projects(filter_by=["phase==Creating"]),
    "create_project": lambda scene, clients: _projects(clients).create_project(
        models.ProjectCreationRequest(
            name=fresh("project"),
            clusterId=_cluster(scene),
            resources=_resources(),
            schedulingRules=models.SchedulingRules(trainingJobTimeLimitSeconds=60),
        )
    ),
    "get_project": lambda scene, clients: _projects(clients).get_project(_unit(scene, "project")),
    "update_project": lambda scene, clients: _projects(clients).update_project(
        _unit(scene, "project"), models.ProjectUpdateRequest(resources=_resources(), description="new")
    ),
    "delete_project": lambda scene, clients: _projects(clients).delete_project(_unit(scene, "project")),
    "update_project_resources": lambda scene, clients: _projects(clients).update_project_resources(
        _unit(scene, "project"), _resources()
    ),
    "patch_project_resources": lambda scene, clients: _projects(clients).patch_project_resources(
        _unit(scene, "project"), _resources()
    ),
    "get_project_metrics": lambda scene, clients: _projects(clients).get_project_metrics(
        _unit(scene, "project"), [models.OrgUnitMetricType.GPU_QUOTA], START, END, number_of_samples=5
    ),
    "get_projects_telemetry": lambda _, clients: _projects(clients).get_projects_telemetry(
        models.OrgUnitTelemetryType.GPU_QUOTA, group_by=["ClusterId", "ParentId"]
    ),
    # Departments
    "get_departments": lambda scene, clients: _departments(clients).get_departments(
        filter_by=[f"clusterId=={_cluster(scene)}"],
        sort_by=models.DepartmentFilterSortFields.CREATEDAT,
        verbosity=models.Verbosity.VERBOSE,
    ),
    "count_departments": lambda _, clients: _departments(clients).count_departments(filter_by=["name=^d"]),
    "create_department": lambda scene, clients: _departments(clients).create_department(
        models.DepartmentCreationRequest(
            name=fresh("department"), clusterId=_cluster(scene), resources=_resources()
        )
    ),
    "get_department": lambda scene, clients: _departments(clients).get_department(_unit(scene, "department")),
    "update_department": lambda scene, clients: _departments(clients).update_department(
        _unit(scene, "department"), models.DepartmentUpdateRequest(resources=_resources())
    ),
    "delete_department": lambda scene, clients: _departments(clients).delete_department(
        _unit(scene, "department")
    ),
    "update_department_resources": lambda scene, clients: _departments(clients).update_department_resources(
        _unit(scene, "department"), _resources()
    ),
    "patch_department_resources": lambda scene, clients: _departments(clients).patch_department_resources(
        _unit(scene, "department"), _resources()
    ),
    "get_department_metrics": lambda scene, clients: _departments(clients).get_department_metrics(
        _unit(scene, "department"), [models.OrgUnitMetricType.GPU_ALLOCATION], START, END
    ),
    "get_departments_telemetry": lambda _, clients: _departments(clients).get_departments_telemetry(
        models.OrgUnitTelemetryType.GPU_ALLOCATION, group_by=["CLUSTER_ID"]
    ),
}
