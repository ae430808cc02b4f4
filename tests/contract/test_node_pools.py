"""Node pools, topologies, nodes, storage classes: what administrators decide and what agents report."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from support.clusters import agent_of, make_cluster, node
from support.server import Server

POOLS = "/api/v1/node-pools"
TOPOLOGIES = "/api/v1/network-topologies"
USAGES = "/api/v1/storage-class-configuration"
ABSENT = "0198c0de-0000-7000-8000-00000000ffff"


def fresh(word: str = "it") -> str:
    return f"{word}-{uuid4().hex[:8]}"


def cluster(server: Server) -> str:
    return make_cluster(server, fresh("cluster"))["uuid"]


def pools(server: Server, cluster_id: str) -> dict[str, dict[str, Any]]:
    answer = server.admin.get(POOLS, params={"filterBy": f"clusterId=={cluster_id}"})
    return {it["name"]: it for it in answer.json()["nodepools"]}


def create(server: Server, cluster_id: str, name: str, value: str, **members: Any) -> Any:
    body = {"name": name, "clusterId": cluster_id, "labelKey": "kind", "labelValue": value, **members}
    return server.admin.post(POOLS, json=body)


def test_nodes_follow_labels_and_pools_follow_nodes(any_server: Server) -> None:
    cluster_id = cluster(any_server)
    agent = agent_of(any_server, cluster_id)
    assert pools(any_server, cluster_id)["default"]["phase"] == "Creating"
    said = [
        node("a", labels={"kind": "x"}),
        node("b", labels={"kind": "y"}, status="NotReady"),
        node("c", labels={"kind": "z", "nvidia.com/gpu.clique": "1"}),
    ]
    agent.register(nodes=said)
    assert pools(any_server, cluster_id)["default"]["status"]["nodes"] == ["a", "b", "c"]
    for name, value in (("px", "x"), ("py", "y"), ("pw", "w")):
        assert create(any_server, cluster_id, name, value).status_code == 201
    found = pools(any_server, cluster_id)
    assert {name: (it["phase"], it["status"]["nodes"]) for name, it in found.items()} == {
        "default": ("Ready", ["c"]),
        "px": ("Ready", ["a"]),
        "py": ("Unschedulable", ["b"]),
        "pw": ("Empty", []),
    }
    assert found["default"]["status"]["gpuNetworkAccelerationDetected"] is True
    assert found["px"]["status"]["gpuNetworkAccelerationDetected"] is False
    assert "gpuNetworkAccelerationDetected" not in found["pw"]["status"]
    # another label, and a node that changes its own
    any_server.admin.patch(f"{POOLS}/{found['pw']['id']}", json={"labelValue": "z"})
    agent.heartbeat(nodes=[said[0], {**said[1], "labels": {"kind": "x"}, "status": "Ready"}, said[2]])
    found = pools(any_server, cluster_id)
    assert {name: it["status"]["nodes"] for name, it in found.items()} == {
        "default": [],
        "px": ["a", "b"],
        "py": [],
        "pw": ["c"],
    }
    # a pool that goes leaves its nodes to the others
    assert any_server.admin.delete(f"{POOLS}/{found['px']['id']}").status_code == 204
    assert pools(any_server, cluster_id)["default"]["status"]["nodes"] == ["a", "b"]
    assert "kind" in agent.heartbeat()["labelKeys"]


def test_put_sets_back_what_it_leaves_out_and_patch_does_not(any_server: Server) -> None:
    cluster_id = cluster(any_server)
    topology = any_server.admin.post(
        TOPOLOGIES, json={"name": "t", "clusterId": cluster_id, "levels": ["zone"]}
    ).json()["id"]
    made = create(
        any_server,
        cluster_id,
        "p",
        "a",
        overProvisioningRatio=2,
        placementStrategy={"cpu": "spread"},
        schedulingConfiguration={"placementStrategy": {"gpu": "spread"}, "minGuaranteedRuntime": "5d8h"},
        gpuResourceOptimization={"swapEnabled": True, "cpuSwapMemorySize": "50G"},
        networkTopologyId=topology,
    ).json()
    url = f"{POOLS}/{made['id']}"
    assert made["networkTopologyName"] == "t"
    assert made["placementStrategy"] == {"cpu": "spread", "gpu": "spread"}
    patched = any_server.admin.patch(url, json={"gpuResourceOptimization": {"swapEnabled": None}}).json()
    assert patched["gpuResourceOptimization"]["swapEnabled"] is False
    assert patched["gpuResourceOptimization"]["cpuSwapMemorySize"] == "50G"
    volatile = {"gpuResourceOptimization", "status", "updatedAt"}
    assert {k: v for k, v in patched.items() if k not in volatile} == {
        k: v for k, v in made.items() if k not in volatile
    }
    replaced = any_server.admin.put(url, json={"schedulingConfiguration": {}}).json()
    assert (replaced["labelKey"], replaced["labelValue"]) == ("kind", "a")
    assert replaced["overProvisioningRatio"] == 1
    assert replaced["networkTopologyId"] is None
    assert replaced["schedulingConfiguration"] == {
        "placementStrategy": {"cpu": "binpack", "gpu": "binpack"},
        "minGuaranteedRuntime": None,
    }
    assert any_server.admin.get(url).json() == replaced


def test_the_default_pool_stays_as_it_is(any_server: Server) -> None:
    cluster_id = cluster(any_server)
    default = pools(any_server, cluster_id)["default"]
    assert default["isDefault"] is True
    url = f"{POOLS}/{default['id']}"
    assert any_server.admin.delete(url).status_code == 400
    assert any_server.admin.patch(url, json={"labelKey": "kind", "labelValue": "a"}).status_code == 400
    # what was shown may be sent back
    changes = {"labelKey": default["labelKey"], "labelValue": default["labelValue"]}
    answer = any_server.admin.put(url, json={**changes, "overProvisioningRatio": 3})
    assert (answer.status_code, answer.json()["overProvisioningRatio"]) == (200, 3)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "a/b"),
        ("name", ""),
        ("name", "x" * 64),
        ("labelKey", "-a"),
        ("labelKey", "A.B/c/d"),
        ("labelValue", "a b"),
        ("labelValue", ""),
        ("overProvisioningRatio", 0),
        ("overProvisioningRatio", 6),
        ("gpuNetworkAccelerationDetection", "Sometimes"),
        ("gpuResourceOptimization", {"cpuSwapMemorySize": "much"}),
        ("schedulingConfiguration", {"minGuaranteedRuntime": "soon"}),
        ("placementStrategy", {"gpu": "round"}),
        ("networkTopologyId", ABSENT),
    ],
)
def test_what_a_pool_cannot_be_is_refused(server: Server, member: str, value: Any) -> None:
    cluster_id = cluster(server)
    body = {"name": "p", "clusterId": cluster_id, "labelKey": "kind", "labelValue": "a", member: value}
    answer = server.admin.post(POOLS, json=body)
    assert answer.status_code == 400, answer.text
    assert set(pools(server, cluster_id)) == {"default"}


def test_names_and_labels_are_unique_in_a_cluster(any_server: Server) -> None:
    one, other = cluster(any_server), cluster(any_server)
    assert create(any_server, one, "p", "a").status_code == 201
    assert create(any_server, other, "p", "a").status_code == 201
    for name, value in (("p", "b"), ("q", "a")):
        answer = create(any_server, one, name, value)
        assert answer.status_code == 409
        assert "already exists" in answer.json()["message"]
    assert create(any_server, ABSENT, "p", "a").status_code == 404


def test_a_new_pool_gives_nothing_away(any_server: Server) -> None:
    cluster_id = cluster(any_server)
    pool_id = create(any_server, cluster_id, "p", "a").json()["id"]
    listed = any_server.admin.get(
        "/api/v1/org-unit/departments", params={"filterBy": f"clusterId=={cluster_id}"}
    ).json()["departments"]
    assert [it["name"] for it in listed] == ["default"]
    given = {it["nodePool"]["name"]: it["gpu"]["deserved"] for it in listed[0]["resources"]}
    assert given == {"default": 0, "p": 0}
    assert any_server.admin.delete(f"{POOLS}/{pool_id}").status_code == 204
    department = any_server.admin.get(f"/api/v1/org-unit/departments/{listed[0]['id']}").json()
    assert [it["nodePool"]["name"] for it in department["resources"]] == ["default"]


def test_a_topology_that_a_pool_names_stays(any_server: Server) -> None:
    admin, cluster_id = any_server.admin, cluster(any_server)
    body = {"name": "t", "clusterId": cluster_id, "levels": ["zone", "kubernetes.io/hostname"]}
    made = admin.post(TOPOLOGIES, json=body)
    assert made.status_code == 201
    url = f"{TOPOLOGIES}/{made.json()['id']}"
    pool = create(any_server, cluster_id, "p", "a", networkTopologyId=made.json()["id"]).json()
    assert admin.get(url).json()["nodePools"] == ["p"]
    assert admin.delete(url).status_code == 409
    admin.patch(f"{POOLS}/{pool['id']}", json={"networkTopologyId": None})
    assert admin.delete(url).status_code == 204
    assert admin.get(url).status_code == 404
    for wrong in ({"name": "T"}, {"levels": []}, {"levels": ["a", "a"]}, {"levels": ["-"]}):
        assert admin.post(TOPOLOGIES, json={**body, **wrong}).status_code == 400
    # another cluster's topology is none of this cluster's
    other = admin.post(TOPOLOGIES, json={**body, "clusterId": cluster(any_server)}).json()["id"]
    assert create(any_server, cluster_id, "q", "b", networkTopologyId=other).status_code == 400


def test_the_inventory_is_what_was_said_last(any_server: Server) -> None:
    admin, cluster_id = any_server.admin, cluster(any_server)
    agent = agent_of(any_server, cluster_id)
    assert agent.register()["resync"] is True
    assert agent.heartbeat()["resync"] is True
    taint = {"key": "gpu", "effect": "NoSchedule"}
    agent.heartbeat(nodes=[node("a", taints=[taint]), node("b", gpuType=None, gpuCount=0)])

    def listed() -> dict[str, dict[str, Any]]:
        answer = admin.get(f"/api/v1/clusters/{cluster_id}/nodes")
        return {it["name"]: it for it in answer.json()["nodes"]}

    first = listed()
    assert first["a"]["gpuInfo"] == {"gpuType": "H100", "gpuCount": 8}
    assert first["a"]["taints"] == [{"key": "gpu", "value": "", "effect": "NoSchedule"}]
    assert first["b"]["gpuInfo"] is None
    # silence about nodes changes nothing, the same words change nothing
    assert agent.heartbeat()["resync"] is False
    agent.heartbeat(nodes=[node("a", taints=[taint]), node("b", gpuType=None, gpuCount=0)])
    assert listed() == first
    # the same name with another uid is another node, and what is not named is gone
    agent.heartbeat(nodes=[node("a", uid="new", taints=[taint])])
    second = listed()
    assert list(second) == ["a"]
    assert second["a"]["id"] != first["a"]["id"]
    two = {"nodes": [node("a"), node("a", uid="2")]}
    assert agent.client.post("/internal/agent/v1/heartbeat", json=two).status_code == 400
    assert listed() == second
    agent.heartbeat(nodes=[])
    assert listed() == {}


def test_an_agent_cannot_touch_another_clusters_nodes(any_server: Server) -> None:
    one, other = cluster(any_server), cluster(any_server)
    agent_of(any_server, one).register(nodes=[node("a"), node("b")])
    agent_of(any_server, other).register(nodes=[node("a")])
    count = f"/api/v1/clusters/{one}/nodes/count"
    assert any_server.admin.get(count).json() == {"count": 2}


def test_telemetry_adds_up_what_was_reported_and_invents_nothing(any_server: Server) -> None:
    cluster_id = cluster(any_server)
    agent_of(any_server, cluster_id).register(
        nodes=[
            node("a", allocatedGpus=3, labels={"kind": "x"}),
            node("b", allocatedGpus=0.5),
            node("c", status="NotReady", gpuCount=4),
        ]
    )
    create(any_server, cluster_id, "p", "x")

    def told(measure: str, **params: str) -> dict[tuple[str, ...], str]:
        query = {"telemetryType": measure, "clusterId": cluster_id, **params}
        answer = any_server.admin.get("/api/v1/nodes/telemetry", params=query)
        assert answer.status_code == 200, answer.text
        return {tuple(g["value"] for g in it["groups"]): it["value"] for it in answer.json()["values"]}

    assert told("TOTAL_GPUS") == {(): "20"}
    assert told("READY_GPUS") == {(): "16"}
    assert told("TOTAL_GPU_NODES", groupBy="Nodepool") == {("default",): "2", ("p",): "1"}
    assert told("ALLOCATED_GPUS", groupBy="Node") == {("a",): "3", ("b",): "0.5"}
    assert told("FREE_GPUS", nodepoolName="p") == {(): "5"}
    assert told("FULLY_FREE_GPU_NODES") == {(): "0"}
    assert told("TOTAL_CPU_CORES") == {}
    for wrong in ({"telemetryType": "X"}, {"telemetryType": "TOTAL_GPUS", "groupBy": "Node,Node,Node"}):
        assert any_server.admin.get("/api/v1/nodes/telemetry", params=wrong).status_code == 400
    file = any_server.admin.get(
        "/api/v1/nodes/telemetry",
        params={"telemetryType": "TOTAL_GPUS", "clusterId": cluster_id, "groupBy": "Node"},
        headers={"accept": "text/csv"},
    )
    assert file.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in file.text.split()] == ["Node", "a", "b", "c"]


def test_nodes_are_filtered_sorted_and_searched(any_server: Server) -> None:
    cluster_id = cluster(any_server)
    agent_of(any_server, cluster_id).register(
        nodes=[node("b", gpuType="A100"), node("a"), node("c", status="Unknown", nvLinkDomainUid="d1")]
    )

    def names(**params: Any) -> list[str]:
        terms = [f"clusterUuid=={cluster_id}", *([params.pop("filterBy")] if "filterBy" in params else [])]
        answer = any_server.admin.get("/api/v1/nodes", params={"filterBy": ",".join(terms), **params})
        assert answer.status_code == 200, answer.text
        return [it["name"] for it in answer.json()["nodes"]]

    assert names(sortBy="name") == ["a", "b", "c"]
    assert names(sortBy="name", sortOrder="desc", limit=2) == ["c", "b"]
    assert names(filterBy="gpuType==A100") == ["b"]
    assert names(filterBy="status!=Ready") == ["c"]
    assert names(filterBy="nvLinkDomainUid=^d") == ["c"]
    assert names(search="h100", sortBy="name") == ["a", "c"]
    one = any_server.admin.get(f"/api/v1/clusters/{cluster_id}/nodes", params={"nodeName": "c"})
    assert [it["name"] for it in one.json()["nodes"]] == ["c"]


def test_storage_classes_come_from_the_agent_and_their_use_from_people(any_server: Server) -> None:
    admin, cluster_id = any_server.admin, cluster(any_server)
    agent = agent_of(any_server, cluster_id)
    fast = {"name": "fast", "provisioner": "ebs", "allowVolumeExpansion": True, "isDefault": True}
    agent.register(storageClasses=[fast, {"name": "slow"}])
    query = {"clusterId": cluster_id}
    old = admin.get("/api/v1/storage-classes", params=query).json()["items"]
    assert old[0] == {
        "cluster_id": cluster_id,
        "storage_class_name": "fast",
        "Spec": {"provisioner": "ebs", "allow_volume_expansion": True, "is_default": True},
    }
    body = {"scopeType": "cluster", "scopeId": cluster_id, "name": "fast"}
    made = admin.post(
        USAGES,
        json={
            **body,
            "permissions": {"allowedForAssets": True},
            "customization": {"claimSize": {"min": "1G"}, "attributes": [{"key": "a"}, {"key": "b"}]},
        },
    )
    assert made.status_code == 201
    assert admin.post(USAGES, json=body).status_code == 409
    url = f"{USAGES}/{made.json()['id']}"
    changed = admin.patch(
        url,
        json={
            "permissions": {"allowDataSharing": None},
            "customization": {
                "claimSize": {"max": "2G"},
                "attributes": [{"key": "b", "display": "B"}],
                "attributesToRemove": ["a"],
            },
        },
    ).json()
    assert changed["permissions"] == {"allowedForAssets": True, "allowDataSharing": None}
    assert changed["customization"] == {
        "claimSize": {"min": "1G", "max": "2G"},
        "attributes": [{"key": "b", "display": "B"}],
    }
    new = admin.get("/api/v2/storage-classes", params={**query, "includeNone": True}).json()["items"]
    assert [it["storageClassName"] for it in new] == ["fast", "slow", "runai-none"]
    assert new[0]["customization"] == changed["customization"]
    assert new[1]["permissions"] is None
    assert admin.put(url, json={}).json()["permissions"] is None
    agent.heartbeat(storageClasses=[])
    assert admin.get("/api/v1/storage-classes", params=query).json() == {"items": []}
    assert admin.get(url, params={"tenantId": 1002}).status_code == 404
    assert admin.delete(url).status_code == 204
    assert admin.get(url).status_code == 404
    same_key = {**body, "customization": {"attributes": [{"key": "a"}, {"key": "a"}]}}
    assert admin.post(USAGES, json=same_key).status_code == 400


def test_a_list_of_configurations_is_cut_with_the_next_offset(server: Server) -> None:
    cluster_id = cluster(server)
    for name in ("a", "b", "c"):
        server.admin.post(USAGES, json={"scopeType": "cluster", "scopeId": cluster_id, "name": name})
    query = {"filterBy": f"scopeId=={cluster_id}", "sortBy": "name", "limit": 2}
    page = server.admin.get(USAGES, params=query).json()
    assert [it["name"] for it in page["storageClassConfigurations"]] == ["a", "b"]
    rest = server.admin.get(USAGES, params={**query, "offset": page["next"]}).json()
    assert [it["name"] for it in rest["storageClassConfigurations"]] == ["c"]
    assert "next" not in rest
