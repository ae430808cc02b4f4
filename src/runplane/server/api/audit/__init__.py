"""/api/v1/audit/…: reading the audit log; what writes it is `runplane.server.audit`."""

from __future__ import annotations

from runplane.server.api.audit.routes import operations

__all__ = ["operations"]
