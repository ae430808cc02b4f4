"""Creates that are asked for twice and done once: Idempotency-Key, and repeats of an undelivered answer.

Which answer is kept, and when it is given again, is decided in `answers.keeper`; here a request gets its
ticket. What makes two requests the same is method, address, query and body, byte for byte: programs repeat
what they sent, and nobody need know what a body means.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from runplane.server.answers.keeper import Answer, Answers, Ticket, Undecided, in_progress
from runplane.server.core.errors import Invalid, Unavailable
from runplane.server.http.call import Call
from runplane.server.http.delivery import LINE
from runplane.server.http.request import Request, Scope
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.unit import Unit

HEADER: Final = b"idempotency-key"
MAX_KEY: Final = 255
"""Characters of an Idempotency-Key."""


class Once:
    """Serves operations that create. Lives on the event loop."""

    def __init__(self, answers: Answers, lanes: Lanes) -> None:
        self._answers = answers
        self._lanes = lanes
        # look-ups of requests with a key that this process is working on
        self._running: set[bytes] = set()

    async def serve(self, call: Call[Any], job: Callable[[Call[Any], Unit], Answer]) -> Answer:
        """The answer of `job`, which finds its ticket in the call, or that of the same request before.

        Raises Invalid for a bad key, Conflict while the first request with it runs, KeyReused.
        """
        ticket = call.ticket = self._ticket(call)
        if ticket.keyed:
            if ticket.lookup in self._running:
                raise in_progress()
            self._running.add(ticket.lookup)
        try:
            while True:
                try:
                    answer = await self._lanes.write(lambda unit: job(call, unit))
                except Undecided as first:
                    await self._answers.learn(ticket, first.id)
                    continue
                except Unavailable:
                    ticket.refused()
                    raise
                ticket.made = True
                return answer
        finally:
            if ticket.keyed:
                self._running.discard(ticket.lookup)

    def _ticket(self, call: Call[Any]) -> Ticket:
        request, who = call.request, call.principal
        address = request.path.encode("utf-8", "surrogatepass")
        what = _digest(request.method.encode(), address, request.query_string, call.raw_body)
        key = _key_of(request)
        if key is None:
            lookup = _digest(b"repeat", request.headers[b"authorization"], what)
        else:
            owner = f"{who.tenant_id}:{who.kind.value}:{who.id}"
            lookup = _digest(b"key", owner.encode(), key)
        return Ticket(self._answers, who.tenant_id, lookup, what, keyed=key is not None)


def sent(call: Call[Any], scope: Scope) -> None:
    """The answer of a call was handed to the connection."""
    if call.ticket is not None:
        call.ticket.sent(scope.get("extensions", {}).get(LINE))


def _key_of(request: Request) -> bytes | None:
    """The Idempotency-Key of a request, without the quotes that the draft puts around it."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if len(key) >= 2 and key[:1] == key[-1:] == b'"':
        key = key[1:-1]
    if not 1 <= len(key) <= MAX_KEY or not all(0x21 <= it <= 0x7E for it in key):
        raise Invalid(
            f"Idempotency-Key must be 1 to {MAX_KEY} ASCII characters without spaces, such as a random UUID."
        )
    return key


def _digest(*parts: bytes) -> bytes:
    # Lengths first: no two lists of parts make the same text.
    return sha256(b"".join(b"%d:%b" % (len(it), it) for it in parts)).digest()
