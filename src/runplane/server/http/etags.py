"""ETag and If-Match (RFC 9110, 8.8 and 13.1): change an object only if it still is what you have read.

The tag of an object is a hash of what a GET of its address answers, so it changes with everything a client
can see and no object needs a version of its own. Members that only agents write are left out of it: they
change three times a minute, and would refuse changes that nobody had made in between. A change that comes
with If-Match runs that GET first, in the same transaction and with the caller's own permissions; handlers
know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final

import msgspec

from runplane.server.authz.guard import Form, decide, enter
from runplane.server.core.errors import PreconditionFailed
from runplane.server.http import codec
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation
from runplane.server.sql.unit import Unit

Headers = tuple[tuple[bytes, bytes], ...]
# Runs an operation's handler and returns status, headers and body.
Serve = Callable[[Operation, Any], tuple[int, Any, bytes]]

_CHANGES: Final = ("PUT", "PATCH", "DELETE")


class EntityTags:
    """Which operations show an object, and which change it: at its own address or one segment below."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        served = [it for it in operations if it.status != 501]
        shows = {it.path: it for it in served if _shows_an_object(it)}
        # operation that changes → operation that shows
        self._shown_by: dict[str, Operation] = {}
        for it in served:
            found = shows.get(it.path) or shows.get(it.path.rpartition("/")[0])
            if it.writes and it.method in _CHANGES and found is not None:
                self._shown_by[it.id] = found
        self._shows = {it.id for it in self._shown_by.values()}

    def of(self, call: Call[Any], status: int, body: bytes) -> Headers:
        """The ETag header of an answer, where it shows an object that can be changed."""
        if call.operation.id not in self._shows or status != 200 or call.request.query_string:
            return ()
        return ((b"etag", _tag(body, call.operation.reported)),)

    def check(self, call: Call[Any], unit: Unit, serve: Serve) -> None:
        """Stop a change whose If-Match names another state than the present one.

        Raises PreconditionFailed, and what reading the object raises: NotFound, or Forbidden to somebody who
        may change it and not see it.
        """
        shown = self._shown_by.get(call.operation.id)
        if shown is not None:
            # Those who change one object take turns, so that none changes it between check and change.
            unit.take_turns(f"{call.principal.tenant_id}:{_address(shown.path, call.path)}")
        wanted = call.request.headers.get(b"if-match")
        if wanted is None:
            return
        if shown is None:
            raise PreconditionFailed("This operation has no state to compare If-Match with; leave it out.")
        found = _tag(_read(call, shown, unit, serve), shown.reported)
        tags = [it.strip() for it in wanted.split(b",")]
        if tags != [b"*"] and found not in tags:
            raise PreconditionFailed(
                "The object has changed since you read it, so nothing was done.",
                "Read it again, apply your change to what you find, and send its new ETag as If-Match.",
            )


def _shows_an_object(operation: Operation) -> bool:
    return (
        operation.method == "GET"
        and operation.status == 200
        and operation.listing is None
        and operation.mode is not Mode.LOOP
        and operation.allow.form is not Form.PUBLIC
    )


def _read(call: Call[Any], shown: Operation, unit: Unit, serve: Serve) -> bytes:
    """The body that a GET of the object would answer to this caller now."""
    look = Call[Any](shown, call.request, call.path)
    look.enter_as(call.principal, enter(shown.allow, call.principal, shown.id))
    if shown.query is not None:
        look.query = codec.convert_query({}, shown.query)
    look.enter_unit(unit)
    decide(shown.allow, look)
    return serve(shown, shown.handler(look))[2]


def _address(path: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _tag(body: bytes, reported: tuple[str, ...]) -> bytes:
    if reported:
        members: dict[str, msgspec.Raw] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        body = b"\n".join(
            name.encode() + bytes(value) for name, value in members.items() if name not in reported
        )
    # 128 bits: nobody finds two states of one object with the same tag
    return b'"%s"' % sha256(body).hexdigest()[:32].encode("ascii")
