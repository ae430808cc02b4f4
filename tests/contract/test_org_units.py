"""Departments and projects over a real socket: shapes, quotas, refusals, moves, deletion, access."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    VIEWER,
    person,
    rule,
    second_tenant,
    tenant_node,
)
from support.runapy import ORACLE, faults
from support.server import ADMIN_EMAIL, Server
from support.units import DEPARTMENTS, PROJECTS, Site, fresh, limit_projects, ok, site

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
ABSENT = "987654321"
NO_RULES = {
    "interactiveJobTimeLimitSeconds": None,
    "interactiveJobMaxIdleDurationSeconds": None,
    "interactiveJobPreemptIdleDurationSeconds": None,
    "trainingJobMaxIdleDurationSeconds": None,
    "trainingJobTimeLimitSeconds": None,
}
NO_TYPES: dict[str, Any] = {"training": [], "workspace": [], "names": None}
UNLIMITED = {"deserved": None, "limit": None, "overQuotaWeight": None}


@pytest.fixture(scope="module")
def place(any_server: Server) -> Site:
    return site(any_server)


def judged(operation: str, status: int, body: Any) -> Any:
    """`body`, after the contract's own document found nothing wrong with it."""
    if ORACLE.exists():
        assert faults(operation, status, body, frozenset()) == []
    return body


def gpus(deserved: float, pool: str | None = None, **more: Any) -> dict[str, Any]:
    return {"gpu": {"deserved": deserved, **more}} | ({"nodePool": {"id": pool}} if pool else {})


# Shapes


def test_a_project_is_made_read_changed_and_deleted(place: Site) -> None:
    admin = place.server.admin
    asked = {
        "name": fresh("p"),
        "clusterId": place.id,
        "resources": [{"nodePool": {"id": place.pool}, "gpu": {"deserved": 2, "limit": -1}, "cpu": None}],
        "description": "for tests",
        "schedulingRules": {"trainingJobTimeLimitSeconds": 60},
        "defaultNodePools": ["default"],
        "nodeTypes": {"training": ["a100"]},
    }
    made = judged("create_project", 201, ok(admin.post(PROJECTS, json=asked), 201))
    assert INSTANT.match(made["createdAt"])
    rules = NO_RULES | {"trainingJobTimeLimitSeconds": 60}
    types = NO_TYPES | {"training": ["a100"]}
    assert made == {
        "id": made["id"],
        "name": asked["name"],
        "description": "for tests",
        "clusterId": place.id,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "createdBy": ADMIN_EMAIL,
        "updatedBy": ADMIN_EMAIL,
        "totalResources": {"gpuQuota": 2, "cpuQuota": None, "memoryQuota": None},
        "resources": [
            {
                "nodePool": {"id": place.pool, "name": "default"},
                "gpu": {"deserved": 2, "limit": None, "overQuotaWeight": None},
                "cpu": UNLIMITED,
                "memory": UNLIMITED | {"units": "MB"},
                "priority": None,
            },
            *made["resources"][1:],
        ],
        "schedulingRules": rules,
        "defaultNodePools": ["default"],
        "nodeTypes": types,
        "overtimeData": {"range24hData": None, "range7dData": None, "range30dData": None},
        "parentId": place.default["id"],
        "parent": {"id": place.default["id"], "name": "default"},
        "requestedNamespace": None,
        "enforceRunaiScheduler": True,
        "effective": {"schedulingRules": rules, "defaultNodePools": ["default"], "nodeTypes": types},
        "status": {
            "namespace": f"runai-{asked['name']}",
            "phase": "Creating",
            "phaseMessage": None,
            "lastUpdatedTime": made["createdAt"],
            "nodePoolQuotaStatuses": [],
            "additionalStatusData": None,
        },
    }
    address = f"{PROJECTS}/{made['id']}"
    assert judged("get_project", 200, ok(admin.get(address))) == made
    listed = judged("get_projects", 200, ok(admin.get(PROJECTS, params={"search": asked["name"]})))
    assert made in listed["projects"]
    changed = ok(admin.put(address, json={"resources": [gpus(1)], "enforceRunaiScheduler": False}))
    judged("update_project", 200, changed)
    assert (changed["description"], changed["schedulingRules"], changed["defaultNodePools"]) == (
        "",
        None,
        None,
    )
    assert (changed["totalResources"]["gpuQuota"], changed["enforceRunaiScheduler"]) == (1, False)
    assert ok(admin.get(address)) == changed
    assert ok(admin.put(address, json={"resources": []}))["enforceRunaiScheduler"] is False
    assert admin.delete(address).status_code == 204
    assert admin.get(address).status_code == 404
    found = place.server.audit(entity_type="project", entity_id=made["id"], result="Succeeded")
    assert [it["action"] for it in found] == ["create", "update", "update", "delete"]


def test_a_department_is_made_read_changed_and_deleted(place: Site) -> None:
    admin = place.server.admin
    asked = {"name": fresh("d"), "clusterId": place.id, "resources": [gpus(8)], "description": "all of it"}
    made = judged("create_department", 201, ok(admin.post(DEPARTMENTS, json=asked), 201))
    child = place.project(made["id"], [gpus(3) | {"memory": {"deserved": 1, "units": "GB"}}])
    address = f"{DEPARTMENTS}/{made['id']}"
    read = judged("get_department", 200, ok(admin.get(address)))
    assert read["children"] == [{"id": child["id"], "name": child["name"]}]
    sums = next(it for it in read["projectsAggregatedResources"] if it["nodePool"]["id"] == place.pool)
    assert sums | {"nodePool": None} == {
        "nodePool": None,
        "gpu": {"deserved": 3},
        "cpu": {"deserved": None},
        "memory": {"deserved": 1000, "units": "MB"},
    }
    assert read["status"] == {"nodePoolQuotaStatuses": []}
    changed = ok(admin.put(address, json={"resources": [gpus(4)], "description": "half"}))
    judged("update_department", 200, changed)
    assert (changed["description"], changed["totalResources"]["gpuQuota"]) == ("half", 4)
    assert changed["name"] == asked["name"]
    assert admin.delete(address).status_code == 204
    assert admin.get(address).status_code == 404
    assert admin.get(f"{PROJECTS}/{child['id']}").status_code == 404


def test_lists_of_departments_say_as_much_as_asked(place: Site) -> None:
    made = place.department([gpus(8)])
    shown = {}
    for verbosity in ("", "meta", "brief", "verbose", "Verbosity.VERBOSE"):
        params = {"filterBy": f"name=={made['name']}"} | ({"verbosity": verbosity} if verbosity else {})
        body = judged("get_departments", 200, ok(place.server.admin.get(DEPARTMENTS, params=params)))
        (shown[verbosity],) = body["departments"]
    assert shown[""] == shown["brief"]
    assert (
        shown["verbose"]
        == shown["Verbosity.VERBOSE"]
        == shown["brief"] | {"status": shown["verbose"]["status"]}
    )
    assert "status" not in shown["brief"]
    assert shown["meta"] == shown["brief"] | {"resources": [], "totalResources": None}
    assert place.server.admin.get(DEPARTMENTS, params={"verbosity": "loud"}).status_code == 400


def test_pages_name_the_next_one(place: Site) -> None:
    inside = place.department()
    names = sorted(place.project(inside["id"])["name"] for _ in range(5))
    params = {"filterBy": f"parentId=={inside['id']}", "sortBy": "name", "limit": "2"}
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        body = ok(place.server.admin.get(PROJECTS, params={**params, "offset": str(offset)}))
        seen += [it["name"] for it in body["projects"]]
        offset = body.get("next")
    assert seen == names
    assert ok(place.server.admin.get(f"{PROJECTS}/count", params=params)) == {"count": 5}


@pytest.mark.parametrize("url", [PROJECTS, DEPARTMENTS])
def test_every_field_of_the_contract_filters_and_sorts(place: Site, url: str) -> None:
    averages = [
        f"avg{what}{span}"
        for what in ("GpuAllocation", "GpuUtilization", "GpuMemoryUtilization")
        for span in ("24h", "7d", "30d")
    ]
    fields = ["name", "clusterId", "totalGpuQuota", "gpuAllocated", "createdAt", *averages]
    if url == PROJECTS:
        fields += ["departmentId", "parentId", "parentName", "phase"]
    values = {"createdAt": "2026-01-01T00:00:00Z", "phase": "Ready", "name": "x", "clusterId": "x"}
    for field in fields:
        value = values.get(field, "x" if field == "parentName" else "1")
        for mark in ("==", "!="):
            params = {"filterBy": f"{field}{mark}{value}", "sortBy": field, "sortOrder": "desc"}
            listed = ok(place.server.admin.get(url, params={**params, "limit": "500"}))
            counted = ok(place.server.admin.get(f"{url}/count", params=params))
            assert "next" not in listed, "more units than a page: the test needs another limit"
            assert counted["count"] == len(listed[url.rsplit("/", 1)[1]])


def test_nothing_is_measured_and_nothing_invented(place: Site) -> None:
    admin, project = place.server.admin, place.project()
    span = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    for url, kind, one in ((PROJECTS, "project", project), (DEPARTMENTS, "department", place.default)):
        query = {**span, "metricType": "GPU_QUOTA,GPU_ALLOCATION"}
        address = f"{url}/{one['id']}/metrics"
        body = judged(f"get_{kind}_metrics", 200, ok(admin.get(address, params=query)))
        assert [(it["type"], it["values"]) for it in body["measurements"]] == [
            ("GPU_QUOTA", []),
            ("GPU_ALLOCATION", []),
        ]
        table = admin.get(address, params=query, headers={"accept": "text/csv"})
        assert (table.headers["content-type"], len(table.text.splitlines())) == ("text/csv", 1)
        for wrong in ({"metricType": "LUCK"}, {"start": "soon"}, {"numberOfSamples": "1001"}):
            assert admin.get(address, params=query | wrong).status_code == 400
        here = {"telemetryType": "GPU_ALLOCATION", "clusterId": place.id}
        told = ok(admin.get(f"{url}/telemetry", params=here))
        assert judged(f"get_{kind}s_telemetry", 200, told)["values"] == []
        assert admin.get(f"{url}/telemetry").status_code == 400
        assert admin.get(f"{url}/{ABSENT}/metrics", params=query).status_code == 404


def test_priorities_are_listed_and_taken(place: Site) -> None:
    body = judged("get_priorities", 200, ok(place.server.admin.get("/api/v1/org-unit/priorities")))
    values = [it["value"] for it in body["priorities"]]
    assert values == sorted(values)
    assert [it["name"] for it in body["priorities"] if it["isDefault"]] == ["Normal"]
    made = place.project(resources=[gpus(0) | {"priority": "very high"}])
    assert made["resources"][0]["priority"] == "VeryHigh"
    wrong = {"name": fresh(), "clusterId": place.id, "resources": [{"priority": "Urgent"}]}
    assert place.server.admin.post(PROJECTS, json=wrong).status_code == 400


# Names and references


@pytest.mark.parametrize(
    "name", ["", "Upper", "1st", "-a", "a-", "a_b", "a.b", "ä", "a" * 64, "with space", "a\n"]
)
def test_bad_names_are_refused(place: Site, name: str) -> None:
    for url in (PROJECTS, DEPARTMENTS):
        answer = place.server.admin.post(url, json={"name": name, "clusterId": place.id, "resources": []})
        assert answer.status_code == 400, answer.text
        assert "name" in answer.json()["message"]


def test_names_are_taken_once_per_cluster(place: Site) -> None:
    admin, other = place.server.admin, site(place.server)
    project, department = place.project(), place.department()
    for url, taken in ((PROJECTS, project), (DEPARTMENTS, department)):
        body = {"name": taken["name"], "clusterId": place.id, "resources": []}
        answer = admin.post(url, json=body)
        assert (answer.status_code, "already exists" in answer.json()["message"]) == (409, True)
        assert ok(admin.post(url, json=body | {"clusterId": other.id}), 201)["clusterId"] == other.id
    space = {"requestedNamespace": f"runai-{project['name']}"}
    answer = admin.post(PROJECTS, json={"name": fresh(), "clusterId": place.id, "resources": []} | space)
    assert (answer.status_code, "already exists" in answer.json()["message"]) == (409, True)
    assert admin.delete(f"{PROJECTS}/{project['id']}").status_code == 204
    assert place.project(name=project["name"])["id"] != project["id"]


def test_a_namespace_can_be_asked_for(place: Site) -> None:
    space = fresh("my-space")
    made = place.project(requestedNamespace=space)
    assert (made["requestedNamespace"], made["status"]["namespace"]) == (space, space)
    for wrong in ("Upper", "a_b", "-a", "a" * 64, ""):
        body = {"name": fresh(), "clusterId": place.id, "resources": [], "requestedNamespace": wrong}
        assert place.server.admin.post(PROJECTS, json=body).status_code == 400
    long = "a" * 60
    body = {"name": long, "clusterId": place.id, "resources": []}
    assert place.server.admin.post(PROJECTS, json=body).status_code == 400
    assert place.project(name=long, requestedNamespace=fresh("short"))["name"] == long


def test_what_is_not_there_is_not_found(place: Site) -> None:
    admin = place.server.admin
    zero = f"0{place.default['id']}"
    for url in (PROJECTS, DEPARTMENTS):
        for wrong in (ABSENT, zero, "0", "x", "1.5", "-1", "9" * 30, "\u0661"):
            sent = [
                admin.get(f"{url}/{wrong}"),
                admin.put(f"{url}/{wrong}", json={"resources": []}),
                admin.put(f"{url}/{wrong}/resources", json=[]),
                admin.patch(f"{url}/{wrong}/resources", json=[]),
                admin.delete(f"{url}/{wrong}"),
            ]
            assert [it.status_code for it in sent] == [404] * 5
    body = {"name": fresh(), "resources": []}
    elsewhere = site(place.server)
    nowhere = "0198c0de-0000-7000-8000-00000000ffff"
    assert admin.post(PROJECTS, json=body | {"clusterId": nowhere}).status_code == 404
    assert admin.post(DEPARTMENTS, json=body | {"clusterId": nowhere}).status_code == 404
    asked = body | {"clusterId": place.id}
    assert admin.post(PROJECTS, json=asked | {"parentId": ABSENT}).status_code == 404
    wrong_cluster = admin.post(PROJECTS, json=asked | {"parentId": elsewhere.default["id"]})
    assert (wrong_cluster.status_code, "another cluster" in wrong_cluster.json()["message"]) == (400, True)


def test_the_default_department_stays(place: Site) -> None:
    answer = place.server.admin.delete(f"{DEPARTMENTS}/{place.default['id']}")
    assert (answer.status_code, "default" in answer.json()["message"]) == (400, True)
    assert ok(place.server.admin.get(f"{DEPARTMENTS}/{place.default['id']}"))["name"] == "default"


# Quotas


def test_resources_are_replaced_and_merged_by_node_pool(any_server: Server) -> None:
    here = site(any_server)
    other = here.add_pool()
    made = here.project(resources=[gpus(1, here.pool), gpus(2, other)])
    address = f"{PROJECTS}/{made['id']}/resources"
    change = [gpus(5, other, limit=9) | {"cpu": {"deserved": 500}}]
    patched = judged("patch_project_resources", 200, ok(any_server.admin.patch(address, json=change)))
    by_pool = {it["nodePool"]["id"]: it for it in patched}
    assert by_pool[here.pool] == made["resources"][0]
    assert by_pool[other]["gpu"] == {"deserved": 5, "limit": 9, "overQuotaWeight": None}
    assert by_pool[other]["cpu"]["deserved"] == 500
    kept = ok(any_server.admin.patch(address, json=[{"nodePool": {"id": other}, "gpu": {"limit": None}}]))
    assert kept[1]["gpu"] == {"deserved": 5, "limit": None, "overQuotaWeight": None}
    put = ok(any_server.admin.put(address, json=[gpus(-1, here.pool)]))
    judged("update_project_resources", 200, put)
    assert [it["gpu"]["deserved"] for it in put] == [-1, 0]
    assert put[1]["cpu"]["deserved"] is None
    read = ok(any_server.admin.get(f"{PROJECTS}/{made['id']}"))
    assert (read["resources"], read["totalResources"]["gpuQuota"]) == (put, None)
    assert ok(any_server.admin.put(address, json=[]))[0]["gpu"]["deserved"] == 0


def test_a_new_node_pool_gives_nothing_away_and_its_deletion_takes_what_was_given(
    any_server: Server,
) -> None:
    here = site(any_server)
    limited = [gpus(1) | {"cpu": {"deserved": 100}, "memory": {"deserved": 1, "units": "GB"}}]
    units = ((PROJECTS, here.project(resources=limited)), (DEPARTMENTS, here.department(limited)))
    for _, unit in units:
        assert unit["totalResources"] == {"gpuQuota": 1, "cpuQuota": 100, "memoryQuota": 1000}
    pool = here.add_pool()
    for url, unit in units:
        read = ok(any_server.admin.get(f"{url}/{unit['id']}"))
        assert read["totalResources"] == {"gpuQuota": 1, "cpuQuota": None, "memoryQuota": None}
        assert read["resources"][1] | {"nodePool": None} == {
            "nodePool": None,
            "gpu": {"deserved": 0, "limit": None, "overQuotaWeight": None},
            "cpu": UNLIMITED,
            "memory": UNLIMITED | {"units": "MB"},
            "priority": None,
        }
        given = [gpus(4, pool)]
        ok(any_server.admin.patch(f"{url}/{unit['id']}/resources", json=given))
    assert any_server.admin.delete(f"/api/v1/node-pools/{pool}").status_code in (202, 204)
    for url, unit in units:
        read = ok(any_server.admin.get(f"{url}/{unit['id']}"))
        assert (read["totalResources"], read["resources"]) == (unit["totalResources"], unit["resources"])


@pytest.mark.parametrize(
    "items",
    [
        [gpus(1, "987654")],
        [gpus(1), gpus(2)],
        [gpus(-2)],
        [gpus(3, limit=2)],
        [{"gpu": None}],
        [{"gpu": {"deserved": "1"}}],
        [{"memory": {"deserved": 5}}],
        [{"memory": {"deserved": 5, "units": "TB"}}],
        [{"nodePool": {"name": "nowhere"}}],
        {"gpu": {}},
        [7],
    ],
)
def test_impossible_resources_change_nothing(place: Site, items: Any) -> None:
    for unit, url in (
        (place.department([gpus(4)]), DEPARTMENTS),
        (place.project(resources=[gpus(1)]), PROJECTS),
    ):
        address = f"{url}/{unit['id']}"
        before = ok(place.server.admin.get(address))
        assert place.server.admin.put(f"{address}/resources", json=items).status_code == 400
        assert place.server.admin.put(address, json={"resources": items}).status_code == 400
        assert ok(place.server.admin.get(address)) == before
    body = {"name": fresh(), "clusterId": place.id, "resources": items}
    assert place.server.admin.post(PROJECTS, json=body).status_code == 400
    assert ok(place.server.admin.get(f"{PROJECTS}/count", params={"search": body["name"]})) == {"count": 0}


def test_a_trial_says_what_would_change_and_who_would_be_over(place: Site) -> None:
    admin = place.server.admin
    above = place.department([gpus(4)])
    place.project(above["id"], [gpus(3)])
    project = place.project(above["id"], [gpus(1)])
    address = f"{PROJECTS}/{project['id']}/resources"
    for method in ("PUT", "PATCH"):
        found = ok(admin.request(method, address, json=[gpus(2)], params={"validateOnly": "true"}))
        assert found["allowed"] is True
        pool = {"id": place.pool, "name": "default"}
        assert found["changes"] == [{"nodePool": pool, "attribute": "gpu.deserved", "before": 1, "after": 2}]
        assert found["over"] == [
            {
                "department": {"id": above["id"], "name": above["name"]},
                "nodePool": pool,
                "resource": "gpu",
                "quota": 4,
                "assigned": 5,
            }
        ]
        assert found["resources"][0]["gpu"]["deserved"] == 2
    assert ok(admin.get(f"{PROJECTS}/{project['id']}")) == project
    less = ok(admin.put(f"{DEPARTMENTS}/{above['id']}/resources?validateOnly=true", json=[gpus(2)]))
    assert [(it["quota"], it["assigned"]) for it in less["over"]] == [(2, 4)]


def test_projects_stay_within_their_department_where_the_tenant_says_so(place: Site) -> None:
    admin = place.server.admin
    above = place.department([gpus(4) | {"cpu": {"deserved": 1000}}])
    fits = [gpus(3) | {"cpu": {"deserved": 600}}]
    project = place.project(above["id"], fits)
    other = place.project(resources=[gpus(2) | {"cpu": {"deserved": 100}}])
    body = {"name": fresh(), "clusterId": place.id, "parentId": above["id"]}
    limit_projects(place.server, on=True)
    try:
        refused = [
            admin.post(PROJECTS, json=body | {"resources": [gpus(2) | {"cpu": {"deserved": 0}}]}),
            admin.post(PROJECTS, json=body | {"resources": [gpus(0)]}),  # unlimited CPU
            admin.put(f"{PROJECTS}/{project['id']}/resources", json=[gpus(5) | {"cpu": {"deserved": 0}}]),
            admin.patch(f"{PROJECTS}/{project['id']}/resources", json=[{"cpu": {"deserved": -1}}]),
            admin.put(f"{DEPARTMENTS}/{above['id']}/resources", json=[gpus(2)]),
            admin.put(f"{DEPARTMENTS}/{above['id']}", json={"resources": [gpus(2)]}),
            admin.put(
                f"{PROJECTS}/{other['id']}",
                json={"parentId": above["id"], "resources": [gpus(2) | {"cpu": {"deserved": 100}}]},
            ),
        ]
        assert [it.status_code for it in refused] == [400] * len(refused)
        assert all("department" in it.json()["message"] for it in refused)
        assert ok(admin.get(f"{PROJECTS}/{project['id']}")) == project
        assert ok(admin.get(f"{PROJECTS}/{other['id']}")) == other
        trial = ok(admin.patch(f"{PROJECTS}/{project['id']}/resources?validateOnly=true", json=[gpus(9)]))
        assert trial["allowed"] is False
        exact = [gpus(1) | {"cpu": {"deserved": -1, "limit": 400}}]
        ok(admin.post(PROJECTS, json=body | {"resources": exact}), 201)
    finally:
        limit_projects(place.server, on=False)


def test_departments_can_be_switched_off(place: Site) -> None:
    admin, above = place.server.admin, place.department()
    project = place.project()
    body = {"name": fresh(), "clusterId": place.id, "resources": []}
    setting = "/v1/k8s/setting"
    ok(admin.put(setting, json={"key": "department.use", "value": False}))
    try:
        moved = {"resources": [], "parentId": above["id"]}
        for refused in (
            admin.post(DEPARTMENTS, json=body),
            admin.post(PROJECTS, json=body | {"parentId": above["id"]}),
            admin.put(f"{PROJECTS}/{project['id']}", json=moved),
        ):
            assert (refused.status_code, "switched off" in refused.json()["message"]) == (400, True)
        assert place.project()["parentId"] == place.default["id"]
    finally:
        ok(admin.put(setting, json={"key": "department.use", "value": True}))


# Inheritance


def test_a_project_may_only_tighten_the_rules_of_its_department(place: Site) -> None:
    admin = place.server.admin
    rules = {"trainingJobTimeLimitSeconds": 100, "interactiveJobTimeLimitSeconds": 50}
    above = place.department(
        schedulingRules=rules,
        defaultNodePools=[place.pool],
        nodeTypes={"training": ["t"], "workspace": ["w"]},
    )
    body = {"name": fresh(), "clusterId": place.id, "resources": [], "parentId": above["id"]}
    loose = admin.post(PROJECTS, json=body | {"schedulingRules": {"trainingJobTimeLimitSeconds": 101}})
    assert (loose.status_code, "department" in loose.json()["message"]) == (400, True)
    tight = {"trainingJobTimeLimitSeconds": 60, "trainingJobMaxIdleDurationSeconds": 5}
    made = place.project(above["id"], schedulingRules=tight, nodeTypes={"workspace": ["mine"]})
    assert made["effective"] == {
        "schedulingRules": NO_RULES | tight | {"interactiveJobTimeLimitSeconds": 50},
        "defaultNodePools": [place.pool],
        "nodeTypes": {"training": ["t"], "workspace": ["mine"], "names": None},
    }
    changed = {"resources": [], "schedulingRules": {"trainingJobTimeLimitSeconds": 30}}
    ok(admin.put(f"{DEPARTMENTS}/{above['id']}", json=changed))
    now = ok(admin.get(f"{PROJECTS}/{made['id']}"))
    assert now["schedulingRules"]["trainingJobTimeLimitSeconds"] == 60
    assert now["effective"]["schedulingRules"]["trainingJobTimeLimitSeconds"] == 30
    for wrong in ({"trainingJobTimeLimitSeconds": 0}, {"trainingJobTimeLimitSeconds": 1.5}):
        assert admin.post(PROJECTS, json=body | {"schedulingRules": wrong}).status_code == 400
    idle = {"interactiveJobTimeLimitSeconds": 10, "interactiveJobMaxIdleDurationSeconds": 10}
    assert admin.post(PROJECTS, json=body | {"schedulingRules": idle}).status_code == 400
    for pools in (["nowhere"], ["default", "default"], ["default", place.pool]):
        assert admin.post(PROJECTS, json=body | {"defaultNodePools": pools}).status_code == 400


def test_the_phase_follows_what_the_cluster_says(any_server: Server) -> None:
    here = site(any_server)

    def phases(project: dict[str, Any]) -> tuple[str, list[str]]:
        read = ok(any_server.admin.get(f"{PROJECTS}/{project['id']}"))["status"]["phase"]
        found = []
        for phase in ("Creating", "Ready", "Unknown"):
            params = {"filterBy": f"phase=={phase},clusterId=={here.id}"}
            listed = ok(any_server.admin.get(PROJECTS, params=params))["projects"]
            if project["id"] in [it["id"] for it in listed]:
                found.append(phase)
        return read, found

    project = here.project()
    try:
        assert phases(project) == ("Creating", ["Creating"])
        any_server.clock.advance(1)
        here.heard()
        assert phases(project) == ("Ready", ["Ready"])
        any_server.clock.advance(120)
        assert phases(project) == ("Unknown", ["Unknown"])
        here.heard()
        assert phases(project) == ("Ready", ["Ready"])
        any_server.clock.advance(1)
        assert phases(here.project())[0] == "Creating"
    finally:
        any_server.clock.offset = 0


# Access


@pytest.mark.clause("authz.scope")
def test_access_follows_a_moved_project_at_once(place: Site) -> None:
    old, new = place.department(), place.department()
    project = place.project(old["id"])
    address = f"{PROJECTS}/{project['id']}"
    of_old = person(place.server, f"{fresh()}@example.com", (DEPARTMENT_ADMINISTRATOR, place.scope(old)))
    of_new = person(place.server, f"{fresh()}@example.com", (DEPARTMENT_ADMINISTRATOR, place.scope(new)))
    of_project = person(place.server, f"{fresh()}@example.com", (VIEWER, place.scope(project)))
    assert [it.get(address).status_code for it in (of_old, of_new, of_project)] == [200, 404, 200]
    body = {"resources": [], "parentId": new["id"]}
    assert of_old.put(address, json=body).status_code == 404, "the target is out of sight"
    email = f"{fresh()}@example.com"
    both = person(
        place.server, email, (DEPARTMENT_ADMINISTRATOR, place.scope(old)), (VIEWER, place.scope(new))
    )
    refused = both.put(address, json=body)
    assert (refused.status_code, refused.json()["decision"]["permission"]) == (403, "project:create")
    assert ok(place.server.admin.get(address)) == project
    rule(place.server, email, DEPARTMENT_ADMINISTRATOR, place.scope(new))
    place.server.units.write(lambda unit: unit.changed(1001))
    moved = ok(both.put(address, json=body))
    assert (moved["parentId"], moved["parent"]["name"]) == (new["id"], new["name"])
    assert [it.get(address).status_code for it in (of_old, of_new, of_project)] == [404, 200, 200]
    assert project["id"] in [it["id"] for it in ok(of_new.get(PROJECTS))["projects"]]
    elsewhere = site(place.server).default["id"]
    answer = place.server.admin.put(address, json={"resources": [], "parentId": elsewhere})
    assert (answer.status_code, "another cluster" in answer.json()["message"]) == (400, True)


def test_rules_go_with_the_department_they_are_in(place: Site) -> None:
    above = place.department()
    project = place.project(above["id"])
    email = f"{fresh()}@example.com"
    who = person(place.server, email, (VIEWER, place.scope(above)), (VIEWER, place.scope(project)))
    assert ok(who.get(f"{PROJECTS}/count")) == {"count": 1}
    assert place.server.admin.delete(f"{DEPARTMENTS}/{above['id']}").status_code == 204
    assert who.get(f"{PROJECTS}/count").status_code == 403
    params = {"subjectIds": email}
    assert (
        ok(place.server.admin.get("/api/v1/authorization/access-rules", params=params))["accessRules"] == []
    )


def test_creating_takes_the_permission_where_the_unit_will_be(place: Site) -> None:
    mine, other = place.department(), place.department()
    who = person(place.server, f"{fresh()}@example.com", (DEPARTMENT_ADMINISTRATOR, place.scope(mine)))
    body = {"name": fresh(), "clusterId": place.id, "resources": []}
    assert who.post(PROJECTS, json=body | {"parentId": other["id"]}).status_code == 404
    assert who.post(PROJECTS, json=body).status_code == 403, "that is the default department"
    assert who.post(DEPARTMENTS, json=body).status_code == 403
    assert ok(who.post(PROJECTS, json=body | {"parentId": mine["id"]}), 201)["parentId"] == mine["id"]
    viewer = person(place.server, f"{fresh()}@example.com", (VIEWER, place.scope(mine)))
    assert viewer.post(PROJECTS, json=body | {"parentId": mine["id"]}).status_code == 403
    assert viewer.delete(f"{DEPARTMENTS}/{mine['id']}").status_code == 403


@pytest.mark.clause("authz.lists-agree")
def test_lists_equal_asking_for_each(any_server: Server) -> None:
    here = site(any_server)
    departments = [here.default, *(here.department() for _ in range(3))]
    projects = [here.project(departments[number % 4]["id"]) for number in range(9)]
    scopes = [
        [tenant_node()],
        [here.node],
        [here.scope(departments[1])],
        [here.scope(departments[2]), here.scope(projects[0])],
        [here.scope(projects[4])],
    ]
    for held in scopes:
        who = person(any_server, f"{fresh()}@example.com", *((VIEWER, node) for node in held))
        for url, units in ((PROJECTS, projects), (DEPARTMENTS, departments)):
            params = {"filterBy": f"clusterId=={here.id}", "limit": "500"}
            wanted = {it["id"] for it in units if who.get(f"{url}/{it['id']}").status_code == 200}
            listed = ok(who.get(url, params=params))[url.rsplit("/", 1)[1]]
            assert {it["id"] for it in listed} == wanted
            assert ok(who.get(f"{url}/count", params=params)) == {"count": len(wanted)}


def test_nothing_of_another_tenant_can_be_named(place: Site) -> None:
    """A second tenant is given the rows; whoever asks from the first finds the body of what is not there."""
    foreign = site(place.server)
    department, project = foreign.department(), foreign.project()
    tenant = second_tenant(place.server, 1000 + int(project["id"]) + 5000)
    give_away(place.server, foreign.id, tenant)
    admin = place.server.admin
    for url, unit in ((DEPARTMENTS, department), (PROJECTS, project)):
        for method, suffix, body in (
            ("GET", "", None),
            ("PUT", "", {"resources": []}),
            ("PUT", "/resources", []),
            ("PATCH", "/resources", []),
            ("DELETE", "", None),
        ):
            there = admin.request(method, f"{url}/{unit['id']}{suffix}", json=body)
            absent = admin.request(method, f"{url}/{ABSENT}{suffix}", json=body)
            assert there.status_code == absent.status_code == 404
            said = there.json()["message"].replace(repr(unit["id"]), repr(ABSENT))
            assert there.json() | {"message": said} == absent.json()
        listed = ok(admin.get(url, params={"limit": "500"}))[url.rsplit("/", 1)[1]]
        assert unit["id"] not in [it["id"] for it in listed]
    asked = {"name": fresh(), "clusterId": place.id, "resources": [], "parentId": department["id"]}
    assert admin.post(PROJECTS, json=asked).status_code == 404
    own = place.project()
    body = {"resources": [], "parentId": department["id"]}
    assert admin.put(f"{PROJECTS}/{own['id']}", json=body).status_code == 404
    body = {"name": fresh(), "clusterId": foreign.id, "resources": []}
    assert admin.post(PROJECTS, json=body).status_code == 404


def give_away(server: Server, cluster_id: str, tenant: int) -> None:
    """Make a cluster and all that is in it another tenant's."""
    from sqlalchemy import func, update

    from runplane.server.authz.tables import scope_nodes
    from runplane.server.organization.clusters.tables import clusters
    from runplane.server.organization.units.tables import departments, projects

    def job(unit: Any) -> None:
        for table, key in ((clusters, "id"), (departments, "cluster_id"), (projects, "cluster_id")):
            path = func.replace(table.c.path, "/1001/", f"/{tenant}/")
            query = update(table).where(table.c[key] == cluster_id)
            unit.execute(query.values(tenant_id=tenant, path=path))
        inside = scope_nodes.c.path.like(f"/1001/{cluster_id}/%")
        path = func.replace(scope_nodes.c.path, "/1001/", f"/{tenant}/")
        unit.execute(update(scope_nodes).where(inside).values(tenant_id=tenant, path=path))
        unit.changed(1001)

    server.units.write(job)
