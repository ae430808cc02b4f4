"""Promise: a write that was answered with success survives `kill -9` and power loss.

Here: that no connection is opened with less. tests/faults/test_kill9.py and test_power_loss.py try it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from runplane.server.sql.looks import LoopConnection
from support.server import Server

ACCOUNTS = "/api/v1/service-accounts"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Every connection that this process opens to a database from now on, whoever opens it."""
    found: dict[str, list[Any]] = {"sqlite": [], "postgres": []}

    def watch(module: Any, kind: str) -> None:
        connect = module.connect

        def watched(*args: Any, **kwargs: Any) -> Any:
            found[kind].append(connect(*args, **kwargs))
            return found[kind][-1]

        monkeypatch.setattr(module, "connect", watched)

    for module in (sqlite3, sqlite3.dbapi2):
        watch(module, "sqlite")
    of_class: Any = vars(psycopg.Connection)["connect"].__func__

    def opens(kind: type[Any], *args: Any, **kwargs: Any) -> Any:
        found["postgres"].append(of_class(kind, *args, **kwargs))
        return found["postgres"][-1]

    monkeypatch.setattr(psycopg.Connection, "connect", classmethod(opens))
    return found


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def use_everything(server: Server) -> None:
    """Requests of every mode, so that every connection there is gets opened."""
    made = server.admin.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"}).json()
    assert server.admin.get(ACCOUNTS).status_code == 200
    assert server.admin.get(f"{ACCOUNTS}/{made['id']}").status_code == 200
    server.client_token(made["clientId"], made["clientSecret"])
    assert server.client().get("/readyz").status_code == 200
    server.flush()


def test_no_sqlite_connection_trades_durability_for_speed(
    opened: dict[str, list[Any]], make_server: Callable[..., Server]
) -> None:
    server = make_server()
    use_everything(server)
    seen: list[tuple[str, int]] = []
    for connection in filter(is_open, opened["sqlite"]):
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        assert Path(file) == server.data_dir / "runplane.db"
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        seen.append((journal, connection.execute("PRAGMA synchronous").fetchone()[0]))
    # the writer's, a reader's and the event loop's, at least; those that migrated are closed
    assert len(seen) >= 3
    assert set(seen) == {("wal", 2)}


@pytest.mark.postgres
def test_no_postgres_connection_trades_durability_for_speed(
    opened: dict[str, list[Any]], make_server: Callable[..., Server], postgres_database: Callable[..., str]
) -> None:
    server = make_server(database_url=postgres_database())
    use_everything(server)
    # the test's own, which made the database, is closed
    # and the event loop's, which belong to it, may not write at all
    live = [it for it in opened["postgres"] if not it.closed and not isinstance(it, LoopConnection)]
    assert len(live) >= 2
    for connection in live:
        for setting in ("synchronous_commit", "fsync", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
        # a transaction of ours must not keep the server from using its connection again
        connection.rollback()
