"""A restart that nobody notices: processes are replaced under load, and no request fails.

The clients are as unforgiving as clients get: `http.client` without a second try, over connections that are
kept as well as over new ones. Reports how many requests were answered and the longest wait for one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from support.launching import Start
from support.processes import SERVE, Crowd, ServerProcess
from support.trials import Figure, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ACCOUNTS = "/api/v1/service-accounts"
PAUSE_SECONDS = 0.02
CYCLES = trials(1, 10)


class Load:
    """Clients that read and create until told to stop, and a ledger of what they were answered."""

    def __init__(self, server: ServerProcess) -> None:
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        self._address = (host, int(port))
        self._headers = {
            "authorization": server.admin.headers["authorization"],
            "content-type": "application/json",
        }
        self._mark = f"l{uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.created: list[str] = []
        self.answers = 0
        self.longest = 0.0
        self._kept = [self._connect() for _ in range(6)]
        kinds = [self._read_kept] * 3 + [self._create_kept] * 2 + [self._token_kept] + [self._read_anew] * 2
        self._crowd = Crowd(lambda number: kinds[number](number), len(kinds))

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self._address, timeout=60)

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: object = None
    ) -> tuple[int, bytes]:
        started = time.monotonic()
        connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = connection.getresponse()
        text = answer.read()
        with self._lock:
            self.answers += 1
            self.longest = max(self.longest, time.monotonic() - started)
        return answer.status, text

    def _read_kept(self, number: int) -> None:
        status, text = self._ask(self._kept[number], "GET", f"{ACCOUNTS}?limit=1")
        assert status == 200, text
        self._ending.wait(PAUSE_SECONDS)

    def _token_kept(self, number: int) -> None:
        """A call that is refused before anything is looked up: 400 is the answer, and any answer will do."""
        status, text = self._ask(self._kept[number], "POST", "/api/v1/token", {"grantType": "none"})
        assert status == 400, text
        self._ending.wait(PAUSE_SECONDS)

    def _read_anew(self, _: int) -> None:
        connection = self._connect()
        try:
            status, text = self._ask(connection, "GET", "/healthz")
        finally:
            connection.close()
        assert status == 200, text
        self._ending.wait(PAUSE_SECONDS)

    def _create_kept(self, number: int) -> None:
        name = f"{self._mark}-{number}-{len(self.created)}-{uuid4().hex[:6]}"
        status, text = self._ask(self._kept[number], "POST", ACCOUNTS, {"name": name})
        assert status == 201, text
        self.created.append(name)
        self._ending.wait(PAUSE_SECONDS)

    @property
    def failed(self) -> bool:
        """Whether a request has failed."""
        return self._crowd.failed

    def wait_for_more(self) -> None:
        """Wait for answers to requests of after this call, while none fails."""
        enough = self.answers + 50
        wait_for("more load", self, lambda: self.answers > enough)

    def end(self) -> None:
        """Stop the clients; raises what the first failed request met."""
        self._ending.set()
        try:
            self._crowd.join()
        finally:
            for it in self._kept:
                it.close()

    def compare(self, server: ServerProcess) -> None:
        """Every create that was acknowledged is there, each once, and nothing else."""
        answer = server.admin.get(ACCOUNTS)
        assert answer.status_code == 200, answer.text
        kept = [it["name"] for it in answer.json()]
        mine = Counter(it for it in kept if it.startswith(self._mark))
        assert mine == Counter(self.created)


@contextlib.contextmanager
def under_load(server: ServerProcess, figure: Figure) -> Iterator[Load]:
    """Load while the block runs; nothing may have failed at its end."""
    load = Load(server)
    try:
        wait_for("some load", load, lambda: load.answers > 50)
        yield load
        load.wait_for_more()
    finally:
        load.end()
    load.compare(server)
    figure("requests answered, failed, creates, doubled", f"{load.answers}, 0, {len(load.created)}, 0")
    figure("longest wait for an answer", f"{load.longest:.3f} s")


def wait_for(what: str, load: Load, condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition while no request fails."""
    deadline = time.monotonic() + seconds
    while not condition() and not load.failed:
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def wait_for_replacement(server: ServerProcess, load: Load, times: int) -> None:
    """Wait until all workers have been replaced that many times, while no request fails."""
    wait_for("the workers to be replaced", load, lambda: replaced(server) >= times)


def replaced(server: ServerProcess) -> int:
    """How often all workers have been replaced."""
    return server.errors.count('"event":"workers replaced"')


def test_workers_are_replaced_without_a_failed_request(
    start: Start, database: dict[str, str], figure: Figure
) -> None:
    server = start(workers="2", **database)
    with under_load(server, figure) as load:
        for cycle in range(1, CYCLES + 1):
            server.process.send_signal(signal.SIGHUP)
            wait_for_replacement(server, load, cycle)
    assert replaced(server) == CYCLES
    figure("cycles", CYCLES)
    assert server.terminate() == 0


def test_a_server_alone_is_replaced_without_a_failed_request(start: Start, figure: Figure) -> None:
    """The process that was started becomes the supervisor of its successor."""
    server = start()
    with under_load(server, figure) as load:
        server.process.send_signal(signal.SIGHUP)
        wait_for_replacement(server, load, 1)
    assert server.terminate() == 0


def test_a_server_on_a_socket_of_systemd_restarts_without_a_failed_request(
    start: Start, figure: Figure
) -> None:
    """As `systemctl restart` with a socket unit: stopped, then started; connections wait in the socket."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
        number = listener.fileno()
        # sd_listen_fds(3): descriptors from 3 on, for the process of that number
        hand_over = "import os,sys; os.dup2(int(sys.argv[1]), 3); os.environ |= {'LISTEN_FDS': '1', "
        hand_over += "'LISTEN_PID': str(os.getpid())}; os.execv(sys.argv[2], sys.argv[2:])"
        command = [sys.executable, "-c", hand_over, str(number), *SERVE]
        # the port of the settings is not that of the socket: nothing else listens where the clients ask
        server = start(command=command, descriptors=[number], port="1")
        assert server.url.endswith(f":{listener.getsockname()[1]}")
        with under_load(server, figure) as load:
            for _ in range(CYCLES):
                assert server.terminate() == 0
                server.start()
                load.wait_for_more()
        figure("cycles", CYCLES)
