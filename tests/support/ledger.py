"""A client-side ledger: what a server has acknowledged, to be compared with what it still has afterwards."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx

from support.processes import Crowd, ServerProcess

ACCOUNTS = "/api/v1/service-accounts"
PATIENCE = 60.0


class Writers:
    """Clients that make service accounts and note the id of each that was answered with 201.

    A refusal fails the test unless its status is among `refusals`; those are counted. A writer ends when its
    connection breaks, because then the server is gone.
    """

    def __init__(
        self, server: ServerProcess, size: int = 4, pause: float = 0.0, refusals: Iterable[int] = ()
    ) -> None:
        self.ledger: list[str] = []
        self.refused: list[httpx.Response] = []
        self.cut_off = 0
        self._pause = pause
        self._refusals = frozenset(refusals)
        self._lock = threading.Lock()
        token = server.admin.headers["authorization"]
        self._clients = [
            httpx.Client(base_url=server.url, headers={"authorization": token}, timeout=PATIENCE)
            for _ in range(size)
        ]
        self._crowd = Crowd(self._write, size)

    def _write(self, number: int) -> bool:
        try:
            answer = self._clients[number].post(ACCOUNTS, json={"name": f"w{uuid4().hex}"})
        except httpx.TransportError:
            with self._lock:
                self.cut_off += 1
            return False
        assert answer.status_code == 201 or answer.status_code in self._refusals, answer.text
        with self._lock:
            if answer.status_code == 201:
                self.ledger.append(answer.json()["id"])
            else:
                self.refused.append(answer)
        time.sleep(self._pause)
        return True

    def wait_for(self, size: int, *, refused: int = 0) -> None:
        """Wait until this many writes were acknowledged and refused. Raises AssertionError after a minute."""
        deadline = time.monotonic() + PATIENCE
        while len(self.ledger) < size or len(self.refused) < refused:
            assert not self._crowd.failed, "a writer failed"
            assert time.monotonic() < deadline, (
                f"{len(self.ledger)} of {size} writes and {len(self.refused)} of {refused} refusals came"
            )
            time.sleep(0.01)

    def wait_for_more(self, writes: int = 1, *, refused: int = 0) -> None:
        """As `wait_for`, counted from now."""
        self.wait_for(len(self.ledger) + writes, refused=len(self.refused) + refused)

    def join(self) -> list[str]:
        """Wait for the writers, which end when the server is gone, or now; returns the ledger."""
        self._crowd.join()
        for client in self._clients:
            client.close()
        return self.ledger


def missing(server: ServerProcess, acknowledged: Iterable[str]) -> set[str]:
    """What was acknowledged and is not there any more."""
    return set(acknowledged) - {it["id"] for it in server.admin.get(ACCOUNTS).json()}


def check_ledger(server: ServerProcess, acknowledged: Iterable[str]) -> None:
    """Everything acknowledged is there, and objects and their audit records are one to one."""
    stored = [it["id"] for it in server.admin.get(ACCOUNTS).json()]
    made = server.audit(entity_type="service-account", action="create", result="Succeeded")
    assert set(acknowledged) - set(stored) == set()
    assert sorted(stored) == sorted(it["entity_id"] for it in made)


def check_integrity(file: Path) -> None:
    """SQLite itself finds no damage in a database file."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
