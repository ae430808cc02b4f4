"""Request counts and latencies per operation, kept as plain lists and shaped for Prometheus when scraped.

A labelled counter and a histogram of prometheus-client cost several microseconds per request, a tenth of a
token call; two list increments cost none worth measuring.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from runplane.server.core.errors import DomainError

_REFUSALS = frozenset({401, 403, 429})
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestMetrics(Collector):
    """Updated on the event loop's thread only."""

    def __init__(self) -> None:
        self._statuses: dict[tuple[str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._refused: dict[tuple[int, str], int] = {}

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        key = (operation, status)
        self._statuses[key] = self._statuses.get(key, 0) + 1
        buckets = self._buckets.get(operation)
        if buckets is None:
            buckets = self._buckets[operation] = [0] * (len(_BOUNDS) + 1)
            self._sums[operation] = 0.0
        buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sums[operation] += seconds

    def refused(self, status: int, error: DomainError) -> None:
        """Count a refusal for lack of a token, a permission or patience, by its reason."""
        if status in _REFUSALS:
            reason = error.extra.get("reason") or getattr(error, "error", "") or type(error).__name__.lower()
            key = (status, str(reason))
            self._refused[key] = self._refused.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """The figures in Prometheus' form."""
        refused = CounterMetricFamily(
            "runplane_refusals", "Requests refused with 401, 403 or 429", labels=["status", "reason"]
        )
        for (status, reason), count in sorted(self._refused.items()):
            refused.add_metric([str(status), reason], count)
        yield refused
        requests = CounterMetricFamily(
            "runplane_requests", "Requests answered", labels=["operation", "status"]
        )
        for (operation, status), count in sorted(self._statuses.items()):
            requests.add_metric([operation, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily(
            "runplane_request_seconds", "Time to answer, in seconds", labels=["operation"]
        )
        for operation, buckets in sorted(self._buckets.items()):
            total = 0
            cumulative: list[tuple[str, float]] = []
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
                total += count
                cumulative.append((bound, total))
            seconds.add_metric([operation], cumulative, sum_value=self._sums[operation])
        yield seconds
