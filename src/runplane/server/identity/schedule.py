"""Rotation of signing keys by the clock (`keys.rotate_days`): the first replica to notice rotates for all.

Whether it is time is judged by the keys that are in memory anyway, so looking costs no query. The database
has the last word: under the tenant's lock the age is read again, so nobody rotates twice in a period.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from runplane.server.core.clock import instant, now
from runplane.server.core.errors import DomainError
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.realms import Newest
from runplane.server.identity.rotation import Rotated, ahead_seconds, record, rotate_if_old
from runplane.server.identity.service import Identity
from runplane.server.sql.unit import Unit

LOOK_SECONDS: Final = 1.0
"""How often the ages of the keys are looked at."""
PAUSE_SECONDS: Final = 60.0
"""How long nothing is tried after a failure."""


class RotationSchedule:
    """Gives tenants new signing keys when theirs are `period` seconds old; 0 is never."""

    def __init__(self, identity: Identity, period: float) -> None:
        self._identity = identity
        self._period = period
        self._log = structlog.get_logger("keys")

    async def run(self) -> None:
        """Look until cancelled; returns at once where the period is 0."""
        while self._period:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.step()
            except DomainError as error:
                self._log.warning("signing key not rotated, will try again", reason=error.message)
                await asyncio.sleep(PAUSE_SECONDS)
            except Exception:  # noqa: BLE001 - a background task has nobody above it to tell
                self._log.exception("signing key not rotated, will try again")
                await asyncio.sleep(PAUSE_SECONDS)

    async def step(self) -> list[Rotated]:
        """Rotate for every tenant whose time has come; returns what this process did."""
        limit = instant(self._identity.clock.epoch() - self._period)
        newest = self._identity.realms.newest_keys()
        done: list[Rotated] = []
        for tenant_id, key in newest.items():
            if key.created_at <= limit:
                rotated = await self._rotate(tenant_id, key)
                done += [rotated] if rotated else []
        return done

    async def _rotate(self, tenant_id: int, old: Newest) -> Rotated | None:
        identity = self._identity
        # before the transaction and off the loop: a key for RS256 takes up to a second
        key = await asyncio.to_thread(SigningKey.generate, now(identity.clock), old.algorithm)
        ahead = ahead_seconds(identity.rules.keys_kept_seconds)

        def job(unit: Unit) -> Rotated | None:
            made = rotate_if_old(
                unit, identity.kek, tenant_id, old.realm, key, ahead=ahead, period=self._period
            )
            if made is not None:
                record(unit, identity.journal, tenant_id, made, subject="runplane", by="schedule")
            return made

        rotated = await identity.lanes.write(job)
        if rotated is not None:
            self._log.info(
                "signing key rotated", tenant=old.realm, kid=key.kid, signs_from=rotated.signs_from
            )
        return rotated
