"""Bringing the schema up to date: one Alembic history for both databases, applied under a lock.

All steps run in one transaction, so that a migration cut at any statement leaves the old schema. Alembic is
imported only when there is something to do.

The database also keeps the oldest schema whose release may run beside the present one (ADR 32), in a table
that no migration makes: an older release reads it before it knows anything else about a newer schema.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, Table, insert, inspect, select, text

from runplane.server.sql.engine import PATIENCE, READING, Database
from runplane.server.sql.schema import Text, metadata

# The newest revision in `migrations/versions`; a test compares.
HEAD = "0010"
# The oldest schema whose release may run beside HEAD. A contract step raises it; tests/architecture holds the
# two together. Nothing before 0008 was ever tested beside another release.
OLDEST = "0008"
# Any number will do, so long as every release uses the same one.
_LOCK = 7_261_001
_PATIENCE_SECONDS = 3600

_support = Table("schema_support", metadata, Column("oldest", Text, primary_key=True))


class SchemaTooNew(RuntimeError):
    """The database was migrated by a newer release; this one must not touch it."""


def migrate(database: Database) -> None:
    """Create or upgrade the schema. Safe to call from several processes at once. Raises SchemaTooNew.

    A newer schema that says it has room for this release is left as it is.
    """
    with database.engine.connect().execution_options(**{READING: True}) as connection:
        found = current(connection)
        if found == HEAD and _oldest(connection) == OLDEST:
            return
    # Requests soon give up waiting for SQLite's write lock; what is waited for here is a migration.
    patient = database.engine.execution_options(**{PATIENCE: _PATIENCE_SECONDS})
    with patient.begin() as connection:
        lock(connection)
        found = current(connection)
        if found is not None and found > HEAD:
            _stand_beside(connection, found)
            return
        if found != HEAD:
            _upgrade(connection)
        _support.create(connection, checkfirst=True)
        connection.execute(_support.delete())
        connection.execute(insert(_support).values(oldest=OLDEST))


def restart_all(found: str | None) -> bool:
    """Whether every server of schema `found` has to be stopped before this release migrates its database."""
    return found is not None and found < OLDEST


def judge(database: Database) -> None:
    """Raises SchemaTooNew where a database has a newer schema without room for this release."""
    with database.engine.connect() as connection:
        found = current(connection)
        if found is not None and found > HEAD:
            _stand_beside(connection, found)


def current(connection: Connection) -> str | None:
    """The revision of a database, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _oldest(connection: Connection) -> str | None:
    """The oldest schema whose release may run on this database; None where no release has said."""
    if not inspect(connection).has_table(_support.name):
        return None
    return connection.execute(select(_support.c.oldest)).scalar()


def _stand_beside(connection: Connection, found: str) -> None:
    """Raises SchemaTooNew unless the newer schema `found` has room for this release."""
    oldest = _oldest(connection)
    if oldest is None or oldest > HEAD:
        raise SchemaTooNew(
            f"The database has schema {found}, made by a newer release that this one, with schema {HEAD}, "
            "may not run beside. Run the newer release, or restore a backup from before the upgrade."
        )


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
