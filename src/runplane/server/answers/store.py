"""SQL of kept answers.

`claim` is one INSERT and not a look before it: of two transactions with the same request the second waits in
the index until the first is done, on both databases, and then sees what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, select, text, update

from runplane.server.answers.tables import kept_answers
from runplane.server.core.clock import Instant
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_T = kept_answers.c
_THIS = (_T.lookup == bindparam("of"), _T.id == bindparam("key"))

# Both databases spell it so, and SQLAlchemy has a construct for each but none for both.
_CLAIM = Prepared(
    text(
        "INSERT INTO kept_answers (lookup, id, tenant_id, request, sealed, lost, created_at, expires_at) "
        "VALUES (:lookup, :id, :tenant_id, :request, :sealed, :lost, :created_at, :expires_at) "
        "ON CONFLICT (lookup) DO UPDATE SET id = excluded.id, request = excluded.request, "
        "sealed = excluded.sealed, lost = excluded.lost, created_at = excluded.created_at, "
        "expires_at = excluded.expires_at "
        "WHERE kept_answers.expires_at <= excluded.created_at OR kept_answers.id = :settled "
        "RETURNING id"
    )
)
_KEPT = Prepared(select(_T.id, _T.request, _T.sealed, _T.lost).where(_T.lookup == bindparam("lookup")))
# RETURNING only so that it can be a prepared statement
_FILL = Prepared(update(kept_answers).where(*_THIS).values(sealed=bindparam("answer")).returning(_T.id))
_LOSE = update(kept_answers).where(*_THIS).values(lost=True)
_DELETE = delete(kept_answers).where(*_THIS)
_EXPIRED = Prepared(select(func.min(_T.expires_at)))
_TRY_TURN = Prepared(select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("key"), 0))))


class Kept(NamedTuple):
    """An answer as it is stored."""

    id: str
    request: bytes
    sealed: bytes
    lost: bool


def claim(unit: Unit, row: dict[str, Any], settled: str) -> bool:
    """Put `row` where there is none, or one that has expired or is the answer `settled`; says whether it did.

    Waits for a transaction that is about to do the same.
    """
    return bool(unit.all(_CLAIM, {**row, "settled": settled}))


def select_kept(reader: Reader, lookup: bytes) -> Kept | None:
    """The answer under a look-up."""
    row = reader.one(_KEPT, {"lookup": lookup})
    return Kept(row[0], bytes(row[1]), bytes(row[2]), bool(row[3])) if row else None


def fill(unit: Unit, lookup: bytes, key: str, sealed: bytes) -> None:
    """Store the answer of a claimed row."""
    unit.one(_FILL, {"of": lookup, "key": key, "answer": sealed})


def mark_lost(unit: Unit, rows: Iterable[tuple[bytes, str]]) -> None:
    """Note that these answers, (look-up, id), did not arrive."""
    unit.execute(_LOSE, [{"of": lookup, "key": key} for lookup, key in rows])


def delete_kept(unit: Unit, rows: Iterable[tuple[bytes, str]]) -> None:
    """Forget these answers, (look-up, id)."""
    unit.execute(_DELETE, [{"of": lookup, "key": key} for lookup, key in rows])


def has_expired(reader: Reader, now: Instant) -> bool:
    """Whether there is anything for `delete_expired`. Cheap."""
    first = reader.scalar(_EXPIRED, {})
    return first is not None and first <= now


def delete_expired(unit: Unit) -> None:
    """Forget what is over."""
    unit.execute(delete(kept_answers).where(_T.expires_at <= unit.now))


def try_turn(unit: Unit, lookup: bytes) -> bool:
    """Whether no other open unit has asked this for the same look-up; does not wait."""
    # SQLite lets one unit write at a time as it is.
    if unit.connection.dialect.name != "postgresql":
        return True
    return bool(unit.scalar(_TRY_TURN, {"key": f"answer:{lookup.hex()}"}))
