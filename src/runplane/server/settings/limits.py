"""The table `[limits]`: how many requests a client and a source may make, and what a tenant may take.

Numbers per minute and no bursts beside them: the number is both what may come at once and, a sixtieth of it,
what may come each second from then on (http.limits).
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from runplane.server.settings.table import Table

_MOST: Final = 60_000_000


class LimitSettings(Table, frozen=True):
    """Requests a minute that one process takes, 0 for any number; N processes take up to N times as many.

    And a tenant's part of a process' time.
    """

    client_per_minute: Annotated[
        int,
        Meta(
            ge=0, le=_MOST, description="Requests of one user or service account, and its calls for tokens."
        ),
    ] = 6_000
    source_per_minute: Annotated[
        int,
        Meta(ge=0, le=_MOST, description="Requests of one address, or one /64 network with IPv6."),
    ] = 60_000
    agent_per_minute: Annotated[
        int, Meta(ge=0, le=_MOST, description="Requests of the agent of one cluster, which needs about four.")
    ] = 120
    tenant_percent: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            description="Of the time of a process, what requests that one tenant makes side by side may use"
            " while other tenants call. 100 sets no limit.",
        ),
    ] = 12
