"""Sealing the audit log: committed records get their place in their tenant's chain, within a second.

Chaining in the transaction of the change would make every write of a tenant wait for the one before, on
every replica. So a record is written with a digest of its own, and this task gives places to what is
committed, in batches, one replica at a time. Retention works on the same chain: it deletes its beginning and
keeps the hash where it cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from runplane.server.audit import store
from runplane.server.audit.sealing import GENESIS, AuditKey, Ends, Vault
from runplane.server.core.clock import Clock, Instant, instant, now, to_epoch
from runplane.server.core.errors import Unavailable
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import lock
from runplane.server.sql.unit import Unit, Units

SEAL_SECONDS: Final = 0.5
PRUNE_SECONDS: Final = 300.0
BATCH: Final = 200
"""Rows of one transaction: on SQLite other writers wait for it, a few milliseconds."""
PART: Final = 100
LEAST: Final = 10
"""One pass of retention deletes one in PART of a tenant's records, and LEAST in any case.

Far more than grows old meanwhile. But a clock that is years ahead takes hours to empty a log, not a second.
"""
ADOPT_SECONDS: Final = 86_400
"""How long rows without a digest are accepted after an upgrade: replicas of the old release may still run."""
_DAY: Final = 86_400


class ChainBroken(Exception):
    """The ends of a tenant's chain are not as a server has left them; the text says how."""


def open_key(units: Units, vault: Vault) -> AuditKey:
    """The key of the log, made at the first start. Raises what `vault` raises for another key."""

    def make(unit: Unit) -> bytes:
        lock(unit.connection)
        sealed = store.select_audit_key(unit)
        if sealed is None:
            # An installation without records has no older release whose records it would have to believe.
            adopts = bool(store.tenants_in_log(unit))
            until = instant(to_epoch(unit.now) + ADOPT_SECONDS) if adopts else ""
            sealed = AuditKey.generate(until).seal(vault)
            store.insert_audit_key(unit, sealed)
        return sealed

    return AuditKey.opened(vault, units.read(store.select_audit_key) or units.write(make))


def no_ends(tenant_id: int) -> Ends:
    """The ends of a chain that has not begun."""
    return Ends(tenant_id, 0, GENESIS, 0, GENESIS, Instant(""))


def proven_ends(unit: Unit, key: AuditKey, tenant_id: int) -> Ends | None:
    """The ends of a chain; None where nothing was sealed yet. Raises ChainBroken."""
    found = store.select_ends(unit, tenant_id)
    if found is None:
        if store.has_places(unit, tenant_id):
            raise ChainBroken("the row that holds its ends was deleted")
        return None
    ends, mac = found
    if not hmac.compare_digest(mac, key.mac(ends)):
        raise ChainBroken("the row that holds its ends was changed")
    return ends


class Chain:
    """Seals and prunes, from start to stop of a server."""

    def __init__(self, lanes: Lanes, clock: Clock, key: AuditKey, retention_days: int) -> None:
        self._lanes = lanes
        self._clock = clock
        self._key = key
        self._retention = retention_days * _DAY
        # position last seen per tenant: a database that was set back under a running server shows
        self._seen: dict[int, int] = {}
        # tenants of whom the log says already that retention has much to do
        self._many: set[int] = set()
        self._stopping = asyncio.Event()
        self._done_at = time.monotonic()
        self._log = structlog.get_logger("audit")
        self.broken: set[int] = set()
        """Tenants whose chain cannot go on."""
        self.sealed = 0
        self.refused = 0
        self.pruned = 0

    def behind(self) -> float:
        """Seconds since everything committed was last sealed."""
        return max(0.0, time.monotonic() - self._done_at - SEAL_SECONDS)

    def stop(self) -> None:
        """End `run`, which seals what is there first."""
        self._stopping.set()

    async def run(self) -> None:
        """Seal every SEAL_SECONDS and prune every PRUNE_SECONDS, until `stop`."""
        loop = asyncio.get_running_loop()
        prune_at = loop.time()
        last = False
        while not last:
            # once more after the stop, for what was recorded last
            last = self._stopping.is_set()
            try:
                await self.seal()
                self._done_at = time.monotonic()
                if self._retention and loop.time() >= prune_at:
                    await self.prune()
                    prune_at = loop.time() + PRUNE_SECONDS
            except Unavailable as error:
                self._log.warning("audit records not sealed", reason=error.message)
            except Exception:  # noqa: BLE001 - a background task has nobody above it to tell
                self._log.exception("audit records not sealed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), SEAL_SECONDS)

    async def seal(self) -> int:
        """Seal what is committed now; returns how many rows."""
        done = 0
        if not await self._lanes.look(store.has_waiting):
            return 0
        # A round gives each tenant one batch, so that one with a million rows does not keep the others.
        again = True
        while again:
            again, tenant_id = False, -1
            while (tenant_id := await self._next(tenant_id)) is not None:
                if tenant_id in self.broken:
                    continue
                taken = await self._seal_some(tenant_id)
                done += taken
                again = again or taken == BATCH
        return done

    async def _next(self, after: int) -> int | None:
        return await self._lanes.look(lambda reader: store.next_waiting_tenant(reader, after))

    async def _seal_some(self, tenant_id: int) -> int:
        try:
            taken, sealed, position = await self._lanes.write(lambda unit: self._seal_batch(unit, tenant_id))
        except ChainBroken as error:
            self.broken.add(tenant_id)
            self._log.error("the chain of the audit log is broken", tenant=tenant_id, reason=str(error))
            return 0
        self._seen[tenant_id] = position
        self.sealed += sealed
        self.refused += taken - sealed
        return taken

    def _seal_batch(self, unit: Unit, tenant_id: int) -> tuple[int, int, int]:
        ends = self._ends(unit, tenant_id) or no_ends(tenant_id)
        adopts = unit.now <= self._key.adopt_until
        sealed: list[store.Sealed] = []
        refused: list[str] = []
        position, before = ends.position, ends.hash
        rows = store.select_waiting(unit, tenant_id, BATCH)
        for row in rows:
            digest = self._key.digest(row._mapping)
            known = bytes(row.digest) if row.digest is not None else (digest if adopts else b"")
            if not hmac.compare_digest(known, digest):
                refused.append(row.id)
                continue
            position += 1
            before = self._key.link(before, tenant_id, position, digest)
            sealed.append(store.Sealed(row.id, position, digest, before))
        if sealed:
            store.seal_rows(unit, sealed)
            self._write(unit, ends._replace(position=position, hash=before))
        if refused:
            store.refuse_rows(unit, refused)
            self._log.error("audit records that no server has written", tenant=tenant_id, ids=refused[:10])
        return len(rows), len(sealed), position

    def _ends(self, unit: Unit, tenant_id: int) -> Ends | None:
        unit.take_turns(f"audit-chain:{tenant_id}")
        ends = proven_ends(unit, self._key, tenant_id)
        seen = self._seen.get(tenant_id, 0)
        if (ends.position if ends else 0) < seen:
            raise ChainBroken(f"it was set back, from position {seen}")
        return ends

    def _write(self, unit: Unit, ends: Ends) -> None:
        store.write_ends(unit, ends, self._key.mac(ends))

    async def prune(self) -> int:
        """Delete some of the records older than the retention; returns how many."""
        present = now(self._clock)
        before = instant(to_epoch(present) - self._retention)
        done = 0
        for tenant_id in await self._lanes.read(store.tenants_in_log):
            taken = 0
            while tenant_id not in self.broken:
                gone = await self._lanes.write(_piece(self, tenant_id, (before, present), taken))
                if not gone:
                    break
                taken += gone
                self.pruned += gone
            done += taken
        return done

    def prune_batch(self, unit: Unit, tenant_id: int, times: tuple[Instant, Instant], taken: int) -> int:
        """Delete up to BATCH records at the beginning of a tenant's chain that are older than the first time.

        The second is the present. Of this pass `taken` records are deleted already.
        """
        before, present = times
        try:
            ends = self._ends(unit, tenant_id)
        except ChainBroken:
            # sealing says so; what is left is needed to find out
            return 0
        if ends is None:
            return 0
        room = max(LEAST, (ends.position - ends.pruned_position + taken) // PART) - taken
        old: list[Any] = []
        # Those of a clock that was ahead go with the next one that is old, and do not hold it up for years.
        for row in store.select_oldest(unit, tenant_id, ends.pruned_position, present, BATCH):
            if row.timestamp >= before:
                break
            old.append(row)
        store.delete_refused(unit, tenant_id, before)
        if len(old) > room:
            self._tell_of_many(tenant_id)
            del old[max(0, room) :]
        if not old:
            return 0
        last = old[-1]
        gone = store.delete_chain(unit, tenant_id, ends.pruned_position, last.position)
        newest = max(ends.pruned_until, *(it.timestamp for it in old))
        self._write(
            unit,
            ends._replace(
                pruned_position=last.position, pruned_hash=bytes(last.hash), pruned_until=Instant(newest)
            ),
        )
        return gone

    def _tell_of_many(self, tenant_id: int) -> None:
        if tenant_id not in self._many:
            self._many.add(tenant_id)
            self._log.warning(
                "many audit records are older than the retention, and are deleted in small parts; "
                "if that is a surprise, look at the clock",
                tenant=tenant_id,
            )


def _piece(chain: Chain, tenant_id: int, times: tuple[Instant, Instant], taken: int) -> Callable[[Unit], int]:
    return lambda unit: chain.prune_batch(unit, tenant_id, times, taken)
