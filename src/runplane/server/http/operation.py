"""An operation is a value: everything the kernel needs to serve one method of one path.

Rooms declare them with `Operations`; nothing registers itself. An operation without `allow=` cannot be
written (it is a required argument), and one that changes something is audited unless it says why not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import msgspec

from runplane.server.authz.guard import Allow, Form
from runplane.server.core.listing import Listing

Handler = TypeVar("Handler", bound=Callable[..., Any])

# RFC 9745 wants the instant of the deprecation. What the contract calls deprecated was so before this server
# had a release, so for its callers it always was: the day of the first one, 2026-11-22.
DEPRECATED_SINCE = 1795305600


# Forms whose callers can be told apart and are not agents, which repeat their reports on purpose.
_KNOWN = (Form.SIGNED_IN, Form.CAN)


class Wire(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=False):
    """Base of request and reply structs: snake case here, camel case on the wire, unknown keys ignored."""


class CountOut(Wire):
    """How many objects match: what every `/count` answers."""

    count: int


class Surface(Enum):
    """Which dialect a route speaks, and so how its refusals look (http.problems)."""

    MODERN = "modern"
    TOKEN = "token"  # noqa: S105 - the name of a dialect
    OAUTH = "oauth"


class Mode(Enum):
    """Where a handler runs."""

    # In a unit of work on a worker thread: the default.
    UNIT = "unit"
    # A read of one row, or of a list's first page as it comes: on the event loop where the database
    # allows it, otherwise like UNIT.
    HOT = "hot"
    # A coroutine on the event loop that opens units itself through `call.read` and `call.write`.
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Audited:
    """How a change appears in the audit log. `action` None takes it from the method."""

    entity_type: str
    action: str | None = None


@dataclass(frozen=True, slots=True)
class NotAudited:
    """Why a change leaves no audit row of its own."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not simply a body with the declared status. `body` bytes are sent as they are."""

    body: Any = None
    status: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    media_type: bytes = b"application/json"


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One method of one path. `id` is the contract's operationId.

    `aliases` are further paths that it answers, which the OpenAPI document leaves out: addresses of pages.
    """

    id: str
    method: str
    path: str
    allow: Allow
    handler: Callable[..., Any]
    tag: str
    status: int = 200
    body: Any = None
    query: type[msgspec.Struct] | None = None
    listing: Listing | None = None
    reply: Any = None
    audit: Audited | NotAudited | None = None
    mode: Mode = Mode.UNIT
    surface: Surface = Surface.MODERN
    # Runs after the entry check and before the unit: slow hashing must not hold a transaction open.
    before: Callable[[Any], Awaitable[None]] | None = None
    # Reads the body by itself (form or folded JSON); `call.raw_body` holds the bytes.
    raw_body: bool = False
    writes: bool = False
    # Statuses a handler refuses with beside those that the declaration tells, for the OpenAPI document.
    refuses: tuple[int, ...] = ()
    # Answers 204 in place of its reply where there is nothing to show, for the OpenAPI document.
    may_be_empty: bool = False
    # Makes something each time it is called: it takes an Idempotency-Key, and its answer is kept (http.once).
    creates: bool = False
    deprecated: bool = False
    successor: str | None = None
    extension: bool = False
    # False for what orchestrators ask: it is never counted and never refused by http.limits.
    limited: bool = True
    aliases: tuple[str, ...] = ()
    # Members of the answer that agents write and nobody else: the entity tag leaves them out.
    reported: tuple[str, ...] = ()
    summary: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.allow, Allow):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"{self.id}: say who may call it, with allow=can(...), signed_in(...) or public(...)"
            )
        if self.writes and self.audit is None:
            raise ValueError(f"{self.id}: say audit=Audited(...) or audit=NotAudited(reason)")
        if not self.allow.finished:
            raise ValueError(f"{self.id}: finish can(...) with .at(...) or .anywhere()")
        if self.mode is not Mode.UNIT and self.writes and isinstance(self.audit, Audited):
            raise ValueError(f"{self.id}: only a change made in the pipeline's unit is audited by it")

        if self.creates and not (self.writes and self.mode is Mode.UNIT and self.allow.form in _KNOWN):
            raise ValueError(f"{self.id}: only a known caller's change in the pipeline's unit can create")

    @property
    def notices(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers that tell callers of a deprecated operation so, and where to go (RFC 9745, RFC 5829)."""
        if not self.deprecated:
            return ()
        since = (b"deprecation", b"@%d" % DEPRECATED_SINCE)
        if self.successor is None:
            return (since,)
        return (since, (b"link", f'<{self.successor}>; rel="successor-version"'.encode("ascii")))


@dataclass(slots=True)
class Operations:
    """The operations of one room, under a common path prefix."""

    prefix: str
    tag: str
    items: list[Operation] = field(default_factory=list[Operation])

    def get(self, path: str, *, allow: Allow, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a GET. Options are the fields of Operation."""
        return self._declare("GET", path, allow, options)

    def post(self, path: str, *, allow: Allow, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a POST; it writes unless `writes=False`.

        It creates as well, where it changes something in the pipeline's unit, unless `creates=False`.
        """
        return self._declare("POST", path, allow, options)

    def put(self, path: str, *, allow: Allow, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PUT; it writes unless `writes=False`."""
        return self._declare("PUT", path, allow, options)

    def patch(self, path: str, *, allow: Allow, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PATCH; it writes unless `writes=False`."""
        return self._declare("PATCH", path, allow, options)

    def delete(self, path: str, *, allow: Allow, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a DELETE; it writes unless `writes=False`."""
        return self._declare("DELETE", path, allow, options)

    def _declare(
        self, method: str, path: str, allow: Allow, options: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            options.setdefault("writes", method != "GET")
            in_unit = options["writes"] and options.get("mode", Mode.UNIT) is Mode.UNIT
            options.setdefault("creates", method == "POST" and in_unit and allow.form in _KNOWN)
            options.setdefault("id", handler.__name__)
            options.setdefault("tag", self.tag)
            options.setdefault("summary", _first_line(handler))
            self.items.append(
                Operation(method=method, path=self.prefix + path, allow=allow, handler=handler, **options)
            )
            return handler

        return register


def _first_line(handler: Callable[..., Any]) -> str:
    return (handler.__doc__ or "").strip().split("\n", 1)[0].rstrip(".")
