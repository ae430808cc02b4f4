"""Cutting the line to a database that never answers.

PostgreSQL ends a slow statement itself, but a server whose processes are stopped, or that is behind a network
which swallows packets, ends nothing, and its kernel may go on acknowledging. The driver would wait for ever
and a worker thread with it. Setting a time-out on the socket would need a system call for each statement;
one thread that looks at all sessions a few times a second costs requests nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from runplane.server.sql.address import STATEMENT_SECONDS

if TYPE_CHECKING:
    from sqlalchemy import Connection

CUT_SECONDS: Final = STATEMENT_SECONDS + 1.0
"""How long one statement may be without an answer: the server's own limit comes first, where it lives."""
LOOK_SECONDS: Final = 0.25
LAST_SECONDS: Final = 2.0
"""The same while the process ends: whoever stopped it waits ten seconds in all before killing it."""

# PQTRANS_ACTIVE of libpq: a statement was sent and is not answered
_ACTIVE: Final = 1


class Work(Protocol):
    """What a session does."""

    @property
    def statements(self) -> int:
        """How many were sent."""
        ...


class Session:
    """A driver's connection that is kept, and its work.

    `epoch` tells those from before an outage from later ones.
    """

    __slots__ = ("_line", "_seen", "_since", "committing", "epoch", "raw", "reading", "used", "work")

    def __init__(self, raw: Any, epoch: int, *, reading: bool, watched: bool) -> None:
        self.raw = raw
        self.epoch = epoch
        self.reading = reading
        # whether it has done a unit, so that it may have died since
        self.used = False
        # whether the last thing sent was a COMMIT
        self.committing = False
        # what was last done; who does it sets it, and nobody clears it
        self.work: Work | None = None
        self._seen: tuple[Work | None, int] = (None, -1)
        self._since = 0.0
        # A second descriptor of the same socket: the number of the first may soon be somebody else's.
        self._line: socket.socket | None = None
        if watched:
            self._line = socket.socket(fileno=os.dup(raw.fileno()))

    def close(self, *, broken: bool = False) -> None:
        """Give the connection up; a broken one without ending its transaction first."""
        self._end(broken=broken)
        if self._line is not None:
            self._line.close()

    def overdue(self, at: float, limit: float) -> bool:
        """Whether the same statement has been waiting for `limit` seconds at every look."""
        work = self.work
        seen = (work, work.statements if work is not None else 0)
        if self.raw.pgconn.transaction_status != _ACTIVE:
            seen = (None, -1)
        if seen[0] is None or seen != self._seen:
            self._seen, self._since = seen, at
            return False
        return at - self._since >= limit

    def cut(self) -> None:
        """Break the line; the thread that waits gets the error of a lost connection."""
        # closed meanwhile, or gone already
        with contextlib.suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)

    def _end(self, *, broken: bool) -> None:  # noqa: ARG002 - a driver's connection is closed alike
        self.raw.close()


class UnitSession(Session):
    """A session of units, which run in transactions of SQLAlchemy."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection, epoch: int, *, reading: bool, watched: bool) -> None:
        super().__init__(connection.connection.driver_connection, epoch, reading=reading, watched=watched)
        self.connection = connection

    def _end(self, *, broken: bool) -> None:
        if broken:
            self.connection.invalidate()
        self.connection.close()


class Watchdog:
    """The thread that looks, with a `limit` in seconds. `on_cut` gets each of `sessions()` that is cut."""

    def __init__(self, sessions: Callable[[], Iterable[Session]], on_cut: Callable[[Session], None]) -> None:
        self._sessions = sessions
        self._on_cut = on_cut
        self.limit = CUT_SECONDS
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="runplane-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            at = time.monotonic()
            for session in self._sessions():
                if session.overdue(at, self.limit):
                    # what it is doing may end with the cut
                    self._on_cut(session)
                    session.cut()
