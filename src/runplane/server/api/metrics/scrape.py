"""Putting a scrape together: this process, its database, and the other workers.

What lies in the database is the same for every worker and is asked for at most every KEPT_SECONDS, so that
whoever scrapes in a loop costs a dictionary and no query. A database that does not answer is a figure too.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runplane.server.api.metrics.store import Stored, read_figures
from runplane.server.core.errors import DomainError
from runplane.server.core.secrets import Secret
from runplane.server.http.fleet import (
    FOLD_SECONDS,
    WRITE_SECONDS,
    Family,
    Fleet,
    added,
    as_metrics,
    families_of,
)
from runplane.server.sql.lanes import Lanes

KEPT_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 2.0
"""How long a scrape waits for the database."""


class _Given(Collector):
    """Hands out what it was given."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """The metrics."""
        return self._metrics


class Scrape:
    """The figures of this process and of what it shares. For the event loop, where they are counted."""

    def __init__(
        self,
        collectors: Iterable[Collector],
        lanes: Lanes,
        fleet: Fleet | None = None,
        token: Secret | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # Not the library's process-wide one: two servers in one process would then share their figures.
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        for it in collectors:
            self.registry.register(it)
        self.token = token
        """What a scraper has to send; None where everybody may read."""
        self._lanes = lanes
        self._fleet = fleet
        self._monotonic = monotonic
        self._stored: Stored | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def text(self) -> bytes:
        """The scrape, in Prometheus' text format."""
        await self._look()
        own = families_of(self.registry)
        parts = [own, *self._others()]
        shown = CollectorRegistry()
        shown.register(_Given([*as_metrics(added(parts)), *self._of_database()]))
        return generate_latest(shown)

    async def keep(self) -> None:
        """Write this worker's figures for the others, until cancelled; nothing for one that serves alone."""
        if self._fleet is None:
            return
        fold_at = self._monotonic()
        try:
            while True:
                self._write(self._fleet)
                if self._monotonic() >= fold_at:
                    # as in _write
                    with contextlib.suppress(OSError):
                        self._fleet.fold()
                    fold_at = self._monotonic() + FOLD_SECONDS
                await asyncio.sleep(WRITE_SECONDS)
        finally:
            self._write(self._fleet)

    def _others(self) -> list[list[Family]]:
        # for the same reasons as below: the figures of this worker are better than none
        with contextlib.suppress(OSError):
            return [] if self._fleet is None else self._fleet.others()
        return []

    def _write(self, fleet: Fleet) -> None:
        # The folder is gone when the supervisor was killed, and a full disk must not end a worker.
        with contextlib.suppress(OSError):
            fleet.write(families_of(self.registry))

    async def _look(self) -> None:
        if self._monotonic() - self._read_at < KEPT_SECONDS and self._stored is not None:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # a database that hangs must not hang the scrape; the next one finds the same task
        await asyncio.wait({self._reading}, timeout=WAIT_SECONDS)
        if not self._reading.done():
            self._stored = None

    async def _read(self) -> None:
        try:
            self._stored = await self._lanes.read(read_figures)
            self._read_at = self._monotonic()
        except DomainError:
            self._stored = None

    def _of_database(self) -> list[Metric]:
        stored = self._stored
        up = GaugeMetricFamily(
            "runplane_database_up", "Whether the database answers", value=stored is not None
        )
        if stored is None:
            return [up]
        expiring = GaugeMetricFamily(
            "runplane_credentials_expiring",
            "Enabled credentials that expire within so many days",
            labels=["kind", "days"],
        )
        nearest = GaugeMetricFamily(
            "runplane_credential_expiry_seconds",
            "Seconds until the next enabled credential of a kind expires",
            labels=["kind"],
        )
        for it in stored.expiries:
            nearest.add_metric([it.kind], it.nearest)
            for days, number in it.within.items():
                expiring.add_metric([it.kind, str(days)], number)
        ages = [
            ("runplane_signing_key_age_seconds", "Age of the oldest key that signs", stored.key_age),
            ("runplane_job_age_seconds", "How long the longest-waiting job is due", stored.job_age),
            (
                "runplane_agent_report_age_seconds",
                "Age of the last heartbeat of the agent that is silent longest",
                stored.report_age,
            ),
        ]
        return [
            up,
            expiring,
            nearest,
            GaugeMetricFamily("runplane_jobs_due", "Jobs that are due and not done", value=stored.jobs),
            GaugeMetricFamily("runplane_agents", "Clusters whose agent has spoken", value=stored.agents),
            *(GaugeMetricFamily(name, about, value=age) for name, about, age in ages if age is not None),
        ]
