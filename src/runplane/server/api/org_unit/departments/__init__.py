"""/api/v1/org-unit/departments: the departments of a cluster."""

from __future__ import annotations

from runplane.server.api.org_unit.departments.routes import operations

__all__ = ["operations"]
