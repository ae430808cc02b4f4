"""SQL of authorization codes and device codes.

A code is used up by one conditional UPDATE, so that of many who try at once exactly one succeeds. Used and
expired rows stay for an hour: one that comes back must be told from one that never was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.identity.logins.tables import authorization_codes, device_logins
from runplane.server.identity.tables import sessions
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class CodeRow:
    """An authorization code, known by its digest, with all it is bound to."""

    digest: bytes = field(repr=False)
    tenant_id: int
    client_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str
    scope: str
    user_id: str
    approved_in: str
    signed_in_at: Instant
    expires_at: Instant
    used_at: Instant | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device that waits to be let in. `approved` is None until a person decides."""

    digest: bytes = field(repr=False)
    tenant_id: int
    client_id: str
    scope: str
    source_ip: str
    created_at: Instant
    expires_at: Instant
    interval: int
    asked_at: Instant | None
    approved: bool | None
    user_id: str | None
    user_epoch: int | None
    signed_in_at: Instant | None
    used_at: Instant | None
    session_id: str | None


_CODE = Prepared(
    select(*(authorization_codes.c[name] for name in CodeRow.__slots__)).where(
        authorization_codes.c.digest == bindparam("digest"),
        authorization_codes.c.tenant_id == bindparam("tenant_id"),
    )
)
_DEVICE_COLUMNS = tuple(device_logins.c[name] for name in DeviceRow.__slots__)
_DEVICE = Prepared(
    select(*_DEVICE_COLUMNS).where(
        device_logins.c.digest == bindparam("digest"), device_logins.c.tenant_id == bindparam("tenant_id")
    )
)
_DEVICE_BY_USER_CODE = Prepared(
    select(*_DEVICE_COLUMNS).where(
        device_logins.c.user_code_digest == bindparam("digest"),
        device_logins.c.tenant_id == bindparam("tenant_id"),
    )
)
_WAITING = Prepared(
    select(func.count())
    .select_from(device_logins)
    .where(
        device_logins.c.tenant_id == bindparam("tenant_id"),
        device_logins.c.source_network == bindparam("source_network"),
        device_logins.c.approved.is_(None),
        device_logins.c.expires_at > bindparam("now"),
    )
)
_SIGNED_IN_AT = Prepared(select(sessions.c.created_at).where(sessions.c.id == bindparam("id")))


def insert_code(unit: Unit, row: CodeRow) -> None:
    """Store a code, and forget those that expired long ago."""
    unit.execute(delete(authorization_codes).where(authorization_codes.c.expires_at <= _long_ago(unit)))
    unit.execute(insert(authorization_codes), {name: getattr(row, name) for name in CodeRow.__slots__})


def select_code(reader: Reader, tenant_id: int, digest: bytes) -> CodeRow | None:
    """A code of a tenant, used and expired ones included."""
    row = reader.one(_CODE, {"digest": digest, "tenant_id": tenant_id})
    return CodeRow(*row) if row else None


def use_code(unit: Unit, digest: bytes) -> bool:
    """Use a code up; False when that has been done, or when it has expired."""
    table = authorization_codes
    unused = (table.c.digest == digest, table.c.used_at.is_(None), table.c.expires_at > unit.now)
    return unit.execute(update(table).where(*unused).values(used_at=unit.now)).rowcount == 1


def note_session_of_code(unit: Unit, digest: bytes, session_id: str) -> None:
    """Remember what a used code opened."""
    table = authorization_codes
    unit.execute(update(table).where(table.c.digest == digest).values(session_id=session_id))


def insert_device(unit: Unit, values: dict[str, Any]) -> bool:
    """Store a device that waits, and forget those that expired long ago. False if the user code is taken."""
    unit.execute(delete(device_logins).where(device_logins.c.expires_at <= _long_ago(unit)))
    try:
        with unit.connection.begin_nested():
            unit.execute(insert(device_logins), values)
    except IntegrityError:
        return False
    return True


def select_device(reader: Reader, tenant_id: int, digest: bytes) -> DeviceRow | None:
    """A device by the digest of its device code."""
    return _device_of(reader.one(_DEVICE, {"digest": digest, "tenant_id": tenant_id}))


def select_device_by_user_code(reader: Reader, tenant_id: int, digest: bytes) -> DeviceRow | None:
    """A device by the digest of the code its user types."""
    return _device_of(reader.one(_DEVICE_BY_USER_CODE, {"digest": digest, "tenant_id": tenant_id}))


def count_waiting(reader: Reader, tenant_id: int, network: str, at: Instant) -> int:
    """How many devices of one address, or network of IPv6, wait for a decision."""
    return reader.scalar(_WAITING, {"tenant_id": tenant_id, "source_network": network, "now": at})


def note_question(unit: Unit, digest: bytes, interval: int) -> None:
    """Note that a device asked now and how long it has to wait until it may again."""
    unit.execute(
        update(device_logins)
        .where(device_logins.c.digest == digest)
        .values(asked_at=unit.now, interval=interval)
    )


def decide_device(unit: Unit, digest: bytes, values: dict[str, Any]) -> bool:
    """Store a person's decision; False when one was made before, or the time was up."""
    table = device_logins
    open_now = (table.c.digest == digest, table.c.approved.is_(None), table.c.expires_at > unit.now)
    return unit.execute(update(table).where(*open_now).values(**values)).rowcount == 1


def take_back_approvals(unit: Unit, user_id: str) -> None:
    """Refuse the devices that a person let in and that have not asked since."""
    table = device_logins
    waiting = (table.c.user_id == user_id, table.c.approved, table.c.used_at.is_(None))
    unit.execute(update(table).where(*waiting).values(approved=False))


def use_device(unit: Unit, digest: bytes) -> bool:
    """Use an approved device code up; False when that has been done."""
    table = device_logins
    unused = (table.c.digest == digest, table.c.used_at.is_(None), table.c.approved)
    return unit.execute(update(table).where(*unused).values(used_at=unit.now)).rowcount == 1


def note_session_of_device(unit: Unit, digest: bytes, session_id: str) -> None:
    """Remember what a used device code opened."""
    unit.execute(update(device_logins).where(device_logins.c.digest == digest).values(session_id=session_id))


def signed_in_at(reader: Reader, session_id: str) -> Instant:
    """When a session known to exist was opened."""
    return reader.scalar(_SIGNED_IN_AT, {"id": session_id})


def _device_of(row: Any) -> DeviceRow | None:
    if row is None:
        return None
    found = dict(zip(DeviceRow.__slots__, row, strict=True))
    # SQLite has numbers in the place of booleans
    found["approved"] = None if found["approved"] is None else bool(found["approved"])
    return DeviceRow(**found)


def _long_ago(unit: Unit) -> Instant:
    return instant(to_epoch(unit.now) - _KEPT_SECONDS)
