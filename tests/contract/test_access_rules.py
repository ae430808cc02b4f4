"""Access rules over a real socket: shapes, who may do what, filters, batches, races."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runplane.server.authz import tree
from runplane.server.authz.store import insert_access_rule
from runplane.server.core.ids import new_id
from runplane.server.core.scope import ScopeType
from runplane.server.sql.unit import Unit
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    EDITOR,
    L1,
    PROJECT_ADMINISTRATOR,
    RULES,
    SYSTEM_ADMINISTRATOR,
    TENANT,
    VIEWER,
    body,
    organization,
    person,
    rule,
    rule_values,
    second_tenant,
    service_account,
    tenant_node,
    user,
)
from support.server import ADMIN_EMAIL, Server

REQUIRED = {
    "subjectId", "subjectType", "roleId", "scopeId", "scopeType", "roleName", "scopeName", "id", "createdAt",
    "updatedAt", "createdBy", "tenantId",
}  # fmt: skip


def test_a_rule_is_created_shown_and_deleted(any_server: Server) -> None:
    org = organization(any_server)
    answer = any_server.admin.post(RULES, json=body("Ann@Example.com", VIEWER, org.inner))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert set(made) >= REQUIRED
    assert made | {"createdAt": "", "updatedAt": ""} == {
        "id": made["id"],
        "subjectId": "Ann@Example.com",
        "subjectType": "user",
        "roleId": VIEWER,
        "roleName": "Viewer",
        "scopeId": org.inner.ref,
        "scopeType": "project",
        "scopeName": "inner",
        "clusterId": org.cluster.ref,
        "tenantId": 1001,
        "createdAt": "",
        "updatedAt": "",
        "deletedAt": None,
        "createdBy": ADMIN_EMAIL,
        "status": {"phase": "Ready", "message": "", "details": ""},
    }
    shown = any_server.admin.get(f"{RULES}/{made['id']}")
    assert shown.status_code == 200
    assert shown.json() == made | {"scopePath": f"runai/{org.cluster.name}/ours/inner"}
    gone = any_server.admin.delete(f"{RULES}/{made['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (
        any_server.admin.get(f"{RULES}/{made['id']}"),
        any_server.admin.delete(f"{RULES}/{made['id']}"),
    ):
        assert answer.status_code == 404
    kept = any_server.admin.get(RULES, params={"includeDeleted": "true", "scopeId": org.inner.ref}).json()
    assert [it["status"]["phase"] for it in kept["accessRules"]] == ["Deleting"]
    assert kept["accessRules"][0]["deletedAt"] is not None


def test_a_rule_at_the_tenant_has_no_cluster_and_takes_the_realms_name(server: Server) -> None:
    node = tree.Node("tenant", "runai", "runai", "/1001/")
    made = server.admin.post(RULES, json=body("tenant-wide@example.com", VIEWER, node)).json()
    assert "clusterId" not in made
    assert (made["scopeId"], made["scopeName"]) == ("1001", "runai")
    assert server.admin.get(f"{RULES}/{made['id']}").json()["scopePath"] == "runai"


def test_subjects_are_found_by_every_name_they_have(server: Server) -> None:
    org = organization(server)
    user_id = user(server, "Known@Example.com")
    row_id, client_id = service_account(server, "known-robot")
    asked = [
        ("known@example.COM", "user", "Known@Example.com"),
        (user_id, "user", "Known@Example.com"),
        ("known-robot", "app", "known-robot"),
        (client_id, "service-account", "known-robot"),
        (row_id, "service-account", "known-robot"),
        ("cn=Team,dc=example", "group", "cn=Team,dc=example"),
    ]
    for (given, kind, shown), role in zip(asked, (L1, VIEWER, L1, VIEWER, EDITOR, VIEWER), strict=True):
        answer = server.admin.post(RULES, json=body(given, role, org.ours, kind))
        assert answer.status_code == 201, answer.text
        assert (answer.json()["subjectId"], answer.json()["subjectType"]) == (shown, kind)


@pytest.mark.parametrize(
    ("given", "kind", "status", "sentence"),
    [
        ("0190f0c1-0000-7000-8000-000000000001", "user", 404, "There is no user"),
        ("bob", "user", 400, "e-mail address"),
        ("nobody", "app", 404, "There is no service account 'nobody'"),
        ("0190f0c1-0000-7000-8000-000000000002", "service-account", 404, "There is no service account"),
        ("", "group", 400, "subjectId"),
        ("x", "robot", 400, "subjectType"),
    ],
)
def test_unknown_subjects_are_named(
    server: Server, given: str, kind: str, status: int, sentence: str
) -> None:
    answer = server.admin.post(RULES, json=body(given, VIEWER, tenant_node(), kind))
    assert answer.status_code == status
    assert sentence in answer.json()["message"]


def test_what_a_rule_refers_to_must_exist(server: Server) -> None:
    org = organization(server)
    good = body("refers@example.com", VIEWER, org.inner)
    for change, status, sentence in [
        ({"roleId": 99999}, 404, "no role '99999'"),
        ({"roleId": 2**31}, 400, "roleId"),
        ({"roleId": "7"}, 400, "roleId"),
        ({"scopeId": "9999999"}, 404, "There is no project '9999999'"),
        ({"scopeType": "galaxy"}, 400, "scopeType"),
        ({"scopeId": "1002", "scopeType": "tenant"}, 404, "There is no tenant '1002'"),
        ({"clusterId": new_id()}, 400, "does not belong to the cluster"),
    ]:
        answer = server.admin.post(RULES, json=good | change)
        assert (answer.status_code, sentence in answer.json()["message"]) == (status, True), answer.text
    assert server.admin.post(RULES, json=good | {"clusterId": org.cluster.ref.upper()}).status_code == 201


def test_a_second_equal_rule_is_refused_until_the_first_is_gone(any_server: Server) -> None:
    org = organization(any_server)
    wanted = body("twice@example.com", VIEWER, org.inner)
    first = any_server.admin.post(RULES, json=wanted).json()["id"]
    again = any_server.admin.post(RULES, json=wanted | {"subjectId": "TWICE@example.com"})
    assert (again.status_code, "already exists" in again.json()["message"]) == (409, True)
    assert any_server.admin.delete(f"{RULES}/{first}").status_code == 204
    assert any_server.admin.post(RULES, json=wanted).status_code == 201


def test_of_equal_rules_created_at_once_one_is_stored(any_server: Server) -> None:
    org = organization(any_server)
    any_server.admin.get(RULES)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: any_server.admin.post(RULES, json=body("race@example.com", VIEWER, org.far)),
                "12345678",
            )
        )
    assert sorted(it.status_code for it in answers) == [201] + [409] * 7


@pytest.mark.clause("authz.no-more-than-held")
def test_nobody_grants_more_than_they_hold(server: Server) -> None:
    org = organization(server)
    chief = person(server, "chief@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    allowed = chief.post(RULES, json=body("staff@example.com", PROJECT_ADMINISTRATOR, org.inner))
    assert allowed.status_code == 201, allowed.text
    for role in (SYSTEM_ADMINISTRATOR, EDITOR):
        refused = chief.post(RULES, json=body("chief@example.com", role, org.ours))
        assert refused.status_code == 403
        assert "more than they hold" in refused.json()["message"]
        assert "roles:create" in refused.json()["missingPermissions"] or role == EDITOR
    above = chief.post(RULES, json=body("chief@example.com", VIEWER, tenant_node()))
    assert above.status_code == 403
    assert above.json()["decision"]["permission"] == "access_rules:create"
    beside = chief.post(RULES, json=body("chief@example.com", VIEWER, org.theirs))
    nowhere = chief.post(RULES, json=body("chief@example.com", VIEWER, org.theirs) | {"scopeId": "8888888"})
    assert (beside.status_code, nowhere.status_code) == (404, 404)
    assert beside.json()["message"].replace(org.theirs.ref, "8888888") == nowhere.json()["message"]


@pytest.mark.clause("authz.no-more-than-held")
def test_the_system_scope_is_for_its_holders(server: Server) -> None:
    refused = server.admin.post(RULES, json=body("op@example.com", VIEWER, tree.SYSTEM))
    assert refused.status_code == 403
    rule(server, "operator@example.com", SYSTEM_ADMINISTRATOR, tree.SYSTEM)
    operator = person(server, "operator@example.com")
    made = operator.post(RULES, json=body("op@example.com", VIEWER, tree.SYSTEM))
    assert made.status_code == 201, made.text
    path = f"{RULES}/{made.json()['id']}"
    assert operator.get(path).json()["scopePath"] is None
    assert server.admin.get(path).status_code == 404
    assert server.admin.delete(path).status_code == 404
    listed = server.admin.get(RULES, params={"scopeType": "system"}).json()
    assert listed["totalRecords"] == 0
    assert operator.delete(path).status_code == 204


def test_rules_of_other_scopes_do_not_exist(server: Server) -> None:
    org = organization(server)
    inside = rule(server, "in@example.com", VIEWER, org.inner)
    outside = rule(server, "out@example.com", VIEWER, org.far)
    above = rule(server, "up@example.com", VIEWER, org.cluster)
    chief = person(server, "chief2@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    listed = chief.get(RULES, params={"limit": 500}).json()
    assert inside in [it["id"] for it in listed["accessRules"]]
    assert {it["scopeId"] for it in listed["accessRules"]} <= {org.ours.ref, org.inner.ref, org.other.ref}
    assert chief.get(f"{RULES}/count").json() == {"count": listed["totalRecords"]}
    for hidden in (outside, above):
        for answer in (chief.get(f"{RULES}/{hidden}"), chief.delete(f"{RULES}/{hidden}")):
            assert answer.status_code == 404
            assert answer.json()["message"] == f"There is no access rule '{hidden}' that you can see."
    assert chief.get(f"{RULES}/99999999").json()["message"].startswith("There is no access rule '99999999'")
    nobody = person(server, "nobody2@example.com", (L1, org.ours))
    assert nobody.get(RULES).status_code == 403


def test_rules_of_other_tenants_do_not_exist(server: Server) -> None:
    other = second_tenant(server)
    org = organization(server, other)
    hidden = rule(server, "foreign@example.com", VIEWER, org.inner, tenant=other)
    assert server.admin.get(f"{RULES}/{hidden}").status_code == 404
    assert server.admin.delete(f"{RULES}/{hidden}").status_code == 404
    assert server.admin.get(RULES, params={"search": "foreign@"}).json()["totalRecords"] == 0
    assert server.admin.post(RULES, json=body("a@example.com", VIEWER, org.inner)).status_code == 404
    batch = server.admin.post(f"{RULES}/batch", json={"ids": [hidden], "action": "delete"}).json()
    assert (batch["succeeded"], batch["failed"][0]["code"]) == ([], 404)
    # not even for whoever operates the whole system: one acts in one's own tenant
    rule(server, "all-over@example.com", SYSTEM_ADMINISTRATOR, tree.SYSTEM)
    operator = person(server, "all-over@example.com")
    assert operator.get(RULES).json()["totalRecords"] > 0
    assert operator.get(RULES, params={"search": "foreign@"}).json()["totalRecords"] == 0
    assert operator.get(f"{RULES}/{hidden}").status_code == 404
    assert operator.delete(f"{RULES}/{hidden}").status_code == 404
    assert operator.post(RULES, json=body("a@example.com", VIEWER, org.inner)).status_code == 404


def test_deleting_asks_for_all_the_role_grants(server: Server) -> None:
    org = organization(server)
    chief = person(server, "chief3@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    bigger = rule(server, "bigger@example.com", SYSTEM_ADMINISTRATOR, org.ours)
    equal = rule(server, "equal@example.com", DEPARTMENT_ADMINISTRATOR, org.ours)
    refused = chief.delete(f"{RULES}/{bigger}")
    assert (refused.status_code, "more than they hold" in refused.json()["message"]) == (403, True)
    assert chief.delete(f"{RULES}/{equal}").status_code == 204


def test_a_rule_takes_effect_with_the_answer(any_server: Server) -> None:
    org = organization(any_server)
    late = person(any_server, "late@example.com")
    assert late.get(RULES).status_code == 403
    wanted = body("late@example.com", DEPARTMENT_ADMINISTRATOR, org.ours)
    made = any_server.admin.post(RULES, json=wanted).json()["id"]
    assert late.get(RULES).json()["totalRecords"] == 1
    assert any_server.admin.delete(f"{RULES}/{made}").status_code == 204
    assert late.get(RULES).status_code == 403


@pytest.mark.clause("authz.last-administrator")
def test_the_last_administrator_stays(make_server: object) -> None:
    alone: Server = make_server()  # type: ignore[operator]
    first = alone.admin.get(RULES).json()["accessRules"][0]["id"]
    for answer in (
        alone.admin.delete(f"{RULES}/{first}"),
        alone.admin.post(f"{RULES}/batch", json={"ids": [first], "action": "validate_delete"}),
    ):
        code = answer.status_code if answer.status_code != 200 else answer.json()["failed"][0]["code"]
        assert code == 409
    person(alone, "second@example.com", (SYSTEM_ADMINISTRATOR, tenant_node()))
    assert alone.admin.delete(f"{RULES}/{first}").status_code == 204


def test_changes_are_audited(server: Server) -> None:
    org = organization(server)
    made = server.admin.post(RULES, json=body("audited@example.com", VIEWER, org.inner)).json()["id"]
    server.admin.delete(f"{RULES}/{made}")
    rows = server.audit(entity_type="access-rule", entity_id=str(made))
    assert [(it["action"], it["result"], it["subject"]) for it in rows] == [
        ("create", "Succeeded", ADMIN_EMAIL),
        ("delete", "Succeeded", ADMIN_EMAIL),
    ]
    assert rows[0]["entity_name"] == "audited@example.com is Viewer in project inner"


def test_moved_and_renamed_scopes_take_their_rules_along(server: Server) -> None:
    org = organization(server)
    made = rule(server, "moved@example.com", VIEWER, org.inner)
    chief = person(server, "chief4@example.com", (DEPARTMENT_ADMINISTRATOR, org.theirs))
    assert chief.get(f"{RULES}/{made}").status_code == 404

    def job(unit: object) -> None:
        tree.rename(unit, 1001, ScopeType.PROJECT, org.inner.ref, "renamed")  # type: ignore[arg-type]
        tree.move(unit, 1001, ScopeType.PROJECT, org.inner.ref, org.theirs.path)  # type: ignore[arg-type]

    server.units.write(job)
    shown = chief.get(f"{RULES}/{made}").json()
    assert shown["scopePath"] == f"runai/{org.cluster.name}/theirs/renamed"
    assert shown["scopeName"] == "renamed"


@pytest.mark.clause("authz.check-and-act")
def test_a_scope_stays_put_while_a_rule_on_it_is_made(any_server: Server) -> None:
    org = organization(any_server)
    held, moved = threading.Event(), threading.Event()

    def make(unit: Unit) -> int:
        node = tree.hold(unit, TENANT, ScopeType.PROJECT, org.inner.ref)
        assert node is not None
        held.set()
        # Were the scope not held, the move would be through by then, and the rule would keep the old path.
        moved.wait(0.3)
        return insert_access_rule(unit, rule_values(unit, "stays@example.com", VIEWER, node))

    def move(unit: Unit) -> None:
        tree.move(unit, TENANT, ScopeType.PROJECT, org.inner.ref, org.theirs.path)

    with ThreadPoolExecutor(2) as pool:
        making = pool.submit(any_server.units.write, make)
        assert held.wait(10)
        moving = pool.submit(any_server.units.write, move)
        moving.add_done_callback(lambda _: moved.set())
        moving.result()
        made = making.result()
    path = any_server.admin.get(f"{RULES}/{made}").json()["scopePath"]
    assert path == f"runai/{org.cluster.name}/theirs/inner"
