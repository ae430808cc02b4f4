"""The operations on departments that differ from those on projects.

Deleting one deletes its projects, as upstream does; the default department of a cluster stays.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.org_unit.family import Face, add_changes, add_reads
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, READ, UPDATE
from runplane.server.core.clock import now
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Audited, Operation, Operations, Wire
from runplane.server.identity.service import Identity
from runplane.server.organization.units import service
from runplane.server.organization.units.access import cluster_in_body, unit_in_path
from runplane.server.organization.units.drafts import Draft
from runplane.server.organization.units.model import DEPARTMENTS
from runplane.server.organization.units.present import present_department, present_listed_department
from runplane.server.organization.units.wire import (
    DepartmentIn,
    DepartmentOut,
    DepartmentsPage,
    DepartmentUpdate,
)

FACE = Face(DEPARTMENTS, "Departments", ("CLUSTER_ID",))
_VERBOSITIES = ("meta", "brief", "verbose")


class DepartmentsQuery(Wire):
    """`verbosity`: `meta` without quotas, `brief` (the default) with them, `verbose` with the state too."""

    verbosity: str = "brief"


def operations(identity: Identity) -> list[Operation]:
    """Every operation of this room."""
    ops = Operations("/api/v1/org-unit/departments", tag=FACE.tag)
    add_reads(ops, FACE, identity)
    _add_own_reads(ops, identity)
    _add_writes(ops)
    add_changes(ops, FACE)
    return ops.items


def _add_own_reads(ops: Operations, identity: Identity) -> None:
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

    @ops.get(
        "/{departmentId}",
        allow=can(READ, DEPARTMENTS.resource).at(unit_in_path(DEPARTMENTS)),
        reply=DepartmentOut,
    )
    def get_department(call: Call[Any]) -> DepartmentOut:
        """Get a department"""
        # On a worker: its projects may be many.
        view = service.get_unit(
            call.reader, call.principal, DEPARTMENTS, call.path["departmentId"], now(identity.clock)
        )
        return present_department(view)


def _add_writes(ops: Operations) -> None:
    @ops.post(
        "",
        status=201,
        allow=can(CREATE, DEPARTMENTS.resource).at(cluster_in_body),
        body=DepartmentIn,
        reply=DepartmentOut,
        audit=Audited("department"),
    )
    def create_department(call: Call[DepartmentIn]) -> DepartmentOut:
        """Create a department"""
        body = call.body
        view = service.create_department(
            call.unit, call.principal, Draft(body.cluster_id, body.name, body.wishes(), body.resources)
        )
        call.note.target(str(view.row.id), view.row.name)
        return present_department(view)

    @ops.put(
        "/{departmentId}",
        allow=can(UPDATE, DEPARTMENTS.resource).at(unit_in_path(DEPARTMENTS)),
        body=DepartmentUpdate,
        reply=DepartmentOut,
        audit=Audited("department"),
    )
    def update_department(call: Call[DepartmentUpdate]) -> DepartmentOut:
        """Update a department

        What is left out is cleared.
        """
        body = call.body
        view = service.update_unit(
            call.unit, call.principal, DEPARTMENTS, call.path["departmentId"], body.wishes(), body.resources
        )
        call.note.target(str(view.row.id), view.row.name)
        return present_department(view)
