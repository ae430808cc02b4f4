"""A file system that refuses to be written: ext4 does so to itself when its disk fails.

A plain remount is refused while files are open for writing, so the abort that a failing disk causes is what a
running server meets, and a remount what a starting one does.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from support.disks import Image, SmallDisk, images, run, small_disks
from support.launching import Start
from support.ledger import ACCOUNTS, check_ledger
from support.processes import ServerProcess
from support.trials import Figure, trials

__all__ = ["images", "small_disks"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def new_account(server: ServerProcess, token: str = "") -> httpx.Response:
    client = server.client(token) if token else server.admin
    return client.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"})


def token_of(server: ServerProcess) -> str:
    return server.admin.headers["authorization"].removeprefix("Bearer ")


def test_a_file_system_that_fails_under_the_server(
    images: Callable[..., Image], launch: Start, figure: Figure
) -> None:
    disk = images()
    server = launch(disk.data)
    server.wait_until_ready()
    made = [new_account(server).json() for _ in range(5)]
    disk.abort()
    tries = trials(5, 50)
    for _ in range(tries):
        refusal = new_account(server)
        assert refusal.status_code == 503
        assert "nothing can be stored" in refusal.json()["message"]
        assert len(server.admin.get(ACCOUNTS).json()) == len(made)
        assert server.client_token(made[0]["clientId"], made[0]["clientSecret"])
        found = server.client().get("/readyz")
        assert (found.status_code, found.json()["status"]) == (200, "degraded")
    assert server.process.poll() is None, "the server must not go down with its disk"
    figure("writes refused with 503", f"{tries} of {tries}; reads, tokens answered: all")
    server.kill()


def test_a_start_on_a_read_only_file_system_does_not_loop(
    small_disks: Callable[[int], SmallDisk], launch: Start
) -> None:
    """It serves what is there; once the disk is writable, a restart makes all as before."""
    disk = small_disks(16 * 1024 * 1024)
    server = launch(disk.data)
    server.wait_until_ready()
    account = new_account(server).json()
    token = token_of(server)
    server.kill()
    run("tmpfs", "mount", "-o", "remount,ro", str(disk.mounted))
    server.start()
    assert [it["id"] for it in server.client(token).get(ACCOUNTS).json()] == [account["id"]]
    assert server.client_token(account["clientId"], account["clientSecret"])
    assert new_account(server, token).status_code == 503
    run("tmpfs", "mount", "-o", "remount,rw", str(disk.mounted))
    # SQLite keeps what it learned when it opened the files, for as long as one connection is open.
    assert server.terminate() == 0
    server.start()
    assert new_account(server, token).status_code == 201


def test_a_start_after_a_clean_stop_on_a_read_only_file_system(
    small_disks: Callable[[int], SmallDisk], launch: Start
) -> None:
    """A clean stop leaves no log file, and SQLite needs to make one: that is one plain sentence."""
    disk = small_disks(16 * 1024 * 1024)
    server = launch(disk.data)
    server.wait_until_ready()
    account = new_account(server).json()
    assert server.terminate() == 0
    run("tmpfs", "mount", "-o", "remount,ro", str(disk.mounted))
    server.launch()
    try:
        code = server.process.wait(30)
    except subprocess.TimeoutExpired:
        pytest.fail("it neither serves nor ends")
    assert code == 1, server.errors
    assert len(server.errors.splitlines()) == 1, server.errors
    assert "Traceback" not in server.errors
    run("tmpfs", "mount", "-o", "remount,rw", str(disk.mounted))
    server.start()
    check_ledger(server, [account["id"]])
