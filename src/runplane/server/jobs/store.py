"""SQL of the table of jobs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, insert, literal_column, select, update

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.ids import new_id
from runplane.server.jobs.model import LEASE_SECONDS, Job
from runplane.server.jobs.tables import jobs
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_DUE = Prepared(
    select(func.count()).select_from(
        select(jobs.c.id)
        .where(jobs.c.due_at <= bindparam("now"))
        .limit(literal_column("1", Integer()))
        .subquery()
    )
)
_NEXT = (
    select(jobs.c.id, jobs.c.tenant_id, jobs.c.kind, jobs.c.payload, jobs.c.attempts)
    .order_by(jobs.c.due_at, jobs.c.id)
    .limit(1)
    # Processes that look at once take different jobs instead of waiting for one another.
    .with_for_update(skip_locked=True)
)


def insert_job(unit: Unit, tenant_id: int, kind: str, payload: Mapping[str, Any]) -> None:
    """Put a job on the table, to be done as soon as this unit is committed."""
    row = {
        "id": new_id(),
        "tenant_id": tenant_id,
        "kind": kind,
        "payload": json.dumps(payload),
        "attempts": 0,
        "due_at": unit.now,
        "lease": None,
        "created_at": unit.now,
    }
    unit.execute(insert(jobs), row)


def has_due(reader: Reader, now: Instant) -> bool:
    """Whether there may be something to do. Cheap."""
    return bool(reader.scalar(_DUE, {"now": now}))


def lease_job(unit: Unit, kinds: Collection[str]) -> Job | None:
    """Take the job of one of `kinds` that is due longest, for LEASE_SECONDS; None where there is none."""
    row = unit.execute(_NEXT.where(jobs.c.due_at <= unit.now, jobs.c.kind.in_(sorted(kinds)))).first()
    if row is None:
        return None
    job = Job(row.id, row.tenant_id, row.kind, json.loads(row.payload), row.attempts + 1, new_id())
    until = instant(to_epoch(unit.now) + LEASE_SECONDS)
    values = {"attempts": job.attempts, "lease": job.lease, "due_at": until}
    unit.execute(update(jobs).where(jobs.c.id == job.id).values(**values))
    return job


def delete_job(unit: Unit, job: Job) -> bool:
    """Take a job off the table; False where the lease was lost to another process meanwhile."""
    gone = unit.execute(delete(jobs).where(jobs.c.id == job.id, jobs.c.lease == job.lease))
    return bool(gone.rowcount)


def postpone_job(unit: Unit, job: Job, until: Instant) -> None:
    """Give a job back, to be taken at `until`; nothing happens where the lease was lost."""
    mine = update(jobs).where(jobs.c.id == job.id, jobs.c.lease == job.lease)
    unit.execute(mine.values(lease=None, due_at=until))
