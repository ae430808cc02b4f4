"""Headers of a list that was read in pages: X-Total-Count, Link to the next page, X-Runplane-Truncated.

Scripts that never heard of pages take the first one for everything; these headers let them, and whoever reads
their traffic, notice. They come from the page's own statement (`Prepared.total`), so no room can forget them
or count something else. Counting stops at COUNTED rows, because a count to the end would make the first page
of a long list slower than the page itself; `Prefer: count=exact` counts on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import quote, urlencode

from runplane.server.core.listing import Page
from runplane.server.http.operation import Operation
from runplane.server.http.request import Request
from runplane.server.sql.filters import LIMIT, MOST
from runplane.server.sql.prepared import Listed, Reader

COUNTED: Final = 1_000
"""Rows that are counted unasked."""
_ALL: Final = 2**62

Headers = tuple[tuple[bytes, bytes], ...]


def headers(reader: Reader, page: Page, request: Request, params: Mapping[str, Sequence[str]]) -> Headers:
    """What to say about the page of a list that `reader` has read; nothing where it read none, or several."""
    if page.limit is None or len(reader.listed) != 1:
        return ()
    listed = reader.listed[0]
    shown = min(listed.rows, page.limit)
    exact = b"count=exact" in request.headers.get(b"prefer", b"").replace(b" ", b"").lower().split(b",")
    most = _ALL if exact else COUNTED
    total = _total(reader, page, listed, most)
    told: Headers = ((b"preference-applied", b"count=exact"),) if exact else ()
    if total is not None:
        told = (*told, (b"x-total-count", b"%d" % total))
    # A full page and a count cut short leave it open, and an empty page more does no harm.
    more = shown == page.limit and (total is None or total > page.offset + shown)
    if not more:
        return told
    whole = b"%d+" % most if total is None else b"%d" % total
    return (
        *told,
        (b"link", _next(request.path, params, page.offset + page.limit)),
        (b"x-runplane-truncated", b"%d/%s" % (shown, whole)),
    )


def whole(operation: Operation, result: object) -> Headers:
    """What to say about a list that never is cut and that a handler has put together itself."""
    paged = operation.listing is not None and operation.listing.paged
    if operation.method != "GET" or paged or not isinstance(result, list):
        return ()
    return ((b"x-total-count", b"%d" % len(cast(list[object], result))),)


def _total(reader: Reader, page: Page, listed: Listed, most: int) -> int | None:
    """How many rows there are; None for more than `most`, unless the page itself has reached the end."""
    if listed.rows < listed.params.get(LIMIT, page.limit) and (listed.rows or not page.offset):
        return page.offset + listed.rows
    counted: int = reader.scalar(listed.total, {**listed.params, MOST: most + 1})
    return counted if counted <= most else None


def _next(path: str, params: Mapping[str, Sequence[str]], offset: int) -> bytes:
    kept = [(name, value) for name, values in params.items() if name != "offset" for value in values]
    target = f"{quote(path)}?{urlencode([*kept, ('offset', str(offset))])}"
    return f'<{target}>; rel="next"'.encode("ascii")
