"""Bringing the schema up to date: one Alembic history for both databases, applied under a lock.

All steps run in one transaction, so that a migration cut at any statement leaves the old schema. Alembic is
imported only when there is something to do.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from runplane.server.sql.engine import Database

# The newest revision in `migrations/versions`; a test compares.
HEAD = "0008"
# Any number will do, so long as every release uses the same one.
_LOCK = 7_261_001


class SchemaTooNew(RuntimeError):
    """The database was migrated by a newer release; this one must not touch it."""


def migrate(database: Database) -> None:
    """Create or upgrade the schema. Safe to call from several processes at once. Raises SchemaTooNew."""
    with database.engine.connect() as connection:
        if current(connection) == HEAD:
            return
    with database.engine.begin() as connection:
        lock(connection)
        found = current(connection)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise SchemaTooNew(
                f"The database has schema {found}, made by a newer release; this release knows {HEAD}. "
                "Run the newer release, or restore a backup from before the upgrade."
            )
        _upgrade(connection)


def current(connection: Connection) -> str | None:
    """The revision of a database, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def lock(connection: Connection) -> None:
    """Let one process at a time create things that exist once. Held until the transaction ends."""
    if connection.dialect.name == "postgresql":
        # The engine's time-outs are for requests: a large table takes longer, and so does waiting for it.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    # SQLite: BEGIN IMMEDIATE holds the only write lock there is.


def _upgrade(connection: Connection) -> None:
    # Alembic takes a tenth of a second to import, and most starts have nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
