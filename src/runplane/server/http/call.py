"""What a handler gets: the request as the operation declared it, the caller, and the unit of work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from runplane.server.answers.keeper import Ticket
from runplane.server.audit.journal import Note, Origin
from runplane.server.audit.ledger import Caller
from runplane.server.authz.principal import Principal
from runplane.server.core.listing import WHOLE, Page
from runplane.server.core.scope import EMPTY, ScopeSet
from runplane.server.http.limits import Limits, Standing
from runplane.server.http.operation import Operation
from runplane.server.http.request import Request
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

# No default, so a handler that reads `call.body` says what it expects: Call[UserIn].
B = TypeVar("B")
T = TypeVar("T")


class Call(Generic[B]):
    """One call of one operation. The pipeline fills it step by step; a handler only reads it."""

    __slots__ = (
        "_caller",
        "_principal",
        "_reader",
        "_unit",
        "body",
        "limits",
        "note",
        "operation",
        "page",
        "params",
        "path",
        "prepared",
        "query",
        "raw_body",
        "read",
        "request",
        "request_id",
        "scopes",
        "ticket",
        "told",
        "write",
    )

    def __init__(self, operation: Operation, request: Request, path: dict[str, str]) -> None:
        self.operation = operation
        self.request = request
        self.path = path
        # every query parameter with all its values; `query` and `page` are the typed views
        self.params: dict[str, list[str]] = {}
        self.query: Any = None
        self.page: Page = WHOLE
        self.body: B = None  # type: ignore[assignment]
        self.raw_body = b""
        self.scopes: ScopeSet = EMPTY
        self.note = Note()
        self.request_id = ""
        # what `operation.before` worked out for the handler
        self.prepared: Any = None
        # of a request that makes something, whose answer is kept (http.once)
        self.ticket: Ticket | None = None
        # what the answer says of the limit that was counted last, and where to count
        self.told: Standing | None = None
        self.limits: Limits | None = None
        self._principal: Principal | None = None
        self._caller: Caller | None = None
        self._unit: Unit | None = None
        self._reader: Reader | None = None
        # for Mode.LOOP and `before`: run a job in a unit on a worker thread
        self.read: Callable[[Callable[[Unit], Any]], Awaitable[Any]]
        self.write: Callable[[Callable[[Unit], Any]], Awaitable[Any]]

    @property
    def principal(self) -> Principal:
        """The caller; only operations open to everybody have none."""
        if self._principal is None:
            raise RuntimeError(f"{self.operation.id} is public and has no caller")
        return self._principal

    @property
    def known(self) -> bool:
        """Whether the caller has been identified."""
        return self._principal is not None

    @property
    def caller(self) -> Caller | None:
        """Who called, for the ledger of deprecated calls; None while nobody has proved who they are."""
        who = self._principal
        if who is None:
            return self._caller
        return Caller(who.tenant_id, who.kind.value, who.id, who.name)

    def proved_by(self, caller: Caller) -> None:
        """Say who called an operation open to everybody, once a credential in its body has proved it."""
        self._caller = caller

    def charge(self, subject_id: str) -> None:
        """Count the call for a client whom a credential in its body has proved. Raises Throttled."""
        if self.limits is not None:
            self.told = self.limits.of_client(subject_id, agent=False)

    @property
    def unit(self) -> Unit:
        """The unit of work of a Mode.UNIT handler."""
        if self._unit is None:
            raise RuntimeError(f"{self.operation.id} runs without a unit of work")
        return self._unit

    @property
    def reader(self) -> Reader:
        """What hot reads use: the unit, or the event loop's own connection."""
        if self._reader is None:
            raise RuntimeError(f"{self.operation.id} runs without a database")
        return self._reader

    def enter_as(self, principal: Principal, scopes: ScopeSet) -> None:
        """Set the caller and where it holds the operation's permission. For the pipeline."""
        self._principal = principal
        self.scopes = scopes

    def enter_unit(self, unit: Unit) -> None:
        """Set the unit. For the pipeline; a unit that runs again starts with a clean note."""
        self._unit = self._reader = unit
        self.note = Note()

    def enter_reader(self, reader: Reader) -> None:
        """Set the loop's reader. For the pipeline."""
        self._reader = reader

    def origin(
        self, subject: str | None = None, subject_type: str | None = None, tenant_id: int = 0
    ) -> Origin:
        """Where this call comes from, for the audit log; a sign-in names its own subject."""
        who = self._principal
        return Origin(
            tenant_id=who.tenant_id if who else tenant_id,
            subject=subject or (who.name if who else ""),
            subject_type=subject_type or ("User" if who is None or who.kind == "user" else "App"),
            source_ip=self.request.source_ip,
            http_method=self.request.method,
            url=self.request.path,
            request_id=self.request_id,
        )
