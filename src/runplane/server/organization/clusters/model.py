"""What a cluster is, and the state that follows from what its agent said and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Envelope, Field, Kind, Listing

LIVENESS_SECONDS: Final = 90
"""Without a heartbeat for longer than this a cluster counts as disconnected."""

CLUSTERS: Final = Listing(
    "clusters",
    Field("createdAt", Kind.TIME, filter=False, sort=False),
    envelope=Envelope(None),
    default_sort=("createdAt", False),
    paged=False,
)
"""The contract gives this list no parameters of its own but its two switches."""

_MAX_TEXT: Final = 253


class ClusterState(StrEnum):
    """`status.state` of the contract."""

    WAITING = "WaitingToConnect"
    CONNECTED = "Connected"
    DISCONNECTED = "Disconnected"
    MISSING_PREREQUISITES = "MissingPrerequisites"
    SERVICE_ISSUES = "ServiceIssues"


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A cluster as stored. `report` is what the agent last said, empty before it spoke."""

    id: str
    tenant_id: int
    name: str
    path: str
    domain: str | None
    version: str | None
    created_at: Instant
    updated_at: Instant
    delete_requested_at: Instant | None
    last_liveness: Instant | None
    simulated: bool
    agent_secret: bytes
    report: dict[str, Any]


def silent_since(now: Instant) -> Instant:
    """A cluster that was heard before this instant only is disconnected at `now`."""
    return instant(to_epoch(now) - LIVENESS_SECONDS)


def state_of(row: ClusterRow, now: Instant) -> ClusterState:
    """The state at `now`. It is worked out when asked for: silence is no event that could store it."""
    if row.last_liveness is None:
        return ClusterState.WAITING
    if row.last_liveness < silent_since(now):
        return ClusterState.DISCONNECTED
    required = row.report.get("dependencies", {}).get("required", {})
    if not all(it["available"] for it in required.values()):
        return ClusterState.MISSING_PREREQUISITES
    conditions = row.report.get("conditions", [])
    if any(it["type"] == "Available" and it["status"] == "False" for it in conditions):
        return ClusterState.SERVICE_ISSUES
    return ClusterState.CONNECTED


def check_text(value: str | None, name: str, *, required: bool = False) -> str | None:
    """`value` without spaces around it. Raises Invalid for one too long, or empty where required."""
    if value is None:
        return None
    found = value.strip()
    if len(found) > _MAX_TEXT or (required and not found):
        raise Invalid(f"{name} must have {1 if required else 0} to {_MAX_TEXT} characters.")
    return found or None
