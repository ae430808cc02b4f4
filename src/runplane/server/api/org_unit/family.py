"""What departments and projects answer alike, which is all but their lists.

The two differ in a few values: the types of their bodies, how one is made, and what a change may say besides.
These are the members of `Face`, and each room holds one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runplane.server.authz.guard import ScopeSource, can
from runplane.server.authz.permissions import CREATE, DELETE, READ, UPDATE
from runplane.server.core.clock import now
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Mode, Operations, Reply, Wire
from runplane.server.identity.service import Identity
from runplane.server.organization import series
from runplane.server.organization.quotas import ResourcesIn
from runplane.server.organization.units import service
from runplane.server.organization.units.access import unit_in_path
from runplane.server.organization.units.limits import change_resources
from runplane.server.organization.units.model import UnitKind
from runplane.server.organization.units.present import present_resources, present_what_if
from runplane.server.organization.units.reported.model import RESOURCES
from runplane.server.organization.units.reported.readings import METRICS, readings_of
from runplane.server.organization.units.reported.sums import QUOTA, Measure, Narrowing, sums
from runplane.server.organization.units.service import View
from runplane.server.organization.units.wire import ResourcesOut, UnitCount, UnitIn, UnitOut, WhatIfOut

TELEMETRY: Final[Mapping[str, Measure]] = {
    f"{resource.upper()}_{word}": Measure(what, resource)
    for what, word in (
        (QUOTA, "QUOTA"),
        ("allocated", "ALLOCATION"),
        ("allocated_non_preemptible", "ALLOCATION_NON_PREEMPTIBLE"),
    )
    for resource in RESOURCES
}


REPORTED: Final = ("status", "overtimeData")
"""Members of a unit that agents write."""


def _nothing(_: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Face:
    """One of the two families as the API shows it.

    `groups` is what its telemetry can be grouped by, with the member of `reported.sums.Part` that is. `more`
    is what a change says beside what both kinds have, as arguments of `service.update_unit`; `facts` is what
    the audit log tells of it.
    """

    kind: UnitKind
    tag: str
    groups: Mapping[str, str]
    new: type[UnitIn]
    change: type[UnitIn]
    reply: type[UnitOut]
    show: Callable[[View], UnitOut]
    # where somebody must be allowed to make one, and how that is done
    place: ScopeSource
    make: Callable[[Call[Any]], View]
    make_text: str
    change_text: str
    more: Callable[[Any], dict[str, Any]] = _nothing
    facts: Callable[[View], dict[str, str]] = _nothing
    read_in: Mode = Mode.UNIT


class ResourcesQuery(Wire):
    """With `validateOnly` nothing is changed and the answer says what would be."""

    validate_only: bool = False


class UnitMetricsQuery(series.MetricsQuery):
    """Metrics of all node pools, or of one."""

    nodepool_name: str | None = None


class UnitTelemetryQuery(series.TelemetryQuery):
    """Telemetry of all units, or narrowed."""

    cluster_id: str | None = None
    nodepool_id: str | None = None
    nodepool_name: str | None = None
    department_id: str | None = None


def add_reads(ops: Operations, face: Face) -> None:
    """The count, metrics and telemetry."""
    kind = face.kind

    def count(call: Call[Any]) -> UnitCount:
        found = service.count_units(call.unit, call.principal, kind, call.scopes, call.page)
        return UnitCount(count=found)

    def telemetry(call: Call[Any]) -> series.TelemetryOut:
        return _telemetry(call, face)

    def metrics(call: Call[Any]) -> Reply:
        text, pool = call.path[kind.parameter], call.query.nodepool_name
        return series.series(call, METRICS, readings_of(call.unit, call.principal, kind, text, pool))

    anywhere = can(READ, kind.resource).anywhere()
    ops.get(
        "/count",
        id=f"count_{kind.nouns}",
        allow=anywhere,
        listing=kind.listing,
        reply=UnitCount,
        summary=f"Count {kind.nouns}",
    )(count)
    ops.get(
        "/telemetry",
        id=f"get_{kind.nouns}_telemetry",
        allow=anywhere,
        query=UnitTelemetryQuery,
        reply=series.TelemetryOut,
        summary=f"Get the state of {kind.nouns} now",
        description=(
            "Sums of the quotas, and of what agents reported last. A sum that would hold something "
            "unlimited, or of which nothing was reported, is left out."
        ),
    )(telemetry)
    ops.get(
        f"/{{{kind.parameter}}}/metrics",
        id=f"get_{kind.noun}_metrics",
        allow=can(READ, kind.resource).at(unit_in_path(kind)),
        query=UnitMetricsQuery,
        reply=series.MetricsOut,
        summary=f"Get the metrics of a {kind.noun}",
        description=(
            "Quotas as they are now and allocations as the cluster last said, if that was in the span. "
            "As CSV with `Accept: text/csv`."
        ),
    )(metrics)


def _telemetry(call: Call[Any], face: Face) -> series.TelemetryOut:
    query: UnitTelemetryQuery = call.query
    name, groups = series.telemetry_question(query.telemetry_type, query.group_by, TELEMETRY, face.groups)
    narrowing = Narrowing(
        cluster=None if query.cluster_id is None else query.cluster_id.lower(),
        pool=query.nodepool_id,
        pool_name=query.nodepool_name,
        department=query.department_id,
    )
    parts = [face.groups[it] for it in groups]
    found = sums(
        call.unit, face.kind, call.principal.tenant_id, call.scopes, TELEMETRY[name], parts, narrowing
    )
    keyed = [(it.value, [(key, *named) for key, named in zip(groups, it.keys, strict=True)]) for it in found]
    return series.telemetry(name, call.unit.now, keyed)


def add_one(ops: Operations, face: Face, identity: Identity) -> None:
    """Reading one, making one and replacing what can change."""
    kind = face.kind
    one = f"/{{{kind.parameter}}}"
    audited = Audited(kind.noun)

    def get(call: Call[Any]) -> UnitOut:
        found = service.get_unit(
            call.reader, call.principal, kind, call.path[kind.parameter], now(identity.clock)
        )
        return face.show(found)

    def create(call: Call[Any]) -> UnitOut:
        view = face.make(call)
        call.note.target(str(view.row.id), view.row.name)
        return face.show(view)

    def update(call: Call[Any]) -> UnitOut:
        body, text = call.body, call.path[kind.parameter]
        view = service.update_unit(
            call.unit, call.principal, kind, text, body.wishes(), body.resources, **face.more(body)
        )
        call.note.target(str(view.row.id), view.row.name, **face.facts(view))
        return face.show(view)

    ops.get(
        one,
        id=f"get_{kind.noun}",
        allow=can(READ, kind.resource).at(unit_in_path(kind)),
        mode=face.read_in,
        reply=face.reply,
        reported=REPORTED,
        summary=f"Get a {kind.noun}",
    )(get)
    ops.post(
        "",
        id=f"create_{kind.noun}",
        status=201,
        allow=can(CREATE, kind.resource).at(face.place),
        body=face.new,
        reply=face.reply,
        audit=audited,
        summary=f"Create a {kind.noun}",
        description=face.make_text,
    )(create)
    ops.put(
        one,
        id=f"update_{kind.noun}",
        allow=can(UPDATE, kind.resource).at(unit_in_path(kind)),
        body=face.change,
        reply=face.reply,
        audit=audited,
        summary=f"Update a {kind.noun}",
        description=face.change_text,
    )(update)


def add_changes(ops: Operations, face: Face) -> None:
    """Resources and deletion."""
    kind = face.kind
    _add_resources(ops, kind)

    def delete(call: Call[Any]) -> None:
        row = service.delete_unit(call.unit, call.principal, kind, call.path[kind.parameter])
        call.note.target(str(row.id), row.name)

    ops.delete(
        f"/{{{kind.parameter}}}",
        id=f"delete_{kind.noun}",
        status=204,
        allow=can(DELETE, kind.resource).at(unit_in_path(kind)),
        audit=Audited(kind.noun),
        summary=f"Delete a {kind.noun}",
        description="Its projects go with it." if kind.noun == "department" else "Its namespace stays.",
    )(delete)


def _add_resources(ops: Operations, kind: UnitKind) -> None:
    path = f"/{{{kind.parameter}}}"

    def update(call: Call[list[ResourcesIn]]) -> Any:
        return _resources(call, kind, whole=True)

    def patch(call: Call[list[ResourcesIn]]) -> Any:
        return _resources(call, kind, whole=False)

    common: dict[str, Any] = {
        "allow": can(UPDATE, kind.resource).at(unit_in_path(kind)),
        "body": list[ResourcesIn],
        "query": ResourcesQuery,
        "reply": list[ResourcesOut] | WhatIfOut,
        "audit": Audited(kind.noun),
    }
    ops.put(
        f"{path}/resources",
        id=f"update_{kind.noun}_resources",
        summary=f"Replace the resources of a {kind.noun}",
        description=(
            "A node pool that is left out gets what a new pool gives: no GPU quota, CPU and memory "
            "unlimited. With `validateOnly=true` nothing changes, and the answer says what would."
        ),
        **common,
    )(update)
    ops.patch(
        f"{path}/resources",
        id=f"patch_{kind.noun}_resources",
        summary=f"Change some resources of a {kind.noun}",
        description=(
            "Only the node pools and attributes that are named change; null clears one. With "
            "`validateOnly=true` nothing changes, and the answer says what would."
        ),
        **common,
    )(patch)


def _resources(call: Call[list[ResourcesIn]], kind: UnitKind, *, whole: bool) -> Any:
    dry: bool = call.query.validate_only
    row, found = change_resources(
        call.unit, call.principal, kind, call.path[kind.parameter], call.body, whole=whole, dry=dry
    )
    if dry:
        call.note.target(str(row.id), row.name, validateOnly="true")
        return present_what_if(found)
    call.note.target(str(row.id), row.name, fields=", ".join(sorted({it.attribute for it in found.steps})))
    return present_resources(found.after, found.pools)
