"""The algebra of quotas: what `resources` requests mean, what they add up to, and who would be over.

Pure: nothing here knows a database. `None` is unlimited wherever an amount can be that; on the wire it is
`-1` or null. A GPU quota is the exception of the contract (its `deserved` is a number that defaults to 0):
null means that default there, and an unlimited one is answered as -1.

PUT and PATCH are one merge over two bases: PUT starts from what a new node pool gives (`FRESH`), PATCH from
what is stored. An attribute that is absent keeps the base, null clears it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from types import MappingProxyType
from typing import Literal

from msgspec import UNSET, UnsetType

from runplane.server.core.errors import Invalid
from runplane.server.http.operation import Wire

Units = Literal["Mib", "MB", "GB"]

MEGABYTES: Mapping[str, float] = MappingProxyType({"Mib": 1.048576, "MB": 1.0, "GB": 1000.0})
"""Megabytes (10⁶ bytes) in one of each unit of memory."""
UNLIMITED = -1
"""What clients send for "no limit"."""
MOST = 1e12
"""No amount is larger: sums of it stay exact enough for both databases."""


@dataclass(frozen=True, slots=True)
class Share:
    """One resource of one node pool: what is guaranteed, the most there can be, the weight beyond the quota.

    `deserved` and `limit` None are unlimited; `weight` None is the scheduler's usual one.
    """

    deserved: float | None = None
    limit: float | None = None
    weight: float | None = None

    @property
    def guaranteed(self) -> float | None:
        """The quota as its parent has to back it: nobody gets more than the limit."""
        return self.limit if self.deserved is None else self.deserved


@dataclass(frozen=True, slots=True)
class Quota:
    """What a department or project has in one node pool. GPUs in devices, CPU in millicores, memory in
    `units`."""

    gpu: Share = Share(deserved=0.0)
    cpu: Share = Share()
    memory: Share = Share()
    units: Units = "MB"
    priority: str | None = None

    @property
    def megabytes(self) -> Share:
        """The memory in megabytes."""
        return _scaled(self.memory, MEGABYTES[self.units])


FRESH = Quota()
"""What every department and project gets in a new node pool: no GPU quota, CPU and memory unlimited."""

Quotas = Mapping[int, Quota]
"""Quota by number of the node pool."""


class NodePoolRef(Wire):
    """A node pool, by id; by name where the id is left out."""

    # Numbers come too: the contract's own example is one.
    id: str | int | None = None
    name: str | None = None


class ShareIn(Wire):
    """One resource as a request says it; what is left out stays as it is, or gets its default."""

    deserved: float | UnsetType | None = UNSET
    limit: float | UnsetType | None = UNSET
    over_quota_weight: float | UnsetType | None = UNSET


class MemoryIn(ShareIn):
    """Memory as a request says it."""

    units: Units | UnsetType = UNSET


class ResourcesIn(Wire):
    """The resources of one node pool as a request says them; without a node pool the default one is meant."""

    node_pool: NodePoolRef | None = None
    gpu: ShareIn | UnsetType = UNSET
    cpu: ShareIn | UnsetType | None = UNSET
    memory: MemoryIn | UnsetType | None = UNSET
    priority: str | UnsetType | None = UNSET


def merged(base: Quota, change: ResourcesIn) -> Quota:
    """`base` with everything `change` names. Raises Invalid for an amount that cannot be."""
    priority = base.priority if isinstance(change.priority, UnsetType) else change.priority
    memory, units = _merged_memory(base, change.memory)
    quota = Quota(
        gpu=_merged_share(base.gpu, change.gpu, FRESH.gpu, "gpu"),
        cpu=_merged_share(base.cpu, change.cpu, FRESH.cpu, "cpu"),
        memory=memory,
        units=units,
        priority=priority,
    )
    for name, share in (("gpu", quota.gpu), ("cpu", quota.cpu), ("memory", quota.memory)):
        if share.deserved is not None and share.limit is not None and share.limit < share.deserved:
            raise Invalid(
                f"{name}.limit must not be below {name}.deserved: a limit caps the quota too.",
                "Raise the limit, lower the quota, or send -1 for no limit.",
            )
    return quota


def _merged_share(base: Share, change: ShareIn | UnsetType | None, fresh: Share, name: str) -> Share:
    if isinstance(change, UnsetType):
        return base
    if change is None:
        return fresh
    weight = base.weight
    if not isinstance(change.over_quota_weight, UnsetType):
        weight = change.over_quota_weight
        _must_be(weight is None or 0 <= weight <= MOST, f"{name}.overQuotaWeight", "0 or more")
    return Share(
        deserved=_amount(change.deserved, base.deserved, fresh.deserved, f"{name}.deserved"),
        limit=_amount(change.limit, base.limit, None, f"{name}.limit"),
        weight=weight,
    )


def _amount(
    given: float | UnsetType | None, base: float | None, cleared: float | None, name: str
) -> float | None:
    if isinstance(given, UnsetType):
        return base
    if given is None:
        return cleared
    if given == UNLIMITED:
        return None
    _must_be(0 <= given <= MOST, name, "0 or more, or -1 for unlimited")
    return float(given)


def _must_be(true: bool, name: str, what: str) -> None:
    if not true:
        raise Invalid(f"{name} must be {what} (at most {MOST:.0f}).")


def _merged_memory(base: Quota, change: MemoryIn | UnsetType | None) -> tuple[Share, Units]:
    """What is not named keeps its amount of memory, so it is converted when the units change."""
    if isinstance(change, UnsetType):
        return base.memory, base.units
    if change is None:
        return FRESH.memory, FRESH.units
    units = base.units
    kept = base.memory
    if not isinstance(change.units, UnsetType) and change.units != base.units:
        units = change.units
        kept = _scaled(base.memory, MEGABYTES[base.units] / MEGABYTES[units])
    return _merged_share(kept, change, FRESH.memory, "memory"), units


def must_say_units(change: ResourcesIn) -> None:
    """Raises Invalid for an amount of memory without units: a factor of 1000 is nothing to guess."""
    memory = change.memory
    if not isinstance(memory, MemoryIn) or not isinstance(memory.units, UnsetType):
        return
    if any(isinstance(it, float) and it > 0 for it in (memory.deserved, memory.limit)):
        raise Invalid("memory.units must be given with an amount: one of Mib, MB, GB.")


def _scaled(share: Share, factor: float) -> Share:
    return replace(
        share,
        deserved=None if share.deserved is None else share.deserved * factor,
        limit=None if share.limit is None else share.limit * factor,
    )


def applied(
    current: Quotas, changes: Sequence[tuple[int, ResourcesIn]], pools: Iterable[int], *, whole: bool
) -> dict[int, Quota]:
    """The quota in each of `pools` after `changes`: all with `whole` (PUT), else what they name (PATCH).

    Raises Invalid for a node pool that stands twice, is not among `pools`, or gets an impossible amount.
    """
    known = list(pools)
    after = {pool: FRESH if whole else current.get(pool, FRESH) for pool in known}
    seen: set[int] = set()
    for pool, change in changes:
        if pool not in after:
            raise Invalid(f"There is no node pool {pool} in this cluster.")
        if pool in seen:
            raise Invalid(f"The node pool {pool} stands in resources twice.")
        seen.add(pool)
        if whole:
            must_say_units(change)
        after[pool] = merged(after[pool], change)
    return after


@dataclass(frozen=True, slots=True)
class Totals:
    """Quotas of all node pools together; None where one of them is unlimited."""

    gpu: float | None
    cpu: float | None
    megabytes: float | None


def totals(quotas: Iterable[Quota]) -> Totals:
    """What the quotas add up to."""
    each = list(quotas)
    return Totals(
        gpu=_sum(it.gpu.deserved for it in each),
        cpu=_sum(it.cpu.deserved for it in each),
        megabytes=_sum(it.megabytes.deserved for it in each),
    )


def _sum(amounts: Iterable[float | None]) -> float | None:
    found: list[float] = []
    for amount in amounts:
        if amount is None:
            return None
        found.append(amount)
    return fsum(found)


@dataclass(frozen=True, slots=True)
class Excess:
    """A resource of a node pool of which the projects are promised more than their department.

    `quota` is the department's, `assigned` the sum of the projects' (None: unlimited); memory in megabytes.
    """

    pool: int
    resource: str
    quota: float
    assigned: float | None


# Rounding of sums and of unit conversions must not put anybody over.
_SLACK = 1 + 1e-9


def exceeding(parent: Quotas, promised: Mapping[int, Totals]) -> list[Excess]:
    """Where `promised` (see there) is more than `parent` has, by node pool and resource."""
    found: list[Excess] = []
    for pool in sorted(promised):
        own = parent.get(pool, FRESH)
        for resource, backed, assigned in (
            ("gpu", own.gpu.guaranteed, promised[pool].gpu),
            ("cpu", own.cpu.guaranteed, promised[pool].cpu),
            ("memory", own.megabytes.guaranteed, promised[pool].megabytes),
        ):
            if backed is not None and (assigned is None or assigned > backed * _SLACK):
                found.append(Excess(pool, resource, backed, assigned))
    return found


def promised(children: Sequence[Quotas], pools: Iterable[int]) -> dict[int, Totals]:
    """What has to be backed in each of `pools` for `children` to get their quotas."""
    found: dict[int, Totals] = {}
    for pool in pools:
        theirs = [it.get(pool, FRESH) for it in children]
        found[pool] = Totals(
            gpu=_sum(it.gpu.guaranteed for it in theirs),
            cpu=_sum(it.cpu.guaranteed for it in theirs),
            megabytes=_sum(it.megabytes.guaranteed for it in theirs),
        )
    return found


def together(one: Mapping[int, Totals], other: Mapping[int, Totals]) -> dict[int, Totals]:
    """The sum of both in each node pool of either."""
    nothing = Totals(0.0, 0.0, 0.0)
    found: dict[int, Totals] = {}
    for pool in {*one, *other}:
        mine, theirs = one.get(pool, nothing), other.get(pool, nothing)
        found[pool] = Totals(
            gpu=_sum((mine.gpu, theirs.gpu)),
            cpu=_sum((mine.cpu, theirs.cpu)),
            megabytes=_sum((mine.megabytes, theirs.megabytes)),
        )
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """One attribute of one node pool that differs, by its name on the wire."""

    pool: int
    attribute: str
    before: float | str | None
    after: float | str | None


def difference(before: Quotas, after: Quotas) -> list[Step]:
    """Every attribute that `after` has and `before` has not."""
    found: list[Step] = []
    for pool in sorted({*before, *after}):
        old, new = (_attributes(it.get(pool, FRESH)) for it in (before, after))
        found += [Step(pool, name, old[name], new[name]) for name in new if old[name] != new[name]]
    return found


def _attributes(quota: Quota) -> dict[str, float | str | None]:
    found: dict[str, float | str | None] = {}
    for name, share in (("gpu", quota.gpu), ("cpu", quota.cpu), ("memory", quota.memory)):
        found[f"{name}.deserved"] = share.deserved
        found[f"{name}.limit"] = share.limit
        found[f"{name}.overQuotaWeight"] = share.weight
    found["memory.units"] = quota.units
    found["priority"] = quota.priority
    return found
