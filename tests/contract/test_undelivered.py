"""Creates whose answer never arrived, and creates that are repeated although it did."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from runplane.server.answers.keeper import REPEAT_SECONDS
from runplane.server.answers.tables import kept_answers
from runplane.server.identity.clients import service
from runplane.server.identity.tables import clients
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.detail

ACCOUNTS = "/api/v1/service-accounts"
REPORTS = "/api/v1/org-unit/reports"


def name() -> str:
    return f"a{uuid4().hex}"


def token_of(client: httpx.Client) -> str:
    return client.headers["authorization"]


def raw_post(server: Server, authorization: str, body: dict[str, str], path: str = ACCOUNTS) -> socket.socket:
    """A connection on which a create has been asked for."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nauthorization: {authorization}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(head.encode() + content)
    return connection


def cut(connection: socket.socket) -> None:
    """End a connection without good-bye: the other end gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def post(server: Server, authorization: str, body: dict[str, str]) -> httpx.Response:
    """The same bytes as `raw_post`, on a connection of its own."""
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {"authorization": authorization, "content-type": "application/json"}
    return httpx.post(f"{server.url}{ACCOUNTS}", content=content, headers=headers, timeout=60)


def accounts(server: Server, wanted: str) -> list[str]:
    query = select(clients.c.id).where(clients.c.name == wanted)
    return server.units.read(lambda unit: [row[0] for row in unit.execute(query)])


def kept(server: Server) -> int:
    return len(server.units.read(lambda unit: unit.execute(select(kept_answers.c.id)).all()))


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.01)


class Gate:
    """Holds creates of one name inside their transaction until told to go on."""

    def __init__(self) -> None:
        self.name = name()
        self.entered = threading.Event()
        self.go_on = threading.Event()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate()
    create = service.create_client

    def held(unit: Any, principal: Any, kind: Any, wanted: str, *rest: Any) -> Any:
        if wanted == made.name and not made.entered.is_set():
            made.entered.set()
            assert made.go_on.wait(30)
        return create(unit, principal, kind, wanted, *rest)

    monkeypatch.setattr(service, "create_client", held)
    yield made
    made.go_on.set()


def lose(server: Server, authorization: str, gate: Gate, leave: Callable[[socket.socket], None]) -> None:
    """A create that is done after its client has left."""
    connection = raw_post(server, authorization, {"name": gate.name})
    assert gate.entered.wait(30)
    leave(connection)
    gate.go_on.set()
    until(lambda: accounts(server, gate.name), "the create")


@pytest.mark.parametrize("leave", [socket.socket.close, cut], ids=["closed", "reset"])
def test_a_repeat_gets_the_answer_that_was_lost(
    any_server: Server, gate: Gate, leave: Callable[[socket.socket], None]
) -> None:
    authorization = token_of(any_server.admin)
    lose(any_server, authorization, gate, leave)
    again = post(any_server, authorization, {"name": gate.name})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert [again.json()["id"]] == accounts(any_server, gate.name)
    opened = any_server.client_token(again.json()["clientId"], again.json()["clientSecret"])
    assert opened, "the secret is the one that was lost"
    # that one arrived, so from here on it is as ever
    assert post(any_server, authorization, {"name": gate.name}).status_code == 409


def test_a_repeat_that_comes_while_the_first_still_runs_waits_for_its_answer(
    any_server: Server, gate: Gate
) -> None:
    authorization = token_of(any_server.admin)
    connection = raw_post(any_server, authorization, {"name": gate.name})
    assert gate.entered.wait(30)
    connection.close()
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(post, any_server, authorization, {"name": gate.name})
        gate.go_on.set()
        assert again.result().status_code == 201
        assert again.result().headers["idempotency-replayed"] == "true"
    assert len(accounts(any_server, gate.name)) == 1


def test_an_answer_that_is_lost_twice_is_given_a_third_time(any_server: Server, gate: Gate) -> None:
    authorization = token_of(any_server.admin)
    lose(any_server, authorization, gate, socket.socket.close)
    cut(raw_post(any_server, authorization, {"name": gate.name}))
    again = post(any_server, authorization, {"name": gate.name})
    # the second request may have been dropped unread; either way the first answer is still there
    assert (again.status_code, [again.json()["id"]]) == (201, accounts(any_server, gate.name))


@pytest.mark.parametrize("what", ["token", "body", "later"])
def test_only_the_same_request_of_the_same_token_soon_is_a_repeat(
    any_server: Server, gate: Gate, what: str
) -> None:
    authorization = token_of(any_server.admin)
    lose(any_server, authorization, gate, socket.socket.close)
    body = {"name": gate.name}
    if what == "token":
        authorization = f"Bearer {any_server.token(ADMIN_EMAIL, ADMIN_PASSWORD)}"
    elif what == "body":
        body["expiresAt"] = "2100-01-01T00:00:00Z"
    else:
        any_server.clock.advance(REPEAT_SECONDS + 1)
    assert post(any_server, authorization, body).status_code == 409


@pytest.mark.parametrize("connections", ["one", "several"])
def test_a_create_repeated_on_purpose_is_a_new_one(any_server: Server, connections: str) -> None:
    """Names of reports may repeat, those of service accounts may not: as if nothing were kept."""
    admin = any_server.admin
    report = {
        "name": name(),
        "type": "metrics",
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-01-02T00:00:00Z",
    }
    wanted = name()
    made: set[str] = set()
    statuses: list[int] = []
    for _ in range(5):
        own = admin if connections == "one" else any_server.client(token_of(admin).removeprefix("Bearer "))
        answer = own.post(REPORTS, json=report)
        assert answer.status_code == 202, answer.text
        made.add(answer.json()["id"])
        statuses.append(own.post(ACCOUNTS, json={"name": wanted}).status_code)
    assert len(made) == 5
    assert statuses == [201, 409, 409, 409, 409]


def test_creates_at_once_are_each_done(any_server: Server) -> None:
    client = any_server.admin
    report = {
        "name": name(),
        "type": "metrics",
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-01-02T00:00:00Z",
    }
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(REPORTS, json=report), range(4)))
    assert [it.status_code for it in answers] == [202] * 4
    assert len({it.json()["id"] for it in answers}) == 4


def test_nothing_is_left_of_what_arrived(any_server: Server) -> None:
    for _ in range(5):
        assert any_server.admin.post(ACCOUNTS, json={"name": name()}).status_code == 201
    one_shot = {"connection": "close", **any_server.admin.headers}
    assert httpx.post(f"{any_server.url}{ACCOUNTS}", json={"name": name()}, headers=one_shot).is_success

    def arrived() -> int:
        mine = select(kept_answers.c.id).where(~kept_answers.c.lost)
        return not any_server.units.read(lambda unit: unit.execute(mine).all())

    until(arrived, "the deletion of what arrived")


class Replicas:
    """Two servers on one database; they share nothing else."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path, kind: str) -> None:
        settings = {"public_url": "http://runplane.test"}
        if kind == "postgres":
            settings["database_url"] = request.getfixturevalue("postgres_database")()
        self.one = Server(folder / "data", **settings)
        self.two = Server(folder / "data", **settings)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(request, tmp_path, request.param)
    yield made
    made.one.stop()
    made.two.stop()


def test_another_replica_gives_the_lost_answer(replicas: Replicas, gate: Gate) -> None:
    authorization = token_of(replicas.one.admin)
    lose(replicas.one, authorization, gate, socket.socket.close)
    again = post(replicas.two, authorization, {"name": gate.name})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert [again.json()["id"]] == accounts(replicas.one, gate.name)


def test_another_replica_knows_what_arrived(replicas: Replicas) -> None:
    authorization = token_of(replicas.one.admin)
    for _ in range(5):
        body = {"name": name()}
        assert post(replicas.one, authorization, body).status_code == 201
        assert post(replicas.two, authorization, body).status_code == 409


def test_a_key_holds_at_every_replica(replicas: Replicas) -> None:
    authorization = token_of(replicas.one.admin)
    body, headers = {"name": name()}, {"authorization": authorization, "idempotency-key": name()}

    def ask(server: Server) -> httpx.Response:
        return httpx.post(f"{server.url}{ACCOUNTS}", json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, [replicas.one, replicas.two] * 3))
    assert {it.status_code for it in answers} <= {201, 409}
    assert len({it.content for it in answers if it.status_code == 201}) == 1
    assert len(accounts(replicas.one, body["name"])) == 1
    assert ask(replicas.two).status_code == ask(replicas.one).status_code == 201


@pytest.mark.parametrize("replicas", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_key_is_taken_at_the_other_replica_too(replicas: Replicas, gate: Gate) -> None:
    """On SQLite the second waits for the only writer there is, and gets the answer."""
    headers = {"authorization": token_of(replicas.one.admin), "idempotency-key": name()}
    body = {"name": gate.name}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            httpx.post, f"{replicas.one.url}{ACCOUNTS}", json=body, headers=headers, timeout=60
        )
        assert gate.entered.wait(30)
        refused = httpx.post(f"{replicas.two.url}{ACCOUNTS}", json=body, headers=headers, timeout=60)
        gate.go_on.set()
        assert refused.status_code == 409
        assert first.result().status_code == 201
    again = httpx.post(f"{replicas.two.url}{ACCOUNTS}", json=body, headers=headers, timeout=60)
    assert again.content == first.result().content
