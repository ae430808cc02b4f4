"""The old addresses of the organization called through the official client (see runapy_calls).

Its methods have the names of today's with `_0` behind them, where both versions exist.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from support.clusters import agent_of
from support.runapy import Scene, api, fresh, models

Call = Callable[[Scene, Callable[[str], Any]], Any]

SPAN = {"start": datetime(2026, 1, 1, tzinfo=UTC), "end": datetime(2026, 1, 2, tzinfo=UTC)}


def _cluster(scene: Scene) -> str:
    return scene.post("/api/v1/clusters", {"name": fresh("cluster")})["uuid"]


def _pool(scene: Scene) -> tuple[str, int]:
    cluster_id = _cluster(scene)
    body = {"name": fresh("pool"), "clusterId": cluster_id, "labelKey": "kind", "labelValue": "a"}
    return cluster_id, int(scene.post("/api/v1/node-pools", body)["id"])


def _unit(scene: Scene, kind: str) -> tuple[str, int]:
    cluster_id = _cluster(scene)
    body = {"name": fresh(kind), "clusterId": cluster_id, "resources": []}
    return cluster_id, int(scene.post(f"/api/v1/org-unit/{kind}s", body)["id"])


def _with_units(scene: Scene) -> str:
    """A cluster with a project that has quotas, limits and people."""
    cluster_id, department = _unit(scene, "department")
    body = {
        "name": fresh("project"),
        "departmentId": department,
        "deservedGpus": 1,
        "gpuOverQuotaWeight": 2,
        "trainingJobTimeLimitSecs": 60,
        "permissions": {"groups": ["crew"]},
    }
    answer = scene.server.admin.post(f"/v1/k8s/clusters/{cluster_id}/projects", json=body)
    assert answer.status_code == 200, answer.text
    return cluster_id


def _with_classes(scene: Scene) -> str:
    cluster_id = _cluster(scene)
    reported = {"name": "fast", "provisioner": "p", "allowVolumeExpansion": True, "isDefault": False}
    agent_of(scene.server, cluster_id).register(nodes=[], storageClasses=[reported])
    return cluster_id


def _clusters(clients: Any) -> Any:
    return api.ClustersApi(clients("machine"))


def _pools(clients: Any) -> Any:
    return api.NodePoolsApi(clients("machine"))


def _projects(clients: Any) -> Any:
    return api.ProjectsApi(clients("machine"))


def _departments(clients: Any) -> Any:
    return api.DepartmentsApi(clients("machine"))


def _create_project(scene: Scene, clients: Any) -> Any:
    cluster_id, department = _unit(scene, "department")
    gpu = models.Resource1(deserved=1, maxAllowed=-1, overQuotaWeight=2)
    body = models.ProjectCreateRequest(
        name=fresh("project"),
        departmentId=department,
        resources=models.AssignedResources(gpu=gpu),
        permissions=models.ResourcePermissions(users=["somebody@example.com"], groups=["crew"]),
        interactiveJobTimeLimitSecs=3600,
    )
    return _projects(clients).create_project_0(cluster_id, body, exclude_permissions=False)


def _of_project(scene: Scene, call: Callable[[str, int], Any]) -> Any:
    return call(*_unit(scene, "project"))


def _of_department(scene: Scene, call: Callable[[str, int], Any]) -> Any:
    return call(*_unit(scene, "department"))


LEGACY_CALLS: dict[str, Call] = {
    # Clusters
    "getClusterMetrics": lambda scene, clients: _clusters(clients).get_cluster_metrics_0(
        _cluster(scene), number_of_samples=5, nodepool_name="default", **SPAN
    ),
    "getInstallFile": lambda scene, clients: _clusters(clients).get_install_file(
        _cluster(scene), cloud="gke", format="yaml"
    ),
    "V1GetStorageClasses": lambda scene, clients: api.StorageClassesApi(
        clients("machine")
    ).v1_get_storage_classes(_with_classes(scene), include_none=True),
    # Node pools
    "getNodePools": lambda scene, clients: _pools(clients).get_node_pools(_pool(scene)[0]),
    "createNodePool": lambda scene, clients: _pools(clients).create_node_pool(
        _cluster(scene), models.NodePoolCreateRequest(name=fresh("pool"), labelKey="kind", labelValue="a")
    ),
    "updateNodePool": lambda scene, clients: _pools(clients).update_node_pool(
        *_pool(scene), models.UpdateNodePoolRequest(labelKey="kind", labelValue="b")
    ),
    "updateNodePoolLabels": lambda scene, clients: _pools(clients).update_node_pool_labels(
        *_pool(scene), models.NodePoolLabelsRequest(labelKey="kind", labelValue="b")
    ),
    "deleteNodePool": lambda scene, clients: _pools(clients).delete_node_pool(*_pool(scene)),
    # Projects
    "getProjects": lambda scene, clients: _projects(clients).get_projects_0(
        _with_units(scene), exclude_permissions=False, memory_unit_mb=True
    ),
    "createProject": _create_project,
    "getProject": lambda scene, clients: _of_project(
        scene, lambda cluster_id, number: _projects(clients).get_project_0(cluster_id, str(number))
    ),
    "updateProject": lambda scene, clients: _of_project(
        scene,
        lambda cluster_id, number: _projects(clients).update_project_0(
            str(number), cluster_id, models.ProjectUpdateRequest1(deservedGpus=2)
        ),
    ),
    "deleteProject": lambda scene, clients: _of_project(
        scene, lambda cluster_id, number: _projects(clients).delete_project_0(cluster_id, number)
    ),
    "getProjectsMetrics": lambda scene, clients: _projects(clients).get_projects_metrics(
        _with_units(scene), **SPAN
    ),
    "getProjectMetrics": lambda scene, clients: _of_project(
        scene, lambda cluster_id, number: _projects(clients).get_project_metrics_0(cluster_id, str(number))
    ),
    # Departments
    "getDepartments": lambda scene, clients: _departments(clients).get_departments_0(_with_units(scene)),
    "updateDepartmentAdmins": lambda scene, clients: _of_department(
        scene,
        lambda cluster_id, number: _departments(clients).update_department_admins(
            cluster_id, number, models.DepartmentAccessControl(departmentAdmins=[])
        ),
    ),
    "getDepartmentsMetrics": lambda scene, clients: _departments(clients).get_departments_metrics(
        _with_units(scene), **SPAN
    ),
    "getDepartmentMetrics": lambda scene, clients: _of_department(
        scene,
        lambda cluster_id, number: _departments(clients).get_department_metrics_0(cluster_id, str(number)),
    ),
}
