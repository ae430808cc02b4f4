"""/v1/k8s/users, /groups and /apps: flat roles are access rules, both ways, and nobody rises through them."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from runplane.server.api.legacy_k8s.flat_roles import ROLE_IDS, Flat, FlatIn, read_flat
from runplane.server.core.errors import Invalid
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    EDITOR,
    L1,
    RULES,
    SYSTEM_ADMINISTRATOR,
    VIEWER,
    body,
    organization,
    person,
    rule,
    second_tenant,
    tenant_node,
    user,
)
from support.server import ADMIN_EMAIL, Server
from support.units import ok, site

USERS, GROUPS, APPS = "/v1/k8s/users", "/v1/k8s/groups", "/v1/k8s/apps"
PASSWORD = "harbour-velvet-copper-finch"
EVERYWHERE = {"permitAllClusters": True}


def address() -> str:
    return f"p{uuid4().hex}@example.com"


def make_user(server: Server, roles: list[str], **more: Any) -> dict[str, Any]:
    given = {"email": address(), "password": PASSWORD, "roles": roles, **EVERYWHERE, **more}
    return ok(server.admin.post(USERS, json=given))


def make_group(server: Server, roles: list[str], **more: Any) -> dict[str, Any]:
    given = {"name": f"Group {uuid4().hex}", "roles": roles, **EVERYWHERE, **more}
    return ok(server.admin.post(GROUPS, json=given))


def make_app(server: Server, roles: list[str], **more: Any) -> dict[str, Any]:
    given = {"name": f"app-{uuid4().hex}", "roles": roles, **EVERYWHERE, **more}
    return ok(server.admin.post(APPS, json=given))


def rules_of(server: Server, subject: str) -> set[tuple[int, str, str]]:
    """Role, scope type and scope id of every live rule of a subject, from the newer address."""
    listed = ok(server.admin.get(RULES, params={"filterBy": f"subjectId=={subject}"}))["accessRules"]
    return {(it["roleId"], it["scopeType"], it["scopeId"]) for it in listed}


def test_words_are_read_and_unknown_ones_refused() -> None:
    given = FlatIn(roles=["Administrator", "viewer", "admin"], permit_all_clusters=True)
    assert read_flat(given) == Flat(("admin", "viewer"), True)
    assert read_flat(FlatIn(roles=[], permit_all_clusters=True)) == Flat()
    with pytest.raises(Invalid, match="use one of admin, editor"):
        read_flat(FlatIn(roles=["root"], permit_all_clusters=True))
    with pytest.raises(Invalid, match="where the roles hold"):
        read_flat(FlatIn(roles=["viewer"]))


def test_user_comes_with_rules(any_server: Server) -> None:
    made = make_user(any_server, ["research_manager", "viewer"])
    assert made == {
        "userId": made["userId"],
        "username": made["email"],
        "email": made["email"],
        "entityType": "regular-user",
        "tenantId": 1001,
        "roles": ["research_manager", "viewer"],
        "permitAllClusters": True,
        "permittedClusters": [],
        "createdBy": ADMIN_EMAIL,
        "createdAt": made["createdAt"],
        "lastLogin": None,
    }
    assert rules_of(any_server, made["email"]) == {(4, "tenant", "1001"), (VIEWER, "tenant", "1001")}
    assert ok(any_server.admin.get(f"{USERS}/{made['userId']}")) == made
    assert ok(any_server.admin.get(f"{USERS}/{made['userId']}/roles")) == made["roles"]
    assert made in ok(any_server.admin.get(USERS))


def test_rules_made_elsewhere_are_shown_in_words(server: Server) -> None:
    place = organization(server)
    email = address()
    user_id = user(server, email)
    ok(server.admin.post(RULES, json=body(email, DEPARTMENT_ADMINISTRATOR, place.cluster)), 201)
    # a rule below a cluster has no word here, but that of a researcher in a project
    ok(server.admin.post(RULES, json=body(email, VIEWER, place.inner)), 201)
    shown = ok(server.admin.get(f"{USERS}/{user_id}"))
    assert shown["roles"] == ["department_admin"]
    assert shown["permitAllClusters"] is False
    assert shown["permittedClusters"] == [place.cluster.ref]


def test_researchers_work_in_the_projects_that_list_them_and_in_no_other(any_server: Server) -> None:
    place = site(any_server)
    made = make_user(any_server, ["researcher"], needToChangePassword=False)
    assert (made["roles"], made["permitAllClusters"]) == (["researcher"], True)
    assert rules_of(any_server, made["email"]) == set()
    client = any_server.client(any_server.token(made["email"], PASSWORD))
    assert client.get("/api/v1/org-unit/projects").status_code == 403
    given = {"name": f"p{uuid4().hex[:8]}", "departmentId": int(place.default["id"])}
    project = ok(
        any_server.admin.post(
            f"/v1/k8s/clusters/{place.id}/projects",
            json={**given, "permissions": {"users": [made["userId"]]}},
        )
    )
    other = place.project()
    seen = [it["id"] for it in ok(client.get("/api/v1/org-unit/projects"))["projects"]]
    assert seen == [str(project["id"])]
    assert client.get(f"/api/v1/org-unit/projects/{other['id']}").status_code == 404
    shown = ok(any_server.admin.get(f"{USERS}/{made['userId']}"))
    assert (shown["roles"], shown["permittedClusters"]) == (["researcher"], [place.id])
    # the word by itself neither gives nor takes: the project decides
    ok(any_server.admin.put(f"{USERS}/{made['userId']}", json={"roles": ["viewer"], **EVERYWHERE}))
    below = (L1, "project", str(project["id"]))
    assert rules_of(any_server, made["email"]) == {(VIEWER, "tenant", "1001"), below}


def test_a_researcher_of_the_whole_tenant_is_made_elsewhere_and_kept(server: Server) -> None:
    made = make_user(server, ["viewer"])
    rule(server, made["email"], L1, tenant_node())
    wanted = {"roles": ["researcher"], **EVERYWHERE}
    assert ok(server.admin.put(f"{USERS}/{made['userId']}", json=wanted))["roles"] == ["researcher"]
    assert rules_of(server, made["email"]) == {(L1, "tenant", "1001")}
    ok(server.admin.put(f"{USERS}/{made['userId']}", json={"roles": ["viewer"], **EVERYWHERE}))
    assert rules_of(server, made["email"]) == {(VIEWER, "tenant", "1001")}


@pytest.mark.parametrize("make", ["user", "group", "app"])
def test_researchers_of_each_kind_are_answered_as_asked(server: Server, make: str) -> None:
    makers = {"user": make_user, "group": make_group, "app": make_app}
    made = makers[make](server, ["researcher"])
    assert (made["roles"], made["permitAllClusters"]) == (["researcher"], True)
    wrong = {"user": USERS, "group": GROUPS, "app": APPS}[make]
    given = {"name": f"x{uuid4().hex}", "email": address(), "password": PASSWORD, "roles": ["researcher"]}
    answer = server.admin.post(wrong, json={**given, "permittedClusters": [str(uuid4())]})
    assert answer.status_code == 404, answer.text


def test_change_replaces_and_keeps_what_has_no_word(server: Server) -> None:
    place = organization(server)
    made = make_user(server, ["editor"])
    rule(server, made["email"], EDITOR, place.inner)
    wanted = {"roles": ["viewer"], "permittedClusters": [place.cluster.ref]}
    changed = ok(server.admin.put(f"{USERS}/{made['userId']}", json=wanted))
    assert changed["roles"] == ["viewer"]
    assert changed["permittedClusters"] == [place.cluster.ref]
    below = (EDITOR, "project", place.inner.ref)
    assert rules_of(server, made["email"]) == {(VIEWER, "cluster", place.cluster.ref), below}
    emptied = ok(server.admin.put(f"{USERS}/{made['userId']}", json={"roles": []}))
    assert (emptied["roles"], emptied["permittedClusters"]) == ([], [])
    assert rules_of(server, made["email"]) == {below}


def test_what_is_sent_back_as_read_changes_nothing(server: Server) -> None:
    place = organization(server)
    made = make_user(server, ["viewer"])
    rule(server, made["email"], SYSTEM_ADMINISTRATOR, place.cluster)
    before = rules_of(server, made["email"])
    read = ok(server.admin.get(f"{USERS}/{made['userId']}"))
    assert read["roles"] == ["admin", "viewer"]
    ok(server.admin.put(f"{USERS}/{made['userId']}", json=read))
    assert rules_of(server, made["email"]) == before


@pytest.mark.parametrize("stays", [True, False])
def test_first_password(server: Server, stays: bool) -> None:
    made = make_user(server, ["viewer"], needToChangePassword=not stays)
    client = server.client(server.token(made["email"], PASSWORD))
    answer = client.get("/api/v1/clusters")
    assert answer.status_code == (200 if stays else 403), answer.text
    if not stays:
        changed = client.post(
            "/api/v1/me/password",
            json={"currentPassword": PASSWORD, "newPassword": "other-anchor-lime-drift"},
        )
        assert changed.status_code == 200, changed.text


def test_refusals_leave_no_user_behind(server: Server) -> None:
    good = {"email": address(), "password": PASSWORD, "roles": ["viewer"], **EVERYWHERE}
    nowhere = {"permitAllClusters": False, "permittedClusters": [str(uuid4())]}
    for wrong, status in (
        ({"password": "short"}, 400),
        ({"roles": ["root"]}, 400),
        ({"permitAllClusters": False}, 400),
        (nowhere, 404),
    ):
        answer = server.admin.post(USERS, json=good | wrong)
        assert answer.status_code == status, answer.text
    ok(server.admin.post(USERS, json=good))
    again = server.admin.post(USERS, json=good)
    assert again.status_code == 409
    assert "already exists" in again.json()["message"]
    moved = server.admin.put(f"{USERS}/{make_user(server, [])['userId']}", json={**good, "roles": []})
    assert moved.status_code == 400


def test_nobody_gives_more_than_they_hold(server: Server) -> None:
    place = organization(server)
    boss = person(server, address(), (DEPARTMENT_ADMINISTRATOR, place.cluster))
    given = {"email": address(), "password": PASSWORD, "roles": ["viewer"]}
    narrow = {"permittedClusters": [place.cluster.ref]}
    assert boss.post(USERS, json=given | EVERYWHERE).status_code == 403
    assert boss.post(USERS, json={**given, "roles": ["admin"], **narrow}).status_code == 403
    assert boss.post(GROUPS, json={"name": "g", "roles": ["admin"], **narrow}).status_code == 403
    outranking = make_user(server, ["admin"])
    assert boss.put(f"{USERS}/{outranking['userId']}", json={"roles": []}).status_code == 403
    assert boss.delete(f"{USERS}/{outranking['userId']}").status_code == 403
    assert rules_of(server, outranking["email"]) == {(SYSTEM_ADMINISTRATOR, "tenant", "1001")}


def test_last_administrator_stays(make_server: Any) -> None:
    alone = make_server()
    (me,) = ok(alone.admin.get(USERS))
    answer = alone.admin.put(f"{USERS}/{me['userId']}", json={"roles": []})
    assert answer.status_code == 409, answer.text
    assert ok(alone.admin.get(f"{USERS}/{me['userId']}"))["roles"] == ["admin"]


def test_user_list_is_narrowed(server: Server) -> None:
    mine = make_user(server, ["ml_engineer"])
    email = address()
    user(server, email)

    def emails(**query: Any) -> set[str]:
        return {it["email"] for it in ok(server.admin.get(USERS, params=query))}

    assert {mine["email"], email} <= emails(usersType="regular-user")
    assert emails(usersType="sso-user") == set()
    assert emails(roles="ml_engineer,research_manager") == {mine["email"]}
    found = emails(onlyCreatedByMe="true")
    assert mine["email"] in found
    assert email not in found
    assert server.admin.get(USERS, params={"usersType": "robot"}).status_code == 400


def test_deleted_user_is_gone(server: Server) -> None:
    made = make_user(server, ["viewer"])
    answer = server.admin.delete(f"{USERS}/{made['userId']}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert server.admin.get(f"{USERS}/{made['userId']}").status_code == 404
    assert rules_of(server, made["email"]) == set()


def test_roles_by_name(server: Server) -> None:
    assert ok(server.admin.get(f"{USERS}/roles")) == list(ROLE_IDS)


def test_group_lives_as_long_as_a_rule_names_it(any_server: Server) -> None:
    made = make_group(any_server, ["editor"])
    name = made["username"]
    assert made == {
        "userId": name,
        "username": name,
        "email": "",
        "entityType": "group",
        "tenantId": 1001,
        "roles": ["editor"],
        "permitAllClusters": True,
        "permittedClusters": [],
        "createdBy": ADMIN_EMAIL,
        "createdAt": made["createdAt"],
    }
    path = f"{GROUPS}/{name}"
    assert ok(any_server.admin.get(path)) == made
    assert made in ok(any_server.admin.get(GROUPS))
    again = any_server.admin.post(GROUPS, json={"name": name, "roles": ["viewer"], **EVERYWHERE})
    assert again.status_code == 409
    changed = ok(any_server.admin.put(path, json={"roles": ["viewer"], **EVERYWHERE}))
    assert changed["roles"] == ["viewer"]
    assert rules_of(any_server, name) == {(VIEWER, "tenant", "1001")}
    assert any_server.admin.delete(path).status_code == 200
    assert any_server.admin.get(path).status_code == 404
    assert rules_of(any_server, name) == set()


def test_group_without_a_role_is_no_group(server: Server) -> None:
    answer = server.admin.post(GROUPS, json={"name": "nobody", "roles": [], **EVERYWHERE})
    assert answer.status_code == 400
    made = make_group(server, ["viewer"])
    emptied = ok(server.admin.put(f"{GROUPS}/{made['username']}", json={"roles": []}))
    assert (emptied["roles"], emptied["permitAllClusters"]) == ([], False)
    assert server.admin.get(f"{GROUPS}/{made['username']}").status_code == 404


def test_group_is_seen_where_its_rules_are(server: Server) -> None:
    place = organization(server)
    boss = person(server, address(), (DEPARTMENT_ADMINISTRATOR, place.ours))
    far, near = f"far {uuid4().hex}", f"near {uuid4().hex}"
    rule(server, far, VIEWER, tenant_node(), kind="group")
    rule(server, near, VIEWER, place.inner, kind="group")
    assert {it["username"] for it in ok(boss.get(GROUPS))} == {near}
    assert boss.get(f"{GROUPS}/{far}").status_code == 404
    assert boss.delete(f"{GROUPS}/{far}").status_code == 404
    assert boss.delete(f"{GROUPS}/{near}").status_code == 200


def test_group_goes_whole_or_not_at_all(server: Server) -> None:
    place = organization(server)
    boss = person(server, address(), (DEPARTMENT_ADMINISTRATOR, place.ours))
    group = f"mixed {uuid4().hex}"
    rule(server, group, VIEWER, place.inner, kind="group")
    rule(server, group, SYSTEM_ADMINISTRATOR, place.inner, kind="group")
    before = rules_of(server, group)
    assert len(before) == 2
    assert boss.delete(f"{GROUPS}/{group}").status_code == 403
    assert rules_of(server, group) == before


def test_audit_names_the_roles_and_not_the_password(server: Server) -> None:
    made = make_user(server, ["viewer", "editor"])
    (row,) = server.audit(entity_id=made["userId"])
    assert "editor,viewer" in str(row)
    assert PASSWORD not in str(row)


def test_app_signs_in_with_its_secret_until_it_is_revoked(any_server: Server) -> None:
    made = make_app(any_server, ["viewer"])
    secret = made.pop("secret")
    assert set(made) == {
        *("userId", "clientId", "name", "entityType", "tenantId", "roles", "permitAllClusters"),
        *("permittedClusters", "revoked", "createdBy", "createdAt", "lastLogin"),
    }
    assert (made["roles"], made["permitAllClusters"], made["revoked"]) == (["viewer"], True, False)
    path = f"{APPS}/{made['clientId']}"
    assert ok(any_server.admin.get(path)) == made
    assert made in ok(any_server.admin.get(APPS))
    client = any_server.client(any_server.client_token(made["clientId"], secret))
    assert client.get("/api/v1/clusters").status_code == 200
    renewed = ok(any_server.admin.post(f"{path}/secret"))
    assert renewed["secret"] != secret
    with pytest.raises(httpx.HTTPStatusError):
        any_server.client_token(made["clientId"], secret)
    client = any_server.client(any_server.client_token(made["clientId"], renewed["secret"]))
    wanted = {"roles": ["editor"], "revoked": True, **EVERYWHERE}
    changed = ok(any_server.admin.put(path, json=wanted))
    assert (changed["roles"], changed["revoked"]) == (["editor"], True)
    assert client.get("/api/v1/clusters").status_code == 401
    assert any_server.admin.delete(path).status_code == 200
    assert any_server.admin.get(path).status_code == 404


def test_app_name_stays(server: Server) -> None:
    made = make_app(server, ["viewer"])
    answer = server.admin.put(f"{APPS}/{made['clientId']}", json={"name": "other", "roles": []})
    assert answer.status_code == 400
    assert ok(server.admin.get(f"{APPS}/{made['clientId']}"))["roles"] == ["viewer"]


def test_other_tenants_do_not_exist(server: Server) -> None:
    other = second_tenant(server, 1002)
    email, group = address(), f"theirs {uuid4().hex}"
    user_id = user(server, email, tenant=other)
    rule(server, group, VIEWER, tenant_node(other), kind="group", tenant=other)
    for path in (f"{USERS}/{user_id}", f"{USERS}/{user_id}/roles", f"{GROUPS}/{group}"):
        assert server.admin.get(path).status_code == 404
    assert email not in {it["email"] for it in ok(server.admin.get(USERS))}
    assert group not in {it["username"] for it in ok(server.admin.get(GROUPS))}


@pytest.mark.parametrize(
    ("path", "successor"),
    [(USERS, "/api/v1/users"), (GROUPS, RULES), (APPS, "/api/v1/service-accounts")],
)
def test_says_that_it_is_old(server: Server, path: str, successor: str) -> None:
    answer = server.admin.get(path)
    assert re.fullmatch(r"@\d+", answer.headers["deprecation"])
    assert f'<{successor}>; rel="successor-version"' in answer.headers["link"]
