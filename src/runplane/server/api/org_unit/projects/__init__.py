"""/api/v1/org-unit/projects: the projects of a department."""

from __future__ import annotations

from runplane.server.api.org_unit.projects.routes import operations

__all__ = ["operations"]
