"""A create whose server dies between commit and answer is not made twice, whoever is asked next."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from support.launching import Start
from support.processes import ServerProcess

ACCOUNTS = "/api/v1/service-accounts"
BODY = b'{"name": "doomed"}'

# The change is on disk when an answer is handed over: nothing later can be cut off.
DYING = """
import os, signal, sys
from runplane.server.http import pipeline

hand_over = pipeline._with_common

def die(status, headers, body, common):
    if status == 201 and b'"doomed"' in body:
        os.kill(os.getpid(), signal.SIGKILL)
    return hand_over(status, headers, body, common)

pipeline._with_common = die
sys.argv = ["runplane", "serve"]
from runplane.main import main
main()
"""


def create(server: ServerProcess, token: str, **headers: str) -> httpx.Response:
    given = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}
    return httpx.post(f"{server.url}{ACCOUNTS}", content=BODY, headers=given, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("key", [{}, {"idempotency-key": "5f0c"}], ids=["without a key", "with a key"])
def test_the_answer_of_a_killed_server_is_given_by_another(
    start: Start, database: dict[str, str], tmp_path: Path, key: dict[str, str]
) -> None:
    doomed = start(command=(sys.executable, "-c", DYING), **database)
    replica = start(tmp_path / "data", **database)
    token = doomed.admin.headers["authorization"].removeprefix("Bearer ")
    with pytest.raises(httpx.TransportError):
        create(doomed, token, **key)
    again = create(replica, token, **key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    made = again.json()
    assert replica.client_token(made["clientId"], made["clientSecret"])
    listed = replica.admin.get(ACCOUNTS).json()
    assert [it["id"] for it in listed if it["name"] == "doomed"] == [made["id"]]
    # with a key the answer stays; without one it has arrived now
    assert create(replica, token, **key).status_code == (201 if key else 409)


@pytest.mark.slow
def test_a_restarted_server_gives_the_answer_it_did_not_get_to_give(
    start: Start, database: dict[str, str], tmp_path: Path
) -> None:
    doomed = start(command=(sys.executable, "-c", DYING), **database)
    token = doomed.admin.headers["authorization"].removeprefix("Bearer ")
    with pytest.raises(httpx.TransportError):
        create(doomed, token)
    restarted = start(tmp_path / "data", **database)
    again = create(restarted, token)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert create(restarted, token).status_code == 409
