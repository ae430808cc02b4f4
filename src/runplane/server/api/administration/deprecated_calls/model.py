"""What the ledger of deprecated calls can be asked."""

from __future__ import annotations

from typing import Final

from runplane.server.core.listing import Envelope, Field, Kind, Listing

COLUMNS: Final = (
    "id", "subject", "subject_type", "subject_id", "user_agent", "method", "path", "operation_id",
    "successor", "first_seen", "last_seen", "calls",
)  # fmt: skip

LEDGER: Final = Listing(
    "deprecated calls",
    Field("subject", search=True),
    Field("subjectType", choices=("user", "service-account", "cluster")),
    Field("userAgent", search=True),
    Field("method"),
    Field("path", search=True),
    Field("operationId"),
    Field("firstSeen", Kind.TIME),
    Field("lastSeen", Kind.TIME),
    Field("calls", Kind.INTEGER),
    envelope=Envelope("deprecatedCalls", next="next"),
    default_sort=("lastSeen", True),
)
