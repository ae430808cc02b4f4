"""Indexes that lists of large tenants start from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LIVE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    """Create them; the index of a unit's path now begins with the tenant, as everywhere else."""
    for table in ("departments", "projects"):
        op.drop_index(f"ix_{table}_path", table)
        op.create_index(f"ix_{table}_tenant_id_path", table, ["tenant_id", "path"])
    op.create_index("ix_projects_tenant_id_created_at", "projects", ["tenant_id", "created_at", "id"])
    op.create_index("ix_users_tenant_id_email", "users", ["tenant_id", "email", "id"])
    op.create_index("ix_users_tenant_id_created_at", "users", ["tenant_id", "created_at", "id"])
    _access_rules()


def _access_rules() -> None:
    op.drop_index("ix_access_rules_scope_path", "access_rules")
    op.create_index("ix_access_rules_scope_path", "access_rules", ["tenant_id", "scope_path", "deleted_at"])
    op.create_index(
        "ix_access_rules_live",
        "access_rules",
        ["tenant_id", "id"],
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index("ix_access_rules_created_at", "access_rules", ["tenant_id", "created_at", "id"])
    op.create_index("ix_access_rules_scope_id", "access_rules", ["tenant_id", "scope_id", "id"])
    op.create_index("ix_access_rules_subject_id", "access_rules", ["tenant_id", "subject_id", "id"])
