"""/v1/k8s/clusters/{clusterId}/projects and /v1/k8s/projects: projects as scripts from before 2.18 know them.

Both addresses are one dialect: the older one names the cluster in the body, or not at all where an id says
it. Every answer is a 200 with the project, also to creating and deleting. `permissions` in a request are
access rules to make (members), unless `excludePermissions` says to leave them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import UNSET, UnsetType

from runplane.server.api.legacy_k8s.members import may_see, members_of, members_of_one, set_members
from runplane.server.api.legacy_k8s.places import cluster_of, unit_of, unit_place, units_of
from runplane.server.api.legacy_k8s.unit_wire import (
    OldestProjectIn,
    OldProjectIn,
    OldProjectOut,
    OldProjectUpdate,
    People,
    people,
    present_old_project,
)
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, READ, UPDATE, permission
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Wire
from runplane.server.organization.units import service
from runplane.server.organization.units.access import parent_of
from runplane.server.organization.units.drafts import Draft
from runplane.server.organization.units.model import PROJECTS
from runplane.server.organization.units.service import View
from runplane.server.organization.units.store import select_pools

_IN_CLUSTER: Mapping[str, str] = MappingProxyType(
    {
        "list": "getProjects",
        "create": "createProject",
        "get": "getProject",
        "update": "updateProject",
        "delete": "deleteProject",
    }
)
_SEES_PROJECTS = permission(READ, PROJECTS.resource)
_OLDEST: Mapping[str, str] = MappingProxyType({it: f"legacy_{it}_project" for it in _IN_CLUSTER})


class OldProjectQuery(Wire):
    """Whether people are told of; memory in MB instead of MiB."""

    exclude_permissions: bool = False
    memory_unit_mb: bool = False


def operations() -> list[Operation]:
    """Both addresses."""
    return [
        *_family("/v1/k8s/clusters/{clusterId}/projects", _IN_CLUSTER, OldProjectIn, "clusterId"),
        *_family("/v1/k8s/projects", _OLDEST, OldestProjectIn, None),
    ]


def _family(prefix: str, ids: Mapping[str, str], body: type[Any], cluster: str | None) -> list[Operation]:
    ops = Operations(prefix, tag="Projects")
    common: dict[str, Any] = {
        "query": OldProjectQuery,
        "deprecated": True,
        "successor": "/api/v1/org-unit/projects",
        "extension": cluster is None,
    }
    _add_collection(ops, ids, body, cluster, common)
    _add_one(ops, ids, cluster, common)
    return ops.items


def _add_collection(
    ops: Operations, ids: Mapping[str, str], body: type[Any], cluster: str | None, common: dict[str, Any]
) -> None:
    def department(call: Any) -> str:
        cluster_id = _cluster_id(call, cluster)
        return parent_of(call.reader, call.principal, cluster_id, str(call.body.department_id)).path

    @ops.get(
        "",
        id=ids["list"],
        allow=can(READ, PROJECTS.resource).anywhere(),
        reply=list[OldProjectOut],
        **common,
    )
    def get_projects(call: Call[Any]) -> list[OldProjectOut]:
        """List projects"""
        page, cluster_id = Page(), None
        if cluster is not None:
            row = cluster_of(call, PROJECTS.resource, cluster)
            page, cluster_id = units_of(PROJECTS, row), row.id
        return list_old_projects(call, page, cluster_id)

    @ops.post(
        "",
        id=ids["create"],
        allow=can(CREATE, PROJECTS.resource).at(department),
        body=body,
        reply=OldProjectOut,
        audit=Audited("project"),
        **common,
    )
    def create_project(call: Call[Any]) -> OldProjectOut:
        """Create a project"""
        given: OldProjectIn = call.body
        cluster_id = _cluster_id(call, cluster).lower()
        pools = select_pools(call.unit, cluster_id)
        view = service.create_project(
            call.unit,
            call.principal,
            Draft(cluster_id, given.name, given.wishes(), given.quotas(pools)),
            parent_id=str(given.department_id),
            requested_namespace=given.namespace,
            enforce_scheduler=True,
        )
        call.note.target(str(view.row.id), view.row.name)
        return _with_people(call, view)


def _add_one(ops: Operations, ids: Mapping[str, str], cluster: str | None, common: dict[str, Any]) -> None:
    here = unit_place(PROJECTS, "id", cluster)

    @ops.get(
        "/{id}", id=ids["get"], allow=can(READ, PROJECTS.resource).at(here), reply=OldProjectOut, **common
    )
    def get_project(call: Call[Any]) -> OldProjectOut:
        """Get a project"""
        return _present(call, _view(call))

    @ops.put(
        "/{id}",
        id=ids["update"],
        allow=can(UPDATE, PROJECTS.resource).at(here),
        body=OldProjectUpdate,
        reply=OldProjectOut,
        audit=Audited("project"),
        **common,
    )
    def update_project(call: Call[OldProjectUpdate]) -> OldProjectOut:
        """Update a project

        What is left out is cleared, except `permissions` and what this dialect has no word for.
        """
        row, given = unit_of(call, PROJECTS, "id", cluster), call.body
        view = service.update_unit(
            call.unit,
            call.principal,
            PROJECTS,
            call.path["id"],
            given.wishes(row.description),
            given.quotas(select_pools(call.unit, row.cluster_id)),
        )
        call.note.target(str(view.row.id), view.row.name)
        return _with_people(call, view)

    @ops.delete(
        "/{id}",
        id=ids["delete"],
        allow=can(DELETE, PROJECTS.resource).at(here),
        reply=OldProjectOut,
        audit=Audited("project"),
        **common,
    )
    def delete_project(call: Call[Any]) -> OldProjectOut:
        """Delete a project

        Its namespace stays. The answer is what it was.
        """
        shown = _present(call, _view(call))
        row = service.delete_unit(call.unit, call.principal, PROJECTS, call.path["id"])
        call.note.target(str(row.id), row.name)
        return shown


def list_old_projects(call: Call[Any], page: Page, cluster_id: str | None) -> list[OldProjectOut]:
    """The projects of a page that the caller may read, with their people."""
    query: Any = call.query
    own = ScopeSet((call.principal.tenant_path,))
    scopes = call.principal.grants.scopes(_SEES_PROJECTS).intersection(own)
    views, _ = service.list_units(call.unit, call.principal, PROJECTS, scopes, page)
    rules = {} if query.exclude_permissions else members_of(call.unit, call.principal, PROJECTS, cluster_id)
    shown: list[OldProjectOut] = []
    for view in views:
        who: People | UnsetType = UNSET
        if not query.exclude_permissions and may_see(call.principal, view.row.path):
            who = people(rules.get(view.row.id, ()))
        shown.append(present_old_project(view, call.principal.tenant_id, who, megabytes=query.memory_unit_mb))
    return shown


def _cluster_id(call: Any, parameter: str | None) -> str:
    return call.body.cluster_uuid if parameter is None else call.path[parameter]


def _view(call: Call[Any]) -> View:
    return service.get_unit(call.unit, call.principal, PROJECTS, call.path["id"], call.unit.now)


def _with_people(call: Call[Any], view: View) -> OldProjectOut:
    """Make the rules that the body asks for, and answer."""
    wanted: People | None = call.body.permissions
    if wanted is not None and not call.query.exclude_permissions:
        number = view.row.id
        set_members(call.unit, call.principal, PROJECTS, number, wanted.subjects(), wanted.kinds())
    return _present(call, view)


def _present(call: Call[Any], view: View) -> OldProjectOut:
    query: OldProjectQuery = call.query
    who: People | UnsetType = UNSET
    if not query.exclude_permissions and may_see(call.principal, view.row.path):
        who = people(members_of_one(call.unit, call.principal, PROJECTS, view.row.id))
    return present_old_project(view, call.principal.tenant_id, who, megabytes=query.memory_unit_mb)
