"""/api/v1/org-unit: departments, projects, their priorities, and reports."""

from __future__ import annotations

from runplane.server.api.org_unit import departments, priorities, projects, reports
from runplane.server.http.operation import Operation
from runplane.server.identity.service import Identity


def operations(identity: Identity) -> list[Operation]:
    """Every operation of the room."""
    return [
        *departments.operations(identity),
        *projects.operations(identity),
        *priorities.operations(),
        *reports.operations(),
    ]


__all__ = ["operations"]
