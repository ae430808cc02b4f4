"""Nodes and storage classes as agents report them, and the configuration administrators give the latter.

Ids are ours although nodes have one in Kubernetes: a uid that two clusters report must not clash here.
"""

from __future__ import annotations

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

from runplane.server.sql.schema import InstantText, Text, metadata

nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("cluster_id", Text, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    # the cluster's path
    Column("path", Text, nullable=False),
    # the identifier Kubernetes gave: a node with the same name and another uid is another node
    Column("uid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("node_pool_id", BigInteger, ForeignKey("node_pools.id"), nullable=False, index=True),
    Column("gpu_type", Text),
    Column("gpu_count", Integer, nullable=False),
    Column("nvlink_domain_uid", Text),
    Column("nvlink_clique_id", Text),
    # JSON object: node labels, from which the pool follows
    Column("labels", Text, nullable=False),
    # JSON object: conditions and taints
    Column("detail", Text, nullable=False),
    # capacity and use; NULL where the agent did not say
    Column("cpu_cores", Float(53)),
    Column("cpu_memory_bytes", BigInteger),
    Column("gpu_memory_bytes", BigInteger),
    Column("allocated_gpus", Float(53)),
    Column("allocated_cpu_cores", Float(53)),
    Column("allocated_cpu_memory_bytes", BigInteger),
    Column("used_cpu_cores", Float(53)),
    Column("used_cpu_memory_bytes", BigInteger),
    Column("used_gpu_memory_bytes", BigInteger),
    Column("idle_allocated_gpus", Float(53)),
    Column("created_at", InstantText, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    UniqueConstraint("cluster_id", "name"),
    Index("ix_nodes_tenant_id_path", "tenant_id", "path"),
)

storage_classes = Table(
    "storage_classes",
    metadata,
    Column("cluster_id", Text, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("provisioner", Text, nullable=False),
    Column("allow_volume_expansion", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
)

storage_class_configurations = Table(
    "storage_class_configurations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("cluster_id", Text, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    # the cluster's path
    Column("path", Text, nullable=False),
    Column("scope_type", Text, nullable=False),
    Column("name", Text, nullable=False),
    # JSON objects in the contract's shape, NULL where none was given
    Column("permissions", Text),
    Column("customization", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    UniqueConstraint("cluster_id", "name"),
    Index("ix_storage_class_configurations_tenant_id_path", "tenant_id", "path"),
)
