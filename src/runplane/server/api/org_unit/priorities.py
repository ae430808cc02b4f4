"""/api/v1/org-unit/priorities: what `resources[].priority` can say."""

from __future__ import annotations

from typing import Any

from runplane.server.authz.guard import signed_in
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Wire
from runplane.server.organization.units.priorities import PRIORITIES


class PriorityOut(Wire):
    """A priority; the higher value is served first."""

    name: str
    value: int
    is_default: bool


class PrioritiesOut(Wire):
    """Every priority, lowest first."""

    priorities: list[PriorityOut]


def operations() -> list[Operation]:
    """The one operation of this room."""
    ops = Operations("/api/v1/org-unit/priorities", tag="Org unit")

    @ops.get(
        "",
        allow=signed_in("the list is the same for everybody", scoped=True),
        mode=Mode.HOT,
        reply=PrioritiesOut,
    )
    def get_priorities(_: Call[Any]) -> PrioritiesOut:
        """List priorities"""
        return PrioritiesOut(
            priorities=[
                PriorityOut(name=it.name, value=it.value, is_default=it.is_default) for it in PRIORITIES
            ]
        )

    return ops.items
