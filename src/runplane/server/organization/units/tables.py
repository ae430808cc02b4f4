"""Departments, projects and their quotas.

The two kinds are two tables with common columns: a project is found by its department, and lists of one kind
must not pay for the other. Quotas are rows, one per unit and node pool, so that sums are SQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from runplane.server.sql.schema import AutoKey, InstantText, Text, metadata

AVERAGES = tuple(
    f"avg_{what}_{span}"
    for what in ("gpu_allocation", "gpu_utilization", "gpu_memory_utilization")
    for span in ("24h", "7d", "30d")
)
"""Columns of what agents report over time; NULL until they did."""


def _unit_columns() -> list[Column[Any]]:
    return [
        Column("id", AutoKey, primary_key=True, autoincrement=True),
        Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
        Column("cluster_id", Text, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
        Column("name", Text, nullable=False),
        # the scope's path, kept in step with authz.tree
        Column("path", Text, nullable=False),
        Column("description", Text, nullable=False),
        # JSON in the contract's shape, NULL where none was given
        Column("scheduling_rules", Text),
        Column("default_node_pools", Text),
        Column("node_types", Text),
        # sums over the quota rows; NULL is unlimited; millicores and MB
        Column("total_gpu_quota", Float(53)),
        Column("total_cpu_quota", Float(53)),
        Column("total_memory_quota", Float(53)),
        # as last reported, NULL until then
        Column("gpu_allocated", Float(53)),
        Column("quota_status", Text),
        *(Column(name, Float(53)) for name in AVERAGES),
        Column("created_by", Text, nullable=False),
        Column("created_at", InstantText, nullable=False),
        Column("updated_by", Text, nullable=False),
        Column("updated_at", InstantText, nullable=False),
    ]


departments = Table(
    "departments",
    metadata,
    *_unit_columns(),
    Column("is_default", Boolean, nullable=False),
    UniqueConstraint("cluster_id", "name"),
    Index("ix_departments_tenant_id_path", "tenant_id", "path"),
    Index("ix_departments_tenant_id_id", "tenant_id", "id"),
    Index("ix_departments_tenant_id_name", "tenant_id", "name", "id"),
    # numbers are not used again: deleted access rules keep them
    sqlite_autoincrement=True,
)

projects = Table(
    "projects",
    metadata,
    *_unit_columns(),
    Column(
        "department_id",
        BigInteger,
        ForeignKey("departments.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("requested_namespace", Text),
    Column("namespace", Text, nullable=False),
    Column("enforce_scheduler", Boolean, nullable=False),
    Column("phase", Text, nullable=False),
    Column("phase_message", Text),
    Column("phase_updated_at", InstantText),
    UniqueConstraint("cluster_id", "name"),
    # the namespace carries one queue label: two projects cannot share it
    UniqueConstraint("cluster_id", "namespace"),
    Index("ix_projects_tenant_id_path", "tenant_id", "path"),
    Index("ix_projects_tenant_id_id", "tenant_id", "id"),
    Index("ix_projects_tenant_id_name", "tenant_id", "name", "id"),
    Index("ix_projects_tenant_id_created_at", "tenant_id", "created_at", "id"),
    sqlite_autoincrement=True,
)


def _quota_columns(unit: str) -> list[Column[Any]]:
    return [
        Column("unit_id", BigInteger, ForeignKey(f"{unit}.id", ondelete="CASCADE"), primary_key=True),
        Column(
            "node_pool_id",
            BigInteger,
            ForeignKey("node_pools.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        # NULL is unlimited, 0 is nothing; GPUs, millicores, and `memory_units`
        Column("gpu_deserved", Float(53)),
        Column("gpu_limit", Float(53)),
        Column("gpu_weight", Float(53)),
        Column("cpu_deserved", Float(53)),
        Column("cpu_limit", Float(53)),
        Column("cpu_weight", Float(53)),
        Column("memory_deserved", Float(53)),
        Column("memory_limit", Float(53)),
        Column("memory_weight", Float(53)),
        Column("memory_units", Text),
        Column("priority", Text),
    ]


department_quotas = Table("department_quotas", metadata, *_quota_columns("departments"))
project_quotas = Table("project_quotas", metadata, *_quota_columns("projects"))
