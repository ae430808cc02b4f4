"""The unit of work: one transaction, opened by the pipeline, committed by the pipeline, by nothing else.

A unit is also a Reader, so stores use one object for hot prepared reads and for statements built with
SQLAlchemy. `changed()` marks the tenant whose identities or access this unit alters: its version is raised in
the same transaction and caches are told after the commit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, bindparam, func, select, update

from runplane.server.core.clock import Clock, Instant, now
from runplane.server.core.errors import Unavailable
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.prepared import Listed, Prepared, RawReader, Row
from runplane.server.sql.schema import tenants
from runplane.server.sql.storage import Storage, trouble_of
from runplane.server.sql.tallies import Tallies
from runplane.server.sql.watchdog import Session, UnitSession

T = TypeVar("T")

_TAKE_TURNS = Prepared(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), 0))))

_VERSION = Prepared(select(tenants.c.version).where(tenants.c.id == bindparam("tenant_id")))

_ATTEMPTS = 3
# A unit that has taken longer is not run again: what a hung database makes of it must stay below 15 seconds.
_RETRY_WITHIN = 5.0
# Two units that collided would collide again if they came back at the same moment.
_JITTER = 0.02
# Serialization failure, deadlock, a plan that a migration made void, and a refusal of all writing, after
# which there may be another primary: the whole handler may run again (PostgreSQL error codes).
_RETRY_STATES = frozenset({"40001", "40P01", "0A000", "25006"})
# A server that became a standby, or whose operator stopped all writing.
_READ_ONLY = "25006"
# What one session of this process says is so for all that were opened before.
_ALL_STATES = frozenset({_READ_ONLY, "0A000"})
_OUTAGE = frozenset({"OperationalError", "InterfaceError"})
# Of PostgreSQL's InternalErrors those that pass: a server that became a standby, a transaction idle too long.
_OUTAGE_STATES = frozenset({_READ_ONLY, "25P03"})


class Unit:
    """One transaction and what belongs to it."""

    __slots__ = ("_after_commit", "_changed", "_reader", "_tallies", "connection", "now")

    def __init__(self, connection: Connection, at: Instant, tallies: Tallies) -> None:
        self.connection = connection
        self.now = at
        self._reader = RawReader(connection.connection.dbapi_connection, connection.dialect)
        self._changed: set[int] = set()
        self._after_commit: list[Callable[[], None]] = []
        self._tallies = tallies

    @property
    def listed(self) -> list[Listed]:
        """The pages of lists that were read, for the kernel's headers."""
        return self._reader.listed

    @property
    def statements(self) -> int:
        """How many statements it has sent."""
        return self._reader.statements

    def one(self, query: Prepared, params: Mapping[str, Any]) -> Row | None:
        return self._reader.one(query, params)

    def all(self, query: Prepared, params: Mapping[str, Any]) -> list[Row]:
        return self._reader.all(query, params)

    def scalar(self, query: Prepared, params: Mapping[str, Any]) -> Any:
        return self._reader.scalar(query, params)

    def execute(self, statement: Executable, params: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy statement; `params` is a mapping, or a list of them for many rows."""
        self._reader.statements += 1
        return self.connection.execute(statement, params)

    def changed(self, tenant_id: int) -> None:
        """What this unit writes may alter what tokens of the tenant are allowed."""
        self._changed.add(tenant_id)

    def tally(self, tenant_id: int, key: Hashable, count: Callable[[], int]) -> int:
        """`count()`, or what it gave when the tenant was last as it is now.

        For numbers that only change together with `changed(tenant_id)`; `key` says what is counted.
        """
        if tenant_id in self._changed:
            return count()
        # The version first: a change that is committed in between makes the number newer than its version,
        # and nobody reads that version any more.
        version = self.scalar(_VERSION, {"tenant_id": tenant_id})
        number = self._tallies.recall((tenant_id, key), version)
        if number is None:
            number = count()
            self._tallies.keep((tenant_id, key), version, number)
        return number

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Run `hook` once the transaction is durable, before the answer leaves."""
        self._after_commit.append(hook)

    def take_turns(self, key: str) -> None:
        """Wait until no other unit that named the same `key` is open. Name one key per unit, and first."""
        # SQLite lets one unit write at a time as it is.
        if self.connection.dialect.name == "postgresql":
            self.one(_TAKE_TURNS, {"key": key})

    @property
    def raw(self) -> Any:
        """The driver's connection."""
        return self._reader.raw

    def seal(self) -> None:
        """Raise the versions of changed tenants; the last statement of the transaction."""
        for tenant_id in sorted(self._changed):
            self.execute(
                update(tenants).where(tenants.c.id == tenant_id).values(version=tenants.c.version + 1)
            )

    def committed(self, freshness: Freshness) -> None:
        """Tell the caches, then the hooks."""
        for tenant_id in self._changed:
            freshness.changed(tenant_id)
        for hook in self._after_commit:
            hook()


class Units:
    """Opens units. `work` runs in the calling thread and blocks: call it from a worker thread."""

    def __init__(self, database: Database, freshness: Freshness, clock: Clock) -> None:
        self.database = database
        self.freshness = freshness
        self.clock = clock
        self.storage = Storage()
        # units that failed for good, for the metrics; a lost count is no harm
        self.failures = 0
        self._tallies = Tallies()

    def read(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a transaction that is always rolled back; otherwise as `write`."""
        return self._run(job, reading=True)

    def write(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a transaction and commit it.

        The job runs again, at most three times in all and only within the first seconds, when the database
        reports a serialization failure or a deadlock, takes no writes any more, or when a kept connection
        turns out to be dead, so it must not touch anything but the unit. Raises Unavailable when the database
        cannot be reached, does not answer, is full, read-only or too busy; nothing is stored then, unless
        the connection broke while it answered the commit.
        """
        return self._run(job, reading=False)

    def _run(self, job: Callable[[Unit], T], *, reading: bool) -> T:
        started = time.monotonic()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(job, reading=reading)
            except _Failed as failed:
                late = time.monotonic() - started > _RETRY_WITHIN
                if attempt == _ATTEMPTS or late or not failed.again:
                    self.failures += 1
                    if not reading:
                        self.storage.failed(failed.error)
                    raise as_unavailable(failed.error) from failed.error
                time.sleep(random.uniform(0, attempt * _JITTER))  # noqa: S311 - only spreads
        raise AssertionError("unreachable")

    def _once(self, job: Callable[[Unit], T], *, reading: bool) -> T:
        session = self._begin(reading)
        session.committing = False
        try:
            transaction = session.connection.begin()
            unit = session.work = Unit(session.connection, now(self.clock), self._tallies)
        except self.database.errors as error:
            self.database.drop(session)
            raise _Failed(error, again=False) from error
        try:
            result = job(unit)
            if reading:
                transaction.rollback()
            else:
                unit.seal()
                session.committing = True
                transaction.commit()
        except self.database.errors as error:
            raise self._failed(error, session, transaction) from error
        except BaseException:
            self._undo(transaction, session)
            raise
        self.database.give_back(session)
        if reading:
            return result
        self.storage.worked()
        unit.committed(self.freshness)
        return result

    def _begin(self, reading: bool) -> UnitSession:
        try:
            return self.database.borrow(reading=reading)
        except self.database.errors as error:
            raise _Failed(error, again=False) from error

    def judge(self, error: Exception, session: Session) -> bool:
        """Whether what failed in `session` with one of the database's errors can safely be done again.

        Sessions that cannot be better are not used any more. The caller drops this one. Raises RuntimeError
        when what only reads tried to write.
        """
        lost = self.database.is_lost(error, session.raw) and not session.committing
        state = _sqlstate(error)
        if session.reading and state == _READ_ONLY:
            raise RuntimeError("what only reads tried to write") from error
        if lost or state in _ALL_STATES:
            # The others were opened before this one failed, and must not fail one after the other.
            self.database.distrust()
        # A connection that died while nobody used it says so at its first statement. What broke at the commit
        # may have been stored.
        return (lost and session.used) or state in _RETRY_STATES

    def _failed(self, error: Exception, session: UnitSession, transaction: Any) -> _Failed:
        try:
            return _Failed(error, again=self.judge(error, session))
        finally:
            self._undo(transaction, session, broken=True)

    def _undo(self, transaction: Any, session: UnitSession, *, broken: bool = False) -> None:
        # After a driver error the connection is not trusted again: a failed fsync must never be followed
        # by a success on the same handle.
        try:
            if transaction.is_active:
                transaction.rollback()
        except self.database.errors:
            broken = True
        if broken:
            self.database.drop(session)
        else:
            self.database.give_back(session)


class _Failed(Exception):
    """A unit failed in the database; `again` says that its job can safely run once more."""

    def __init__(self, error: Exception, *, again: bool) -> None:
        super().__init__()
        self.error = error
        self.again = again


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", error), "sqlstate", None)


def as_unavailable(error: Exception) -> Exception:
    """Unavailable where `error` says that the database cannot work now; otherwise `error` itself, a bug."""
    # Driver classes carry the same names as SQLAlchemy's: the DB API fixes them. psycopg raises subclasses.
    outage = any(kind.__name__ in _OUTAGE for kind in type(error).__mro__)
    if outage or _sqlstate(error) in _OUTAGE_STATES:
        sentence = trouble_of(error) or "The database cannot answer right now; try again shortly."
        return Unavailable(sentence, retry_after=1)
    return error
