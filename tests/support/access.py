"""People, scopes and rules for tests of authorization, put straight into the database.

Each call makes objects of its own, so that tests of one server do not meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import insert

from runplane.server.authz import tree
from runplane.server.authz.catalogue import by_id
from runplane.server.authz.store import insert_access_rule
from runplane.server.core.ids import new_id
from runplane.server.core.scope import ScopeType, tenant_path
from runplane.server.identity.store import insert_user
from runplane.server.identity.tables import clients
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit
from support.server import Server

TENANT = 1001
PASSWORD = "harbour-velvet-copper-finch"

SYSTEM_ADMINISTRATOR, EDITOR, L1, VIEWER, DEPARTMENT_ADMINISTRATOR, PROJECT_ADMINISTRATOR = 1, 3, 5, 7, 14, 19
RULES = "/api/v1/authorization/access-rules"


@dataclass(frozen=True)
class Organization:
    """A cluster, departments `ours` (projects `inner` and `other`) and `theirs` (project `far`)."""

    cluster: tree.Node
    ours: tree.Node
    theirs: tree.Node
    inner: tree.Node
    other: tree.Node
    far: tree.Node


_numbers = iter(range(100, 100_000))


def organization(server: Server, tenant: int = TENANT) -> Organization:
    """A new organization in a tenant."""

    def job(unit: Unit) -> Organization:
        def add(kind: ScopeType, ref: str, name: str, parent: str) -> tree.Node:
            return tree.add(unit, tenant, kind, ref, name, parent)

        cluster = add(ScopeType.CLUSTER, new_id(), f"cluster-{next(_numbers)}", tenant_path(tenant))
        names = ("ours", "theirs")
        ours, theirs = (add(ScopeType.DEPARTMENT, str(next(_numbers)), it, cluster.path) for it in names)
        inner, other = (
            add(ScopeType.PROJECT, str(next(_numbers)), it, ours.path) for it in ("inner", "other")
        )
        far = add(ScopeType.PROJECT, str(next(_numbers)), "far", theirs.path)
        return Organization(cluster, ours, theirs, inner, other, far)

    return server.units.write(job)


def tenant_node(tenant: int = TENANT) -> tree.Node:
    """The scope of a tenant."""
    return tree.Node("tenant", str(tenant), "runai", tenant_path(tenant))


def second_tenant(server: Server, number: int = 1002) -> int:
    """Another tenant, beside the one the server serves."""

    def job(unit: Unit) -> None:
        values = {"id": number, "name": f"tenant-{number}", "created_at": unit.now, "version": 1}
        unit.execute(insert(tenants), values)
        tree.add_tenant(unit, number, f"tenant-{number}")

    server.units.write(job)
    return number


def rule_values(
    unit: Unit, subject: str, role: int, node: tree.Node, *, kind: str = "user", tenant: int = TENANT
) -> dict[str, Any]:
    """The columns of an access rule."""
    entry = by_id(role)
    parts = node.path.strip("/").split("/")
    return {
        "tenant_id": tenant,
        "subject_id": subject,
        "subject_type": kind,
        "subject_kind": kind,
        "subject_key": subject.lower() if kind == "user" else subject,
        "role_id": role,
        "role_name": entry.name if entry else f"role {role}",
        "scope_type": node.type,
        "scope_id": node.ref,
        "scope_name": node.name,
        "scope_path": node.path,
        "cluster_id": parts[1] if len(parts) > 1 else None,
        "created_at": unit.now,
        "updated_at": unit.now,
        "created_by": "test",
    }


def rule(
    server: Server, subject: str, role: int, node: tree.Node, *, kind: str = "user", tenant: int = TENANT
) -> int:
    """An access rule nobody was asked about; returns its id."""

    def job(unit: Unit) -> int:
        return insert_access_rule(unit, rule_values(unit, subject, role, node, kind=kind, tenant=tenant))

    return server.units.write(job)


def user(server: Server, email: str, *, tenant: int = TENANT, groups: str | None = None) -> str:
    """A local user with PASSWORD; returns its id. `groups` is a JSON array."""
    user_id = new_id()
    password_hash = server.app.identity.hasher.hash(PASSWORD)

    def job(unit: Unit) -> None:
        values: dict[str, Any] = {
            "id": user_id,
            "tenant_id": tenant,
            "email": email,
            "email_key": email.lower(),
            "is_local": True,
            "enabled": True,
            "created_by": "test",
            "created_at": unit.now,
            "updated_at": unit.now,
            "password_hash": password_hash,
            "groups": groups,
        }
        insert_user(unit, values)

    server.units.write(job)
    return user_id


def person(server: Server, email: str, *held: tuple[int, tree.Node]) -> httpx.Client:
    """A user who holds roles in scopes, signed in."""
    user(server, email)
    for role, node in held:
        rule(server, email, role, node)
    return server.client(server.token(email, PASSWORD))


def service_account(server: Server, name: str) -> tuple[str, str]:
    """A service account without a secret; returns its id and its client id."""
    row_id, client_id = new_id(), new_id()

    def job(unit: Unit) -> None:
        values = {
            "id": row_id,
            "tenant_id": TENANT,
            "kind": "service-account",
            "name": name,
            "client_id": client_id,
            "enabled": True,
            "created_by": "test",
            "created_at": unit.now,
            "updated_at": unit.now,
        }
        unit.execute(insert(clients), values)

    server.units.write(job)
    return row_id, client_id


def body(subject: str, role: int, node: tree.Node, subject_type: str = "user", **more: Any) -> dict[str, Any]:
    """The body that asks for a rule."""
    return {
        "subjectId": subject,
        "subjectType": subject_type,
        "roleId": role,
        "scopeId": node.ref,
        "scopeType": node.type,
        **more,
    }
