"""Predefined roles, permissions and permission sets, against encodings that do not come from their table."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from runplane.server.authz import permissions as p
from runplane.server.authz.catalogue import (
    ROLES,
    SYSTEM_ADMINISTRATOR_ID,
    by_id,
    by_name,
    role_permissions,
    roles_granting,
)
from runplane.server.authz.permission_sets import PERMISSION_SETS, permission_set
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.ids import is_uuid

STABLE_IDS = {
    1: "System administrator",
    3: "Editor",
    4: "Research manager",
    5: "L1 researcher",
    6: "ML engineer",
    7: "Viewer",
    8: "L2 researcher",
    9: "Environment administrator",
    10: "Data source administrator",
    11: "Compute resource administrator",
    12: "Template administrator",
    13: "Department viewer",
    14: "Department administrator",
    15: "Department administrator (legacy)",
    16: "Credentials administrator",
    17: "Data volume administrator",
    18: "AI practitioner",
    19: "Project administrator",
    20: "Data and storage administrator",
}
CURRENT = {1, 3, 7, 13, 14, 18, 19, 20}

# A second encoding, by role and written from what each role is for: what it holds and what it must not.
HOLDS = {
    "System administrator": "cluster:delete cluster-config:read settings:update users:delete roles:create "
    "events-history:read access-keys:delete service-account:create network-topologies:update",
    "Editor": "department:create project:delete policies:update inferences:create access_rules:create "
    "users:read",
    "Research manager": "project:create access_rules:delete workspaces:create workloads:read jobs:read "
    "roles:read",
    "L1 researcher": "workloads:create jobs:delete workspaces:update templates:create credentials:create "
    "git-assets:create pvc-assets:delete project:read inferences:read",
    "ML engineer": "inferences:delete workloads:create credentials:create nodes:read workspaces:read",
    "Viewer": "nodes:read project:read workloads:read credentials:read cluster:read",
    "L2 researcher": "workspaces:create trainings:delete workloads:create environments:read credentials:read",
    "Environment administrator": "environments:create environments:delete workloads:read",
    "Data source administrator": "s3-assets:create cm-volume-assets:delete secret-volume-assets:update "
    "host-path-assets:create nfs-assets:read pvc-assets:create",
    "Compute resource administrator": "compute-resources:create compute-resources:delete",
    "Template administrator": "templates:create templates:update",
    "Department viewer": "department:read inferences:read workloads:read nodepools:read",
    "Department administrator": "project:create access_rules:create users:create apps:delete jobs:create "
    "service-account:create cluster:read department:read inferences:create",
    "Credentials administrator": "credentials:create credentials:delete",
    "Data volume administrator": "datavolumes:create datavolumes:delete",
    "AI practitioner": "inferences:create trainings:create workspaces:create registries:create project:read",
    "Project administrator": "access_rules:create policies:update datavolumes:create project:read roles:read",
    "Data and storage administrator": "storage-class-configuration:create datavolumes:create "
    "pvc-assets:create git-assets:delete dashboards-overview:read",
}
LACKS = {
    "Editor": "events-history:read roles:create users:create cluster:create settings:update access-keys:read",
    "Research manager": "inferences:create workloads:create users:read department:create apps:read",
    "L1 researcher": "access_rules:read project:create datavolumes:create inferences:create department:read",
    "ML engineer": "trainings:read workspaces:create access_rules:read",
    "Viewer": "access_rules:read users:read workloads:create cluster-config:read events-history:read",
    "L2 researcher": "environments:create dashboards-overview:read inferences:read department:read",
    "Environment administrator": "templates:create credentials:read nodes:read inferences:read",
    "Data source administrator": "datavolumes:create environments:create nodes:read",
    "Department viewer": "nodes:read network-topologies:read project:create",
    "Department administrator": "department:update cluster:create roles:create nodepools:create "
    "cluster-config:read events-history:read settings:update",
    "AI practitioner": "access_rules:read datavolumes:create policies:update branding-settings:read",
    "Project administrator": "users:read project:create department:create apps:create nodes:read",
    "Data and storage administrator": "policies:read credentials:create workspaces:create settings:update",
}


def held_by(name: str) -> frozenset[p.Permission]:
    role = by_name(name)
    assert role is not None, name
    return role.permissions


def test_ids_and_names_never_change() -> None:
    assert {it.id: it.name for it in ROLES} == STABLE_IDS
    assert [it.id for it in ROLES] == sorted(STABLE_IDS)
    assert {it.id for it in ROLES if not it.legacy} == CURRENT


@pytest.mark.parametrize("name", HOLDS)
def test_role_holds_what_it_is_for(name: str) -> None:
    assert {p.parse_permission(it) for it in HOLDS[name].split()} <= held_by(name)


@pytest.mark.parametrize("name", LACKS)
def test_role_lacks_what_is_not_its_business(name: str) -> None:
    assert not {p.parse_permission(it) for it in LACKS[name].split()} & held_by(name)


def test_system_administrator_holds_everything_that_exists() -> None:
    everything = frozenset(p.ALL_PERMISSIONS)
    assert role_permissions(SYSTEM_ADMINISTRATOR_ID) == everything
    for role in ROLES:
        assert role.permissions <= everything
        assert (role.permissions == everything) is (role.id == SYSTEM_ADMINISTRATOR_ID)


def test_no_role_grows_or_shrinks_unnoticed() -> None:
    # Counted when the table had been compared cell by cell with the digest, which may be absent here.
    counted = {
        1: 151, 3: 108, 4: 79, 5: 77, 6: 45, 7: 34, 8: 40, 9: 32, 10: 52, 11: 32, 12: 33, 13: 32, 14: 114,
        15: 114, 16: 33, 17: 33, 18: 78, 19: 98, 20: 56,
    }  # fmt: skip
    assert {it.id: len(it.permissions) for it in ROLES} == counted


def test_nobody_is_granted_sync() -> None:
    assert not [it for it in p.ALL_PERMISSIONS if it.action is p.Action.SYNC]


@pytest.mark.parametrize(
    "assignable",
    ["L1 researcher", "L2 researcher", "ML engineer", "Research manager", "Viewer", "AI practitioner"],
)
def test_department_administrator_holds_the_roles_it_is_meant_to_assign(assignable: str) -> None:
    assert held_by(assignable) <= held_by("Department administrator")


@pytest.mark.parametrize("beyond", ["System administrator", "Editor"])
def test_department_administrator_does_not_hold_the_roles_above_it(beyond: str) -> None:
    assert not held_by(beyond) <= held_by("Department administrator")


def test_whoever_may_write_may_read() -> None:
    for role in ROLES:
        for it in role.permissions:
            assert p.permission(p.READ, it.resource) in role.permissions, (role.name, it.text)


def test_every_role_sees_account_projects_and_clusters() -> None:
    for role in ROLES:
        assert {
            p.parse_permission(it) for it in ("tenant:read", "project:read", "cluster:read")
        } <= role.permissions


def test_matrix_equals_the_digest_of_the_product_pages(shared_reference: Path) -> None:
    digest = (shared_reference / "product-facts.md").read_text("utf-8")
    section = digest.partition("### 3.4")[2].partition("### 3.5")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line[:1] == "|"
    ]
    (_, *columns), _, *body = rows
    short = {
        "AIP": 18, "CR": 11, "CA": 16, "DS": 20, "DSo": 10, "DV": 17, "DA": 14, "DAL": 15, "DVw": 13, "ED": 3,
        "EN": 9, "L1": 5, "L2": 8, "ML": 6, "PA": 19, "RM": 4, "SA": 1, "TA": 12, "VW": 7,
    }  # fmt: skip
    resource = {
        "Departments": p.DEPARTMENT, "Event history": p.EVENTS_HISTORY, "Policies": p.POLICIES,
        "Projects": p.PROJECT, "Settings": p.SETTINGS, "Nodes": p.NODES, "Access rules": p.ACCESS_RULES,
        "Applications": p.APPS, "Roles": p.ROLES, "Service accounts": p.SERVICE_ACCOUNT, "Users": p.USERS,
        "Inferences": p.INFERENCES, "Trainings": p.TRAININGS, "Workloads": p.JOBS, "Workspaces": p.WORKSPACES,
        "Credentials": p.CREDENTIALS, "Data sources": p.S3_ASSETS, "Data volumes": p.DATA_VOLUMES,
        "Registries": p.REGISTRIES, "Templates": p.TEMPLATES, "Network topologies": p.NETWORK_TOPOLOGIES,
    }  # fmt: skip
    compared = 0
    for title, *cells in body:
        if title not in resource:
            continue
        for column, cell in zip(columns, cells, strict=True):
            actions = {it.action for it in role_permissions(short[column]) if it.resource is resource[title]}
            assert actions == {"X": set(resource[title].actions), "r": {p.READ}, ".": set()}[cell], (
                title,
                column,
            )
            compared += 1
    assert compared == len(resource) * len(short)


def test_resource_types_are_those_of_the_contract(shared_reference: Path) -> None:
    document = msgspec.json.decode((shared_reference / "openapi-1.224.json").read_bytes())
    schemas = document["components"]["schemas"]
    assert [it.name for it in p.RESOURCE_TYPES] == schemas["ResourceType"]["enum"]
    assert [it.value for it in p.Action] == schemas["Action"]["enum"]
    assert {it.value for it in p.Group} == set(schemas["ResourceTypeGroupId"]["enum"])


def test_permissions_are_one_object_each_and_read_back() -> None:
    assert len(p.RESOURCE_TYPES) == 43
    for it in p.ALL_PERMISSIONS:
        assert p.parse_permission(str(it)) is it
        assert p.permission(it.action, p.resource_type(it.resource.name)) is it


@pytest.mark.parametrize(
    "text", ["users", "users:", "users:sync", "nodes:create", "Users:read", "", "x:read"]
)
def test_text_that_is_no_permission_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no permission"):
        p.parse_permission(text)


def test_action_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid, match="nodes has no action 'create'; it has: read"):
        p.permission(p.CREATE, p.NODES)
    with pytest.raises(Invalid, match="no resource type"):
        p.resource_type("access-rules")


def test_presented_permissions_are_grouped_in_a_stable_order() -> None:
    held = [
        p.parse_permission(it) for it in ("users:update", "users:create", "access_rules:read", "tenant:read")
    ]
    assert msgspec.to_builtins(p.present_permissions(held)) == [
        {"resourceType": "tenant", "displayName": "Account", "groupId": "organization", "actions": ("read",)},
        {"resourceType": "users", "displayName": "Users", "groupId": "iam", "actions": ("create", "update")},
        {
            "resourceType": "access_rules",
            "displayName": "Access rules",
            "groupId": "iam",
            "actions": ("read",),
        },
    ]


def test_roles_are_found_by_id_and_by_name_in_any_case() -> None:
    assert by_id(7) is by_name(" VIEWER ")
    assert by_id(2) is None
    assert by_name("Researcher") is None
    with pytest.raises(NotFound, match="no predefined role 2"):
        role_permissions(2)


def test_roles_that_would_grant_are_named_current_ones_first() -> None:
    assert roles_granting(p.parse_permission("users:read")) == (
        "System administrator",
        "Editor",
        "Department administrator",
        "Department administrator (legacy)",
    )
    assert roles_granting(p.parse_permission("access_rules:create")) == (
        "System administrator",
        "Editor",
        "Department administrator",
        "Project administrator",
        "Research manager",
        "Department administrator (legacy)",
    )


@pytest.mark.parametrize(
    "text",
    ["cluster-config:read", "access-keys:read", "events-history:read", "roles:create", "settings:update"],
)
def test_what_only_the_system_administrator_may(text: str) -> None:
    assert roles_granting(p.parse_permission(text)) == ("System administrator",)


def test_kubernetes_names_are_valid_and_distinct() -> None:
    names = [it.kubernetes_role for it in ROLES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", it) for it in names)
    assert "ai-practitioner" in names


def test_permission_sets_reach_every_permission_that_exists() -> None:
    covered = {it for made in PERMISSION_SETS for it in made.permissions}
    assert covered == set(p.ALL_PERMISSIONS)
    assert {
        it.resource for made in PERMISSION_SETS if made.name.endswith("ReadAccess") for it in made.permissions
    } == (set(p.RESOURCE_TYPES) - {p.CLUSTER_CONFIG})


def test_permission_sets_read_or_edit() -> None:
    names = {it.name: it.permissions for it in PERMISSION_SETS}
    for name, held in names.items():
        assert name.endswith(("EditAccess", "ReadAccess"))
        if name.endswith("EditAccess"):
            assert names[name.replace("Edit", "Read")] < held
            assert any(it.action is p.DELETE for it in held)
        else:
            assert {it.action for it in held} == {p.READ}


@pytest.mark.parametrize(
    "name",
    [
        "workspaceEditAccess", "workloadReadAccess", "inferenceEditAccess", "templatesEditAccess",
        "nodesReadAccess", "clustersReadAccess", "dataAndStorageReadAccess", "settingsReadAccess",
        "accountReadAccess", "brandingSettingsReadAccess", "securitySettingsReadAccess",
    ],
)  # fmt: skip
def test_permission_set_names_known_from_scripts_exist(name: str) -> None:
    assert name in {it.name for it in PERMISSION_SETS}


def test_editing_a_workspace_includes_what_its_form_offers() -> None:
    (held,) = (it.permissions for it in PERMISSION_SETS if it.name == "workspaceEditAccess")
    needed = (
        "workspaces:delete workloads:read project:read cluster:read environments:read compute-resources:read"
    )
    assert {p.parse_permission(it) for it in needed.split()} <= held
    assert not {p.parse_permission(it) for it in ("workloads:create", "access_rules:read")} & held


def test_permission_set_ids_never_change() -> None:
    ids = [it.id for it in PERMISSION_SETS]
    assert len(set(ids)) == len(ids)
    assert all(is_uuid(it) for it in ids)
    (workspaces,) = (it for it in PERMISSION_SETS if it.name == "workspaceEditAccess")
    assert workspaces.id == "60bad54e-c61a-5afb-b776-76a7bc7949c9"
    assert permission_set(workspaces.id.upper()) is workspaces
    assert permission_set("00000000-0000-0000-0000-000000000000") is None
