"""Sums over departments or projects: the quotas that are stored, and what agents reported.

A sum with an unlimited quota in it is no number, so it is left out, and so is one of which nothing was
reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from runplane.server.core.scope import ScopeSet
from runplane.server.organization.quotas import MEGABYTES
from runplane.server.organization.units.model import UnitKind
from runplane.server.organization.units.reported import store
from runplane.server.organization.units.reported.model import RESOURCES, decoded
from runplane.server.sql.prepared import Reader

QUOTA: Final = "quota"


@dataclass(frozen=True, slots=True)
class Measure:
    """What to add up: the quota or one of `reported.model.USES`, of one of its RESOURCES."""

    what: str
    resource: str


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which amounts count; None does not narrow."""

    cluster: str | None = None
    pool: str | None = None
    pool_name: str | None = None
    department: str | None = None


EVERYTHING: Final = Narrowing()


class Part(NamedTuple):
    """One amount and where it belongs; None is an unlimited quota."""

    cluster: str
    department: int
    unit: int
    pool: int
    amount: float | None


class Sum(NamedTuple):
    """The sum of a group; `keys` has identifier and name of each thing grouped by."""

    value: float
    keys: tuple[tuple[str, str], ...]


def sums(
    reader: Reader,
    kind: UnitKind,
    tenant_id: int,
    scopes: ScopeSet,
    measure: Measure,
    groups: Sequence[str],
    narrowing: Narrowing = EVERYTHING,
) -> list[Sum]:
    """The sums over the units in `scopes`, ordered by what they are grouped by.

    `groups` are members of Part: cluster, department, unit, pool.
    """
    pools: Mapping[Any, str] = {}
    if narrowing.pool_name is not None or "pool" in groups:
        pools = store.select_names(reader, tenant_id, "pool")
    found: dict[tuple[Any, ...], float | None] = {}
    for part in _parts(reader, kind, tenant_id, scopes, measure):
        if _counts(part, narrowing, pools):
            key = tuple(getattr(part, name) for name in groups)
            before = found.get(key, 0.0)
            found[key] = None if before is None or part.amount is None else before + part.amount
    names = [_names(reader, kind, tenant_id, name, pools) for name in groups]
    return [
        Sum(value, tuple((str(ref), it.get(ref, "")) for ref, it in zip(key, names, strict=True)))
        for key, value in sorted(found.items(), key=lambda it: it[0])
        if value is not None
    ]


def _parts(
    reader: Reader, kind: UnitKind, tenant_id: int, scopes: ScopeSet, measure: Measure
) -> Iterable[Part]:
    if measure.what == QUOTA:
        return _quotas(store.select_quota_rows(reader, kind, tenant_id, scopes), measure.resource)
    return _reported(store.select_reports(reader, kind, tenant_id, scopes), measure)


def _quotas(rows: Iterable[Sequence[Any]], resource: str) -> Iterator[Part]:
    column = 4 + RESOURCES.index(resource)
    for row in rows:
        amount = row[column]
        if amount is not None and resource == "memory":
            amount *= MEGABYTES[row[7] or "MB"]
        yield Part(row[0], row[1], row[2], row[3], amount)


def _reported(rows: Iterable[Sequence[Any]], measure: Measure) -> Iterator[Part]:
    for cluster, department, unit, text in rows:
        for pool, use in decoded(text).pools.items():
            amount = getattr(getattr(use, measure.what), measure.resource)
            if amount is not None:
                yield Part(cluster, department, unit, pool, amount)


def _counts(part: Part, narrowing: Narrowing, pools: Mapping[Any, str]) -> bool:
    return (
        narrowing.cluster in (None, part.cluster)
        and narrowing.department in (None, str(part.department))
        and narrowing.pool in (None, str(part.pool))
        and (narrowing.pool_name is None or pools.get(part.pool) == narrowing.pool_name)
    )


def _names(
    reader: Reader, kind: UnitKind, tenant_id: int, group: str, pools: Mapping[Any, str]
) -> Mapping[Any, str]:
    if group == "pool":
        return pools
    return store.select_names(reader, tenant_id, kind.noun if group == "unit" else group)
