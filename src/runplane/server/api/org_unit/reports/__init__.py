"""Room of reports."""

from __future__ import annotations

from runplane.server.api.org_unit.reports.routes import operations

__all__ = ["operations"]
