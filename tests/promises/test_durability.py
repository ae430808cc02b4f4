"""Promise: a write that was answered with success survives `kill -9` and power loss."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from conftest import unavailable
from support.processes import Crowd, ServerProcess
from support.server import Server

Start = Callable[..., ServerProcess]

WRITERS = 4
ROUNDS = {"sqlite": 5, "postgres": 2}
ACCOUNTS = "/api/v1/service-accounts"


class Writers:
    """Clients that make service accounts and note the id of each that was answered with 201."""

    def __init__(self, server: ServerProcess, size: int = WRITERS, pause: float = 0.0) -> None:
        self.ledger: list[str] = []
        self._pause = pause
        self.cut_off = 0
        self._lock = threading.Lock()
        token = server.admin.headers["authorization"]
        self._clients = [
            httpx.Client(base_url=server.url, headers={"authorization": token}, timeout=30)
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
        assert answer.status_code == 201, answer.text
        with self._lock:
            self.ledger.append(answer.json()["id"])
        time.sleep(self._pause)
        return True

    def wait_for(self, size: int) -> None:
        """Wait until the ledger has `size` entries. Raises AssertionError after 30 s."""
        deadline = time.monotonic() + 30
        while len(self.ledger) < size:
            assert time.monotonic() < deadline, f"the writers stopped at {len(self.ledger)} of {size} writes"
            time.sleep(0.01)

    def join(self) -> list[str]:
        """Wait for the writers, which end when the server is gone; returns the ledger."""
        self._crowd.join()
        for client in self._clients:
            client.close()
        return self.ledger


def check_ledger(server: ServerProcess, acknowledged: set[str]) -> None:
    """Everything acknowledged is there, and objects and their audit records are one to one."""
    stored = [it["id"] for it in server.admin.get(ACCOUNTS).json()]
    recorded = [it["entity_id"] for it in server.audit(entity_type="service-account", action="create")]
    assert acknowledged - set(stored) == set()
    assert sorted(stored) == sorted(recorded)


@pytest.mark.slow
def test_an_acknowledged_write_survives_kill_9(
    start: Start, database: dict[str, str], tmp_path: Path
) -> None:
    kind = "postgres" if database else "sqlite"
    server = start(**database)
    acknowledged: set[str] = set()
    cut_off = 0
    for _ in range(ROUNDS[kind]):
        before = len(acknowledged)
        writers = Writers(server)
        writers.wait_for(1)
        time.sleep(random.uniform(0.1, 0.5))
        server.kill()
        acknowledged.update(writers.join())
        cut_off += writers.cut_off
        assert len(acknowledged) > before, "nothing was written before the kill"
        started = time.monotonic()
        server.start()
        assert time.monotonic() - started < 5, "a killed server takes too long to come back"
        check_ledger(server, acknowledged)
        if kind == "sqlite":
            with sqlite3.connect(tmp_path / "data" / "runplane.db") as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.close()
    assert cut_off, "the kill never met a request on its way"


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
    watch(psycopg, "postgres")
    return found


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
    for connection in opened["sqlite"]:
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        assert Path(file) == server.data_dir / "runplane.db"
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        seen.append((journal, connection.execute("PRAGMA synchronous").fetchone()[0]))
    # the writer's, a reader's and two of the event loop, at least
    assert len(seen) >= 4
    assert set(seen) == {("wal", 2)}


@pytest.mark.postgres
def test_no_postgres_connection_trades_durability_for_speed(
    opened: dict[str, list[Any]], make_server: Callable[..., Server], postgres_database: Callable[..., str]
) -> None:
    server = make_server(database_url=postgres_database())
    use_everything(server)
    # the test's own, which made the database, is closed
    live = [it for it in opened["postgres"] if not it.closed]
    assert len(live) >= 2
    for connection in live:
        for setting in ("synchronous_commit", "fsync", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
        # a transaction of ours must not keep the server from using its connection again
        connection.rollback()


class Disk:
    """A file system in a file. What `image` holds at a moment is what a power cut then would leave."""

    def __init__(self, folder: Path, image: Path | None = None) -> None:
        self.image = folder / "disk.img"
        self.mounted = folder / "disk"
        self.mounted.mkdir(parents=True)
        if image is None:
            run("dd", "if=/dev/zero", f"of={self.image}", "bs=1M", "count=64", "status=none")
            run("mkfs.ext4", "-q", str(self.image))
        else:
            run("cp", "--sparse=always", str(image), str(self.image))
        run("mount", "-o", "loop", str(self.image), str(self.mounted))

    def remove(self) -> None:
        """Take it away; whatever used it must have ended."""
        subprocess.run(["umount", str(self.mounted)], check=True, timeout=30)


def run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    except FileNotFoundError as error:
        unavailable("loop-mounts", f"power loss cannot be tried here: there is no {error.filename}")
    except subprocess.CalledProcessError as error:
        unavailable("loop-mounts", f"power loss cannot be tried here: {command[0]}: {error.stderr.strip()}")


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Callable[..., Disk]]:
    made: list[Disk] = []

    def make(image: Path | None = None) -> Disk:
        made.append(Disk(tmp_path / f"disk{len(made)}", image))
        return made[-1]

    yield make
    for it in made:
        it.remove()


@pytest.mark.slow
def test_an_acknowledged_write_survives_power_loss(
    disks: Callable[..., Disk], launch: Start, tmp_path: Path
) -> None:
    """The order matters: the ledger is read before the disk, or later answers would look lost."""
    disk = disks()
    server = launch(disk.mounted / "data")
    server.wait_until_ready()
    # Slow writers: fast ones soon fill the log, and the checkpoint that follows hides a missing sync.
    writers = Writers(server, size=2, pause=0.04)
    writers.wait_for(30)
    ledger = list(writers.ledger)
    after_the_cut = disks(disk.image)
    # The cut must fall in the middle of the work. Taking it can hold up every write, so wait for one more.
    writers.wait_for(len(ledger) + 1)
    server.kill()
    writers.join()
    server = launch(after_the_cut.mounted / "data")
    server.wait_until_ready()
    check_ledger(server, set(ledger))
