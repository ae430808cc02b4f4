"""Opening sessions with PostgreSQL: on the primary, never on a former one, by one thread in an outage.

libpq finds the server that takes writes, but it cannot know that another one has taken over since: a primary
that was cut off and comes back takes writes too. Each promotion raises the timeline of the cluster, so this
process remembers the highest it has seen and turns down a session with a lower one.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import structlog

from runplane.server.sql.address import CONNECT_SECONDS, Address

if TYPE_CHECKING:
    import psycopg

PAUSE_SECONDS: Final = 0.1
"""How long nobody tries again after an attempt failed."""

# A commit must be on disk when it is answered, whatever the database was set up for. `local` and
# `remote_write` are: where standbys are concerned the operator decides.
_ON_DISK: Final = (
    b"SELECT set_config('synchronous_commit', 'on', false) "
    b"WHERE current_setting('synchronous_commit') = 'off'"
)
# The first eight digits of a log file's name are its timeline; pg_control_checkpoint() knows a promotion
# only after the checkpoint that follows it.
_TIMELINE: Final = (
    b"SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()"
)
# A process that waits for a synchronous standby in its COMMIT does not notice that nobody listens any more,
# and keeps its locks. The time of its start tells it from a later one with its number.
_STARTED: Final = b"SELECT pid || ' ' || backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE pid || ' ' || backend_start = ANY ('{{{}}}')"
)


class Sessions:
    """Opens sessions for the threads of one process. Safe to use from any of them."""

    def __init__(self, address: Address, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hosts = list(address.hosts)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        # when the last attempt failed; None while sessions can be had
        self._failed_at: float | None = None
        self._trying = False
        self._timelines: dict[bytes, int] = {}
        # what each session is called in pg_stat_activity; and those that were given up before they were done
        self._names: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()
        self._abandoned: list[bytes] = []
        self._log = structlog.get_logger("database")

    def open(
        self, settings: Mapping[str, Any], kind: type[psycopg.Connection[Any]] | None = None
    ) -> psycopg.Connection[Any]:
        """A session with the primary, of class `kind`. `settings` are keyword arguments of its `connect`.

        Raises psycopg.OperationalError when no server can be had, and at once while another thread is finding
        out whether one can: a database that hangs must not hold up every thread for its own time-out.
        """
        import psycopg  # noqa: PLC0415 - of PostgreSQL only

        probing = self._enter()
        try:
            found = self._try_hosts(settings, kind or psycopg.Connection)
        except psycopg.Error as error:
            self._note_failure(str(error))
            raise
        else:
            self._note_success()
            return found
        finally:
            if probing:
                with self._lock:
                    self._trying = False

    def suspect(self) -> None:
        """A session that was open got no answer: let one thread find out, not all."""
        self._note_failure("it has stopped answering")

    def abandon(self, raw: psycopg.Connection[Any]) -> None:
        """Have PostgreSQL end what a session does, as soon as there is another session to say so."""
        with self._lock:
            name = self._names.get(raw)
            if name is not None:
                self._abandoned.append(name)

    def _enter(self) -> bool:
        """Whether the caller is the one that tries, while others are turned away."""
        import psycopg  # noqa: PLC0415 - of PostgreSQL only

        with self._lock:
            if self._failed_at is None:
                return False
            if self._trying or self._monotonic() - self._failed_at < PAUSE_SECONDS:
                raise psycopg.OperationalError("the database could not be reached a moment ago")
            self._trying = True
            return True

    def _note_failure(self, reason: str) -> None:
        with self._lock:
            first, self._failed_at = self._failed_at is None, self._monotonic()
        if first:
            self._log.warning("the database cannot be reached", reason=reason.strip().partition("\n")[0])

    def _note_success(self) -> None:
        with self._lock:
            again, self._failed_at = self._failed_at is not None, None
        if again:
            self._log.info("the database answers again")

    def _try_hosts(
        self, settings: Mapping[str, Any], kind: type[psycopg.Connection[Any]]
    ) -> psycopg.Connection[Any]:
        import psycopg  # noqa: PLC0415 - of PostgreSQL only

        failures: list[psycopg.Error] = []
        # where it worked last comes first: a host that is gone costs a time-out each time
        for host in list(self._hosts):
            chosen: dict[str, Any] = {**settings, **host}
            try:
                raw = kind.connect(**chosen)
            except psycopg.Error as error:
                failures.append(error)
                continue
            try:
                self._examine(raw)
            except psycopg.Error as error:
                raw.close()
                failures.append(error)
                continue
            with self._lock:
                # A list that is being sorted is empty for whoever looks at it.
                self._hosts = [host, *(it for it in self._hosts if it is not host)]
            return raw
        reasons = "; ".join(str(it).strip().replace("\n", " ") for it in failures)
        raise psycopg.OperationalError(reasons) from failures[-1]

    def _examine(self, raw: psycopg.Connection[Any]) -> None:
        import psycopg  # noqa: PLC0415 - of PostgreSQL only

        deadline = self._monotonic() + CONNECT_SECONDS
        _ask(raw, _ON_DISK, deadline)
        started = _ask(raw, _STARTED, deadline)
        with self._lock:
            if started is not None:
                self._names[raw] = started[0]
            abandoned, self._abandoned = self._abandoned, []
        if abandoned:
            names = ",".join(f'"{it.decode()}"' for it in abandoned)
            try:
                _ask(raw, _END.format(names).encode(), deadline)
            except psycopg.Error:
                # the next session says it
                with self._lock:
                    self._abandoned += abandoned
                raise
        told = _ask(raw, _TIMELINE, deadline)
        # Some services that look like PostgreSQL keep these functions to themselves, and have one address.
        if told is None:
            return
        cluster, timeline = told[0], int(told[1], 16)
        with self._lock:
            newest = self._timelines[cluster] = max(timeline, self._timelines.get(cluster, 0))
        if timeline < newest:
            raise psycopg.OperationalError(
                f"the server at {raw.info.host or 'the local socket'} was the primary before a failover; "
                "shut it down, or restart runplane if it was restored on purpose"
            )


def _ask(raw: psycopg.Connection[Any], question: bytes, deadline: float) -> list[bytes] | None:
    """The first row of an answer, None for none or a refusal. Raises OperationalError at the deadline.

    psycopg waits for answers without end, and this is before anybody watches the session.
    """
    import psycopg  # noqa: PLC0415 - of PostgreSQL only

    line = raw.pgconn
    line.send_query(question)
    line.flush()
    # not select.select: it cannot wait for a descriptor beyond 1023
    ready = select.poll()
    ready.register(line.socket, select.POLLIN)
    row: list[bytes] | None = None
    while True:
        while line.is_busy():
            if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise psycopg.OperationalError("the server let us in and then did not answer")
            line.consume_input()
        result = line.get_result()
        if result is None:
            return row
        if result.status == psycopg.pq.ExecStatus.TUPLES_OK and result.ntuples:
            row = [result.get_value(0, column) or b"" for column in range(result.nfields)]
