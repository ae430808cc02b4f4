"""An upgrade that is killed at any statement: the old schema stays, and the next start completes it.

The databases are those of older releases (tests/release/fixtures), and an empty one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from release.loading import OldDatabase, fixture_names
from runplane.server.sql.migrate import HEAD
from support.cutting import NEVER, Cutter, cutter
from support.launching import Start
from support.trials import FULL, Figure

Dump = dict[str, Any]

SCHEMAS = fixture_names() if FULL else fixture_names()[:1]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def killer() -> Iterator[Cutter]:
    with cutter() as it:
        yield it


def chosen(statements: int) -> list[int]:
    """At which statements to cut: each, or in the suite four of them, the commit always."""
    if FULL:
        return list(range(1, statements + 1))
    return sorted({1 + (statements - 1) * step // 3 for step in range(4)})


def dump_sqlite(file: Path) -> Dump:
    """Every table's definition and rows."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        schema = sorted(
            database.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        )
        tables = [it for (it,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {it: sorted(map(repr, database.execute(f'SELECT * FROM "{it}"'))) for it in tables}
    return {"schema": schema, "rows": rows}


def dump_postgres(url: str) -> Dump:
    """Every table's columns, indexes, constraints and rows."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as database:
        schema = [
            database.execute(query).fetchall()
            for query in (
                """SELECT table_name, column_name, data_type, is_nullable, column_default
                   FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2""",
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
                """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
                   WHERE connamespace = 'public'::regnamespace ORDER BY 1""",
            )
        ]
        query = b"SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [str(it) for (it,) in database.execute(query)]
        rows = {it: sorted(map(repr, database.execute(f'SELECT * FROM "{it}"'.encode()))) for it in tables}
    return {"schema": schema, "rows": rows}


def check_every_cut(
    killer: Cutter, copy: Callable[[], str], dump: Callable[[str], Dump], figure: Figure
) -> str:
    """Cut the migration of copies of a database; returns the URL of one that was cut and then migrated."""
    whole = copy()
    before = dump(whole)
    statements = killer.migrate(whole)
    assert statements > 20, "there was nothing to migrate"
    after = dump(whole)
    assert after != before
    cuts = chosen(statements)
    url = whole
    for number in cuts:
        url = copy()
        assert killer.migrate(url, number) == NEVER
        assert dump(url) == before, f"the cut at statement {number} left something behind"
        killer.migrate(url)
        assert dump(url) == after, f"after the cut at statement {number} the migration gave something else"
    figure("statements of the upgrade", f"{statements}, cut at {len(cuts)} of them")
    return url


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_upgrade_on_sqlite(
    killer: Cutter, start: Start, tmp_path: Path, figure: Figure, schema: str
) -> None:
    old = OldDatabase(schema, "sqlite", f"sqlite:///{tmp_path / 'old.db'}")
    made: list[Path] = []

    def copy() -> str:
        made.append(tmp_path / f"copy{len(made)}.db")
        shutil.copyfile(tmp_path / "old.db", made[-1])
        return f"sqlite:///{made[-1]}"

    url = check_every_cut(killer, copy, lambda it: dump_sqlite(Path(it.removeprefix("sqlite:///"))), figure)
    server = start(**old.settings | {"database_url": url})
    assert server.client().get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_upgrade_on_postgresql(
    killer: Cutter,
    start: Start,
    postgres_database: Callable[..., str],
    figure: Figure,
    schema: str,
) -> None:
    origin = postgres_database()
    old = OldDatabase(schema, "postgres", origin)
    name = origin.rpartition("/")[2]

    url = check_every_cut(killer, lambda: postgres_database(name), dump_postgres, figure)
    server = start(**old.settings | {"database_url": url.replace("+psycopg", "", 1)})
    assert server.client().get("/readyz").json() == {"status": "ready"}


def test_the_first_migration_of_all(killer: Cutter, start: Start, tmp_path: Path, figure: Figure) -> None:
    """From an empty file, where even the table of versions is new."""
    made: list[Path] = []

    def copy() -> str:
        made.append(tmp_path / f"new{len(made)}.db")
        with closing(sqlite3.connect(made[-1])) as database:
            database.execute("PRAGMA journal_mode=WAL")
        return f"sqlite:///{made[-1]}"

    url = check_every_cut(killer, copy, lambda it: dump_sqlite(Path(it.removeprefix("sqlite:///"))), figure)
    found = dump_sqlite(made[-1])
    assert found["rows"]["alembic_version"] == [f"('{HEAD}',)"]
    assert start(database_url=url).admin.get("/api/v1/users").status_code == 200
