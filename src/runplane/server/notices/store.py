"""SQL of notices. Of replicas that decide on the same notice one inserts its row, and the others nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Integer, bindparam, delete, literal_column, select, text, update

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.ids import new_id
from runplane.server.identity.tables import clients, users
from runplane.server.notices.model import LEASE_SECONDS, Expiring, Key, Leased
from runplane.server.notices.tables import notices
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit

_KEY = (notices.c.credential_id, notices.c.expires_at, notices.c.days, notices.c.channel)
_ENDING = Prepared(
    select(clients.c.id, clients.c.created_at, clients.c.expires_at)
    .where(
        clients.c.enabled,
        clients.c.expires_at > bindparam("now"),
        clients.c.expires_at <= bindparam("until"),
    )
    .order_by(clients.c.expires_at, clients.c.id)
)
_DECIDED = Prepared(select(*_KEY).where(notices.c.expires_at > bindparam("now")))
# Both databases spell it so, and SQLAlchemy has a construct for each but none for both.
_CLAIM = Prepared(
    text(
        "INSERT INTO notices (credential_id, expires_at, days, channel, attempts, due_at) "
        "VALUES (:credential_id, :expires_at, :days, :channel, 0, :due_at) "
        "ON CONFLICT DO NOTHING RETURNING days"
    )
)
_DUE = Prepared(
    select(notices.c.days)
    .where(notices.c.channel == bindparam("channel"), notices.c.due_at <= bindparam("now"))
    .limit(literal_column("1", Integer()))
)
_NEXT = (
    select(*_KEY, notices.c.attempts)
    .order_by(notices.c.due_at)
    .limit(1)
    # Processes that look at once take different ones instead of waiting for one another.
    .with_for_update(skip_locked=True)
)
_CREDENTIAL = Prepared(
    select(
        clients.c.id,
        clients.c.tenant_id,
        tenants.c.name,
        clients.c.kind,
        clients.c.name,
        clients.c.client_id,
        users.c.email,
        clients.c.created_by,
        clients.c.expires_at,
    )
    .select_from(
        clients.join(tenants, tenants.c.id == clients.c.tenant_id).outerjoin(
            users, users.c.id == clients.c.owner_id
        )
    )
    .where(
        clients.c.id == bindparam("id"), clients.c.enabled, clients.c.expires_at == bindparam("expires_at")
    )
)


class Ending(NamedTuple):
    """A credential that is enabled and has an end."""

    id: str
    created_at: Instant
    expires_at: Instant


def select_ending(reader: Reader, now: Instant, until: Instant) -> list[Ending]:
    """The credentials in use that end after `now` and not after `until`, of every tenant, the nearest first.

    Those that the console counts: service accounts that are enabled, and access keys.
    """
    return [Ending(*row) for row in reader.all(_ENDING, {"now": now, "until": until})]


def select_decided(reader: Reader, now: Instant) -> set[Key]:
    """The notices that were decided on, of credentials that have not ended by `now`."""
    return {Key(*row) for row in reader.all(_DECIDED, {"now": now})}


def claim(unit: Unit, keys: Iterable[Key]) -> int:
    """Put notices on the table, due at once; returns how many nobody else had put there."""
    made = 0
    for key in keys:
        row = {
            "credential_id": key.credential_id,
            "expires_at": key.expires_at,
            "days": key.days,
            "channel": key.channel,
        }
        made += len(unit.all(_CLAIM, {**row, "due_at": unit.now}))
    return made


def has_due(reader: Reader, channel: str, now: Instant) -> bool:
    """Whether there may be something to deliver by a channel. Cheap."""
    return reader.one(_DUE, {"channel": channel, "now": now}) is not None


def lease(unit: Unit, channel: str) -> Leased | None:
    """Take the notice of a channel that is due longest, for LEASE_SECONDS; None where there is none."""
    row = unit.execute(_NEXT.where(notices.c.channel == channel, notices.c.due_at <= unit.now)).first()
    if row is None:
        return None
    *key, attempts = row
    leased = Leased(Key(*key), attempts + 1, new_id())
    until = instant(to_epoch(unit.now) + LEASE_SECONDS)
    values = {"attempts": leased.attempts, "lease": leased.lease, "due_at": until}
    unit.execute(update(notices).where(*_is(leased.key)).values(**values))
    return leased


def select_credential(reader: Reader, key: Key) -> Expiring | None:
    """The credential of a notice as it is now; None if it is gone, disabled, or ends at another time."""
    row = reader.one(_CREDENTIAL, {"id": key.credential_id, "expires_at": key.expires_at})
    if row is None:
        return None
    id_, tenant_id, tenant, kind, name, client_id, owner, created_by, expires_at = row
    return Expiring(id_, tenant_id, tenant, kind, name, client_id, owner or "", created_by, expires_at)


def settle(unit: Unit, leased: Leased, *, sent: bool) -> None:
    """Nothing is left to do for a notice; nothing happens where the lease was lost."""
    values = {"due_at": None, "lease": None, "sent_at": unit.now if sent else None}
    unit.execute(update(notices).where(*_mine(leased)).values(**values))


def postpone(unit: Unit, leased: Leased, until: Instant) -> None:
    """Give a notice back, to be taken at `until`; nothing happens where the lease was lost."""
    unit.execute(update(notices).where(*_mine(leased)).values(due_at=until, lease=None))


def withdraw(unit: Unit, leased: Leased) -> None:
    """Forget a notice, so that it can be decided on again."""
    unit.execute(delete(notices).where(*_mine(leased)))


def delete_ended(unit: Unit, before: Instant) -> None:
    """Forget the notices of credentials that ended before an instant."""
    unit.execute(delete(notices).where(notices.c.expires_at < before))


def _is(key: Key) -> list[ColumnElement[bool]]:
    values = (key.credential_id, key.expires_at, key.days, key.channel)
    return [column == value for column, value in zip(_KEY, values, strict=True)]


def _mine(leased: Leased) -> list[ColumnElement[bool]]:
    return [*_is(leased.key), notices.c.lease == leased.lease]
