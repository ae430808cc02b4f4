"""Clusters and their agents: states, the agents' credential, graceful and forced removal."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from runplane.agent.simulate import Agent, AgentRefused, Simulation
from runplane.protocol.agent import HEARTBEAT_PATH
from runplane.server.identity.tables import clients
from runplane.server.organization.clusters.model import LIVENESS_SECONDS
from support.clusters import agent_of, make_cluster, node, secret_of
from support.credentials import opens, stored
from support.server import Server

CLUSTERS = "/api/v1/clusters"
ABSENT = "0198c0de-0000-7000-8000-00000000ffff"


def fresh(word: str = "cluster") -> str:
    return f"{word}-{uuid4().hex[:8]}"


def state(server: Server, cluster_id: str) -> str:
    return server.admin.get(f"{CLUSTERS}/{cluster_id}").json()["status"]["state"]


def test_a_cluster_waits_connects_and_goes_silent(make_server: Callable[..., Server]) -> None:
    server = make_server()
    cluster_id = make_cluster(server, "one")["uuid"]
    assert state(server, cluster_id) == "WaitingToConnect"
    agent = agent_of(server, cluster_id)
    agent.register()
    assert state(server, cluster_id) == "Connected"
    server.clock.advance(LIVENESS_SECONDS - 5)
    assert state(server, cluster_id) == "Connected"
    server.clock.advance(10)
    assert state(server, cluster_id) == "Disconnected"
    agent.heartbeat()
    assert state(server, cluster_id) == "Connected"


def test_nodes_of_a_silent_cluster_are_not_ready(make_server: Callable[..., Server]) -> None:
    server = make_server()
    agents = [agent_of(server, make_cluster(server, name)["uuid"]) for name in ("one", "two")]
    for agent in agents:
        agent.register(nodes=[node("a", allocatedGpus=2)])

    def told(measure: str) -> list[str]:
        answer = server.admin.get("/api/v1/nodes/telemetry", params={"telemetryType": measure})
        assert answer.status_code == 200, answer.text
        return [it["value"] for it in answer.json()["values"]]

    assert (told("READY_GPU_NODES"), told("READY_GPUS")) == (["2"], ["16"])
    server.clock.advance(LIVENESS_SECONDS + 5)
    agents[0].heartbeat()
    assert (told("READY_GPU_NODES"), told("READY_GPUS")) == (["1"], ["8"])
    assert (told("TOTAL_GPUS"), told("ALLOCATED_GPUS")) == (["16"], ["4"])


def test_nothing_new_is_made_in_a_cluster_that_was_asked_to_leave(any_server: Server) -> None:
    admin = any_server.admin
    cluster_id = make_cluster(any_server, fresh())["uuid"]
    agent_of(any_server, cluster_id).register(nodes=[], storageClasses=[])
    department = {"name": "research", "clusterId": cluster_id, "resources": []}
    parent = admin.post("/api/v1/org-unit/departments", json=department).json()["id"]
    assert admin.delete(f"{CLUSTERS}/{cluster_id}").status_code == 202
    for path, body in (
        ("/api/v1/org-unit/departments", {**department, "name": "other"}),
        ("/api/v1/org-unit/projects", {**department, "name": "in-default"}),
        ("/api/v1/org-unit/projects", {**department, "name": "in-research", "parentId": parent}),
        ("/api/v1/node-pools", {"name": "p", "clusterId": cluster_id, "labelKey": "a", "labelValue": "b"}),
        ("/api/v1/network-topologies", {"name": "t", "clusterId": cluster_id, "levels": ["zone"]}),
        (
            "/api/v1/storage-class-configuration",
            {"name": "s", "clusterId": cluster_id, "scopeType": "cluster", "scopeId": cluster_id},
        ),
        (f"/v1/k8s/clusters/{cluster_id}/projects", {"name": "old", "departmentId": int(parent)}),
    ):
        answer = admin.post(path, json=body)
        assert answer.status_code == 409, (path, answer.text)
        assert "is being removed" in answer.json()["message"], path
    # what is there can still be changed and taken away
    change = {"description": "going", "resources": []}
    assert admin.put(f"/api/v1/org-unit/departments/{parent}", json=change).status_code == 200
    assert admin.delete(f"/api/v1/org-unit/departments/{parent}").status_code == 204


def test_what_is_missing_and_what_fails_show_in_the_state(any_server: Server) -> None:
    cluster_id = make_cluster(any_server, fresh())["uuid"]
    agent = agent_of(any_server, cluster_id)
    missing = {"required": {"prometheus": {"available": False, "reason": "not installed"}}}
    agent.heartbeat(dependencies=missing, platform={"type": "eks", "kubeVersion": "1.33"}, version="2.24")
    shown = any_server.admin.get(f"{CLUSTERS}/{cluster_id}").json()
    assert shown["status"]["state"] == "MissingPrerequisites"
    assert shown["status"]["dependencies"]["required"]["prometheus"]["reason"] == "not installed"
    assert shown["status"]["platform"] == {"type": "eks", "kubeVersion": "1.33"}
    assert shown["version"] == "2.24"
    failing = {"type": "Available", "status": "False", "reason": "Down", "message": "the scheduler is down"}
    agent.heartbeat(conditions=[{**failing, "lastTransitionTime": "2026-01-01T00:00:00+01:00"}])
    status = any_server.admin.get(f"{CLUSTERS}/{cluster_id}").json()["status"]
    assert status["state"] == "ServiceIssues"
    assert status["conditions"][0]["lastTransitionTime"] == "2025-12-31T23:00:00.000Z"


def test_names_are_unique_and_can_change(any_server: Server) -> None:
    admin, name = any_server.admin, fresh()
    one, other = make_cluster(any_server, name), make_cluster(any_server, fresh())
    for answer in (
        admin.post(CLUSTERS, json={"name": name}),
        admin.put(f"{CLUSTERS}/{other['uuid']}", json={"name": name}),
    ):
        assert answer.status_code == 409
        assert "already exists" in answer.json()["message"]
    renamed = fresh()
    answer = admin.put(f"{CLUSTERS}/{one['uuid']}", json={"name": renamed})
    assert (answer.status_code, answer.content) == (204, b"")
    assert admin.get(f"{CLUSTERS}/{one['uuid']}").json()["name"] == renamed
    # the scope of access rules has the new name too
    rule = {"subjectId": fresh(), "subjectType": "group", "roleId": 7, "scopeType": "cluster"}
    made = admin.post("/api/v1/authorization/access-rules", json={**rule, "scopeId": one["uuid"]})
    assert made.json()["scopeName"] == renamed
    assert admin.post(CLUSTERS, json={"name": " "}).status_code == 400
    assert admin.post(CLUSTERS, json={"name": "x" * 254}).status_code == 400


def test_verbosity_leaves_the_status_out(server: Server) -> None:
    cluster_id = make_cluster(server, fresh())["uuid"]
    for url in (f"{CLUSTERS}/{cluster_id}", CLUSTERS):
        full, brief = (server.admin.get(url, params={"verbosity": it}).json() for it in ("full", "metadata"))
        full, brief = (it if isinstance(it, dict) else it[-1] for it in (full, brief))
        assert full["status"] is not None
        assert brief == {**full, "status": None}
        assert server.admin.get(url, params={"verbosity": "all"}).status_code == 400


def test_a_cluster_that_never_had_an_agent_goes_at_once(any_server: Server) -> None:
    cluster_id = make_cluster(any_server, fresh())["uuid"]
    answer = any_server.admin.delete(f"{CLUSTERS}/{cluster_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert any_server.admin.get(f"{CLUSTERS}/{cluster_id}").status_code == 404


def test_an_agent_is_asked_to_leave_and_takes_everything_with_it(any_server: Server) -> None:
    admin, name = any_server.admin, fresh()
    cluster_id = make_cluster(any_server, name)["uuid"]
    agent = agent_of(any_server, cluster_id)
    assert agent.register(nodes=[node("a")], storageClasses=[{"name": "fast"}])["remove"] is False
    pool = {"name": "p", "clusterId": cluster_id, "labelKey": "kind", "labelValue": "a"}
    topology = admin.post(
        "/api/v1/network-topologies", json={"name": "t", "clusterId": cluster_id, "levels": ["zone"]}
    ).json()["id"]
    assert admin.post("/api/v1/node-pools", json={**pool, "networkTopologyId": topology}).status_code == 201
    answer = any_server.admin.delete(f"{CLUSTERS}/{cluster_id}")
    assert (answer.status_code, answer.json()["code"]) == (202, 202)
    listed = [it["uuid"] for it in admin.get(CLUSTERS).json()]
    assert cluster_id not in listed
    leaving = admin.get(CLUSTERS, params={"includeRequestedForDelete": True}).json()
    assert {it["uuid"]: it["deleteRequestedAt"] is not None for it in leaving}[cluster_id]
    assert agent.heartbeat()["remove"] is True
    agent.heartbeat(removed=True)
    assert admin.get(f"{CLUSTERS}/{cluster_id}").status_code == 404
    for path, key in (
        ("/api/v1/nodes", "nodes"),
        ("/api/v1/node-pools", "nodepools"),
        ("/api/v1/network-topologies", "networkTopologies"),
        ("/api/v1/org-unit/departments", "departments"),
    ):
        assert cluster_id not in str(admin.get(path).json()[key]), path
    # the token is as good as no token, and the name is free
    assert agent.client.post(HEARTBEAT_PATH, json={}).status_code == 401
    make_cluster(any_server, name)


def test_the_secret_of_an_agent_ends_with_its_cluster(any_server: Server) -> None:
    cluster_id = make_cluster(any_server, fresh())["uuid"]
    secret = secret_of(any_server, cluster_id)
    assert opens(any_server, cluster_id, secret)
    assert any_server.admin.delete(f"{CLUSTERS}/{cluster_id}").status_code == 204
    assert not opens(any_server, cluster_id, secret)
    assert stored(any_server, clients, client_id=cluster_id) == []


def test_an_agent_that_nobody_asked_cannot_remove_its_cluster(server: Server) -> None:
    cluster_id = make_cluster(server, fresh())["uuid"]
    agent = agent_of(server, cluster_id)
    agent.register()
    answer = agent.client.post(HEARTBEAT_PATH, json={"removed": True})
    assert answer.status_code == 409
    assert state(server, cluster_id) == "Connected"


def test_agents_and_people_cannot_do_one_anothers_work(server: Server) -> None:
    agent = agent_of(server, make_cluster(server, fresh())["uuid"])
    for answer in (agent.client.get(CLUSTERS), agent.client.get("/api/v1/me/access-keys")):
        assert answer.status_code in (403, 404)
    refused = agent.client.get("/api/v1/users")
    assert (refused.status_code, "agent" in refused.json()["message"]) == (403, True)
    refused = server.admin.post(HEARTBEAT_PATH, json={})
    assert (refused.status_code, "Only the agent" in refused.json()["message"]) == (403, True)


def test_the_credential_of_a_cluster_is_no_service_account(server: Server) -> None:
    cluster_id = make_cluster(server, fresh())["uuid"]
    accounts = server.admin.get("/api/v1/service-accounts").json()
    assert cluster_id not in str(accounts)


def test_the_chart_comes_from_the_repository_of_the_settings(make_server: Callable[..., Server]) -> None:
    server = make_server(chart_repository="https://charts.example.com/stable/")
    cluster_id = make_cluster(server, "one")["uuid"]
    found = server.admin.get(f"{CLUSTERS}/{cluster_id}/cluster-install-info?version=2.24").json()
    assert found["chartRepoURL"] == "https://charts.example.com/stable"
    words = shlex.split(found["installationStr"], comments=True)
    assert words[:5] == ["helm", "repo", "add", "runplane", found["chartRepoURL"]]
    assert "chart_repository" not in found["installationStr"]


def test_install_information_is_safe_to_paste(server: Server) -> None:
    cluster = make_cluster(server, fresh())
    url = "https://a.example.com/$(touch x);'\"`,b"
    answer = server.admin.get(
        f"{CLUSTERS}/{cluster['uuid']}/cluster-install-info",
        params={"version": "2.24", "remoteClusterUrl": url},
    )
    found = answer.json()
    words = shlex.split(found["installationStr"], comments=True)
    assert f"controlPlane.url={server.url}" in words
    assert f"controlPlane.clientSecret={found['clientSecret']}" in words
    assert f"cluster.uid={cluster['uuid']}" in words
    assert "cluster.url=" + url.replace(",", "\\,") in words
    assert (found["repositoryName"], found["chartRepoURL"]) == ("runplane", "")
    assert "repo" not in words, "nobody serves a chart, so helm is not sent to look for one"
    assert "chart_repository" in found["installationStr"]
    again = secret_of(server, cluster["uuid"])
    assert again == found["clientSecret"]
    bad = server.admin.get(
        f"{CLUSTERS}/{cluster['uuid']}/cluster-install-info", params={"version": "$(touch x)"}
    )
    assert bad.status_code == 400
    # neither the audit log nor the database has it in clear
    assert found["clientSecret"] not in str(server.audit())


def test_series_are_empty_and_questions_checked(server: Server) -> None:
    cluster_id = make_cluster(server, fresh())["uuid"]
    span = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    for path in ("metrics", "nodepools/default/metrics"):
        url = f"{CLUSTERS}/{cluster_id}/{path}"
        answer = server.admin.get(url, params={**span, "metricType": "TOTAL_GPU,MetricsType.GPU_QUOTA"})
        assert [(it["type"], it["values"]) for it in answer.json()["measurements"]] == [
            ("TOTAL_GPU", []),
            ("GPU_QUOTA", []),
        ]
        for wrong in (
            {"metricType": "NOTHING"},
            {"metricType": "TOTAL_GPU", "start": "2027-01-01T00:00:00Z"},
        ):
            assert server.admin.get(url, params={**span, **wrong}).status_code == 400
    unknown = server.admin.get(
        f"{CLUSTERS}/{cluster_id}/nodepools/none/metrics", params={**span, "metricType": "TOTAL_GPU"}
    )
    assert unknown.status_code == 404


def test_what_does_not_exist_is_not_found(server: Server) -> None:
    for method in ("get", "delete"):
        assert getattr(server.admin, method)(f"{CLUSTERS}/{ABSENT}").status_code == 404
    assert server.admin.put(f"{CLUSTERS}/{ABSENT}", json={"name": "x"}).status_code == 404


def test_many_at_once_with_one_name_make_one(any_server: Server) -> None:
    name, codes = fresh(), []

    def create() -> None:
        codes.append(any_server.admin.post(CLUSTERS, json={"name": name}).status_code)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(codes) == [201, *[409] * 5]


def test_the_simulated_agent_speaks_the_protocol_and_says_what_it_is(server: Server) -> None:
    cluster_id = make_cluster(server, fresh())["uuid"]
    simulation = Simulation(cluster_id, secret_of(server, cluster_id), server.url, 3, 4, {"kind": "a"})
    with httpx.Client(base_url=server.url) as client:
        agent = Agent(simulation, client)
        assert agent.register().remove is False
        shown = server.admin.get(f"{CLUSTERS}/{cluster_id}").json()
        assert (shown["status"]["state"], shown["simulated"]) == ("Connected", True)
        assert shown["status"]["conditions"][0]["type"] == "Simulated"
        nodes = server.admin.get(f"{CLUSTERS}/{cluster_id}/nodes").json()["nodes"]
        assert sorted(it["name"] for it in nodes) == ["simulated-1", "simulated-2", "simulated-3"]
        assert all(it["simulated"] and it["gpuInfo"]["gpuCount"] == 4 for it in nodes)
        server.admin.delete(f"{CLUSTERS}/{cluster_id}")
        assert agent.heartbeat().remove is True
        agent.leave()
        assert server.admin.get(f"{CLUSTERS}/{cluster_id}").status_code == 404
        with pytest.raises(AgentRefused, match="401"):
            agent.heartbeat()
        stranger = Agent(Simulation(cluster_id, "wrong", server.url, 1, 1), client)
        with pytest.raises(AgentRefused, match="wrong"):
            stranger.register()
