"""Promise, the gentle half: SIGTERM finishes what runs, stores what waits, and ends the process with 0."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from support.processes import Crowd, ServerProcess
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Start = Callable[..., ServerProcess]

ACCOUNTS = "/api/v1/service-accounts"
STOP_SECONDS = 10.0
TOKEN = "/api/v1/token"
JSON = {"content-type": "application/json"}

pytestmark = pytest.mark.slow


def stop(server: ServerProcess) -> float:
    """Stop a server as orchestrators do; returns the seconds it took."""
    started = time.monotonic()
    code = server.terminate()
    assert code == 0, server.errors
    return time.monotonic() - started


def connect(server: ServerProcess) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def message(path: str, body: bytes, token: str = "") -> bytes:
    """A POST over HTTP/1.1, byte by byte."""
    lines = [f"POST {path} HTTP/1.1", "Host: runplane.test", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *([f"Authorization: {token}"] if token else [])]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Status and the whole text of an answer after which the server closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return int(received.split(b" ", 2)[1]) if received else 0, received


def credentials(account: dict[str, str]) -> bytes:
    """The body that gets a token for a service account."""
    client = {"clientId": account["clientId"], "clientSecret": account["clientSecret"]}
    return json.dumps({"grantType": "client_credentials", **client}).encode()


def wait_until_read(server: ServerProcess) -> None:
    """Wait until the server has read what earlier connections sent: in a socket unread, it is not on its way.

    Its event loop accepts and reads in order of arrival, so a later request's answer proves it.
    """
    for _ in range(3):
        with httpx.Client(base_url=server.url, timeout=30) as client:
            assert client.get("/healthz").status_code == 200


def sign_ins(server: ServerProcess, account_id: str) -> int:
    """How many sign-ins of a service account are on record; equal ones share a row that counts."""
    rows = server.audit(action="sign-in", entity_id=account_id, result="Succeeded")
    return sum(int(it["metadata"].get("count", "1")) for it in rows)


def test_requests_on_their_way_are_finished(start: Start) -> None:
    """One worker checks passwords one after the other, so most still wait when the signal comes."""
    server = start(passwords_workers="1")
    body = json.dumps({"grantType": "password", "username": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
    waiting = [connect(server) for _ in range(12)]
    for connection in waiting:
        connection.sendall(message(TOKEN, body.encode()))
    wait_until_read(server)
    ended = threading.Thread(target=lambda: codes.append(server.terminate()))
    codes: list[int] = []
    ended.start()
    signalled = time.monotonic()
    answers = [answer_of(connection) for connection in waiting]
    assert time.monotonic() - signalled > 0.1, "all were answered before the signal"
    ended.join()
    for connection in waiting:
        connection.close()
    assert [status for status, _ in answers] == [200] * 12
    assert codes == [0], server.errors


def test_a_request_whose_body_is_still_arriving_is_finished(start: Start) -> None:
    server = start()
    token = server.admin.headers["authorization"]
    name = f"s{uuid4().hex}"
    request = message(ACCOUNTS, json.dumps({"name": name}).encode(), token)
    with connect(server) as connection:
        connection.sendall(request[:-5])
        wait_until_read(server)
        codes: list[int] = []
        ended = threading.Thread(target=lambda: codes.append(server.terminate()))
        ended.start()
        time.sleep(0.3)
        connection.sendall(request[-5:])
        status, text = answer_of(connection)
    ended.join()
    assert (status, codes) == (201, [0]), (text, server.errors)
    server.start()
    assert name in [it["name"] for it in server.admin.get(ACCOUNTS).json()]


def test_sign_ins_that_wait_to_be_stored_are_stored(start: Start, database: dict[str, str]) -> None:
    """Sign-ins are recorded in groups, up to a tenth of a second after their answer."""
    server = start(**database)
    many, single = (server.admin.post(ACCOUNTS, json={"name": f"s{uuid4().hex}"}).json() for _ in range(2))
    clients = [httpx.Client(base_url=server.url, timeout=30) for _ in range(4)]
    sent, answered = [0] * 4, [0] * 4

    def sign_in(number: int) -> bool:
        sent[number] += 1
        try:
            answer = clients[number].post(TOKEN, content=credentials(many), headers=JSON)
        except httpx.TransportError:
            return False
        assert answer.status_code == 200, answer.text
        answered[number] += 1
        return True

    crowd = Crowd(sign_in, len(clients))
    # The last of all: its record is made when the server has nothing left to do but end.
    last = message(TOKEN, credentials(single))
    with connect(server) as connection:
        connection.sendall(last[:-5])
        time.sleep(0.55)
        took: list[float] = []
        ended = threading.Thread(target=lambda: took.append(stop(server)))
        ended.start()
        crowd.join(stop=False)
        # The server looks every tenth of a second whether all connections are done: half-way between.
        time.sleep(0.15)
        connection.sendall(last[-5:])
        status, _ = answer_of(connection)
    ended.join()
    for client in clients:
        client.close()
    assert status == 200
    assert took[0] < STOP_SECONDS
    server.start()
    assert sign_ins(server, single["id"]) == 1
    assert sum(answered) > 20
    # a request that was cut off before it was read left nothing, one whose answer was cut off a record
    assert sum(answered) <= sign_ins(server, many["id"]) <= sum(sent)
    for it in (many, single):
        assert server.admin.get(f"{ACCOUNTS}/{it['id']}").json()["lastLogin"] is not None


def test_a_client_that_stalls_does_not_hold_the_process(start: Start) -> None:
    server = start()
    token = server.admin.headers["authorization"]
    request = message(ACCOUNTS, json.dumps({"name": "never-finished"}).encode(), token)
    with connect(server) as idle, connect(server) as in_header, connect(server) as in_body:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: runplane.test\r\n\r\n")
        in_header.sendall(request[:20])
        in_body.sendall(request[:-5])
        time.sleep(0.2)
        assert stop(server) <= STOP_SECONDS
    server.start()
    assert server.audit(entity_type="service-account", result="Succeeded") == []


@pytest.mark.parametrize("delay", [0.2, 0.5, 0.8, 1.1])
def test_a_signal_during_the_first_start_leaves_nothing_half_made(launch: Start, delay: float) -> None:
    server = launch()
    time.sleep(delay)
    server.terminate()
    server.start()
    assert server.admin.get(ACCOUNTS).status_code == 200
