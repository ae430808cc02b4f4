"""Clusters, node pools, nodes and storage classes called through the official client (see runapy_calls)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from support.clusters import agent_of, node
from support.runapy import Scene, api, fresh, models

Call = Callable[[Scene, Callable[[str], Any]], Any]

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def _cluster(scene: Scene) -> str:
    return scene.post("/api/v1/clusters", {"name": fresh("cluster")})["uuid"]


def _pool(scene: Scene) -> str:
    body = {"name": fresh("pool"), "clusterId": _cluster(scene), "labelKey": "kind", "labelValue": "a"}
    return scene.post("/api/v1/node-pools", body)["id"]


def _topology(scene: Scene) -> str:
    body = {"name": fresh("topology"), "clusterId": _cluster(scene), "levels": ["zone"]}
    return scene.post("/api/v1/network-topologies", body)["id"]


def _usage(scene: Scene) -> str:
    body = {"scopeType": "cluster", "scopeId": _cluster(scene), "name": "fast"}
    return scene.post("/api/v1/storage-class-configuration", body)["id"]


def _reported(scene: Scene) -> str:
    """A cluster whose agent has reported a node."""
    cluster_id = _cluster(scene)
    agent_of(scene.server, cluster_id).register(nodes=[node("a")])
    return cluster_id


def _node(scene: Scene) -> str:
    cluster_id = _reported(scene)
    answer = scene.server.admin.get("/api/v1/nodes", params={"filterBy": f"clusterUuid=={cluster_id}"})
    return answer.json()["nodes"][0]["id"]


def _clusters(clients: Any) -> Any:
    return api.ClustersApi(clients("machine"))


def _pools(clients: Any) -> Any:
    return api.NodePoolsApi(clients("machine"))


def _nodes(clients: Any) -> Any:
    return api.NodesApi(clients("machine"))


def _topologies(clients: Any) -> Any:
    return api.NetworkTopologiesApi(clients("machine"))


def _classes(clients: Any) -> Any:
    return api.StorageClassesApi(clients("machine"))


def _usages(clients: Any) -> Any:
    return api.StorageClassConfigurationApi(clients("machine"))


CLUSTER_CALLS: dict[str, Call] = {
    # Clusters
    "get_clusters": lambda _, clients: _clusters(clients).get_clusters(
        verbosity="metadata", include_requested_for_delete=True
    ),
    "create_cluster": lambda _, clients: _clusters(clients).create_cluster(
        models.ClusterCreationRequest(name=fresh("cluster"), domain="https://a.example.com", version="2.24")
    ),
    "delete_cluster": lambda scene, clients: _clusters(clients).delete_cluster(_cluster(scene), force=True),
    "get_cluster_by_uuid": lambda scene, clients: _clusters(clients).get_cluster_by_uuid(_reported(scene)),
    "updateCluster": lambda scene, clients: _clusters(clients).update_cluster(
        _cluster(scene), models.ClusterUpdateRequest(name=fresh("cluster"))
    ),
    "get_cluster_install_info_by_uuid": lambda scene, clients: _clusters(
        clients
    ).get_cluster_install_info_by_uuid(_cluster(scene), "2.24", remote_cluster_url="https://a.example.com"),
    "get_cluster_metrics": lambda scene, clients: _clusters(clients).get_cluster_metrics(
        _cluster(scene), START, END, [models.MetricsType.TOTAL_GPU, models.MetricsType.GPU_QUOTA]
    ),
    # Node pools
    "get_nodepool_metrics": lambda scene, clients: _pools(clients).get_nodepool_metrics(
        _cluster(scene), "default", START, END, [models.MetricsType.TOTAL_GPU]
    ),
    "get_nodepools": lambda scene, clients: _pools(clients).get_nodepools(
        filter_by=[f"clusterId=={_cluster(scene)}", "swapEnabled==false"],
        sort_by=models.NodepoolSortFilterFields.NAME,
        limit=5,
    ),
    "count_nodepools": lambda _, clients: _pools(clients).count_nodepools(filter_by=["phase==Creating"]),
    "create_nodepool": lambda scene, clients: _pools(clients).create_nodepool(
        models.NodepoolCreateFields(
            name=fresh("pool"), labelKey="kind", labelValue="a", clusterId=_cluster(scene)
        )
    ),
    "get_nodepool": lambda scene, clients: _pools(clients).get_nodepool(_pool(scene)),
    # An empty one carries the client's own defaults (contract 8.2, item 11).
    "patch_nodepool": lambda scene, clients: _pools(clients).patch_nodepool(
        _pool(scene), models.NodepoolUpdateFields()
    ),
    "update_nodepool": lambda scene, clients: _pools(clients).update_nodepool(
        _pool(scene), models.NodepoolUpdateFields(labelKey="kind", labelValue="b")
    ),
    "delete_nodepool": lambda scene, clients: _pools(clients).delete_nodepool(_pool(scene)),
    # Nodes
    "get_nodes": lambda scene, clients: _nodes(clients).get_nodes(_reported(scene)),
    "count_nodes": lambda scene, clients: _nodes(clients).count_nodes(_reported(scene), search="a"),
    "get_tenant_nodes": lambda scene, clients: _nodes(clients).get_tenant_nodes(
        filter_by=[f"clusterUuid=={_reported(scene)}"], sort_by=models.NodeFilterSortFields.GPUTYPE
    ),
    "count_tenant_nodes": lambda _, clients: _nodes(clients).count_tenant_nodes(filter_by=["status==Ready"]),
    "get_node_telemetry": lambda scene, clients: _nodes(clients).get_node_telemetry(
        models.NodeTelemetryType.TOTAL_GPUS, cluster_id=_reported(scene), group_by=["ClusterId", "Nodepool"]
    ),
    "get_node_metrics": lambda scene, clients: _nodes(clients).get_node_metrics(
        _node(scene), [models.NodeMetricType.GPU_UTILIZATION], START, END
    ),
    # Network topologies
    "get_network_topologies": lambda scene, clients: _topologies(clients).get_network_topologies(
        filter_by=[f"clusterId=={_cluster(scene)}"]
    ),
    "get_network_topologies_count": lambda _, clients: _topologies(clients).get_network_topologies_count(),
    "create_network_topology": lambda scene, clients: _topologies(clients).create_network_topology(
        models.NetworkTopologyCreateRequest(
            name=fresh("topology"), clusterId=_cluster(scene), levels=["zone", "kubernetes.io/hostname"]
        )
    ),
    "get_network_topology_by_id": lambda scene, clients: _topologies(clients).get_network_topology_by_id(
        _topology(scene)
    ),
    "delete_network_topology": lambda scene, clients: _topologies(clients).delete_network_topology(
        _topology(scene)
    ),
    # Storage classes
    "getStorageClasses": lambda scene, clients: _classes(clients).get_storage_classes(
        _reported(scene), include_none=True
    ),
    "getStorageClassesV2": lambda scene, clients: _classes(clients).get_storage_classes_v2(
        _reported(scene), include_none=True
    ),
    "list_storage_class_configuration": lambda _, clients: _usages(clients).list_storage_class_configuration(
        filter_by=["scopeType==cluster"], sort_by="name", limit=5
    ),
    "create_storage_class_configuration": lambda scene, clients: _usages(
        clients
    ).create_storage_class_configuration(
        models.StorageClassConfigurationCreationRequest(
            scopeType="cluster",
            scopeId=_cluster(scene),
            name="fast",
            permissions=models.StorageClassPermissions(allowedForAssets=True),
        )
    ),
    "get_storage_class_configuration_by_id": lambda scene, clients: _usages(
        clients
    ).get_storage_class_configuration_by_id(_usage(scene), tenant_id=1001),
    "update_storage_class_configuration_by_id": lambda scene, clients: _usages(
        clients
    ).update_storage_class_configuration_by_id(
        _usage(scene), models.StorageClassConfigurationUpdateRequest(permissions=None)
    ),
    "patch_storage_class_configuration_by_id": lambda scene, clients: _usages(
        clients
    ).patch_storage_class_configuration_by_id(
        _usage(scene),
        models.StorageClassConfigurationPatchRequest(
            permissions=models.StorageClassPermissions(allowDataSharing=False)
        ),
    ),
    "delete_storage_class_configuration_by_id": lambda scene, clients: _usages(
        clients
    ).delete_storage_class_configuration_by_id(_usage(scene)),
}
