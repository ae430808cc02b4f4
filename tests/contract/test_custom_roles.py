"""Custom roles: made from permission sets, by those who hold what is in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from runplane.server.authz.permission_sets import PERMISSION_SETS
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    RULES,
    body,
    organization,
    person,
    second_tenant,
    tenant_node,
)
from support.server import ADMIN_EMAIL, Server

ROLES = "/api/v2/authorization/roles"
SETS = "/api/v1/authorization/permission-sets"
IDS = {it.name: it.id for it in PERMISSION_SETS}


def draft(name: str, *sets: str, **more: Any) -> dict[str, Any]:
    chosen = [{"id": IDS[it], "name": it} for it in sets or ("projectsReadAccess",)]
    return {"name": name, "description": "Made by a test.", "permissionSets": chosen, **more}


def made(client: httpx.Client, name: str, *sets: str, **more: Any) -> dict[str, Any]:
    answer = client.post(ROLES, json=draft(name, *sets, **more))
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_role_is_made_changed_and_deleted(any_server: Server) -> None:
    role = made(any_server.admin, " Auditors ", "projectsReadAccess", "eventHistoryReadAccess")
    assert role["id"] >= 1000
    assert role | {"createdAt": "", "updatedAt": "", "permissions": []} == {
        "id": role["id"],
        "name": "Auditors",
        "description": "Made by a test.",
        "custom": True,
        "enabled": True,
        "effectiveEnabled": True,
        "permissions": [],
        "permissionSets": [
            {"id": IDS["projectsReadAccess"], "name": "projectsReadAccess"},
            {"id": IDS["eventHistoryReadAccess"], "name": "eventHistoryReadAccess"},
        ],
        "kubernetesPermissions": {"predefinedRole": None},
        "createdBy": ADMIN_EMAIL,
        "createdAt": "",
        "updatedAt": "",
        "deletedAt": None,
    }
    assert {it["resourceType"] for it in role["permissions"]} == {"project", "events-history"}
    path = f"{ROLES}/{role['id']}"
    assert any_server.admin.get(path).json() == role
    assert role in any_server.admin.get(ROLES).json()
    version_1 = {key: value for key, value in role.items() if key != "permissionSets"}
    assert any_server.admin.get(f"/api/v1/authorization/roles/{role['id']}").json() == version_1
    changed = any_server.admin.put(path, json=draft("Auditors 2", "usersReadAccess", enabled=False))
    assert changed.status_code == 200, changed.text
    assert changed.json() == any_server.admin.get(path).json()
    assert (changed.json()["name"], changed.json()["effectiveEnabled"]) == ("Auditors 2", False)
    assert changed.json()["createdAt"] == role["createdAt"]
    assert any_server.admin.delete(path).status_code == 204
    assert any_server.admin.get(path).status_code == 404
    rows = any_server.audit(entity_type="role", entity_id=str(role["id"]), result="Succeeded")
    assert [it["action"] for it in rows] == ["create", "update", "delete"]


def test_names_are_taken_whatever_their_case(server: Server) -> None:
    first = made(server.admin, "Taken")
    second = made(server.admin, "Free")
    for name in ("TAKEN", "viewer", " System administrator"):
        for answer in (
            server.admin.post(ROLES, json=draft(name)),
            server.admin.put(f"{ROLES}/{second['id']}", json=draft(name)),
        ):
            assert (answer.status_code, "already exists" in answer.json()["message"]) == (409, True)
    assert server.admin.put(f"{ROLES}/{first['id']}", json=draft("taken")).status_code == 200


def test_roles_made_at_once_get_ids_of_their_own(any_server: Server) -> None:
    any_server.admin.get(ROLES)
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda it: any_server.admin.post(ROLES, json=draft(f"Crowd {it % 4}")), range(6))
        )
    assert sorted(it.status_code for it in answers) == [201] * 4 + [409] * 2
    assert len({it.json()["id"] for it in answers if it.status_code == 201}) == 4


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"name": "  "}, 400, "needs a name"),
        ({"name": None}, 400, "name"),
        ({"permissionSets": []}, 400, "at least one permission set"),
        ({"permissionSets": [{"id": "nothing"}]}, 404, "There is no permission set 'nothing'"),
        ({"permissionSets": [{}]}, 404, "There is no permission set"),
        ({"kubernetesPermissions": {"predefinedRole": "1000"}}, 400, "no predefined role"),
    ],
)
def test_drafts_that_make_no_role(server: Server, change: dict[str, Any], status: int, sentence: str) -> None:
    answer = server.admin.post(ROLES, json=draft("Never") | change)
    assert (answer.status_code, sentence in answer.json()["message"]) == (status, True), answer.text


def test_a_set_may_be_named_instead(server: Server) -> None:
    role = server.admin.post(
        ROLES, json=draft("By name") | {"permissionSets": [{"name": "usersReadAccess"}]}
    ).json()
    assert role["permissionSets"] == [{"id": IDS["usersReadAccess"], "name": "usersReadAccess"}]


def test_predefined_roles_cannot_be_changed(server: Server) -> None:
    for answer in (server.admin.put(f"{ROLES}/7", json=draft("Mine")), server.admin.delete(f"{ROLES}/7")):
        assert (answer.status_code, "predefined" in answer.json()["message"]) == (403, True)


def test_a_role_grants_what_its_sets_hold_while_it_is_enabled(any_server: Server) -> None:
    org = organization(any_server)
    name = f"Keeper {org.ours.ref}"
    role = made(any_server.admin, name, "rolesReadAccess")
    keeper = person(any_server, f"keeper{org.ours.ref}@example.com")
    wanted = body(f"keeper{org.ours.ref}@example.com", role["id"], org.inner)
    rule = any_server.admin.post(RULES, json=wanted).json()
    assert rule["roleName"] == name
    assert keeper.get(ROLES).status_code == 200
    path = f"{ROLES}/{role['id']}"
    any_server.admin.put(path, json=draft(f"{name} two", "rolesReadAccess", enabled=False))
    assert keeper.get(ROLES).status_code == 403
    again = any_server.admin.post(RULES, json=body("x@example.com", role["id"], org.inner))
    assert (again.status_code, "disabled" in again.json()["message"]) == (400, True)
    any_server.admin.put(path, json=draft(f"{name} two", "usersReadAccess"))
    assert keeper.get(ROLES).status_code == 403
    any_server.admin.put(path, json=draft(f"{name} two", "rolesReadAccess"))
    assert keeper.get(ROLES).status_code == 200
    assert any_server.admin.get(f"{RULES}/{rule['id']}").json()["roleName"] == f"{name} two"
    used = any_server.admin.delete(path)
    assert (used.status_code, "in use by 1 access rule." in used.json()["message"]) == (409, True)
    any_server.admin.delete(f"{RULES}/{rule['id']}")
    assert any_server.admin.delete(path).status_code == 204
    assert made(any_server.admin, f"After {name}")["id"] > role["id"]


@pytest.mark.clause("authz.no-more-than-held")
def test_nobody_makes_a_role_of_more_than_they_hold(server: Server) -> None:
    org = organization(server)
    maker_role = made(
        server.admin, "Role makers", "rolesEditAccess", "projectsReadAccess", "accessRulesEditAccess"
    )
    maker = person(server, "maker@example.com")
    server.admin.post(RULES, json=body("maker@example.com", maker_role["id"], tenant_node()))
    own = made(maker, "Within", "projectsReadAccess")
    for sent in (
        draft("Beyond", "usersEditAccess"),
        draft("Beyond", "projectsReadAccess", kubernetesPermissions={"predefinedRole": "1"}),
    ):
        for answer in (maker.post(ROLES, json=sent), maker.put(f"{ROLES}/{own['id']}", json=sent)):
            assert answer.status_code == 403
            assert answer.json()["missingPermissions"]
    bigger = made(server.admin, "Bigger", "usersEditAccess")
    for answer in (
        maker.put(f"{ROLES}/{bigger['id']}", json=draft("Bigger", "projectsReadAccess")),
        maker.delete(f"{ROLES}/{bigger['id']}"),
        maker.post(RULES, json=body("maker@example.com", bigger["id"], org.inner)),
    ):
        assert (answer.status_code, "more than they hold" in answer.json()["message"]) == (403, True)


def test_rights_in_clusters_count_as_held(server: Server) -> None:
    org = organization(server)
    role = made(server.admin, "Cluster keys", kubernetesPermissions={"predefinedRole": "1"})
    assert role["kubernetesPermissions"] == {"predefinedRole": "1"}
    chief = person(server, "cluster-keys@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    refused = chief.post(RULES, json=body("cluster-keys@example.com", role["id"], org.inner))
    assert refused.status_code == 403


def test_making_roles_is_for_the_whole_tenant(server: Server) -> None:
    org = organization(server)
    chief = person(server, "role-chief@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    assert chief.get(ROLES).status_code == 200
    assert chief.post(ROLES, json=draft("Chiefs")).status_code == 403
    assert chief.put(f"{ROLES}/1000", json=draft("Chiefs")).status_code == 403


def test_roles_of_other_tenants_do_not_exist(server: Server) -> None:
    from sqlalchemy import insert

    from runplane.server.authz.tables import roles

    other = second_tenant(server)

    def job(unit: Any) -> None:
        values = {
            "id": 5000, "tenant_id": other, "name": "Foreign", "name_key": "foreign", "description": "",
            "enabled": True, "permission_sets": "[]", "created_by": "", "created_at": unit.now,
            "updated_at": unit.now,
        }  # fmt: skip
        unit.execute(insert(roles), values)

    server.units.write(job)
    for answer in (
        server.admin.get(f"{ROLES}/5000"),
        server.admin.put(f"{ROLES}/5000", json=draft("Mine now")),
        server.admin.delete(f"{ROLES}/5000"),
        server.admin.post(RULES, json=body("a@example.com", 5000, tenant_node())),
    ):
        assert answer.status_code == 404
    assert 5000 not in [it["id"] for it in server.admin.get(ROLES).json()]
    assert made(server.admin, "Foreign")["id"] > 5000


def test_permission_sets(server: Server) -> None:
    listed = server.admin.get(SETS).json()
    assert [it["name"] for it in listed] == [it.name for it in PERMISSION_SETS]
    for entry in (listed[0], listed[-1]):
        assert set(entry) == {"id", "name", "description", "permissions"}
        assert server.admin.get(f"{SETS}/{entry['id']}").json() == entry
    missing = server.admin.get(f"{SETS}/nothing")
    assert (missing.status_code, "'nothing'" in missing.json()["message"]) == (404, True)
    nobody = person(server, "no-sets@example.com")
    assert nobody.get(SETS).status_code == 403
