"""The schema: migrations make what the tables say, once, whoever starts first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

import runplane.server.answers.tables
import runplane.server.audit.tables
import runplane.server.authz.tables
import runplane.server.identity.browser.tables
import runplane.server.identity.logins.tables
import runplane.server.identity.tables
import runplane.server.identity.trusts.tables
import runplane.server.jobs.tables
import runplane.server.notices.tables
import runplane.server.organization.clusters.tables
import runplane.server.organization.inventory.tables
import runplane.server.organization.node_pools.tables
import runplane.server.organization.reports.tables
import runplane.server.organization.settings.tables
import runplane.server.organization.units.tables  # noqa: F401 - all of these register their tables
from conftest import database_url
from runplane.server import app as server_app
from runplane.server.authz.tables import access_rules, scope_nodes
from runplane.server.identity.tables import signing_keys, users
from runplane.server.settings import load_settings
from runplane.server.sql import migrate as migrating
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import HEAD, OLDEST, SchemaTooNew, current, migrate
from runplane.server.sql.schema import metadata, tenants

# empty, where the other tests of this folder have the schema made
__all__ = ["database_url"]

# as servers, more of them start at once in tests/faults
AT_ONCE = 4
SOURCES = Path(server_app.__file__).parents[2]


def test_the_schema_is_what_the_tables_say(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    with database.engine.connect() as connection:
        # SQLite reports an empty text default in another spelling than it was given.
        options = {"compare_server_default": not database.is_sqlite}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    database.close()


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrating_again_does_nothing(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    migrate(database)
    with database.engine.connect() as connection:
        assert current(connection) == HEAD
    database.close()


@pytest.mark.parametrize("room", ["9999", None], ids=["has no room for this release", "says nothing"])
def test_a_newer_schema_is_refused(database_url: str, room: str | None) -> None:
    database = Database(database_url)
    migrate(database)
    migrated_further(database, room)
    with pytest.raises(SchemaTooNew, match="newer release"):
        migrate(database)
    database.close()


def test_a_newer_schema_with_room_for_this_release_is_left_as_it_is(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    migrated_further(database, HEAD)
    migrate(database)
    with database.engine.connect() as connection:
        assert current(connection) == "9999"
        assert connection.execute(text("SELECT oldest FROM schema_support")).scalar() == HEAD
    database.close()


def test_a_database_from_before_the_note_gets_it(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE schema_support"))
    migrate(database)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT oldest FROM schema_support")).scalars().all() == [OLDEST]
    database.close()


def migrated_further(database: Database, room: str | None) -> None:
    """Leave a database as a newer release would, with a column that this one does not know."""
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE users ADD COLUMN shoe_size INTEGER NOT NULL DEFAULT 42"))
        connection.execute(text("DELETE FROM schema_support"))
        if room is not None:
            connection.execute(text("INSERT INTO schema_support VALUES (:room)"), {"room": room})


def test_a_migration_that_fails_leaves_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(database_url)
    upgrade = migrating._upgrade

    def cut(connection: object) -> None:
        upgrade(connection)  # type: ignore[arg-type]
        raise RuntimeError("cut")

    monkeypatch.setattr(migrating, "_upgrade", cut)
    with pytest.raises(RuntimeError, match="cut"):
        migrate(database)
    with database.engine.connect() as connection:
        assert current(connection) is None
    monkeypatch.setattr(migrating, "_upgrade", upgrade)
    migrate(database)
    database.close()


START = "from runplane.server import app, settings; app.App(settings.load_settings().settings).close()"


@pytest.mark.slow
def test_first_starts_at_once_make_one_of_everything(database_url: str, tmp_path: Path) -> None:
    environment = {"RUNPLANE_DATA_DIR": str(tmp_path / "data"), "RUNPLANE_DATABASE_URL": database_url}
    everything = {**os.environ, **environment, "PYTHONPATH": str(SOURCES)}
    starts = [subprocess.Popen([sys.executable, "-c", START], env=everything) for _ in range(AT_ONCE)]
    assert [start.wait(90) for start in starts] == [0] * AT_ONCE
    database = Database(database_url)
    with database.engine.connect() as connection:
        for table in (tenants, users, signing_keys, access_rules, scope_nodes):
            assert len(connection.execute(select(table)).all()) == 1, table.name
    database.close()
    # the one password that was written opens the one account that was made
    password = (tmp_path / "data" / "initial-admin-password").read_text().strip()
    app = server_app.App(load_settings({}, environment).settings)
    with app.stores.database.engine.connect() as connection:
        stored = connection.execute(select(users.c.password_hash)).scalar_one()
    assert app.identity.hasher.verify(password, stored)
    app.close()
