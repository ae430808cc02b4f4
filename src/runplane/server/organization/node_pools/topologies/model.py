"""What a network topology is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from runplane.server.core.clock import Instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Envelope, Field, Listing
from runplane.server.organization.node_pools.model import check_label_key

MANUAL: Final = "runplane"
"""The source of a topology that somebody created here."""

TOPOLOGIES: Final = Listing(
    "network topologies",
    Field("name", sort=False),
    Field("clusterId", sort=False),
    Field("source", sort=False),
    Field("phase", sort=False),
    envelope=Envelope("networkTopologies"),
    paged=False,
)

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_MAX_LEVELS: Final = 16


@dataclass(frozen=True, slots=True)
class TopologyRow:
    """A network topology as stored; `levels` are node label keys, widest first."""

    id: str
    tenant_id: int
    cluster_id: str
    path: str
    name: str
    levels: tuple[str, ...]
    phase: str
    source: str
    created_by: str
    created_at: Instant


def check_name(name: str) -> str:
    """`name` itself. Raises Invalid for one the contract does not allow."""
    if _NAME.fullmatch(name) is None:
        raise Invalid(
            "name must be 1 to 63 lower-case letters, digits or '-', start with a letter and end with a "
            "letter or digit."
        )
    return name


def check_levels(levels: Sequence[str]) -> tuple[str, ...]:
    """`levels` themselves. Raises Invalid unless they are different label keys, at least one."""
    if not 1 <= len(levels) <= _MAX_LEVELS or len(set(levels)) != len(levels):
        raise Invalid(f"levels must be 1 to {_MAX_LEVELS} different node label keys, the widest first.")
    return tuple(check_label_key(level, "Each of levels") for level in levels)
