"""What the audit log can be asked, and which columns a record has (contract 1 and 5.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runplane.server.core.clock import Instant
from runplane.server.core.listing import Envelope, Field, Kind, Listing

MAX_FILE_ROWS: Final = 100_000
"""Records in one file: about 40 MB of text, which is put together in memory."""

COLUMNS: Final = (
    "id", "timestamp", "tenant_id", "subject", "subject_type", "source_ip", "action", "http_method", "url",
    "entity_type", "entity_name", "entity_id", "result", "http_status_code", "cluster_name", "cluster_id",
    "request_id", "metadata",
)  # fmt: skip
"""The columns of a row, in the order of the contract."""

_ENVELOPE = Envelope("audit_logs", next="next", total="total")


def _fields(*, sort: bool) -> tuple[Field, ...]:
    filtered = (
        Field("timestamp", Kind.TIME, sort=sort),
        Field("subject", sort=sort),
        Field("subject_type", sort=sort, choices=("User", "App")),
        Field("source_ip", sort=sort),
        Field("action", sort=sort),
        Field("result", sort=sort, choices=("Succeeded", "Failed")),
        Field("url", sort=sort),
        Field("entity_type", sort=sort),
        Field("entity_name", sort=sort),
        Field("cluster_name", sort=False),
    )
    if not sort:
        return filtered
    return (*filtered, Field("http_method", filter=False), Field("entity_id", filter=False))


LOG = Listing(
    "audit records",
    *_fields(sort=True),
    envelope=_ENVELOPE,
    default_limit=20,
    max_limit=1000,
    default_sort=("timestamp", True),
    limit_name="numberOfSamples",
)
# In the order of time only: the chunks that a file is read in follow the index.
FILE = Listing(
    "audit records",
    *_fields(sort=False),
    envelope=_ENVELOPE,
    default_limit=MAX_FILE_ROWS,
    max_limit=MAX_FILE_ROWS,
    default_sort=("timestamp", True),
    limit_name="numberOfSamples",
)


@dataclass(frozen=True, slots=True)
class Span:
    """Which records: those of a tenant from `start` to `end`, both included."""

    tenant_id: int
    start: Instant
    end: Instant
