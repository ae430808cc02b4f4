"""A backup taken under load, restored elsewhere: everything acknowledged before it began is there and works.

Each round makes one backup beside writers and token calls, restores it into a new installation with the same
key-encryption key, and starts a server there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.launching import Start
from support.ledger import ACCOUNTS, Writers, check_integrity, missing
from support.processes import Crowd, ServerProcess, clean_environment, database_settings
from support.trials import Figure, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

KEY = "key-encryption-key"


def command(data_dir: Path, settings: dict[str, str], *words: str) -> tuple[str, float]:
    """Run a command on the host; returns what it says and its seconds."""
    environment = clean_environment(data_dir=str(data_dir), **settings)
    started = time.monotonic()
    line = [sys.executable, "-m", "runplane", *words]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, time.monotonic() - started


def account(server: ServerProcess, name: str) -> tuple[str, str]:
    """A service account's client id and secret."""
    made = server.admin.post(ACCOUNTS, json={"name": name}).json()
    return made["clientId"], made["clientSecret"]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_backup_under_load_holds_what_was_acknowledged_before_it(
    kind: str, request: pytest.FixtureRequest, start: Start, tmp_path: Path, figure: Figure
) -> None:
    here = database_settings(request, kind)
    server = start(**here)
    credentials = account(server, "before-the-load")
    rounds = trials(1, 5)
    written = tokens = 0
    longest = {"backup": 0.0, "restore": 0.0}
    for number in range(rounds):
        calls: list[str] = []
        writers = Writers(server)
        callers = Crowd(lambda _, to=calls: to.append(server.client_token(*credentials)), 2)
        writers.wait_for(20)
        before = list(writers.ledger)
        file = tmp_path / f"{number}.backup"
        _, seconds = command(server.data_dir, here, "backup", str(file))
        longest["backup"] = max(longest["backup"], seconds)
        # the load went on beside it
        writers.wait_for_more()
        callers.join()
        written += len(writers.join())
        tokens += len(calls)

        elsewhere = tmp_path / f"restored{number}"
        elsewhere.mkdir(mode=0o700)
        key = elsewhere / KEY
        key.touch(mode=0o600)
        key.write_bytes((server.data_dir / KEY).read_bytes())
        there = database_settings(request, kind)
        _, seconds = command(elsewhere, there, "restore", str(file), "--yes")
        longest["restore"] = max(longest["restore"], seconds)
        if kind == "sqlite":
            check_integrity(elsewhere / "runplane.db")
        said, _ = command(elsewhere, there, "db", "check")
        assert "is sound" in said
        copy = start(elsewhere, **there)
        assert missing(copy, before) == set(), "a backup lacks what was acknowledged before it began"
        stored = [it["id"] for it in copy.admin.get(ACCOUNTS).json()]
        made = copy.audit(entity_type="service-account", action="create", result="Succeeded")
        assert sorted(stored) == sorted(it["entity_id"] for it in made)
        token = copy.client_token(*credentials)
        # accepted; what it may do is another question
        assert copy.client(token).get("/api/v1/me").status_code != 401
        copy.terminate()
        said, _ = command(elsewhere, there, "audit", "verify")
        assert "unbroken from" in said
        assert "not sealed" not in said
    figure("backups restored", rounds)
    figure("writes and tokens beside them", f"{written} and {tokens}, none failed")
    for name, seconds in longest.items():
        figure(f"{name}, longest", f"{seconds:.2f} s")
