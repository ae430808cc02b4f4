"""The first schema: tenants, identity, authorization, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INSTANT = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")
_AUTO_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _tenants()
    _audit_log()
    _scope_nodes()
    _roles()
    _access_rules()
    _users()
    _clients()
    _client_secrets()
    _sessions()
    _refresh_tokens()
    _revoked_tokens()
    _signing_keys()


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("timestamp", _INSTANT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("subject_type", _TEXT, nullable=False),
        sa.Column("source_ip", _TEXT, nullable=True),
        sa.Column("action", _TEXT, nullable=False),
        sa.Column("http_method", _TEXT, nullable=False),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("entity_type", _TEXT, nullable=True),
        sa.Column("entity_name", _TEXT, nullable=True),
        sa.Column("entity_id", _TEXT, nullable=True),
        sa.Column("result", _TEXT, nullable=False),
        sa.Column("http_status_code", sa.Integer(), nullable=False),
        sa.Column("cluster_name", _TEXT, nullable=True),
        sa.Column("cluster_id", _TEXT, nullable=True),
        sa.Column("request_id", _TEXT, nullable=False),
        sa.Column("metadata", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index(
        "ix_audit_log_tenant_id_timestamp", "audit_log", ["tenant_id", "timestamp", "id"], unique=False
    )


def _scope_nodes() -> None:
    op.create_table(
        "scope_nodes",
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("ref", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_scope_nodes_tenant_id"),
        sa.PrimaryKeyConstraint("type", "ref", name="pk_scope_nodes"),
        sa.UniqueConstraint("path", name="uq_scope_nodes_path"),
    )


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("id", _AUTO_KEY, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_key", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("permission_sets", _TEXT, nullable=False),
        sa.Column("kubernetes_role", _TEXT, nullable=True),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_roles_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("tenant_id", "name_key", name="uq_roles_tenant_id_name_key"),
    )


def _access_rules() -> None:
    op.create_table(
        "access_rules",
        sa.Column("id", _AUTO_KEY, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("subject_id", _TEXT, nullable=False),
        sa.Column("subject_type", _TEXT, nullable=False),
        sa.Column("subject_kind", _TEXT, nullable=False),
        sa.Column("subject_key", _TEXT, nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("role_name", _TEXT, nullable=False),
        sa.Column("scope_type", _TEXT, nullable=False),
        sa.Column("scope_id", _TEXT, nullable=False),
        sa.Column("scope_name", _TEXT, nullable=False),
        sa.Column("scope_path", _TEXT, nullable=False),
        sa.Column("cluster_id", _TEXT, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("deleted_at", _INSTANT, nullable=True),
        sa.Column("deleted_by", _TEXT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_access_rules_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_access_rules"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_access_rules_scope_path", "access_rules", ["tenant_id", "scope_path"], unique=False)
    op.create_index(
        "ix_access_rules_subject", "access_rules", ["tenant_id", "subject_kind", "subject_key"], unique=False
    )
    op.create_index(
        "uq_access_rules_live",
        "access_rules",
        ["tenant_id", "subject_kind", "subject_key", "role_id", "scope_type", "scope_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("email_key", _TEXT, nullable=False),
        sa.Column("is_local", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("last_login", _INSTANT, nullable=True),
        sa.Column("groups", _TEXT, nullable=True),
        sa.Column("uid", _TEXT, nullable=True),
        sa.Column("gid", _TEXT, nullable=True),
        sa.Column("password_hash", _TEXT, nullable=True),
        sa.Column("password_expires_at", _INSTANT, nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_users_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("tenant_id", "email_key", name="uq_users_tenant_id_email_key"),
    )
    op.create_index("ix_users_tenant_id_id", "users", ["tenant_id", "id"], unique=False)


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("client_id", _TEXT, nullable=False),
        sa.Column("owner_id", _TEXT, server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("last_login", _INSTANT, nullable=True),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_clients_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_clients"),
        sa.UniqueConstraint("client_id", name="uq_clients_client_id"),
        sa.UniqueConstraint(
            "tenant_id", "kind", "owner_id", "name", name="uq_clients_tenant_id_kind_owner_id_name"
        ),
    )


def _client_secrets() -> None:
    op.create_table(
        "client_secrets",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("client_key", _TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hint", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("last_used_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_key"], ["clients.id"], name="fk_client_secrets_client_key", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_client_secrets"),
    )
    op.create_index("ix_client_secrets_client_key", "client_secrets", ["client_key"], unique=False)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("client_id", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("revoked_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_sessions_tenant_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"], unique=False)


def _refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("session_id", _TEXT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("used_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_refresh_tokens_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_refresh_tokens"),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"], unique=False)


def _revoked_tokens() -> None:
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_revoked_tokens_tenant_id"),
        sa.PrimaryKeyConstraint("jti", name="pk_revoked_tokens"),
    )
    op.create_index("ix_revoked_tokens_expires_at", "revoked_tokens", ["expires_at"], unique=False)


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", _TEXT, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("algorithm", _TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("active_from", _INSTANT, nullable=False),
        sa.Column("retired_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_signing_keys_tenant_id"),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.create_index("ix_signing_keys_tenant_id", "signing_keys", ["tenant_id"], unique=False)
