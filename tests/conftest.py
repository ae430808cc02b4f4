"""Fixtures for every test: databases of both kinds and the shared reference files.

A test whose requirement is missing skips and says why, unless RUNPLANE_REQUIRE (names with commas between)
holds that requirement: then it fails, so that the machine which must run everything cannot pass by skipping.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from httpx._transports import default
from hypothesis import HealthCheck, settings

from support.in_memory import use_memory
from support.postgres import PostgresMissing, PostgresServer
from support.server import any_server, make_server, server
from support.trials import figure, printed

__all__ = ["any_server", "figure", "make_server", "server"]

ROOT = Path(__file__).resolve().parent.parent

# Two cores shared with a server under test make durations vary tenfold: a deadline would measure the machine.
settings.register_profile(
    "fast", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("fast"), max_examples=1000)
settings.load_profile(os.environ.get("RUNPLANE_HYPOTHESIS", "fast"))


def _share_trust() -> None:
    """Have httpx read the list of authorities once, not for each of thousands of clients without TLS.

    It was a third of the suite's time.
    """
    make = httpx.create_ssl_context
    shared = make()

    def create(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        return shared if verify is True and cert is None else make(verify, cert, trust_env)

    default.create_ssl_context = create


_share_trust()
# before anything asks where temporary files go, pytest included
use_memory()


def unavailable(requirement: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where RUNPLANE_REQUIRE names `requirement`."""
    if requirement in os.environ.get("RUNPLANE_REQUIRE", "").replace(" ", "").split(","):
        pytest.fail(f"RUNPLANE_REQUIRE names {requirement}, and it is not here: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a PostgreSQL fixture, so that none slips into the fast set."""
    for item in items:
        if any(name.startswith("postgres_") for name in getattr(item, "fixturenames", ())):
            item.add_marker("postgres")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured (support.trials)."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = printed(it for it in reports if getattr(it, "when", "") == "call")
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """The reference files beside the checkout; skips where they are absent."""
    path = ROOT.parent / "shared" / "reference"
    if not path.is_dir():
        unavailable("reference", "the reference files (../shared/reference) are not beside this checkout")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL cluster of this worker."""
    try:
        server = PostgresServer()
    except PostgresMissing as error:
        unavailable("postgres", str(error))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The cluster's maintenance database, for tests that need a server and no tables."""
    return postgres_server.url


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[Callable[..., str]]:
    """Call it for the URL of a new database; `template=` copies one made by `postgres_server.template()`."""
    made: list[str] = []

    def create(template: str = "template0") -> str:
        made.append(postgres_server.create_database(template))
        return made[-1]

    yield create
    for url in made:
        postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return request.getfixturevalue("postgres_database")()
