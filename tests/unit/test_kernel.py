"""The kernel on operations made for the test: refusals, failures, and what a handler may ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from runplane.server.audit.journal import Journal
from runplane.server.audit.sealing import AuditKey
from runplane.server.audit.tables import audit_log
from runplane.server.authz.guard import can, public, signed_in
from runplane.server.authz.permissions import READ, USERS
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core import errors as e
from runplane.server.core.clock import SystemClock
from runplane.server.http import problems
from runplane.server.http.call import Call
from runplane.server.http.metrics import RequestMetrics
from runplane.server.http.operation import (
    Audited,
    Mode,
    NotAudited,
    Operation,
    Operations,
    Reply,
    Surface,
)
from runplane.server.http.pipeline import Kernel, source_of
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.prepared import Prepared
from runplane.server.sql.unit import Units

OPEN = public("a test")
ANYBODY = Principal(1001, "runai", SubjectKind.USER, "u", "u@example.com")


class Door:
    """Knows one token."""

    def recall(self, token: bytes) -> Principal | None:
        return ANYBODY if token == b"good" else None

    async def authenticate(self, token: bytes) -> Principal:  # noqa: ARG002 - it knows no other
        raise e.Unauthenticated("no", reason="unknown_key")

    def elsewhere(self, principal: Principal, host: bytes) -> bool:  # noqa: ARG002 - there is one tenant
        return host == b"other.example.com"


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[Lanes]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    made = Lanes(Units(database, Freshness(), SystemClock()))
    yield made
    made.close()
    database.close()


def answer(
    lanes: Lanes,
    operation: Operation,
    *messages: dict[str, Any],
    authorization: bytes | None = None,
    query: bytes = b"",
    host: bytes = b"here.example.com",
) -> tuple[int, dict[bytes, bytes], bytes]:
    """What the kernel sends for one request; status 0 is nothing."""
    sent: list[dict[str, Any]] = []
    waiting = list(messages) or [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        group = GroupCommit(lanes)
        journal = Journal(group, SystemClock(), AuditKey.generate())
        kernel = Kernel(
            [operation], lanes=lanes, authenticator=Door(), journal=journal, metrics=RequestMetrics()
        )
        lanes.start()
        headers = [(b"content-type", b"application/json")]
        if authorization is not None:
            headers += [(b"authorization", authorization), (b"host", host)]
        scope = {
            "type": "http", "method": operation.method, "path": operation.path, "query_string": query,
            "headers": headers, "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await kernel(scope, receive, send)
        await group.drain()

    asyncio.run(run())
    if not sent:
        return 0, {}, b""
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def one(handler: Any, method: str = "get", **options: Any) -> Operation:
    ops = Operations("/x", tag="X")
    getattr(ops, method)("", **{"allow": OPEN, "id": "x", **options})(handler)
    return ops.items[0]


def test_a_handler_without_words_has_no_summary() -> None:
    assert one(lambda _: None).summary == ""


def test_a_hot_read_that_fails_in_the_database_is_unavailable(lanes: Lanes) -> None:
    query = Prepared(text("SELECT 1 FROM nowhere"))
    found = answer(lanes, one(lambda call: call.reader.one(query, {}), mode=Mode.HOT))
    assert found[0] == 503
    assert found[1][b"retry-after"] == b"1"


def test_an_unknown_failure_says_nothing_of_itself(lanes: Lanes) -> None:
    def handler(_: Call[Any]) -> None:
        raise KeyError("hush-hush")

    for surface in Surface:
        status, headers, body = answer(lanes, one(handler, surface=surface))
        assert status == 500
        assert b"hush" not in body
        assert headers[b"cache-control"] == b"no-store"
        assert json.loads(body)


def test_a_client_that_leaves_gets_no_answer(lanes: Lanes) -> None:
    operation = one(lambda _: None, "post", body=dict[str, int], writes=False)
    half = {"type": "http.request", "body": b"{", "more_body": True}
    assert answer(lanes, operation, half, {"type": "http.disconnect"})[0] == 0


def test_public_operations_take_less(lanes: Lanes) -> None:
    body = json.dumps({"a" * 100_000: 1}).encode()
    message = {"type": "http.request", "body": body}

    def post(**options: Any) -> Operation:
        return one(lambda call: call.body, "post", body=dict[str, int], writes=False, **options)

    assert answer(lanes, post(), message)[0] == 413
    assert (
        answer(lanes, post(allow=signed_in("a test")), dict(message), authorization=b"Bearer good")[0] == 200
    )


@pytest.mark.parametrize(
    ("mode", "what"),
    [(Mode.UNIT, "principal"), (Mode.HOT, "unit"), (Mode.LOOP, "reader"), (Mode.LOOP, "unit")],
)
def test_a_handler_that_asks_for_what_it_does_not_have(lanes: Lanes, mode: Mode, what: str) -> None:
    """A mistake in our code must be loud, never an answer made without a caller or a transaction."""
    seen: list[str] = []

    def ask(call: Call[Any]) -> None:
        try:
            getattr(call, what)
        except RuntimeError as error:
            seen.append(str(error))
            raise

    async def ask_later(call: Call[Any]) -> None:
        ask(call)

    assert answer(lanes, one(ask_later if mode is Mode.LOOP else ask, mode=mode))[0] == 500
    assert len(seen) == 1


def test_a_reply_of_its_own(lanes: Lanes) -> None:
    own = Reply(b"hi", 202, ((b"cache-control", b"max-age=1"),), b"text/plain")
    status, headers, body = answer(lanes, one(lambda _: own))
    assert (status, body) == (202, b"hi")
    assert headers[b"content-type"] == b"text/plain"
    assert headers[b"cache-control"] == b"max-age=1"
    assert answer(lanes, one(lambda _: Reply()))[1].get(b"content-type") is None
    assert b"content-length" not in answer(lanes, one(lambda _: None, status=204))[1]


@pytest.mark.clause("bearer.challenge")
def test_unauthenticated_on_each_surface() -> None:
    """The official client retries a 401 of its token call and then hides the sentence."""
    refusal = e.Unauthenticated("no", reason="revoked")
    found = {surface: problems.answer(refusal, surface) for surface in Surface}
    assert {surface: status for surface, (status, _, _) in found.items()} == {
        Surface.MODERN: 401,
        Surface.TOKEN: 400,
        Surface.OAUTH: 401,
    }
    assert dict(found[Surface.MODERN][1])[b"www-authenticate"].endswith(b'error="invalid_token"')


def test_every_noun_has_a_status() -> None:
    nouns = [it for it in vars(e).values() if isinstance(it, type) and issubclass(it, e.DomainError)]
    nouns.remove(e.DomainError)
    statuses = {it: problems.status_of(it.__new__(it), Surface.MODERN) for it in nouns}
    assert all(400 <= status <= 503 for status in statuses.values()), statuses


def test_a_host_of_another_tenant_gets_nothing_done(lanes: Lanes) -> None:
    calls: list[Call[Any]] = []
    operation = one(calls.append, allow=signed_in("a test"))
    assert answer(lanes, operation, authorization=b"Bearer good")[0] == 200
    status, headers, body = answer(lanes, operation, authorization=b"Bearer good", host=b"other.example.com")
    assert (status, json.loads(body)["reason"], len(calls)) == (401, "other_tenant", 1)
    assert b"www-authenticate" in headers


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no_token"),
        (b"", "malformed"),
        (b"Bearer", "malformed"),
        (b"Basic YTpi", "malformed"),
        (b"Bearer ", "unknown_key"),
        (b"bearer bad", "unknown_key"),
    ],
)
def test_who_is_nobody_gets_nothing_done(lanes: Lanes, header: bytes | None, reason: str) -> None:
    calls: list[Call[Any]] = []

    async def before(call: Call[Any]) -> None:
        calls.append(call)

    operation = one(calls.append, allow=signed_in("a test"), before=before)
    status, headers, body = answer(lanes, operation, authorization=header)
    assert (status, json.loads(body)["reason"], calls) == (401, reason, [])
    named = b"error=" in headers[b"www-authenticate"]
    assert named is (reason == "unknown_key"), "RFC 6750 section 3.1: no error code without a token"


def test_slow_work_is_done_before_the_unit_opens(lanes: Lanes) -> None:
    async def before(call: Call[Any]) -> None:
        with pytest.raises(RuntimeError):
            _ = call.unit
        call.prepared = call.principal.name

    operation = one(lambda call: call.prepared, allow=signed_in("a test"), before=before)
    assert answer(lanes, operation, authorization=b"Bearer good")[2] == b'"u@example.com"'


@pytest.mark.clause("bearer.header-only")
def test_a_token_in_the_address_is_refused_whatever_the_operation(lanes: Lanes) -> None:
    assert answer(lanes, one(lambda _: None), query=b"a=b&access_token=x")[0] == 400


def test_where_a_handler_is() -> None:
    def handler(_: Call[Any]) -> None:
        """Do it."""

    file, _, line = source_of(one(handler)).rpartition(":")
    assert Path(file).name == "test_kernel.py"
    assert "def handler" in Path(file).read_text().splitlines()[int(line) - 1]


def recorded(lanes: Lanes) -> list[tuple[Any, ...]]:
    """(subject, action, entity type, result, status, metadata) of every row of the audit log."""
    c = audit_log.c
    columns = (c.subject, c.action, c.entity_type, c.result, c.http_status_code, c.metadata)
    return lanes.units.read(lambda unit: [tuple(row) for row in unit.execute(select(*columns))])


def test_a_missing_permission_is_recorded_with_the_decision(lanes: Lanes) -> None:
    status, _, body = answer(
        lanes, one(lambda _: None, allow=can(READ, USERS).anywhere()), authorization=b"Bearer good"
    )
    assert status == 403
    (row,) = recorded(lanes)
    assert row[:5] == ("u@example.com", "read", None, "Failed", 403)
    assert json.loads(row[5]) == {
        "decisionId": json.loads(body)["decision"]["id"],
        "permission": "users:read",
        "scope": "tenant runai",
    }


@pytest.mark.clause("log.same-transaction")
@pytest.mark.parametrize(
    ("audit", "kind", "action"),
    [
        (Audited("thing", "turn"), "thing", "turn"),
        (Audited("thing"), "thing", "create"),
        (NotAudited("x"), None, "create"),
    ],
)
def test_a_refused_change_is_recorded_once_and_a_change_in_its_transaction(
    lanes: Lanes, audit: Audited | NotAudited, kind: str | None, action: str
) -> None:
    def refuse(call: Call[Any]) -> None:
        raise e.Conflict("not now")

    options: dict[str, Any] = {"method": "post", "allow": signed_in("a test"), "audit": audit}
    assert answer(lanes, one(refuse, **options), authorization=b"Bearer good")[0] == 409
    assert [row[1:5] for row in recorded(lanes)] == [(action, kind, "Failed", 409)]
    assert answer(lanes, one(lambda _: None, **options), authorization=b"Bearer good")[0] == 200
    done = [row[1:5] for row in recorded(lanes)][1:]
    assert done == ([(action, kind, "Succeeded", 200)] if kind else [])
