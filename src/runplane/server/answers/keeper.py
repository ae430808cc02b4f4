"""Answers of creates, kept so that a repeated request gets the first one again (ADR 23).

Two kinds of repeat share the table. With an Idempotency-Key the caller says what is one request, and the
answer is kept for a day. Without one, a create that is repeated byte for byte with the same token gets the
first answer only while nothing shows that it arrived: the row is written with each create and deleted as soon
as the connection proves delivery, so what a killed process leaves behind counts as not delivered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

import msgspec
import structlog

from runplane.server.answers import store
from runplane.server.core.clock import Clock, instant, now, to_epoch
from runplane.server.core.errors import Conflict, KeyReused, Unavailable
from runplane.server.core.ids import new_id
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.unit import Unit

KEYED_SECONDS: Final = 24 * 3600
"""How long the answer to a request with an Idempotency-Key is kept."""
REPEAT_SECONDS: Final = 60
"""How long an answer that nobody is known to have received is kept."""
PATIENCE: Final = 5.0
"""Seconds a repeat waits for word of the first answer before it is taken for lost."""
SWEEP_SECONDS: Final = 600.0
"""How often what is over is deleted."""
_LOOK_SECONDS: Final = 0.02

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
Settle = Callable[[bool], None]

_REPLAYED: Final = (b"idempotency-replayed", b"true")
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Answer).decode


class Vault(Protocol):
    """Seals what is stored."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """`plain` encrypted and bound to `context`."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plain text again."""
        ...


class Line(Protocol):
    """The connection a request came on."""

    def answered(self, settle: Settle) -> Callable[[], None]:
        """An answer has just been written: call `settle` once, with whether it arrived, when that is known.

        Returns a function that looks at once.
        """
        ...


class Undecided(Exception):
    """The first answer is there, and it is not known yet whether it arrived. `id` is the answer's."""

    def __init__(self, answer_id: str) -> None:
        super().__init__()
        self.id = answer_id


class Ticket:
    """One request that makes something. `begin` and `keep` run in its unit, the rest on the event loop."""

    __slots__ = (
        "__weakref__",
        "_answers",
        "given_up",
        "id",
        "in_doubt",
        "keyed",
        "look",
        "lookup",
        "made",
        "request",
        "tenant_id",
    )

    def __init__(
        self, answers: Answers, tenant_id: int, lookup: bytes, request: bytes, *, keyed: bool
    ) -> None:
        self._answers = answers
        # asks the connection now, once the answer was handed to one
        self.look: Callable[[], None] = _nothing
        self.tenant_id = tenant_id
        self.lookup = lookup
        self.request = request
        self.keyed = keyed
        # of the answer that this request gives: its own, or the first one's again
        self.id = new_id()
        # set once the unit has committed an answer that others may ask for
        self.made = False
        # set once there is nothing left to do but the commit: if that fails, it may be stored all the same
        self.in_doubt = False
        # the answer that this request will no longer wait for
        self.given_up = ""

    def begin(self, unit: Unit) -> Answer | None:
        """The answer that this request has had before; None, and a row for the coming one, if it is new.

        Raises Conflict while the first request with the same key runs, KeyReused for another request with
        it, and Undecided.
        """
        if self.keyed and not store.try_turn(unit, self.lookup):
            raise in_progress()
        seconds = KEYED_SECONDS if self.keyed else REPEAT_SECONDS
        row = {
            "lookup": self.lookup,
            "id": self.id,
            "tenant_id": self.tenant_id,
            "request": self.request,
            "sealed": b"",
            "lost": False,
            "created_at": unit.now,
            "expires_at": instant(to_epoch(unit.now) + seconds),
        }
        if store.claim(unit, row, self._answers.delivered(self.lookup)):
            return None
        kept = store.select_kept(unit, self.lookup)
        if kept is None:
            # PostgreSQL: another process has deleted it since the claim.
            raise Undecided("")
        return self._again(unit, kept)

    def _again(self, unit: Unit, kept: store.Kept) -> Answer:
        if self.keyed:
            if kept.request != self.request:
                raise KeyReused(
                    "This Idempotency-Key was used for another request.",
                    "Send a new key with each new request, and the same key only to repeat one unchanged.",
                )
        elif not kept.lost:
            if kept.id != self.given_up:
                raise Undecided(kept.id)
            # A third request need not wait again.
            store.mark_lost(unit, [(self.lookup, kept.id)])
        self.id = kept.id
        status, headers, body = _unpack(self._answers.vault.open(kept.sealed, self._context))
        return status, [*headers, _REPLAYED], body

    def keep(self, unit: Unit, answer: Answer) -> None:
        """Store the answer with the change it tells of."""
        store.fill(unit, self.lookup, self.id, self._answers.vault.seal(_pack(answer), self._context))
        self.in_doubt = True

    @property
    def _context(self) -> bytes:
        return sealing_context(self.lookup, self.id)

    def sent(self, line: Line | None) -> None:
        """The answer was handed to `line`; without one, handing over counts as delivery."""
        if self.keyed or not self.made:
            return
        if line is None:
            self.settle(True)
        else:
            self._answers.watch(self)
            self.look = line.answered(self.settle)

    def refused(self) -> None:
        """The caller is told that the database failed: whatever was stored, the answer did not arrive."""
        if self.in_doubt and not self.keyed:
            self.settle(False)

    def settle(self, arrived: bool) -> None:
        """The answer arrived, or it is known that it did not."""
        self._answers.settle(self, arrived=arrived)


def sealing_context(lookup: bytes, answer_id: str) -> bytes:
    """The place that a sealed answer is bound to."""
    return b"answer\0" + lookup + answer_id.encode("ascii")


def _nothing() -> None:
    pass


def in_progress() -> Conflict:
    """The refusal of a repeat that comes while the first request still runs."""
    return Conflict(
        "The first request with this Idempotency-Key is still being worked on.",
        "Send it again in a moment; you will get its answer.",
        retry_after=1,
    )


class Answers:
    """All kept answers, and what this process knows of those it has given."""

    def __init__(self, lanes: Lanes, group: GroupCommit, clock: Clock, vault: Vault) -> None:
        self.vault = vault
        self._lanes = lanes
        self._group = group
        self._clock = clock
        # answers of this process whose delivery is open; a request that ended otherwise leaves by itself
        self._watched: WeakValueDictionary[str, Ticket] = WeakValueDictionary()
        # look-up → answer that has arrived and whose row is about to go
        self._delivered: dict[bytes, str] = {}
        self._log = structlog.get_logger("answers")

    def watch(self, ticket: Ticket) -> None:
        """`ticket` will know whether its answer arrives."""
        self._watched[ticket.id] = ticket

    def delivered(self, lookup: bytes) -> str:
        """The id of an answer that this process has delivered; empty if there is none. Any thread may ask."""
        return self._delivered.get(lookup, "")

    def settle(self, ticket: Ticket, *, arrived: bool) -> None:
        """Have the row deleted or marked within a tenth of a second."""
        self._watched.pop(ticket.id, None)
        if arrived:
            self._delivered[ticket.lookup] = ticket.id
        self._group.put(self._store, (ticket.lookup, ticket.id), arrived)

    async def learn(self, ticket: Ticket, answer_id: str) -> None:
        """Wait until it is known whether an answer arrived, for PATIENCE at most; then it counts as lost."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while answer_id:
            watched = self._watched.get(answer_id)
            if watched is not None:
                watched.look()
            if self._delivered.get(ticket.lookup) == answer_id:
                return
            if answer_id not in self._watched and await self._is_decided(ticket.lookup, answer_id):
                return
            if loop.time() > deadline:
                ticket.given_up = answer_id
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _is_decided(self, lookup: bytes, answer_id: str) -> bool:
        kept = await self._lanes.look(lambda reader: store.select_kept(reader, lookup))
        return kept is None or kept.id != answer_id or kept.lost

    def _store(self, unit: Unit, records: dict[Hashable, Any]) -> None:
        # in one order, so that two processes that write the same rows do not wait for one another
        rows: list[Any] = sorted(records, key=repr)
        gone = [row for row in rows if records[row]]
        lost = [row for row in rows if not records[row]]
        if gone:
            store.delete_kept(unit, gone)
            unit.after_commit(lambda: self._forget(gone))
        if lost:
            store.mark_lost(unit, lost)

    def _forget(self, rows: list[tuple[bytes, str]]) -> None:
        for lookup, answer_id in rows:
            if self._delivered.get(lookup) == answer_id:
                self._delivered.pop(lookup, None)

    async def sweep(self) -> None:
        """Delete what is over, at once and then every SWEEP_SECONDS, until cancelled."""
        while True:
            try:
                await self.sweep_once()
            except Unavailable as error:
                self._log.warning("kept answers not swept", reason=error.message)
            except Exception:  # noqa: BLE001 - a background task has nobody above it to tell
                self._log.exception("kept answers not swept")
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep_once(self) -> None:
        """Delete what is over."""
        at = now(self._clock)
        if await self._lanes.look(lambda reader: store.has_expired(reader, at)):
            await self._lanes.write(store.delete_expired)
