"""What projects do not share with departments: their list, and where a project lies.

A project is made where its department is, so creating one takes the permission there; updating it with
another `parentId` moves it, and takes the permission to create projects in that department too.
"""

from __future__ import annotations

from typing import Any, Final

from runplane.server.api.org_unit.family import Face, add_changes, add_one, add_reads
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import READ
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations
from runplane.server.identity.service import Identity
from runplane.server.organization.units import service
from runplane.server.organization.units.access import parent_in_body
from runplane.server.organization.units.drafts import Draft
from runplane.server.organization.units.model import PROJECTS
from runplane.server.organization.units.present import present_project
from runplane.server.organization.units.service import View
from runplane.server.organization.units.wire import ProjectIn, ProjectOut, ProjectsPage, ProjectUpdate


def operations(identity: Identity) -> list[Operation]:
    """Every operation of this room."""
    ops = Operations("/api/v1/org-unit/projects", tag=FACE.tag)
    add_reads(ops, FACE)
    _add_list(ops)
    add_one(ops, FACE, identity)
    add_changes(ops, FACE)
    return ops.items


def _add_list(ops: Operations) -> None:
    @ops.get("", allow=can(READ, PROJECTS.resource).anywhere(), listing=PROJECTS.listing, reply=ProjectsPage)
    def get_projects(call: Call[Any]) -> ProjectsPage:
        """List projects"""
        views, following = service.list_units(call.unit, call.principal, PROJECTS, call.scopes, call.page)
        return ProjectsPage(projects=[present_project(it) for it in views], next=following)


def _make(call: Call[ProjectIn]) -> View:
    body = call.body
    return service.create_project(
        call.unit,
        call.principal,
        Draft(body.cluster_id, body.name, body.wishes(), body.resources),
        parent_id=body.parent_id,
        requested_namespace=body.requested_namespace,
        enforce_scheduler=body.enforce_runai_scheduler is not False,
    )


def _more(body: ProjectUpdate) -> dict[str, Any]:
    return {"parent_id": body.parent_id, "enforce_scheduler": body.enforce_runai_scheduler}


def _facts(view: View) -> dict[str, str]:
    return {"parentId": str(view.row.department_id)}


FACE: Final = Face(
    PROJECTS,
    "Projects",
    {"ClusterId": "cluster", "NodepoolId": "pool", "ParentId": "department"},
    new=ProjectIn,
    change=ProjectUpdate,
    reply=ProjectOut,
    show=present_project,
    place=parent_in_body,
    make=_make,
    make_text="Without `parentId` it belongs to the default department of its cluster.",
    change_text=(
        "What is left out is cleared. Another `parentId` moves the project; who may do what in it follows at "
        "once."
    ),
    more=_more,
    facts=_facts,
    read_in=Mode.HOT,
)
