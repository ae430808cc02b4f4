"""Departments, projects and reports in the matrix: rows for the places of the tree, and units to act on.

A unit that a request may delete is made for that request, in a place that the caller may hold; everything
else acts on the unit that a place *is* too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import insert

from authz.oracle import Target
from authz.world import (
    CLUSTER,
    FIRST_TENANT,
    PLACES,
    SECOND_CLUSTER,
    SECOND_TENANT,
    World,
    tenant_of,
)
from runplane.server.authz import tree
from runplane.server.core.ids import new_id
from runplane.server.core.scope import ScopeType
from runplane.server.organization.reports.tables import reports
from runplane.server.organization.units.tables import departments, projects

KINDS = {"departments": ScopeType.DEPARTMENT, "projects": ScopeType.PROJECT}
ABSENT = "987654321"
# where a unit can lie that is made for one request
_ABOVE = {"departments": ("cluster",), "projects": ("department", "other department")}
_TABLES = {"departments": departments, "projects": projects}
_SECOND_DEPARTMENT = 21


def settle(world: World) -> None:
    """Put the rows behind the tree's departments and projects; the clusters are there."""
    for place, (kind, ref, above) in PLACES.items():
        if kind == "department":
            _insert(world, "departments", FIRST_TENANT, int(ref), world.paths[place])
        if kind == "project" and above in PLACES and tenant_of(place) == FIRST_TENANT:
            department = int(PLACES[above][1])
            _insert(world, "projects", FIRST_TENANT, int(ref), world.paths[place], department)
    hidden = f"/{SECOND_TENANT}/{SECOND_CLUSTER}/d{_SECOND_DEPARTMENT}/"
    _insert(world, "departments", SECOND_TENANT, _SECOND_DEPARTMENT, hidden)
    place = "project of the other tenant"
    number = int(PLACES[place][1])
    _insert(world, "projects", SECOND_TENANT, number, world.paths[place], _SECOND_DEPARTMENT)


def _insert(
    world: World, collection: str, tenant: int, number: int | None, path: str, department: int = 0
) -> tuple[int, str]:
    name = world.fresh(tenant)
    values: dict[str, Any] = {
        "tenant_id": tenant,
        "cluster_id": CLUSTER if tenant == FIRST_TENANT else SECOND_CLUSTER,
        "name": name,
        "path": path,
        "description": "",
        "total_gpu_quota": 0.0,
        "created_by": "test",
        "updated_by": "test",
    }
    if number is not None:
        values["id"] = number
    if collection == "departments":
        values["is_default"] = False
    else:
        values |= {"department_id": department, "namespace": f"runai-{name}", "enforce_scheduler": True}
        values["phase"] = "Creating"
    table = _TABLES[collection]

    def job(unit: Any) -> int:
        born = {"created_at": unit.now, "updated_at": unit.now}
        return unit.execute(insert(table).values(**values, **born).returning(table.c.id)).scalar_one()

    return world.server.units.write(job), name


def unit_at(world: World, collection: str, target: Target) -> str:
    """The number of the unit a request acts on: the place itself, or a new one in it."""
    kind, ref, _ = PLACES[target.place]
    if kind == KINDS[collection]:
        return ref
    department = int(ref) if kind == "department" else 0
    number, name = _insert(world, collection, FIRST_TENANT, None, world.paths[target.place], department)

    def job(unit: Any) -> None:
        above = world.paths[target.place]
        node = tree.add(unit, FIRST_TENANT, KINDS[collection], str(number), name, above)
        table = _TABLES[collection]
        unit.execute(table.update().where(table.c.id == number).values(path=node.path))

    world.server.units.write(job)
    return str(number)


def add_report(world: World, place: str) -> str:
    """A finished report of a tenant that nobody who calls asked for; returns its id."""
    tenant, report_id = tenant_of(place), new_id()
    values: dict[str, Any] = {
        "id": report_id,
        "tenant_id": tenant,
        "owner": "user:somebody@example.com",
        "name": world.fresh(tenant),
        "start_at": "2026-01-01T00:00:00.000Z",
        "end_at": "2026-01-02T00:00:00.000Z",
        "filter_by": "[]",
        "scopes": json.dumps([world.paths[place]]),
        "status": "Ready",
        "status_message": "",
        "created_by": "somebody@example.com",
        "content": "cluster\r\n",
    }

    def job(unit: Any) -> None:
        unit.execute(insert(reports).values(**values, created_at=unit.now, status_updated_at=unit.now))

    world.server.units.write(job)
    return report_id


def targets(operation: Any, collection: str | None) -> Iterator[tuple[str, Target]] | None:
    """What requests of these families act on; None for an operation of another family."""
    if not operation.path.startswith("/api/v1/org-unit/"):
        return None
    if operation.method == "POST" and operation.path.endswith(("/projects", "/departments")):
        return of_a_creation(operation.path.rsplit("/", 1)[1])
    if collection == "reports":
        return _of_a_report()
    return None if collection is None else of_one(operation, collection)


def of_a_creation(collection: str) -> Iterator[tuple[str, Target]]:
    """Where units of a collection are made."""
    for place in _ABOVE[collection]:
        yield f"in {place}", Target(place=place, scoped=True, by_body=True)


def _of_a_report() -> Iterator[tuple[str, Target]]:
    """Somebody else's: seen by who may read consumption in the whole tenant, deleted by who may change it."""
    for place in ("tenant", "other tenant"):
        yield f"one of the {place}", Target(place=place, scoped=True, needs=("settings:update", place))


def of_one(operation: Any, collection: str) -> Iterator[tuple[str, Target]]:
    """Units of a collection to act on."""
    for place in _ABOVE[collection]:
        yield f"one in {place}", Target(place=place, scoped=True)
    if operation.method == "DELETE":
        return
    for place, (kind, _, _) in PLACES.items():
        if kind == KINDS[collection]:
            yield place, Target(place=place, scoped=True)


def cluster_id(asked: Any) -> str:
    """The cluster of a body: what cannot exist is the department, where the body names one."""
    in_department = asked.target is not None and PLACES[asked.target.place][0] == "department"
    return CLUSTER if in_department or not asked.nowhere else "0198c0de-0000-7000-8000-00000000ffff"


def parent_id(asked: Any) -> str | None:
    """The department of a body that makes a project."""
    kind, ref, _ = PLACES[asked.place]
    if kind != "department":
        return None
    return ABSENT if asked.nowhere else ref


def value(operation: Any, name: str, asked: Any) -> Any:
    """What a member has to be in this family and in no other; None for the rest."""
    if not operation.path.startswith("/api/v1/org-unit/"):
        return None
    if name == "clusterId":
        return cluster_id(asked)
    return "GPU_QUOTA" if name == "telemetryType" else None
