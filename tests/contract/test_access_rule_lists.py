"""Lists, counts and batches of access rules, and one's own."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from runplane.server.authz import tree
from runplane.server.authz.tables import access_rules
from runplane.server.core.ids import is_uuid
from runplane.server.core.scope import ScopeType
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    EDITOR,
    L1,
    PASSWORD,
    RULES,
    SYSTEM_ADMINISTRATOR,
    TENANT,
    VIEWER,
    body,
    organization,
    person,
    rule,
    tenant_node,
    user,
)
from support.runapy import models
from support.server import Server


@pytest.fixture
def several(server: Server) -> dict[str, int]:
    """Rules with different facts, by a word of theirs; only they hold scopes of this organization."""
    org = organization(server)
    made = {
        "org": int(org.ours.ref),
        "viewer": rule(server, f"Zoe{org.ours.ref}@example.com", VIEWER, org.ours),
        "editor": rule(server, f"zoe{org.ours.ref}@example.com", EDITOR, org.inner),
        "group": rule(server, f"team {org.ours.ref}", L1, org.other, kind="group"),
        "far": rule(server, f"max{org.ours.ref}@example.com", VIEWER, org.far),
    }
    server.cluster = org.cluster.ref  # type: ignore[attr-defined]

    def job(unit: object) -> None:
        query = update(access_rules).where(access_rules.c.id == made["viewer"])
        unit.execute(query.values(updated_at="2020-01-01T00:00:00.000Z"))  # type: ignore[attr-defined]

    server.units.write(job)
    return made


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["viewer", "editor", "group", "far"]),
        ({"subjectType": "group"}, ["group"]),
        ({"subjectType": "SubjectType.USER"}, ["viewer", "editor", "far"]),
        ({"subjectIdFilter": "ZOE"}, ["viewer", "editor"]),
        ({"subjectIds": "ZOE{org}@example.com,team {org}"}, ["viewer", "editor", "group"]),
        ({"scopeType": "department"}, ["viewer"]),
        ({"scopeId": "{org}"}, ["viewer"]),
        ({"roleId": str(VIEWER)}, ["viewer", "far"]),
        ({"lastUpdated": "2021-01-01T00:00:00Z"}, ["editor", "group", "far"]),
        ({"filterBy": "roleName==Viewer,scopeName=@ar"}, ["far"]),
        ({"filterBy": "subjectType!=user"}, ["group"]),
        ({"filterBy": "roleId>=5"}, ["viewer", "group", "far"]),
        ({"filterBy": "phase==Ready", "search": "team"}, ["group"]),
        ({"filterBy": "phase==NotReady"}, []),
        ({"sortBy": "roleName", "sortOrder": "desc"}, ["far", "viewer", "group", "editor"]),
        ({"sortBy": "subjectId", "limit": "2", "offset": "1"}, ["far", "group"]),
    ],
)
def test_lists_are_narrowed(
    server: Server, several: dict[str, int], params: dict[str, str], found: list[str]
) -> None:
    asked = {key: value.replace("{org}", str(several["org"])) for key, value in params.items()}
    asked["clusterId"] = server.cluster  # type: ignore[attr-defined]
    answer = server.admin.get(RULES, params=asked)
    assert answer.status_code == 200, answer.text
    listed = answer.json()
    ids = [it["id"] for it in listed["accessRules"]]
    wanted = [several[it] for it in found]
    assert ids == wanted if "sortBy" in params else sorted(ids) == sorted(wanted)
    assert listed["displayRecords"] == len(wanted)
    count = server.admin.get(f"{RULES}/count", params=asked).json()["count"]
    assert listed["totalRecords"] == count == (4 if "limit" in params else len(wanted))


@pytest.mark.parametrize(
    "params",
    [{"roleId": "x"}, {"lastUpdated": "soon"}, {"includeDeleted": "perhaps"}, {"subjectType": "robot"},
     {"filterBy": "secret==1"}, {"limit": "0"}, {"limit": "501"}, {"subjectIds": "a," * 300}],
)  # fmt: skip
def test_parameters_that_make_no_sense_are_refused(server: Server, params: dict[str, str]) -> None:
    assert server.admin.get(RULES, params=params).status_code == 400


def test_user_ids_find_the_users_rules(server: Server) -> None:
    user_id = user(server, "by-id@example.com")
    made = rule(server, "by-id@example.com", VIEWER, tenant_node())
    listed = server.admin.get(RULES, params={"subjectIds": user_id}).json()
    assert [it["id"] for it in listed["accessRules"]] == [made]


@pytest.mark.parametrize(
    "rule_id", ["abc", "-1", "99999999999", "1.5", "0190f0c1-0000-7000-8000-000000000003"]
)
def test_ids_that_are_no_numbers_name_nothing(server: Server, rule_id: str) -> None:
    assert server.admin.get(f"{RULES}/{rule_id}").status_code == 404
    assert server.admin.delete(f"{RULES}/{rule_id}").status_code == 404


def test_a_batch_deletes_what_it_may(any_server: Server) -> None:
    org = organization(any_server)
    chief = person(any_server, f"batch-{org.ours.ref}@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    mine = rule(any_server, "one@example.com", VIEWER, org.inner)
    bigger = rule(any_server, "two@example.com", SYSTEM_ADMINISTRATOR, org.inner)
    outside = rule(any_server, "three@example.com", VIEWER, org.far)
    asked = [str(mine), bigger, outside, "abc", mine]
    for action in ("validate_delete", "delete"):
        answer = chief.post(f"{RULES}/batch", json={"ids": asked, "action": action})
        assert answer.status_code == 200, answer.text
        result = answer.json()
        assert is_uuid(result["id"])
        assert result["succeeded"] == [str(mine)]
        assert [(it["id"], it["code"]) for it in result["failed"]] == [
            (str(bigger), 403),
            (str(outside), 404),
            ("abc", 404),
        ]
        assert all(it["message"] for it in result["failed"])
        still = any_server.admin.get(f"{RULES}/{mine}").status_code
        assert still == (200 if action == "validate_delete" else 404)


@pytest.mark.parametrize(
    "sent",
    [{"ids": [], "action": "delete"}, {"ids": ["1"]}, {"ids": ["1"], "action": "update"},
     {"ids": list(range(501)), "action": "delete"}, {"ids": [None], "action": "delete"}, {}],
)  # fmt: skip
def test_malformed_batches_are_refused(server: Server, sent: object) -> None:
    assert server.admin.post(f"{RULES}/batch", json=sent).status_code == 400


@pytest.mark.clause("authz.no-more-than-held")
def test_a_batch_creates_each_combination_it_may(any_server: Server) -> None:
    org = organization(any_server)
    chief = person(any_server, f"maker-{org.ours.ref}@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    rule(any_server, "old@example.com", VIEWER, org.inner)
    payload = {
        "roleId": VIEWER,
        "subjects": [
            {"subjectId": "old@example.com", "subjectType": "user"},
            {"subjectId": "crew", "subjectType": "group"},
        ],
        "scopes": [{"scopeId": it.ref, "scopeType": "project"} for it in (org.inner, org.other, org.far)],
    }
    answer = chief.post(f"{RULES}/batch-create", json={"payload": payload})
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert [(it["subjectId"], it["scopeName"]) for it in result["succeeded"]] == [
        ("old@example.com", "other"),
        ("crew", "inner"),
        ("crew", "other"),
    ]
    assert [
        (it["payload"]["subjectId"], it["payload"]["scopeId"], it["code"]) for it in result["failed"]
    ] == [
        ("old@example.com", org.inner.ref, 409),
        ("old@example.com", org.far.ref, 404),
        ("crew", org.far.ref, 404),
    ]
    listed = any_server.admin.get(RULES, params={"clusterId": org.cluster.ref}).json()
    assert listed["totalRecords"] == 5


@pytest.mark.clause("limits.sizes")
def test_batches_have_a_size(server: Server) -> None:
    subject = {"subjectId": "many@example.com", "subjectType": "user"}
    scope = {"scopeId": "1001", "scopeType": "tenant"}
    for subjects, scopes in ((0, 1), (1, 0), (11, 1), (1, 11)):
        sent = {"payload": {"roleId": VIEWER, "subjects": [subject] * subjects, "scopes": [scope] * scopes}}
        assert server.admin.post(f"{RULES}/batch-create", json=sent).status_code == 400


def test_ones_own_rules_come_through_groups_too(server: Server) -> None:
    org = organization(server)
    user(server, "me@example.com", groups='["my-crew", "my-club"]')
    for role, node in ((VIEWER, org.inner), (L1, org.other)):
        rule(server, "me@example.com", role, node)
    rule(server, "my-crew", EDITOR, org.far, kind="group")
    # a group, a person and a robot of one name are three subjects
    rule(server, "me@example.com", VIEWER, org.far, kind="group")
    rule(server, "my-club", VIEWER, org.far, kind="user")
    own = server.client(server.token("me@example.com", PASSWORD))
    answer = own.get("/api/v1/authorization/me/access-rules", params={"limit": 1})
    assert answer.status_code == 200, answer.text
    page = answer.json()["accessRules"]
    assert (page["totalRecords"], page["displayRecords"]) == (3, 1)
    assert set(page["accessRules"][0]) == {
        "id", "subjectId", "subjectType", "roleId", "roleName", "scopeId", "scopeType", "scopeName",
        "tenantId", "clusterId",
    }  # fmt: skip
    count = own.get("/api/v1/authorization/me/access-rules/count", params={"search": "viewer"})
    assert count.json() == {"count": 1}
    assert json.loads(server.client().get("/api/v1/authorization/me/access-rules").content)["code"] == 401


def test_the_official_clients_models_take_every_answer(server: Server) -> None:
    org = organization(server)
    made = server.admin.post(RULES, json=body("models@example.com", VIEWER, org.inner)).json()
    batch = {"ids": [str(made["id"]), "abc"], "action": "validate_delete"}
    subject = {"subjectId": "models@example.com", "subjectType": "user"}
    scopes = [{"scopeId": it.ref, "scopeType": it.type} for it in (org.inner, org.far)]
    several = {"payload": {"roleId": VIEWER, "subjects": [subject], "scopes": scopes}}
    created = server.admin.post(f"{RULES}/batch-create", json=several).json()
    asked = {"resourceType": "project"}
    base = "/api/v1/authorization"
    for model, answer in [
        (models.AccessRule, made),
        (models.AccessRuleById, server.admin.get(f"{RULES}/{made['id']}").json()),
        (models.AccessRuleDeletionBatchResponse, server.admin.post(f"{RULES}/batch", json=batch).json()),
        (models.AccessRulesBatchCreateResponse, created),
        (models.MeAccessRulesResponse, server.admin.get(f"{base}/me/access-rules").json()),
        (models.PermittedScopesActions, server.admin.post(f"{base}/permitted-scopes", json=asked).json()),
        (models.Permission, server.admin.get(f"{base}/permissions").json()[0]),
        (models.RoleV1, server.admin.get(f"{base}/roles/7").json()),
    ]:
        taken = model.from_dict(answer)
        assert taken is not None
        assert set(taken.to_dict()) >= set(answer) - {"deletedAt"}


def test_the_total_follows_whatever_makes_or_ends_rules(any_server: Server) -> None:
    admin = any_server.admin
    org = organization(any_server)

    def total() -> int:
        page = admin.get(RULES, params={"limit": 1}).json()
        assert page["totalRecords"] == admin.get(f"{RULES}/count").json()["count"]
        return page["totalRecords"]

    before = total()
    assert total() == before
    email = f"total{org.ours.ref}@example.com"
    user_id = user(any_server, email)
    made = [rule(any_server, email, VIEWER, node) for node in (org.ours, org.inner, org.far)]
    assert total() == before + 3
    assert admin.delete(f"{RULES}/{made[0]}").status_code == 204
    assert total() == before + 2
    any_server.units.write(lambda unit: tree.remove(unit, TENANT, ScopeType.PROJECT, org.far.ref, "test"))
    assert total() == before + 1
    assert admin.delete(f"/api/v1/users/{user_id}").status_code == 204
    assert total() == before
