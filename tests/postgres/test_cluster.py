"""The fixtures themselves: databases are apart, templates are copied, a missing server is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from support.postgres import PostgresServer


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_two_databases_are_apart(postgres_database: Callable[..., str]) -> None:
    first, second = postgres_database(), postgres_database()
    rows(first, "CREATE TABLE here (id int)")
    assert rows(second, "SELECT to_regclass('here')") == [(None,)]


def test_a_template_is_prepared_once_and_copied(
    postgres_server: PostgresServer, postgres_database: Callable[..., str]
) -> None:
    calls: list[str] = []

    def prepare(url: str) -> None:
        calls.append(url)
        rows(url, "CREATE TABLE made AS SELECT 7 AS number")

    for _ in range(2):
        name = postgres_server.template("test_cluster", prepare)
        assert rows(postgres_database(template=name), "SELECT number FROM made") == [(7,)]
    assert len(calls) == 1


def test_commits_are_durable(postgres_url: str) -> None:
    assert rows(postgres_url, "SHOW fsync") == [("on",)]


def test_sqlalchemy_opens_both_kinds(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(("required", "outcome"), [("", "skipped"), ("postgres", "errors")])
def test_a_missing_server_skips_unless_it_is_required(tmp_path: Path, required: str, outcome: str) -> None:
    """Run one test of this file in a process that finds no server programs."""
    blind = tmp_path / "blind.py"
    blind.write_text(
        "import support.postgres as p\n"
        "def find_programs():\n    raise p.PostgresMissing('none for this test')\n"
        "p.find_programs = find_programs\n"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "pytest", "-p", "blind", "-p", "no:cacheprovider", "-q", __file__]
    environment = os.environ | {
        "RUNPLANE_REQUIRE": required,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{root / 'tests'}",
    }
    result = subprocess.run(
        [*command, "-k", "commits_are_durable"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    words = {"skipped": "1 skipped", "errors": "1 error"}
    assert words[outcome] in result.stdout, result.stdout
    assert (result.returncode != 0) is (outcome == "errors")
    assert "none for this test" in result.stdout
