"""Quotas in the old words: `maxAllowed` for `limit`, -1 for unlimited, memory in MiB unless asked otherwise.

A request says quotas in up to three ways. `nodePoolsResources` is the newest and wins, then `resources`, then
the GPU members of the oldest; the latter two speak of the default node pool. Answers carry all three, where
the older two are sums over the pools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from runplane.server.core.errors import Invalid
from runplane.server.http.operation import Wire
from runplane.server.organization.quotas import (
    MEGABYTES,
    UNLIMITED,
    MemoryIn,
    NodePoolRef,
    Quota,
    ResourcesIn,
    Share,
    ShareIn,
    Units,
)
from runplane.server.organization.units.model import Pool

Amount = float | UnsetType | None


class OldShareIn(Wire):
    """One resource as a request says it."""

    deserved: Amount = UNSET
    max_allowed: Amount = UNSET
    over_quota_weight: Amount = UNSET

    def members(self) -> dict[str, Any]:
        """As the members of `ShareIn`."""
        return {
            "deserved": self.deserved,
            "limit": self.max_allowed,
            "over_quota_weight": self.over_quota_weight,
        }


class OldResourcesIn(Wire):
    """Resources of the default node pool. Memory in MiB."""

    gpu: OldShareIn | UnsetType | None = UNSET
    cpu: OldShareIn | UnsetType | None = UNSET
    memory: OldShareIn | UnsetType | None = UNSET

    def today(self, pool: NodePoolRef | None) -> ResourcesIn:
        """The same in today's words."""
        memory = self.memory
        return ResourcesIn(
            node_pool=pool,
            gpu=ShareIn(**self.gpu.members()) if isinstance(self.gpu, OldShareIn) else UNSET,
            cpu=ShareIn(**self.cpu.members()) if isinstance(self.cpu, OldShareIn) else UNSET,
            memory=MemoryIn(units="Mib", **memory.members()) if isinstance(memory, OldShareIn) else UNSET,
        )


class OldPoolResourcesIn(OldResourcesIn, kw_only=True):
    """Resources of one node pool."""

    node_pool: NodePoolRef


class QuotaMembers(Wire):
    """The members that say quotas, of requests for either kind."""

    node_pools_resources: list[OldPoolResourcesIn] | None = None
    resources: OldResourcesIn | None = None
    deserved_gpus: float | None = None
    max_allowed_gpus: float | None = None
    gpu_over_quota_weight: float | None = None

    def quotas(self, pools: Sequence[Pool]) -> list[ResourcesIn]:
        """What to store. Raises Invalid for `resources` in a cluster with more than one node pool."""
        if self.node_pools_resources is not None:
            return [it.today(it.node_pool) for it in self.node_pools_resources]
        if self.resources is not None:
            if len(pools) > 1:
                raise Invalid(
                    "resources cannot say to which of the cluster's node pools it belongs.",
                    "Send nodePoolsResources, with an entry for each node pool.",
                )
            return [self.resources.today(None)]
        said = (self.deserved_gpus, self.max_allowed_gpus, self.gpu_over_quota_weight)
        gpu = ShareIn(
            deserved=UNSET if said[0] is None else said[0],
            limit=UNSET if said[1] is None else said[1],
            over_quota_weight=UNSET if said[2] is None else said[2],
        )
        return [] if said == (None, None, None) else [ResourcesIn(node_pool=None, gpu=gpu)]


class OldShareOut(Wire):
    """One resource; -1 is unlimited."""

    deserved: float
    max_allowed: float
    over_quota_weight: float | UnsetType = UNSET


class OldPoolRefOut(Wire):
    """A node pool."""

    id: int
    name: str


class OldSumsOut(Wire):
    """All node pools together."""

    gpu: OldShareOut
    cpu: OldShareOut
    memory: OldShareOut


class OldPoolResourcesOut(OldSumsOut, kw_only=True):
    """Resources of one node pool; the entry has the number of its pool."""

    id: int
    node_pool: OldPoolRefOut


def present_quotas(
    quotas: Mapping[int, Quota], pools: Sequence[Pool], *, megabytes: bool
) -> list[OldPoolResourcesOut]:
    """The quota in each node pool, memory in MiB or in MB."""
    found: list[OldPoolResourcesOut] = []
    for pool in pools:
        quota = quotas[pool.id]
        found.append(
            OldPoolResourcesOut(
                id=pool.id,
                node_pool=OldPoolRefOut(id=pool.id, name=pool.name),
                gpu=_share(quota.gpu),
                cpu=_share(quota.cpu),
                memory=_memory(quota, "MB" if megabytes else "Mib"),
            )
        )
    return found


def _memory(quota: Quota, units: Units) -> OldShareOut:
    # What was given in these units comes back to the last digit.
    if quota.units == units:
        return _share(quota.memory)
    return _share(quota.megabytes, MEGABYTES[units])


def _share(share: Share, unit: float = 1.0) -> OldShareOut:
    return OldShareOut(
        deserved=UNLIMITED if share.deserved is None else share.deserved / unit,
        max_allowed=UNLIMITED if share.limit is None else share.limit / unit,
        over_quota_weight=UNSET if share.weight is None else share.weight,
    )


def summed(entries: Sequence[OldPoolResourcesOut]) -> OldSumsOut:
    """The sum over node pools; unlimited where one of them is."""
    return OldSumsOut(
        gpu=_sum([it.gpu for it in entries]),
        cpu=_sum([it.cpu for it in entries]),
        memory=_sum([it.memory for it in entries]),
    )


def _sum(shares: Sequence[OldShareOut]) -> OldShareOut:
    deserved = [it.deserved for it in shares]
    most = [it.max_allowed for it in shares]
    # A weight is no amount: it means something only where there is one pool.
    weight = shares[0].over_quota_weight if len(shares) == 1 else UNSET
    return OldShareOut(
        deserved=UNLIMITED if UNLIMITED in deserved else sum(deserved),
        max_allowed=UNLIMITED if UNLIMITED in most else sum(most),
        over_quota_weight=weight,
    )
