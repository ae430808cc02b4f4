"""Node pools and network topologies."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from runplane.server.sql.schema import AutoKey, InstantText, Text, metadata

network_topologies = Table(
    "network_topologies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("cluster_id", Text, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    # the cluster's path
    Column("path", Text, nullable=False),
    Column("name", Text, nullable=False),
    # JSON array of node label keys, widest first
    Column("levels", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    UniqueConstraint("cluster_id", "name"),
    Index("ix_network_topologies_tenant_id_path", "tenant_id", "path"),
)

node_pools = Table(
    "node_pools",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("cluster_id", Text, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    # the cluster's path
    Column("path", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    # both empty for the default pool: it holds the nodes that no other pool's label claims
    Column("label_key", Text, nullable=False),
    Column("label_value", Text, nullable=False),
    Column("over_provisioning_ratio", Integer, nullable=False),
    Column("acceleration_label_key", Text),
    Column("acceleration_detection", Text, nullable=False),
    # NULL until a node of the pool has been reported
    Column("acceleration_detected", Boolean),
    Column("swap_enabled", Boolean, nullable=False),
    Column("node_level_scheduler_enabled", Boolean, nullable=False),
    # JSON: cpuSwapMemorySize, reservedGpuMemoryForSwapOperations
    Column("swap_sizes", Text, nullable=False),
    # JSON: placementStrategy, minGuaranteedRuntime
    Column("scheduling", Text, nullable=False),
    Column("network_topology_id", Text, ForeignKey("network_topologies.id"), index=True),
    Column("phase", Text, nullable=False),
    Column("phase_message", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    UniqueConstraint("cluster_id", "name"),
    Index("ix_node_pools_tenant_id_path", "tenant_id", "path"),
    # numbers are not used again: rules and scripts outside keep them
    sqlite_autoincrement=True,
)
