"""Fixtures for tests that need server processes: real ones, each on data of its own, ended with the test.

A folder of tests has them by importing them in its conftest.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.processes import ServerProcess, database_settings

Start = Callable[..., ServerProcess]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Start]:
    """Call it for a server process that may still be starting, with settings as keyword arguments."""
    made: list[ServerProcess] = []

    def go(data_dir: Path | None = None, **settings: Any) -> ServerProcess:
        made.append(ServerProcess(data_dir or tmp_path / "data", logs=tmp_path, **settings))
        return made[-1]

    yield go
    for it in made:
        it.close()


@pytest.fixture
def start(launch: Start) -> Start:
    """Call it for a server process that answers; a second call starts a replica on the same data."""

    def go(data_dir: Path | None = None, **settings: Any) -> ServerProcess:
        server = launch(data_dir, **settings)
        server.wait_until_ready()
        return server

    return go


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of an empty database, of each kind in turn."""
    return database_settings(request, request.param)
