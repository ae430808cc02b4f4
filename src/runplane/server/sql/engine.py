"""The database: one SQLAlchemy engine on SQLite or PostgreSQL, set up so that a commit means "on disk".

SQLite runs in WAL mode with synchronous=FULL: NORMAL loses acknowledged commits on power loss
(reference/security 3.1). Writers take the lock at BEGIN, so that no transaction discovers half-way that it
may not write.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from runplane.server.sql.address import parse
from runplane.server.sql.prepared import RawReader
from runplane.server.sql.sessions import Sessions
from runplane.server.sql.watchdog import LAST_SECONDS, Session, UnitSession, Watchdog
from runplane.server.sql.write_lock import WAIT_SECONDS, begin_writing

S = TypeVar("S", bound=Session)

READING = "runplane_reading"
"""An execution option: whether a transaction on SQLite only reads."""
PATIENCE = "runplane_patience"
"""An execution option: the seconds to wait for the write lock of SQLite, where the usual ones are too few."""
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-8192",
    "PRAGMA temp_store=MEMORY",
)

# How long a unit waits for a session of this process where PostgreSQL gives it none, and how long it believes
# in that while none comes back.
_WAIT_SECONDS = 1.0
_STILL_SECONDS = 0.25

# What reads on PostgreSQL needs no transaction: each statement sees what is committed when it begins, within
# one or without, and BEGIN and ROLLBACK are two more questions to the server. Writing is refused still.
_READ_ONLY: Final = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"


class Database:
    """Sessions with one database. They are kept, so that there are as many as units ever ran at once."""

    def __init__(self, url: str) -> None:
        address = parse(url)
        self.is_sqlite = address.is_sqlite
        if address.is_sqlite:
            target = make_url(url).set(drivername="sqlite+pysqlite")
        else:
            target = URL.create("postgresql+psycopg")
        self._parameters = dict(address.parameters)
        self.engine = create_engine(
            target,
            connect_args=self._parameters,
            # Errors end in the log, and values may be digests, hashes or addresses.
            hide_parameters=True,
            # Sessions are kept here, by what they are for: SQLAlchemy's pool knows nothing of either.
            poolclass=NullPool,
            isolation_level=None if self.is_sqlite else "READ COMMITTED",
        )
        # What a failing statement may raise: through SQLAlchemy, or from the driver on prepared reads.
        self.errors: tuple[type[Exception], ...] = (DBAPIError, self.engine.dialect.loaded_dbapi.Error)
        # those that nobody uses, by whether they read; the last one given back goes out first
        self._idle: dict[bool, list[UnitSession]] = {True: [], False: []}
        # those with which the event loop reads
        self._idle_on_loop: list[Session] = []
        # all of them, for `close` and for the watchdog; a list's append, pop and remove are atomic
        self._opened: list[Session] = []
        self._returned = 0
        self._loop_connections: list[Any] = []
        self._epoch = 0
        self._watchdog: Watchdog | None = None
        self._sessions = Sessions(address)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "do_connect", self._open)

    def _open(self, _dialect: Any, _record: Any, _arguments: Any, settings: dict[str, Any]) -> Any:
        from runplane.server.sql.timed import TimedConnection  # noqa: PLC0415 - of PostgreSQL only

        return self._sessions.open(settings, TimedConnection)

    def watch(self) -> None:
        """From now on cut the line to a server that does not answer; `close` ends it.

        Not before the tables and the first tenant are there: other processes may be making them, and
        waiting for that takes as long as it takes.
        """
        if not self.is_sqlite and self._watchdog is None:
            self._watchdog = Watchdog(lambda: list(self._opened), self._on_cut)

    def hurry(self) -> None:
        """The process ends: from now on a server that does not answer is given up sooner."""
        if self._watchdog is not None:
            self._watchdog.limit = LAST_SECONDS

    def _on_cut(self, session: Session) -> None:
        self._sessions.abandon(session.raw)
        # A COMMIT alone may wait for a synchronous standby, while everything else goes on.
        if not session.committing:
            self._sessions.suspect()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._opened) + len(self._loop_connections)

    @property
    def dialect(self) -> Any:
        """The SQLAlchemy dialect: the key under which prepared statements are rendered."""
        return self.engine.dialect

    def is_lost(self, error: Exception, raw: Any) -> bool:
        """Whether `error` means that the driver's connection `raw` is gone."""
        cause: Any = getattr(error, "orig", error)
        return self.engine.dialect.is_disconnect(cause, raw, None)

    def borrow(self, *, reading: bool) -> UnitSession:
        """A session for one unit; `give_back` or `drop` it. Raises one of `errors` when none is to be had."""
        session = self._fresh(self._idle[reading])
        if session is not None:
            return session
        try:
            return self._new(reading)
        except self.errors:
            session = self._next_one(reading)
            if session is None:
                raise
            return session

    def give_back(self, session: UnitSession) -> None:
        """Let the next unit have a session that is in order."""
        session.used = True
        self._returned += 1
        self._idle[session.reading].append(session)

    def borrow_on_loop(self) -> Session | None:
        """A session with which the event loop may read PostgreSQL, None where none is idle.

        `give_back_on_loop` or `drop` it; for one more there is `open_on_loop`.
        """
        while True:
            session = self._fresh(self._idle_on_loop)
            if session is None or not session.raw.closed:
                return session
            # it ended while nobody used it
            self.drop(session)

    def open_on_loop(self) -> Session:
        """A further session for the event loop. Blocks, so call it elsewhere. Raises one of `errors`."""
        from runplane.server.sql.looks import LoopConnection  # noqa: PLC0415 - of PostgreSQL only

        epoch = self._epoch
        # the driver is to give values as it gives them to units
        _, settings = self.engine.dialect.create_connect_args(self.engine.url)
        raw = self._sessions.open({**settings, **self._parameters}, LoopConnection)
        raw.autocommit = True
        raw.execute(_READ_ONLY)
        session = Session(raw, epoch, reading=True, watched=True)
        self._opened.append(session)
        return session

    def give_back_on_loop(self, session: Session) -> None:
        """Let the event loop's next read have a session that is in order."""
        session.used = True
        self._idle_on_loop.append(session)

    def drop(self, session: Session) -> None:
        """Close a session after an error: it may hold a poisoned transaction."""
        self._opened.remove(session)
        session.close(broken=True)

    def distrust(self) -> None:
        """The server went away or takes no writes any more: no session from before is used again."""
        self._epoch += 1

    def _fresh(self, idle: list[S]) -> S | None:
        """The one that was given back last, of those not distrusted since they were opened."""
        while True:
            try:
                session = idle.pop()
            except IndexError:
                return None
            if session.epoch == self._epoch:
                return session
            self.drop(session)

    def _new(self, reading: bool) -> UnitSession:
        # before it is opened: what is learned meanwhile may be about this session too
        epoch = self._epoch
        connection = self.engine.connect()
        if self.is_sqlite:
            connection = connection.execution_options(**{READING: reading})
        elif reading:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(_READ_ONLY)
            connection.rollback()
            timed: Any = connection.connection.driver_connection
            timed.counts = True
        session = UnitSession(connection, epoch, reading=reading, watched=not self.is_sqlite)
        self._opened.append(session)
        return session

    def _next_one(self, reading: bool) -> UnitSession | None:
        """The session of another thread once it is done with it, where they go on working.

        When PostgreSQL has no session left, this process may have as many as it needs.
        """
        deadline = time.monotonic() + _WAIT_SECONDS
        seen, still = self._returned, time.monotonic() + _STILL_SECONDS
        while self._busy(reading) and time.monotonic() < min(deadline, still):
            time.sleep(0.002)
            session = self._fresh(self._idle[reading])
            if session is not None:
                return session
            if self._returned != seen:
                seen, still = self._returned, time.monotonic() + _STILL_SECONDS
        return self._fresh(self._idle[reading])

    def _busy(self, reading: bool) -> bool:
        opened = [it for it in list(self._opened) if isinstance(it, UnitSession) and it.reading is reading]
        return len(opened) > len(self._idle[reading])

    def loop_reader(self) -> RawReader | None:
        """A reader for the event loop's thread, or None where a read may wait for the network.

        Reads of one row cost a few microseconds on SQLite, a tenth of the hop to a thread. WAL readers
        never wait for writers.
        """
        if not self.is_sqlite:
            return None
        checked_out = self.engine.raw_connection()
        raw: Any = checked_out.driver_connection
        # The pool must not take back what the loop keeps.
        checked_out.detach()
        raw.execute("PRAGMA query_only=ON")
        self._loop_connections.append(raw)
        return RawReader(raw, self.dialect)

    def close(self) -> None:
        """Close every session; nobody may be using one any more."""
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None
        for idle in (*self._idle.values(), self._idle_on_loop):
            idle.clear()
        while self._opened:
            self._opened.pop().close()
        while self._loop_connections:
            self._loop_connections.pop().close()
        self.engine.dispose()


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database, None for another kind. Raises Invalid for what is no database URL."""
    return parse(url).file


def _set_up_sqlite(raw: Any, _record: Any) -> None:
    # Autocommit at the driver, so that BEGIN is ours (see _begin_sqlite).
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READING, False)
    if reading:
        connection.exec_driver_sql("BEGIN")
    else:
        raw: Any = connection.connection.dbapi_connection
        patience = connection.get_execution_options().get(PATIENCE, WAIT_SECONDS)
        begin_writing(raw, connection.info, patience)
