"""GET /api/v1/audit/log and /log/file: the audit log of the caller's tenant.

Reading it takes the permission at the tenant itself: a record names people and objects of every scope. The
file has all that matches, at most 100,000 records, where the contract's default for `numberOfSamples` would
give twenty; `X-Total-Count` says how many there are.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.audit import store
from runplane.server.api.audit.model import FILE, LOG, Span
from runplane.server.api.audit.wire import (
    AuditFileQuery,
    AuditLogOut,
    AuditQuery,
    as_csv_file,
    as_json_file,
    present,
)
from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import EVENTS_HISTORY, READ
from runplane.server.core.clock import parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import cut
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Operation, Operations, Reply

_WRITERS = {"CSV": as_csv_file, "JSON": as_json_file}


def operations() -> list[Operation]:
    """The log as a page and as a file."""
    ops = Operations("/api/v1/audit/log", tag="AuditLogs")

    @ops.get(
        "",
        id="getAuditLogs",
        allow=can(READ, EVENTS_HISTORY).at(own_tenant),
        query=AuditQuery,
        listing=LOG,
        reply=AuditLogOut,
    )
    def get_audit_logs(call: Call[Any]) -> AuditLogOut:
        """Read the audit log

        Newest first unless `sortBy` and `sortOrder` say otherwise.
        """
        span = _span(call)
        rows, following = cut(call.page, store.select_page(call.unit, span, call.page))
        found = AuditLogOut(
            total=store.count(call.unit, span, call.page), audit_logs=[present(row) for row in rows]
        )
        if following is not None:
            found.next = following
        return found

    @ops.get(
        "/file",
        id="downloadAuditLogs",
        allow=can(READ, EVENTS_HISTORY).at(own_tenant),
        query=AuditFileQuery,
        listing=FILE,
        reply=bytes,
    )
    def download_audit_logs(call: Call[Any]) -> Reply:
        """Download the audit log as a file

        Newest first, everything that matches up to 100,000 records. Cells of the CSV file that a spreadsheet
        would run as a formula begin with an apostrophe.
        """
        kind = _file_type(call.query)
        span = _span(call)
        total = store.count(call.unit, span, call.page)
        file = _WRITERS[kind](store.select_chunks(call.unit, span, call.page))
        name = f"audit-log-{span.start[:10]}-{span.end[:10]}.{kind.lower()}"
        headers = (
            (b"content-disposition", f'attachment; filename="{name}"'.encode("ascii")),
            (b"x-total-count", str(total).encode("ascii")),
        )
        return Reply(file, headers=headers, media_type=b"application/octet-stream")

    return ops.items


def _span(call: Call[Any]) -> Span:
    start, end = parse_instant(call.query.start, "start"), parse_instant(call.query.end, "end")
    if start > end:
        raise Invalid("start must not be later than end.")
    return Span(call.principal.tenant_id, start, end)


def _file_type(query: AuditFileQuery) -> str:
    given = {
        enum_member(text, tuple(_WRITERS), "file_type")
        for text in (query.file_type, query.file_type_camel)
        if text is not None
    }
    if len(given) > 1:
        raise Invalid("file_type and fileType disagree; send one of them.")
    return given.pop() if given else "CSV"
