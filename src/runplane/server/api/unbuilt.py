"""The contract's operations that this release does not have yet: a 501 that says so, behind a valid token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runplane.server.authz.guard import signed_in
from runplane.server.core.contract import ContractOperation, load_contract
from runplane.server.core.errors import NotBuilt
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation

_ALLOW = signed_in("it does nothing; who is not signed in learns nothing", scoped=True)


def operations(built: Iterable[Operation]) -> list[Operation]:
    """An operation that answers 501 for each entry of the contract not in `built`."""
    served = {(it.method, it.path) for it in built}
    return [
        _unbuilt(entry) for entry in load_contract().operations if (entry.method, entry.path) not in served
    ]


def _unbuilt(entry: ContractOperation) -> Operation:
    async def refuse(_: Call[Any]) -> None:
        raise NotBuilt(
            f"{entry.id} is not built yet in this release of runplane.",
            "What works today is listed in the README and in /api/docs.",
        )

    return Operation(
        id=entry.id,
        method=entry.method,
        path=entry.path,
        allow=_ALLOW,
        handler=refuse,
        tag=entry.tag,
        status=501,
        mode=Mode.LOOP,
        deprecated=entry.deprecated,
        summary="Not built yet",
    )
