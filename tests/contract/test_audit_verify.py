"""`runplane audit verify` on the log of a real server, and the short spellings of host commands."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import delete, insert, select, update
from typer.main import get_command

from runplane import hosting
from runplane.cli.program import LazyGroup
from runplane.server.audit.tables import audit_log
from runplane.server.commands.audit import BROKEN, ChainNotWhole, verify_log
from runplane.server.commands.failures import CommandFailed
from runplane.server.core.ids import new_id
from runplane.server.settings import Loaded, SettingsError, load_settings
from runplane.server.sql.unit import Unit
from runplane.watching import add_short_commands
from support.cli_tree import leaves
from support.processes import clean_environment
from support.server import Server

pytestmark = pytest.mark.detail

ACCOUNTS = "/api/v1/service-accounts"


def wait_until_sealed(server: Server) -> None:
    """Wait until every record has its place."""
    server.flush()
    deadline = time.monotonic() + 30
    while server.units.read(_waits):
        assert time.monotonic() < deadline, "not sealed within 30 seconds"
        time.sleep(0.02)


def _waits(unit: Unit) -> bool:
    return unit.execute(select(audit_log.c.id).where(audit_log.c.position.is_(None))).first() is not None


def settings(server: Server) -> Loaded:
    return load_settings({}, environ=server.environment)


def verified(server: Server, *heads: str) -> str:
    """What the command says."""
    lines: list[str] = []
    verify_log(settings(server), lines.append, heads)
    return "\n".join(lines)


def damage(server: Server, *statements: Any) -> None:
    """What somebody does who holds the database."""

    def job(unit: Unit) -> None:
        for it in statements:
            unit.execute(it)

    server.units.write(job)


def records(server: Server) -> list[Any]:
    query = select(audit_log).where(audit_log.c.position > 0).order_by(audit_log.c.position)
    return server.units.read(lambda unit: list(unit.execute(query)))


def test_the_log_of_a_server_is_found_whole_and_each_kind_of_damage_is_found(any_server: Server) -> None:
    for number in range(3):
        made = any_server.admin.post(ACCOUNTS, json={"name": f"account-{number}-{new_id()[-12:]}"})
        assert made.status_code == 201
    any_server.admin.delete(f"{ACCOUNTS}/{made.json()['id']}")
    assert any_server.admin.delete(f"{ACCOUNTS}/{new_id()}").status_code == 404
    wait_until_sealed(any_server)
    said = verified(any_server)
    rows = records(any_server)
    assert f"Tenant runai: {len(rows)} records, unbroken from {rows[0].timestamp} to" in said
    head = said.partition("Head: ")[2].split()[0]
    assert verified(any_server, head) == said

    victim = rows[2]
    whole = dict(victim._mapping)
    mine = audit_log.c.id == victim.id
    damage(any_server, update(audit_log).where(mine).values(subject="nobody"))
    with pytest.raises(ChainNotWhole):
        verified(any_server)
    damage(any_server, update(audit_log).where(mine).values(subject=victim.subject))
    assert verified(any_server, head) == said

    damage(any_server, delete(audit_log).where(mine))
    with pytest.raises(ChainNotWhole):
        verified(any_server)
    damage(any_server, insert(audit_log).values(**whole))
    assert verified(any_server, head) == said

    copy = {**whole, "id": new_id(), "position": None}
    damage(any_server, insert(audit_log).values(**copy))
    with pytest.raises(ChainNotWhole):
        verified(any_server)
    damage(any_server, delete(audit_log).where(audit_log.c.id == copy["id"]))
    assert verified(any_server, head) == said


@pytest.mark.slow
def test_exit_codes_and_sentences(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server()
    server.admin.post(ACCOUNTS, json={"name": "account-x"})
    wait_until_sealed(server)
    given = {name.removeprefix("RUNPLANE_"): it for name, it in server.environment.items()}

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "runplane", "audit", "verify", *words]
        environment = clean_environment(**given)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = run()
    assert code == 0, said
    assert "unbroken from" in said
    assert run("--head", "nonsense")[0] == 1
    position = records(server)[0].position
    damage(server, update(audit_log).where(audit_log.c.position == position).values(url="/elsewhere"))
    code, said = run()
    assert code == BROKEN
    assert f"at position {position} was changed" in said


def test_what_cannot_be_checked_is_said(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.stop()
    key = server.data_dir / "key-encryption-key"
    kept = key.read_text()
    key.write_text("A" * 43 + "=\n")
    with pytest.raises(SettingsError, match="key-encryption key"):
        verified(server)
    key.write_text(kept)
    (server.data_dir / "runplane.db").unlink()
    with pytest.raises(CommandFailed, match="There is no database"):
        verified(server)


def test_a_restarted_server_goes_on_with_the_chain(make_server: Callable[..., Server]) -> None:
    server = make_server(audit_retention_days="0")
    server.admin.post(ACCOUNTS, json={"name": "account-before"})
    server.stop()
    # what was recorded last was sealed before the end
    assert "not sealed" not in verified(server)
    before = verified(server).partition("Head: ")[2].split()[0]
    server.start()
    server.admin.post(ACCOUNTS, json={"name": "account-after"})
    wait_until_sealed(server)
    assert verified(server, before).partition("Head: ")[2].split()[0] != before


def test_a_log_that_lost_its_key_cannot_pass_for_one_that_always_had_it(
    make_server: Callable[..., Server],
) -> None:
    """The next start takes the log for that of an older release; when that was is said, and heads differ."""
    server = make_server()
    server.admin.post(ACCOUNTS, json={"name": "account-x"})
    wait_until_sealed(server)
    said = verified(server)
    assert "as it was found" not in said
    head = said.partition("Head: ")[2].split()[0]
    server.stop()
    with closing(sqlite3.connect(server.data_dir / "runplane.db")) as database, database:
        database.execute(
            "UPDATE audit_log SET url = '/elsewhere', digest = NULL, position = NULL, hash = NULL"
        )
        database.execute("DELETE FROM audit_chains")
        database.execute("DELETE FROM audit_keys")
    server.start()
    wait_until_sealed(server)
    assert f"at {time.strftime('%Y-%m-%d', time.gmtime(server.clock.epoch()))}" in verified(server)
    with pytest.raises(ChainNotWhole):
        verified(server, head)


def test_short_spellings_are_the_same_functions() -> None:
    program = typer.Typer(rich_markup_mode=None, cls=LazyGroup)
    program.command("version")(lambda: None)
    add_short_commands(program)
    found = {path: it.callback for path, it in leaves(get_command(program), ()).items()}
    wanted = {
        ("backup",): hosting.backup,
        ("restore",): hosting.restore,
        ("db", "check"): hosting.check,
        ("db", "migrate"): hosting.migrate,
    }
    for path, function in wanted.items():
        assert found[path].__wrapped__ is function or found[path] is function, path


@pytest.mark.slow
def test_the_group_of_the_command_line_and_ours_are_one() -> None:
    command = [sys.executable, "-m", "runplane", "audit", "--help"]
    said = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True).stdout
    assert "  list " in said
    assert "  verify " in said
