"""These databases have the schema already, as copies of one: making it takes longer than most tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.server import empty_database, migrated


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with the schema and nothing in it, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        path.write_bytes(empty_database())
        return f"sqlite:///{path}"
    cluster = request.getfixturevalue("postgres_server")
    return request.getfixturevalue("postgres_database")(cluster.template("schema", migrated))
