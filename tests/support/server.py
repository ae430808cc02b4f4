"""The real server over a real socket, in a thread of the test process.

Fixtures: `server` (SQLite) and `any_server` (each database in turn), one per test module, because starting
costs a second and tests make their own objects. What a test needs to be alone with, it starts itself with
`Server(...)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from runplane.server.app import App
from runplane.server.http.server import KEEP_ALIVE_SECONDS, DeadlineProtocol
from runplane.server.identity.passwords import PasswordHasher, PasswordParameters
from runplane.server.settings import load_settings
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import migrate
from runplane.server.sql.unit import Units

# Tests are one client at one address that never rests; limits have tests of their own (contract/test_limits).
NO_HINDRANCE = {
    "client_per_minute": "6000000",
    "source_per_minute": "6000000",
    "agent_per_minute": "6000000",
    "tenant_percent": "100",
}
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "violet-anchor-plum-drift"


class ShiftedClock:
    """The machine's clock plus an offset that tests move."""

    def __init__(self) -> None:
        self.offset = 0.0

    def epoch(self) -> float:
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.offset += seconds


# Argon2 as anywhere, but cheap: people sign in thousands of times in these tests, and `tests/unit` and the
# servers that run in processes of their own have the real cost.
QUICK_HASHES = PasswordParameters(time_cost=1, memory_kib=64, parallelism=1)


@functools.cache
def empty_database() -> bytes:
    """A file of SQLite with the schema and nothing in it; each server begins with a copy."""
    with tempfile.TemporaryDirectory(prefix="runplane-template-") as folder:
        path = Path(folder) / "runplane.db"
        migrated(f"sqlite:///{path}")
        return path.read_bytes()


def migrated(url: str) -> None:
    """Give an empty database the schema."""
    database = Database(url)
    migrate(database)
    database.close()


class _Uvicorn(uvicorn.Server):
    """uvicorn that ends when it is told, not at its next look at the flag."""

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 0.1)

    def end(self) -> None:
        """End from another thread."""
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # it has ended before
            self._loop.call_soon_threadsafe(self._told.set)


class Server:
    """A running server. Keyword arguments are environment variables without their RUNPLANE_ prefix."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            "RUNPLANE_DATA_DIR": str(data_dir),
            "RUNPLANE_PORT": str(self.port),
            "RUNPLANE_ADMIN_EMAIL": ADMIN_EMAIL,
            "RUNPLANE_ADMIN_PASSWORD": ADMIN_PASSWORD,
            **{f"RUNPLANE_LIMITS_{name.upper()}": many for name, many in NO_HINDRANCE.items()},
            **{f"RUNPLANE_{name.upper()}": value for name, value in environment.items()},
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock = ShiftedClock()
        self._clients: list[httpx.Client] = []
        self._admin: httpx.Client | None = None
        self.start()

    def start(self) -> None:
        """Start on the same data; the constructor has done it once."""
        if "RUNPLANE_DATABASE_URL" not in self.environment and not any(self.data_dir.glob("*.db")):
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.data_dir / "runplane.db").write_bytes(empty_database())
        hasher = PasswordHasher(QUICK_HASHES)
        self.app = App(load_settings({}, self.environment).settings, self.clock, hasher)
        config = uvicorn.Config(
            self.app,
            host="127.0.0.1",
            port=self.port,
            http=DeadlineProtocol,
            lifespan="on",
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            access_log=False,
            server_header=False,
            ws="none",
            proxy_headers=False,
        )
        self._uvicorn = _Uvicorn(config)
        self._thread = threading.Thread(target=self._uvicorn.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._uvicorn.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the server under test did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop as a signal would: finish what runs, store what waits."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._admin = None
        self._uvicorn.end()
        self._thread.join(timeout=20)

    def restart(self) -> None:
        """Stop and start again on the same data."""
        self.stop()
        self.start()

    @property
    def units(self) -> Units:
        """The database of the server, for what no request can set up."""
        return self.app.stores.units

    def client(self, token: str | None = None) -> httpx.Client:
        """A client that sends `token`; closed with the server."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        made = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        self._clients.append(made)
        return made

    def token(self, username: str, password: str) -> str:
        """An access token got with a password."""
        answer = httpx.post(
            f"{self.url}/api/v1/token",
            json={"grantType": "password", "username": username, "password": password},
        )
        answer.raise_for_status()
        return answer.json()["accessToken"]

    def client_token(self, client_id: str, client_secret: str) -> str:
        """An access token got with a client id and secret."""
        answer = httpx.post(
            f"{self.url}/api/v1/token",
            json={"grantType": "client_credentials", "clientId": client_id, "clientSecret": client_secret},
        )
        answer.raise_for_status()
        return answer.json()["accessToken"]

    @property
    def admin(self) -> httpx.Client:
        """A client signed in as the first System administrator."""
        if self._admin is None:
            self._admin = self.client(self.token(ADMIN_EMAIL, ADMIN_PASSWORD))
        return self._admin

    def flush(self) -> None:
        """Wait until every sign-in, use and refusal recorded so far is stored."""
        import asyncio

        loop = self.app.loop
        asyncio.run_coroutine_threadsafe(self.app.identity.group.drain(), loop).result(timeout=10)

    def audit(self, **conditions: Any) -> list[dict[str, Any]]:
        """Rows of the audit log that have these values, oldest first; without their place in the chain."""
        from sqlalchemy import select

        from runplane.server.audit.tables import audit_log

        self.flush()
        wanted = [audit_log.c[name] == value for name, value in conditions.items()]
        told = [it for it in audit_log.c if it.name not in ("digest", "position", "hash")]
        query = select(*told).where(*wanted).order_by(audit_log.c.timestamp, audit_log.c.id)
        return self.units.read(lambda unit: [dict(row._mapping) for row in unit.execute(query)])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on SQLite."""
    running = Server(tmp_path_factory.mktemp("data"))
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on each kind of database in turn."""
    data_dir = tmp_path_factory.mktemp("data")
    if request.param == "sqlite":
        running = Server(data_dir)
        yield running
        running.stop()
        return
    cluster = request.getfixturevalue("postgres_server")
    url = cluster.create_database(cluster.template("schema", migrated))
    running = Server(data_dir, database_url=url)
    yield running
    running.stop()
    cluster.drop_database(url)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Call it for a server of this test alone, with settings as keyword arguments."""
    made: list[Server] = []

    def make(**environment: str) -> Server:
        made.append(Server(tmp_path / f"data{len(made)}", **environment))
        return made[-1]

    yield make
    for running in made:
        running.stop()
