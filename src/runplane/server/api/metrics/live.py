"""The figures that are read where they are, at the scrape: queues, ages, brakes, the audit chain."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from runplane import __version__
from runplane.server.audit.chain import Chain
from runplane.server.identity.service import Identity
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.unit import Units


class Live(Collector):
    """Of one process."""

    def __init__(self, identity: Identity, chain: Chain, freshness: Freshness) -> None:
        self._identity = identity
        self._chain = chain
        self._freshness = freshness

    def collect(self) -> Iterable[Metric]:
        """The figures in Prometheus' form."""
        units = self._identity.lanes.units
        database = "sqlite" if units.database.is_sqlite else "postgresql"
        yield InfoMetricFamily(
            "runplane", "The release that runs", value={"version": __version__, "database": database}
        )
        yield GaugeMetricFamily("runplane_workers", "Server processes that answer", value=1)
        yield GaugeMetricFamily(
            "runplane_freshness_lag_seconds",
            "Time since this server last looked for changes that other servers made",
            value=self._freshness.lag(),
        )
        yield from self._queues()
        yield from self._brakes()
        yield from _database(units)
        yield from self._audit()

    def _queues(self) -> Iterable[Metric]:
        lanes = GaugeMetricFamily(
            "runplane_database_work",
            "Units of work that wait for the database or run on it",
            labels=["lane", "share"],
        )
        for labels, number in self._identity.lanes.inside().items():
            lanes.add_metric(labels, number)
        yield lanes
        pace = self._identity.lanes.pace
        yield CounterMetricFamily(
            "runplane_paced_requests", "Requests held up in favour of other tenants", value=pace.waits
        )
        yield CounterMetricFamily(
            "runplane_paced_seconds", "For how long, all together", value=pace.waited_seconds
        )
        group = self._identity.group
        yield GaugeMetricFamily(
            "runplane_records_pending", "Sign-ins, refusals and uses not stored yet", value=group.waiting
        )
        yield GaugeMetricFamily(
            "runplane_records_pending_age_seconds",
            "How long the oldest of them waits",
            value=group.age(),
        )
        yield CounterMetricFamily(
            "runplane_records_lost", "Sign-ins, refusals and uses that could not be stored", value=group.lost
        )

    def _brakes(self) -> Iterable[Metric]:
        accounts, sources = self._identity.throttle.figures(self._identity.monotonic())
        yield GaugeMetricFamily("runplane_locked_accounts", "Accounts locked for guessing", value=accounts)
        yield GaugeMetricFamily("runplane_throttled_sources", "Sources that have to wait", value=sources)

    def _audit(self) -> Iterable[Metric]:
        chain = self._chain
        counters: list[tuple[str, str, int]] = [
            ("runplane_audit_sealed", "Audit records put into their chain", chain.sealed),
            ("runplane_audit_refused", "Audit records that no server has written", chain.refused),
            ("runplane_audit_pruned", "Audit records deleted by retention", chain.pruned),
        ]
        for name, about, value in counters:
            yield CounterMetricFamily(name, about, value=value)
        yield GaugeMetricFamily(
            "runplane_audit_broken_chains", "Tenants whose chain cannot go on", value=len(chain.broken)
        )
        yield GaugeMetricFamily(
            "runplane_audit_unsealed_age_seconds",
            "How long sealing has been behind",
            value=chain.behind(),
        )


def _database(units: Units) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "runplane_database_connections", "Open connections", value=units.database.connections
    )
    yield CounterMetricFamily(
        "runplane_database_failures", "Units of work that failed in the database", value=units.failures
    )
    yield GaugeMetricFamily(
        "runplane_storage_trouble",
        "Whether nothing can be stored: a full or read-only disk",
        value=units.storage.trouble is not None,
    )
