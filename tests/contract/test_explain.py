"""Why something is allowed or refused: questions about now, and refusals looked up by their id."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update

from runplane.server.audit.tables import audit_log
from runplane.server.core.ids import new_id
from runplane.server.sql.unit import Unit
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    RULES,
    VIEWER,
    body,
    organization,
    person,
    rule,
    service_account,
    tenant_node,
    user,
)
from support.server import Server

EXPLAIN = "/api/v1/authorization/explain"
DECISIONS = "/api/v1/authorization/decisions"


def question(action: str, resource: str, node: Any = None, **more: Any) -> dict[str, Any]:
    scope = {"scopeType": node.type, "scopeId": node.ref} if node else {}
    return {"action": action, "resourceType": resource, **scope, **more}


def test_what_is_allowed_names_its_rules(any_server: Server) -> None:
    org = organization(any_server)
    email = f"asks{org.ours.ref}@example.com"
    chief = person(any_server, email, (VIEWER, org.inner))
    rule_id = rule(any_server, email, DEPARTMENT_ADMINISTRATOR, org.ours)
    answer = chief.post(EXPLAIN, json=question("create", "project", org.inner))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    where = f"department {org.ours.ref}"
    assert told | {"rolesThatWouldGrant": []} == {
        "allowed": True,
        "message": f"You have project:create in project {org.inner.ref}: "
        f"as Department administrator in {where} (access rule {rule_id}).",
        "permission": "project:create",
        "scopePath": ["tenant runai", f"cluster {org.cluster.ref}", where, f"project {org.inner.ref}"],
        "grantedBy": [
            {
                "accessRuleId": rule_id,
                "roleName": "Department administrator",
                "scopeType": "department",
                "scopeId": org.ours.ref,
            }
        ],
        "rolesThatWouldGrant": [],
    }
    assert {"id": 14, "name": "Department administrator"} in told["rolesThatWouldGrant"]
    assert len(chief.post(EXPLAIN, json=question("read", "project", org.inner)).json()["grantedBy"]) == 2


def test_what_is_refused_says_where_it_is_held(server: Server) -> None:
    org = organization(server)
    viewer = person(server, "explains@example.com", (DEPARTMENT_ADMINISTRATOR, org.inner), (VIEWER, org.ours))
    told = viewer.post(EXPLAIN, json=question("create", "project", org.ours)).json()
    assert (told["allowed"], told["grantedBy"]) == (False, [])
    assert told["message"] == (
        f"You have no access rule that grants project:create in department {org.ours.ref}; "
        f"only in project {org.inner.ref}."
    )
    told = viewer.post(EXPLAIN, json=question("delete", "registries")).json()
    assert told["message"].endswith("only in project " + org.inner.ref + ".")
    told = viewer.post(EXPLAIN, json=question("update", "settings")).json()
    assert told["message"].endswith("in tenant runai, nor anywhere else.")


def test_who_holds_nothing_may_ask(server: Server) -> None:
    told = person(server, "holds-nothing@example.com").post(EXPLAIN, json=question("read", "users")).json()
    assert (told["allowed"], told["scopePath"]) == (False, ["tenant runai"])
    assert {"id": 1, "name": "System administrator"} in told["rolesThatWouldGrant"]


def test_explanations_agree_with_what_happens(server: Server) -> None:
    org = organization(server)
    chief = person(server, "agrees@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    for node in (org.ours, org.inner, tenant_node(), org.cluster):
        told = chief.post(EXPLAIN, json=question("create", "access_rules", node)).json()["allowed"]
        done = chief.post(RULES, json=body("agreed@example.com", VIEWER, node)).status_code
        assert done == (201 if told else 403)
    assert chief.post(EXPLAIN, json=question("read", "project", org.far)).status_code == 400


def test_others_are_explained_to_who_may_read_their_rules(server: Server) -> None:
    org = organization(server)
    user(server, "grouped@example.com", groups='["crew"]')
    rule(server, "crew", VIEWER, org.inner, kind="group")
    service_account(server, "asked-robot")
    asked = question("read", "project", org.inner, subjectId="Grouped@example.com")
    told = server.admin.post(EXPLAIN, json=asked).json()
    assert (told["allowed"], told["message"].startswith("grouped@example.com has project:read")) == (
        True,
        True,
    )
    robot = question("read", "project", org.inner, subjectId="asked-robot", subjectType="app")
    assert server.admin.post(EXPLAIN, json=robot).json()["allowed"] is False
    chief = person(server, "curious@example.com", (DEPARTMENT_ADMINISTRATOR, org.ours))
    refused = chief.post(EXPLAIN, json=asked)
    assert refused.status_code == 403
    assert refused.json()["decision"]["permission"] == "access_rules:read"
    own = question("read", "project", org.inner, subjectId="CURIOUS@example.com")
    assert chief.post(EXPLAIN, json=own).json()["allowed"] is True


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"action": "sync", "resourceType": "users"}, 400),
        ({"action": "create", "resourceType": "nodes"}, 400),
        ({"action": "read", "resourceType": "moon"}, 400),
        ({"action": "read", "resourceType": "users", "scopeType": "project"}, 400),
        ({"action": "read", "resourceType": "users", "scopeType": "project", "scopeId": "77777777"}, 400),
        ({"action": "read", "resourceType": "users", "subjectId": "nobody", "subjectType": "app"}, 400),
    ],
)
def test_questions_without_an_answer(server: Server, sent: dict[str, Any], status: int) -> None:
    assert server.admin.post(EXPLAIN, json=sent).status_code == status


def test_a_refusal_is_explained_by_its_id(any_server: Server) -> None:
    org = organization(any_server)
    email = f"refused{org.ours.ref}@example.com"
    chief = person(any_server, email, (DEPARTMENT_ADMINISTRATOR, org.ours))
    refused = chief.post(RULES, json=body("x@example.com", VIEWER, tenant_node()))
    decision = refused.json()["decision"]
    any_server.flush()
    answer = chief.get(f"{DECISIONS}/{decision['id']}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["allowed"], told["permission"]) == (False, "access_rules:create")
    assert (told["id"], told["subject"], told["subjectType"]) == (decision["id"], email, "user")
    assert (told["httpMethod"], told["url"]) == ("POST", RULES)
    assert told["scopePath"] == decision["scopePath"]
    seen = any_server.admin.get(f"{DECISIONS}/{decision['id']}").json()
    assert seen["message"].startswith(email)
    rule(any_server, email, DEPARTMENT_ADMINISTRATOR, tenant_node())
    assert chief.get(f"{DECISIONS}/{decision['id']}").json()["allowed"] is True


def test_a_refusal_is_explained_at_the_scope_it_recorded(server: Server) -> None:
    org = organization(server)
    chief = person(server, "scoped@example.com", (DEPARTMENT_ADMINISTRATOR, org.inner))
    refused = chief.post(RULES, json=body("x@example.com", VIEWER, org.ours)).json()["decision"]
    server.flush()

    def record_scope(unit: Unit) -> None:
        metadata = {
            "decisionId": refused["id"],
            "permission": refused["permission"],
            "scope": " / ".join(refused["scopePath"]),
        }
        mine = audit_log.c.metadata.like(f"%{refused['id']}%")
        unit.execute(update(audit_log).where(mine).values(metadata=json.dumps(metadata)))

    server.units.write(record_scope)
    told = chief.get(f"{DECISIONS}/{refused['id']}").json()
    assert (told["scopePath"], told["allowed"]) == (refused["scopePath"], False)
    rule(server, "scoped@example.com", DEPARTMENT_ADMINISTRATOR, org.ours)
    assert chief.get(f"{DECISIONS}/{refused['id']}").json()["allowed"] is True


def test_refusals_of_others_do_not_exist(server: Server) -> None:
    org = organization(server)
    first = person(server, "first-refused@example.com", (DEPARTMENT_ADMINISTRATOR, org.inner))
    other = person(server, "other-curious@example.com", (DEPARTMENT_ADMINISTRATOR, org.inner))
    refused = first.post(RULES, json=body("x@example.com", VIEWER, org.ours))
    decision = refused.json()["decision"]["id"]
    server.flush()
    assert first.get(f"{DECISIONS}/{decision}").status_code == 200
    hidden = [(other, decision), (first, new_id()), (first, "no-id"), (first, "f" * 8 + decision[8:])]
    for client, asked in hidden:
        assert client.get(f"{DECISIONS}/{asked}").status_code == 404
