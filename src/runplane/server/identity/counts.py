"""How many tokens were issued and refused, by grant and by the dialect of the call.

The dialect is told from the path, and never is a path a label: the realm's name in it is a tenant's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

_DIALECTS: Final = (("/api/v1/", "v1"), ("/api/v2/", "v2"), ("/auth/", "realm"), ("/v1/k8s/", "k8s"))


class TokenCounts(Collector):
    """Updated on the event loop's thread only."""

    def __init__(self) -> None:
        self._issued: dict[tuple[str, str], int] = {}
        self._refused: dict[tuple[str, str, str], int] = {}

    def issued(self, grant: str, path: str) -> None:
        """Count a token."""
        key = (grant, _dialect(path))
        self._issued[key] = self._issued.get(key, 0) + 1

    def refused(self, grant: str, path: str, reason: str) -> None:
        """Count a refusal. `grant` is one that exists, or empty."""
        key = (grant, _dialect(path), reason)
        self._refused[key] = self._refused.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """The figures in Prometheus' form."""
        issued = CounterMetricFamily(
            "runplane_tokens_issued", "Access tokens issued", labels=["grant", "dialect"]
        )
        for labels, count in sorted(self._issued.items()):
            issued.add_metric(labels, count)
        yield issued
        refused = CounterMetricFamily(
            "runplane_token_refusals", "Token requests refused", labels=["grant", "dialect", "reason"]
        )
        for names, count in sorted(self._refused.items()):
            refused.add_metric(names, count)
        yield refused


def _dialect(path: str) -> str:
    return next((name for start, name in _DIALECTS if path.startswith(start)), "other")
