"""The kernel: one ASGI application that takes every request through the same steps.

identify → decode → authorize → unit of work → handler → encode → commit → answer. A room supplies operations;
the order, the transaction, the audit row and the shape of every refusal are decided here, so that no handler
can forget them. It knows nothing of Run:ai.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final, Protocol

import structlog

from runplane.server.answers.keeper import Answers
from runplane.server.audit.journal import ACTION_OF_METHOD, Journal
from runplane.server.audit.ledger import Route
from runplane.server.authz.guard import Form, decide, enter
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import DomainError, Invalid, Throttled, Unauthenticated
from runplane.server.core.ids import new_id
from runplane.server.core.marks import CURRENT as MARKS
from runplane.server.core.marks import Marks, RequestIds
from runplane.server.core.pace import Paced
from runplane.server.core.scope import EMPTY
from runplane.server.core.turns import agents_of, callers_of
from runplane.server.http import codec, once, paging, problems
from runplane.server.http.call import Call
from runplane.server.http.delivery import AT_ONCE
from runplane.server.http.etags import EntityTags
from runplane.server.http.limits import Limits
from runplane.server.http.listing import parse_page
from runplane.server.http.metrics import RequestMetrics
from runplane.server.http.operation import Audited, Mode, Operation, Reply, Surface
from runplane.server.http.request import (
    MAX_BODY,
    MAX_PUBLIC_BODY,
    Disconnected,
    Network,
    Receive,
    Request,
    Scope,
    Send,
    read_body,
    require_json,
)
from runplane.server.http.router import Router
from runplane.server.http.tracing import Tracing
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

Answer = tuple[int, problems.Headers, bytes]

REFUSED_SECONDS: Final = 0.25
"""How long it takes to be told to wait: a loop that does not heed it must not be made faster by it."""

_JSON = (b"content-type", b"application/json")
_NOTHING: dict[str, Any] = {}
# What every answer says unless the operation says otherwise: nobody keeps it, no browser takes it for a page,
# frames it or tells others its address.
_COMMON = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
# Only from a site that is https by its own word: a browser would lock people out of any other.
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")


class Authenticator(Protocol):
    """Turns a bearer token into a caller."""

    def recall(self, token: bytes) -> Principal | None:
        """The caller of a token verified before, if nothing has changed since. Must not block."""
        ...

    async def authenticate(self, token: bytes) -> Principal:
        """The caller of any token. Raises Unauthenticated."""
        ...

    def elsewhere(self, principal: Principal, host: bytes) -> bool:
        """Whether a Host header names another tenant than the caller's. Must not block."""
        ...


class Kernel:
    """The ASGI application over a set of operations."""

    def __init__(  # noqa: PLR0913 - the parts it is put together from, each named
        self,
        operations: Sequence[Operation],
        *,
        lanes: Lanes,
        authenticator: Authenticator,
        journal: Journal,
        metrics: RequestMetrics,
        answers: Answers | None = None,
        limits: Limits | None = None,
        trusted_proxies: Sequence[Network] = (),
        https: bool = False,
        tracing: Tracing | None = None,
    ) -> None:
        self.operations = tuple(operations)
        self._router = Router(operations)
        self._tags = EntityTags(operations)
        self._lanes = lanes
        self._pace = lanes.pace
        self._once = None if answers is None else once.Once(answers, lanes)
        self._authenticator = authenticator
        self._journal = journal
        self._metrics = metrics
        self._limits = limits
        self._trusted = tuple(trusted_proxies)
        self._common = (*_COMMON, _HTTPS_ONLY) if https else _COMMON
        self._tracing = tracing
        self._ids = RequestIds()
        self._log = structlog.get_logger("http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, under marks of its own."""
        marks = Marks(self._ids.new())
        MARKS.set(marks)
        if self._tracing is None:
            await self._pace.count(self._answer(scope, receive, send, marks), scope["client"])
            return
        self._tracing.begin(marks, dict(scope["headers"]).get(b"traceparent", b""), scope["method"])
        answered = ("disconnected", "", 0, 0)
        try:
            answered = await self._pace.count(self._answer(scope, receive, send, marks), scope["client"])
        finally:
            self._tracing.end(marks, *answered)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, marks: Marks
    ) -> tuple[str, str, int, int]:
        """Answer one request; returns its operation, that one's path, the status and the tenant (or 0)."""
        started = perf_counter()
        name = "unmatched"
        surface = Surface.MODERN
        call: Call[Any] | None = None
        try:
            operation, path = self._router.find(scope["method"], scope["path"])
            name, surface = operation.id, operation.surface
            call = Call(operation, Request(scope, self._trusted), path)
            call.request_id = marks.request_id
            status, headers, body = await self._serve(call, receive)
        except DomainError as error:
            await self._delay(error)
            status, headers, body = self._refuse(error, call, surface)
        except Disconnected:
            return name, "", 0, 0
        except Exception:  # noqa: BLE001 - the last line: nothing of an unknown failure may reach the client
            self._log.exception("request failed", correlation_id=marks.request_id, operation=name)
            status, headers, body = problems.crashed(surface, marks.request_id)
        if call is not None and call.operation.deprecated:
            headers = [*headers, *call.operation.notices]
            self._count_deprecated(call)
        if call is not None and call.told is not None and status != 429:
            headers = [*headers, *call.told.headers()]
        headers = [*headers, (b"x-request-id", marks.request_id.encode("ascii"))]
        sent = _with_common(status, headers, body, self._common)
        # before the answer leaves: who reads the figures next finds this request in them
        self._metrics.observe(name, status, perf_counter() - started)
        at_once = scope.get("extensions", _NOTHING).get(AT_ONCE)
        if at_once is None or not at_once(send, status, sent, body):
            # until a slow client has taken it
            self._pace.leave()
            await _send(send, status, sent, body)
        if call is not None:
            once.sent(call, scope)
        if call is None:
            return name, "", status, 0
        return name, call.operation.path, status, call.principal.tenant_id if call.known else 0

    async def _serve(self, call: Call[Any], receive: Receive) -> Answer:
        operation = call.operation
        request = call.request
        if b"access_token=" in request.query_string:
            raise Invalid("Send the token in the Authorization header, never in the address.")
        form = operation.allow.form
        limits = self._limits if operation.limited else None
        if limits is not None:
            call.limits = limits
            call.told = limits.of_source(request.source_ip, agent=form is Form.AGENT)
        if form is Form.PUBLIC:
            self._pace.comes_from(request.source_ip)
        else:
            principal = await self._identify(request)
            if limits is not None:
                call.told = limits.of_client(principal.id, agent=form is Form.AGENT)
            # Known before anything is decided: the record of a refusal names its caller.
            call.enter_as(principal, EMPTY)
            call.scopes = enter(operation.allow, principal, operation.id)
        await self._decode(call, receive)
        if call.known:
            # once all of it is there: who sends slowly must not count as somebody who is being served
            whose = agents_of if form is Form.AGENT else callers_of
            await self._pace.enter(whose(call.principal.tenant_id))
        call.read, call.write = self._lanes.read, self._lanes.write
        if operation.before is not None:
            await operation.before(call)
        if operation.mode is Mode.LOOP:
            # a scope source that needs a unit fails here, closed
            decide(operation.allow, call)
            return _finish(operation, await operation.handler(call))
        if operation.mode is Mode.HOT and call.page.is_plain:
            return await self._lanes.look(lambda reader: self._look(call, reader))
        if operation.creates and self._once is not None:
            return await self._once.serve(call, self._in_unit)
        run = self._lanes.write if operation.writes else self._lanes.read
        return await run(lambda unit: self._in_unit(call, unit))

    async def _identify(self, request: Request) -> Principal:
        header = request.headers.get(b"authorization")
        if header is None:
            raise Unauthenticated(
                "Sign in first: send a token in the header Authorization: Bearer <token>.",
                reason="no_token",
                challenge_error=None,
            )
        if header[:7].lower() != b"bearer ":
            raise Unauthenticated(
                "The Authorization header must be: Bearer <token>.", reason="malformed", challenge_error=None
            )
        token = header[7:].strip()
        principal = self._authenticator.recall(token)
        if principal is None:
            principal = await self._authenticator.authenticate(token)
        if self._authenticator.elsewhere(principal, request.headers.get(b"host", b"")):
            raise Unauthenticated(
                "This token belongs to another tenant than the one this host is named after; "
                "use it at its own tenant's host, or sign in here.",
                reason="other_tenant",
            )
        return principal

    async def _decode(self, call: Call[Any], receive: Receive) -> None:
        operation, request = call.operation, call.request
        if request.query_string:
            call.params = codec.read_query(request.query_string)
        if operation.query is not None:
            call.query = codec.convert_query(call.params, operation.query)
        if operation.listing is not None:
            preferred = call.principal.page_size if call.known else None
            call.page = parse_page(operation.listing, call.params, preferred)
        limit = MAX_PUBLIC_BODY if operation.allow.form is Form.PUBLIC else MAX_BODY
        if operation.raw_body:
            call.raw_body = await read_body(request, receive, limit)
        elif operation.body is not None:
            body = await read_body(request, receive, limit)
            if body:
                require_json(request)
            call.raw_body = body
            call.body = codec.decode_body(body, operation.body)

    def _look(self, call: Call[Any], reader: Reader) -> Answer:
        call.enter_reader(reader)
        decide(call.operation.allow, call)
        answer = self._tagged(call, _finish(call.operation, call.operation.handler(call)))
        return _paged(call, reader, answer)

    def _in_unit(self, call: Call[Any], unit: Unit) -> Answer:
        operation = call.operation
        call.enter_unit(unit)
        decide(operation.allow, call)
        ticket = call.ticket
        first = None if ticket is None else ticket.begin(unit)
        if first is not None:
            return first
        if operation.writes and call.known:
            self._tags.check(call, unit, _finish)
        answer = self._tagged(call, _finish(operation, operation.handler(call)))
        answer = _paged(call, unit, answer)
        if operation.writes and isinstance(operation.audit, Audited):
            call.note.entity_type = operation.audit.entity_type
            _tell_scope(call)
            action = operation.audit.action or ACTION_OF_METHOD[operation.method]
            call.request_id = call.request_id or new_id()
            self._journal.write(unit, call.origin(), action, answer[0], call.note)
        if ticket is not None:
            ticket.keep(unit, answer)
        return answer

    def _tagged(self, call: Call[Any], answer: Answer) -> Answer:
        status, headers, body = answer
        tag = self._tags.of(call, status, body)
        return (status, [*headers, *tag], body) if tag else answer

    def _count_deprecated(self, call: Call[Any]) -> None:
        caller = call.caller
        if caller is not None:
            operation = call.operation
            route = Route(operation.method, operation.path, operation.id, operation.successor)
            self._journal.ledger.called(caller, call.request.header(b"user-agent"), route)

    async def _delay(self, error: DomainError) -> None:
        if isinstance(error, (Throttled, Paced)):
            self._pace.leave()
            await asyncio.sleep(REFUSED_SECONDS)

    def _refuse(self, error: DomainError, call: Call[Any] | None, surface: Surface) -> Answer:
        status, headers, body = problems.answer(error, surface)
        self._metrics.refused(status, error)
        if call is not None and call.known and (status == 403 or call.operation.writes):
            audit = call.operation.audit
            action = (audit.action if isinstance(audit, Audited) else None) or ACTION_OF_METHOD[
                call.operation.method
            ]
            if isinstance(audit, Audited):
                call.note.entity_type = audit.entity_type
            decision = error.extra.get("decision")
            if decision:
                call.note.metadata = {
                    "decisionId": decision["id"],
                    "permission": decision["permission"],
                    "scope": " / ".join(decision["scopePath"]),
                }
            _tell_scope(call)
            self._journal.refused(call.origin(), action, status, call.note)
        return status, headers, body


def _tell_scope(call: Call[Any]) -> None:
    """Let the audit row say so when the caller's token was confined."""
    if call.known and call.principal.scope:
        call.note.metadata = {**call.note.metadata, "tokenScope": call.principal.scope}


def _finish(operation: Operation, result: Any) -> Answer:
    if isinstance(result, Reply):
        body = codec.encode(result.body)
        kind = [(b"content-type", result.media_type)] if body else []
        return result.status or operation.status, [*kind, *result.headers], body
    body = codec.encode(result)
    if not body:
        return operation.status, [], body
    return operation.status, [_JSON, *paging.whole(operation, result)], body


def _paged(call: Call[Any], reader: Reader, answer: Answer) -> Answer:
    if call.operation.listing is None or any(name == b"x-total-count" for name, _ in answer[1]):
        return answer
    told = paging.headers(reader, call.page, call.request, call.params)
    return (answer[0], [*answer[1], *told], answer[2])


def _with_common(
    status: int, headers: problems.Headers, body: bytes, common: Sequence[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    # Half a dozen names: a list is searched sooner than a set is made.
    names = [name for name, _ in headers]
    sent = [*headers]
    for header in common:
        if header[0] not in names:
            sent.append(header)  # noqa: PERF401 - a generator costs more than two turns of a loop
    if body and b"content-type" not in names:
        sent.append(_JSON)
    if status not in (204, 304):
        sent.append((b"content-length", b"%d" % len(body)))
    return sent


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def source_of(operation: Operation) -> str:
    """`file:line` of an operation's handler, for `runplane where`."""
    code = inspect.unwrap(operation.handler).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
