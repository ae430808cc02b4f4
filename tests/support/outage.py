"""Clients that go on while the database fails: they write, repeat what was refused, and read.

What they may see is an answer or a 503 with Retry-After; anything else fails the test. Each create has a name
of its own and is repeated byte for byte until it is acknowledged, as programs do, so that whatever is
missing or there twice afterwards was lost or doubled by the server.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from support.ledger import ACCOUNTS
from support.processes import Crowd, ServerProcess
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

PATIENCE = 60.0


class Answered(NamedTuple):
    """One answer: when it came, what was asked for, how long it took, and whether it was a refusal."""

    at: float
    kind: str
    seconds: float
    refused: bool


class Load:
    """Writers and readers of one server, or of several in turn. Call `stop` before looking at the ledger."""

    def __init__(self, *servers: ServerProcess, writers: int = 3, readers: int = 2) -> None:
        self.made: dict[str, str] = {}
        self.answers: list[Answered] = []
        self.replayed = 0
        # when each writer began the create that it has no answer to yet
        self._begun: dict[int, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        token = servers[0].admin.headers["authorization"]
        size = writers + readers
        self._clients = [
            httpx.Client(
                base_url=servers[number % len(servers)].url,
                headers={"authorization": token},
                timeout=PATIENCE,
            )
            for number in range(size)
        ]
        self._writers = writers
        self._crowd = Crowd(self._work, size)

    def _work(self, number: int) -> bool:
        client = self._clients[number]
        if number < self._writers:
            self._begun[number] = time.monotonic()
            self._write(client)
            self._begun.pop(number)
        else:
            self._read(client, "/".join([ACCOUNTS, *list(self.made.values())[:1]]))
        time.sleep(0.005)
        return not self._stopping.is_set()

    def _write(self, client: httpx.Client) -> None:
        body = {"name": f"w{uuid4().hex}"}
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._ask("write", client, "POST", ACCOUNTS, json=body)
            if answer is not None:
                assert answer.status_code == 201, answer.text
                break
            assert time.monotonic() < deadline, "a create was refused for a minute"
            time.sleep(0.02)
        with self._lock:
            self.made[body["name"]] = answer.json()["id"]
            self.replayed += "idempotency-replayed" in answer.headers

    def _read(self, client: httpx.Client, path: str) -> None:
        answer = self._ask("read", client, "GET", path)
        assert answer is None or answer.status_code == 200, answer.text
        if answer is None:
            time.sleep(0.02)

    def _ask(
        self, kind: str, client: httpx.Client, method: str, path: str, **more: Any
    ) -> httpx.Response | None:
        """The answer, or None for a refusal as it should be."""
        started = time.monotonic()
        answer = client.request(method, path, **more)
        ended = time.monotonic()
        refused = answer.status_code == 503
        if refused:
            assert int(answer.headers["retry-after"]) >= 1, "a 503 that does not say when to come back"
        with self._lock:
            self.answers.append(Answered(ended, kind, ended - started, refused))
        return None if refused else answer

    def wait(self, kind: str, *, refused: bool, after: float, seconds: float = PATIENCE) -> float:
        """Wait for an answer of this kind that came later than `after`; returns when it came."""
        deadline = time.monotonic() + seconds
        while True:
            assert not self._crowd.failed, "a client met something else than an answer or a 503"
            with self._lock:
                recent = self.answers[-200:]
            # an answer to what was asked before says nothing about now
            found = [
                it
                for it in recent
                if it.kind == kind and it.refused is refused and it.at - it.seconds > after
            ]
            if found:
                return found[0].at
            assert time.monotonic() < deadline, f"no {kind} with refused={refused} in {seconds:g} s"
            time.sleep(0.01)

    def write_more(self, number: int) -> None:
        """Wait until this many further creates were acknowledged."""
        goal, deadline = len(self.made) + number, time.monotonic() + PATIENCE
        while len(self.made) < goal:
            assert not self._crowd.failed, "a client met something else than an answer or a 503"
            assert time.monotonic() < deadline, "the writers do not get on"
            time.sleep(0.01)

    def settle(self, moment: float) -> float:
        """Wait until every create that was begun before `moment` is acknowledged; returns the time then."""
        deadline = time.monotonic() + PATIENCE
        while any(begun < moment for begun in list(self._begun.values())):
            assert not self._crowd.failed, "a client met something else than an answer or a 503"
            assert time.monotonic() < deadline, "a create is refused for ever"
            time.sleep(0.01)
        return time.monotonic()

    def stop(self) -> None:
        """Let every create that was begun be acknowledged, and end."""
        self._stopping.set()
        try:
            self._crowd.join(stop=False)
        finally:
            for client in self._clients:
                client.close()

    @property
    def refusals(self) -> int:
        """How many 503s there were."""
        return sum(it.refused for it in self.answers)

    @property
    def longest_answer(self) -> float:
        """Seconds of the slowest answer of any kind."""
        return max(it.seconds for it in self.answers)

    def longest_outage(self) -> float:
        """The longest time, in seconds, between the first 503 to a kind of request and its next success."""
        longest = 0.0
        for kind in ("read", "write"):
            since: float | None = None
            for it in sorted(self.answers):
                if it.kind != kind:
                    continue
                if it.refused:
                    since = since or it.at
                elif since is not None and it.at - it.seconds > since:
                    longest, since = max(longest, it.at - since), None
        return longest


def check_once(server: ServerProcess, made: dict[str, str]) -> None:
    """Everything acknowledged is there exactly once, under its id, with one audit record each."""
    stored = [it for it in server.admin.get(ACCOUNTS).json() if it["name"].startswith("w")]
    names = Counter(it["name"] for it in stored)
    assert {name for name, number in names.items() if number > 1} == set(), "made twice"
    assert {it["name"]: it["id"] for it in stored} == made
    created = server.audit(entity_type="service-account", action="create")
    # whoever got 503 for a commit that was stored after all has a record of that too
    recorded = Counter(it["entity_id"] for it in created if it["http_status_code"] == 201)
    assert {it: recorded[it] for it in made.values() if recorded[it] != 1} == {}


def wait_until_ready(server: ServerProcess, seconds: float = PATIENCE) -> None:
    """Wait until `/readyz` says yes."""
    deadline = time.monotonic() + seconds
    while httpx.get(f"{server.url}/readyz", timeout=10).status_code != 200:
        assert time.monotonic() < deadline, "the server is not ready again"
        time.sleep(0.02)


def sign_in_status(server: ServerProcess) -> int:
    """How a sign-in with the right password is answered now."""
    body = {"grantType": "password", "username": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    return httpx.post(f"{server.url}/api/v1/token", json=body, timeout=PATIENCE).status_code
