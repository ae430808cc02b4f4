"""SQL that writes the audit log and the ledger; the rooms that read them have their own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update

from runplane.server.audit.tables import audit_log, deprecated_calls
from runplane.server.sql.unit import Unit


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
