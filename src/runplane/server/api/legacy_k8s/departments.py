"""Departments at /v1/k8s/clusters/{clusterId}/departments and /v1/k8s/departments, as before 2.18.

The contract keeps the list and the administrators; making, changing and deleting were there until 2.23 and
stay for those who still call them. Administrators are access rules with the role of that name (members).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import UNSET, UnsetType

from runplane.server.api.authorization.access_rules.model import RuleRow
from runplane.server.api.legacy_k8s import department_wire as wire
from runplane.server.api.legacy_k8s.members import may_see, members_of, members_of_one, set_members
from runplane.server.api.legacy_k8s.places import cluster_of, unit_of, unit_place, units_of
from runplane.server.api.legacy_k8s.projects import OldProjectQuery, list_old_projects
from runplane.server.api.legacy_k8s.unit_wire import OldProjectOut
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, READ, UPDATE
from runplane.server.authz.principal import SubjectKind
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Condition, Operator, Page
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations
from runplane.server.identity.store import select_user_by_email
from runplane.server.organization.units import service
from runplane.server.organization.units.access import cluster_node
from runplane.server.organization.units.drafts import Draft, NodeTypes, Wishes, rules_of
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS, UnitRow
from runplane.server.organization.units.present import present_department
from runplane.server.organization.units.service import View
from runplane.server.organization.units.store import select_pools

_ACTIONS = ("list", "create", "get", "update", "delete")
_OLDEST: Mapping[str, str] = MappingProxyType({it: f"legacy_{it}_department" for it in _ACTIONS})
_IN_CLUSTER: Mapping[str, str] = MappingProxyType(
    {it: f"legacy_{it}_department_of_cluster" for it in _ACTIONS} | {"list": "getDepartments"}
)
_OLD: dict[str, Any] = {"deprecated": True, "successor": "/api/v1/org-unit/departments"}


def operations() -> list[Operation]:
    """Both addresses, and the administrators."""
    return [
        *_family("/v1/k8s/clusters/{clusterId}/departments", _IN_CLUSTER, wire.OldDepartmentIn, "clusterId"),
        *_family("/v1/k8s/departments", _OLDEST, wire.OldestDepartmentIn, None),
        *_administrators(),
    ]


def _family(prefix: str, ids: Mapping[str, str], body: type[Any], cluster: str | None) -> list[Operation]:
    ops = Operations(prefix, tag="Departments")
    _add_collection(ops, ids, body, cluster)
    _add_one(ops, ids, cluster)
    return ops.items


def _add_collection(ops: Operations, ids: Mapping[str, str], body: type[Any], cluster: str | None) -> None:
    def place(call: Any) -> str:
        return cluster_node(call.reader, call.principal, _cluster_id(call, cluster)).path

    @ops.get(
        "",
        id=ids["list"],
        allow=can(READ, DEPARTMENTS.resource).anywhere(),
        query=OldProjectQuery,
        reply=list[wire.OldDepartmentOut],
        extension=cluster is None,
        **_OLD,
    )
    def get_departments(call: Call[Any]) -> list[wire.OldDepartmentOut]:
        """List departments with their projects"""
        of_departments, of_projects, cluster_id = Page(), Page(), None
        if cluster is not None:
            row = cluster_of(call, DEPARTMENTS.resource, cluster)
            of_departments, of_projects = units_of(DEPARTMENTS, row), units_of(PROJECTS, row)
            cluster_id = row.id
        views, _ = service.list_units(call.unit, call.principal, DEPARTMENTS, call.scopes, of_departments)
        inside: dict[int, list[OldProjectOut]] = {}
        for it in list_old_projects(call, of_projects, cluster_id):
            inside.setdefault(it.department_id, []).append(it)
        rules = members_of(call.unit, call.principal, DEPARTMENTS, cluster_id)
        return [_present(call, it, inside.get(it.row.id, ()), rules.get(it.row.id, ())) for it in views]

    @ops.post(
        "",
        id=ids["create"],
        allow=can(CREATE, DEPARTMENTS.resource).at(place),
        body=body,
        query=OldProjectQuery,
        reply=wire.OldDepartmentOut,
        audit=Audited("department"),
        extension=True,
        **_OLD,
    )
    def create_department(call: Call[Any]) -> wire.OldDepartmentOut:
        """Create a department"""
        given: wire.OldDepartmentIn = call.body
        cluster_id = _cluster_id(call, cluster).lower()
        quotas = given.capped(select_pools(call.unit, cluster_id))
        draft = Draft(cluster_id, given.name, Wishes(None, None, None, None), quotas)
        view = service.create_department(call.unit, call.principal, draft)
        call.note.target(str(view.row.id), view.row.name)
        return _alone(call, view)


def _add_one(ops: Operations, ids: Mapping[str, str], cluster: str | None) -> None:
    here = unit_place(DEPARTMENTS, "id", cluster)
    common: dict[str, Any] = {
        "query": OldProjectQuery,
        "reply": wire.OldDepartmentOut,
        "extension": True,
        **_OLD,
    }

    @ops.get("/{id}", id=ids["get"], allow=can(READ, DEPARTMENTS.resource).at(here), **common)
    def get_department(call: Call[Any]) -> wire.OldDepartmentOut:
        """Get a department with its projects"""
        return _alone(call, _view(call))

    @ops.put(
        "/{id}",
        id=ids["update"],
        allow=can(UPDATE, DEPARTMENTS.resource).at(here),
        body=wire.OldDepartmentUpdate,
        audit=Audited("department"),
        **common,
    )
    def update_department(call: Call[wire.OldDepartmentUpdate]) -> wire.OldDepartmentOut:
        """Replace the quotas of a department

        What this dialect has no word for stays as it is.
        """
        before = _view(call)
        view = service.update_unit(
            call.unit,
            call.principal,
            DEPARTMENTS,
            call.path["id"],
            _unchanged(before),
            call.body.capped(before.pools),
        )
        call.note.target(str(view.row.id), view.row.name, fields="resources")
        return _alone(call, view)

    @ops.delete(
        "/{id}",
        id=ids["delete"],
        allow=can(DELETE, DEPARTMENTS.resource).at(here),
        audit=Audited("department"),
        **common,
    )
    def delete_department(call: Call[Any]) -> wire.OldDepartmentOut:
        """Delete a department and its projects

        The answer is what it was.
        """
        shown = _alone(call, _view(call))
        row = service.delete_unit(call.unit, call.principal, DEPARTMENTS, call.path["id"])
        call.note.target(str(row.id), row.name)
        return shown


def _administrators() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{clusterId}/departments/{department-id}", tag="Departments")

    @ops.put(
        "/access-control",
        id="updateDepartmentAdmins",
        status=201,
        allow=can(UPDATE, DEPARTMENTS.resource).at(unit_place(DEPARTMENTS, "department-id")),
        body=wire.AdministratorsIn,
        reply=wire.AdministratorsOut,
        audit=Audited("department"),
        **_OLD,
    )
    def update_department_admins(call: Call[wire.AdministratorsIn]) -> wire.AdministratorsOut:
        """Say who administers a department

        The list replaces the one there is; giving and taking the role takes what access rules take.
        """
        row = unit_of(call, DEPARTMENTS, "department-id")
        if call.body.department_id not in (None, row.id):
            raise Invalid("departmentId must be that of the address, or be left out.")
        wanted = call.body.department_admins
        if wanted is not None:
            subjects = [("user", it) for it in wanted]
            set_members(call.unit, call.principal, DEPARTMENTS, row.id, subjects, (SubjectKind.USER,))
        call.note.target(str(row.id), row.name, fields="departmentAdmins")
        rules = members_of_one(call.unit, call.principal, DEPARTMENTS, row.id)
        return wire.AdministratorsOut(department_id=row.id, department_admins=_ids(call, rules))

    return ops.items


def _cluster_id(call: Any, parameter: str | None) -> str:
    return call.body.cluster_uuid if parameter is None else call.path[parameter]


def _view(call: Call[Any]) -> View:
    return service.get_unit(call.unit, call.principal, DEPARTMENTS, call.path["id"], call.unit.now)


def _unchanged(view: View) -> Wishes:
    today = present_department(view)
    row: UnitRow = view.row
    types: NodeTypes | None = None if row.node_types is None else today.node_types
    rules = None if row.scheduling_rules is None else rules_of(row)
    return Wishes(row.description, rules, today.default_node_pools, types)


def _alone(call: Call[Any], view: View) -> wire.OldDepartmentOut:
    """A department that is read by itself."""
    fields = PROJECTS.listing.fields
    page = Page(conditions=(Condition(fields["departmentId"], Operator.EQUAL, view.row.id),))
    projects = list_old_projects(call, page, view.row.cluster_id)
    return _present(call, view, projects, members_of_one(call.unit, call.principal, DEPARTMENTS, view.row.id))


def _present(
    call: Call[Any], view: View, projects: Sequence[OldProjectOut], rules: Sequence[RuleRow]
) -> wire.OldDepartmentOut:
    query: OldProjectQuery = call.query
    admins: list[str] | UnsetType = UNSET
    if not query.exclude_permissions and may_see(call.principal, view.row.path):
        admins = _ids(call, rules)
    return wire.present_old_department(
        view, call.principal.tenant_id, projects, admins, megabytes=query.memory_unit_mb
    )


def _ids(call: Call[Any], rules: Sequence[RuleRow]) -> list[str]:
    """The ids of the people in rules; somebody without an account yet has none and is left out."""
    found: list[str] = []
    for rule in rules:
        if rule.subject_kind != SubjectKind.USER:
            continue
        user = select_user_by_email(call.unit, call.principal.tenant_id, rule.subject_id)
        if user is not None:
            found.append(user.id)
    return found
