"""The ledger of deprecated calls: who still uses which old route, with which program, how often.

It is for the person who wants to switch an old route off, so it counts instead of keeping each call, and
counts gather in memory like sign-ins do: an old script that polls must not cost a commit per call.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import msgspec

from runplane.server.audit.store import add_deprecated_calls, keep_newest_deprecated_calls
from runplane.server.core.clock import Clock, now
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import scrub
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.unit import Unit

MAX_ROWS: Final = 10_000
"""Rows kept per tenant: a caller can invent a new program name for every call."""
_MAX_AGENT: Final = 200


class Caller(msgspec.Struct, frozen=True):
    """Who called: `type` is user or service-account, `name` what people know it by."""

    tenant_id: int
    type: str
    id: str
    name: str


class Route(msgspec.Struct, frozen=True):
    """What was called, and what to call instead if there is such a thing."""

    method: str
    path: str
    operation_id: str
    successor: str | None


class Ledger:
    """The recorder. `called` returns at once; the count is stored within 0.1 s."""

    def __init__(self, group: GroupCommit, clock: Clock) -> None:
        self._group = group
        self._clock = clock

    def called(self, caller: Caller, user_agent: str, route: Route) -> None:
        """Count one call of a deprecated route."""
        agent = _readable(user_agent)
        key = (caller.tenant_id, caller.type, caller.id, route.operation_id, agent)
        at = now(self._clock)
        known = self._group.pending(_store).get(key)
        if known is not None:
            known["calls"] += 1
            known["last_seen"] = at
            return
        row = {
            "id": new_id(),
            "tenant_id": caller.tenant_id,
            "subject_type": caller.type,
            "subject_id": caller.id,
            "subject": caller.name,
            "user_agent": agent,
            "method": route.method,
            "path": route.path,
            "operation_id": route.operation_id,
            "successor": route.successor,
            "first_seen": at,
            "last_seen": at,
            "calls": 1,
        }
        self._group.put(_store, key, row)


def _readable(user_agent: str) -> str:
    # A header may hold anything but line ends; the database and a terminal must survive it.
    return scrub("".join(it if it.isprintable() else "?" for it in user_agent))[:_MAX_AGENT]


def _store(unit: Unit, records: dict[Hashable, Any]) -> None:
    # in the order of the keys, so that two replicas that store the same rows do not wait for one another
    rows = [records[key] for key in sorted(records, key=repr)]
    grown = {row["tenant_id"] for row in rows if add_deprecated_calls(unit, row)}
    for tenant_id in sorted(grown):
        keep_newest_deprecated_calls(unit, tenant_id, MAX_ROWS)
