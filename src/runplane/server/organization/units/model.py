"""Departments and projects as values: what the two kinds have in common, and where they differ.

One engine serves both. A project lies in a department and has a namespace; everything else is the same, so a
kind is a value here and no class of its own. The averages of a list's fields stay NULL until agents report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from runplane.server.authz.permissions import DEPARTMENT, PROJECT, ResourceType
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Envelope, Field, Kind, Listing
from runplane.server.core.scope import ScopeType

CREATING, READY, UNKNOWN, DELETING = "Creating", "Ready", "Unknown", "Deleting"
PHASES: Final = (
    "Creating",
    "Updating",
    "Deleting",
    "Deleted",
    "Initializing",
    "Ready",
    "NotReady",
    "Unknown",
)
NAMESPACE_PREFIX = "runai-"
MAX_NAME = 63
"""Characters of a name or a namespace: both become DNS labels in the cluster."""
DEFAULT_DEPARTMENT = "default"

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")

_AVERAGES = tuple(
    Field(f"avg{what}{span}", Kind.NUMBER)
    for what in ("GpuAllocation", "GpuUtilization", "GpuMemoryUtilization")
    for span in ("24h", "7d", "30d")
)
_SHARED = (
    Field("clusterId"),
    Field("totalGpuQuota", Kind.NUMBER),
    Field("gpuAllocated", Kind.NUMBER),
    Field("createdAt", Kind.TIME),
    *_AVERAGES,
)

DEPARTMENT_LISTING: Final = Listing(
    "departments", Field("name"), *_SHARED, envelope=Envelope("departments", next="next")
)
PROJECT_LISTING: Final = Listing(
    "projects",
    Field("name", search=True),
    # two names of one thing (contract 1)
    Field("departmentId", Kind.INTEGER),
    Field("parentId", Kind.INTEGER),
    Field("parentName"),
    Field("phase", choices=PHASES),
    *_SHARED,
    envelope=Envelope("projects", next="next"),
)


@dataclass(frozen=True, slots=True)
class UnitKind:
    """One of the two kinds: its scope, its words, the resource its permissions name, its list."""

    scope: ScopeType
    resource: ResourceType
    noun: str
    nouns: str
    parameter: str
    listing: Listing


DEPARTMENTS: Final = UnitKind(
    ScopeType.DEPARTMENT, DEPARTMENT, "department", "departments", "departmentId", DEPARTMENT_LISTING
)
PROJECTS: Final = UnitKind(ScopeType.PROJECT, PROJECT, "project", "projects", "projectId", PROJECT_LISTING)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A department or a project as stored; what only projects have is None in a department.

    `scheduling_rules`, `default_node_pools` and `node_types` are JSON texts; `phase` is worked out from what
    the cluster last said.
    """

    id: int
    cluster_id: str
    name: str
    path: str
    description: str
    scheduling_rules: str | None
    default_node_pools: str | None
    node_types: str | None
    total_gpu_quota: float | None
    total_cpu_quota: float | None
    total_memory_quota: float | None
    quota_status: str | None
    averages: tuple[float | None, ...]
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str
    is_default: bool = False
    department_id: int | None = None
    requested_namespace: str | None = None
    namespace: str | None = None
    enforce_scheduler: bool = True
    phase: str = READY
    phase_message: str | None = None
    phase_updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A node pool, as resources refer to it."""

    id: int
    name: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Traits:
    """What a request says about a unit besides quotas; JSON texts as they are stored."""

    description: str
    scheduling_rules: str | None
    default_node_pools: str | None
    node_types: str | None

    def values(self) -> dict[str, Any]:
        """Column values."""
        return {name: getattr(self, name) for name in self.__slots__}


def check_name(name: str) -> None:
    """Raises Invalid for a name that cannot name a department or project."""
    if len(name) > MAX_NAME or _NAME.match(name) is None:
        raise Invalid(
            "name must start with a lower-case letter, hold only lower-case letters, digits and hyphens, "
            f"end with a letter or digit, and have at most {MAX_NAME} characters."
        )


def namespace_of(name: str, requested: str | None) -> str:
    """The namespace of a project: the one asked for, else made from its name.

    Raises Invalid for one that Kubernetes would refuse.
    """
    if requested is None:
        made = NAMESPACE_PREFIX + name
        if len(made) > MAX_NAME:
            raise Invalid(
                f"name must have at most {MAX_NAME - len(NAMESPACE_PREFIX)} characters, as the namespace is "
                f"called {NAMESPACE_PREFIX}<name>; or give a requestedNamespace."
            )
        return made
    if len(requested) > MAX_NAME or _NAMESPACE.match(requested) is None:
        raise Invalid(
            "requestedNamespace must hold only lower-case letters, digits and hyphens, start and end with a "
            f"letter or digit, and have at most {MAX_NAME} characters."
        )
    return requested


def unit_number(text: str) -> int | None:
    """The number that an identifier from outside says, None where it cannot be one: it then names nothing."""
    # One address for each: no leading zero. 18 digits fit into what both databases call a big integer.
    if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 18:
        return int(text)
    return None
