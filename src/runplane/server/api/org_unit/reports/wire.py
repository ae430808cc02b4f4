"""Reports on the wire."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.core.clock import parse_instant
from runplane.server.http.operation import Wire
from runplane.server.organization.reports.model import GroupBy, ReportRow, Wanted

Groups = Literal["Nodepool", "Project", "Department", "Cluster"]


class ReportIn(Wire):
    """A report to make: what is known from `start` to `end`, one row for each thing of `groupBy`.

    Without `groupBy` a row is a project. `filterBy` narrows the rows with `projectName==`,
    `departmentName==` and `clusterId==`, as far as a row has such a thing.
    """

    name: str
    start: str
    end: str
    description: str | None = None
    group_by: Groups | None = None
    filter_by: list[str] = msgspec.field(default_factory=list[str])

    def wanted(self) -> Wanted:
        """The report asked for. Raises Invalid for a time that is none."""
        return Wanted(
            name=self.name,
            start=parse_instant(self.start, "start"),
            end=parse_instant(self.end, "end"),
            description=self.description,
            group_by=None if self.group_by is None else GroupBy(self.group_by),
            filter_by=self.filter_by,
        )


class ReportOut(Wire, kw_only=True):
    """A report; the file is there when `status` is Ready."""

    id: str
    tenant_id: int
    name: str
    description: str | UnsetType = UNSET
    start: str
    end: str
    group_by: Groups | None
    filter_by: list[str]
    status: Literal["Pending", "Processing", "Ready", "Failed"]
    status_message: str
    status_updated_at: str
    created_at: str
    created_by: str


class ReportsOut(Wire):
    """A page of reports."""

    reports: list[ReportOut]


class ReportsAvailableOut(Wire):
    """Whether this server makes reports."""

    is_available: bool


def present(row: ReportRow) -> ReportOut:
    """A report as a reply."""
    return ReportOut(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        description=UNSET if row.description is None else row.description,
        start=row.start_at,
        end=row.end_at,
        group_by=None if row.group_by is None else GroupBy(row.group_by).value,
        filter_by=row.filter_by,
        status=row.status,  # type: ignore[arg-type]
        status_message=row.status_message,
        status_updated_at=row.status_updated_at,
        created_at=row.created_at,
        created_by=row.created_by,
    )
