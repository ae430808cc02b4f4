"""SQL that only the management of people needs; what sign-in shares with it is in `identity.store`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.errors import AlreadyExists
from runplane.server.identity.logins.store import take_back_approvals
from runplane.server.identity.store import insert_user, update_user
from runplane.server.identity.tables import sessions, users
from runplane.server.sql.unit import Unit


def insert_person(unit: Unit, values: dict[str, Any]) -> None:
    """Store a person. Raises AlreadyExists when the address is taken, be it since a moment ago."""
    try:
        insert_user(unit, values)
    except IntegrityError as error:
        raise AlreadyExists("User", values["email"]) from error


def update_and_end_tokens(unit: Unit, tenant_id: int, user_id: str, values: dict[str, Any]) -> bool:
    """Change a person and make every token issued so far worthless; says whether there is such a person."""
    # The database adds, so that two who do this at once leave two epochs, not one.
    return update_user(unit, user_id, {**values, "epoch": users.c.epoch + 1}, tenant_id=tenant_id)


def revoke_other_sessions(unit: Unit, user_id: str, kept: str) -> None:
    """End every session of a person but one, and take back what would open another one."""
    take_back_approvals(unit, user_id)
    unit.execute(
        update(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.id != kept, sessions.c.revoked_at.is_(None))
        .values(revoked_at=unit.now)
    )
