"""Eight servers start at once on an empty database: there is one of everything, and all of them work."""

from __future__ import annotations

import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import HEAD, current, migrate
from support.launching import Start
from support.processes import ServerProcess, database_settings
from support.trials import Figure, trials

AT_ONCE = 8
START_SECONDS = 180.0
"""Eight times a process's start, on two cores that others use too."""
GENERATED = {"admin_email": "", "admin_password": ""}
EMAIL = "admin@runplane.local"
CERTS = "/auth/realms/runai/protocol/openid-connect/certs"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def sign_in(server: ServerProcess, password: str) -> httpx.Response:
    body = {"grantType": "password", "username": EMAIL, "password": password}
    return httpx.post(f"{server.url}/api/v1/token", json=body, timeout=60)


def check(servers: list[ServerProcess]) -> None:
    told = [re.search(r"Temporary password: +(\S+)", it.output) for it in servers]
    passwords = [it[1] for it in told if it]
    assert len(passwords) == 1, "one of them makes the administrator"
    certs = [httpx.get(it.url + CERTS, timeout=60).json()["keys"] for it in servers]
    assert len({key["kid"] for keys in certs for key in keys}) == 1
    tokens = [sign_in(it, passwords[0]) for it in servers]
    assert [it.status_code for it in tokens] == [200] * AT_ONCE
    assert {httpx.get(f"{it.url}/readyz", timeout=60).status_code for it in servers} == {200}
    # what one signs the next accepts; it says no more because the password has to be changed first
    for it, token in zip(servers, tokens[1:] + tokens[:1], strict=True):
        authorization = f"Bearer {token.json()['accessToken']}"
        answer = httpx.get(f"{it.url}/api/v1/users", headers={"authorization": authorization}, timeout=60)
        assert answer.status_code == 403, answer.text
    change = {"currentPassword": passwords[0], "newPassword": "orchard-lantern-copper-tide"}
    bearer = {"authorization": f"Bearer {tokens[0].json()['accessToken']}"}
    url = servers[0].url
    assert httpx.post(f"{url}/api/v1/me/password", json=change, headers=bearer, timeout=60).status_code == 200
    bearer = {"authorization": f"Bearer {sign_in(servers[0], change['newPassword']).json()['accessToken']}"}
    users = httpx.get(f"{url}/api/v1/users", headers=bearer, timeout=60).json()
    assert [it["username"] for it in users] == [EMAIL]


def wait_for_all(servers: list[ServerProcess]) -> None:
    """Wait until all of them answer. Raises AssertionError with the log of one that ended."""
    deadline = time.monotonic() + START_SECONDS
    while any('"event":"listening"' not in it.errors for it in servers):
        ended = [it.errors for it in servers if it.process.poll() is not None]
        assert ended == [], ended[0]
        assert time.monotonic() < deadline, "not all of them answer"
        time.sleep(0.05)
    for it in servers:
        it.wait_until_ready()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_eight_at_once(
    kind: str, launch: Start, tmp_path: Path, request: pytest.FixtureRequest, figure: Figure
) -> None:
    rounds = trials(1, 20)
    longest = 0.0
    for turn in range(rounds):
        database = database_settings(request, kind)
        started = time.monotonic()
        servers = [launch(tmp_path / f"data{turn}", **GENERATED, **database) for _ in range(AT_ONCE)]
        wait_for_all(servers)
        longest = max(longest, time.monotonic() - started)
        check(servers)
        for it in servers:
            it.close()
    figure("rounds of eight at once", f"{rounds}: one administrator and one key each, all healthy")
    figure("all eight ready after, longest", f"{longest:.1f} s")


def test_a_start_on_sqlite_waits_as_long_as_another_ones_migration_takes(tmp_path: Path) -> None:
    """Requests wait five seconds for the write lock; a migration of a large table takes longer."""
    file = tmp_path / "runplane.db"
    database = Database(f"sqlite:///{file}")
    with ThreadPoolExecutor(1) as pool, closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        start = pool.submit(migrate, database)
        with pytest.raises(TimeoutError):
            start.result(6.5)
        other.execute("COMMIT")
        start.result(60)
    with database.engine.connect() as connection:
        assert current(connection) == HEAD
    database.close()
