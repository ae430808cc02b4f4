"""The key-encryption key is replaced under two running replicas, and the command is killed at every step.

At each moment both replicas give out again what they have sealed, and the next run of the command completes
what the killed one began.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from support.launching import Start
from support.processes import PUBLIC_URL, Crowd, ServerProcess, clean_environment
from support.trials import FULL, Figure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CLUSTERS = 3
NEVER = 0
# Of each thread, between two rounds: the point is what they are answered, and not how much they take.
PAUSE = 0.05


class Host:
    """The host of the replicas, where commands run."""

    def __init__(self, folder: Path, database: dict[str, str]) -> None:
        self._environment = clean_environment(data_dir=str(folder), public_url=PUBLIC_URL, **database)

    def rotate(self, cut_at: int = NEVER) -> int:
        """Run the command and kill it at a step; returns how many there were, or NEVER if it was killed."""
        done = self._run("support.kek_cutting", str(cut_at))
        if done.returncode == -signal.SIGKILL:
            return NEVER
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def check(self) -> str:
        """What `db check` says of the key-encryption key."""
        done = self._run("runplane", "admin", "db", "check")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


class Load:
    """Asks both replicas, over and over, for what is stored only sealed."""

    def __init__(self, replicas: tuple[ServerProcess, ServerProcess]) -> None:
        self._admins = [it.admin for it in replicas]
        self.clusters = [self._post(0, "clusters", {"name": f"c{it}"})["uuid"] for it in range(CLUSTERS)]
        self._secrets = {it: self.secret(0, it) for it in self.clusters}
        # one for each thread: two requests with one key at once would be refused, rightly
        self._kept = [self._named(0, it) for it in range(2)]
        self.rounds = [0, 0]
        self.crowd = Crowd(self.work, 2)

    def work(self, number: int) -> None:
        """One round at one replica: old values, a new one, and that one from the other replica."""
        other = 1 - number
        for cluster, secret in self._secrets.items():
            assert self.secret(number, cluster) == secret
        # the answer of the first time, opened again
        assert self._named(number, number) == self._kept[number]
        made = self._post(number, "clusters", {"name": f"n{number}-{self.rounds[number]}"})["uuid"]
        assert self.secret(other, made) == self.secret(number, made)
        answer = self._admins[other].delete(f"/api/v1/clusters/{made}", params={"force": True})
        assert answer.status_code in (200, 202, 204), answer.text
        self.rounds[number] += 1
        self.crowd.stopped.wait(PAUSE)

    def secret(self, number: int, cluster: str) -> str:
        """The secret of a cluster's agent."""
        path = f"/api/v1/clusters/{cluster}/cluster-install-info"
        answer = self._admins[number].get(path, params={"version": "2.24"})
        assert answer.status_code == 200, answer.text
        return answer.json()["clientSecret"]

    def _named(self, number: int, whose: int) -> dict[str, Any]:
        key = {"Idempotency-Key": f"kept-from-the-start-{whose}"}
        return self._post(number, "service-accounts", {"name": f"kept-{whose}"}, key)

    def _post(
        self, number: int, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        answer = self._admins[number].post(f"/api/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()


def chosen(steps: int) -> list[int]:
    """At which steps to cut: each, or in the suite the one in the middle."""
    return list(range(1, steps + 1)) if FULL else [steps // 2]


def test_the_key_is_replaced_under_load_however_often_that_is_cut(
    start: Start, tmp_path: Path, database: dict[str, str], figure: Figure
) -> None:
    folder = tmp_path / "data"
    replicas = (start(folder, **database), start(folder, **database))
    host, load = Host(folder, database), Load(replicas)
    key = folder / "key-encryption-key"
    cut, began, keys = 0, time.monotonic(), {key.read_bytes()}
    try:
        steps = host.rotate()
        for step in chosen(steps):
            rounds = sum(load.rounds)
            ended = host.rotate(step)
            # what the load stores comes and goes, so a run may have a few steps less than the first one
            assert ended < step, "it was not cut"
            cut += ended == NEVER
            while sum(load.rounds) < rounds + 2 and not load.crowd.failed:
                assert time.monotonic() < began + 1500, "the replicas do not answer"
                time.sleep(0.01)
            if load.crowd.failed:
                break
            host.rotate()
            keys.add(key.read_bytes())
    finally:
        load.crowd.join()
    assert len(keys) > 1
    assert cut >= len(chosen(steps)) * 3 // 4
    said = host.check()
    assert "and no other" in said, said
    # what they would need after a restart is one key
    (folder / "key-encryption-key.previous").unlink()
    for it in replicas:
        it.terminate()
    again = start(folder, **database)
    for cluster in load.clusters:
        path = f"/api/v1/clusters/{cluster}/cluster-install-info"
        assert again.admin.get(path, params={"version": "2.24"}).status_code == 200
    figure("steps of rotate-kek, runs killed", f"{steps}, {cut}")
    figure("rounds of two replicas meanwhile, values that did not open", f"{sum(load.rounds)}, 0")
