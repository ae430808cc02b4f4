"""Clocks that are wrong: a minute between replicas changes nothing; hours end tokens and break nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from support.clocks import FakeClock, clocks
from support.launching import Start
from support.ledger import ACCOUNTS
from support.processes import ServerProcess
from support.trials import Figure, trials

__all__ = ["clocks"]

HOUR = 3600
PATIENCE = 30.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def new_account(server: ServerProcess, token: str = "") -> dict[str, Any]:
    client = server.client(token) if token else server.admin
    answer = client.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def token_of(server: ServerProcess, account: dict[str, Any]) -> dict[str, Any]:
    """A token as issued, with its claims under `claims`."""
    body = {"grantType": "client_credentials"}
    body |= {"clientId": account["clientId"], "clientSecret": account["clientSecret"]}
    answer = server.client().post("/api/v1/token", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    payload = found["accessToken"].split(".")[1]
    return found | {"claims": json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))}


def status(server: ServerProcess, token: str) -> int:
    """How a server receives a token: 403 is a caller that it knows and who has no right."""
    found = server.client(token).get(ACCOUNTS).status_code
    assert found in (200, 401, 403)
    return found


def check_sane(issued: dict[str, Any]) -> None:
    """Times in order, and a life that is neither negative nor longer than any token's."""
    claims = issued["claims"]
    assert claims["iat"] <= claims["nbf"] + 60
    assert 0 < claims["exp"] - claims["iat"] <= 24 * HOUR
    assert 0 < int(issued.get("expiresIn", issued.get("expires_in", 1))) <= 24 * HOUR


@pytest.mark.parametrize("offset", [60, -60])
def test_replicas_that_are_a_minute_apart(
    start: Start,
    clocks: Callable[[float], FakeClock],
    database: dict[str, str],
    figure: Figure,
    offset: int,
) -> None:
    """Nothing that one issues or stores is refused by the other."""
    replicas = [start(**database)]
    replicas.append(start(command=clocks(offset).command, **database))
    errors = tries = 0
    for _ in range(trials(5, 50)):
        for first, second in (replicas, replicas[::-1]):
            account = new_account(first)
            admin = first.admin.headers["authorization"].removeprefix("Bearer ")
            errors += status(second, admin) != 200
            errors += second.client(admin).get(f"{ACCOUNTS}/{account['id']}").status_code != 200
            issued = token_of(second, account)
            check_sane(issued)
            errors += status(first, issued["accessToken"]) == 401
            tries += 3
    assert errors == 0
    figure(f"requests refused because of {offset:+d} s", f"{errors} of {tries}")


@pytest.mark.parametrize("offset", [2 * HOUR, -2 * HOUR])
def test_replicas_that_are_hours_apart(
    start: Start, clocks: Callable[[float], FakeClock], offset: int
) -> None:
    """Each refuses tokens of the other that are over, or not valid yet, by its own clock; none fails."""
    right = start()
    wrong = start(command=clocks(offset).command)
    account = new_account(right)
    issued = [token_of(it, account) for it in (right, wrong)]
    for it in issued:
        check_sane(it)
    assert abs(issued[1]["claims"]["iat"] - issued[0]["claims"]["iat"] - offset) < 120
    assert issued[0]["claims"]["jti"] != issued[1]["claims"]["jti"]
    for token, own, other in ((issued[0], right, wrong), (issued[1], wrong, right)):
        assert status(own, token["accessToken"]) != 401
        assert status(other, token["accessToken"]) == 401
    # what one stores, the other serves
    assert wrong.admin.get(f"{ACCOUNTS}/{account['id']}").status_code == 200
    made = new_account(wrong)
    assert right.admin.get(f"{ACCOUNTS}/{made['id']}").status_code == 200
    for it in (right, wrong):
        assert it.client().get("/readyz").json() == {"status": "ready"}
        assert it.terminate() == 0


def test_a_clock_that_jumps_under_a_running_server(
    start: Start, clocks: Callable[[float], FakeClock], figure: Figure
) -> None:
    clock = clocks(0)
    server = start(command=clock.command)
    account = new_account(server)
    seen: set[str] = set()
    before = token_of(server, account)
    rounds = trials(1, 10)
    for _ in range(rounds):
        for offset in (2 * HOUR, 0, -2 * HOUR, 0):
            clock.shift(offset)
            issued = token_of(server, account)
            check_sane(issued)
            assert issued["claims"]["jti"] not in seen
            seen.add(issued["claims"]["jti"])
            assert status(server, issued["accessToken"]) != 401
            # Over by the clock of now. Two hours back it may count as not valid yet, or as known already.
            if offset >= 0:
                assert (status(server, before["accessToken"]) == 401) == (offset > 0)
            server.sign_in("admin@example.com", "violet-anchor-plum-drift")
            assert server.client().get("/readyz").json() == {"status": "ready"}
    assert server.process.poll() is None
    assert "Traceback" not in server.errors
    figure("jumps of two hours", rounds * 4)


@pytest.mark.parametrize("offset", [2 * HOUR, -2 * HOUR])
def test_revocation_does_not_depend_on_the_clock(
    start: Start, clocks: Callable[[float], FakeClock], offset: int
) -> None:
    """A replica whose clock is hours off hears of a deletion as soon as any other."""
    right = start()
    clock = clocks(0)
    other = start(command=clock.command)
    clock.shift(offset)
    account = new_account(right)
    token = token_of(other, account)["accessToken"]
    assert status(other, token) != 401
    assert right.admin.delete(f"{ACCOUNTS}/{account['id']}").is_success
    deadline = time.monotonic() + PATIENCE
    while status(other, token) != 401:
        assert time.monotonic() < deadline, "the deletion was not noticed"
        time.sleep(0.05)
    # audit records of both are there, whatever their times are
    clock.shift(0)
    assert other.terminate() == 0
    assert right.audit(entity_id=account["id"], action="delete")
