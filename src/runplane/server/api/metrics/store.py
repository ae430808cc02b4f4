"""SQL of the figures that lie in the database. Each statement is one pass over a small table or an index."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import case, func, select

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.identity.tables import clients, signing_keys
from runplane.server.jobs.tables import jobs
from runplane.server.organization.clusters.tables import clusters
from runplane.server.sql.unit import Unit

DAYS: Final = (1, 7, 14)
"""The windows in which credentials that expire are counted; the same as of the notices."""
_DAY: Final = 86_400


class Expiry(NamedTuple):
    """Of one kind of credential: seconds to the nearest expiry, and how many expire within each of DAYS."""

    kind: str
    nearest: float
    within: dict[int, int]


class Stored(NamedTuple):
    """What the database tells. Ages are in seconds; None where there is nothing that could have one."""

    expiries: list[Expiry]
    key_age: float | None
    jobs: int
    job_age: float | None
    agents: int
    report_age: float | None


def read_figures(unit: Unit) -> Stored:
    """Read everything, in the sight of all tenants."""
    due: Any = unit.execute(
        select(func.count(), func.min(jobs.c.due_at)).where(jobs.c.due_at <= unit.now)
    ).one()
    spoken: Any = unit.execute(
        select(func.count(), func.min(clusters.c.last_liveness)).where(
            clusters.c.last_liveness.is_not(None), clusters.c.delete_requested_at.is_(None)
        )
    ).one()
    return Stored(
        [*_expiries(unit)], _key_age(unit), due[0], _age(unit, due[1]), spoken[0], _age(unit, spoken[1])
    )


def _expiries(unit: Unit) -> list[Expiry]:
    c = clients.c
    here = to_epoch(unit.now)
    counts = [
        func.sum(case((c.expires_at <= instant(here + days * _DAY), 1), else_=0)).label(f"d{days}")
        for days in DAYS
    ]
    living = (c.enabled.is_(True), c.expires_at.is_not(None), c.expires_at > unit.now)
    found: Any = unit.execute(
        select(c.kind, func.min(c.expires_at), *counts).where(*living).group_by(c.kind).order_by(c.kind)
    )
    return [
        Expiry(row[0], to_epoch(row[1]) - here, dict(zip(DAYS, map(int, row[2:]), strict=True)))
        for row in found
    ]


def _key_age(unit: Unit) -> float | None:
    """Of the tenant whose key has signed longest."""
    k = signing_keys.c
    newest = (
        select(func.max(k.active_from).label("since"))
        .where(k.active_from <= unit.now, (k.retired_at.is_(None)) | (k.retired_at > unit.now))
        .group_by(k.tenant_id)
        .subquery()
    )
    return _age(unit, unit.execute(select(func.min(newest.c.since))).scalar())


def _age(unit: Unit, since: Any) -> float | None:
    return None if since is None else max(0.0, to_epoch(unit.now) - to_epoch(Instant(since)))
