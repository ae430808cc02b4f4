"""What the compose file starts, without containers: PostgreSQL, two replicas, and HAProxy as shipped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import ROOT, unavailable
from support.processes import Crowd, ServerProcess, new_rule
from support.trials import Figure, trials

CONFIG = ROOT / "deploy" / "compose" / "haproxy.cfg"
# Seconds to wait for something to happen, on a machine that is busy with other tests.
PATIENCE = 60.0
DRAIN = "2"

pytestmark = pytest.mark.slow


def free_ports(number: int) -> list[int]:
    """Ports that are free at this moment."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [it.getsockname()[1] for it in probes]
    for it in probes:
        it.close()
    return ports


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s in vain: {what}"
        time.sleep(0.02)


class Site:
    """Two replicas behind the proxy."""

    def __init__(self, folder: Path, database_url: str, program: str) -> None:
        front, *ports = free_ports(3)
        self.replicas: list[ServerProcess] = []
        self.proxy: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{front}"
        settings = {"database_url": database_url, "drain_seconds": DRAIN, "trusted_proxies": "127.0.0.0/8"}
        self.log = folder / "haproxy.log"
        try:
            for it in ports:
                self.replicas.append(ServerProcess(folder / "data", port=str(it), **settings))
            for it in self.replicas:
                it.wait_until_ready()
            self._put_in_front(program, front, ports)
        except BaseException:
            self.close()
            raise

    def _put_in_front(self, program: str, front: int, ports: list[int]) -> None:
        environment = {**os.environ, "RUNPLANE_PROXY_BIND": f"127.0.0.1:{front}"}
        for number, port in enumerate(ports, 1):
            environment[f"RUNPLANE_REPLICA_{number}"] = f"127.0.0.1:{port}"
        with self.log.open("wb") as log:
            self.proxy = subprocess.Popen(
                [program, "-db", "-f", str(CONFIG)], env=environment, stdout=log, stderr=log
            )
        until(lambda: self.answers("/readyz") == 200, "the proxy answers")

    def answers(self, path: str) -> int:
        try:
            return httpx.get(self.url + path, timeout=10).status_code
        except httpx.TransportError:
            assert self.proxy is not None
            assert self.proxy.poll() is None, self.log.read_text()
            return 0

    def served(self, number: int) -> bool:
        """Whether the proxy has sent a request to this replica by now, other than its checks."""
        return f" replicas/{('first', 'second')[number]} " in self.log.read_text("utf-8", "replace")

    def forget(self) -> None:
        """Begin a new log, for `served`."""
        os.truncate(self.log, 0)

    def close(self) -> None:
        if self.proxy is not None:
            self.proxy.terminate()
            self.proxy.wait()
        for it in self.replicas:
            it.close()


@pytest.fixture
def site(tmp_path: Path, postgres_database: Callable[..., str]) -> Iterator[Site]:
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        unavailable("haproxy", "there is no haproxy on this machine")
    made = Site(tmp_path, postgres_database(), program)
    yield made
    made.close()


class Load:
    """Callers of the token call and of a read, who count what they were answered."""

    def __init__(self, site: Site, account: dict[str, Any], *, tokens: bool) -> None:
        self._site = site
        body = {"clientId": account["clientId"], "clientSecret": account["clientSecret"]}
        self._body = {"grantType": "client_credentials", **body}
        self._token = site.replicas[0].client_token(body["clientId"], body["clientSecret"])
        self._tokens = tokens
        self._lock = threading.Lock()
        self.answers: dict[str, int] = {}
        self._clients = [httpx.Client(base_url=site.url, timeout=30) for _ in range(4)]
        self.crowd = Crowd(self._work, len(self._clients))

    @property
    def done(self) -> int:
        return sum(self.answers.values())

    def finish(self) -> None:
        self.crowd.join()
        for it in self._clients:
            it.close()

    def _work(self, number: int) -> None:
        client = self._clients[number]
        try:
            if self._tokens and number % 2:
                answer = client.post("/api/v1/token", json=self._body)
            else:
                headers = {"authorization": f"Bearer {self._token}"}
                answer = client.get("/api/v1/service-accounts", headers=headers)
            told = str(answer.status_code)
        except httpx.TransportError as error:
            told = type(error).__name__
        with self._lock:
            self.answers[told] = self.answers.get(told, 0) + 1


def account(site: Site) -> dict[str, Any]:
    made = site.replicas[0].admin.post("/api/v1/service-accounts", json={"name": "caller"}).json()
    new_rule(site.replicas[0], made["clientId"], "service-account")
    return made


def test_the_replicas_are_restarted_one_by_one_and_nobody_notices(site: Site, figure: Figure) -> None:
    load = Load(site, account(site), tokens=True)
    rounds = trials(1, 10)
    try:
        for number in [0, 1] * rounds:
            before = load.done
            until(lambda before=before: load.done > before + 20, "requests are answered")
            assert site.replicas[number].terminate(30) == 0
            before = load.done
            until(lambda before=before: load.done > before + 20, "the other replica answers")
            site.replicas[number].start()
            site.forget()
            until(lambda number=number: site.served(number), "the proxy sends requests to it again")
    finally:
        load.finish()
    figure("restarts behind the proxy", 2 * rounds)
    figure("requests meanwhile", load.done)
    figure("failed requests", load.done - load.answers.get("200", 0))
    assert load.answers == {"200": load.done}, site.log.read_text("utf-8", "replace")[-3000:]


def test_a_read_survives_the_sudden_death_of_its_replica(site: Site, figure: Figure) -> None:
    """The proxy repeats what does no harm: a GET that got no answer goes to the other replica."""
    load = Load(site, account(site), tokens=False)
    rounds = trials(1, 10)
    try:
        for number in [0, 1] * rounds:
            before = load.done
            until(lambda before=before: load.done > before + 20, "requests are answered")
            site.replicas[number].kill()
            before = load.done
            until(lambda before=before: load.done > before + 20, "the other replica answers")
            site.replicas[number].start()
            site.forget()
            until(lambda number=number: site.served(number), "the proxy sends requests to it again")
    finally:
        load.finish()
    figure("reads while replicas were killed", f"{load.done}, of which {load.answers.get('200', 0)} answered")
    assert load.answers == {"200": load.done}, site.log.read_text("utf-8", "replace")[-3000:]


def test_the_proxy_tells_who_called_and_keeps_the_figures_inside(site: Site) -> None:
    for spelling in ("/metrics", "/%6detrics", "/%6D%65trics?x=1", "/metrics?"):
        assert site.answers(spelling) == 404, spelling
    assert httpx.get(site.replicas[0].url + "/metrics").status_code == 200
    body = {"grantType": "password", "username": "nobody@example.org", "password": "wrong-orchard-lantern"}
    forged = {"x-forwarded-for": "203.0.113.9"}
    assert httpx.post(f"{site.url}/api/v1/token", json=body, headers=forged).status_code in (400, 401)
    records = site.replicas[0].audit(result="Failed")
    told = repr(records)
    assert "203.0.113.9" not in told
