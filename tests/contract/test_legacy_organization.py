"""/v1/k8s: clusters, node pools, departments and projects as old scripts call them, over today's services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.clusters import agent_of, node
from support.server import Server
from support.units import PROJECTS, Site, fresh, ok, site

pytestmark = pytest.mark.slow

OLD = "/v1/k8s/clusters"
ABSENT = "0198c0de-0000-7000-8000-00000000ffff"
PEOPLE = "/api/v1/users"
RULES = "/api/v1/authorization/access-rules"


@pytest.fixture
def here(any_server: Server) -> Site:
    return site(any_server)


def person(server: Server) -> dict[str, Any]:
    return ok(server.admin.post(PEOPLE, json={"email": f"{fresh('person')}@example.com"}), 201)


def rules_at(server: Server, number: int, kind: str = "project") -> list[tuple[str, str, str]]:
    answer = ok(server.admin.get(RULES, params={"filterBy": f"scopeId=={number},scopeType=={kind}"}))
    return sorted((it["subjectType"], it["subjectId"], it["roleName"]) for it in answer["accessRules"])


def old_project(here: Site, **more: Any) -> dict[str, Any]:
    given = {"name": fresh("old"), "departmentId": int(here.default["id"])}
    return ok(here.server.admin.post(f"{OLD}/{here.id}/projects", json=given | more))


# Clusters


def test_a_cluster_is_made_listed_read_and_deleted(any_server: Server) -> None:
    admin, name = any_server.admin, fresh("cluster")
    made = admin.post(OLD, json={"name": name, "description": "old scripts send one"})
    assert made.headers["deprecation"].startswith("@")
    assert made.headers["link"] == '</api/v1/clusters>; rel="successor-version"'
    cluster = ok(made)
    assert cluster["uuid"] == cluster["clusterUuid"]
    assert (cluster["name"], cluster["tenantId"]) == (name, 1001)
    assert cluster in ok(admin.get(OLD))
    assert ok(admin.get(f"{OLD}/{cluster['uuid']}")) == cluster
    assert admin.delete(f"{OLD}/{cluster['uuid']}").status_code == 204
    assert admin.get(f"{OLD}/{cluster['uuid']}").status_code == 404
    assert admin.get(f"/api/v1/clusters/{cluster['uuid']}").status_code == 404


def test_a_cluster_with_an_agent_is_asked_to_leave(here: Site) -> None:
    agent_of(here.server, here.id).register(nodes=[])
    answer = here.server.admin.delete(f"{OLD}/{here.id}")
    assert (answer.status_code, answer.json()["code"]) == (202, 202)


@pytest.mark.parametrize(("form", "media"), [("json", "application/json"), ("yaml", "application/x-yaml")])
def test_the_install_file_holds_the_values_of_the_install_info(here: Site, form: str, media: str) -> None:
    admin = here.server.admin
    answer = admin.get(f"{OLD}/{here.id}/installfile", params={"cloud": "aws", "format": form})
    assert answer.headers["content-type"].startswith(media)
    values = json.loads(answer.text)
    info = ok(admin.get(f"/api/v1/clusters/{here.id}/cluster-install-info?version=2.24"))
    assert values["controlPlane"]["clientSecret"] == info["clientSecret"]
    assert values["controlPlane"]["url"] in info["installationStr"]
    assert values["cluster"]["uid"] == here.id


def test_the_install_file_knows_its_clouds_and_formats(here: Site) -> None:
    for query in ("cloud=moon", "format=xml"):
        assert here.server.admin.get(f"{OLD}/{here.id}/installfile?{query}").status_code == 400


def test_storage_classes_are_names(here: Site) -> None:
    reported = {"name": "fast", "provisioner": "p", "allowVolumeExpansion": True, "isDefault": False}
    agent_of(here.server, here.id).register(nodes=[], storageClasses=[reported])
    url = f"{OLD}/{here.id}/storage-classes"
    assert ok(here.server.admin.get(url)) == {"storageClasses": ["fast"]}
    assert ok(here.server.admin.get(url, params={"includeNone": "true"})) == {
        "storageClasses": ["fast", "runai-none"]
    }


# Metrics


def test_metrics_name_what_they_would_be_of_and_invent_nothing(here: Site) -> None:
    project, admin = here.project(), here.server.admin
    department = here.default
    span = {"start": "2023-06-06 12:09:18.211", "end": "2023-06-07T00:00:00Z", "nodepoolName": "default"}
    names = ok(admin.get(f"/api/v1/clusters/{here.id}"))
    cluster = {"clusterId": here.id, "clusterName": names["name"]}
    whole = ok(admin.get(f"{OLD}/{here.id}/metrics", params=span))
    assert whole == {
        "metadata": cluster,
        "current": {"resources": [], "projectResources": []},
        "timeRange": {"resources": []},
    }
    in_department = cluster | {"departmentId": int(department["id"]), "departmentName": department["name"]}
    one = ok(admin.get(f"{OLD}/{here.id}/departments/{department['id']}/metrics"))
    assert one == {"metadata": in_department, "current": {"resources": [], "projectResources": []}}
    assert ok(admin.get(f"{OLD}/{here.id}/departments/metrics")) == {"data": [one]}
    of_project = ok(admin.get(f"{OLD}/{here.id}/projects/{project['id']}/metrics"))
    assert of_project == {
        "metadata": in_department | {"projectId": int(project["id"]), "projectName": project["name"]},
        "current": {"resources": [], "nodepoolResources": []},
    }
    all_projects = ok(admin.get(f"{OLD}/{here.id}/projects/metrics", params=span))
    assert all_projects == {"data": [of_project], "timeRange": {"resources": []}}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("start=2023-06-07T00:00:00Z&end=2023-06-06T00:00:00Z", 400),
        ("start=yesterday", 400),
        ("numberOfSamples=1001", 400),
        ("nodepoolName=none-such", 404),
    ],
)
def test_metrics_check_what_is_asked(here: Site, query: str, status: int) -> None:
    assert here.server.admin.get(f"{OLD}/{here.id}/metrics?{query}").status_code == status


def test_a_unit_of_another_cluster_is_not_there(here: Site) -> None:
    project, elsewhere = here.project(), site(here.server)
    for path in (f"projects/{project['id']}/metrics", f"projects/{project['id']}"):
        assert here.server.admin.get(f"{OLD}/{here.id}/{path}").status_code == 200
        absent = here.server.admin.get(f"{OLD}/{elsewhere.id}/{path}")
        assert absent.status_code == 404
        assert absent.json()["message"] == f"There is no project '{project['id']}' that you can see."


# Node pools


def test_node_pools_have_numbers_and_empty_answers(here: Site) -> None:
    admin, url = here.server.admin, f"{OLD}/{here.id}/node-pools"
    name = fresh("pool")
    made = admin.post(url, json={"name": name, "labelKey": "kind", "labelValue": "a100"})
    assert (made.status_code, made.content) == (201, b"")
    agent_of(here.server, here.id).register(nodes=[node("a", labels={"kind": "a100"})])
    default, pool = ok(admin.get(url))
    assert (default["isDefault"], default["name"], str(default["id"])) == (True, "default", here.pool)
    assert (pool["name"], pool["clusterId"], pool["labelValue"]) == (name, here.id, "a100")
    assert json.loads(pool["nodes"]) == ["a"]
    changed = admin.put(f"{url}/{pool['id']}", json={"placementStrategy": {"gpu": "spread"}})
    assert (changed.status_code, changed.content) == (202, b"")
    relabelled = admin.put(f"{url}/{pool['id']}/labels", json={"labelKey": "kind", "labelValue": "h100"})
    assert (relabelled.status_code, relabelled.content) == (202, b"")
    again = ok(admin.get(url))[1]
    assert (again["labelValue"], again["placementStrategy"]["gpu"], again["nodes"]) == (
        "h100",
        "spread",
        "[]",
    )
    assert admin.delete(f"{url}/{pool['id']}").status_code == 202
    assert len(ok(admin.get(url))) == 1


def test_an_old_change_of_a_pool_keeps_what_is_newer_than_it(here: Site) -> None:
    admin = here.server.admin
    name = fresh("pool")
    body = {
        "name": name,
        "clusterId": here.id,
        "labelKey": name,
        "labelValue": "a",
        "gpuResourceOptimization": {"swapEnabled": True},
    }
    pool = ok(admin.post("/api/v1/node-pools", json=body), 201)["id"]
    assert admin.put(f"{OLD}/{here.id}/node-pools/{pool}", json={"labelValue": "b"}).status_code == 202
    after = ok(admin.get(f"/api/v1/node-pools/{pool}"))
    assert (after["labelValue"], after["gpuResourceOptimization"]["swapEnabled"]) == ("b", True)


def test_node_pools_refuse_what_todays_refuse(here: Site) -> None:
    admin, url = here.server.admin, f"{OLD}/{here.id}/node-pools"
    elsewhere = site(here.server)
    assert admin.delete(f"{url}/{here.pool}").status_code == 400
    assert admin.delete(f"{OLD}/{elsewhere.id}/node-pools/{here.pool}").status_code == 404
    assert admin.post(url, json={"name": "default", "labelKey": "a", "labelValue": "b"}).status_code == 409
    assert admin.get(f"{OLD}/{ABSENT}/node-pools").status_code == 404
    for body in ({"labelKey": "a", "labelValue": "b"}, {"name": fresh("pool")}):
        assert admin.post(url, json=body).status_code == 400


# Projects


def test_a_project_round_trip(here: Site) -> None:
    admin, url = here.server.admin, f"{OLD}/{here.id}/projects"
    made = old_project(
        here,
        deservedGpus=2,
        maxAllowedGpus=-1,
        gpuOverQuotaWeight=1,
        interactiveJobTimeLimitSecs=3600,
        trainingJobMaxIdleDurationSecs=60,
        nodeAffinity={
            "train": {"affinityType": "only_selected", "selectedTypes": [{"id": 4, "name": "dgx"}]}
        },
        defaultNodePools=["default"],
    )
    assert (made["deservedGpus"], made["maxAllowedGpus"], made["gpuOverQuotaWeight"]) == (2, -1, 1)
    assert (made["departmentId"], made["clusterUuid"]) == (int(here.default["id"]), here.id)
    assert made["departmentName"] == "default"
    assert made["namespace"] == made["status"]["namespace"] == f"runai-{made['name']}"
    assert (made["interactiveJobTimeLimitSecs"], made["trainingJobMaxIdleDurationSecs"]) == (3600, 60)
    assert "trainingJobTimeLimitSecs" not in made
    assert (made["trainNodeAffinity"], made["interactiveNodeAffinity"]) == ("only_selected", "no_limit")
    assert made["nodeAffinity"]["train"]["selectedTypes"] == [{"name": "dgx"}]
    (entry,) = made["nodePoolsResources"]
    assert (entry["id"], entry["nodePool"]) == (int(here.pool), {"id": int(here.pool), "name": "default"})
    assert entry["gpu"] == {"deserved": 2, "maxAllowed": -1, "overQuotaWeight": 1}
    assert entry["cpu"] == {"deserved": -1, "maxAllowed": -1}
    assert ok(admin.get(url)) == [made]
    assert ok(admin.get(f"{url}/{made['id']}")) == made
    today = ok(admin.get(f"{PROJECTS}/{made['id']}"))
    assert today["nodeTypes"]["training"] == ["dgx"]
    assert today["schedulingRules"]["interactiveJobTimeLimitSeconds"] == 3600
    assert today["resources"][0]["gpu"] == {"deserved": 2, "limit": None, "overQuotaWeight": 1}
    # what was read can be sent back as it is
    back = ok(admin.put(f"{url}/{made['id']}", json=made))
    assert back == made
    assert ok(admin.delete(f"{url}/{made['id']}")) == made
    assert admin.get(f"{url}/{made['id']}").status_code == 404


def test_an_update_clears_what_it_leaves_out_and_keeps_what_it_cannot_say(here: Site) -> None:
    admin = here.server.admin
    project = here.project(description="kept", schedulingRules={"trainingJobTimeLimitSeconds": 60})
    url = f"{OLD}/{here.id}/projects/{project['id']}"
    after = ok(admin.put(url, json={"deservedGpus": 1}))
    assert "trainingJobTimeLimitSecs" not in after
    assert ok(admin.get(f"{PROJECTS}/{project['id']}"))["description"] == "kept"


def test_memory_is_in_mib_unless_megabytes_are_asked_for(here: Site) -> None:
    pool = {"nodePool": {"id": int(here.pool)}, "memory": {"deserved": 1000, "maxAllowed": 2000}}
    made = old_project(here, nodePoolsResources=[pool])
    assert made["nodePoolsResources"][0]["memory"] == {"deserved": 1000, "maxAllowed": 2000}
    url = f"{OLD}/{here.id}/projects"
    (shown,) = ok(here.server.admin.get(url, params={"memoryUnitMb": "true"}))
    assert shown["nodePoolsResources"][0]["memory"]["deserved"] == pytest.approx(1048.576)
    assert shown["resources"]["memory"]["maxAllowed"] == pytest.approx(2097.152)


def test_sums_and_the_limit_of_resources_to_one_pool(here: Site) -> None:
    other = int(here.add_pool())
    pools = [
        {"nodePool": {"id": int(here.pool)}, "gpu": {"deserved": 1, "maxAllowed": 3}},
        {"nodePool": {"id": other}, "gpu": {"deserved": 2, "maxAllowed": 4}},
    ]
    made = old_project(here, nodePoolsResources=pools)
    assert made["resources"]["gpu"] == {"deserved": 3, "maxAllowed": 7}
    assert made["deservedGpus"] == 3
    refused = here.server.admin.post(
        f"{OLD}/{here.id}/projects",
        json={
            "name": fresh("old"),
            "departmentId": int(here.default["id"]),
            "resources": {"gpu": {"deserved": 1}},
        },
    )
    assert refused.status_code == 400
    assert "node pools" in refused.json()["message"]


def test_permissions_become_access_rules(here: Site) -> None:
    server, admin = here.server, here.server.admin
    one, two = person(server), person(server)
    made = old_project(here, permissions={"users": [one["id"], two["username"]], "groups": ["crew"]})
    assert sorted(made["permissions"]["users"]) == sorted([one["username"], two["username"]])
    assert made["permissions"]["groups"] == ["crew"]
    researcher = "L1 researcher"
    assert rules_at(server, made["id"]) == sorted(
        [("group", "crew", researcher), *(("user", it["username"], researcher) for it in (one, two))]
    )
    url = f"{OLD}/{here.id}/projects/{made['id']}"
    ok(admin.put(url, json={"deservedGpus": 0}))
    assert len(rules_at(server, made["id"])) == 3
    after = ok(admin.put(url, json={"permissions": {"users": [one["username"]]}}))
    assert after["permissions"]["groups"] == ["crew"]
    after = ok(admin.put(url, json={"permissions": {"groups": []}}))
    assert after["permissions"] == {"users": [one["username"]], "groups": [], "applications": []}
    assert rules_at(server, made["id"]) == [("user", one["username"], researcher)]
    left_alone = ok(admin.put(f"{url}?excludePermissions=true", json={"permissions": {"users": []}}))
    assert "permissions" not in left_alone
    assert len(rules_at(server, made["id"])) == 1


def test_a_person_nobody_knows_leaves_no_project_behind(here: Site) -> None:
    name = fresh("old")
    body = {"name": name, "departmentId": int(here.default["id"]), "permissions": {"users": [ABSENT]}}
    assert here.server.admin.post(f"{OLD}/{here.id}/projects", json=body).status_code == 404
    assert [it["name"] for it in ok(here.server.admin.get(f"{OLD}/{here.id}/projects"))] == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"nodeAffinity": {"train": {"affinityType": "some"}}}, 400),
        ({"deservedGpus": 3, "maxAllowedGpus": 2}, 400),
        ({"interactiveJobTimeLimitSecs": 0}, 400),
        ({"departmentId": 987654321}, 404),
        ({"name": "Upper"}, 400),
        ({"nodePoolsResources": [{"nodePool": {"id": 987654321}}]}, 400),
    ],
)
def test_what_a_project_cannot_be(here: Site, more: dict[str, Any], status: int) -> None:
    given = {"name": fresh("old"), "departmentId": int(here.default["id"])}
    answer = here.server.admin.post(f"{OLD}/{here.id}/projects", json=given | more)
    assert answer.status_code == status, answer.text
    assert ok(here.server.admin.get(f"{OLD}/{here.id}/projects")) == []


def test_a_name_that_is_taken(here: Site) -> None:
    made = old_project(here)
    again = {"name": made["name"], "departmentId": made["departmentId"]}
    answer = here.server.admin.post(f"{OLD}/{here.id}/projects", json=again)
    assert answer.status_code == 409
    assert "already exists" in answer.json()["message"]


def test_the_oldest_address_of_projects(here: Site) -> None:
    admin, url = here.server.admin, "/v1/k8s/projects"
    somebody = person(here.server)
    body = {
        "name": fresh("old"),
        "departmentId": int(here.default["id"]),
        "clusterUuid": here.id,
        "deservedGpus": 2,
        "permissions": {"users": [somebody["id"]]},
    }
    made = ok(admin.post(url, json=body))
    assert made["permissions"]["users"] == [somebody["username"]]
    assert made in ok(admin.get(url))
    assert ok(admin.get(f"{url}/{made['id']}")) == made
    assert ok(admin.put(f"{url}/{made['id']}", json={"deservedGpus": 1}))["deservedGpus"] == 1
    assert ok(admin.delete(f"{url}/{made['id']}"))["id"] == made["id"]
    assert admin.get(f"{url}/{made['id']}").status_code == 404


# Departments


def test_departments_with_their_projects(here: Site) -> None:
    admin, url = here.server.admin, f"{OLD}/{here.id}/departments"
    made = ok(admin.post(url, json={"name": fresh("old"), "deservedGpus": 4, "allowOverQuota": False}))
    assert (made["deservedGpus"], made["maxAllowedGpus"], made["allowOverQuota"]) == (4, 4, False)
    assert (made["projects"], made["projectsDeservedGpus"], made["departmentAdmins"]) == ([], "0.00", [])
    project = old_project(here, departmentId=made["id"], deservedGpus=1.5)
    default, shown = ok(admin.get(url))
    assert (default["id"], default["name"]) == (int(here.default["id"]), "default")
    assert default["projects"] == []
    assert shown["projects"] == [project]
    assert shown["projectsDeservedGpus"] == "1.50"
    assert ok(admin.get(f"{url}/{made['id']}")) == shown
    (bare,) = (it for it in ok(admin.get(f"{url}?excludePermissions=true")) if it["id"] == made["id"])
    assert "departmentAdmins" not in bare
    assert "permissions" not in bare["projects"][0]
    changed = ok(admin.put(f"{url}/{made['id']}", json={"deservedGpus": 5}))
    assert (changed["deservedGpus"], changed["maxAllowedGpus"], changed["allowOverQuota"]) == (5, -1, True)
    assert ok(admin.delete(f"{url}/{made['id']}"))["name"] == made["name"]
    assert len(ok(admin.get(url))) == 1
    assert admin.get(f"{PROJECTS}/{project['id']}").status_code == 404


def test_an_old_change_of_a_department_keeps_what_is_newer_than_it(here: Site) -> None:
    admin = here.server.admin
    rules = {"trainingJobTimeLimitSeconds": 60}
    made = here.department(
        description="kept", schedulingRules=rules, defaultNodePools=["default"], nodeTypes={"training": ["a"]}
    )
    ok(admin.put(f"{OLD}/{here.id}/departments/{made['id']}", json={"deservedGpus": 1}))
    after = ok(admin.get(f"/api/v1/org-unit/departments/{made['id']}"))
    for member in ("description", "schedulingRules", "defaultNodePools", "nodeTypes"):
        assert after[member] == made[member]
    assert after["resources"][0]["gpu"]["deserved"] == 1


def test_administrators_of_a_department_are_access_rules(here: Site) -> None:
    server, admin = here.server, here.server.admin
    one, two = person(server), person(server)
    made = here.department()
    number = int(made["id"])
    url = f"{OLD}/{here.id}/departments/{number}/access-control"
    answer = admin.put(url, json={"departmentAdmins": [one["id"], two["id"]]})
    assert ok(answer, 201)["departmentId"] == number
    assert sorted(answer.json()["departmentAdmins"]) == sorted([one["id"], two["id"]])
    role = "Department administrator"
    assert rules_at(server, number, "department") == sorted(
        ("user", it["username"], role) for it in (one, two)
    )
    group = {
        "subjectId": "crew",
        "subjectType": "group",
        "roleId": 14,
        "scopeId": str(number),
        "scopeType": "department",
    }
    ok(admin.post(RULES, json=group), 201)
    ok(admin.put(url, json={"departmentAdmins": [two["id"]]}), 201)
    assert rules_at(server, number, "department") == [
        ("group", "crew", role),
        ("user", two["username"], role),
    ]
    assert ok(admin.get(f"{OLD}/{here.id}/departments/{number}"))["departmentAdmins"] == [two["id"]]
    assert admin.put(url, json={"departmentAdmins": [ABSENT]}).status_code == 404
    assert admin.put(url, json={"departmentId": number + 1, "departmentAdmins": []}).status_code == 400
    assert len(rules_at(server, number, "department")) == 2


def test_the_oldest_address_of_departments(here: Site) -> None:
    admin, url = here.server.admin, "/v1/k8s/departments"
    made = ok(admin.post(url, json={"name": fresh("old"), "clusterUuid": here.id, "deservedGpus": 2}))
    assert made in ok(admin.get(url))
    assert ok(admin.get(f"{url}/{made['id']}")) == made
    assert ok(admin.put(f"{url}/{made['id']}", json={"deservedGpus": 1}))["deservedGpus"] == 1
    assert ok(admin.delete(f"{url}/{made['id']}"))["id"] == made["id"]
    assert admin.get(f"{url}/{made['id']}").status_code == 404
