"""/api/v1/org-unit/reports: files of what is known about the use of resources, made in the background.

The vocabulary of permissions has none for reports. They show what the consumption dashboard shows, so they
take the permission to read that.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.org_unit.reports.wire import (
    ReportIn,
    ReportOut,
    ReportsAvailableOut,
    ReportsOut,
    present,
)
from runplane.server.authz.guard import can, signed_in
from runplane.server.authz.permissions import DASHBOARDS_CONSUMPTION, READ
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, CountOut, Operation, Operations, Reply
from runplane.server.organization.reports import service
from runplane.server.organization.reports.model import REPORTS


def operations() -> list[Operation]:
    """The seven operations."""
    ops = Operations("/api/v1/org-unit/reports", tag="Reports")
    reading = can(READ, DASHBOARDS_CONSUMPTION).anywhere()

    @ops.get("", allow=reading, listing=REPORTS, reply=ReportsOut)
    def list_reports(call: Call[Any]) -> ReportsOut:
        """List reports

        Your own, and everybody's if you may read consumption in the whole tenant.
        """
        found = service.list_reports(call.unit, call.principal, call.page)
        return ReportsOut(reports=[present(row) for row in found])

    @ops.post("", status=202, allow=reading, body=ReportIn, reply=ReportOut, audit=Audited("report"))
    def create_report(call: Call[ReportIn]) -> ReportOut:
        """Create a report

        It is of the scopes that you may read consumption in. Ask for it again until its status is Ready.
        """
        row = service.create_report(call.unit, call.principal, call.scopes, call.body.wanted())
        call.note.target(row.id, row.name)
        return present(row)

    @ops.get(
        "/availability",
        allow=signed_in("it only says that this server makes reports", scoped=True),
        reply=ReportsAvailableOut,
    )
    def are_reports_available(_: Call[Any]) -> ReportsAvailableOut:
        """Ask whether this server makes reports"""
        return ReportsAvailableOut(is_available=True)

    @ops.get("/count", allow=reading, listing=REPORTS, reply=CountOut)
    def count_reports(call: Call[Any]) -> CountOut:
        """Count reports"""
        return CountOut(count=service.count_reports(call.unit, call.principal, call.page))

    @ops.get("/{reportId}", allow=reading, reply=ReportOut)
    def get_report_by_id(call: Call[Any]) -> ReportOut:
        """Get a report"""
        return present(service.get_report(call.unit, call.principal, call.path["reportId"]))

    @ops.delete("/{reportId}", status=204, allow=reading, audit=Audited("report"))
    def delete_report_by_id(call: Call[Any]) -> None:
        """Delete a report and its file

        Somebody else's takes the permission to change the tenant's settings.
        """
        row = service.delete_report(call.unit, call.principal, call.path["reportId"])
        call.note.target(row.id, row.name)

    @ops.get("/{reportId}/file", allow=reading, reply=bytes)
    def download_report_by_id(call: Call[Any]) -> Reply:
        """Download the file of a report

        CSV. A cell that a spreadsheet would run as a formula begins with an apostrophe.
        """
        row, content = service.get_file(call.unit, call.principal, call.path["reportId"])
        name = f'attachment; filename="report-{row.id}.csv"'.encode("ascii")
        return Reply(
            content.encode("utf-8"), headers=((b"content-disposition", name),), media_type=b"text/csv"
        )

    return ops.items
