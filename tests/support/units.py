"""Clusters, departments and projects for tests, made through the API."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
from sqlalchemy import insert, update

from runplane.server.authz import tree
from runplane.server.core.clock import instant
from runplane.server.core.scope import ScopeType, child_path, tenant_path
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.settings.switches import FAMILY, LIMIT_PROJECTS
from runplane.server.organization.settings.tables import tenant_settings
from support.access import TENANT
from support.server import Server

DEPARTMENTS = "/api/v1/org-unit/departments"
PROJECTS = "/api/v1/org-unit/projects"

_numbers = count(1)


def fresh(prefix: str = "it") -> str:
    """A name nothing else has."""
    return f"{prefix}-{next(_numbers)}"


def ok(answer: httpx.Response, status: int = 200) -> Any:
    """The body of an answer that has to have this status."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    return answer.json() if answer.content else None


@dataclass
class Site:
    """A cluster with its default department and default pool."""

    server: Server
    id: str
    default: dict[str, Any]
    pool: str

    @property
    def node(self) -> tree.Node:
        """Its scope."""
        return tree.Node("cluster", self.id, "", f"{tenant_path(TENANT)}{self.id}/")

    def add_pool(self) -> str:
        """Another node pool; returns its id."""
        name = fresh("pool")
        body = {"name": name, "clusterId": self.id, "labelKey": name, "labelValue": "yes"}
        return ok(self.server.admin.post("/api/v1/node-pools", json=body), 201)["id"]

    def department(self, resources: Any = (), **more: Any) -> dict[str, Any]:
        """A new department."""
        given = {"name": fresh("department"), "clusterId": self.id, "resources": list(resources)}
        return ok(self.server.admin.post(DEPARTMENTS, json=given | more), 201)

    def project(self, parent: str | None = None, resources: Any = (), **more: Any) -> dict[str, Any]:
        """A new project, in the default department unless told otherwise."""
        given = {"name": fresh("project"), "clusterId": self.id, "resources": list(resources)}
        if parent is not None:
            given["parentId"] = parent
        return ok(self.server.admin.post(PROJECTS, json=given | more), 201)

    def scope(self, unit: dict[str, Any]) -> tree.Node:
        """The scope of a department or project of this site."""
        if "parentId" not in unit:
            kind, above = "department", self.node.path
        else:
            kind, above = "project", f"{self.node.path}d{unit['parentId']}/"
        path = child_path(above, ScopeType(kind), unit["id"])
        return tree.Node(kind, unit["id"], unit["name"], path)

    def heard(self) -> None:
        """The agent of the cluster spoke just now."""
        now = instant(self.server.clock.epoch())
        self.server.units.write(
            lambda unit: unit.execute(
                update(clusters).where(clusters.c.id == self.id).values(last_liveness=now)
            )
        )


def site(server: Server) -> Site:
    """A new cluster."""
    made = ok(server.admin.post("/api/v1/clusters", json={"name": fresh("cluster")}), 201)
    listed = ok(server.admin.get(DEPARTMENTS, params={"filterBy": f"clusterId=={made['uuid']}"}))
    (default,) = listed["departments"]
    return Site(server, made["uuid"], default, default["resources"][0]["nodePool"]["id"])


def limit_projects(server: Server, *, on: bool, tenant: int = TENANT) -> None:
    """Turn the switch that keeps projects within their department."""
    key = {"tenant_id": tenant, "family": FAMILY, "key": LIMIT_PROJECTS.key}

    def job(unit: Any) -> None:
        unit.execute(tenant_settings.delete().where(tenant_settings.c.key == LIMIT_PROJECTS.key))
        value = "true" if on else "false"
        values = {**key, "value": value, "updated_by": "test", "updated_at": unit.now}
        unit.execute(insert(tenant_settings), values)

    server.units.write(job)
