"""Fixtures for tests in a real browser against a really running, seeded server.

- `console`: the server (support.console), one per worker; make what you change, look at what is there.
- `visit`: call it for a page: `visit("/users")` is signed in as the administrator; `email=None` is nobody,
  `email=console.person("Viewer")`, `password=NEW_PASSWORD` somebody else; `size=(390, 844)`, `dark=True`.
- `page`: a page at `/`, signed in as the administrator.
- `phone`: the same on 390 by 844 points.
- `watch`: `watch.expects("status of 403")` lets a message of the browser pass that the test provokes. What
  leaves the origin, an error in the browser's console and a violation of the content security policy fail
  every test by themselves.
- `support.chromium.assert_accessible(page)`: axe finds nothing serious.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from conftest import unavailable
from support.chromium import AXE, BUNDLE, ChromiumMissing, Watch, chromium, find_chromium
from support.console import Console, Visitor, seeded_console

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and leave time for the seed, which the first test of a worker makes."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def built() -> None:
    """There are a bundle and a browser to look at it with; skips where there are not."""
    try:
        find_chromium()
    except ChromiumMissing as error:
        unavailable("chromium", str(error))
    if not BUNDLE.is_file() or not AXE.is_file():
        unavailable("node", "the console is not built (make console, which needs Node.js 20.19 or newer)")


@pytest.fixture(scope="session")
def console(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A seeded server with the console's bundle."""
    with seeded_console(tmp_path_factory.mktemp("console")) as running:
        yield running


# Not for the session: while the driver runs, tests of other modules could not use `asyncio.run`.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    try:
        with chromium() as running:
            yield running
    except ChromiumMissing as error:
        unavailable("chromium", str(error))


@pytest.fixture
def visitor(console: Console, browser: Browser) -> Iterator[Visitor]:
    """Opens pages, and fails the test for what they must not do."""
    found = Visitor(browser, console)
    yield found
    found.close()


@pytest.fixture
def visit(visitor: Visitor) -> Callable[..., Page]:
    """Call it for a page; see support.console.Visitor.open."""
    return visitor.open


@pytest.fixture
def watch(visitor: Visitor) -> Watch:
    """What the test's pages are watched for."""
    return visitor.watch


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """A page at /, signed in as the administrator."""
    return visitor.open()


@pytest.fixture
def phone(visitor: Visitor) -> Page:
    """The same on a phone."""
    return visitor.open(size=(390, 844))
