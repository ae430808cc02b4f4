"""The unit of work: one transaction, opened by the pipeline, committed by the pipeline, by nothing else.

A unit is also a Reader, so stores use one object for hot prepared reads and for statements built with
SQLAlchemy. `changed()` marks the tenant whose identities or access this unit alters: its version is raised in
the same transaction and caches are told after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, bindparam, func, select, update

from runplane.server.core.clock import Clock, Instant, now
from runplane.server.core.errors import Unavailable
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.prepared import Listed, Prepared, RawReader, Row
from runplane.server.sql.schema import tenants
from runplane.server.sql.tallies import Tallies

T = TypeVar("T")

_TAKE_TURNS = Prepared(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), 0))))

_VERSION = Prepared(select(tenants.c.version).where(tenants.c.id == bindparam("tenant_id")))

_ATTEMPTS = 3
# Serialization failure, deadlock, and a plan that a migration made void: the whole handler may run again
# (PostgreSQL error codes).
_RETRY_STATES = frozenset({"40001", "40P01", "0A000"})
_OUTAGE = frozenset({"OperationalError", "InterfaceError"})
# Of PostgreSQL's InternalErrors those that pass: a server that became a standby, a transaction idle too long.
_OUTAGE_STATES = frozenset({"25006", "25P03"})


class Unit:
    """One transaction and what belongs to it."""

    __slots__ = ("_after_commit", "_changed", "_reader", "_tallies", "connection", "now", "statements")

    def __init__(self, connection: Connection, at: Instant, tallies: Tallies) -> None:
        self.connection = connection
        self.now = at
        self.statements = 0
        self._reader = RawReader(connection.connection.dbapi_connection, connection.dialect)
        self._changed: set[int] = set()
        self._after_commit: list[Callable[[], None]] = []
        self._tallies = tallies

    @property
    def listed(self) -> list[Listed]:
        """The pages of lists that were read, for the kernel's headers."""
        return self._reader.listed

    def one(self, query: Prepared, params: Mapping[str, Any]) -> Row | None:
        self.statements += 1
        return self._reader.one(query, params)

    def all(self, query: Prepared, params: Mapping[str, Any]) -> list[Row]:
        self.statements += 1
        return self._reader.all(query, params)

    def scalar(self, query: Prepared, params: Mapping[str, Any]) -> Any:
        self.statements += 1
        return self._reader.scalar(query, params)

    def execute(self, statement: Executable, params: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy statement; `params` is a mapping, or a list of them for many rows."""
        self.statements += 1
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
        self._tallies = Tallies()

    def read(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a transaction that is always rolled back; otherwise as `write`."""
        return self._run(job, reading=True)

    def write(self, job: Callable[[Unit], T]) -> T:
        """Run `job` in a transaction and commit it.

        The job runs again, at most three times in all, when the database reports a serialization failure
        or a deadlock, or when a kept connection turns out to be dead, so it must not touch anything but the
        unit. Raises Unavailable when the database cannot be reached, is full, read-only or too busy; nothing
        is stored then, unless the connection broke while it answered the commit.
        """
        return self._run(job, reading=False)

    def _run(self, job: Callable[[Unit], T], *, reading: bool) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(job, reading=reading)
            except _Failed as failed:
                if attempt == _ATTEMPTS or not failed.again:
                    raise as_unavailable(failed.error) from failed.error
        raise AssertionError("unreachable")

    def _once(self, job: Callable[[Unit], T], *, reading: bool) -> T:
        kept = self.database.has_kept(reading=reading)
        try:
            connection = self.database.kept_connection(reading=reading)
            transaction = connection.begin()
            unit = Unit(connection, now(self.clock), self._tallies)
        except self.database.errors as error:
            self.database.drop_kept(reading=reading)
            raise _Failed(error, again=False) from error
        committing = False
        try:
            result = job(unit)
            if reading:
                transaction.rollback()
                return result
            unit.seal()
            committing = True
            transaction.commit()
        except self.database.errors as error:
            # A connection that died while nobody used it says so at its first statement. What broke at the
            # commit may have been stored.
            again = kept and not committing and self.database.is_lost(error, unit.raw)
            self._undo(transaction, reading=reading, broken=True)
            raise _Failed(error, again=again or _sqlstate(error) in _RETRY_STATES) from error
        except BaseException:
            self._undo(transaction, reading=reading)
            raise
        unit.committed(self.freshness)
        return result

    def _undo(self, transaction: Any, *, reading: bool, broken: bool = False) -> None:
        # After a driver error the connection is not trusted again: a failed fsync must never be followed
        # by a success on the same handle.
        try:
            if transaction.is_active:
                transaction.rollback()
        except self.database.errors:
            broken = True
        if broken:
            self.database.drop_kept(reading=reading)


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
        return Unavailable("The database cannot answer right now; try again shortly.", retry_after=1)
    return error
