"""SQL that reads the ledger of deprecated calls of one tenant."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select

from runplane.server.api.administration.deprecated_calls.model import COLUMNS, LEDGER
from runplane.server.audit.tables import deprecated_calls
from runplane.server.core.listing import Page
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Reader, Row

_columns = deprecated_calls.c
_QUERY: Final = ListQuery(
    LEDGER,
    select(*(_columns[name] for name in COLUMNS)).where(_columns.tenant_id == bindparam("tenant_id")),
    {
        "subject": _columns.subject,
        "subjectType": _columns.subject_type,
        "userAgent": _columns.user_agent,
        "method": _columns.method,
        "path": _columns.path,
        "operationId": _columns.operation_id,
        "firstSeen": _columns.first_seen,
        "lastSeen": _columns.last_seen,
        "calls": _columns.calls,
    },
    _columns.id,
)


def select_calls(reader: Reader, tenant_id: int, page: Page) -> list[Row]:
    """The rows of a page and one more, for `core.listing.cut`."""
    query, params = _QUERY.page(page, peek=True)
    return reader.all(query, {**params, "tenant_id": tenant_id})
