"""What an agent reports of projects shows in their status, their series and their telemetry."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from runplane.agent.simulate import Agent, Allocation, Simulation
from support.access import L1, PASSWORD, rule, user
from support.clusters import TestAgent, agent_of, node, secret_of
from support.runapy import faults
from support.server import Server
from support.units import DEPARTMENTS, PROJECTS, Site, fresh, ok, site

EVER = {"start": "2026-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}
PAST = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
USES = ("allocated", "allocatedNonPreemptible", "requested")


@pytest.fixture
def place(any_server: Server) -> Site:
    return site(any_server)


@pytest.fixture
def agent(place: Site) -> TestAgent:
    made = agent_of(place.server, place.id)
    made.register(nodes=[], storageClasses=[])
    return made


def said(unit: Mapping[str, Any], pool: str = "default", **uses: Mapping[str, Any]) -> dict[str, Any]:
    return {"project": unit["name"], "nodePool": pool, **uses}


def get(place: Site, url: str, **params: str) -> Any:
    return ok(place.server.admin.get(url, params=params))


def status(place: Site, url: str, unit: Mapping[str, Any]) -> Any:
    return get(place, f"{url}/{unit['id']}")["status"]


def metrics(place: Site, address: str, names: str, **more: str) -> dict[str, list[tuple[Any, Any]]]:
    found: dict[str, list[tuple[Any, Any]]] = {}
    for it in get(place, f"{address}/metrics", **{**EVER, "metricType": names, **more})["measurements"]:
        found.setdefault(it["type"], []).extend((value["value"], it["labels"]) for value in it["values"])
    return found


def test_nothing_reported_is_nothing_said(place: Site, agent: TestAgent) -> None:
    project = place.project()
    for allocations in (None, []):
        agent.heartbeat(allocations=allocations)
        for url, unit in ((PROJECTS, project), (DEPARTMENTS, place.default)):
            shown = status(place, url, unit)
            assert shown["nodePoolQuotaStatuses"] == []
            assert not {"quotaStatus", "simulated"} & shown.keys()


def test_a_project_and_its_department_show_what_was_reported(
    place: Site, agent: TestAgent, shared_reference: Any
) -> None:
    pool = place.add_pool()
    name = next(it["name"] for it in get(place, "/api/v1/node-pools")["nodepools"] if it["id"] == pool)
    one, two, silent = place.project(), place.project(), place.project()
    agent.heartbeat(
        allocations=[
            said(
                one, allocated={"gpus": 1.5, "cpuCores": 0.1, "memoryBytes": 2_500_000}, requested={"gpus": 4}
            ),
            said(one, name, allocated={"gpus": 2}, allocatedNonPreemptible={"gpus": 0}),
            said(two, allocated={"gpus": 0.25}),
        ]
    )
    shown = status(place, PROJECTS, one)
    assert {
        it["nodePoolName"]: {use: it[use] for use in USES if use in it}
        for it in shown["nodePoolQuotaStatuses"]
    } == {
        "default": {"allocated": {"gpu": 1.5, "cpu": 100, "memory": 2.5}, "requested": {"gpu": 4}},
        name: {"allocated": {"gpu": 2}, "allocatedNonPreemptible": {"gpu": 0}},
    }
    assert shown["quotaStatus"] == {
        "allocated": {"gpu": 3.5, "cpu": 100, "memory": 2.5},
        "allocatedNonPreemptible": {"gpu": 0},
        "requested": {"gpu": 4},
    }
    together = status(place, DEPARTMENTS, place.default)["quotaStatus"]
    assert together["allocated"] == {"gpu": 3.75, "cpu": 100, "memory": 2.5}
    assert "quotaStatus" not in status(place, PROJECTS, silent)
    assert faults("get_project", 200, get(place, f"{PROJECTS}/{one['id']}")) == []
    assert faults("get_department", 200, get(place, f"{DEPARTMENTS}/{place.default['id']}")) == []
    found = get(place, PROJECTS, filterBy=f"clusterId=={place.id},gpuAllocated>=1")["projects"]
    assert [it["id"] for it in found] == [one["id"]]
    found = get(place, DEPARTMENTS, filterBy=f"clusterId=={place.id}", verbosity="verbose")["departments"]
    assert found[0]["status"]["quotaStatus"]["allocated"]["gpu"] == 3.75


def test_what_is_left_out_is_forgotten_and_null_stays(place: Site, agent: TestAgent) -> None:
    one, two = place.project(), place.project()
    agent.heartbeat(allocations=[said(one, allocated={"gpus": 1}), said(two, allocated={"gpus": 2})])
    agent.heartbeat()
    assert status(place, PROJECTS, one)["quotaStatus"] == {"allocated": {"gpu": 1}}
    agent.heartbeat(allocations=[said(two, allocated={"gpus": 2})])
    assert "quotaStatus" not in status(place, PROJECTS, one)
    assert status(place, DEPARTMENTS, place.default)["quotaStatus"] == {"allocated": {"gpu": 2}}
    agent.heartbeat(allocations=[])
    assert "quotaStatus" not in status(place, DEPARTMENTS, place.default)


def test_a_moved_project_counts_in_its_new_department_from_the_next_report_on(
    place: Site, agent: TestAgent
) -> None:
    other, project = place.department(), place.project()
    report = [said(project, allocated={"gpus": 1})]
    agent.heartbeat(allocations=report)
    change = {"parentId": other["id"], "resources": []}
    ok(place.server.admin.put(f"{PROJECTS}/{project['id']}", json=change))
    agent.heartbeat(allocations=report)
    assert status(place, DEPARTMENTS, other)["quotaStatus"] == {"allocated": {"gpu": 1}}
    assert "quotaStatus" not in status(place, DEPARTMENTS, place.default)


def test_what_is_gone_is_left_out(place: Site, agent: TestAgent) -> None:
    project, pool = place.project(), place.add_pool()
    name = next(it["name"] for it in get(place, "/api/v1/node-pools")["nodepools"] if it["id"] == pool)
    agent.heartbeat(
        allocations=[
            said({"name": "no-such-project"}, allocated={"gpus": 9}),
            said(project, "no-such-pool", allocated={"gpus": 9}),
            said(project, name, allocated={"gpus": 2}),
            said(project, allocated={"gpus": 1}),
        ]
    )
    assert status(place, PROJECTS, project)["quotaStatus"] == {"allocated": {"gpu": 3}}
    ok(place.server.admin.delete(f"/api/v1/node-pools/{pool}"), 204)
    shown = status(place, PROJECTS, project)
    assert [it["nodePoolName"] for it in shown["nodePoolQuotaStatuses"]] == ["default"]
    assert shown["quotaStatus"] == {"allocated": {"gpu": 1}}


@pytest.mark.parametrize(
    "entry", [{"gpus": -1}, {"gpus": "many"}, {"memoryBytes": 1.5}, {"cpuCores": 1e300}], ids=str
)
def test_a_bad_report_is_refused_whole(place: Site, agent: TestAgent, entry: dict[str, Any]) -> None:
    project = place.project()
    bad = [said(project, allocated=entry)]
    answer = agent.client.post("/internal/agent/v1/heartbeat", json={"allocations": bad})
    assert answer.status_code == 400
    twice = {"allocations": [said(project), said(project)]}
    assert agent.client.post("/internal/agent/v1/heartbeat", json=twice).status_code == 400
    assert "quotaStatus" not in status(place, PROJECTS, project)


def test_an_agent_says_nothing_of_another_clusters_projects(place: Site, agent: TestAgent) -> None:
    other = site(place.server)
    project = other.project()
    agent.heartbeat(allocations=[said(project, allocated={"gpus": 5})])
    assert "quotaStatus" not in status(other, PROJECTS, project)


def test_reports_do_not_change_the_entity_tag(place: Site, agent: TestAgent) -> None:
    project = place.project()
    address = f"{PROJECTS}/{project['id']}"
    tag = place.server.admin.get(address).headers["etag"]
    agent.heartbeat(allocations=[said(project, allocated={"gpus": 1})])
    assert place.server.admin.get(address).headers["etag"] == tag
    change = {"description": "mine", "resources": []}
    ok(place.server.admin.put(address, json=change, headers={"if-match": tag}))
    assert place.server.admin.get(address).headers["etag"] != tag
    assert place.server.admin.put(address, json=change, headers={"if-match": tag}).status_code == 412
    cluster = f"/api/v1/clusters/{place.id}"
    tag = place.server.admin.get(cluster).headers["etag"]
    agent.heartbeat(version="2.24.9")
    assert place.server.admin.get(cluster).json()["version"] == "2.24.9"
    assert (
        place.server.admin.put(cluster, json={"name": fresh("c")}, headers={"if-match": tag}).status_code
        == 204
    )


def quota(gpu: float, **more: Any) -> dict[str, Any]:
    return {"nodePool": {"name": "default"}, "gpu": {"deserved": gpu}, **more}


def test_series_hold_what_is_known_if_it_was_in_the_span(place: Site, agent: TestAgent) -> None:
    resources = [quota(3, cpu={"deserved": 1500}, memory={"deserved": 2, "units": "GB"})]
    project = place.project(resources=resources)
    address = f"{PROJECTS}/{project['id']}"
    names = "GPU_QUOTA,CPU_QUOTA_MILLICORES,CPU_MEMORY_QUOTA_MB,GPU_ALLOCATION,GPU_MEMORY_UTILIZATION"
    known = {"GPU_QUOTA": "3", "CPU_QUOTA_MILLICORES": "1500", "CPU_MEMORY_QUOTA_MB": "2000"}
    nothing: dict[str, Any] = {"GPU_ALLOCATION": [], "GPU_MEMORY_UTILIZATION": []}
    assert metrics(place, address, names) == {**{k: [(v, None)] for k, v in known.items()}, **nothing}
    assert metrics(place, address, names, **PAST) == {it: [] for it in (*known, *nothing)}
    assert metrics(place, address, "GPU_QUOTA", numberOfSamples="0") == {"GPU_QUOTA": []}
    agent.heartbeat(allocations=[said(project, allocated={"gpus": 1.5})])
    assert metrics(place, address, "GPU_ALLOCATION") == {"GPU_ALLOCATION": [("1.5", None)]}
    department = f"{DEPARTMENTS}/{place.default['id']}"
    assert metrics(place, department, "GPU_ALLOCATION") == {"GPU_ALLOCATION": [("1.5", None)]}
    # unlimited is no number
    assert metrics(place, department, "CPU_QUOTA_MILLICORES") == {"CPU_QUOTA_MILLICORES": []}
    answer = place.server.admin.get(
        f"{address}/metrics", params={**EVER, "metricType": "GPU_QUOTA"}, headers={"accept": "text/csv"}
    )
    head, row = csv.reader(io.StringIO(answer.text))
    assert (head, row[0], row[3]) == (["type", "labels", "timestamp", "value"], "GPU_QUOTA", "3")
    wrong = {**EVER, "metricType": "GPU_QUOTA", "nodepoolName": "no-such"}
    assert place.server.admin.get(f"{address}/metrics", params=wrong).status_code == 404


def telemetry(client: httpx.Client, url: str, kind: str, **params: str) -> dict[tuple[str, ...], str]:
    told = ok(client.get(f"{url}/telemetry", params={"telemetryType": kind, **params}))
    return {tuple(it["value"] for it in row["groups"]): row["value"] for row in told["values"]}


def test_telemetry_adds_up_quotas_and_reports(place: Site, agent: TestAgent) -> None:
    admin, other = place.server.admin, place.department()
    one = place.project(resources=[quota(3, cpu={"deserved": 500})])
    two = place.project(
        other["id"], resources=[quota(1.5, cpu={"deserved": 250}, memory={"deserved": 1, "units": "GB"})]
    )
    here = {"clusterId": place.id}
    for name in ("GPU_ALLOCATION", "CPU_ALLOCATION", "GPU_ALLOCATION_NON_PREEMPTIBLE"):
        assert telemetry(admin, PROJECTS, name, **here) == {}
    agent.heartbeat(
        allocations=[
            said(one, allocated={"gpus": 2, "cpuCores": 1}, allocatedNonPreemptible={"gpus": 1}),
            said(two, allocated={"gpus": 0.5}),
        ]
    )
    assert telemetry(admin, PROJECTS, "GPU_QUOTA", **here) == {(): "4.5"}
    assert telemetry(admin, PROJECTS, "CPU_QUOTA", **here) == {(): "750"}
    assert telemetry(admin, PROJECTS, "MEMORY_QUOTA", **here) == {}
    by_parent = telemetry(admin, PROJECTS, "MEMORY_QUOTA", groupBy="ParentId", **here)
    assert by_parent == {(other["id"],): "1000"}
    grouped = telemetry(admin, PROJECTS, "GPU_ALLOCATION", groupBy="ParentId,NodepoolId", **here)
    assert grouped == {(place.default["id"], place.pool): "2", (other["id"], place.pool): "0.5"}
    assert telemetry(admin, PROJECTS, "CPU_ALLOCATION", **here) == {(): "1000"}
    assert telemetry(admin, PROJECTS, "GPU_ALLOCATION_NON_PREEMPTIBLE", **here) == {(): "1"}
    assert telemetry(admin, PROJECTS, "GPU_ALLOCATION", departmentId=other["id"]) == {(): "0.5"}
    assert telemetry(admin, PROJECTS, "GPU_ALLOCATION", nodepoolId=place.pool) == {(): "2.5"}
    assert telemetry(admin, PROJECTS, "GPU_ALLOCATION", nodepoolId="987654321", **here) == {}
    assert telemetry(admin, DEPARTMENTS, "GPU_ALLOCATION", groupBy="CLUSTER_ID", **here) == {
        (place.id,): "2.5"
    }
    assert telemetry(admin, DEPARTMENTS, "GPU_ALLOCATION", nodepoolName="default", **here) == {(): "2.5"}
    told = ok(
        admin.get(f"{PROJECTS}/telemetry", params={"telemetryType": "GPU_QUOTA", "groupBy": "ParentId"})
    )
    names = {it["groups"][0]["value"]: it["groups"][0]["name"] for it in told["values"]}
    assert names[other["id"]] == other["name"]


def test_telemetry_and_series_show_what_the_caller_may_read(place: Site, agent: TestAgent) -> None:
    mine, theirs = place.project(resources=[quota(1)]), place.project(resources=[quota(5)])
    agent.heartbeat(allocations=[said(mine, allocated={"gpus": 1}), said(theirs, allocated={"gpus": 5})])
    email = f"{fresh('reader')}@example.com"
    user(place.server, email)
    rule(place.server, email, L1, place.scope(mine))
    client = place.server.client(place.server.token(email, PASSWORD))
    here = {"clusterId": place.id}
    assert telemetry(client, PROJECTS, "GPU_QUOTA", **here) == {(): "1"}
    assert telemetry(client, PROJECTS, "GPU_ALLOCATION", **here) == {(): "1"}
    query = {**EVER, "metricType": "GPU_QUOTA,ALLOCATED_GPU", "groupBy": "Project"}
    answer = client.get(f"/api/v1/clusters/{place.id}/metrics", params=query)
    assert answer.status_code == 200, answer.text
    assert mine["name"] in answer.text
    assert theirs["name"] not in answer.text


def test_series_of_a_cluster_its_pools_and_nodes(place: Site, agent: TestAgent) -> None:
    project = place.project(resources=[quota(3)])
    agent.heartbeat(
        nodes=[
            node("a", allocatedGpus=3, usedCpuCores=2, cpuCores=8),
            node("b", allocatedGpus=1, cpuCores=8),
            node("c", gpuCount=0),
        ],
        allocations=[said(project, allocated={"gpus": 4})],
    )
    address = f"/api/v1/clusters/{place.id}"
    names = (
        "TOTAL_GPU_NODES,TOTAL_GPU,ALLOCATED_GPU,UNALLOCATED_GPU,GPU_QUOTA,CPU_UTILIZATION,GPU_UTILIZATION"
    )
    wanted: dict[str, list[Any]] = {
        "TOTAL_GPU_NODES": [("2", None)],
        "TOTAL_GPU": [("16", None)],
        "ALLOCATED_GPU": [("4", None)],
        "UNALLOCATED_GPU": [("12", None)],
        "GPU_QUOTA": [("3", None)],
        "CPU_UTILIZATION": [("25", None)],
        "GPU_UTILIZATION": [],
    }
    assert metrics(place, address, names) == wanted
    assert metrics(place, f"{address}/nodepools/default", names) == wanted
    assert metrics(place, address, names, **PAST) == {it: [] for it in wanted}
    pools = metrics(place, address, "ALLOCATED_GPU,GPU_QUOTA", groupBy="Nodepool")
    assert pools == {
        "ALLOCATED_GPU": [("4", {"nodepool": "default"})],
        "GPU_QUOTA": [("3", {"nodepool": "default"})],
    }
    units = metrics(place, address, "ALLOCATED_GPU,TOTAL_GPU", groupBy="Project")
    assert units == {"ALLOCATED_GPU": [("4", {"project": project["name"]})], "TOTAL_GPU": []}
    assert metrics(place, address, "GPU_QUOTA", groupBy="Category") == {"GPU_QUOTA": []}
    one = next(it for it in get(place, f"{address}/nodes")["nodes"] if it["name"] == "a")
    found = metrics(place, f"/api/v1/nodes/{one['id']}", "CPU_USAGE_CORES,CPU_UTILIZATION,GPU_UTILIZATION")
    assert found == {
        "CPU_USAGE_CORES": [("2", None)],
        "CPU_UTILIZATION": [("25", None)],
        "GPU_UTILIZATION": [],
    }


def test_a_simulated_agent_reports_what_it_is_told_and_marks_it(place: Site) -> None:
    project = place.project()
    allocation = Allocation(project["name"], "default", 2)
    told = Simulation(
        place.id, secret_of(place.server, place.id), place.server.url, 1, 8, allocations=[allocation]
    )
    with httpx.Client(base_url=place.server.url) as client:
        Agent(told, client).register()
    shown = status(place, PROJECTS, project)
    assert shown["simulated"] is True
    assert shown["quotaStatus"] == {"allocated": {"gpu": 2}, "requested": {"gpu": 2}}
    assert status(place, DEPARTMENTS, place.default)["simulated"] is True
    found = metrics(place, f"{PROJECTS}/{project['id']}", "GPU_ALLOCATION")
    assert found == {"GPU_ALLOCATION": [("2", {"simulated": "true"})]}
