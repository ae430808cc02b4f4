"""SQL that reads the audit log of one tenant within a span of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, or_, select

from runplane.server.api.audit.model import COLUMNS, FILE, LOG, MAX_FILE_ROWS, Span
from runplane.server.audit.tables import audit_log
from runplane.server.core.listing import Listing, Page
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Reader, Row

_CHUNK: Final = 2_000

_ROWS = select(*(audit_log.c[name] for name in COLUMNS)).where(
    audit_log.c.tenant_id == bindparam("tenant_id"),
    audit_log.c.timestamp >= bindparam("start"),
    audit_log.c.timestamp <= bindparam("end"),
)


def _query(listing: Listing) -> ListQuery:
    columns = {name: audit_log.c[name] for name in listing.fields}
    return ListQuery(listing, _ROWS, columns, audit_log.c.id)


_LOG_QUERY = _query(LOG)
_FILE_QUERY = _query(FILE)
_at, _key = audit_log.c.timestamp, audit_log.c.id
_last_at: ColumnElement[Any] = bindparam("last_at")
_last_id: ColumnElement[Any] = bindparam("last_id")
_OLDER = or_(_at < _last_at, and_(_at == _last_at, _key < _last_id))
_NEWER = or_(_at > _last_at, and_(_at == _last_at, _key > _last_id))


def _bounds(span: Span) -> Mapping[str, Any]:
    return {"tenant_id": span.tenant_id, "start": span.start, "end": span.end}


def select_page(reader: Reader, span: Span, page: Page) -> list[Row]:
    """The rows of a page and one more, for `core.listing.cut`."""
    query, params = _LOG_QUERY.page(page, peek=True)
    return reader.all(query, {**params, **_bounds(span)})


def count(reader: Reader, span: Span, page: Page) -> int:
    """How many records the span and the conditions of `page` have."""
    query, params = _LOG_QUERY.count(page)
    return reader.scalar(query, {**params, **_bounds(span)})


def select_chunks(reader: Reader, span: Span, page: Page) -> Iterator[list[Row]]:
    """The rows of a page of the file, some thousand at a time.

    Each chunk continues behind the last row of the one before, so records that arrive meanwhile move nothing.
    """
    descending = page.sort is None or page.sort[1]
    left = page.limit or MAX_FILE_ROWS
    offset = page.offset
    last: Row | None = None
    while left > 0:
        part = Page(page.conditions, page.search, page.sort, offset, min(left, _CHUNK))
        if last is None:
            query, params = _FILE_QUERY.page(part)
        else:
            following = (_OLDER if descending else _NEWER,)
            query, params = _FILE_QUERY.page(part, where=following, shape_key=("after", descending))
            params |= {"last_id": last[0], "last_at": last[1]}
        rows = reader.all(query, {**params, **_bounds(span)})
        if rows:
            yield rows
            last = rows[-1]
        if len(rows) < min(left, _CHUNK):
            return
        left -= len(rows)
        offset = 0
