"""What departments do not share with projects: their list.

Deleting one deletes its projects, as upstream does; the default department of a cluster stays.
"""

from __future__ import annotations

from typing import Any, Final

from runplane.server.api.org_unit.family import Face, add_changes, add_one, add_reads
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import READ
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Operation, Operations, Wire
from runplane.server.identity.service import Identity
from runplane.server.organization.units import service
from runplane.server.organization.units.access import cluster_in_body
from runplane.server.organization.units.drafts import Draft
from runplane.server.organization.units.model import DEPARTMENTS
from runplane.server.organization.units.present import present_department, present_listed_department
from runplane.server.organization.units.service import View
from runplane.server.organization.units.wire import (
    DepartmentIn,
    DepartmentOut,
    DepartmentsPage,
    DepartmentUpdate,
)

_VERBOSITIES = ("meta", "brief", "verbose")


class DepartmentsQuery(Wire):
    """`verbosity`: `meta` without quotas, `brief` (the default) with them, `verbose` with the state too."""

    verbosity: str = "brief"


def operations(identity: Identity) -> list[Operation]:
    """Every operation of this room."""
    ops = Operations("/api/v1/org-unit/departments", tag=FACE.tag)
    add_reads(ops, FACE)
    _add_list(ops)
    add_one(ops, FACE, identity)
    add_changes(ops, FACE)
    return ops.items


def _add_list(ops: Operations) -> None:
    @ops.get(
        "",
        allow=can(READ, DEPARTMENTS.resource).anywhere(),
        listing=DEPARTMENTS.listing,
        query=DepartmentsQuery,
        reply=DepartmentsPage,
    )
    def get_departments(call: Call[Any]) -> DepartmentsPage:
        """List departments"""
        verbosity = enum_member(call.query.verbosity, _VERBOSITIES, "verbosity")
        views, following = service.list_units(call.unit, call.principal, DEPARTMENTS, call.scopes, call.page)
        shown = [present_listed_department(it, verbosity) for it in views]
        return DepartmentsPage(departments=shown, next=following)


def _make(call: Call[DepartmentIn]) -> View:
    body = call.body
    draft = Draft(body.cluster_id, body.name, body.wishes(), body.resources)
    return service.create_department(call.unit, call.principal, draft)


# Read on a worker, unlike a project: its projects may be many.
FACE: Final = Face(
    DEPARTMENTS,
    "Departments",
    {"CLUSTER_ID": "cluster"},
    new=DepartmentIn,
    change=DepartmentUpdate,
    reply=DepartmentOut,
    show=present_department,
    place=cluster_in_body,
    make=_make,
    make_text="",
    change_text="What is left out is cleared.",
)
