"""Databases of older releases become databases of this one; rows, tokens and credentials stay."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from release.loading import FIXTURES, OldDatabase, fixture_names
from release.old_data import read_lists
from runplane.server.commands.database import check, upgrade
from runplane.server.commands.failures import RESTART_ALL, RestartAllNeeded
from runplane.server.settings import load_settings
from runplane.server.sql import migrate as migrating
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import HEAD, OLDEST, SchemaTooNew, current, migrate
from support.processes import NEW_PASSWORD
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server, ShiftedClock

Make = Callable[[str], OldDatabase]

pytestmark = pytest.mark.slow


class ServerThen(Server):
    """The present server on an older database, on the day that database was made: its tokens live an hour."""

    def __init__(self, data_dir: Path, old: OldDatabase) -> None:
        self._then = old.facts["epoch"] + 60
        super().__init__(data_dir, **old.settings)

    def start(self) -> None:
        self.clock = ShiftedClock()
        self.clock.offset = self._then - time.time()
        super().start()


@pytest.mark.parametrize("schema", fixture_names())
def test_an_older_database_keeps_its_rows(schema: str, old_database: Make) -> None:
    old = old_database(schema)
    tables = old.tables()
    before = old.contents(tables)
    assert sum(map(len, before.values())) > 50
    database = Database(old.url)
    migrate(database)
    database.close()
    after = old.contents(tables)
    assert before.pop("alembic_version") != after.pop("alembic_version")
    assert after == before


@pytest.mark.parametrize("schema", fixture_names())
def test_an_older_database_serves_as_before(schema: str, old_database: Make, tmp_path: Path) -> None:
    old = old_database(schema)
    server = ServerThen(tmp_path / "data", old)
    try:
        _tokens_open_what_they_did(server, old.facts)
        _credentials_open_what_they_did(server, old.facts)
        _lists_say_what_they_did(server, old.facts)
        server.flush()
        answer = server.admin.get(
            "/api/v1/audit/log/file", params={"start": "2000-01-01", "end": "2100-01-01", "fileType": "JSON"}
        )
        assert len(answer.json()) >= old.facts["audited"]
    finally:
        server.stop()


def _tokens_open_what_they_did(server: Server, facts: dict[str, Any]) -> None:
    """Tokens that the older release signed, as long as they live."""
    for token in facts["tokens"]:
        answer = server.client(token).get("/api/v1/authorization/me/access-rules")
        assert answer.status_code == 200, answer.text
    refreshed = server.client().post(
        "/api/v1/token", json={"grantType": "refresh_token", "refreshToken": facts["refresh_token"]}
    )
    assert refreshed.status_code == 200, refreshed.text


def _credentials_open_what_they_did(server: Server, facts: dict[str, Any]) -> None:
    for client in facts["clients"]:
        assert server.client_token(client["clientId"], client["clientSecret"])
    assert server.token(**facts["password"])
    assert server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    wrong = {**facts["password"], "password": NEW_PASSWORD + "!"}
    refused = server.client().post("/api/v1/token", json={"grantType": "password", **wrong})
    assert refused.status_code == 400


def _lists_say_what_they_did(server: Server, facts: dict[str, Any]) -> None:
    """Everything that was answered then, is; a newer release may say more."""
    present = read_lists(server.admin)  # type: ignore[arg-type]
    for path, then in facts["lists"].items():
        assert then, path
        now = {str(it.get("id") or it.get("uuid")): it for it in present[path]}
        for item in then:
            found = now[str(item.get("id") or item.get("uuid"))]
            assert _without_times(item).items() <= _without_times(found).items(), path


def _without_times(item: dict[str, Any]) -> dict[str, Any]:
    """What a list says of a thing, without when it was last used and how it is at this moment."""
    moving = ("lastLogin", "lastLiveness", "status", "updatedAt", "lastUsedAt", "lastUsed")
    return {name: repr(value) for name, value in item.items() if name not in moving}


def test_data_of_the_very_first_schema_comes_along(tmp_path: Path) -> None:
    """No release had schema 0001 alone; its tables get the rows that the first release wrote into them."""
    old = OldDatabase("0003", "sqlite", f"sqlite:///{tmp_path / 'source.db'}")
    database = Database(f"sqlite:///{tmp_path / 'first.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    target = OldDatabase.__new__(OldDatabase)
    target.url = f"sqlite:///{tmp_path / 'first.db'}"
    tables = {name: columns for name, columns in target.tables().items() if name != "alembic_version"}
    with database.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = on")
        for name, columns in tables.items():
            listed = ", ".join(f'"{it}"' for it in columns)
            for row in old.rows(f'SELECT {listed} FROM "{name}"'):
                marks = ", ".join("?" * len(columns))
                connection.exec_driver_sql(f'INSERT INTO "{name}" ({listed}) VALUES ({marks})', row)
    before = target.contents(tables)
    assert len(before) > 8
    assert before["users"]
    migrate(database)
    assert target.contents(tables) == before
    with database.engine.connect() as connection:
        assert current(connection) == HEAD
    database.close()


def test_the_check_tells_a_rolling_upgrade_from_one_that_stops_everything(
    old_database: Make, tmp_path: Path
) -> None:
    said: list[str] = []
    rolling = old_database(OLDEST)
    check(_loaded(rolling, tmp_path), said.append)
    assert "This release can be rolled out" in "\n".join(said)
    upgrade(_loaded(rolling, tmp_path), said.append)
    said.clear()
    check(_loaded(rolling, tmp_path), said.append)
    assert "rolled out" not in "\n".join(said)


def test_the_check_of_a_schema_that_cannot_be_rolled_ends_with_its_own_code(
    old_database: Make, tmp_path: Path
) -> None:
    assert fixture_names()[0] < OLDEST
    with pytest.raises(RestartAllNeeded, match="stop all of them") as stopped:
        check(_loaded(old_database(fixture_names()[0]), tmp_path), str)
    assert stopped.value.code == RESTART_ALL == 8


def test_a_server_goes_on_and_starts_again_beside_a_newer_one(old_database: Make, tmp_path: Path) -> None:
    """What a rolling upgrade to the next release does to the replicas of this one."""
    old = old_database(OLDEST)
    server = ServerThen(tmp_path / "data", old)
    _further(old, room=HEAD)
    try:
        assert server.admin.post("/api/v1/users", json={"email": "while@example.org"}).status_code == 201
        server.restart()
        assert server.admin.post("/api/v1/users", json={"email": "after@example.org"}).status_code == 201
        check(_loaded(old, tmp_path), (said := []).append)
        assert "this one may run beside" in said[1]
        server.stop()
        _further(old, room="9999")
        with pytest.raises(SchemaTooNew, match="may not run beside"):
            server.start()
    finally:
        server.stop()


def _further(old: OldDatabase, room: str) -> None:
    """Migrate a database further than this release knows, with room for schemas since `room`."""
    database = Database(old.url)
    with database.engine.begin() as connection:
        if current(connection) == HEAD:
            connection.execute(text("ALTER TABLE users ADD COLUMN shoe_size INTEGER NOT NULL DEFAULT 42"))
            connection.execute(text("CREATE TABLE shoes (id INTEGER PRIMARY KEY)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE schema_support SET oldest = :room"), {"room": room})
    database.close()


def _loaded(old: OldDatabase, folder: Path) -> Any:
    environment = {f"RUNPLANE_{name.upper()}": value for name, value in old.settings.items()}
    return load_settings({}, environment | {"RUNPLANE_DATA_DIR": str(folder / "data")})


def test_fixtures_hold_no_time_of_the_machine_they_were_made_on() -> None:
    """They are committed: nothing in them may name a folder or an account of their maker."""
    for file in FIXTURES.iterdir():
        assert not re.search(r"/(tmp|home|[w]ork)/", file.read_text("utf-8")), file.name
