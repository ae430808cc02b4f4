"""What every table shares: one MetaData, constraint names, column types, and the table of tenants."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte order on both databases: SQLite compares bytes by default, PostgreSQL follows the locale unless told.
Text = String().with_variant(String(collation="C"), "postgresql")
# An instant of core.clock: fixed width, so that text order is time order.
InstantText = String(24).with_variant(String(24, collation="C"), "postgresql")
# SQLite numbers rows by itself only in a column declared INTEGER.
AutoKey = BigInteger().with_variant(Integer(), "sqlite")

tenants = Table(
    "tenants",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", InstantText, nullable=False),
    # Raised by every change that may alter what a token of this tenant is allowed (sql.freshness).
    Column("version", BigInteger, nullable=False, server_default="0"),
)
