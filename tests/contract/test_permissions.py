"""What a caller may do, as the caller is told: permissions, and the scopes they hold in."""

from __future__ import annotations

from typing import Any

import pytest

from runplane.server.authz import tree
from runplane.server.authz.catalogue import role_permissions
from runplane.server.authz.permissions import ALL_PERMISSIONS
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    L1,
    SYSTEM_ADMINISTRATOR,
    VIEWER,
    organization,
    person,
    rule,
    tenant_node,
)
from support.server import Server

PERMISSIONS = "/api/v1/authorization/permissions"
SCOPES = "/api/v1/authorization/permitted-scopes"
NOWHERE = {"system": False, "tenants": [], "clusters": [], "departments": [], "projects": []}


def flat(summary: list[dict[str, Any]]) -> set[str]:
    return {f"{it['resourceType']}:{action}" for it in summary for action in it["actions"]}


def test_the_summary_adds_up_over_rules(server: Server) -> None:
    org = organization(server)
    both = person(server, "adds-up@example.com", (VIEWER, org.inner), (L1, org.far))
    answer = both.get(PERMISSIONS)
    assert answer.status_code == 200
    assert flat(answer.json()) == {it.text for it in role_permissions(VIEWER) | role_permissions(L1)}
    assert set(answer.json()[0]) == {"resourceType", "displayName", "groupId", "actions"}
    assert person(server, "no-rules@example.com").get(PERMISSIONS).json() == []
    assert flat(server.admin.get(PERMISSIONS).json()) == {it.text for it in ALL_PERMISSIONS}


def test_permitted_scopes_are_the_topmost(any_server: Server) -> None:
    org = organization(any_server)
    held = ((DEPARTMENT_ADMINISTRATOR, org.ours), (VIEWER, org.inner), (VIEWER, org.far))
    chief = person(any_server, f"topmost{org.ours.ref}@example.com", *held)
    answer = chief.post(SCOPES, json={"resourceType": "project"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) == {"create", "read", "update", "delete"}
    assert found["create"] == NOWHERE | {"departments": [org.ours.ref]}
    assert found["read"] == NOWHERE | {"departments": [org.ours.ref], "projects": [org.far.ref]}
    one = chief.post(SCOPES, json={"resourceType": "project", "action": "read"}).json()
    assert one == dict.fromkeys(found, NOWHERE) | {"read": found["read"]}
    assert chief.post(SCOPES, json={"resourceType": "project", "action": None}).json() == found


def test_tenant_cluster_and_system(server: Server) -> None:
    org = organization(server)
    here = NOWHERE | {"tenants": ["1001"], "tenant": "1001"}
    assert server.admin.post(SCOPES, json={"resourceType": "users"}).json()["delete"] == here
    cluster = person(server, "cluster-viewer@example.com", (VIEWER, org.cluster))
    found = cluster.post(SCOPES, json={"resourceType": "cluster"}).json()
    assert (found["read"], found["update"]) == (NOWHERE | {"clusters": [org.cluster.ref]}, NOWHERE)
    rule(server, "scopes-operator@example.com", SYSTEM_ADMINISTRATOR, tree.SYSTEM)
    operator = person(server, "scopes-operator@example.com", (VIEWER, tenant_node()))
    assert operator.post(SCOPES, json={"resourceType": "users"}).json()["read"] == here | {"system": True}


def test_actions_that_do_not_exist_are_permitted_nowhere(server: Server) -> None:
    found = server.admin.post(SCOPES, json={"resourceType": "nodes"}).json()
    assert found["create"] == NOWHERE
    assert found["read"]["tenants"] == ["1001"]


@pytest.mark.parametrize(
    "sent", [{}, {"resourceType": "moon"}, {"resourceType": "users", "action": "sync"}, {"resourceType": 1}]
)
def test_questions_that_make_no_sense(server: Server, sent: dict[str, Any]) -> None:
    assert server.admin.post(SCOPES, json=sent).status_code == 400


def test_only_for_who_signed_in(server: Server) -> None:
    assert server.client().get(PERMISSIONS).status_code == 401
    assert server.client().post(SCOPES, json={"resourceType": "users"}).status_code == 401
    assert server.audit(url=SCOPES, action="create") == []
