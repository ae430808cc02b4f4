"""Looking at a database without changing it, and its address for the programs of PostgreSQL.

Opening a database the usual way brings its schema up to date; whoever asks whether that is needed must not
find that it has just happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runplane.server.sql.address import parse
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import current


@dataclass(frozen=True, slots=True)
class Found:
    """The schema of a database (None: it is empty), and sentences about what is broken in it."""

    schema: str | None
    faults: tuple[str, ...]


def look(database: Database) -> Found:
    """The state of a database. Reads all of it on SQLite. Raises the errors of the database."""
    with database.engine.connect() as connection:
        schema = current(connection)
        if not database.is_sqlite:
            # PostgreSQL checks its own pages, where it was told to; there is no statement for all of it.
            return Found(schema, ())
        pages: list[Any] = list(connection.exec_driver_sql("PRAGMA integrity_check").scalars())
        rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    faults = [str(it) for it in pages if it != "ok"]
    faults += [f"{table}: row {row} belongs to a missing row of {parent}" for table, row, parent, _ in rows]
    return Found(schema, tuple(faults))


def in_use(database: Database) -> bool:
    """Whether anybody else is connected to a PostgreSQL database. Raises the errors of the database."""
    others = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    with database.engine.connect() as connection:
        return bool(connection.exec_driver_sql(others).scalar())


def postgres_address(url: str) -> tuple[str, str]:
    """The address without its password, for an argument that everybody on the host can read; the password."""
    return parse(url).for_programs()
