"""Promise: keys rotate under load, on two replicas, and nobody notices.

Tokens that one replica signs are used at once at the other, and by a stranger who keeps the list of keys for
as long as it may be kept and has no second try.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from support.accounts import payload
from support.processes import PUBLIC_URL, Crowd, ServerProcess, clean_environment, new_rule

CERTS = "/auth/realms/runai/protocol/openid-connect/certs"
USERS = "/api/v1/users"
ROTATIONS = 3
# Published twice this long before it signs: the rest is what a crowded machine may take to see a new key.
KEPT_SECONDS = 4
WAIT_SECONDS = 90.0


class Stranger:
    """Checks tokens with the published keys of a server, fetched only when the kept ones are out of date."""

    def __init__(self, server: ServerProcess) -> None:
        self._client = server.client()
        self._until = float("-inf")
        self._keys: dict[str, Any] = {}

    def check(self, token: str) -> str:
        """The id of the key that signed a token. KeyError for one that is not in the kept list."""
        if time.monotonic() >= self._until:
            # from the question on: the answer may take its time
            self._until = time.monotonic() + KEPT_SECONDS
            answer = self._client.get(CERTS)
            assert answer.headers["cache-control"] == f"public, max-age={KEPT_SECONDS}"
            self._keys = {it["kid"]: jwt.PyJWK(it).key for it in answer.json()["keys"]}
        kid = jwt.get_unverified_header(token)["kid"]
        jwt.decode(token, self._keys[kid], algorithms=["ES256"], audience="runai", leeway=30)
        return kid


class Load:
    """Gets tokens at one replica and uses them at the other, over and over."""

    def __init__(self, replicas: tuple[ServerProcess, ServerProcess], secret: dict[str, str]) -> None:
        self._secret = {"grantType": "client_credentials", **secret}
        self._clients: list[tuple[httpx.Client, httpx.Client]] = []
        self._strangers: list[Stranger] = []
        for a, b in (replicas, replicas[::-1]) * 2:
            self._clients.append((a.client(), b.client()))
            self._strangers.append(Stranger(b))
        self._lock = threading.Lock()
        self.seen: dict[str, str] = {}
        self.counted = [0] * len(self._clients)

    def work(self, number: int) -> None:
        """One token, used at the other replica, together with one of an earlier key."""
        signing, accepting = self._clients[number]
        answer = signing.post("/api/v1/token", json=self._secret)
        assert answer.status_code == 200, answer.text
        token = answer.json()["accessToken"]
        self._use(accepting, token)
        kid = self._strangers[number].check(token)
        with self._lock:
            self.seen.setdefault(kid, token)
            known = list(self.seen.values())
        self._use(accepting, known[self.counted[number] % len(known)])
        self.counted[number] += 1

    def _use(self, client: httpx.Client, token: str) -> None:
        answer = client.get(USERS, params={"limit": 1}, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200, (answer.status_code, answer.text, payload(token))


def rotate(folder: Path, database: dict[str, str]) -> str:
    """Run the command as a person on the host would; returns the id of the new key."""
    settings = {"data_dir": str(folder), "public_url": PUBLIC_URL, "keys_kept_seconds": str(KEPT_SECONDS)}
    done = subprocess.run(
        [sys.executable, "-m", "runplane", "admin", "rotate-keys"],
        env=clean_environment(**settings, **database),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("new key ")[2].split()[0]


@pytest.mark.slow
def test_keys_rotate_under_load_and_no_token_is_refused(
    start: Callable[..., ServerProcess], tmp_path: Path, database: dict[str, str]
) -> None:
    folder = tmp_path / "data"
    a, b = (start(folder, **database, keys_kept_seconds=str(KEPT_SECONDS)) for _ in range(2))
    made = a.admin.post("/api/v1/service-accounts", json={"name": "rotating"}).json()
    new_rule(a, made["clientId"], "service-account")
    load = Load((a, b), {"clientId": made["clientId"], "clientSecret": made["clientSecret"]})
    crowd = Crowd(load.work, len(load.counted))
    try:
        for _ in range(ROTATIONS):
            kid = rotate(folder, database)
            deadline = time.monotonic() + WAIT_SECONDS
            while kid not in load.seen and not crowd.failed:
                assert time.monotonic() < deadline, "the new key does not sign"
                time.sleep(0.05)
    finally:
        crowd.join()
    # shown with `pytest -rA`
    sys.stdout.write(f"{sum(load.counted)} tokens under {len(load.seen)} keys, none refused\n")
    assert len(load.seen) == ROTATIONS + 1
    assert min(load.counted) > ROTATIONS
