"""Migrations expand, so that servers of two releases can share a database; a contract step says so (ADR 32).

Each migration is judged by what it does to a database, not by how it is written: it is applied, and the
schema before and after are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from runplane.server.sql import migrate as migrating
from runplane.server.sql.migrate import HEAD, OLDEST

# In a migration that takes something away: the oldest schema whose release no longer used it.
MARK = "runs_beside"


def configured() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    return config


def steps() -> list[Any]:
    """All migrations, the oldest first."""
    return list(ScriptDirectory.from_config(configured()).walk_revisions())[::-1]


Shape = dict[str, dict[str, Any]]


def shape(connection: sa.Connection) -> Shape:
    """Tables with their columns and the rules that rows have to keep."""
    found: Shape = {}
    looking = sa.inspect(connection)
    for table in looking.get_table_names():
        unique = [tuple(it["column_names"]) for it in looking.get_unique_constraints(table)]
        unique += [tuple(it["column_names"]) for it in looking.get_indexes(table) if it["unique"]]
        found[table] = {
            "columns": {it["name"]: it for it in looking.get_columns(table)},
            "rules": {
                *(("unique", it) for it in unique),
                *(("check", it["sqltext"]) for it in looking.get_check_constraints(table)),
                *(("key to", it["referred_table"]) for it in looking.get_foreign_keys(table)),
            },
        }
    return found


def contractions(before: Shape, after: Shape) -> Iterator[str]:
    """What a release that knows only `before` could trip over in `after`."""
    for table, was in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        columns = after[table]["columns"]
        for name, column in was["columns"].items():
            if name not in columns:
                yield f"{table}.{name} is gone"
            elif str(columns[name]["type"]) != str(column["type"]):
                yield f"{table}.{name} has another type"
            elif column["nullable"] and not columns[name]["nullable"]:
                yield f"{table}.{name} must not be empty any more"
        for name in columns.keys() - was["columns"].keys():
            if not columns[name]["nullable"] and columns[name]["default"] is None:
                yield f"{table}.{name} must be given"
        for kind, what in sorted(after[table]["rules"] - was["rules"], key=str):
            yield f"{table} has a new rule: {kind} {what}"


@pytest.fixture(scope="module")
def history() -> dict[str, list[str]]:
    """What each migration takes away."""
    found: dict[str, list[str]] = {}
    engine = sa.create_engine("sqlite://")
    config = configured()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        before: Shape = {}
        for step in steps():
            command.upgrade(config, step.revision)
            after = shape(connection)
            found[step.revision] = list(contractions(before, after))
            before = after
    engine.dispose()
    return found


def test_a_step_that_takes_something_away_names_the_release_that_did_without_it(
    history: dict[str, list[str]],
) -> None:
    assert len(history) == len(steps()) > 8
    for step in steps():
        mark = getattr(step.module, MARK, None)
        if history[step.revision]:
            assert mark is not None, f"{step.revision}: {history[step.revision]}; see docs/guides/upgrades.md"
        if mark is not None:
            assert mark in history, f"{step.revision}: there is no schema {mark}"
            assert mark < step.revision, f"{step.revision} must not break the release that comes with it"


def test_an_older_release_is_told_what_it_may_run_beside() -> None:
    marks = [mark for step in steps() if (mark := getattr(step.module, MARK, None))]
    assert max(marks, default="0001") <= OLDEST <= HEAD
    assert OLDEST in {step.revision for step in steps()}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP TABLE plants", "plants is gone"),
        ("ALTER TABLE plants DROP COLUMN colour", "plants.colour is gone"),
        ("ALTER TABLE plants RENAME COLUMN colour TO hue", "plants.colour is gone"),
        ("CREATE UNIQUE INDEX one ON plants (colour)", "plants has a new rule: unique ('colour',)"),
    ],
)
def test_a_contract_step_is_seen(statement: str, told: str) -> None:
    assert told in changed(lambda connection: connection.exec_driver_sql(statement))


def test_a_contract_step_of_alembic_is_seen() -> None:
    def harden(connection: sa.Connection) -> None:
        with Operations(MigrationContext.configure(connection)).batch_alter_table("plants") as batch:
            batch.alter_column("colour", nullable=False, existing_type=sa.Text())
            batch.add_column(sa.Column("height", sa.Integer(), nullable=False))

    assert changed(harden) == ["plants.colour must not be empty any more", "plants.height must be given"]


def test_an_expansion_is_none() -> None:
    def expand(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE plants ADD COLUMN height INTEGER NOT NULL DEFAULT 0")
        connection.exec_driver_sql("ALTER TABLE plants ADD COLUMN smell TEXT")
        connection.exec_driver_sql("CREATE TABLE pots (id INTEGER PRIMARY KEY, size INTEGER NOT NULL)")
        connection.exec_driver_sql("CREATE INDEX by_colour ON plants (colour)")

    assert changed(expand) == []


def changed(step: Any) -> list[str]:
    """What `step` takes away from a table with a number and a colour."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE plants (id INTEGER PRIMARY KEY, colour TEXT)")
        before = shape(connection)
        step(connection)
        after = shape(connection)
    engine.dispose()
    return list(contractions(before, after))
