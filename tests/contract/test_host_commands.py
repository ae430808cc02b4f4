"""`runplane admin` beyond the password: recovering, backing up, restoring, checking; on a real database."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import inspect, update
from typer.main import get_command

from runplane.hosting import add_host_commands
from runplane.server.commands import backup as backups
from runplane.server.commands.admin import recover, reset_password
from runplane.server.commands.backup import backup, restore
from runplane.server.commands.database import check, upgrade
from runplane.server.commands.failures import CommandFailed, RestartAllNeeded
from runplane.server.identity.tables import users
from runplane.server.settings import Loaded, load_settings
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import HEAD
from support.cli_tree import leaves
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.detail

USERS = "/api/v1/users"


def settings(server: Server) -> Loaded:
    """The settings that commands on the host of a server are given."""
    return load_settings({}, environ=server.environment)


def told(run: Callable[..., None], *arguments: Any) -> str:
    """What a command says."""
    lines: list[str] = []
    run(*arguments, lines.append)
    return "\n".join(lines)


def names(server: Server) -> set[str]:
    """The users of a server."""
    return {it["username"] for it in server.admin.get(USERS).json()}


def add(server: Server, email: str) -> None:
    assert server.admin.post(USERS, json={"email": email}).status_code == 201


def tables(url: str) -> list[str]:
    """The tables of a database that no server has open."""
    database = Database(url)
    try:
        return inspect(database.engine).get_table_names()
    finally:
        database.close()


def temporary(said: str) -> str:
    return said.partition("Temporary password: ")[2].split()[0]


def roles_of(server: Server, email: str) -> list[str]:
    found = server.admin.get(f"/api/v1/authorization/access-rules?filterBy=subjectId=={email}").json()
    return [it["roleName"] for it in found["accessRules"]]


def test_every_command_has_an_example_that_can_be_parsed() -> None:
    program = typer.Typer(rich_markup_mode=None)
    add_host_commands(program)
    found = leaves(get_command(program), ())
    assert {*found} == {
        ("recover",),
        ("backup",),
        ("restore",),
        ("rotate-keys",),
        ("rotate-kek",),
        ("notices", "test"),
        ("db", "check"),
        ("db", "migrate"),
    }
    for path, command in found.items():
        lines = command.help.partition("Example")[2].splitlines()
        examples = [it.strip() for it in lines if "runplane" in it]
        assert examples, path
        for it in examples:
            words = it.split()
            assert words[: 2 + len(path)] == ["runplane", "admin", *path]
            command.make_context(path[-1], words[2 + len(path) :])


def test_a_new_administrator_can_be_made(any_server: Server) -> None:
    password = temporary(told(recover, settings(any_server), " Rescue@example.com "))
    assert any_server.token("rescue@example.com", password)
    assert roles_of(any_server, "Rescue@example.com") == ["System administrator"]
    any_server.flush()
    (row,) = any_server.audit(action="recover", entity_name="Rescue@example.com")
    assert row["subject"] == "runplane admin"
    assert password not in str(row)


def test_a_user_without_rights_becomes_administrator_once(any_server: Server) -> None:
    add(any_server, "plain@example.com")
    for _ in range(2):
        password = temporary(told(recover, settings(any_server), "plain@example.com"))
        assert any_server.token("plain@example.com", password)
        assert roles_of(any_server, "plain@example.com") == ["System administrator"]
    any_server.flush()
    rows = any_server.audit(action="recover", entity_name="plain@example.com")
    fields = [json.loads(it["metadata"])["fields"] for it in rows]
    assert fields == ["password, access rule", "password"]


def test_recovering_refuses_what_is_no_address(any_server: Server) -> None:
    with pytest.raises(CommandFailed, match="must be an e-mail address"):
        told(recover, settings(any_server), "plain")


@pytest.mark.parametrize("command", [recover, reset_password])
def test_a_password_that_is_kept_elsewhere_stays_there(
    any_server: Server, command: Callable[..., None]
) -> None:
    email = f"elsewhere-{command.__name__}@example.com"
    add(any_server, email)

    def job(unit: Any) -> None:
        unit.execute(update(users).where(users.c.email == email).values(is_local=False))

    any_server.units.write(job)
    with pytest.raises(CommandFailed, match="identity provider"):
        told(command, settings(any_server), email)


def test_a_backup_is_taken_under_load_and_comes_back(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server()
    add(server, "kept@example.com")
    file = tmp_path / "runplane.backup"
    said = told(backup, settings(server), file)
    assert f"schema {HEAD}" in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [it.name for it in tmp_path.glob("runplane.backup*")] == [file.name]
    add(server, "later@example.com")
    with pytest.raises(CommandFailed, match="in use; stop the server"):
        told(restore, settings(server), file, None)
    server.stop()
    said = told(restore, settings(server), file, None)
    kept = Path(said.partition("before is ")[2].splitlines()[0].rstrip("."))
    server.start()
    assert {"kept@example.com", ADMIN_EMAIL} == names(server)
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT count(*) FROM users").fetchone() == (3,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("there", [True, False])
def test_a_restored_database_belongs_to_whom_the_old_one_did(
    make_server: Callable[..., Server], tmp_path: Path, there: bool
) -> None:
    """Root may run the command, and the server must be able to write to the database afterwards."""
    server = make_server()
    file, database = tmp_path / "backup.db", server.data_dir / "runplane.db"
    told(backup, settings(server), file)
    server.stop()
    os.chown(server.data_dir, 4711, 4712)
    os.chown(database, 4711, 4712)
    if not there:
        database.unlink()
    told(restore, settings(server), file, None)
    found = database.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (4711, 4712, 0o600)


def test_writes_go_on_while_a_backup_is_made(
    make_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server()
    written: list[str] = []

    class Slow(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **options: Any) -> None:
            def between(_status: int, left: int, _total: int) -> None:
                if left and len(written) < 3:
                    written.append(f"user{len(written)}@example.com")
                    add(server, written[-1])

            super().backup(target, pages=8, progress=between, sleep=options["sleep"])

    real = sqlite3.connect
    monkeypatch.setattr(backups.sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Slow))
    file = tmp_path / "busy.db"
    told(backup, settings(server), file)
    assert len(written) == 3
    with closing(real(file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM users").fetchone() == (4,)


def test_a_backup_overwrites_nothing(make_server: Callable[..., Server], tmp_path: Path) -> None:
    file = tmp_path / "there"
    file.write_text("mine")
    with pytest.raises(CommandFailed, match="exists already"):
        told(backup, settings(make_server()), file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("damage", ["cut", "text", "newer", "foreign"])
def test_what_is_no_backup_replaces_nothing(
    make_server: Callable[..., Server], tmp_path: Path, damage: str
) -> None:
    server = make_server()
    file = tmp_path / "bad"
    told(backup, settings(server), file)
    server.stop()
    if damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "text":
        file.write_text("no database")
    elif damage == "foreign":
        file.unlink()
        with closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE t (a)")
    else:
        with closing(sqlite3.connect(file)) as newer, newer:
            newer.execute("UPDATE alembic_version SET version_num = '9999'")
    said = "newer release" if damage == "newer" else "is no SQLite|is damaged"
    with pytest.raises(CommandFailed, match=said):
        told(restore, settings(server), file, None)
    server.start()
    assert server.token(ADMIN_EMAIL, ADMIN_PASSWORD)


def test_a_restore_takes_no_for_an_answer(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server()
    file = tmp_path / "asked"
    told(backup, settings(server), file)
    server.stop()
    with pytest.raises(CommandFailed, match="Nothing was restored"):
        told(restore, settings(server), file, lambda _: False)
    # an answer that comes from a pipe may be anybody's
    given = [
        sys.executable,
        "-m",
        "runplane",
        "admin",
        "restore",
        str(file),
        "--data-dir",
        str(server.data_dir),
    ]
    done = subprocess.run(given, input="y\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "There is no terminal to ask on; give --yes.\n")


def test_a_database_is_checked_beside_its_server(any_server: Server) -> None:
    assert "is sound" in told(check, settings(any_server))
    assert f"The schema is {HEAD}; it was up to date" in told(upgrade, settings(any_server))


def test_a_check_finds_what_is_wrong(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server()
    server.stop()
    file = server.data_dir / "runplane.db"
    key = server.data_dir / "key-encryption-key"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE access_rules SET tenant_id = 77")
    with pytest.raises(CommandFailed, match="is damaged"):
        told(check, settings(server))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE access_rules SET tenant_id = 1001")
        database.execute("UPDATE alembic_version SET version_num = '0005'")
    with pytest.raises(RestartAllNeeded, match=r"not up to date.* stop all of them"):
        told(check, settings(server))
    shutil.move(file, tmp_path)
    with pytest.raises(CommandFailed, match="There is no database"):
        told(check, settings(server))
    assert key.exists()


@pytest.mark.postgres
def test_postgresql_is_backed_up_and_restored(
    postgres_database: Callable[..., str], make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server(database_url=postgres_database())
    add(server, "kept@example.com")
    file = tmp_path / "runplane.dump"
    told(backup, settings(server), file)
    add(server, "later@example.com")
    with pytest.raises(CommandFailed, match="in use"):
        told(restore, settings(server), file, None)
    server.stop()
    told(restore, settings(server), file, None)
    server.start()
    assert {"kept@example.com", ADMIN_EMAIL} == names(server)


@pytest.mark.postgres
def test_what_came_after_a_postgresql_backup_is_gone(
    postgres_database: Callable[..., str], make_server: Callable[..., Server], tmp_path: Path
) -> None:
    """A backup from before an upgrade: the newer schema's tables are not in it, and hang on older ones."""
    server = make_server(database_url=postgres_database())
    file, url = tmp_path / "runplane.dump", server.app.settings.database_url
    told(backup, settings(server), file)
    with server.app.stores.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE later (id varchar REFERENCES clients (id))")
        connection.exec_driver_sql("CREATE VIEW newest AS SELECT id FROM later")
    server.stop()
    told(restore, settings(server), file, None)
    assert "later" not in tables(url)
    server.start()
    assert {ADMIN_EMAIL} == names(server)


@pytest.mark.postgres
def test_a_postgresql_backup_that_breaks_off_replaces_nothing(
    postgres_database: Callable[..., str], make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server(database_url=postgres_database())
    add(server, "kept@example.com")
    file = tmp_path / "runplane.dump"
    told(backup, settings(server), file)
    whole = file.read_bytes()
    # the table of contents is at the beginning and lists well; the data are cut
    file.write_bytes(whole[: len(whole) * 3 // 4])
    server.stop()
    with pytest.raises(CommandFailed):
        told(restore, settings(server), file, None)
    server.start()
    assert {"kept@example.com", ADMIN_EMAIL} == names(server)


@pytest.mark.postgres
def test_a_missing_program_is_named(
    postgres_database: Callable[..., str],
    make_server: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = make_server(database_url=postgres_database())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandFailed, match="pg_dump is not installed"):
        told(backup, settings(server), tmp_path / "dump")
    assert list(tmp_path.glob("dump*")) == []
