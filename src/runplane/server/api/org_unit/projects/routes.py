"""The operations on projects that differ from those on departments.

A project is made where its department is, so creating one takes the permission there; updating it with
another `parentId` moves it, and takes the permission to create projects in that department too.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.org_unit.family import Face, add_changes, add_reads
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, READ, UPDATE
from runplane.server.core.clock import now
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Mode, Operation, Operations
from runplane.server.identity.service import Identity
from runplane.server.organization.units import service
from runplane.server.organization.units.access import parent_in_body, unit_in_path
from runplane.server.organization.units.drafts import Draft
from runplane.server.organization.units.model import PROJECTS
from runplane.server.organization.units.present import present_project
from runplane.server.organization.units.wire import ProjectIn, ProjectOut, ProjectsPage, ProjectUpdate

FACE = Face(PROJECTS, "Projects", ("ClusterId", "NodepoolId", "ParentId"))


def operations(identity: Identity) -> list[Operation]:
    """Every operation of this room."""
    ops = Operations("/api/v1/org-unit/projects", tag=FACE.tag)
    add_reads(ops, FACE, identity)
    _add_own_reads(ops, identity)
    _add_writes(ops)
    add_changes(ops, FACE)
    return ops.items


def _add_own_reads(ops: Operations, identity: Identity) -> None:
    @ops.get("", allow=can(READ, PROJECTS.resource).anywhere(), listing=PROJECTS.listing, reply=ProjectsPage)
    def get_projects(call: Call[Any]) -> ProjectsPage:
        """List projects"""
        views, following = service.list_units(call.unit, call.principal, PROJECTS, call.scopes, call.page)
        return ProjectsPage(projects=[present_project(it) for it in views], next=following)

    @ops.get(
        "/{projectId}",
        allow=can(READ, PROJECTS.resource).at(unit_in_path(PROJECTS)),
        mode=Mode.HOT,
        reply=ProjectOut,
    )
    def get_project(call: Call[Any]) -> ProjectOut:
        """Get a project"""
        view = service.get_unit(
            call.reader, call.principal, PROJECTS, call.path["projectId"], now(identity.clock)
        )
        return present_project(view)


def _add_writes(ops: Operations) -> None:
    @ops.post(
        "",
        status=201,
        allow=can(CREATE, PROJECTS.resource).at(parent_in_body),
        body=ProjectIn,
        reply=ProjectOut,
        audit=Audited("project"),
    )
    def create_project(call: Call[ProjectIn]) -> ProjectOut:
        """Create a project

        Without `parentId` it belongs to the default department of its cluster.
        """
        body = call.body
        view = service.create_project(
            call.unit,
            call.principal,
            Draft(body.cluster_id, body.name, body.wishes(), body.resources),
            parent_id=body.parent_id,
            requested_namespace=body.requested_namespace,
            enforce_scheduler=body.enforce_runai_scheduler is not False,
        )
        call.note.target(str(view.row.id), view.row.name)
        return present_project(view)

    @ops.put(
        "/{projectId}",
        allow=can(UPDATE, PROJECTS.resource).at(unit_in_path(PROJECTS)),
        body=ProjectUpdate,
        reply=ProjectOut,
        audit=Audited("project"),
    )
    def update_project(call: Call[ProjectUpdate]) -> ProjectOut:
        """Update a project

        What is left out is cleared. Another `parentId` moves the project; who may do what in it follows at
        once.
        """
        body = call.body
        view = service.update_unit(
            call.unit,
            call.principal,
            PROJECTS,
            call.path["projectId"],
            body.wishes(),
            body.resources,
            parent_id=body.parent_id,
            enforce_scheduler=body.enforce_runai_scheduler,
        )
        call.note.target(str(view.row.id), view.row.name, parentId=str(view.row.department_id))
        return present_project(view)
