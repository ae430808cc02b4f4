"""One world for all authorization tests of a worker: making it takes about a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authz.things import Things
from authz.world import World, build
from support.server import Server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The scope tree, the second tenant and the personas, on a server of their own."""
    running = Server(tmp_path_factory.mktemp("world"))
    made = build(running)
    yield made
    made.caller.close()
    running.stop()


@pytest.fixture(scope="session")
def things(world: World) -> Things:
    """What requests act on."""
    return Things(world)
