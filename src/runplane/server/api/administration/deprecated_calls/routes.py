"""GET /api/v1/administration/deprecated-calls, an extension: the ledger of the caller's tenant.

It names people and their programs, as the audit log does, so it takes the same permission at the same scope.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from runplane.server.api.administration.deprecated_calls import store
from runplane.server.api.administration.deprecated_calls.model import LEDGER
from runplane.server.api.administration.deprecated_calls.wire import DeprecatedCallsOut, present
from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import EVENTS_HISTORY, READ
from runplane.server.core.listing import cut
from runplane.server.http.call import Call
from runplane.server.http.operation import Operation, Operations


def operations() -> list[Operation]:
    """The ledger as a list."""
    ops = Operations("/api/v1/administration/deprecated-calls", tag="Administration")

    @ops.get(
        "",
        allow=can(READ, EVENTS_HISTORY).at(own_tenant),
        listing=LEDGER,
        reply=DeprecatedCallsOut,
        extension=True,
    )
    def get_deprecated_calls(call: Call[Any]) -> DeprecatedCallsOut:
        """List who still calls deprecated operations

        The latest calls first. A count appears a tenth of a second after its call.
        """
        rows, following = cut(call.page, store.select_calls(call.unit, call.principal.tenant_id, call.page))
        return DeprecatedCallsOut(
            deprecated_calls=[present(row) for row in rows], next=UNSET if following is None else following
        )

    return ops.items
