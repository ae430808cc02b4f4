"""The databases of older releases, made again from tests/release/fixtures."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from release.old_data import KEK
from support.processes import PUBLIC_URL

FIXTURES = Path(__file__).parent / "fixtures"


class OldDatabase:
    """A database that an older release has filled, and what that release answered."""

    def __init__(self, schema: str, kind: str, url: str) -> None:
        self.schema = schema
        self.url = url
        name = f"schema-{schema}.{kind}"
        self.facts: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
        self._run((FIXTURES / f"{name}.sql").read_text("utf-8"))
        self.settings = {
            "database_url": url.replace("+psycopg", "", 1),
            "keys_key_encryption_key": KEK,
            "public_url": PUBLIC_URL,
        }

    @property
    def file(self) -> Path | None:
        """That of SQLite."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite") else None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives, read beside the server."""
        if self.file is not None:
            with closing(sqlite3.connect(self.file)) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.url.replace("+psycopg", "", 1)) as connection:
            return connection.execute(query.encode()).fetchall()

    def tables(self) -> dict[str, list[str]]:
        """The columns of every table."""
        if self.file is not None:
            query = """SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
                       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"""
        else:
            query = (
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema='public'"
            )
        found: dict[str, list[str]] = {}
        for table, column in self.rows(query):
            found.setdefault(table, []).append(column)
        return found

    def contents(self, tables: dict[str, list[str]]) -> dict[str, list[str]]:
        """All rows, as text in any fixed order, with no more than these columns."""
        return {
            name: sorted(map(repr, self.rows(f'SELECT {", ".join(map(_quoted, columns))} FROM "{name}"')))
            for name, columns in tables.items()
        }

    def _run(self, script: str) -> None:
        if self.file is not None:
            with closing(sqlite3.connect(self.file)) as database:
                database.executescript(script)
        else:
            with psycopg.connect(self.url.replace("+psycopg", "", 1), autocommit=True) as connection:
                connection.execute(script.encode())


def _quoted(name: str) -> str:
    return f'"{name}"'


def fixture_names() -> list[str]:
    """The schemas there are fixtures of, the oldest first."""
    return sorted({it.name.split(".")[0].removeprefix("schema-") for it in FIXTURES.glob("*.sql")})


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def old_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], OldDatabase]:
    """Call it with a schema for a database of it, of each kind in turn."""

    def make(schema: str) -> OldDatabase:
        if request.param == "sqlite":
            (tmp_path / "data").mkdir(mode=0o700, exist_ok=True)
            return OldDatabase(schema, "sqlite", f"sqlite:///{tmp_path / 'data' / 'runplane.db'}")
        return OldDatabase(schema, "postgres", request.getfixturevalue("postgres_database")())

    return make
