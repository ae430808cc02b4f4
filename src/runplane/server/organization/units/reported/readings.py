"""What is known of one department or project, as readings for its series.

A quota is known now; what is allocated was known when the cluster last spoke. Nothing keeps the past, so a
series has at most one value, and only if that instant lies in the span that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runplane.server.authz.principal import Principal
from runplane.server.core.errors import NotFound
from runplane.server.organization.clusters.store import select_cluster
from runplane.server.organization.quotas import totals
from runplane.server.organization.series import Reading
from runplane.server.organization.units import service
from runplane.server.organization.units.model import UnitKind
from runplane.server.organization.units.reported.model import decoded
from runplane.server.sql.unit import Unit

_QUOTAS: Final = ("GPU_QUOTA", "CPU_QUOTA_MILLICORES", "CPU_MEMORY_QUOTA_MB")
_ALLOCATIONS: Final = ("GPU_ALLOCATION", "CPU_ALLOCATION_MILLICORES", "CPU_MEMORY_ALLOCATION_MB")
METRICS: Final = (*_QUOTAS, *_ALLOCATIONS, "GPU_MEMORY_UTILIZATION")
_SIMULATED: Final[Mapping[str, str]] = MappingProxyType({"simulated": "true"})


def readings_of(
    unit: Unit, principal: Principal, kind: UnitKind, text: str, pool_name: str | None
) -> dict[str, list[Reading]]:
    """The readings of a unit by metric, in one node pool or in all. Raises NotFound."""
    view = service.get_unit(unit, principal, kind, text, unit.now)
    pools = [it.id for it in view.pools if pool_name in (None, it.name)]
    if not pools:
        raise NotFound(f"There is no node pool {(pool_name or '')[:60]!r} in the cluster.")
    found: dict[str, list[Reading]] = {}
    quota = totals(view.quotas[it] for it in pools)
    for name, value in zip(_QUOTAS, (quota.gpu, quota.cpu, quota.megabytes), strict=True):
        if value is not None:
            found[name] = [Reading(value, unit.now)]
    reported = decoded(view.row.quota_status)
    cluster = select_cluster(unit, principal.tenant_id, view.row.cluster_id)
    if cluster is None or cluster.last_liveness is None:
        return found
    allocated = reported.total(pools).allocated
    labels = _SIMULATED if reported.simulated else None
    for name, value in zip(_ALLOCATIONS, (allocated.gpu, allocated.cpu, allocated.memory), strict=True):
        if value is not None:
            found[name] = [Reading(value, cluster.last_liveness, labels)]
    return found
