"""Settings of what operators look at: the audit log and the metrics."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runplane.server.core.secrets import Secret
from runplane.server.settings.table import Table


class AuditSettings(Table, frozen=True):
    """The audit log."""

    retention_days: Annotated[
        int,
        Meta(ge=0, le=36_500, description="Days for which audit records are kept; 0 keeps them for ever."),
    ] = 90


class MetricsSettings(Table, frozen=True):
    """The figures at `/metrics`."""

    token: Annotated[
        Secret | None,
        Meta(
            description="What Prometheus must send as a bearer token to read `/metrics`.",
            extra={"default": "nothing: everybody may read them"},
        ),
    ] = None
