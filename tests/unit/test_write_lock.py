"""Waiting for SQLite's write lock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runplane.server.sql.write_lock import begin_writing


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[list[sqlite3.Connection]]:
    """Two connections with one database; the first holds the lock."""
    file = tmp_path / "test.db"
    made = [sqlite3.connect(file, isolation_level=None, check_same_thread=False) for _ in range(2)]
    made[0].execute("PRAGMA journal_mode=WAL")
    made[0].execute("BEGIN IMMEDIATE")
    yield made
    for it in made:
        it.close()


def test_the_lock_is_had_when_the_other_gives_it_up(connections: list[sqlite3.Connection]) -> None:
    holder, waiter = connections
    # not before the other one has asked and been told no
    refused = threading.Event()
    waiter.set_trace_callback(lambda statement: refused.set() if "IMMEDIATE" in statement else None)

    def let_go() -> None:
        refused.wait(30)
        holder.execute("COMMIT")

    thread = threading.Thread(target=let_go)
    thread.start()
    begin_writing(waiter, {})
    thread.join()
    assert waiter.in_transaction
    waiter.execute("CREATE TABLE t (x)")
    waiter.execute("COMMIT")


def test_a_lock_that_is_never_free_is_refused(connections: list[sqlite3.Connection]) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        begin_writing(connections[1], {}, seconds=0.02)
    assert not connections[1].in_transaction


def test_another_failure_is_not_waited_for(connections: list[sqlite3.Connection]) -> None:
    """The holder begins again: SQLite knows no transaction inside a transaction."""
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        begin_writing(connections[0], {})
