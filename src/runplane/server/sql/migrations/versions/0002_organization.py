"""The organization: clusters, node pools, what agents report, departments, projects, quotas, settings."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")
_AUTO_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NUMBER = sa.Float(53)


def upgrade() -> None:
    """Create every table."""
    _clusters()
    _network_topologies()
    _node_pools()
    _nodes()
    _storage_classes()
    _storage_class_configurations()
    _departments()
    _projects()
    _department_quotas()
    _project_quotas()
    _tenant_settings()
    _jobs()
    _reports()


def _clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("domain", _TEXT, nullable=True),
        sa.Column("version", _TEXT, nullable=True),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("delete_requested_at", _INSTANT, nullable=True),
        sa.Column("last_liveness", _INSTANT, nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("agent_secret", sa.LargeBinary(), nullable=False),
        sa.Column("report", _TEXT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_clusters_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_clusters_tenant_id_name"),
    )
    op.create_index("ix_clusters_tenant_id_path", "clusters", ["tenant_id", "path"], unique=False)


def _network_topologies() -> None:
    op.create_table(
        "network_topologies",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("levels", _TEXT, nullable=False),
        sa.Column("phase", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_network_topologies_cluster_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_network_topologies_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_network_topologies"),
        sa.UniqueConstraint("cluster_id", "name", name="uq_network_topologies_cluster_id_name"),
    )
    op.create_index(
        "ix_network_topologies_tenant_id_path", "network_topologies", ["tenant_id", "path"], unique=False
    )


def _node_pools() -> None:
    op.create_table(
        "node_pools",
        sa.Column("id", _AUTO_KEY, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("label_key", _TEXT, nullable=False),
        sa.Column("label_value", _TEXT, nullable=False),
        sa.Column("over_provisioning_ratio", sa.Integer(), nullable=False),
        sa.Column("acceleration_label_key", _TEXT, nullable=True),
        sa.Column("acceleration_detection", _TEXT, nullable=False),
        sa.Column("acceleration_detected", sa.Boolean(), nullable=True),
        sa.Column("swap_enabled", sa.Boolean(), nullable=False),
        sa.Column("node_level_scheduler_enabled", sa.Boolean(), nullable=False),
        sa.Column("swap_sizes", _TEXT, nullable=False),
        sa.Column("scheduling", _TEXT, nullable=False),
        sa.Column("network_topology_id", _TEXT, nullable=True),
        sa.Column("phase", _TEXT, nullable=False),
        sa.Column("phase_message", _TEXT, nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_by", _TEXT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_node_pools_cluster_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["network_topology_id"], ["network_topologies.id"], name="fk_node_pools_network_topology_id"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_node_pools_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_node_pools"),
        sa.UniqueConstraint("cluster_id", "name", name="uq_node_pools_cluster_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_node_pools_network_topology_id", "node_pools", ["network_topology_id"], unique=False)
    op.create_index("ix_node_pools_tenant_id_path", "node_pools", ["tenant_id", "path"], unique=False)


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("uid", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("node_pool_id", sa.BigInteger(), nullable=False),
        sa.Column("gpu_type", _TEXT, nullable=True),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        sa.Column("nvlink_domain_uid", _TEXT, nullable=True),
        sa.Column("nvlink_clique_id", _TEXT, nullable=True),
        sa.Column("labels", _TEXT, nullable=False),
        sa.Column("detail", _TEXT, nullable=False),
        sa.Column("cpu_cores", _NUMBER, nullable=True),
        sa.Column("cpu_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("gpu_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("allocated_gpus", _NUMBER, nullable=True),
        sa.Column("allocated_cpu_cores", _NUMBER, nullable=True),
        sa.Column("allocated_cpu_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("used_cpu_cores", _NUMBER, nullable=True),
        sa.Column("used_cpu_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("used_gpu_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("idle_allocated_gpus", _NUMBER, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_nodes_cluster_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["node_pool_id"], ["node_pools.id"], name="fk_nodes_node_pool_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_nodes_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
        sa.UniqueConstraint("cluster_id", "name", name="uq_nodes_cluster_id_name"),
    )
    op.create_index("ix_nodes_node_pool_id", "nodes", ["node_pool_id"], unique=False)
    op.create_index("ix_nodes_tenant_id_path", "nodes", ["tenant_id", "path"], unique=False)


def _storage_classes() -> None:
    op.create_table(
        "storage_classes",
        sa.Column("cluster_id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("provisioner", _TEXT, nullable=False),
        sa.Column("allow_volume_expansion", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_storage_classes_cluster_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_storage_classes_tenant_id"),
        sa.PrimaryKeyConstraint("cluster_id", "name", name="pk_storage_classes"),
    )


def _storage_class_configurations() -> None:
    op.create_table(
        "storage_class_configurations",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("scope_type", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("permissions", _TEXT, nullable=True),
        sa.Column("customization", _TEXT, nullable=True),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_by", _TEXT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["clusters.id"],
            name="fk_storage_class_configurations_cluster_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_storage_class_configurations_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_storage_class_configurations"),
        sa.UniqueConstraint("cluster_id", "name", name="uq_storage_class_configurations_cluster_id_name"),
    )
    op.create_index(
        "ix_storage_class_configurations_tenant_id_path",
        "storage_class_configurations",
        ["tenant_id", "path"],
        unique=False,
    )


def _departments() -> None:
    op.create_table(
        "departments",
        *_unit_columns(),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_departments_cluster_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_departments_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_departments"),
        sa.UniqueConstraint("cluster_id", "name", name="uq_departments_cluster_id_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_departments_path", "departments", ["path"], unique=False)
    op.create_index("ix_departments_tenant_id_id", "departments", ["tenant_id", "id"], unique=False)
    op.create_index("ix_departments_tenant_id_name", "departments", ["tenant_id", "name", "id"], unique=False)


def _projects() -> None:
    op.create_table(
        "projects",
        *_unit_columns(),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_namespace", _TEXT, nullable=True),
        sa.Column("namespace", _TEXT, nullable=False),
        sa.Column("enforce_scheduler", sa.Boolean(), nullable=False),
        sa.Column("phase", _TEXT, nullable=False),
        sa.Column("phase_message", _TEXT, nullable=True),
        sa.Column("phase_updated_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_projects_cluster_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name="fk_projects_department_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_projects_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("cluster_id", "name", name="uq_projects_cluster_id_name"),
        sa.UniqueConstraint("cluster_id", "namespace", name="uq_projects_cluster_id_namespace"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_projects_department_id", "projects", ["department_id"], unique=False)
    op.create_index("ix_projects_path", "projects", ["path"], unique=False)
    op.create_index("ix_projects_tenant_id_id", "projects", ["tenant_id", "id"], unique=False)
    op.create_index("ix_projects_tenant_id_name", "projects", ["tenant_id", "name", "id"], unique=False)


def _department_quotas() -> None:
    op.create_table(
        "department_quotas",
        *_quota_columns(),
        sa.ForeignKeyConstraint(
            ["node_pool_id"], ["node_pools.id"], name="fk_department_quotas_node_pool_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["departments.id"], name="fk_department_quotas_unit_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("unit_id", "node_pool_id", name="pk_department_quotas"),
    )
    op.create_index("ix_department_quotas_node_pool_id", "department_quotas", ["node_pool_id"], unique=False)


def _project_quotas() -> None:
    op.create_table(
        "project_quotas",
        *_quota_columns(),
        sa.ForeignKeyConstraint(
            ["node_pool_id"], ["node_pools.id"], name="fk_project_quotas_node_pool_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["projects.id"], name="fk_project_quotas_unit_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("unit_id", "node_pool_id", name="pk_project_quotas"),
    )
    op.create_index("ix_project_quotas_node_pool_id", "project_quotas", ["node_pool_id"], unique=False)


def _tenant_settings() -> None:
    op.create_table(
        "tenant_settings",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("family", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.Column("updated_by", _TEXT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_tenant_settings_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "family", "key", name="pk_tenant_settings"),
    )


def _unit_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", _AUTO_KEY, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("scheduling_rules", _TEXT, nullable=True),
        sa.Column("default_node_pools", _TEXT, nullable=True),
        sa.Column("node_types", _TEXT, nullable=True),
        sa.Column("total_gpu_quota", _NUMBER, nullable=True),
        sa.Column("total_cpu_quota", _NUMBER, nullable=True),
        sa.Column("total_memory_quota", _NUMBER, nullable=True),
        sa.Column("gpu_allocated", _NUMBER, nullable=True),
        sa.Column("quota_status", _TEXT, nullable=True),
        *(
            sa.Column(f"avg_{what}_{span}", _NUMBER, nullable=True)
            for what in ("gpu_allocation", "gpu_utilization", "gpu_memory_utilization")
            for span in ("24h", "7d", "30d")
        ),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_by", _TEXT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    ]


def _quota_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("node_pool_id", sa.BigInteger(), nullable=False),
        *(
            sa.Column(f"{what}_{amount}", _NUMBER, nullable=True)
            for what in ("gpu", "cpu", "memory")
            for amount in ("deserved", "limit", "weight")
        ),
        sa.Column("memory_units", _TEXT, nullable=True),
        sa.Column("priority", _TEXT, nullable=True),
    ]


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("payload", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("lease", _TEXT, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_jobs_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_due_at", "jobs", ["due_at", "id"], unique=False)


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("owner", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=True),
        sa.Column("start_at", _INSTANT, nullable=False),
        sa.Column("end_at", _INSTANT, nullable=False),
        sa.Column("group_by", _TEXT, nullable=True),
        sa.Column("filter_by", _TEXT, nullable=False),
        sa.Column("scopes", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("status_message", _TEXT, nullable=False),
        sa.Column("status_updated_at", _INSTANT, nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("content", _TEXT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_reports_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
    )
    op.create_index("ix_reports_tenant_id_id", "reports", ["tenant_id", "id"], unique=False)
    op.create_index("ix_reports_tenant_id_owner", "reports", ["tenant_id", "owner", "id"], unique=False)
