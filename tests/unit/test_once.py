"""Creates on a kernel of the test's own: what is kept, and what another ASGI server may leave out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from runplane.server.answers import keeper
from runplane.server.answers.keeper import Answers
from runplane.server.answers.tables import kept_answers
from runplane.server.audit.journal import Journal
from runplane.server.audit.sealing import AuditKey
from runplane.server.authz.guard import agent, public, signed_in
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.clock import ManualClock
from runplane.server.core.errors import Conflict
from runplane.server.http.call import Call
from runplane.server.http.delivery import LINE
from runplane.server.http.metrics import RequestMetrics
from runplane.server.http.operation import Audited, Mode, NotAudited, Operation, Operations, Reply
from runplane.server.http.pipeline import Kernel
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit, Units

ANYBODY = Principal(1001, "runai", SubjectKind.USER, "u", "u@example.com")
Sent = tuple[int, dict[bytes, bytes], bytes]


class Door:
    """Lets everybody in."""

    def recall(self, _token: bytes) -> Principal | None:
        return ANYBODY

    async def authenticate(self, _token: bytes) -> Principal:
        return ANYBODY

    def elsewhere(self, _principal: Principal, _host: bytes) -> bool:
        return False


class Line:
    """A connection on which answers arrive, are lost, or nobody knows."""

    def __init__(self, arrives: bool | None) -> None:
        self.arrives = arrives

    def answered(self, settle: Any) -> Any:
        if self.arrives is not None:
            settle(self.arrives)
        return lambda: None


class Bench:
    """A kernel with one operation, which counts how often it is done."""

    def __init__(self, database: Database) -> None:
        self.done = 0
        self.clock = ManualClock(1_700_000_000)
        self.units = Units(database, Freshness(), self.clock)
        self.lanes = Lanes(self.units)
        self.status = 201

    def _make(self, _call: Call[Any]) -> Reply:
        self.done += 1
        if self.status >= 400:
            raise Conflict("not now")
        return Reply({"number": self.done}, self.status, ((b"x-own", b"yes"),))

    def ask(
        self, *lines: Line | None, key: bytes | None = None, bodies: tuple[bytes, ...] = ()
    ) -> list[Sent]:
        """The answers to one request per line, in turn; None is a server without the extension."""
        ops = Operations("/things", tag="X")
        options: dict[str, Any] = {
            "allow": signed_in("a test"),
            "audit": Audited("thing"),
            "body": dict[str, int],
        }
        ops.post("", id="make", **options)(self._make)

        async def run() -> list[Sent]:
            group = GroupCommit(self.lanes)
            answers = Answers(self.lanes, group, self.clock, KeyEncryptionKey(bytes(32)))
            kernel = Kernel(
                ops.items,
                lanes=self.lanes,
                authenticator=Door(),
                journal=Journal(group, self.clock, AuditKey.generate()),
                metrics=RequestMetrics(),
                answers=answers,
            )
            found = [
                await self._one(kernel, line, key, bodies[at] if bodies else b"{}")
                for at, line in enumerate(lines)
            ]
            await group.drain()
            return found

        return asyncio.run(run())

    async def _one(self, kernel: Kernel, line: Line | None, key: bytes | None, body: bytes) -> Sent:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"authorization", b"Bearer good"), (b"content-type", b"application/json")]
        if key is not None:
            headers.append((b"idempotency-key", key))
        scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": "/things", "query_string": b"", "headers": headers,
            "client": ("127.0.0.1", 1),
        }  # fmt: skip
        if line is not None:
            scope["extensions"] = {LINE: line}
        await kernel(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]

    def rows(self) -> list[Any]:
        return self.units.read(lambda unit: unit.execute(select(kept_answers)).all())


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    database = Database(database_url)
    migrate(database)
    made = Bench(database)
    row = {"id": 1001, "name": "runai", "created_at": "2026-01-01T00:00:00.000Z", "version": 1}
    made.units.write(lambda unit: unit.execute(insert(tenants), row))
    yield made
    made.lanes.close()
    database.close()


def test_a_server_that_tells_nothing_of_delivery_changes_nothing(bench: Bench) -> None:
    assert [it[2] for it in bench.ask(None, None)] == [b'{"number":1}', b'{"number":2}']
    assert bench.rows() == []


def test_what_arrived_is_not_given_again(bench: Bench) -> None:
    assert [it[2] for it in bench.ask(Line(True), Line(True))] == [b'{"number":1}', b'{"number":2}']
    assert bench.rows() == []


def test_what_was_lost_is_given_again_until_it_arrives(bench: Bench) -> None:
    found = bench.ask(Line(False), Line(False), Line(True), Line(True))
    assert [it[2] for it in found] == [b'{"number":1}'] * 3 + [b'{"number":2}']
    assert [b"idempotency-replayed" in it[1] for it in found] == [False, True, True, False]
    assert found[1][1][b"x-own"] == b"yes"


def test_what_nobody_knows_of_counts_as_lost_after_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE", 0.0)
    found = bench.ask(Line(None), Line(None))
    assert [it[2] for it in found] == [b'{"number":1}'] * 2
    assert [it.lost for it in bench.rows()] == [True]


def test_another_body_is_another_request(bench: Bench) -> None:
    found = bench.ask(Line(False), Line(False), bodies=(b'{"a": 1}', b'{"a":1}'))
    assert [it[2] for it in found] == [b'{"number":1}', b'{"number":2}']


def test_a_refusal_leaves_nothing(bench: Bench) -> None:
    bench.status = 409
    assert [it[0] for it in bench.ask(Line(False), key=b"k")] == [409]
    assert [it[0] for it in bench.ask(Line(False))] == [409]
    assert bench.rows() == []


def test_a_key_works_whatever_the_connection_says(bench: Bench) -> None:
    found = bench.ask(Line(True), Line(False), None, key=b"k")
    assert [it[2] for it in found] == [b'{"number":1}'] * 3
    assert bench.ask(None, key=b"k", bodies=(b'{"a": 1}',))[0][0] == 422


def test_a_row_that_goes_while_it_is_looked_for_is_no_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL: the server that gave the answer deletes it between our two statements."""
    from runplane.server.answers import store

    bench.ask(Line(False))
    look = store.select_kept

    def gone(unit: Any, lookup: bytes) -> Any:
        monkeypatch.setattr(store, "select_kept", look)
        assert isinstance(unit, Unit)
        return None

    monkeypatch.setattr(store, "select_kept", gone)
    assert bench.ask(Line(True))[0][2] == b'{"number":1}'


def test_sweeping_goes_on_when_the_database_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = [KeyError("bug"), keeper.Unavailable("away")]
    swept = asyncio.Event()

    async def once() -> None:
        if failures:
            raise failures.pop()
        swept.set()

    async def run() -> None:
        answers = Answers(bench.lanes, GroupCommit(bench.lanes), bench.clock, KeyEncryptionKey(bytes(32)))
        monkeypatch.setattr(answers, "sweep_once", once)
        sweeping = asyncio.create_task(answers.sweep())
        await asyncio.wait_for(swept.wait(), 30)
        sweeping.cancel()

    monkeypatch.setattr(keeper, "SWEEP_SECONDS", 0.0)
    asyncio.run(run())


@pytest.mark.parametrize(
    ("options", "creates"),
    [
        ({"audit": Audited("x")}, True),
        ({"audit": Audited("x"), "creates": False}, False),
        ({"writes": False}, False),
        ({"audit": NotAudited("x"), "mode": Mode.LOOP}, False),
        ({"audit": NotAudited("x"), "allow": public("a test")}, False),
        ({"audit": NotAudited("x"), "allow": agent("a test")}, False),
    ],
)
def test_a_post_creates_unless_it_cannot(options: dict[str, Any], creates: bool) -> None:
    ops = Operations("/x", tag="X")
    ops.post("", id="x", **{"allow": signed_in("a test"), **options})(lambda _: None)
    ops.put("", id="y", allow=signed_in("a test"), audit=Audited("x"))(lambda _: None)
    assert [it.creates for it in ops.items] == [creates, False]


@pytest.mark.parametrize(
    "options", [{"writes": False}, {"mode": Mode.LOOP}, {"allow": public("a test")}], ids=str
)
def test_what_cannot_create_may_not_say_so(options: dict[str, Any]) -> None:
    known: dict[str, Any] = {"allow": signed_in("a test"), "writes": True, "audit": NotAudited("x")}
    with pytest.raises(ValueError, match="can create"):
        Operation("x", "POST", "/x", handler=print, tag="X", creates=True, **{**known, **options})
