"""Reports over a real socket: made in the background, seen by the right people, safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from runplane.server.core.scope import ScopeType
from runplane.server.organization.reports.tables import reports
from runplane.server.organization.units.tables import departments, projects
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    SYSTEM_ADMINISTRATOR,
    VIEWER,
    person,
    rule,
    second_tenant,
    tenant_node,
)
from support.clusters import agent_of
from support.runapy import ORACLE, faults
from support.server import ADMIN_EMAIL, Server
from support.units import Site, fresh, ok, site

pytestmark = pytest.mark.slow

REPORTS = "/api/v1/org-unit/reports"
SPAN = {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00+00:00"}
PROJECT_LINE = ["reported_at", "cluster", "department", "project", "gpu_quota", "gpus_allocated"]


@pytest.fixture(scope="module")
def place(any_server: Server) -> Site:
    return site(any_server)


def asked(client: httpx.Client, **more: Any) -> dict[str, Any]:
    """A report that was taken in."""
    return ok(client.post(REPORTS, json={"name": fresh("report"), **SPAN, **more}), 202)


def ended(client: httpx.Client, report: dict[str, Any]) -> dict[str, Any]:
    """The report once it is no longer worked on."""
    deadline = time.monotonic() + 20
    while True:
        found = ok(client.get(f"{REPORTS}/{report['id']}"))
        if found["status"] in ("Ready", "Failed"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def lines(client: httpx.Client, **more: Any) -> list[list[str]]:
    """The cells of a new report's file."""
    report = ended(client, asked(client, **more))
    assert report["status"] == "Ready", report
    answer = client.get(f"{REPORTS}/{report['id']}/file")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv"
    assert report["id"] in answer.headers["content-disposition"]
    return list(csv.reader(io.StringIO(answer.text)))


def allocate(server: Server, kind: ScopeType, unit_id: str, gpus: float) -> None:
    """What an agent's report of a unit's use leaves behind."""
    table = departments if kind is ScopeType.DEPARTMENT else projects
    change = update(table).where(table.c.id == int(unit_id)).values(gpu_allocated=gpus)
    server.units.write(lambda unit: unit.execute(change))


def judged(operation: str, status: int, body: Any) -> Any:
    if ORACLE.exists():
        assert faults(operation, status, body, frozenset()) == []
    return body


def test_a_report_is_taken_in_made_downloaded_and_deleted(place: Site) -> None:
    admin = place.server.admin
    assert ok(admin.get(f"{REPORTS}/availability")) == {"isAvailable": True}
    made = judged("create_report", 202, asked(admin, description="for tests", groupBy="Cluster"))
    assert (made["status"], made["groupBy"], made["filterBy"]) == ("Pending", "Cluster", [])
    assert (made["start"], made["end"]) == ("2020-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z")
    assert (made["createdBy"], made["tenantId"]) == (ADMIN_EMAIL, 1001)
    ready = judged("get_report_by_id", 200, ended(admin, made))
    assert ready == made | {
        "status": "Ready",
        "statusMessage": "The file can be downloaded.",
        "statusUpdatedAt": ready["statusUpdatedAt"],
    }
    assert ready["statusUpdatedAt"] >= made["createdAt"]
    listed = judged("list_reports", 200, ok(admin.get(REPORTS, params={"filterBy": f"name=={made['name']}"})))
    assert listed["reports"] == [ready]
    assert ok(admin.get(f"{REPORTS}/count", params={"search": made["name"]})) == {"count": 1}
    assert admin.delete(f"{REPORTS}/{made['id']}").status_code == 204
    for path in ("", "/file"):
        assert admin.get(f"{REPORTS}/{made['id']}{path}").status_code == 404
    first, last = place.server.audit(entity_id=made["id"])
    assert (first["http_method"], last["http_method"]) == ("POST", "DELETE")
    assert (last["entity_type"], last["entity_name"]) == ("report", made["name"])


def test_nothing_reported_is_a_file_of_one_line(place: Site) -> None:
    silent = site(place.server)
    narrow = {"filterBy": [f"clusterId=={silent.id}"]}
    silent.project()
    assert lines(place.server.admin, **narrow) == [PROJECT_LINE]
    for group in ("Cluster", "Nodepool", "Department"):
        assert len(lines(place.server.admin, groupBy=group, **narrow)) == 1


def test_what_was_reported_of_units_is_in_the_file(place: Site) -> None:
    admin, here = place.server.admin, site(place.server)
    here.heard()
    department = here.department([{"gpu": {"deserved": 4}}])
    project = here.project(department["id"], [{"gpu": {"deserved": 1.5}}])
    here.project(department["id"])
    allocate(place.server, ScopeType.PROJECT, project["id"], 0.5)
    allocate(place.server, ScopeType.DEPARTMENT, department["id"], 0.5)
    # No request can set such a name; the file must not depend on that.
    evil = update(departments).where(departments.c.id == int(department["id"])).values(name="=1+2")
    place.server.units.write(lambda unit: unit.execute(evil))
    narrow = {"filterBy": [f"clusterId=={here.id}"]}
    first, row = lines(admin, groupBy="Project", **narrow)
    assert first == PROJECT_LINE
    # a spreadsheet would run the department's name
    assert row[2:] == ["'=1+2", project["name"], "1.5", "0.5"]
    _, row = lines(admin, groupBy="Department", **narrow)
    assert row[2:] == ["'=1+2", "4.0", "0.5"]
    narrow["filterBy"].append("projectName==another")
    assert lines(admin, **narrow) == [PROJECT_LINE]
    assert lines(admin, end="2020-02-01T00:00:00Z", filterBy=[f"clusterId=={here.id}"]) == [PROJECT_LINE]


def test_what_was_reported_of_nodes_is_in_the_file(place: Site) -> None:
    admin, here = place.server.admin, site(place.server)
    node = {"status": "Ready", "createdAt": "2026-01-01T00:00:00Z", "gpuType": "A", "cpuCores": 8}
    agent_of(place.server, here.id).heartbeat(
        nodes=[
            {"uid": "1", "name": "one", "gpuCount": 4, "allocatedGpus": 1.5, **node},
            {"uid": "2", "name": "two", "gpuCount": 2, "allocatedGpus": 1, **node},
        ]
    )
    narrow = {"filterBy": [f"clusterId=={here.id}"]}
    first, row = lines(admin, groupBy="Cluster", **narrow)
    found = dict(zip(first, row, strict=True))
    assert (found["gpus"], found["gpus_allocated"], found["cpu_cores"]) == ("6", "2.5", "16.0")
    assert found["cpu_cores_allocated"] == "", "nobody reported it, so there is no number"
    first, row = lines(admin, groupBy="Nodepool", **narrow)
    assert dict(zip(first, row, strict=True))["node_pool"] == "default"


@pytest.mark.clause("authz.hidden-in-lists")
def test_a_report_is_of_the_scopes_of_whoever_asks_and_seen_by_few(place: Site) -> None:
    server, here = place.server, site(place.server)
    here.heard()
    mine, other = here.project(), here.project()
    for project in (mine, other):
        allocate(server, ScopeType.PROJECT, project["id"], 1)
    owner = person(server, f"{fresh('o')}@example.com", (DEPARTMENT_ADMINISTRATOR, here.scope(mine)))
    narrow = {"filterBy": [f"clusterId=={here.id}"]}
    assert [row[3] for row in lines(owner, **narrow)[1:]] == [mine["name"]]
    assert {row[3] for row in lines(server.admin, **narrow)[1:]} == {mine["name"], other["name"]}
    report = ended(owner, asked(owner))
    address = f"{REPORTS}/{report['id']}"
    beside = person(server, f"{fresh('b')}@example.com", (DEPARTMENT_ADMINISTRATOR, here.scope(mine)))
    for path in (address, f"{address}/file"):
        refused = beside.get(path)
        assert refused.status_code == 404
        unknown = beside.get(path.replace(report["id"], "0198c0de-0000-7000-8000-00000000ffff"))
        assert refused.json()["message"].replace(report["id"], "") == unknown.json()["message"].replace(
            "0198c0de-0000-7000-8000-00000000ffff", ""
        )
    assert beside.delete(address).status_code == 404
    assert report["id"] not in beside.get(REPORTS).text
    assert {it["createdBy"] for it in ok(owner.get(REPORTS))["reports"]} == {report["createdBy"]}
    viewer = person(server, f"{fresh('v')}@example.com", (VIEWER, tenant_node()))
    assert viewer.get(f"{address}/file").status_code == 200
    refused = viewer.delete(address)
    assert refused.status_code == 403
    assert "settings:update" in refused.json()["message"]
    assert server.admin.delete(address).status_code == 204


def test_who_lost_a_scope_does_not_get_its_file(place: Site) -> None:
    server, here = place.server, site(place.server)
    first, second = here.project(), here.project()
    email = f"{fresh('l')}@example.com"
    owner = person(server, email, (DEPARTMENT_ADMINISTRATOR, here.scope(first)))
    held = rule(server, email, DEPARTMENT_ADMINISTRATOR, here.scope(second))
    owner = server.client(server.token(email, "harbour-velvet-copper-finch"))
    report = ended(owner, asked(owner))
    assert owner.get(f"{REPORTS}/{report['id']}/file").status_code == 200
    assert server.admin.delete(f"/api/v1/authorization/access-rules/{held}").status_code == 204
    refused = owner.get(f"{REPORTS}/{report['id']}/file")
    assert refused.status_code == 403
    assert "dashboards-consumption:read" in refused.json()["message"]
    assert ok(owner.get(f"{REPORTS}/{report['id']}"))["status"] == "Ready"


def test_another_tenant_has_other_reports(any_server: Server) -> None:
    report = asked(any_server.admin)
    tenant = second_tenant(any_server)

    def move(unit: Any) -> None:
        unit.execute(update(reports).where(reports.c.id == report["id"]).values(tenant_id=tenant))

    ended(any_server.admin, report)
    any_server.units.write(move)
    for path in ("", "/file"):
        assert any_server.admin.get(f"{REPORTS}/{report['id']}{path}").status_code == 404
    assert any_server.admin.delete(f"{REPORTS}/{report['id']}").status_code == 404
    assert report["id"] not in any_server.admin.get(REPORTS).text


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 1001}, "description"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2099-01-02T00:00:00Z"}, "later"),
        ({"groupBy": "Galaxy"}, "groupBy"),
        ({"filterBy": ["projectName=@x"]}, "=="),
        ({"filterBy": ["color==red"]}, "color"),
        ({"groupBy": "Cluster", "filterBy": ["projectName==x"]}, "projectName"),
    ],
)
def test_a_question_that_cannot_be_is_refused(server: Server, change: dict[str, Any], word: str) -> None:
    refused = server.admin.post(REPORTS, json={"name": "r", **SPAN, **change})
    assert refused.status_code == 400, refused.text
    assert word in refused.json()["message"]
    assert ok(server.admin.get(f"{REPORTS}/count", params={"filterBy": "name==r"})) == {"count": 0}


def test_there_is_no_file_before_the_report_is_ready(server: Server) -> None:
    report = ended(server.admin, asked(server.admin))

    def pending(unit: Any) -> None:
        values = {"status": "Processing", "content": None}
        unit.execute(update(reports).where(reports.c.id == report["id"]).values(**values))

    server.units.write(pending)
    refused = server.admin.get(f"{REPORTS}/{report['id']}/file")
    assert refused.status_code == 404
    assert "Processing" in refused.json()["message"]


def test_a_report_survives_a_restart(server: Server) -> None:
    """A job taken by a process that was killed is done by the next one when its lease has run out."""
    report = asked(server.admin)
    ended(server.admin, report)
    server.stop()

    def killed(unit: Any) -> None:
        from runplane.server.jobs.store import insert_job, lease_job

        values = {"status": "Processing", "content": None}
        unit.execute(update(reports).where(reports.c.id == report["id"]).values(**values))
        insert_job(unit, 1001, "report", {"reportId": report["id"]})
        assert lease_job(unit, ["report"]) is not None

    server.start()
    server.units.write(killed)
    assert ok(server.admin.get(f"{REPORTS}/{report['id']}"))["status"] == "Processing"
    server.clock.advance(61)
    assert ended(server.admin, report)["status"] == "Ready"


def test_a_system_administrator_of_nothing_else_sees_it_all(server: Server) -> None:
    report = asked(server.admin)
    second = person(server, f"{fresh('a')}@example.com", (SYSTEM_ADMINISTRATOR, tenant_node()))
    assert ok(second.get(f"{REPORTS}/{report['id']}"))["name"] == report["name"]
