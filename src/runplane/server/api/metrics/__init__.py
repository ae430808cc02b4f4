"""/metrics: the server's figures, for Prometheus."""

from __future__ import annotations

from runplane.server.api.metrics.live import Live
from runplane.server.api.metrics.routes import operations
from runplane.server.api.metrics.scrape import Scrape

__all__ = ["Live", "Scrape", "operations"]
