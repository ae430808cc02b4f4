"""Facts about starting: one command from a checkout to a token. Wrong settings: tests/faults."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import unavailable
from support.processes import ServerProcess, clean_environment
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Start = Callable[..., ServerProcess]

CANARY = "correct-horse-battery-staple"
WRONG_SETTINGS = 78
SECONDS = 2.0

pytestmark = pytest.mark.slow


def test_make_serve_answers_the_token_call(start: Start, repository: Path) -> None:
    """The command that make would run, without the set-up of the environment that make may do before."""
    if shutil.which("make") is None:
        unavailable("make", "make is not installed here")
    done = subprocess.run(
        ["make", "--dry-run", "serve"], cwd=repository, capture_output=True, text=True, check=True, timeout=30
    )
    program, *arguments = done.stdout.splitlines()[-1].split()
    assert [program, *arguments] == [".venv/bin/runplane", "serve"]
    if not (repository / program).exists():
        unavailable("make", f"{program} is not here: run make once")
    server = start(command=[str(repository / program), *arguments], public_url="")
    credentials = {"username": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    answer = server.client().post("/api/v1/token", json={"grantType": "password", **credentials})
    assert answer.status_code == 200
    assert server.client(answer.json()["accessToken"]).get("/api/v1/users").status_code == 200
    # what a person reads leads to where the server really is
    assert f"ready at {server.url}\n" in server.output


def test_help_is_there_without_a_database(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runplane", "serve", "--help"],
        env=clean_environment(data_dir=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "RUNPLANE_ADMIN_PASSWORD" in done.stdout
    assert list(tmp_path.iterdir()) == []
