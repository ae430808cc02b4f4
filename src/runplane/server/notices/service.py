"""Deciding on notices and delivering them, once over all replicas (ADR 30).

A notice is decided on by inserting its row, which one replica can do, and delivered under a lease outside of
any transaction. A process that dies in between has perhaps delivered it: its lease ends and the notice goes
out again, with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from runplane.server.core.clock import Clock, instant, now, to_epoch
from runplane.server.core.errors import DomainError
from runplane.server.notices import store
from runplane.server.notices.channel import Channel, NotDelivered
from runplane.server.notices.model import (
    DAY,
    MAX_ATTEMPTS,
    Expiring,
    Key,
    Leased,
    Notice,
    days_due,
    pause_after,
)
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

LOOK_SECONDS: Final = 30.0
"""How often it is looked for something to tell."""
KEPT_SECONDS: Final = 30 * DAY
"""How long after the end of a credential its notices are remembered."""


class Notices:
    """Tells `channels` of credentials that end within one of `days`."""

    def __init__(self, lanes: Lanes, clock: Clock, channels: Sequence[Channel], days: Sequence[int]) -> None:
        self._lanes = lanes
        self._clock = clock
        self._channels = tuple(channels)
        self._days = tuple(days)
        self._log = structlog.get_logger("notices")

    async def run(self) -> None:
        """Look until cancelled; returns at once where there is nobody to tell."""
        while self._channels and self._days:
            try:
                await self.step()
            except DomainError as error:
                self._log.warning("no notices for now", reason=error.message)
            except Exception:  # noqa: BLE001 - a background task has nobody above it to tell
                self._log.exception("no notices for now")
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> int:
        """Decide on what is due, then deliver until nothing is or a channel fails; returns the deliveries."""
        await self._decide()
        return sum(await asyncio.gather(*(self._drain(it) for it in self._channels)))

    async def _decide(self) -> None:
        keys = await self._lanes.read(self._undecided)
        if keys:
            before = instant(self._clock.epoch() - KEPT_SECONDS)

            def job(unit: Unit) -> None:
                store.delete_ended(unit, before)
                store.claim(unit, keys)

            await self._lanes.write(job)

    def _undecided(self, reader: Reader) -> list[Key]:
        at = now(self._clock)
        until = instant(to_epoch(at) + max(self._days) * DAY)
        due = [
            Key(it.id, it.expires_at, days, channel.name)
            for it in store.select_ending(reader, at, until)
            if (days := days_due(self._days, it.created_at, it.expires_at, at)) is not None
            for channel in self._channels
        ]
        if not due:
            return []
        decided = store.select_decided(reader, at)
        return [it for it in due if it not in decided]

    async def _drain(self, channel: Channel) -> int:
        delivered = 0
        # Looked at first without a transaction that writes: most looks find nothing.
        while await self._lanes.look(lambda reader: store.has_due(reader, channel.name, now(self._clock))):
            leased = await self._lanes.write(lambda unit: store.lease(unit, channel.name))
            if leased is None or not await self._deliver(channel, leased):
                break
            delivered += 1
        return delivered

    async def _deliver(self, channel: Channel, leased: Leased) -> bool:
        """Whether the channel is worth another try at once."""
        key = leased.key
        credential = await self._lanes.read(lambda unit: store.select_credential(unit, key))
        at = now(self._clock)
        if credential is None or credential.expires_at <= at:
            await self._lanes.write(lambda unit: store.withdraw(unit, leased))
            return True
        if leased.attempts > MAX_ATTEMPTS:
            await self._give_up(channel, leased, "the process died each time")
            return True
        left = to_epoch(credential.expires_at) - to_epoch(at)
        try:
            await channel.send(Notice(key.delivery_id, credential, key.days, at, left))
        except NotDelivered as error:
            await self._failed(channel, leased, str(error))
            return False
        await self._lanes.write(lambda unit: store.settle(unit, leased, sent=True))
        self._log.info("notice sent", **self._about(channel, credential, key))
        return True

    async def _failed(self, channel: Channel, leased: Leased, reason: str) -> None:
        if leased.attempts >= MAX_ATTEMPTS:
            await self._give_up(channel, leased, reason)
            return
        until = instant(self._clock.epoch() + pause_after(leased.attempts))
        self._log.warning("notice not delivered", channel=channel.name, reason=reason, again=until)
        await self._lanes.write(lambda unit: store.postpone(unit, leased, until))

    async def _give_up(self, channel: Channel, leased: Leased, reason: str) -> None:
        key = leased.key
        self._log.error(
            "notice given up",
            channel=channel.name,
            credential=key.credential_id,
            days=key.days,
            reason=reason,
        )
        await self._lanes.write(lambda unit: store.settle(unit, leased, sent=False))

    def _about(self, channel: Channel, credential: Expiring, key: Key) -> dict[str, object]:
        return {
            "channel": channel.name,
            "tenant": credential.tenant,
            "credential": credential.id,
            "days": key.days,
            "delivery": key.delivery_id,
        }
