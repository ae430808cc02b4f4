"""What a report is, what it can be asked for, and which columns its file has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from runplane.server.core.clock import Instant
from runplane.server.core.listing import Envelope, Field, Kind, Listing, Operator
from runplane.server.core.scope import ScopeSet

JOB: Final = "report"
"""The name of the jobs that make files."""
MAX_ROWS: Final = 100_000
"""Rows in one file, which is put together in memory."""


class Status(StrEnum):
    """How far the file is."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    READY = "Ready"
    FAILED = "Failed"


class GroupBy(StrEnum):
    """What one row of the file is about."""

    NODE_POOL = "Nodepool"
    PROJECT = "Project"
    DEPARTMENT = "Department"
    CLUSTER = "Cluster"


REPORTS: Final = Listing(
    "reports",
    Field("name", search=True),
    Field("createdAt", Kind.TIME),
    Field("createdBy", search=True),
    Field("status", choices=tuple(Status)),
    envelope=Envelope("reports"),
)

_OF_CLUSTERS = ("reported_at", "cluster")
_OF_NODES = ("gpus", "gpus_allocated", "cpu_cores", "cpu_cores_allocated")
_OF_UNITS = ("gpu_quota", "gpus_allocated")
COLUMNS: Final[Mapping[GroupBy, tuple[str, ...]]] = MappingProxyType(
    {
        GroupBy.CLUSTER: (*_OF_CLUSTERS, *_OF_NODES),
        GroupBy.NODE_POOL: (*_OF_CLUSTERS, "node_pool", *_OF_NODES),
        GroupBy.DEPARTMENT: (*_OF_CLUSTERS, "department", *_OF_UNITS),
        GroupBy.PROJECT: (*_OF_CLUSTERS, "department", "project", *_OF_UNITS),
    }
)
"""The columns of the file. `gpu_quota` without a bound reads `unlimited`; an empty cell was not reported."""


def _rows_of(*fields: str) -> Listing:
    declared = (Field(name, sort=False, operators=(Operator.EQUAL,)) for name in fields)
    return Listing("rows of the report", *declared, envelope=Envelope(None), paged=False)


ROWS: Final[Mapping[GroupBy, Listing]] = MappingProxyType(
    {
        GroupBy.CLUSTER: _rows_of("clusterId"),
        GroupBy.NODE_POOL: _rows_of("clusterId"),
        GroupBy.DEPARTMENT: _rows_of("clusterId", "departmentName"),
        GroupBy.PROJECT: _rows_of("clusterId", "departmentName", "projectName"),
    }
)
"""What the rows can be narrowed by."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report as stored, without its file."""

    id: str
    tenant_id: int
    owner: str
    name: str
    description: str | None
    start_at: Instant
    end_at: Instant
    group_by: str | None
    filter_by: list[str]
    scopes: list[str]
    status: str
    status_message: str
    status_updated_at: Instant
    created_by: str
    created_at: Instant

    @property
    def groups(self) -> GroupBy:
        """What its rows are about: projects, unless something else was asked for."""
        return GroupBy.PROJECT if self.group_by is None else GroupBy(self.group_by)

    @property
    def covered(self) -> ScopeSet:
        """The scopes it is of."""
        return ScopeSet(tuple(self.scopes))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report that somebody asks for."""

    name: str
    start: Instant
    end: Instant
    description: str | None
    group_by: GroupBy | None
    filter_by: list[str]

    def values(self) -> dict[str, Any]:
        """Its part of a stored report."""
        return {
            "name": self.name,
            "description": self.description,
            "start_at": self.start,
            "end_at": self.end,
            "group_by": self.group_by,
            "filter_by": self.filter_by,
        }
