"""What answers show, by place: lists hold what lies within reach, and callers are told their reach."""

from __future__ import annotations

from typing import Any

import pytest

from authz.oracle import above, holds
from authz.world import BOUND_AT, FIRST, FIRST_TENANT, PLACES, Persona, World, tenant_of

pytestmark = pytest.mark.slow

RULES = "/api/v1/authorization/access-rules"
# Read by all, by some, by one role; changed by some, by one; only ever read.
RESOURCES = ("project", "workspaces", "access_rules", "users", "branding-settings", "events-history", "nodes")
LIST_OF = {"tenant": "tenants", "cluster": "clusters", "department": "departments", "project": "projects"}


@pytest.fixture(scope="session")
def seeded(world: World) -> dict[int, str]:
    """One access rule at each place of both tenants: rule id → place."""
    return {
        world.add_rule("group", f"seeded-{number}", "Viewer", place): place
        for number, place in enumerate(PLACES)
        if place != "system"
    }


def callers(world: World) -> list[Persona]:
    return [it for it in world.personas if it.role is not None and not it.confined]


def test_a_list_of_rules_holds_those_within_reach(world: World, seeded: dict[int, str]) -> None:
    readers = [it for it in callers(world) if "access_rules:read" in world.permissions[it.role or ""]]
    assert {it.place for it in readers} == {*BOUND_AT, "system", "other tenant"}
    for persona in readers:
        answer = world.caller.send("GET", f"{RULES}?search=seeded-&limit=100", persona.token)
        found = {seeded[it["id"]] for it in answer.json["accessRules"]}
        # who is bound above every tenant still looks into one only
        own = {it for it in seeded.values() if tenant_of(it) == tenant_of(persona.place)}
        wanted = {place for place in own if persona.place in above(place)}
        assert found == wanted, str(persona)
        assert answer.json["totalRecords"] == len(wanted), str(persona)
        counted = world.caller.send("GET", f"{RULES}/count?search=seeded-", persona.token)
        assert counted.json == {"count": len(wanted)}, str(persona)


@pytest.mark.clause("authz.hidden-in-lists")
def test_no_filter_widens_a_list_of_rules(world: World, seeded: dict[int, str]) -> None:
    near = next(it for it in callers(world) if it.name == "Project administrator at project")
    everywhere = "search=seeded-&limit=100&includeDeleted=true"
    for extra in (
        "scopeType=tenant",
        "scopeId=1001",
        "filterBy=scopeType==tenant",
        "subjectIds=seeded-1",
        "",
    ):
        answer = world.caller.send("GET", f"{RULES}?{everywhere}&{extra}", near.token)
        assert answer.status == 200, answer.text
        assert {seeded[it["id"]] for it in answer.json["accessRules"]} <= {"project"}, extra


@pytest.mark.parametrize("resource", RESOURCES)
def test_callers_are_told_where_they_may_do_what(world: World, resource: str) -> None:
    for persona in callers(world):
        body = {"resourceType": resource}
        url = "/api/v1/authorization/permitted-scopes"
        told = world.caller.send("POST", url, persona.token, body).json
        for action in ("create", "read", "update", "delete"):
            permission = f"{resource}:{action}"
            held = holds(world.permissions, persona, permission, persona.place)
            wanted = _only(persona.place) if held else set[tuple[str, str]]()
            assert _flat(told[action]) == wanted, (str(persona), permission)


def _flat(scopes: dict[str, Any]) -> set[tuple[str, str]]:
    found = {(name, ref) for name in LIST_OF.values() for ref in scopes[name]}
    return found | {("system", "system")} if scopes["system"] else found


def _only(place: str) -> set[tuple[str, str]]:
    kind, ref, _ = PLACES[place]
    if kind == "system":
        # shown as the caller's tenant too: no other one is reached from here
        return {("system", "system"), ("tenants", str(FIRST_TENANT))}
    return {(LIST_OF[kind], ref)}


def test_permissions_are_those_of_the_role(world: World) -> None:
    for persona in callers(world):
        answer = world.caller.send("GET", "/api/v1/authorization/permissions", persona.token)
        told = {f"{it['resourceType']}:{action}" for it in answer.json for action in it["actions"]}
        assert told == world.permissions[persona.role or ""], str(persona)


def test_everybody_sees_its_own_rules_and_no_others(world: World) -> None:
    for persona in callers(world):
        answer = world.caller.send("GET", "/api/v1/authorization/me/access-rules?limit=100", persona.token)
        (rule,) = answer.json["accessRules"]["accessRules"]
        kind, ref, _ = PLACES[persona.place]
        shown = (rule["roleName"], rule["scopeType"], rule["scopeId"], rule["tenantId"])
        assert shown == (persona.role, kind, ref, tenant_of(persona.place))


def test_a_refusal_at_the_door_is_recorded_with_its_caller(world: World) -> None:
    somebody = next(it for it in world.personas if it.name == "service account without rules")
    decision = world.caller.send("GET", "/api/v1/users/count", somebody.token).json["decision"]["id"]
    rows = world.server.audit(http_status_code=403, http_method="GET", url="/api/v1/users/count")
    (row,) = (it for it in rows if decision in (it["metadata"] or ""))
    assert row["subject"].startswith(FIRST)
    assert (row["subject_type"], row["result"], row["tenant_id"]) == ("App", "Failed", FIRST_TENANT)
