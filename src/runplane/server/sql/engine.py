"""The database: one SQLAlchemy engine on SQLite or PostgreSQL, set up so that a commit means "on disk".

SQLite runs in WAL mode with synchronous=FULL: NORMAL loses acknowledged commits on power loss
(reference/security 3.1). Writers take the lock at BEGIN, so that no transaction discovers half-way that it
may not write.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from runplane.server.core.errors import Invalid
from runplane.server.sql.prepared import RawReader

_READING = "runplane_reading"
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-8192",
    "PRAGMA temp_store=MEMORY",
)
_POSTGRES_OPTIONS = (
    "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
)
# A server that vanishes without a word would otherwise hold a worker thread for a quarter of an hour.
_POSTGRES_SOCKET: dict[str, int] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


class Database:
    """Connections to one database. Threads keep theirs, so their number is the number of worker threads."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = create_engine(
            self.url,
            connect_args={} if self.is_sqlite else {**_POSTGRES_SOCKET, "options": _POSTGRES_OPTIONS},
            # Errors end in the log, and values may be digests, hashes or addresses.
            hide_parameters=True,
            # Threads keep their connection, so the pool only has to hand them out once.
            pool_size=32,
            max_overflow=8,
            pool_timeout=5,
            pool_reset_on_return="rollback",
            isolation_level=None if self.is_sqlite else "READ COMMITTED",
        )
        # What a failing statement may raise: through SQLAlchemy, or from the driver on prepared reads.
        self.errors: tuple[type[Exception], ...] = (DBAPIError, self.engine.dialect.loaded_dbapi.Error)
        self._kept = threading.local()
        # all of them, for `close`; list.append is atomic
        self._opened: list[Connection] = []
        self._loop_connections: list[Any] = []
        if self.is_sqlite:
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def dialect(self) -> Any:
        """The SQLAlchemy dialect: the key under which prepared statements are rendered."""
        return self.engine.dialect

    def has_kept(self, *, reading: bool) -> bool:
        """Whether this thread has used its connection before, so that it may have died since."""
        return getattr(self._kept, _slot(reading), None) is not None

    def is_lost(self, error: Exception, raw: Any) -> bool:
        """Whether `error` means that the driver's connection `raw` is gone."""
        cause: Any = getattr(error, "orig", error)
        return self.engine.dialect.is_disconnect(cause, raw, None)

    def kept_connection(self, *, reading: bool) -> Connection:
        """This thread's own connection for reading or for writing, opened at first use."""
        name = _slot(reading)
        connection: Connection | None = getattr(self._kept, name, None)
        if connection is None or connection.closed:
            connection = self.engine.connect()
            if self.is_sqlite:
                connection = connection.execution_options(**{_READING: reading})
            setattr(self._kept, name, connection)
            self._opened.append(connection)
        return connection

    def drop_kept(self, *, reading: bool) -> None:
        """Close this thread's connection after an error: it may hold a poisoned transaction."""
        name = _slot(reading)
        connection: Connection | None = getattr(self._kept, name, None)
        setattr(self._kept, name, None)
        if connection is not None:
            connection.invalidate()
            connection.close()
            self._opened.remove(connection)

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
        """Close every connection; the threads that kept one must have ended."""
        while self._opened:
            self._opened.pop().close()
        while self._loop_connections:
            self._loop_connections.pop().close()
        self.engine.dispose()


def _slot(reading: bool) -> str:
    return "reading" if reading else "writing"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database, None for another kind. Raises Invalid for what is no database URL."""
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        return None
    return Path(parsed.database)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid("database_url is not a database URL.") from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise Invalid("database_url must be sqlite:///<file> or postgresql://<user>@<host>/<database>.")
    return parsed.set(drivername="sqlite+pysqlite", query={**parsed.query})


def _set_up_sqlite(raw: Any, _record: Any) -> None:
    # Autocommit at the driver, so that BEGIN is ours (see _begin_sqlite).
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
