"""A disk that fills up: writes are refused and say why, reads and tokens go on, and space is all it takes.

Three ways to run out: a small file system that something else fills, a limit on the size of files, and
write calls that fail with ENOSPC in the middle of the work.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.disks import SmallDisk, small_disks, traced
from support.launching import Start
from support.ledger import ACCOUNTS, PATIENCE, Writers, check_integrity, check_ledger
from support.processes import ServerProcess
from support.trials import Figure, trials

__all__ = ["small_disks"]

MEGABYTE = 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def new_account(server: ServerProcess) -> httpx.Response:
    return server.admin.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"})


def write_until(server: ServerProcess, status: int) -> tuple[list[str], httpx.Response]:
    """Write until an answer has this status: what was acknowledged before, and that answer."""
    made: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = new_account(server)
        assert answer.status_code in (201, 503), answer.text
        if answer.status_code == 201:
            made.append(answer.json()["id"])
        if answer.status_code == status:
            return made, answer
    raise AssertionError(f"no write was answered with {status}")


def readiness(server: ServerProcess) -> dict[str, Any]:
    answer = server.client().get("/readyz")
    assert answer.status_code == 200, answer.text
    return answer.json()


def check_what_still_works(server: ServerProcess, account: dict[str, str]) -> None:
    """Reading, and tokens for credentials that exist."""
    assert server.admin.get(ACCOUNTS).status_code == 200
    assert server.admin.get(f"{ACCOUNTS}/{account['id']}").json()["name"] == account["name"]
    token = server.client_token(account["clientId"], account["clientSecret"])
    assert server.client(token).get("/api/v1/me/organization").status_code in (200, 403, 404)


def test_a_full_disk_refuses_writes_and_nothing_else(
    small_disks: Callable[[int], SmallDisk], launch: Start, figure: Figure
) -> None:
    rounds = trials(2, 20)
    disk = small_disks(16 * MEGABYTE)
    server = launch(disk.data)
    server.wait_until_ready()
    account = new_account(server).json()
    acknowledged = [account["id"]]
    slowest = 0.0
    for _ in range(rounds):
        disk.fill()
        before, refusal = write_until(server, 503)
        assert "full" in refusal.json()["message"]
        assert int(refusal.headers["retry-after"]) > 0
        stored = len(server.admin.get(ACCOUNTS).json())
        check_what_still_works(server, account)
        found = readiness(server)
        assert (found["status"], "full" in found["message"]) == ("degraded", True)
        for _ in range(3):
            assert new_account(server).status_code == 503
        # nothing half-stored: not one of those that were refused
        assert stored == len(server.admin.get(ACCOUNTS).json()) == len(acknowledged) + len(before)
        disk.free()
        started = time.monotonic()
        after, _ = write_until(server, 201)
        slowest = max(slowest, time.monotonic() - started)
        assert readiness(server) == {"status": "ready"}
        acknowledged += [*before, *after]
    check_ledger(server, acknowledged)
    # the log says so twice per outage, and not at every attempt
    assert server.errors.count('"event":"nothing can be stored"') == rounds
    assert server.errors.count('"event":"storing works again"') == rounds
    server.kill()
    check_integrity(disk.data / "runplane.db")
    figure("times full and freed", rounds)
    figure("writes after space was freed, longest wait", f"{slowest:.2f} s")


def test_a_probe_notices_that_there_is_space_again(
    small_disks: Callable[[int], SmallDisk], launch: Start
) -> None:
    """Nobody writes any more: load balancers and people are told all the same."""
    disk = small_disks(16 * MEGABYTE)
    server = launch(disk.data)
    server.wait_until_ready()
    new_account(server)
    disk.fill()
    write_until(server, 503)
    for _ in range(3):
        assert readiness(server)["status"] == "degraded"
    disk.free()
    assert readiness(server) == {"status": "ready"}


def test_sign_ins_made_while_the_disk_was_full_are_on_record_later(
    small_disks: Callable[[int], SmallDisk], launch: Start
) -> None:
    disk = small_disks(16 * MEGABYTE)
    server = launch(disk.data)
    server.wait_until_ready()
    account = new_account(server).json()
    disk.fill()
    write_until(server, 503)
    for _ in range(5):
        server.client_token(account["clientId"], account["clientSecret"])
    disk.free()
    write_until(server, 201)
    # what waits is stored at the next attempt, or at the end
    assert server.terminate() == 0
    server.start()
    rows = server.audit(action="sign-in", entity_id=account["id"], result="Succeeded")
    assert sum(int(it["metadata"].get("count", "1")) for it in rows) == 5


def test_a_restart_on_a_full_disk_serves_what_is_there(
    small_disks: Callable[[int], SmallDisk], launch: Start
) -> None:
    """A killed process leaves its log behind, which the next one has to read without room for anything."""
    disk = small_disks(16 * MEGABYTE)
    server = launch(disk.data)
    server.wait_until_ready()
    account = new_account(server).json()
    token = server.admin.headers["authorization"]
    disk.fill()
    before, _ = write_until(server, 503)
    server.kill()
    server.start()
    client = server.client(token.removeprefix("Bearer "))
    assert {account["id"], *before} == {it["id"] for it in client.get(ACCOUNTS).json()}
    disk.free()
    write_until(server, 201)


def limit_files(server: ServerProcess, size: int) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_limit_on_the_size_of_files(start: Start) -> None:
    """EFBIG where a full disk gives ENOSPC."""
    server = start()
    account = new_account(server).json()
    wal = server.data_dir / "runplane.db-wal"
    limit_files(server, wal.stat().st_size)
    before, refusal = write_until(server, 503)
    assert "disk" in refusal.json()["message"]
    check_what_still_works(server, account)
    assert readiness(server)["status"] == "degraded"
    limit_files(server, resource.RLIM_INFINITY)
    after, _ = write_until(server, 201)
    assert readiness(server) == {"status": "ready"}
    server.kill()
    server.start()
    check_ledger(server, [account["id"], *before, *after])


def test_writes_that_run_out_of_space_half_way(start: Start, tmp_path: Path, figure: Figure) -> None:
    """Each failing call hits another page of a transaction: what is acknowledged must not depend on which."""
    server = start()
    # signed in while that can be stored
    acknowledged = [new_account(server).json()["id"]]
    refused = 0
    for step in trials((7,), (3, 5, 7, 11)):
        log = tmp_path / f"trace-{step}"
        with traced(
            server, log, "-e", "trace=pwrite64", "-e", f"inject=pwrite64:error=ENOSPC:when={step}+{step}"
        ) as trace:
            writers = Writers(server, size=3, refusals=(503,))
            writers.wait_for(0, refused=trials(5, 20))
            acknowledged += writers.join()
            refused += len(writers.refused)
            assert trace.injected()
        assert {"full" in it.json()["message"] for it in writers.refused} == {True}
    acknowledged += write_until(server, 201)[0]
    server.kill()
    server.start()
    check_ledger(server, acknowledged)
    server.kill()
    check_integrity(tmp_path / "data" / "runplane.db")
    figure("writes refused by failing calls", f"{refused}; {len(acknowledged)} acknowledged, none missing")
