"""The scope tree, custom roles and access rules."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from runplane.server.sql.schema import AutoKey, InstantText, Text, metadata

# Every scope below the system. The organization rooms keep it in step with their objects.
scope_nodes = Table(
    "scope_nodes",
    metadata,
    Column("type", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False, unique=True),
)

# Custom roles only; the predefined ones are data (authz.catalogue). Ids start above theirs.
roles = Table(
    "roles",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    # JSON array of permission-set ids
    Column("permission_sets", Text, nullable=False),
    Column("kubernetes_role", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", InstantText, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    UniqueConstraint("tenant_id", "name_key"),
)

# Rules are never edited and stay after deletion, so that `includeDeleted` can show them.
access_rules = Table(
    "access_rules",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    # as the contract shows it: e-mail, group or service account name
    Column("subject_id", Text, nullable=False),
    # as given: the older word for a service account is `app`
    Column("subject_type", Text, nullable=False),
    # what authorization matches: user, group or service-account; lower-case e-mail, group name or row id
    Column("subject_kind", Text, nullable=False),
    Column("subject_key", Text, nullable=False),
    Column("role_id", Integer, nullable=False),
    Column("role_name", Text, nullable=False),
    Column("scope_type", Text, nullable=False),
    Column("scope_id", Text, nullable=False),
    Column("scope_name", Text, nullable=False),
    # the scope's path, kept in step by authz.tree when a unit moves
    Column("scope_path", Text, nullable=False),
    Column("cluster_id", Text),
    Column("created_at", InstantText, nullable=False),
    Column("updated_at", InstantText, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("deleted_at", InstantText),
    Column("deleted_by", Text),
    Index("ix_access_rules_subject", "tenant_id", "subject_kind", "subject_key"),
    # with what counting looks at, or SQLite would read the rules too
    Index("ix_access_rules_scope_path", "tenant_id", "scope_path", "deleted_at"),
    Index("ix_access_rules_scope_id", "tenant_id", "scope_id", "id"),
    Index("ix_access_rules_subject_id", "tenant_id", "subject_id", "id"),
    Index("ix_access_rules_created_at", "tenant_id", "created_at", "id"),
    # what almost everybody lists
    Index(
        "ix_access_rules_live",
        *("tenant_id", "id"),
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    # no two live rules say the same
    Index(
        "uq_access_rules_live",
        *("tenant_id", "subject_kind", "subject_key", "role_id", "scope_type", "scope_id"),
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)
