"""SQL that writes the audit log, its chain and the ledger; the rooms that read them have their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, delete, func, insert, literal_column, select, text, update

from runplane.server.audit.sealing import CONTENT, REFUSED, Ends
from runplane.server.audit.tables import audit_chains, audit_keys, audit_log, deprecated_calls
from runplane.server.core.clock import Instant
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_KEY: int = 1
_A = audit_log.c
_C = audit_chains.c

_WAITING = Prepared(
    select(func.count()).select_from(
        select(_A.id).where(_A.position.is_(None)).limit(literal_column("1", Integer())).subquery()
    )
)
_OLDEST_WAITING = Prepared(select(func.min(_A.id)).where(_A.position.is_(None)))
_NEXT_TENANT = Prepared(
    select(func.min(_A.tenant_id)).where(_A.position.is_(None), _A.tenant_id > bindparam("after"))
)
_NEXT_IN_LOG = Prepared(select(func.min(_A.tenant_id)).where(_A.tenant_id > bindparam("after")))
_ENDS = (*(_C[name] for name in Ends._fields), _C.mac)
_RECORD = (*(_A[name] for name in CONTENT), _A.digest, _A.position, _A.hash)
_OF_TENANT = _A.tenant_id == bindparam("of")
_SEAL = (
    update(audit_log)
    .where(_A.id == bindparam("key"), _A.position.is_(None))
    .values(position=bindparam("place"), digest=bindparam("proof"), hash=bindparam("tie"))
)
_REFUSE = update(audit_log).where(_A.id == bindparam("key"), _A.position.is_(None)).values(position=REFUSED)


class Sealed(NamedTuple):
    """What sealing writes into a row."""

    id: str
    position: int
    digest: bytes
    hash: bytes


def insert_rows(unit: Unit, rows: list[dict[str, Any]]) -> None:
    """Store records of the audit log."""
    unit.execute(insert(audit_log), rows)


def add_deprecated_calls(unit: Unit, row: dict[str, Any]) -> bool:
    """Add to the count of a caller, program and route; True when it was not known before."""
    table = deprecated_calls
    changed = unit.execute(
        update(table)
        .where(
            table.c.tenant_id == row["tenant_id"],
            table.c.subject_type == row["subject_type"],
            table.c.subject_id == row["subject_id"],
            table.c.operation_id == row["operation_id"],
            table.c.user_agent == row["user_agent"],
        )
        .values(
            subject=row["subject"],
            successor=row["successor"],
            last_seen=row["last_seen"],
            calls=table.c.calls + row["calls"],
        )
    )
    if changed.rowcount:
        return False
    unit.execute(insert(table), row)
    return True


def keep_newest_deprecated_calls(unit: Unit, tenant_id: int, most: int) -> None:
    """Forget all but the `most` rows of a tenant that were seen last."""
    table = deprecated_calls
    newest_first = (table.c.last_seen.desc(), table.c.id.desc())
    old = select(table.c.id).where(table.c.tenant_id == tenant_id).order_by(*newest_first)
    for (key,) in unit.execute(old.limit(1000).offset(most)).all():
        unit.execute(delete(table).where(table.c.id == key))


def select_audit_key(unit: Unit) -> bytes | None:
    """The sealed key of the log."""
    found = unit.execute(select(audit_keys.c.sealed).where(audit_keys.c.id == _KEY)).scalar()
    return None if found is None else bytes(found)


def insert_audit_key(unit: Unit, sealed: bytes) -> None:
    """Store the key of the log, once."""
    unit.execute(insert(audit_keys), {"id": _KEY, "sealed": sealed, "created_at": unit.now})


def has_waiting(reader: Reader) -> bool:
    """Whether a row waits to be sealed. Cheap."""
    return bool(reader.scalar(_WAITING, {}))


def oldest_waiting(reader: Reader) -> str | None:
    """The id of the row that waits longest, None where none does. Cheap while few wait."""
    return reader.scalar(_OLDEST_WAITING, {})


def next_waiting_tenant(reader: Reader, after: int) -> int | None:
    """The first tenant above `after` that has waiting rows. Cheap."""
    return reader.scalar(_NEXT_TENANT, {"after": after})


def select_waiting(unit: Unit, tenant_id: int, limit: int, after: str = "") -> Sequence[Any]:
    """Waiting rows of a tenant behind the id `after`, oldest first."""
    chosen = select(*_RECORD).where(_OF_TENANT, _A.position.is_(None), _A.id > after)
    return unit.execute(chosen.order_by(_A.id).limit(limit), {"of": tenant_id}).all()


def seal_rows(unit: Unit, rows: list[Sealed]) -> None:
    """Give rows their places."""
    unit.execute(
        _SEAL, [{"key": it.id, "place": it.position, "proof": it.digest, "tie": it.hash} for it in rows]
    )


def refuse_rows(unit: Unit, ids: list[str]) -> None:
    """Mark rows that no server has written."""
    unit.execute(_REFUSE, [{"key": it} for it in ids])


def select_ends(unit: Unit, tenant_id: int) -> tuple[Ends, bytes] | None:
    """The ends of a tenant's chain and their proof."""
    row = unit.execute(select(*_ENDS).where(_C.tenant_id == tenant_id)).first()
    if row is None:
        return None
    ends = Ends(
        row.tenant_id,
        row.position,
        bytes(row.hash),
        row.pruned_position,
        bytes(row.pruned_hash),
        row.pruned_until,
    )
    return ends, bytes(row.mac)


def write_ends(unit: Unit, ends: Ends, mac: bytes) -> None:
    """Store the ends of a tenant's chain."""
    values = {**ends._asdict(), "mac": mac}
    if not unit.execute(update(audit_chains).where(_C.tenant_id == ends.tenant_id).values(**values)).rowcount:
        unit.execute(insert(audit_chains), values)


def has_places(unit: Unit, tenant_id: int, up_to: int | None = None) -> bool:
    """Whether a tenant has rows with a place in a chain, at most at `up_to`."""
    placed = select(_A.id).where(_OF_TENANT, _A.position >= 0)
    if up_to is not None:
        placed = placed.where(_A.position <= up_to)
    return unit.execute(placed.limit(1), {"of": tenant_id}).first() is not None


def select_chain(unit: Unit, tenant_id: int, after: tuple[int, str], limit: int) -> Sequence[Any]:
    """Rows of a tenant's chain behind a position and id, in the order of the chain."""
    position, key = after
    later = (_A.position > position) | ((_A.position == position) & (_A.id > key))
    chosen = select(*_RECORD).where(_OF_TENANT, _A.position >= position, later)
    return unit.execute(chosen.order_by(_A.position, _A.id).limit(limit), {"of": tenant_id}).all()


def select_refused(unit: Unit, tenant_id: int) -> Any:
    """The first row of a tenant that no server has written, or None."""
    chosen = select(_A.id, _A.timestamp).where(_OF_TENANT, _A.position == REFUSED)
    return unit.execute(chosen.order_by(_A.id).limit(1), {"of": tenant_id}).first()


def select_oldest(unit: Unit, tenant_id: int, after: int, present: Instant, limit: int) -> Sequence[Any]:
    """Position, hash and timestamp of the first rows of a chain behind a position; none of the future."""
    chosen = select(_A.position, _A.hash, _A.timestamp).where(
        _OF_TENANT, _A.position > after, _A.timestamp <= present
    )
    return unit.execute(chosen.order_by(_A.position).limit(limit), {"of": tenant_id}).all()


def delete_chain(unit: Unit, tenant_id: int, after: int, up_to: int) -> int:
    """Delete the rows of a piece of a chain; returns their number."""
    piece = (_A.position > after, _A.position <= up_to)
    return unit.execute(delete(audit_log).where(_A.tenant_id == tenant_id, *piece)).rowcount


def delete_refused(unit: Unit, tenant_id: int, before: Instant) -> None:
    """Delete what no server has written and is out of date too."""
    old = (_A.position == REFUSED, _A.timestamp < before)
    unit.execute(delete(audit_log).where(_A.tenant_id == tenant_id, *old))


def tenants_in_log(unit: Unit) -> list[int]:
    """The tenants that have records or a chain, in order. Reads no more than one row for each."""
    found = {int(it) for it in unit.execute(select(_C.tenant_id)).scalars()}
    after = -1
    while (after := unit.scalar(_NEXT_IN_LOG, {"after": after})) is not None:
        found.add(after)
    return sorted(found)


def hold_still(unit: Unit) -> None:
    """Have the whole unit see the database as it is now; call it before anything else."""
    if unit.connection.dialect.name == "postgresql":
        unit.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
