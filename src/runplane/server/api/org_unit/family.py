"""What departments and projects answer alike: counts, resources, metrics, telemetry and deletion."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from runplane.server.authz.guard import can
from runplane.server.authz.permissions import DELETE, READ, UPDATE
from runplane.server.core.clock import now
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operations, Reply, Wire
from runplane.server.identity.service import Identity
from runplane.server.organization import series
from runplane.server.organization.quotas import ResourcesIn
from runplane.server.organization.units import service
from runplane.server.organization.units.access import unit_in_path
from runplane.server.organization.units.limits import change_resources
from runplane.server.organization.units.model import UnitKind
from runplane.server.organization.units.present import present_resources, present_what_if
from runplane.server.organization.units.wire import ResourcesOut, UnitCount, WhatIfOut

METRICS: Final = (
    *("GPU_QUOTA", "CPU_QUOTA_MILLICORES", "CPU_MEMORY_QUOTA_MB", "GPU_ALLOCATION"),
    *("CPU_ALLOCATION_MILLICORES", "CPU_MEMORY_ALLOCATION_MB", "GPU_MEMORY_UTILIZATION"),
)
TELEMETRY: Final = tuple(
    f"{resource}_{what}"
    for what in ("QUOTA", "ALLOCATION", "ALLOCATION_NON_PREEMPTIBLE")
    for resource in ("GPU", "CPU", "MEMORY")
)


@dataclass(frozen=True, slots=True)
class Face:
    """One of the two families as the API shows it; `groups` is what its telemetry can be grouped by."""

    kind: UnitKind
    tag: str
    groups: Collection[str]


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


def add_reads(ops: Operations, face: Face, identity: Identity) -> None:
    """The count, metrics and telemetry."""
    kind = face.kind

    def count(call: Call[Any]) -> UnitCount:
        found = service.count_units(call.unit, call.principal, kind, call.scopes, call.page)
        return UnitCount(count=found)

    def telemetry(call: Call[Any]) -> series.TelemetryOut:
        return series.empty_telemetry(call.query, TELEMETRY, face.groups, now(identity.clock))

    def metrics(call: Call[Any]) -> Reply:
        return series.empty_series(call, METRICS)

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
        description="Without values until agents report them.",
    )(telemetry)
    ops.get(
        f"/{{{kind.parameter}}}/metrics",
        id=f"get_{kind.noun}_metrics",
        allow=can(READ, kind.resource).at(unit_in_path(kind)),
        query=UnitMetricsQuery,
        reply=series.MetricsOut,
        summary=f"Get the metrics of a {kind.noun}",
        description="Without values until agents report them. As CSV with `Accept: text/csv`.",
    )(metrics)


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
