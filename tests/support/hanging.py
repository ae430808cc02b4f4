"""A server whose database hangs: how long requests wait, and what the process does meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx

from support.ledger import ACCOUNTS
from support.processes import ServerProcess

PATIENCE = 60.0


class Seen(NamedTuple):
    """What requests met: how they were answered, the slowest (seconds), and the process's most threads."""

    statuses: set[int]
    slowest: float
    unmarked: int
    threads: int
    slowest_health: float
    ready: set[int]


def threads_of(server: ServerProcess) -> int:
    """The threads of a server's process."""
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def ask_many(server: ServerProcess, number: int) -> Seen:
    """Send reads and writes at once and wait for all of them, with probes beside them the whole time."""
    token = server.admin.headers["authorization"]
    statuses: set[int] = set()
    unmarked = 0
    done = threading.Event()
    threads, slowest_health, ready = 0, 0.0, set[int]()

    def ask(turn: int) -> tuple[httpx.Response, float]:
        started = time.monotonic()
        with httpx.Client(base_url=server.url, headers={"authorization": token}, timeout=PATIENCE) as client:
            path = ACCOUNTS
            answer = client.get(path) if turn % 2 else client.post(path, json={"name": f"hung-{turn}"})
        return answer, time.monotonic() - started

    def probe() -> None:
        nonlocal threads, slowest_health
        with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
            while not done.is_set():
                started = time.monotonic()
                assert client.get("/healthz").status_code == 200
                slowest_health = max(slowest_health, time.monotonic() - started)
                ready.add(client.get("/readyz").status_code)
                threads = max(threads, threads_of(server))
                done.wait(0.2)

    with ThreadPoolExecutor(number + 1) as pool:
        probing = pool.submit(probe)
        try:
            answers = [it.result() for it in [pool.submit(ask, turn) for turn in range(number)]]
        finally:
            done.set()
        probing.result()
    for answer, _ in answers:
        statuses.add(answer.status_code)
        unmarked += answer.status_code == 503 and "retry-after" not in answer.headers
    slowest = max(seconds for _, seconds in answers)
    return Seen(statuses, slowest, unmarked, threads, slowest_health, ready)
