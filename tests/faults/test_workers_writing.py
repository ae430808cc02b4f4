"""Four workers that all write to one database: nobody is refused, and nobody waits long.

SQLite has one write lock for all processes, so this is about who gets it; PostgreSQL is there to compare.
Reports the longest wait for an answer.
"""

from __future__ import annotations

import http.client
import json
import time
from uuid import uuid4

import pytest

from support.launching import Start
from support.processes import Crowd
from support.trials import Figure, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ACCOUNTS = "/api/v1/service-accounts"
CLIENTS = 16
EACH = trials(5, 60)


def test_writers_in_four_processes_take_turns(start: Start, database: dict[str, str], figure: Figure) -> None:
    server = start(workers="4", **database)
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    headers = {"authorization": server.admin.headers["authorization"], "content-type": "application/json"}
    waits: list[float] = []
    created: list[str] = []

    def write(_: int) -> bool:
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        try:
            for _ in range(EACH):
                name, started = f"w{uuid4().hex}", time.monotonic()
                connection.request("POST", ACCOUNTS, json.dumps({"name": name}), headers)
                answer = connection.getresponse()
                text = answer.read()
                waits.append(time.monotonic() - started)
                assert answer.status == 201, text
                created.append(name)
        finally:
            connection.close()
        return False

    Crowd(write, CLIENTS).join(stop=False)
    assert len(created) == CLIENTS * EACH
    assert sorted(it["name"] for it in server.admin.get(ACCOUNTS).json()) == sorted(created)
    figure("creates, refused", f"{len(created)}, 0")
    figure("wait for an answer", f"{sorted(waits)[len(waits) // 2]:.3f} s median, {max(waits):.3f} s at most")
