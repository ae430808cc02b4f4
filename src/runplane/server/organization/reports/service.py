"""Rules of reports, and the job that makes their files.

A report is seen by whoever asked for it and by whoever may read consumption in the whole tenant. It is of the
scopes its owner held when asking; who has lost one of them since does not get the file any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from runplane.server.authz.explain import refusal
from runplane.server.authz.permissions import DASHBOARDS_CONSUMPTION, READ, SETTINGS, UPDATE, permission
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import Forbidden, Invalid, NotFound
from runplane.server.core.ids import new_id
from runplane.server.core.listing import Condition, Page
from runplane.server.core.scope import ScopeSet
from runplane.server.http.listing import parse_page
from runplane.server.jobs.model import Job, JobKind
from runplane.server.jobs.store import insert_job
from runplane.server.organization.reports import store
from runplane.server.organization.reports.files import as_csv
from runplane.server.organization.reports.model import (
    JOB,
    MAX_ROWS,
    ROWS,
    GroupBy,
    ReportRow,
    Status,
    Wanted,
)
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_MAX_NAME = 255
_MAX_DESCRIPTION = 1000
_MESSAGES = {
    Status.PENDING: "The report waits to be made.",
    Status.PROCESSING: "The report is being made.",
    Status.READY: "The file can be downloaded.",
    Status.FAILED: "The report could not be made; create it again, or narrow it with filterBy.",
}


def list_reports(reader: Reader, principal: Principal, page: Page) -> list[ReportRow]:
    """A page of the reports that the caller sees."""
    return store.select_reports(reader, principal.tenant_id, _owner_filter(principal), page)


def count_reports(reader: Reader, principal: Principal, page: Page) -> int:
    """How many reports `list_reports` shows on all pages together."""
    return store.count_reports(reader, principal.tenant_id, _owner_filter(principal), page)


def get_report(reader: Reader, principal: Principal, report_id: str) -> ReportRow:
    """One of the reports that `list_reports` shows. Raises NotFound."""
    row = store.select_report(reader, principal.tenant_id, report_id.lower())
    if row is None or (row.owner != _owner(principal) and not _sees_all(principal)):
        raise NotFound(f"There is no report {report_id[:60]!r} that you can see.")
    return row


def get_file(reader: Reader, principal: Principal, report_id: str) -> tuple[ReportRow, str]:
    """A report and its CSV file.

    Raises NotFound, also while there is no file, and Forbidden for a report of a scope that the caller may
    not read.
    """
    row = get_report(reader, principal, report_id)
    reading = permission(READ, DASHBOARDS_CONSUMPTION)
    for path in row.scopes:
        if not principal.grants.allows(reading, path):
            raise refusal(reading, principal, path)
    content = store.select_content(reader, row.tenant_id, row.id)
    if content is None:
        raise NotFound(f"The report has no file, its status is {row.status}. {row.status_message}")
    return row, content


def create_report(unit: Unit, principal: Principal, scopes: ScopeSet, wanted: Wanted) -> ReportRow:
    """Take a report in; its file is made in the background. Raises Invalid."""
    if not wanted.name.strip() or len(wanted.name) > _MAX_NAME:
        raise Invalid(f"name must have 1 to {_MAX_NAME} characters.")
    if len(wanted.description or "") > _MAX_DESCRIPTION:
        raise Invalid(f"description must not be longer than {_MAX_DESCRIPTION} characters.")
    if wanted.start > wanted.end:
        raise Invalid("start must not be later than end.")
    row = ReportRow(
        id=new_id(),
        tenant_id=principal.tenant_id,
        owner=_owner(principal),
        scopes=list(scopes.roots),
        status=Status.PENDING,
        status_message=_MESSAGES[Status.PENDING],
        status_updated_at=unit.now,
        created_by=principal.name,
        created_at=unit.now,
        **wanted.values(),
    )
    _conditions(row.groups, row.filter_by)
    store.insert_report(unit, row)
    insert_job(unit, row.tenant_id, JOB, {"reportId": row.id})
    return row


def delete_report(unit: Unit, principal: Principal, report_id: str) -> ReportRow:
    """Remove a report; returns what it was.

    Raises NotFound, and Forbidden for somebody else's report without the right to change the tenant's
    settings: reading all reports is not enough to destroy them.
    """
    row = get_report(unit, principal, report_id)
    changing = permission(UPDATE, SETTINGS)
    if row.owner != _owner(principal) and not principal.grants.allows(changing, principal.tenant_path):
        raise Forbidden(
            f"The report belongs to {row.created_by}, so deleting it takes {changing} at the tenant.",
            "Ask its owner, or an administrator of the tenant, to delete it.",
        )
    store.delete_report(unit, row.tenant_id, row.id)
    return row


def job_kind() -> JobKind:
    """The job that makes the file of a report."""
    return JobKind(JOB, begin=_begin, work=_make, finish=_finish, give_up=_give_up)


def _owner(principal: Principal) -> str:
    return f"{principal.kind}:{principal.key}"


def _sees_all(principal: Principal) -> bool:
    return principal.grants.allows(permission(READ, DASHBOARDS_CONSUMPTION), principal.tenant_path)


def _owner_filter(principal: Principal) -> str | None:
    return None if _sees_all(principal) else _owner(principal)


def _conditions(groups: GroupBy, filter_by: Sequence[str]) -> tuple[Condition, ...]:
    return parse_page(ROWS[groups], {"filterBy": list(filter_by)}).conditions


def _status(unit: Unit, job: Job, status: Status, **values: str) -> None:
    known = {"status": status, "status_message": _MESSAGES[status], **values}
    store.update_report(unit, job.tenant_id, job.payload["reportId"], known)


def _begin(unit: Unit, job: Job) -> None:
    _status(unit, job, Status.PROCESSING)


def _make(unit: Unit, job: Job) -> str | None:
    report = store.select_report(unit, job.tenant_id, job.payload["reportId"])
    if report is None:
        return None
    rows = store.select_usage(unit, report, _conditions(report.groups, report.filter_by))
    return as_csv(report.groups, rows) if len(rows) <= MAX_ROWS else None


def _finish(unit: Unit, job: Job, file: str | None) -> None:
    if file is None:
        _status(unit, job, Status.FAILED)
        return
    _status(unit, job, Status.READY, content=file)


def _give_up(unit: Unit, job: Job) -> None:
    _status(unit, job, Status.FAILED)
